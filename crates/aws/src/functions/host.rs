//! One process of a function: what is made at its start, and what with its first event.

use crate::clients::Clients;
use crate::environment::Environment;
use crate::fault::chain;
use crate::keys::{DataKeys, READ_AGAIN_AFTER_MIN};
use crate::stack::{Stack, egress};
use app::App;
use app::ports::{Clock as _, Http, Result};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use system::SystemClock;
use tokio::sync::Mutex;

/// After the data key could not be read again, minutes until the next look.
const LOOK_AGAIN_AFTER_MIN: i64 = 5;

/// A process.
pub(super) struct Host {
    environment: Environment,
    clients: Clients,
    http: Arc<dyn Http>,
    ready: Mutex<Option<Ready>>,
}

/// The use cases, with the data key that they seal by.
struct Ready {
    entry: Entry,
    keys: DataKeys,
    newest_seals: bool,
    look_at: DateTime<Utc>,
}

/// What events are handed to.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) app: App,
    pub(super) router: axum::Router,
}

impl Host {
    /// Makes clients; sends nothing.
    pub(super) async fn new(environment: Environment) -> anyhow::Result<Self> {
        let clients = Clients::in_a_function(&environment).await;
        let http: Arc<dyn Http> = Arc::new(egress(&environment)?);
        Ok(Host { environment, clients, http, ready: Mutex::default() })
    }

    /// The use cases, with a data key that is not older than an hour. The first event reads it.
    pub(super) async fn entry(&self) -> Result<Entry> {
        let mut ready = self.ready.lock().await;
        let now = SystemClock.now();
        if let Some(ready) = ready.as_ref().filter(|ready| now < ready.look_at) {
            return Ok(ready.entry.clone());
        }
        let read = DataKeys::read(&self.clients.secrets, &self.environment.data_key_secret).await;
        let keys = match (read, ready.as_mut()) {
            (Ok(keys), _) => keys,
            (Err(error), None) => return Err(error),
            (Err(error), Some(ready)) => {
                tracing::warn!(error = chain(&error), "data_key.not_read_again");
                ready.look_at = now + TimeDelta::minutes(LOOK_AGAIN_AFTER_MIN);
                return Ok(ready.entry.clone());
            }
        };
        let entry = match ready.as_ref() {
            Some(ready) if ready.is_same(&keys, now) => ready.entry.clone(),
            _ => self.entry_with(&keys, now),
        };
        let newest_seals = keys.newest_seals(now);
        let look_at = now + TimeDelta::minutes(READ_AGAIN_AFTER_MIN);
        *ready = Some(Ready { entry: entry.clone(), keys, newest_seals, look_at });
        Ok(entry)
    }

    fn entry_with(&self, keys: &DataKeys, now: DateTime<Utc>) -> Entry {
        let sealer = Arc::new(keys.sealer(now));
        let app = Stack::new(&self.environment, &self.clients, self.http.clone(), sealer).app;
        Entry { router: app.router(), app }
    }
}

impl Ready {
    fn is_same(&self, keys: &DataKeys, now: DateTime<Utc>) -> bool {
        self.keys == *keys && self.newest_seals == keys.newest_seals(now)
    }
}
