//! One process of a function: what is made at its start, and what with its first event.

use super::description;
use super::failed::Sources;
use super::sums::Sums;
use crate::clients::Clients;
use crate::environment::Environment;
use crate::fault::{chain, fault};
use crate::keys::{DataKeys, READ_AGAIN_AFTER_MIN};
use crate::stack::{Stack, egress};
use crate::store::{OtherFormat, enter_table, read_push_row};
use crate::ticks::Ticks;
use app::ports::{Clock as _, Http, Result};
use app::sealing::Sealer;
use app::{App, Config, PushRowAhead};
use chrono::{DateTime, TimeDelta, Utc};
use std::io::Write as _;
use std::sync::{Arc, OnceLock, PoisonError};
use system::SystemClock;
use tokio::sync::Mutex;

/// After a key could not be read, minutes until the next look.
const LOOK_AGAIN_AFTER_MIN: i64 = 5;

/// A process.
pub(super) struct Host {
    environment: Environment,
    clients: Clients,
    http: Arc<dyn Http>,
    sources: Sources,
    ready: Mutex<Option<Ready>>,
    sums: std::sync::Mutex<Sums>,
}

/// The use cases, with the data key that they seal by.
struct Ready {
    entry: Entry,
    keys: DataKeys,
    newest_seals: bool,
    admin_key: Option<String>,
    look_at: DateTime<Utc>,
}

/// What events are handed to.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) app: App,
    pub(super) ticks: Ticks,
    sealer: Arc<Sealer>,
    public_url: Option<String>,
    router: Arc<OnceLock<axum::Router>>,
}

impl Entry {
    /// The interface and the console, made for the first request: workers have none, and are smaller for it.
    pub(super) fn router(&self) -> axum::Router {
        let make = || {
            console::router(console::Console {
                api: self.app.router_described_by(description::stored()),
                seal: Arc::new(ConsoleSeal(self.sealer.clone())),
                clock: Arc::new(|| SystemClock.now()),
                public_url: self.public_url.clone(),
                inspector: None,
                defaults: console::Defaults::new(),
            })
        };
        self.router.get_or_init(make).clone()
    }
}

impl Host {
    /// Makes clients; sends nothing.
    pub(super) fn new(environment: Environment) -> Self {
        let clients = Clients::in_a_function(&environment);
        Host::with(environment, clients)
    }

    pub(super) fn with(environment: Environment, clients: Clients) -> Self {
        let http: Arc<dyn Http> = Arc::new(egress(&environment));
        let sources = Sources::new(clients.sqs.clone(), &environment);
        Host { environment, clients, http, sources, ready: Mutex::default(), sums: Default::default() }
    }

    /// Where messages come from.
    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Tells what came since the last time, if there is anything: after it, the process may be stopped.
    pub(super) fn tell_sums(&self, app: &App) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let line = sums.line(&self.environment.metrics_namespace(), &app.signals().read(), SystemClock.now());
        // A log that can't be written can't be told so.
        let _ = line.map(|line| writeln!(std::io::stdout(), "{line}"));
    }

    /// The use cases, with a data key that is not older than an hour. The first event reads it, and at once looks whether
    /// the table is this version's.
    pub(super) async fn entry(&self) -> Result<Entry> {
        let mut ready = self.ready.lock().await;
        let now = SystemClock.now();
        if let Some(ready) = ready.as_ref().filter(|ready| now < ready.look_at) {
            return Ok(ready.entry.clone());
        }
        let (read, admin_key, entered) = tokio::join!(
            DataKeys::read(&self.clients.secrets, &self.environment.data_key_secret),
            self.admin_key(),
            enter_table(&self.clients.dynamodb, &self.environment.table)
        );
        let keys = match (entered.and(read), ready.as_mut()) {
            (Ok(keys), _) => keys,
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) if OtherFormat::in_error(&error).is_some() => return Err(error),
            (Err(error), Some(ready)) => {
                tracing::warn!(error = chain(&error), "host.not_renewed");
                ready.look_at = now + TimeDelta::minutes(LOOK_AGAIN_AFTER_MIN);
                return Ok(ready.entry.clone());
            }
        };
        let is_complete = admin_key.is_some() || self.environment.admin_key_secret.is_none();
        let admin_key = admin_key.or_else(|| ready.as_ref().and_then(|ready| ready.admin_key.clone()));
        let entry = match ready.as_ref() {
            Some(ready) if ready.is_same(&keys, admin_key.as_ref(), now) => ready.entry.clone(),
            _ => self.entry_with(&keys, admin_key.as_deref(), now),
        };
        let newest_seals = keys.newest_seals(now);
        let minutes = if is_complete { READ_AGAIN_AFTER_MIN } else { LOOK_AGAIN_AFTER_MIN };
        let look_at = now + TimeDelta::minutes(minutes);
        *ready = Some(Ready { entry: entry.clone(), keys, newest_seals, admin_key, look_at });
        Ok(entry)
    }

    /// For the first event of a process, if it is a notice: the row that it names, read while the data key is read. Only
    /// what proves it is made with the key, and the row is of no use before. A stranger can have one read for each start.
    pub(super) async fn push_row_ahead(&self, path: &str, body: &[u8]) -> Option<PushRowAhead> {
        let is_first = self.ready.lock().await.is_none();
        let key = app::push_row_named(path, body).filter(|_| is_first)?;
        let reading = read_push_row(&self.clients.dynamodb, &self.environment.table, key);
        let (_, row) = tokio::join!(self.entry(), reading);
        row.ok()
    }

    fn entry_with(&self, keys: &DataKeys, admin_key: Option<&str>, now: DateTime<Utc>) -> Entry {
        let sealer = Arc::new(keys.sealer(now));
        let mut environment = self.environment.clone();
        environment.app = self.config(admin_key);
        let public_url = environment.app.public_url.clone();
        let stack = Stack::new(&environment, &self.clients, self.http.clone(), sealer.clone());
        Entry { app: stack.app, ticks: stack.ticks, sealer, public_url, router: Arc::default() }
    }

    /// With an invalid key the interface behaves as without one.
    fn config(&self, admin_key: Option<&str>) -> Config {
        let with_key = admin_key.map(|key| self.environment.app_with_admin_key(key));
        match with_key {
            None => self.environment.app.clone(),
            Some(Ok(config)) => config,
            Some(Err(error)) => {
                tracing::error!(error = error.to_string(), "admin_key.refused");
                self.environment.app.clone()
            }
        }
    }

    /// The administrator's key, where the stack has one. Without it everybody else is served all the same.
    async fn admin_key(&self) -> Option<String> {
        const CONTEXT: &str = "read the administrator's key";
        let secret = self.environment.admin_key_secret.as_ref()?;
        match self.clients.secrets.get_secret_value().secret_id(secret).send().await {
            Ok(found) => found.secret_string.filter(|text| !text.is_empty()),
            Err(error) => {
                tracing::warn!(error = chain(&fault(CONTEXT)(error)), "admin_key.not_read");
                None
            }
        }
    }
}

