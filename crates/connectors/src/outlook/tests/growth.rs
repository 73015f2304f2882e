//! What it takes to tell many changes of one second, by counts: a select-all, a rule, an import.

use super::{Outlook, at, cursor, resource};
use crate::script::now;
use crate::{
    Archive, Call, Connector, Error, Http, HttpError, HttpRequest, HttpResponse, Past, Scratch, ToldPage,
};
use async_trait::async_trait;
use chrono::DateTime;
use domain::annex::AnnexPart;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Steps of one run.
const STEPS_COUNT: usize = 40;
/// When all of it happened, seconds before now.
const CROWDED_S_AGO: i64 = 60;

/// A list in the order of modification, of which pages are asked by time and place.
#[derive(Default)]
struct Crowd {
    /// Second, id and change key.
    rows: Mutex<Vec<(i64, usize, usize)>>,
    requests_count: AtomicUsize,
    rows_count: AtomicUsize,
}

impl Crowd {
    fn of(count: usize) -> Self {
        let second = at().timestamp() - CROWDED_S_AGO;
        Crowd { rows: Mutex::new((0..count).map(|id| (second, id, 0)).collect()), ..Crowd::default() }
    }

    /// Those at these places are modified now.
    fn modify(&self, places: impl Iterator<Item = usize>, second: i64) {
        let mut rows = self.rows.lock().unwrap();
        let places: Vec<usize> = places.filter(|place| *place < rows.len()).collect();
        for place in places {
            let row = &mut rows[place];
            *row = (second, row.1, row.2 + 1);
        }
        rows.sort_by_key(|row| row.0);
    }
}

/// What follows a word in a url, up to the next parameter or space.
fn word_after<'a>(url: &'a str, word: &str) -> Option<&'a str> {
    let rest = url.split_once(word)?.1;
    rest.split('&').next()?.split("%20").next()
}

fn second(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(&text.replace("%3A", ":")).unwrap().timestamp()
}

#[async_trait]
impl Http for Crowd {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let number = |word: &str| word_after(&request.url, word).map(|text| text.parse::<usize>().unwrap());
        let from = second(word_after(&request.url, "%20ge%20").unwrap());
        let until = word_after(&request.url, "%20lt%20").map_or(i64::MAX, second);
        let (skip, top) = (number("$skip=").unwrap_or(0), number("$top=").unwrap());
        let rows = self.rows.lock().unwrap();
        let found = rows.iter().filter(|row| (from..until).contains(&row.0)).skip(skip);
        let is_last = found.clone().count() <= top;
        let shown: Vec<Value> = found.take(top).map(|(second, id, key)| {
            let time = DateTime::from_timestamp(*second, 0).unwrap().to_rfc3339();
            json!({ "id": format!("m{id}"), "changeKey": key.to_string(), "lastModifiedDateTime": time, "receivedDateTime": time })
        }).collect();
        self.requests_count.fetch_add(1, Relaxed);
        self.rows_count.fetch_add(shown.len(), Relaxed);
        let mut headers = http::HeaderMap::new();
        headers.insert("date", http::HeaderValue::from_static(super::DATE));
        let mut body = json!({ "value": shown });
        if !is_last {
            let (before, after) = request.url.split_once("&$skip=").unwrap_or((&request.url, ""));
            let others = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            body["@odata.nextLink"] = format!("{before}{others}&$skip={}", skip + top).into();
        }
        let body = body.to_string();
        Ok(HttpResponse { status: 200, headers, body: body.into() })
    }
}

/// Parts of an annex, and how many bytes were read of them.
#[derive(Default)]
struct Parts {
    parts: Mutex<HashMap<String, String>>,
    read_bytes: AtomicUsize,
}

impl Parts {
    fn store(&self, parts: Vec<AnnexPart>) -> usize {
        let bytes = parts.iter().map(|part| part.text.len()).sum();
        self.parts.lock().unwrap().extend(parts.into_iter().map(|part| (part.name, part.text)));
        bytes
    }
}

#[async_trait]
impl Archive for Parts {
    async fn told(&self, _before: Option<u64>) -> Result<ToldPage, Error> {
        Ok(ToldPage::default())
    }

    async fn annex(&self, names: &[String]) -> Result<Vec<Option<String>>, Error> {
        let parts = self.parts.lock().unwrap();
        let found: Vec<Option<String>> = names.iter().map(|name| parts.get(name).cloned()).collect();
        self.read_bytes.fetch_add(found.iter().flatten().map(String::len).sum(), Relaxed);
        Ok(found)
    }
}

/// What it took.
#[derive(Default, Debug)]
struct CrowdTold {
    /// How often each state was told, by id and change key.
    times: BTreeMap<(String, String), usize>,
    position: Value,
    requests_count: usize,
    rows_count: usize,
    row_bytes_max: usize,
    written_bytes: usize,
    read_bytes: usize,
}

