//! What a process remembers of push: the provider's keys, tokens for pulling, who pulls from where, and what was refused.
//! All of it is found out anew by a process that starts.

use chrono::{DateTime, Duration, Utc};
use connectors::PullSource;
use domain::ids::InstanceId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keys are fetched anew after so long, hours: providers rotate them every few days, and publish the next ahead.
const KEYS_HOURS_MAX: i64 = 6;
/// A token with an unknown key makes us fetch the keys again, once in so long, seconds: anybody can send one.
const KEYS_AGAIN_S: i64 = 60;
/// Keys that could not be fetched are not asked for again for so long, seconds.
const KEYS_FAILED_S: i64 = 5;
/// A pull token is not used for the last so long of its life, seconds.
const TOKEN_MARGIN_S: i64 = 60;
/// How often refused notices are told of, seconds.
const REFUSED_TOLD_S: i64 = 60;

/// What this process heard.
#[derive(Default)]
pub(crate) struct Heard {
    keys: Mutex<HashMap<&'static str, Keys>>,
    keys_failed_at: Mutex<HashMap<&'static str, DateTime<Utc>>>,
    tokens: Mutex<HashMap<PullSource, (String, DateTime<Utc>)>>,
    sources: Mutex<BTreeMap<PullSource, BTreeSet<InstanceId>>>,
    refused: AtomicU64,
    told_at: Mutex<Option<DateTime<Utc>>>,
}

/// Keys as fetched.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) keys: Arc<Value>,
    fetched_at: DateTime<Utc>,
}

impl Keys {
    pub(crate) fn new(keys: Value, now: DateTime<Utc>) -> Self {
        Keys { keys: Arc::new(keys), fetched_at: now }
    }

    /// Whether they may be fetched again for a token that they do not know.
    pub(crate) fn may_be_older(&self, now: DateTime<Utc>) -> bool {
        now - self.fetched_at >= Duration::seconds(KEYS_AGAIN_S)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heard {
    /// A connector's keys, unless they have become old.
    pub(crate) fn keys(&self, connector: &'static str, now: DateTime<Utc>) -> Option<Keys> {
        let keys = locked(&self.keys).get(connector).cloned();
        keys.filter(|keys| (now - keys.fetched_at).abs() < Duration::hours(KEYS_HOURS_MAX))
    }

    /// Keys could not be had.
    pub(crate) fn lack_keys(&self, connector: &'static str, now: DateTime<Utc>) {
        locked(&self.keys_failed_at).insert(connector, now);
    }

    /// Whether that was only just now. Anybody can send what looks signed, and none of it may make us ask again and again.
    pub(crate) fn lacks_keys(&self, connector: &'static str, now: DateTime<Utc>) -> bool {
        let failed_at = locked(&self.keys_failed_at).get(connector).copied();
        failed_at.is_some_and(|at| (now - at).num_seconds().abs() < KEYS_FAILED_S)
    }

    pub(crate) fn keep_keys(&self, connector: &'static str, keys: Keys) {
        locked(&self.keys).insert(connector, keys);
    }

    /// The token to pull with.
    pub(crate) fn token(&self, source: &PullSource, now: DateTime<Utc>) -> Option<String> {
        let tokens = locked(&self.tokens);
        let (token, until) = tokens.get(source)?;
        (now < *until).then(|| token.clone())
    }

    pub(crate) fn keep_token(&self, source: &PullSource, token: &str, lifetime_s: u32, now: DateTime<Utc>) {
        let until = now + Duration::seconds(i64::from(lifetime_s) - TOKEN_MARGIN_S);
        locked(&self.tokens).insert(source.clone(), (token.to_owned(), until));
    }

    pub(crate) fn forget_token(&self, source: &PullSource) {
        locked(&self.tokens).remove(source);
    }

    /// The instance pulls from there, and from nowhere else.
    pub(crate) fn pulls(&self, id: InstanceId, source: Option<PullSource>) {
        let mut sources = locked(&self.sources);
        sources.retain(|other, instances| {
            if source.as_ref() != Some(other) {
                instances.remove(&id);
            }
            !instances.is_empty()
        });
        if let Some(source) = source {
            sources.entry(source).or_default().insert(id);
        }
    }

    /// Who pulls from there.
    pub(crate) fn pullers(&self, source: &PullSource) -> BTreeSet<InstanceId> {
        locked(&self.sources).get(source).cloned().unwrap_or_default()
    }

    /// Where there is somebody to pull for.
    pub(crate) fn sources(&self) -> Vec<PullSource> {
        locked(&self.sources).keys().cloned().collect()
    }

    /// A notice was refused. Strangers may send any number of them: they are counted, and told of once a minute.
    pub(crate) fn refuse(&self, connector: &str, why: &'static str, now: DateTime<Utc>) {
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told_at = locked(&self.told_at);
        if told_at.is_none_or(|told_at| (now - told_at).abs() >= Duration::seconds(REFUSED_TOLD_S)) {
            *told_at = Some(now);
            tracing::warn!(connector, why, refused = count, "push.refused");
        }
    }
}