/// What browsers keep is sealed under a key for the console alone.
struct ConsoleSeal(Arc<Sealer>);

impl console::Seal for ConsoleSeal {
    fn seal(&self, purpose: &str, plain: &[u8]) -> Option<String> {
        self.0.seal_for("console", purpose, plain).ok()
    }

    fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        self.0.open_for("console", purpose, sealed).ok()
    }
}

impl Ready {
    fn is_same(&self, keys: &DataKeys, admin_key: Option<&String>, now: DateTime<Utc>) -> bool {
        self.keys == *keys
            && self.admin_key.as_ref() == admin_key
            && self.newest_seals == keys.newest_seals(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::functions::http::answer;
    use crate::script::{Script, SentRequest};
    use lambda_http::{Body, Context, RequestExt as _};

    /// Both secrets are answered with the same text, which either could be.
    const ANSWER: &str =
        r#"{"SecretString":"{\"id\":\"1\",\"key\":\"a text of more than thirty-two characters\"}"}"#;

    fn host(script: &Script, admin_key_secret: Option<&str>) -> Host {
        let mut environment = environment::tests::sample();
        environment.admin_key_secret = admin_key_secret.map(str::to_owned);
        Host::with(environment, Clients::new(&script.config()))
    }

    async fn asked(script: &Script, admin_key_secret: Option<&str>) -> Vec<String> {
        let host = host(script, admin_key_secret);
        for _ in 0..2 {
            host.entry().await.unwrap();
        }
        let asked = script.asked();
        let secret = |asked: &SentRequest| asked.body["SecretId"].as_str().map(str::to_owned);
        let mut asked: Vec<String> = asked.iter().filter_map(secret).collect();
        asked.sort_unstable();
        asked
    }

    #[tokio::test]
    async fn an_administrators_key_is_read_where_there_is_one_and_once() {
        let data_key = environment::tests::sample().data_key_secret;
        let alone = asked(&Script::new(&[(200, ANSWER)]), None).await;
        assert_eq!(alone, std::slice::from_ref(&data_key));
        let both = asked(&Script::new(&[(200, ANSWER)]), Some("admin")).await;
        assert_eq!(both, ["admin".to_owned(), data_key]);
    }

    /// The data key can't be read.
    #[tokio::test]
    async fn a_notice_is_accepted_where_the_start_fails() {
        let refusal = (400, r#"{"__type":"ResourceNotFoundException"}"#);
        let host = host(&Script::new(&[refusal, refusal]), None);
        for (path, status) in [("/push/gmail", 202), ("/elements/api-v2/instances", 503)] {
            let request =
                http::Request::post(format!("https://carillon.test{path}")).body(Body::Empty).unwrap();
            let response = answer(&host, request.with_lambda_context(Context::default())).await;
            assert_eq!(response.status(), status, "{path}");
        }
    }
}
