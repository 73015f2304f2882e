//! Who shows what is not known, so that nobody tries it out.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Guessers remembered; beyond it those that were not wrong in this minute are forgotten, and if that is not enough, all.
const GUESSERS_COUNT_MAX: usize = 10_000;

/// How often each was wrong in which minute, in one process.
pub(crate) struct WrongGuesses<K> {
    /// What a person who mistypes needs.
    per_minute: u32,
    counts: Mutex<HashMap<K, (i64, u32)>>,
}

impl<K: Hash + Eq> WrongGuesses<K> {
    pub(crate) fn at_most(per_minute: u32) -> Self {
        WrongGuesses { per_minute, counts: Mutex::default() }
    }

    /// Seconds to wait for who was wrong too often.
    pub(crate) fn check(&self, guesser: &K, now: DateTime<Utc>) -> Result<(), u64> {
        match self.counts().get(guesser) {
            Some((minute, count)) if *minute == minute_of(now) && *count >= self.per_minute => {
                Err(u64::try_from(60 - now.timestamp().rem_euclid(60)).unwrap_or(60))
            }
            _ => Ok(()),
        }
    }

    /// Counts one that was wrong; how often that was in this minute.
    pub(crate) fn count(&self, guesser: K, now: DateTime<Utc>) -> u32 {
        let minute = minute_of(now);
        let mut counts = self.counts();
        if counts.len() >= GUESSERS_COUNT_MAX {
            counts.retain(|_, (of_minute, _)| *of_minute == minute);
        }
        if counts.len() >= GUESSERS_COUNT_MAX {
            counts.clear();
        }
        let (of_minute, count) = counts.entry(guesser).or_insert((minute, 0));
        if *of_minute != minute {
            (*of_minute, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        *count
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, (i64, u32)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn minute_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(60)
}

/// Where somebody asks from: those whose address is not known count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(Option<IpAddr>);

impl Network {
    /// Whoever has an address of version 6 has 2^64 of them.
    pub(crate) fn of(visitor: Option<IpAddr>) -> Self {
        Network(visitor.map(|address| match address.to_canonical() {
            IpAddr::V6(six) => IpAddr::from((u128::from(six) >> 64 << 64).to_be_bytes()),
            four => four,
        }))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(Some(text.parse().unwrap()))
    }

    #[test]
    fn an_address_is_wrong_so_often_in_a_minute() {
        let wrong = WrongGuesses::at_most(30);
        let at = |second: i64| DateTime::from_timestamp(1_795_348_800 + second, 0).unwrap();
        let (one, other) = (network("203.0.113.7"), network("203.0.113.8"));
        for expected in 1..=30 {
            assert_eq!(wrong.check(&one, at(20)), Ok(()));
            assert_eq!(wrong.count(one, at(20)), expected);
        }
        assert_eq!(wrong.check(&one, at(21)), Err(39));
        assert_eq!(wrong.check(&network("::ffff:203.0.113.7"), at(21)), Err(39));
        assert_eq!(wrong.check(&other, at(21)), Ok(()), "others have their own");
        assert_eq!(wrong.check(&one, at(60)), Ok(()), "and the next minute is another one");
    }

    #[test]
    fn a_network_of_version_6_counts_as_one() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let wrong = WrongGuesses::at_most(30);
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        for number in 0..=GUESSERS_COUNT_MAX {
            wrong.count(number, now);
        }
        assert_eq!(wrong.counts().len(), 1);
    }
}
