//! Sessions: compared and set on their version, without effect once the instance is deleted.

use super::DynamoStore;
use super::key::Key;
use super::row::{Row, json, number, time};
use super::table::{Met, Write};
use app::ports::{Result, Sessions, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::token::Session;

/// Stores a session, whatever was there.
pub(super) fn put(id: InstanceId, session: &Session) -> Result<Write> {
    let mut attributes = vec![("doc", json(session)?), ("version", number(session.version))];
    attributes.extend(session.lease_until.map(|until| ("leased", time(until))));
    Ok(Write::put(&Key::session(id), attributes))
}

pub(super) fn read(row: &Row) -> Result<Session> {
    let mut session: Session = row.json("doc")?;
    // A lease is taken without writing the document.
    session.version = row.number("version")?;
    session.lease_until = row.time_or_none("leased")?;
    Ok(session)
}

fn ended(written: std::result::Result<(), Met>) -> Written {
    match written {
        Ok(()) => Written::Done,
        Err(Some(row)) if !row.has("gone") => Written::Conflict,
        Err(_) => Written::Gone,
    }
}

#[async_trait]
impl Sessions for DynamoStore {
    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        let table = &self.table;
        let lease = Write::update(Key::session(id), "SET leased = :until, version = :next")
            .when("version = :version AND attribute_not_exists(gone) AND (attribute_not_exists(leased) OR leased <= :now)")
            .with(":until", time(until))
            .with(":next", number(version + 1))
            .with(":version", number(version))
            .with(":now", time(now));
        Ok(ended(table.write("lease a session", lease).await?))
    }

    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        let table = &self.table;
        let put = put(id, session)?
            .when("version = :before AND attribute_not_exists(gone)")
            .with(":before", number(session.version.saturating_sub(1)));
        let written = table.write("store a session", put).await?;
        // Our own write, whose answer got lost.
        if let Err(Some(row)) = &written
            && !row.has("gone")
            && read(row)? == *session
        {
            return Ok(Written::Done);
        }
        Ok(ended(written))
    }
}
