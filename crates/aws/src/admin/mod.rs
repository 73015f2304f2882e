//! What administration needs of a stack, beside its store.

mod queues;
mod stack;

pub use queues::Queues;
pub use stack::StackAdministration;

use crate::schedules::Schedules;
use crate::vault::{Place, StackVault};
use app::ports::{Kept, Mark, Page, PortError, Result, Scheduled};
use domain::ids::InstanceId;

/// A page of the instances that have a schedule.
pub async fn scheduled(schedules: &Schedules, from: Option<&Mark>) -> Result<Page<Kept>> {
    let (listed, next) = schedules.list(from.map(|mark| mark.0.as_str())).await?;
    let items = listed.into_iter().map(|one| Kept { instance: one.instance, made_at: one.made_at });
    Ok(Page { items: items.collect(), next: next.map(Mark) })
}

/// What an instance's schedule says.
pub async fn schedule(schedules: &Schedules, id: InstanceId) -> Result<Option<Scheduled>> {
    let found = schedules.find(id).await?;
    Ok(found.map(|(interval_s, is_enabled)| Scheduled { interval_s, is_enabled }))
}

/// A page of the instances that have secrets, in either storage.
pub async fn with_secrets(vault: &StackVault, from: Option<&Mark>) -> Result<Page<Kept>> {
    let (holders, next) = vault.list(from.map_or(Ok(Place::default()), place)?).await?;
    let items = holders.into_iter().map(|(instance, made_at)| Kept { instance, made_at });
    Ok(Page { items: items.collect(), next: next.map(mark) })
}

fn mark(place: Place) -> Mark {
    let after = place.after.map_or(0, InstanceId::get);
    Mark(format!("{}/{after}", place.shard))
}

fn place(mark: &Mark) -> Result<Place> {
    let parts = mark.0.split_once('/');
    let place = parts.and_then(|(shard, after)| {
        Some(Place { shard: shard.parse().ok()?, after: InstanceId::parse(after) })
    });
    place.ok_or_else(|| PortError::new("go on with a listing", "not a place in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        for place in [Place { shard: 3, after: None }, Place { shard: 0, after: InstanceId::parse("17") }] {
            assert_eq!(super::place(&mark(place)).unwrap(), place);
        }
        assert!(super::place(&Mark("17".to_owned())).is_err());
    }
}
