//! One mailbox at the double, and the connector over it.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use chrono::{DateTime, Utc};
use connectors::hub::{Answer, Query, Records};
use connectors::{
    Archive, Call, Connector, Http, HttpError, HttpRequest, HttpResponse, Method, Past, Route, Step,
    ToldPage, Window, registry,
};
use domain::annex::ANNEX_PARTS_COUNT_MAX;
use domain::resource::ResourceConfig;
use doubles::{CLIENT_ID, CLIENT_SECRET, Clock, Mail, Microsoft};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

pub(crate) const ADA: &str = "ada@double.example";
const SCOPES: &str = "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Contacts.Read https://graph.microsoft.com/Calendars.Read";
/// Sunday, 22 November 2026, 12:00:00 UTC.
const START_US: i64 = 1_795_348_800_000_000;
/// As many steps as one poll of the application has.
const STEPS_COUNT_MAX: usize = 40;

/// The way to the double, without a socket.
struct Wire(Router);

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut builder = http::Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let request = builder.body(Body::from(request.body)).map_err(|_| HttpError::BadUrl)?;
        let (parts, body) = self.0.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.map_err(|error| HttpError::Broken(error.into()))?.to_bytes();
        Ok(HttpResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// What is stored beside the positions.
#[derive(Default)]
struct Stored {
    /// What was reported, the oldest first, in stretches.
    told: Mutex<Vec<Value>>,
    annex: Mutex<BTreeMap<String, String>>,
    /// How often the annex was read.
    annex_reads: AtomicUsize,
    annex_writes: AtomicUsize,
}

/// Of one resource.
struct StoredOf<'a>(&'a Stored, &'a str);

#[async_trait]
impl Archive for StoredOf<'_> {
    async fn told(&self, before: Option<u64>) -> Result<ToldPage, connectors::Error> {
        let all = self.0.told.lock().unwrap();
        let end = before.map_or(all.len(), |before| usize::try_from(before).unwrap());
        let from = end.saturating_sub(200);
        let records = all[from..end].iter().rev().cloned().collect();
        Ok(ToldPage { records, before: (from > 0).then_some(from as u64) })
    }

    async fn annex(&self, names: &[String]) -> Result<Vec<Option<String>>, connectors::Error> {
        let StoredOf(stored, resource) = self;
        stored.annex_reads.fetch_add(names.len(), Ordering::SeqCst);
        let annex = stored.annex.lock().unwrap();
        Ok(names.iter().map(|name| annex.get(&format!("{resource}/{name}")).cloned()).collect())
    }
}

pub(crate) struct Desk {
    pub(crate) microsoft: Microsoft,
    connector: Arc<dyn Connector>,
    wire: Wire,
    token: String,
    clock: Arc<AtomicI64>,
    stored: Stored,
    watched: BTreeMap<String, (ResourceConfig, Value)>,
}

/// The descriptor's own poller entry for a resource.
pub(crate) fn configured(name: &str) -> ResourceConfig {
    let connector = outlook();
    let found = connector.descriptor().resource(name).unwrap();
    ResourceConfig::parse(name, &serde_json::from_str(found.poller).unwrap()).unwrap()
}

pub(crate) fn query(path: &[&str]) -> Query {
    Query { path: path.iter().map(|&segment| segment.to_owned()).collect(), ..Query::of("") }
}

pub(crate) fn mail(subject: &str) -> Mail {
    Mail {
        subject: subject.to_owned(),
        from: "Bo <bo@else.example>".to_owned(),
        to: ADA.to_owned(),
        body: "Hello".to_owned(),
        ..Mail::default()
    }
}

