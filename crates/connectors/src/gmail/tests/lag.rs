//! Records that show late, and walks of many steps.

use super::*;
use crate::{STEP_CHANGES_MAX, Scratch};
use chrono::Duration;

const URL: &str = "/messages?format=minimal";

fn record(id: u64, what: &str, message: &str, labels: &[&str]) -> Value {
    let entry = json!({ "message": { "id": message, "threadId": message, "labelIds": labels } });
    json!({ "id": id.to_string(), what: [entry] })
}

fn page(records: &[Value], next: Option<&str>) -> String {
    let mut page = json!({ "history": records, "historyId": "7399999" });
    next.into_iter().for_each(|token| page["nextPageToken"] = json!(token));
    page.to_string()
}

fn message(id: &str) -> String {
    json!({ "id": id, "labelIds": ["INBOX"], "internalDate": "1795347600000" }).to_string()
}

/// Steps of one run, in a process with its own scratch; what they told, and the last cursor.
struct Polling {
    cursor: Value,
    at: DateTime<Utc>,
}

impl Polling {
    fn new() -> Self {
        Polling { cursor: json!({ "history_id": "7301000" }), at: at() }
    }

    /// One step, as a process does it that has kept this.
    fn step(&mut self, answers: &[String], scratch: &Scratch, url: &str) -> (Step, Vec<String>) {
        let answers: Vec<(u16, &str)> = answers.iter().map(|body| (200, body.as_str())).collect();
        let script = Script::new(&answers, REQUIRED, None);
        let call = Call { now: self.at, scratch: Some(scratch), ..call(&script) };
        let past =
            Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
        let step = now(Gmail.poll(&call, &resource(url), &self.cursor, &past));
        let step = step.unwrap_or_else(|error| panic!("{error}"));
        self.cursor = step.cursor.clone();
        (step, script.asked())
    }

