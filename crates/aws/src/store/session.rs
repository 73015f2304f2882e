//! Sessions: compared and set on their version, without effect once the instance is deleted.

use super::key::Key;
use super::row::{Row, json, number, time};
use super::table::{Met, Table, Write};
use app::ports::{Result, Written};
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

pub(super) async fn lease(
    table: &Table,
    id: InstanceId,
    version: u64,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Written> {
    let lease = Write::update(Key::session(id), "SET leased = :until, version = :next")
        .when("version = :version AND attribute_not_exists(gone) AND (attribute_not_exists(leased) OR leased <= :now)")
        .with(":until", time(until))
        .with(":next", number(version + 1))
        .with(":version", number(version))
        .with(":now", time(now));
    Ok(ended(table.write("lease a session", lease).await?))
}

pub(super) async fn store(table: &Table, id: InstanceId, session: &Session) -> Result<Written> {
    let put = put(id, session)?
        .when("version = :before AND attribute_not_exists(gone)")
        .with(":before", number(session.version.saturating_sub(1)));
    Ok(ended(table.write("store a session", put).await?))
}

fn ended(written: std::result::Result<(), Met>) -> Written {
    match written {
        Ok(()) => Written::Done,
        Err(Some(row)) if !row.has("gone") => Written::Conflict,
        Err(_) => Written::Gone,
    }
}
