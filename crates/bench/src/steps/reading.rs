//! What connectors make of a provider's answers, as the doubles gave them.

use super::answers::{Recorder, finished};
use super::{Step, now};
use chrono::{DateTime, Utc};
use connectors::{Call, Connector, Http, Method, Past, Route};
use domain::resource::ResourceConfig;
use doubles::{CLIENT_ID, CLIENT_SECRET, Double, Mail, Providers};
use serde_json::Value;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const USER: &str = "bench@example.com";
/// Steps of one walk at the most.
const STEPS_COUNT_MAX: usize = 100;
/// Time of the doubles between the baseline and the changes, and again before they are read.
const PAUSE_US: i64 = 600_000_000;
/// Between two mails.
const BETWEEN_US: i64 = 1_000_000;

/// One mailbox at a double, at its baseline.
struct Desk {
    connector: Arc<dyn Connector>,
    double: Arc<dyn Double>,
    recorder: Recorder,
    token: String,
    resource: ResourceConfig,
    clock: Arc<AtomicI64>,
}

impl Desk {
    fn of(key: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(super::NOW_US));
        let theirs = clock.clone();
        let double =
            Providers::new(&doubles::Clock::new(move || theirs.load(Ordering::Relaxed)), 1).double(key);
        double.add_account(USER);
        let connector = connectors::registry().into_iter().find(|one| one.descriptor().key == key).unwrap();
        let poller = double.poller();
        let (name, entry) = poller.as_object().unwrap().iter().next().unwrap();
        let resource = ResourceConfig::parse(name, entry).unwrap();
        let recorder = Recorder::new(double.router());
        let token = token(double.as_ref(), &recorder);
        Desk { connector, double, recorder, token, resource, clock }
    }

    fn receive(&self, count: usize) {
        self.clock.fetch_add(PAUSE_US, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..count {
            self.clock.fetch_add(BETWEEN_US, Ordering::Relaxed);
            self.double.receive(USER, Mail::sample(&mut random));
        }
        self.clock.fetch_add(PAUSE_US, Ordering::Relaxed);
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.load(Ordering::Relaxed)).unwrap()
    }

    fn call<'a>(&'a self, http: &'a dyn Http) -> Call<'a> {
        let api_url = match self.double.server() {
            "microsoft" => "http://double.test/v1.0",
            _ => "http://double.test",
        };
        Call {
            http,
            api_url,
            credential: &self.token,
            now: self.now(),
            timeout_ms: 30_000,
            scratch: None,
            archive: None,
        }
    }

    fn baseline(&self) -> Value {
        finished(self.connector.baseline(&self.call(&self.recorder), &self.resource)).unwrap().cursor
    }

    /// Reads on from there, a step at a time, as far as there are answers; how many changes there were.
    fn walk(&self, http: &dyn Http, cursor: &Value) -> usize {
        let past =
            Past { baseline_at: now(), last_success_at: now(), failures: 0, log_since: now(), number: None };
        let (mut cursor, mut count) = (cursor.clone(), 0);
        for _ in 0..STEPS_COUNT_MAX {
            let call = self.call(http);
            let polled = self.connector.poll(&call, &self.resource, &cursor, &past);
            // It ends early where no request goes out any more.
            let Ok(step) = finished(polled) else { break };
            count += black_box(&step.changes).len();
            if !step.more {
                break;
            }
            cursor = step.cursor;
        }
        count
    }
}

fn token(double: &dyn Double, recorder: &Recorder) -> String {
    let mut addresses = double.addresses().iter();
    let (_, path) = addresses.find(|(variable, _)| variable.ends_with("TOKEN_URL")).unwrap();
    let form = format!(
        "grant_type=authorization_code&code={}&redirect_uri=http://localhost/&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}",
        double.new_code(USER)
    );
    let request = connectors::HttpRequest {
        method: Method::Post,
        url: format!("http://double.test{path}"),
        headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: form.into(),
        timeout_ms: 30_000,
        answer_bytes_max: 100_000,
        route: Route::Provider,
    };
    let response = finished(recorder.send(request)).unwrap();
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// The page alone: the messages that it names are not read.
pub(super) fn history_page() -> Step {
    let desk = Desk::of("gmail");
    let cursor = desk.baseline();
    desk.receive(500);
    desk.recorder.take();
    desk.walk(&desk.recorder, &cursor);
    let page = desk.recorder.take().first(1);
    Step::new("a history page of 500 records parsed", page.bytes(), move || {
        page.rewind();
        desk.walk(&page, &cursor);
    })
}

pub(super) fn messages() -> Step {
    let desk = Desk::of("outlookemail");
    let cursor = desk.baseline();
    desk.receive(1_000);
    desk.recorder.take();
    assert_eq!(desk.walk(&desk.recorder, &cursor), 1_000, "changes");
    let answers = desk.recorder.take();
    Step::new("1,000 messages of Graph normalised", answers.bytes(), move || {
        answers.rewind();
        assert_eq!(desk.walk(&answers, &cursor), 1_000);
    })
}