/// Polls to the end, in runs as the application makes them.
fn tell(crowd: &Crowd, archive: &Parts, url: &str, from: Value, between: impl Fn(usize)) -> CrowdTold {
    let resource = resource(url);
    let past = Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
    let mut told = CrowdTold { position: from, ..CrowdTold::default() };
    let mut scratch = Scratch::default();
    for number in 1.. {
        let call = Call {
            http: crowd,
            api_url: "http://graph/v1.0",
            credential: "secret",
            now: at(),
            timeout_ms: 1000,
            scratch: Some(&scratch),
            archive: Some(archive),
        };
        let step = now(Outlook.poll(&call, &resource, &told.position, &past));
        let step = step.unwrap_or_else(|error| panic!("step {number}: {error:?}"));
        for change in step.changes {
            *told.times.entry((change.object_id, change.version)).or_default() += 1;
        }
        let row_bytes = step.cursor.to_string().len();
        told.row_bytes_max = told.row_bytes_max.max(row_bytes);
        told.written_bytes += row_bytes + archive.store(step.annex);
        told.position = step.cursor;
        if !step.more {
            break;
        }
        if number % STEPS_COUNT == 0 {
            scratch = Scratch::default();
        }
        between(number);
    }
    told.requests_count = crowd.requests_count.swap(0, Relaxed);
    told.rows_count = crowd.rows_count.swap(0, Relaxed);
    told.read_bytes = archive.read_bytes.swap(0, Relaxed);
    told
}

#[track_caller]
fn assert_at_most(what: &str, count: usize, spent: usize, each: f64) {
    let most = count as f64 * each;
    assert!(spent as f64 <= most, "{what} of {count} changes: {spent}, more than {most}");
}

/// Each page that began with the second's first row made the last page of 10,000 read them all.
#[test]
fn changes_of_one_second_cost_the_same_each_however_many_there_are() {
    for count in [1_000, 4_000, 12_000] {
        let told = tell(&Crowd::of(count), &Parts::default(), "/messages", cursor(), |_| ());
        assert_eq!(told.times.len(), count);
        assert!(told.times.values().all(|times| *times == 1));
        assert_at_most("requests", count, told.requests_count, 1.5 / 250.0);
        assert_at_most("rows", count, told.rows_count, 1.4);
        assert_at_most("bytes written", count, told.written_bytes, 80.0);
        assert_at_most("bytes read again", count, told.read_bytes, 20.0);
        assert!(told.row_bytes_max <= 20_000, "a row of {} bytes", told.row_bytes_max);
    }
}

/// Each poll of the next two minutes sees them again.
#[test]
fn what_was_told_is_passed_over_page_by_page() {
    let (crowd, archive) = (Crowd::of(5_000), Parts::default());
    let told = tell(&crowd, &archive, "/messages", cursor(), |_| ());
    let again = tell(&crowd, &archive, "/messages", told.position, |_| ());
    assert_eq!(again.times.len(), 0);
    assert_at_most("requests", 5_000, again.requests_count, 1.5 / 1_000.0);
    assert_at_most("bytes read again", 5_000, again.read_bytes, 20.0);
}

/// Of messages with their text a page has a hundred: what is known here takes more pages than a step asks for.
#[test]
fn a_list_of_more_known_rows_than_one_step_reads_is_passed_over_in_several() {
    let (crowd, archive) = (Crowd::of(12_000), Parts::default());
    let told = tell(&crowd, &archive, "/messages?fields=Body", cursor(), |_| ());
    assert_eq!(told.times.len(), 12_000);
    assert_at_most("rows", 12_000, told.rows_count, 1.6);
    let again = tell(&crowd, &archive, "/messages?fields=Body", told.position, |_| ());
    assert_eq!(again.times.len(), 0);
    assert_at_most("requests", 12_000, again.requests_count, 1.2 / 100.0);
}

/// What is modified while somebody pages leaves the second, and the rows behind it move up.
#[test]
fn rows_that_leave_a_crowded_second_take_none_with_them() {
    let now_s = at().timestamp();
    for (count, leaving) in [(3_000, 10), (3_000, 60), (3_000, 700), (6_000, 300)] {
        let crowd = Crowd::of(count);
        let told = tell(&crowd, &Parts::default(), "/messages", cursor(), |step| {
            if step < 8 {
                // Of those that were told and others, in many places.
                crowd.modify((0..leaving).map(|n| n * 3 + step), now_s - 30 + step as i64);
            }
        });
        let rows = crowd.rows.lock().unwrap();
        for (_, id, key) in rows.iter() {
            let state = (format!("m{id}"), key.to_string());
            assert_eq!(told.times.get(&state), Some(&1), "{state:?} of {count}, {leaving} leaving");
        }
        assert!(told.times.values().all(|times| *times == 1));
    }
}
