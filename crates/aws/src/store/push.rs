//! The [`PushStates`] port: an item for each mailbox that somebody wants push for.
//!
//! Hints are attributes beside the document: a storm of them meets a condition, and holds up no renewal.

use super::DynamoStore;
use super::key::Key;
use super::row::{Row, expiry, json, number};
use super::table::{Met, Table, Write};
use app::PushRowAhead;
use app::ports::{PushStates, Result, Written};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use domain::push::{Hints, PushKey, PushState};

fn read(row: &Row) -> Result<(PushState, Hints)> {
    let hints = if row.has("hints") { row.json("hints")? } else { Hints::default() };
    Ok((row.json("doc")?, hints))
}

fn ended(written: std::result::Result<(), Met>) -> Written {
    match written {
        Ok(()) => Written::Done,
        Err(Some(_)) => Written::Conflict,
        Err(None) => Written::Gone,
    }
}

async fn stored(table: &Table, key: &PushKey) -> Result<Option<(PushState, Hints)>> {
    let row = table.get("read a push state", &Key::push(key)).await?;
    row.as_ref().map(read).transpose()
}

/// Reads the row that a notice names, for a process that has no store yet.
pub(crate) async fn read_ahead(client: &Client, table: &str, key: PushKey) -> Result<PushRowAhead> {
    let row = stored(&Table::new(client.clone(), table.to_owned()), &key).await?;
    Ok(PushRowAhead { key, row })
}

#[async_trait]
impl PushStates for DynamoStore {
    async fn push_state(&self, key: &PushKey) -> Result<Option<(PushState, Hints)>> {
        stored(&self.table, key).await
    }

    async fn put_push_state(
        &self,
        key: &PushKey,
        seen: u64,
        state: &PushState,
        expires_at: DateTime<Utc>,
    ) -> Result<Written> {
        let put = Write::update(Key::push(key), "SET doc = :doc, version = :version, expires = :expires");
        let put = match seen {
            0 => put.when("attribute_not_exists(pk)"),
            _ => put.when("version = :seen").with(":seen", number(seen)),
        };
        let put = put
            .with(":doc", json(state)?)
            .with(":version", number(state.version))
            .with(":expires", expiry(expires_at));
        let written = self.table.write("store a push state", put).await?;
        Ok(match &written {
            // Our own write, whose answer got lost.
            Err(Some(row)) if read(row)?.0 == *state => Written::Done,
            // It was removed meanwhile: to be read again, and made anew.
            Err(None) => Written::Conflict,
            _ => ended(written),
        })
    }

    async fn remove_push_state(&self, key: &PushKey, version: u64) -> Result<Written> {
        let remove =
            Write::delete(Key::push(key)).when("version = :version").with(":version", number(version));
        Ok(ended(self.table.write("remove a push state", remove).await?))
    }

    async fn put_hints(&self, key: &PushKey, seen: &Hints, next: &Hints) -> Result<Written> {
        let put = Write::update(Key::push(key), "SET hints = :next");
        let put = match *seen == Hints::default() {
            true => put.when("attribute_exists(pk) AND (attribute_not_exists(hints) OR hints = :seen)"),
            false => put.when("hints = :seen"),
        };
        let put = put.with(":next", json(next)?).with(":seen", json(seen)?);
        let written = self.table.write("store hints", put).await?;
        Ok(match &written {
            // Our own write, whose answer got lost: or another's with the same effect, which leads to a poll as well.
            Err(Some(row)) if read(row)?.1 == *next => Written::Done,
            _ => ended(written),
        })
    }
}