    /// One step of a process that knows nothing.
    fn alone(&mut self, answers: &[String]) -> String {
        let (step, _) = self.step(answers, &Scratch::default(), URL);
        let told = step.changes.iter().map(|one| match one.again {
            true => format!("{} {} again {}", one.kind.wire(), one.object_id, one.version),
            false => format!("{} {} {}", one.kind.wire(), one.object_id, one.version),
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn a_record_that_shows_below_others_is_told_and_the_others_not_again() {
    let mut polling = Polling::new();
    let [a, b, c] = [(7301001, "a"), (7301005, "b"), (7301003, "c")]
        .map(|(id, name)| record(id, "messagesAdded", name, &["INBOX"]));
    let told = polling.alone(&[page(&[a.clone(), b.clone()], None), message("a"), message("b")]);
    assert_eq!(told, "CREATED a , CREATED b ");
    assert_eq!(polling.alone(&[page(&[a.clone(), b.clone()], None)]), "");
    polling.at += Duration::seconds(119);
    assert_eq!(polling.alone(&[page(&[a, c, b], None), message("c")]), "CREATED c ");
}

#[test]
fn a_label_change_that_shows_below_another_has_a_version_of_its_own_and_the_present_labels() {
    let mut polling = Polling::new();
    let late = record(7301001, "labelsAdded", "m", &["INBOX", "STARRED"]);
    let told = record(7301005, "labelsRemoved", "m", &["STARRED"]);
    assert_eq!(polling.alone(&[page(std::slice::from_ref(&told), None)]), "UPDATED m 7301005");
    let (step, _) = polling.step(&[page(&[late, told], None)], &Scratch::default(), URL);
    assert_eq!(step.changes[0].version, "7301001");
    assert_eq!(step.changes[0].record["labelIds"], json!(["STARRED"]));
}

#[test]
fn records_up_to_the_position_are_no_news_whoever_sends_them() {
    let mut polling = Polling::new();
    let old = record(7301000, "messagesAdded", "old", &[]);
    let older = record(7300000, "messagesDeleted", "older", &[]);
    let (step, _) = polling.step(&[page(&[older, old], None)], &Scratch::default(), URL);
    assert!(step.changes.is_empty() && !step.moved);
}

/// 520 mails came and went: two pages of additions and two of deletions.
#[test]
fn what_came_and_went_between_two_polls_is_not_told_however_many_pages_it_takes() {
    let name = |n: u64| format!("m{n}");
    let came: Vec<Value> =
        (0..520).map(|n| record(7301001 + n, "messagesAdded", &name(n), &["INBOX"])).collect();
    let went: Vec<Value> = (0..520).map(|n| record(7302001 + n, "messagesDeleted", &name(n), &[])).collect();
    let pages = [
        page(&came[..500], Some("2")),
        page(&[&came[500..], &went[..480]].concat(), Some("3")),
        page(&went[480..], None),
    ];
    let mut polling = Polling::new();
    let (step, asked) = polling.step(&pages, &Scratch::default(), URL);
    assert_eq!((step.changes.len(), step.moved, step.more, asked.len()), (0, true, false, 3));
    let (again, _) = polling.step(&pages, &Scratch::default(), URL);
    assert!(again.changes.is_empty() && !again.moved);
}

/// Created first and read last, with more in between than one step takes.
#[test]
fn created_and_changed_is_created_where_a_step_ends_in_between_and_pages_are_read_once() {
    let others = |n: u64| record(7301100 + n, "labelsAdded", &format!("m{n}"), &["STARRED"]);
    let mut records = vec![record(7301001, "messagesAdded", "new", &["INBOX", "UNREAD"])];
    records.extend((0..STEP_CHANGES_MAX as u64 + 50).map(others));
    records.push(record(7302000, "labelsRemoved", "new", &["INBOX"]));
    let (mut polling, scratch) = (Polling::new(), Scratch::default());
    let (first, asked) = polling.step(&[page(&records, None), message("new")], &scratch, URL);
    assert_eq!((first.changes.len(), first.more, asked.len()), (STEP_CHANGES_MAX, true, 2));
    let between = polling.cursor.clone();
    let (rest, asked) = polling.step(&[], &scratch, URL);
    assert_eq!((rest.changes.len(), rest.more, asked.len()), (51, false, 0), "nothing is read again");
    assert!(rest.changes.iter().all(|one| one.object_id != "new"));
    // A process that died in between is followed by one that reads again, and tells the same.
    polling.cursor = between;
    let (other, asked) = polling.step(&[page(&records, None)], &Scratch::default(), URL);
    assert_eq!((shown(&other.changes), asked.len()), (shown(&rest.changes), 1));
    assert_eq!(other.cursor, rest.cursor);
}

/// What a run keeps belongs to the position that it was kept with.
#[test]
fn a_step_that_was_not_stored_is_read_again() {
    let records: Vec<Value> =
        (0..300).map(|n| record(7301001 + n, "labelsAdded", &format!("m{n}"), &[])).collect();
    let (mut polling, scratch) = (Polling::new(), Scratch::default());
    let before = polling.cursor.clone();
    let (lost, _) = polling.step(&[page(&records, None)], &scratch, URL);
    polling.cursor = before;
    let (again, asked) = polling.step(&[page(&records, None)], &scratch, URL);
    assert_eq!((shown(&lost.changes), asked.len()), (shown(&again.changes), 1));
}

/// A selection of a thousand is one record: more than a transaction takes.
#[test]
fn a_step_ends_inside_of_a_record() {
    let entry = |n: u64| json!({ "message": { "id": format!("m{n}") }, "labelIds": ["UNREAD"] });
    let large = json!({ "id": "7301001", "labelsRemoved": (0..1000).map(entry).collect::<Vec<_>>() });
    for url in [URL, "/threads"] {
        let mut polling = Polling::new();
        let mut told = Vec::new();
        for n in 0..4 {
            let answers = [page(std::slice::from_ref(&large), None)];
            let (step, _) = polling.step(&answers, &Scratch::default(), url);
            assert_eq!((step.changes.len(), step.more), (STEP_CHANGES_MAX, n < 3));
            told.extend(step.changes.into_iter().map(|one| one.object_id));
        }
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 1000);
        assert!(polling.cursor.to_string().len() < 200, "{}", polling.cursor);
    }
}

/// What a step may not pass is what settles at last.
#[test]
fn the_position_moves_to_one_named_long_enough_ago_and_not_past_what_is_untold() {
    let records: Vec<Value> =
        (0..400).map(|n| record(7301001 + n, "labelsAdded", &format!("m{n}"), &[])).collect();
    let mut polling = Polling::new();
    polling.cursor["named"] = json!([{ "id": "7301350", "at": "2026-11-22T11:00:00Z" }]);
    let (step, _) = polling.step(&[page(&records, None)], &Scratch::default(), URL);
    assert_eq!((step.changes.len(), step.cursor["history_id"].as_str()), (250, Some("7301250")));
    let (step, _) = polling.step(&[page(&records[250..], None)], &Scratch::default(), URL);
    assert_eq!((step.changes.len(), step.cursor["history_id"].as_str()), (150, Some("7301350")));
}

#[test]
fn a_message_that_comes_back_has_events_of_its_own() {
    let mut polling = Polling::new();
    let history = |records: &[Value]| {
        json!({ "history": records, "historyId": records[records.len() - 1]["id"] }).to_string()
    };
    let came = |id| record(id, "messagesAdded", "m", &["INBOX"]);
    let went = |id| record(id, "messagesDeleted", "m", &[]);
    let mut told = Vec::new();
    for n in 0..3 {
        // Far apart: the window of the one is not that of the other.
        polling.at += Duration::hours(1);
        told.push(polling.alone(&[history(&[came(7301001 + 10 * n)]), message("m")]));
        told.push(polling.alone(&[history(&[came(7301001 + 10 * n), went(7301002 + 10 * n)])]));
    }
    let expected = [
        "CREATED m ",
        "DELETED m 7301002",
        "CREATED m again 7301011",
        "DELETED m 7301012",
        "CREATED m again 7301021",
        "DELETED m 7301022",
    ];
    assert_eq!(told, expected);
}

/// It was listed as it is after a relabelling that history then tells of as well.
#[test]
fn what_a_catch_up_may_have_listed_is_checked_against_the_log_whatever_happened_to_it() {
    let mut polling = Polling::new();
    polling.cursor["recheck_through"] = json!("7301500");
    let records = [
        record(7301001, "messagesAdded", "a", &["INBOX"]),
        record(7301002, "labelsAdded", "b", &["STARRED"]),
        record(7301600, "labelsAdded", "c", &["STARRED"]),
    ];
    for url in [URL, "/threads"] {
        polling.cursor = json!({ "history_id": "7301000", "recheck_through": "7301500" });
        let (step, _) = polling.step(&[page(&records, None), message("a")], &Scratch::default(), url);
        let checked: Vec<bool> = step.changes.iter().map(|one| one.recheck).collect();
        assert_eq!(checked, [true, true, false], "{url}");
    }
}

/// It was added and gone before it could be read: history tells of its deletion next.
#[test]
fn the_deletion_of_what_was_never_told_is_not_told() {
    let came = record(7301001, "messagesAdded", "m", &["INBOX"]);
    let went = record(7301002, "messagesDeleted", "m", &[]);
    let gone = r#"{"error":{"code":404,"errors":[{"reason":"notFound"}]}}"#;
    let history = page(std::slice::from_ref(&came), None);
    let (step, _) = poll_at(&[(200, &history), (404, gone)], &json!({ "history_id": "7301000" }), URL);
    let history = page(&[came, went], None);
    let (step, _) = poll_at(&[(200, &history)], &step.ok().unwrap().cursor, URL);
    assert!(step.ok().unwrap().changes.is_empty());
}

/// More records than a read takes, and no position to leave them behind: reading goes on at the end.
#[test]
fn a_window_larger_than_a_read_is_read_on_at_its_end_until_it_settles() {
    let changed = |id: u64| record(id, "labelsAdded", &format!("m{id}"), &[]);
    let records = |n: u64| (1..=500).map(|m| changed(7301000 + 2 * (500 * n + m))).collect::<Vec<_>>();
    let mut pages: Vec<String> = (0..20).map(|n| page(&records(n), Some("next"))).collect();
    let (mut polling, scratch) = (Polling::new(), Scratch::default());
    let mut requests = 0;
    for _ in 0..10_000 / STEP_CHANGES_MAX {
        let (step, asked) = polling.step(&pages, &scratch, URL);
        assert!(step.more && step.changes.len() == STEP_CHANGES_MAX);
        requests += asked.len();
    }
    assert_eq!(requests, 20, "each page once");
    assert!(polling.cursor.to_string().len() < 15_000, "{} bytes", polling.cursor.to_string().len());
    let (step, asked) = polling.step(&[page(&[changed(7321001)], None)], &Scratch::default(), URL);
    assert!(asked[0].contains("startHistoryId=7321000&"), "{asked:?}");
    assert_eq!((step.changes.len(), step.more), (1, false));
    polling.at += Duration::seconds(180);
    pages[3] = page(&[records(3), vec![changed(7301001)]].concat(), Some("next"));
    let (step, asked) = polling.step(&pages, &Scratch::default(), URL);
    assert!(asked[0].contains("startHistoryId=7301000&"), "{asked:?}");
    assert_eq!((shown(&step.changes).contains("m7301001"), step.changes.len(), step.more), (true, 1, true));
    assert_eq!(polling.cursor["history_id"], "7321000");
}

/// Otherwise a slow provider would have the time of each poll go by with reading what the next one reads again.
#[test]
fn a_read_that_leaves_no_time_is_followed_by_a_shorter_one() {
    struct Ending(Script, std::sync::atomic::AtomicUsize);
    #[async_trait::async_trait]
    impl crate::Http for Ending {
        async fn send(
            &self,
            request: crate::HttpRequest<'_>,
        ) -> Result<crate::HttpResponse, crate::HttpError> {
            match self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0..4 => self.0.send(request).await,
                _ => Err(crate::HttpError::NotSent),
            }
        }
    }
    let change = |n: u64| page(&[record(7301000 + n, "labelsAdded", &format!("m{n}"), &[])], Some("next"));
    let pages: Vec<String> = (1..20).map(change).collect();
    let answers: Vec<(u16, &str)> = pages.iter().map(|page| (200, page.as_str())).collect();
    let mut cursor = json!({ "history_id": "7301000" });
    let mut told = 0;
    for _ in 0..2 {
        let http = Ending(Script::new(&answers, REQUIRED, None), 0.into());
        let past =
            Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
        let call = Call {
            http: &http,
            api_url: "http://gmail",
            credential: "secret",
            now: at(),
            timeout_ms: 1000,
            scratch: None,
            archive: None,
        };
        let step = now(Gmail.poll(&call, &resource(URL), &cursor, &past)).unwrap();
        assert_eq!(step.halted.is_some(), told == 0 && step.changes.is_empty());
        told += step.changes.len();
        cursor = step.cursor;
    }
    assert_eq!(told, 2);
}
