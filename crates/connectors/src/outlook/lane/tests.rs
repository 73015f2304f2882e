//! What is read in one request, where one read of it is refused.

use super::delta::Onward;
use super::deltas::Deltas;
use super::stored::Lane;
use super::work::{LaneStep, WalkNews, step};
use crate::outlook::poll::plan::Plan;
use crate::script::now;
use crate::{Archive, Call, Error, ErrorKind, Http, HttpError, HttpRequest, HttpResponse, ToldPage};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;
use serde_json::{Value, json};
use std::sync::Mutex;

const NOW_S: i64 = 1_795_348_800;

/// Refuses the count, and with it what depends on it; else each folder's round ends.
struct NoCounts {
    status: u16,
    /// Of each request how many reads it has.
    asked: Mutex<Vec<usize>>,
}

#[async_trait]
impl Http for NoCounts {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let batch: Value = serde_json::from_slice(&request.body).unwrap();
        let reads = batch["requests"].as_array().unwrap();
        self.asked.lock().unwrap().push(reads.len());
        let answer = |read: &Value| {
            let url = read["url"].as_str().unwrap();
            let (status, body) = match url.contains("totalItemCount") {
                true => (self.status, json!({ "error": { "code": "Refused" } })),
                false if read.get("dependsOn").is_some() => (424, Value::Null),
                false => (200, json!({ "value": [], "@odata.deltaLink": "http://graph/v1.0/me/next" })),
            };
            json!({ "id": read["id"], "status": status, "body": body })
        };
        let inside = json!({ "responses": reads.iter().map(answer).collect::<Vec<_>>() });
        Ok(HttpResponse { status: 200, headers: http::HeaderMap::new(), body: inside.to_string().into() })
    }
}

struct Nothing;

#[async_trait]
impl Archive for Nothing {
    async fn told(&self, _: Option<u64>) -> Result<ToldPage, Error> {
        Ok(ToldPage::default())
    }

    async fn annex(&self, names: &[String]) -> Result<Vec<Option<String>>, Error> {
        Ok(vec![None; names.len()])
    }
}

/// A step whose walk reports of one folder that was read before, and of a new one.
fn step_without_counts(status: u16) -> (LaneStep, Vec<usize>, bool) {
    let http = NoCounts { status, asked: Mutex::default() };
    let at = DateTime::<Utc>::from_timestamp(NOW_S, 0).unwrap();
    let call = Call {
        http: &http,
        api_url: "http://graph/v1.0",
        credential: "",
        now: at,
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    };
    let resource =
        ResourceConfig::parse("messages", &json!({ "url": "/messages", "idField": "Id" })).unwrap();
    let plan = Plan::of(&resource, at, at).unwrap();
    let deltas = Deltas::of(&plan).unwrap();
    let mut lane = now(Lane::load(deltas, &Nothing, None)).ok().unwrap();
    lane.listing = None;
    lane.folders.add("old");
    lane.folders.read("old", Onward::Round("/me/before".to_owned()), true, None, NOW_S - 600);
    let change = |id: &str, folder: &str| Change {
        object_id: id.to_owned(),
        shown_id: None,
        kind: ChangeKind::Created,
        version: "1".to_owned(),
        at: None,
        record: json!({ "Id": id, "ParentFolderId": folder }),
        recheck: false,
        again: false,
    };
    let changes = [change("a", "old"), change("b", "new")];
    let news = WalkNews { changes: &changes, failed: Vec::new(), beside: None };
    let step = now(step(&call, &Nothing, &plan, deltas, &mut lane, news));
    let are_read = lane.folders.due().is_empty() && lane.folders.have_begun();
    let asked = http.asked.into_inner().unwrap();
    (step, asked, are_read)
}

#[test]
fn a_count_that_is_refused_delays_no_delta() {
    for status in [400, 403, 404, 500, 503, 504] {
        let (step, asked, are_read) = step_without_counts(status);
        assert!(step.halted.is_none() && are_read, "{status}: {asked:?}");
        // Once with it, once without, and a look at what came while its folder's first round was not over.
        assert_eq!(asked, [3, 2, 1], "{status}");
    }
}

#[test]
fn a_limit_that_a_count_meets_holds_for_the_mailbox() {
    let (step, asked, are_read) = step_without_counts(429);
    assert_eq!(step.halted.map(|error| error.kind), Some(ErrorKind::RateLimited));
    assert!(!are_read);
    assert_eq!(asked, [3]);
}
