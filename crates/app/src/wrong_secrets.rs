//! Who shows secrets that nobody has: their answers come late, and right secrets are never held up by them.
//!
//! What makes guessing hopeless is how long secrets are; this bounds what guesses cost others, and leaves a trace.

use crate::ports::LookupHash;
use crate::wrong_guesses::{Network, WrongGuesses};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong secrets of one address in a minute before its next ones are slowed: a person mistypes a few times.
const OF_ADDRESS_PER_MINUTE: u32 = 20;
/// The same for one organization's secret, from wherever: its members may mistype, too.
const OF_ORGANIZATION_PER_MINUTE: u32 = 30;
/// Wrong ones of one address that wait for their answers at once; those beyond are answered at once. All are looked up:
/// others who sign in from there have right ones.
const HELD_OF_ADDRESS_MAX: u32 = 8;
/// Those of all addresses: each holds a connection.
const HELD_MAX: u32 = 64;
/// Secrets that are remembered as wrong; beyond it all are forgotten, and are again what they were once they were looked
/// up.
const REMEMBERED_COUNT_MAX: usize = 10_000;

/// What this process knows of guesses.
pub(crate) struct WrongSecrets {
    of_address: WrongGuesses<Network>,
    of_organization: WrongGuesses<LookupHash>,
    waiting: Mutex<HashMap<Network, u32>>,
    wrong: Mutex<HashSet<(Network, LookupHash, Option<LookupHash>)>>,
}

impl Default for WrongSecrets {
    fn default() -> Self {
        WrongSecrets {
            of_address: WrongGuesses::at_most(OF_ADDRESS_PER_MINUTE),
            of_organization: WrongGuesses::at_most(OF_ORGANIZATION_PER_MINUTE),
            waiting: Mutex::default(),
            wrong: Mutex::default(),
        }
    }
}

impl WrongSecrets {
    /// Nobody has them. Seconds to wait for who was wrong too often; who shows the same ones again guesses nothing.
    pub(crate) fn was_wrong(
        &self,
        secret: &LookupHash,
        organization: Option<&LookupHash>,
        network: Network,
        now: DateTime<Utc>,
    ) -> Result<(), u64> {
        if !is_new(&self.wrong, (network, *secret, organization.copied())) {
            return Ok(());
        }
        let is_slow = self.of_address.check(&network, now);
        let is_theirs_slow = organization.map_or(Ok(()), |one| self.of_organization.check(one, now));
        let count = self.of_address.count(network, now);
        if let Some(organization) = organization {
            self.of_organization.count(*organization, now);
        }
        if count == 1 || count == OF_ADDRESS_PER_MINUTE + 1 {
            tracing::warn!(client.address = %network, count, "sign_in.failed");
        }
        is_slow.and(is_theirs_slow)
    }

    /// A place to wait in, unless too many wait.
    pub(crate) fn hold(&self, network: Network) -> Option<HeldGuess<'_>> {
        let mut waiting = lock(&self.waiting);
        if waiting.values().sum::<u32>() >= HELD_MAX {
            return None;
        }
        let count = waiting.entry(network).or_default();
        let has_room = *count < HELD_OF_ADDRESS_MAX;
        *count += u32::from(has_room);
        has_room.then(|| HeldGuess { of: self, network })
    }
}

/// A wrong guess that waits for its answer.
pub(crate) struct HeldGuess<'a> {
    of: &'a WrongSecrets,
    network: Network,
}

impl Drop for HeldGuess<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.of.waiting);
        let Some(count) = waiting.get_mut(&self.network) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            waiting.remove(&self.network);
        }
    }
}

/// Remembers one; whether it was not remembered.
fn is_new<T: Eq + Hash>(of: &Mutex<HashSet<T>>, one: T) -> bool {
    let mut remembered = lock(of);
    if remembered.len() >= REMEMBERED_COUNT_MAX {
        remembered.clear();
    }
    remembered.insert(one)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn network(last: u8) -> Network {
        Network::of(Some(IpAddr::from([203, 0, 113, last])))
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    #[test]
    fn an_address_and_an_organization_are_slowed_each_by_itself() {
        let wrong = WrongSecrets::default();
        for n in 0..OF_ADDRESS_PER_MINUTE {
            let secret = [n as u8; 32];
            assert_eq!(wrong.was_wrong(&secret, Some(&secret), network(1), now()), Ok(()));
            assert_eq!(wrong.was_wrong(&secret, Some(&secret), network(1), now()), Ok(()), "the same again");
        }
        assert_eq!(wrong.was_wrong(&[98; 32], Some(&[99; 32]), network(1), now()), Err(60));
        assert_eq!(wrong.was_wrong(&[98; 32], None, network(2), now()), Ok(()), "another address is not");
        for n in 0..OF_ORGANIZATION_PER_MINUTE {
            assert_eq!(wrong.was_wrong(&[5; 32], Some(&[200; 32]), network(100 + n as u8), now()), Ok(()));
        }
        assert_eq!(
            wrong.was_wrong(&[5; 32], Some(&[200; 32]), network(200), now()),
            Err(60),
            "from wherever"
        );
    }

    #[test]
    fn few_wait() {
        let wrong = WrongSecrets::default();
        let held: Vec<_> = (0..HELD_OF_ADDRESS_MAX).map(|_| wrong.hold(network(1)).unwrap()).collect();
        assert!(wrong.hold(network(1)).is_none());
        let others: Vec<_> = (2..=20).filter_map(|last| wrong.hold(network(last))).collect();
        assert_eq!(others.len(), 19);
        drop((held, others));
        assert!(lock(&wrong.waiting).is_empty());
        let all: Vec<_> = (0..100).filter_map(|last| wrong.hold(network(last))).collect();
        assert_eq!(all.len(), HELD_MAX as usize);
    }
}
