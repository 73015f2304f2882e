//! The row of an instance, and where its organization lists it.

use super::key::{self, Key, SHARDS_COUNT};
use super::row::{Row, json, number, text};
use super::table::{KeyQuery, Table, Write};
use app::ports::Result;
use domain::ids::InstanceId;
use domain::instance::Instance;

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

/// Ids in an organization's list, deleted ones among them.
pub(super) async fn listed(
    table: &Table,
    organization: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Vec<InstanceId>> {
    let mut ids = Vec::new();
    for shard in after.map_or(0, key::shard)..SHARDS_COUNT {
        // An empty text is no key; zero is no instance.
        let from = text(after.map_or("0".to_owned(), key::listed));
        let page = KeyQuery {
            range: Some(("sk", "#sort > :from", from)),
            limit: Some(limit - ids.len()),
            ..KeyQuery::of(key::instances(organization, shard))
        };
        for row in table.query("list instances", page).await? {
            ids.push(instance_id(&row)?);
        }
        if ids.len() >= limit {
            break;
        }
    }
    Ok(ids)
}
