//! Who shows tokens of links that are none, so that nobody tries them out.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong tokens of one address in a minute, in one process: a person who mistypes one tries a few times.
const WRONG_PER_MINUTE: u32 = 30;
/// Addresses remembered; beyond it those that were not wrong in this minute are forgotten, and if that is not enough,
/// all.
const ADDRESSES_COUNT_MAX: usize = 10_000;

/// How often each address was wrong in which minute. Those whose address is not known count as one.
#[derive(Default)]
pub(crate) struct WrongLinks(Mutex<HashMap<Option<IpAddr>, (i64, u32)>>);

impl WrongLinks {
    /// Seconds to wait for who was wrong too often.
    pub(crate) fn check(&self, visitor: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), u64> {
        let wait_s = u64::try_from(60 - now.timestamp().rem_euclid(60)).unwrap_or(60);
        match self.counts().get(&network(visitor)) {
            Some((minute, count)) if *minute == minute_of(now) && *count >= WRONG_PER_MINUTE => Err(wait_s),
            _ => Ok(()),
        }
    }

    /// Counts one that was wrong.
    pub(crate) fn count(&self, visitor: Option<IpAddr>, now: DateTime<Utc>) {
        let minute = minute_of(now);
        let mut counts = self.counts();
        if counts.len() >= ADDRESSES_COUNT_MAX {
            counts.retain(|_, (of_minute, _)| *of_minute == minute);
        }
        if counts.len() >= ADDRESSES_COUNT_MAX {
            counts.clear();
        }
        let (of_minute, count) = counts.entry(network(visitor)).or_insert((minute, 0));
        if *of_minute != minute {
            (*of_minute, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, (i64, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn minute_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(60)
}

/// Whoever has an address of version 6 has 2^64 of them.
fn network(visitor: Option<IpAddr>) -> Option<IpAddr> {
    visitor.map(|address| match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::from((u128::from(six) >> 64 << 64).to_be_bytes()),
        four => four,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_wrong_so_often_in_a_minute() {
        let wrong = WrongLinks::default();
        let at = |second: i64| DateTime::from_timestamp(1_795_348_800 + second, 0).unwrap();
        let (one, other): (IpAddr, IpAddr) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        for _ in 0..WRONG_PER_MINUTE {
            assert_eq!(wrong.check(Some(one), at(20)), Ok(()));
            wrong.count(Some(one), at(20));
        }
        assert_eq!(wrong.check(Some(one), at(21)), Err(39));
        assert_eq!(wrong.check(Some("::ffff:203.0.113.7".parse().unwrap()), at(21)), Err(39));
        assert_eq!(wrong.check(Some(other), at(21)), Ok(()), "others have their own");
        assert_eq!(wrong.check(Some(one), at(60)), Ok(()), "and the next minute is another one");
    }

    #[test]
    fn a_network_of_version_6_counts_as_one() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let wrong = WrongLinks::default();
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        for number in 0..=u32::try_from(ADDRESSES_COUNT_MAX).unwrap() {
            wrong.count(Some(IpAddr::from(number.to_be_bytes())), now);
        }
        assert_eq!(wrong.counts().len(), 1);
    }
}
