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
/// A token with an unknown key makes us fetch the keys again at once, since a new key may have come into use; but so
/// often within so many seconds, since anybody can send one. Beyond that the notice is left to the timetable.
const KEYS_AGAIN_COUNT_MAX: usize = 5;
const KEYS_AGAIN_WITHIN_S: i64 = 60;
/// Keys that could not be fetched are not asked for again for so long, seconds.
const KEYS_FAILED_S: i64 = 5;
/// Places that one process pulls from at once. Each holds a connection open most of its time, and nothing else.
pub(crate) const PULLED_COUNT_MAX: usize = 64;
/// A pull token is not used for the last so long of its life, seconds.
const TOKEN_MARGIN_S: i64 = 60;
/// How often refused notices are logged, seconds.
const REFUSED_TOLD_S: i64 = 60;

/// What this process heard.
#[derive(Default)]
pub(crate) struct Heard {
    keys: Mutex<HashMap<&'static str, Keys>>,
    keys_failed_at: Mutex<HashMap<&'static str, DateTime<Utc>>>,
    keys_again_at: Mutex<HashMap<&'static str, Vec<DateTime<Utc>>>>,
    tokens: Mutex<HashMap<PullSource, (String, DateTime<Utc>)>>,
    sources: Mutex<Sources>,
    refused: AtomicU64,
    told_at: Mutex<Option<DateTime<Utc>>>,
}

/// Who pulls from where.
#[derive(Default)]
struct Sources {
    pullers: BTreeMap<PullSource, BTreeSet<InstanceId>>,
    /// Those that have a place; the others wait for one.
    placed: BTreeSet<PullSource>,
}

impl Sources {
    /// Gives places that are free to those that wait.
    fn place(&mut self) {
        self.placed.retain(|source| self.pullers.contains_key(source));
        let free = PULLED_COUNT_MAX.saturating_sub(self.placed.len());
        let waiting = self.pullers.keys().filter(|source| !self.placed.contains(*source));
        let next: Vec<PullSource> = waiting.take(free).cloned().collect();
        self.placed.extend(next);
    }
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

    /// Takes leave to fetch keys again for a token that they do not know.
    pub(crate) fn may_ask_keys_again(&self, connector: &'static str, now: DateTime<Utc>) -> bool {
        let mut asked = locked(&self.keys_again_at);
        let asked = asked.entry(connector).or_default();
        asked.retain(|at| (now - *at).num_seconds().abs() < KEYS_AGAIN_WITHIN_S);
        if asked.len() >= KEYS_AGAIN_COUNT_MAX {
            return false;
        }
        asked.push(now);
        true
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
        sources.pullers.retain(|other, instances| {
            if source.as_ref() != Some(other) {
                instances.remove(&id);
            }
            !instances.is_empty()
        });
        if let Some(source) = source {
            sources.pullers.entry(source).or_default().insert(id);
        }
        sources.place();
        locked(&self.tokens).retain(|source, _| sources.pullers.contains_key(source));
    }

    /// Whether all places are taken by others, so that nothing is pulled for the instance.
    pub(crate) fn waits_for_a_place(&self, id: InstanceId) -> bool {
        let sources = locked(&self.sources);
        let own = sources.pullers.iter().find(|(_, instances)| instances.contains(&id));
        own.is_some_and(|(source, _)| !sources.placed.contains(source))
    }

    /// Who pulls from there.
    pub(crate) fn pullers(&self, source: &PullSource) -> BTreeSet<InstanceId> {
        locked(&self.sources).pullers.get(source).cloned().unwrap_or_default()
    }

    /// Where there is somebody to pull for, and a place to do it.
    pub(crate) fn sources(&self) -> Vec<PullSource> {
        locked(&self.sources).placed.iter().cloned().collect()
    }

    /// A notice was refused. Strangers may send any number of them: they are counted, and logged once a minute.
    pub(crate) fn refuse(&self, connector: &str, why: &'static str, now: DateTime<Utc>) {
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told_at = locked(&self.told_at);
        if told_at.is_none_or(|told_at| (now - told_at).abs() >= Duration::seconds(REFUSED_TOLD_S)) {
            *told_at = Some(now);
            tracing::warn!(connector, why, refused = count, "push.refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_with_the_last_who_pulls_with_it() {
        let (heard, now) = (Heard::default(), DateTime::UNIX_EPOCH);
        let source = |subscription: &str| PullSource { subscription: subscription.to_owned(), key_digest: 1 };
        let id = |n| InstanceId::from_bytes([0, 0, 0, n]);
        for (n, subscription) in [(1, "a"), (2, "a"), (3, "b")] {
            heard.pulls(id(n), Some(source(subscription)));
            heard.keep_token(&source(subscription), "token", 3_600, now);
        }
        heard.pulls(id(1), None);
        heard.pulls(id(3), Some(source("a")));
        assert!(heard.token(&source("a"), now).is_some(), "another pulls with it");
        assert_eq!(heard.token(&source("b"), now), None);
        assert_eq!(locked(&heard.tokens).len(), 1);
    }
    #[test]
    fn who_comes_when_all_places_are_taken_waits_for_one() {
        let heard = Heard::default();
        let source = |n: u8| PullSource { subscription: format!("{n:03}"), key_digest: 1 };
        let id = |n| InstanceId::from_bytes([0, 0, 0, n]);
        // The first in order comes last: whoever has a place keeps it.
        for n in (1..=66).rev() {
            heard.pulls(id(n), Some(source(n)));
        }
        let waiting = || (1..=66).filter(|n| heard.waits_for_a_place(id(*n))).collect::<Vec<u8>>();
        assert_eq!((heard.sources().len(), waiting()), (PULLED_COUNT_MAX, vec![1, 2]));
        heard.pulls(id(100), Some(source(50)));
        assert!(!heard.waits_for_a_place(id(100)), "it shares a place");
        heard.pulls(id(50), None);
        assert_eq!(waiting(), [1, 2], "the place is still needed");
        heard.pulls(id(100), None);
        assert_eq!((heard.sources().len(), waiting()), (PULLED_COUNT_MAX, vec![2]));
    }
}