fn outlook() -> Arc<dyn Connector> {
    registry().into_iter().find(|connector| connector.descriptor().key == "outlookemail").unwrap()
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(START_US));
        let read = clock.clone();
        let microsoft = Microsoft::new(Clock::new(move || read.load(Ordering::SeqCst)), 7);
        microsoft.add_account(ADA);
        microsoft.set_token_lifetime_s(10_000_000);
        microsoft.set_granted_scope(Some(SCOPES));
        let code = microsoft.new_code(ADA);
        let wire = Wire(microsoft.router());
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=http://us.example/back&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        );
        let request = HttpRequest {
            method: Method::Post,
            url: "http://microsoft.test/common/oauth2/v2.0/token".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: form.into(),
            timeout_ms: 1000,
            answer_bytes_max: 1 << 20,
            route: Route::Provider,
        };
        let reply = wire.send(request).await.unwrap();
        let issued: Value = serde_json::from_slice(&reply.body).unwrap();
        let token = issued["access_token"].as_str().unwrap().to_owned();
        Desk {
            microsoft,
            connector: outlook(),
            wire,
            token,
            clock,
            stored: Stored::default(),
            watched: BTreeMap::new(),
        }
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    fn call(&self) -> Call<'_> {
        Call {
            http: &self.wire,
            api_url: "http://microsoft.test/v1.0",
            credential: &self.token,
            now: self.now(),
            timeout_ms: 1000,
            scratch: None,
            archive: None,
        }
    }

    /// Takes the baselines of resources as the descriptor configures them.
    pub(crate) async fn watch(&mut self, names: &[&str]) {
        for name in names {
            self.watch_as(name, configured(name)).await;
        }
    }

    pub(crate) async fn watch_as(&mut self, name: &str, config: ResourceConfig) {
        let baseline = self.connector.baseline(&self.call(), &config).await.unwrap();
        assert!(baseline.identity.is_some());
        self.watched.insert(name.to_owned(), (config, baseline.cursor));
    }

    /// Polls a watched resource to its end; gives kinds and ids.
    pub(crate) async fn poll(&mut self, name: &str) -> Vec<String> {
        let past = Past {
            baseline_at: self.now(),
            last_success_at: self.now(),
            failures: 0,
            log_since: self.now(),
            number: None,
        };
        let (config, mut cursor) = self.watched.remove(name).unwrap();
        let mut found = Vec::new();
        for _ in 0..STEPS_COUNT_MAX {
            let step = self.connector.poll(&self.call(), &config, &cursor, &past).await.unwrap();
            found.extend(step.changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.object_id)));
            cursor = step.cursor;
            if !step.more {
                self.watched.insert(name.to_owned(), (config, cursor));
                return found;
            }
        }
        panic!("{name} has no end");
    }

    /// Polls a watched resource as the poll of this number on the timetable; gives kinds and ids, and when it wants to
    /// look again.
    pub(crate) async fn poll_as(&mut self, name: &str, number: u64) -> (Vec<String>, Option<DateTime<Utc>>) {
        let past = Past {
            baseline_at: self.now(),
            last_success_at: self.now(),
            failures: 0,
            log_since: self.now(),
            number: Some(number),
        };
        let (config, mut cursor) = self.watched.remove(name).unwrap();
        let mut found = Vec::new();
        for _ in 0..STEPS_COUNT_MAX * 10 {
            let archive = StoredOf(&self.stored, name);
            let call = Call { archive: Some(&archive), ..self.call() };
            let step = self.connector.poll(&call, &config, &cursor, &past).await.unwrap();
            self.stored.told.lock().unwrap().extend(step.changes.iter().map(|one| one.record.clone()));
            assert!(step.annex.len() <= ANNEX_PARTS_COUNT_MAX, "{} parts", step.annex.len());
            assert!(step.moved || step.annex.is_empty(), "what is not stored changes nothing");
            self.stored.annex_writes.fetch_add(step.annex.len(), Ordering::SeqCst);
            let parts = step.annex.iter().map(|part| (format!("{name}/{}", part.name), part.text.clone()));
            self.stored.annex.lock().unwrap().extend(parts);
            assert!(step.halted.is_none(), "{:?}", step.halted);
            found.extend(step.changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.object_id)));
            // As between two polls.
            cursor = serde_json::from_str(&step.cursor.to_string()).unwrap();
            if !step.more {
                self.watched.insert(name.to_owned(), (config, cursor));
                return (found, step.again_at);
            }
        }
        panic!("{name} has no end");
    }

    /// Parts of annexes that were read and written since this was asked last.
    pub(crate) fn annex_use(&self) -> [usize; 2] {
        [&self.stored.annex_reads, &self.stored.annex_writes].map(|count| count.swap(0, Ordering::SeqCst))
    }

    /// Bytes of the annex's parts whose names begin so.
    pub(crate) fn annex_bytes(&self, prefix: &str) -> usize {
        let annex = self.stored.annex.lock().unwrap();
        annex.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, text)| text.len()).sum()
    }

    /// As if these parts of the annex were never stored.
    pub(crate) fn lose_annex(&self, prefix: &str) {
        self.stored.annex.lock().unwrap().retain(|name, _| !name.starts_with(prefix));
    }

    /// As if another version had stored where a watched resource stands.
    pub(crate) fn edit_cursor(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.watched.get_mut(name).unwrap().1);
    }

    /// Where a watched resource stands.
    pub(crate) fn cursor(&self, name: &str) -> Value {
        self.watched[name].1.clone()
    }

    /// Polls a watched resource again and again until it comes to its end; gives kinds and ids, and how many gaps were told.
    pub(crate) async fn poll_patiently(&mut self, name: &str) -> (Vec<String>, usize) {
        let mut past = Past {
            baseline_at: self.now(),
            last_success_at: self.now(),
            failures: 0,
            log_since: DateTime::UNIX_EPOCH,
            number: None,
        };
        let (config, mut cursor) = self.watched.remove(name).unwrap();
        let (mut found, mut gaps) = (Vec::new(), 0);
        for _ in 0..STEPS_COUNT_MAX {
            let Ok(step) = self.connector.poll(&self.call(), &config, &cursor, &past).await else {
                past.failures += 1;
                continue;
            };
            past.failures = 0;
            found.extend(step.changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.object_id)));
            gaps += usize::from(step.gap.is_some());
            cursor = step.cursor;
            if !step.more {
                self.watched.insert(name.to_owned(), (config, cursor));
                return (found, gaps);
            }
        }
        panic!("{name} has no end");
    }

    /// The ids of what a window holds.
    pub(crate) async fn backfill(&self, config: &ResourceConfig, window: Window) -> Vec<String> {
        let mut cursor: Option<Value> = None;
        let mut ids = Vec::new();
        let mut past = Past {
            baseline_at: window.from,
            last_success_at: window.from,
            failures: 0,
            log_since: window.from,
            number: None,
        };
        for _ in 0..STEPS_COUNT_MAX {
            let step = self.connector.backfill(&self.call(), config, window, cursor.as_ref(), &past).await;
            let Ok(step): Result<Step, _> = step else {
                past.failures += 1;
                assert!(past.failures < 5, "it fails on and on");
                continue;
            };
            past.failures = 0;
            assert!(step.changes.iter().all(|change| change.recheck));
            ids.extend(step.changes.into_iter().map(|change| change.object_id));
            if !step.more {
                return ids;
            }
            cursor = Some(step.cursor);
        }
        panic!("the window has no end");
    }

    pub(crate) async fn list(&self, query: &Query) -> Records {
        match self.connector.read(&self.call(), query).await.unwrap() {
            Answer::Many(records) => records,
            Answer::One(_) => panic!("one object came for {:?}", query.path),
        }
    }

    pub(crate) async fn object(&self, query: &Query) -> Value {
        match self.connector.read(&self.call(), query).await.unwrap() {
            Answer::One(object) => object,
            Answer::Many(_) => panic!("a list came for {:?}", query.path),
        }
    }
}
