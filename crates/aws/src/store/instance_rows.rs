//! The row of an instance, and where its organization lists it.

use super::key::{self, Key, SHARDS_COUNT};
use super::row::{Row, json, number, text};
use super::table::{KeyQuery, Table, Write};
use app::ports::Result;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};
use futures_util::future::try_join_all;

/// The row of an instance, but for the hash of its token.
pub(super) fn config(instance: &Instance) -> Result<Write> {
    let attributes = [("doc", json(instance)?), ("version", number(instance.version))];
    Ok(Write::put(&Key::config(instance.id), attributes))
}

/// Also a deleted one.
pub(super) async fn get(table: &Table, id: InstanceId) -> Result<Option<Instance>> {
    let row = table.get("read an instance", &Key::config(id)).await?;
    row.as_ref().map(read).transpose()
}

pub(super) fn read(row: &Row) -> Result<Instance> {
    row.json("doc")
}

pub(super) fn instance_id(row: &Row) -> Result<InstanceId> {
    Ok(InstanceId::from_bytes(row.number::<u32>("instance")?.to_be_bytes()))
}

/// What brings the list of an address in line with a change: an instance is in that of its own, and a deleted one in none.
pub(super) fn readdress(before: Option<&Instance>, after: &Instance) -> Vec<Write> {
    let former = before.and_then(|before| before.address_key.as_ref());
    let present = after.address_key.as_ref().filter(|_| after.deleted_at.is_none());
    if former == present {
        return Vec::new();
    }
    let id = after.id;
    let key = |address| Key::addressed(after.account.organization_id, address, id);
    let put = present.map(|address| Write::put(&key(address), [("instance", number(id))]));
    let delete = former.map(|address| Write::delete(key(address)));
    put.into_iter().chain(delete).collect()
}

/// Ids in the list of an address.
pub(super) async fn of_address(
    table: &Table,
    organization: u32,
    address: &AddressKey,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Vec<InstanceId>> {
    let page = KeyQuery {
        range: after.map(|after| ("sk", "#sort > :from", text(key::listed(after)))),
        limit: Some(limit),
        ..KeyQuery::of(key::addressed(organization, address))
    };
    let rows = table.query("find instances by address", page).await?;
    rows.iter().map(instance_id).collect()
}

/// Ids in an organization's list, deleted ones among them.
pub(super) async fn listed(
    table: &Table,
    organization: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Vec<InstanceId>> {
    // An empty text is no key; zero is no instance.
    let from = after.map_or("0".to_owned(), key::listed);
    let mut ids = Vec::new();
    let first = after.map_or(0, key::shard);
    let (mut next, mut at_once_count) = (first, 1);
    while next < SHARDS_COUNT && ids.len() < limit {
        let shards = next..SHARDS_COUNT.min(next + at_once_count);
        next = shards.end;
        let missing = limit - ids.len();
        let pages = shards.map(|shard| {
            let page = KeyQuery {
                range: Some(("sk", "#sort > :from", text(from.clone()))),
                limit: Some(missing),
                ..KeyQuery::of(key::instances(organization, shard))
            };
            table.query("list instances", page)
        });
        for row in try_join_all(pages).await?.iter().flatten().take(missing) {
            ids.push(instance_id(row)?);
        }
        at_once_count = shards_for(limit - ids.len(), ids.len(), next - first);
    }
    Ok(ids)
}

/// Shards to read at once for what is missing, by what those had that were read: all are about as long.
fn shards_for(missing: usize, found: usize, read_count: u32) -> u32 {
    let count = missing.saturating_mul(read_count as usize) / found.max(1) + 1;
    u32::try_from(count).map_or(SHARDS_COUNT, |count| count.min(SHARDS_COUNT))
}
