//! What a process remembers of push: the provider's keys, tokens for pulling, who pulls from where, and what was refused.
//! All of it is found out anew by a process that starts.

use chrono::{DateTime, Duration, Utc};
use connectors::PullSource;
use domain::ids::InstanceId;
use domain::push::PushKey;
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
/// How often refused notices, and those that we failed, are logged, seconds.
const TOLD_S: i64 = 60;
/// Keys serve so long while new ones can't be had, hours. What they sign leads to a poll and to nothing else.
const OLD_KEYS_HOURS_MAX: i64 = 24;
/// A mailbox whose hints can't be noted is rung as often by one process, seconds: as those that are noted.
const UNNOTED_S: i64 = 2;
/// Such mailboxes that are remembered. Beyond it their hints are lost.
const UNNOTED_COUNT_MAX: usize = 1_000;

/// What this process heard.
#[derive(Default)]
pub(crate) struct Heard {
    keys: Mutex<HashMap<&'static str, Keys>>,
    keys_failed_at: Mutex<HashMap<&'static str, DateTime<Utc>>>,
    keys_again_at: Mutex<HashMap<&'static str, Vec<DateTime<Utc>>>>,
    tokens: Mutex<HashMap<PullSource, (String, DateTime<Utc>)>>,
    sources: Mutex<Sources>,
    /// Taken by whoever fetches keys: the others wait for them.
    pub(crate) fetching: tokio::sync::Mutex<()>,
    unnoted_at: Mutex<HashMap<PushKey, DateTime<Utc>>>,
    refused: Told,
    failed: Told,
}

/// Something that happens as often as others like. It is counted, and logged once a minute.
#[derive(Default)]
struct Told {
    count: AtomicU64,
    at: Mutex<Option<DateTime<Utc>>>,
}

impl Told {
    /// Counts one more; how many there were by now, if it is to be logged.
    fn count(&self, now: DateTime<Utc>) -> Option<u64> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told_at = locked(&self.at);
        let is_due = told_at.is_none_or(|at| (now - at).abs() >= Duration::seconds(TOLD_S));
        is_due.then(|| {
            *told_at = Some(now);
            count
        })
    }
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
    pub(crate) fetched_at: DateTime<Utc>,
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
        self.keys_within(connector, KEYS_HOURS_MAX, now)
    }

    /// Keys to go on with while new ones can't be had.
    pub(crate) fn old_keys(&self, connector: &'static str, now: DateTime<Utc>) -> Option<Keys> {
        self.keys_within(connector, OLD_KEYS_HOURS_MAX, now)
    }

    fn keys_within(&self, connector: &'static str, hours: i64, now: DateTime<Utc>) -> Option<Keys> {
        let keys = locked(&self.keys).get(connector).cloned();
        keys.filter(|keys| (now - keys.fetched_at).abs() < Duration::hours(hours))
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

    /// A notice was refused. Strangers may send any number of them.
    pub(crate) fn refuse(&self, connector: &str, why: &'static str, now: DateTime<Utc>) {
        if let Some(refused) = self.refused.count(now) {
            tracing::warn!(connector, why, refused, "push.refused");
        }
    }

    /// A notice was accepted that may lead to no poll, since something of ours failed.
    pub(crate) fn fail(&self, connector: &str, why: &'static str, now: DateTime<Utc>) {
        if let Some(failed) = self.failed.count(now) {
            tracing::warn!(connector, why, failed, "push.failed");
        }
    }

    /// Takes leave to ring a mailbox whose hints can't be noted: what is noted dedupes, and a storm must not fill a queue.
    pub(crate) fn may_ring_unnoted(&self, key: &PushKey, now: DateTime<Utc>) -> bool {
        let mut unnoted_at = locked(&self.unnoted_at);
        unnoted_at.retain(|_, at| (now - *at).num_seconds().abs() < UNNOTED_S);
        if unnoted_at.len() >= UNNOTED_COUNT_MAX || unnoted_at.contains_key(key) {
            return false;
        }
        unnoted_at.insert(key.clone(), now);
        true
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
