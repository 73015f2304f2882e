//! The [`Bulks`] port: an item for each bulk action in a partition of its organization, one with its instances while it
//! runs, and one that counts how many run.

use super::DynamoStore;
use super::audit;
use super::key::{self, Key};
use super::row::{Row, bytes, expiry, json, number, text};
use super::table::{KeyQuery, Write, WritesEnded};
use app::ports::{AuditEntry, Bulks, Result, Rows, Written};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::bulk::{Bulk, BulkId, KEPT_DAYS};
use domain::ids::InstanceId;

/// Maximum bulk actions of one page.
const PAGE_COUNT_MAX: usize = 1000;

fn key(bulk: &Bulk) -> Key {
    Key::bulk(bulk.account.organization_id, bulk.id)
}

fn read(row: &Row) -> Result<Bulk> {
    row.json("doc")
}

/// How many of an organization run, after one more or one less.
fn count(bulk: &Bulk, by: i8) -> Write {
    Write::update(Key::running_bulks(bulk.account.organization_id), "ADD running :by").with(":by", number(by))
}

fn change(bulk: &Bulk, expression: &'static str) -> Result<Write> {
    Ok(Write::update(key(bulk), expression)
        .with(":doc", json(bulk)?)
        .with(":version", number(bulk.version))
        .with(":before", number(bulk.version.saturating_sub(1))))
}

impl DynamoStore {
    /// A write whose answer got lost meets its own effect.
    async fn with_bulk(&self, context: &'static str, writes: Vec<Write>, bulk: &Bulk) -> Result<Written> {
        if matches!(self.table.transact(context, writes).await?, WritesEnded::Done) {
            return Ok(Written::Done);
        }
        let stored = self.bulk(bulk.account.organization_id, bulk.id).await?;
        Ok(if stored.as_ref() == Some(bulk) { Written::Done } else { Written::Conflict })
    }
}

#[async_trait]
impl Bulks for DynamoStore {
    async fn insert_bulk(
        &self,
        bulk: &Bulk,
        targets: &[InstanceId],
        running_count_max: u32,
        audit: &AuditEntry,
    ) -> Result<Written> {
        let attributes = [("doc", json(bulk)?), ("version", number(bulk.version)), ("running", number(1))];
        let targets: Vec<u8> = targets.iter().flat_map(|id| id.get().to_be_bytes()).collect();
        let targets_key = Key::bulk_targets(bulk.account.organization_id, bulk.id);
        let writes = vec![
            Write::put(&key(bulk), attributes).when("attribute_not_exists(pk)"),
            Write::put(&targets_key, [("targets", bytes(targets))]),
            count(bulk, 1)
                .when("attribute_not_exists(running) OR running < :max")
                .with(":max", number(running_count_max)),
            audit::put(audit)?,
        ];
        self.with_bulk("store a bulk action", writes, bulk).await
    }

    async fn bulk(&self, organization_id: u32, id: BulkId) -> Result<Option<Bulk>> {
        let row = self.table.get("read a bulk action", &Key::bulk(organization_id, id)).await?;
        row.as_ref().map(read).transpose()
    }

    async fn bulk_targets(&self, organization_id: u32, id: BulkId) -> Result<Vec<InstanceId>> {
        let key = Key::bulk_targets(organization_id, id);
        let row = self.table.get("read the instances of a bulk action", &key).await?;
        let bytes = row.as_ref().map(|row| row.bytes("targets")).transpose()?.unwrap_or_default();
        Ok(bytes.as_chunks().0.iter().map(|id| InstanceId::from_bytes(*id)).collect())
    }

    async fn bulks(&self, organization_id: u32, before: Option<BulkId>, limit: usize) -> Result<Rows<Bulk>> {
        let limit = limit.min(PAGE_COUNT_MAX);
        if limit == 0 {
            return Ok(Rows::default());
        }
        let range = before.map(|before| ("sk", "#sort < :from", text(before.to_string())));
        let partition = KeyQuery::of(key::bulks(organization_id));
        let page = KeyQuery { range, is_descending: true, limit: Some(limit), ..partition };
        self.table.readable("list bulk actions", page, read).await
    }

    async fn change_bulk(&self, bulk: &Bulk) -> Result<Written> {
        let update = change(bulk, "SET doc = :doc, version = :version")?.when("version = :before");
        match self.table.write("change a bulk action", update).await? {
            Ok(()) => Ok(Written::Done),
            // Our own write, whose answer got lost.
            Err(Some(row)) if read(&row)? == *bulk => Ok(Written::Done),
            Err(_) => Ok(Written::Conflict),
        }
    }

    async fn end_bulk(&self, bulk: &Bulk, audit: Option<&AuditEntry>) -> Result<Written> {
        let expires_at = bulk.expires_at().unwrap_or(bulk.updated_at + TimeDelta::days(KEPT_DAYS));
        let update = change(bulk, "SET doc = :doc, version = :version, expires = :expires REMOVE running")?
            .when("version = :before AND attribute_exists(running)")
            .with(":expires", expiry(expires_at));
        let targets = Write::delete(Key::bulk_targets(bulk.account.organization_id, bulk.id));
        let mut writes = vec![update, targets, count(bulk, -1)];
        writes.extend(audit.map(audit::put).transpose()?);
        self.with_bulk("end a bulk action", writes, bulk).await
    }
}
