//! The [`HealthEvents`] port: an item for each in a partition of its organization.

use super::DynamoStore;
use super::key::{self, Key};
use super::row::{Row, expiry, json, number, text};
use super::table::{KeyQuery, Write};
use app::ports::{HealthEvents, Result, Written};
use async_trait::async_trait;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;

/// Maximum items of one read.
const PAGE_COUNT_MAX: usize = 50_000;

fn read(row: &Row) -> Result<HealthRow> {
    row.json("doc")
}

fn put(row: &HealthRow) -> Result<Write> {
    let (organization_id, id) = row.key();
    let attributes = [("doc", json(row)?), ("version", number(row.version()))];
    let put = Write::put(&Key::health_event(organization_id, id), attributes);
    Ok(match row.expires_at() {
        Some(expires_at) => put.and("expires", expiry(expires_at)),
        None => put,
    })
}

#[async_trait]
impl HealthEvents for DynamoStore {
    async fn insert_health_row(&self, row: &HealthRow) -> Result<Written> {
        let write = put(row)?.when("attribute_not_exists(pk)");
        let written = self.table.write("store a health event", write).await?;
        Ok(if written.is_ok() { Written::Done } else { Written::Conflict })
    }

    async fn health_row(&self, organization_id: u32, id: HealthEventId) -> Result<Option<HealthRow>> {
        let row = self.table.get("read a health event", &Key::health_event(organization_id, id)).await?;
        row.as_ref().map(read).transpose()
    }

    async fn change_health_row(&self, row: &HealthRow) -> Result<Written> {
        let before = row.version().saturating_sub(1);
        let write = put(row)?.when("version = :before").with(":before", number(before));
        match self.table.write("change a health event", write).await? {
            Ok(()) => Ok(Written::Done),
            // Our own write, whose answer got lost.
            Err(Some(met)) if read(&met)? == *row => Ok(Written::Done),
            Err(_) => Ok(Written::Conflict),
        }
    }

    async fn health_rows(
        &self,
        organization_id: u32,
        from: HealthEventId,
        to: HealthEventId,
        limit: usize,
    ) -> Result<Vec<HealthRow>> {
        let limit = limit.min(PAGE_COUNT_MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        // Both ends belong to what `BETWEEN` gives.
        let range = Some(("sk", "#sort BETWEEN :from AND :to", text(from.to_string())));
        let partition = KeyQuery::of(key::health_events(organization_id));
        let page = KeyQuery { range, to: Some(text(to.to_string())), limit: Some(limit), ..partition };
        let mut rows = self.table.readable("list health events", page, read).await?.rows;
        rows.retain(|row| row.key().1 < to);
        Ok(rows)
    }
}
