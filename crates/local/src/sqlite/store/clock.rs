//! What a clock that was set back does to stored times: whatever holds until a time that lies ahead would hold
//! longer by as much. It is brought nearer, so that each wait takes the time that it was meant to.

use crate::sqlite::columns::{from_json, to_json};
use chrono::{DateTime, Duration, Utc};
use domain::bulk::Bulk;
use domain::state::ResourceState;
use domain::token::Session;
use rusqlite::{Connection, Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Documents read at once.
const BATCH: usize = 500;

pub(super) fn set_back(conn: &Connection, by: Duration, now: DateTime<Utc>) -> Result<()> {
    let times = (by.num_microseconds().unwrap_or(i64::MAX), now.timestamp_micros());
    for statement in [
        "UPDATE subscriptions SET lease_until_us = max(?2, lease_until_us - ?1) WHERE lease_until_us > ?2",
        "UPDATE notifications SET due_at_us = max(?2, due_at_us - ?1)
             WHERE progress = 'pending' AND due_at_us > ?2",
        "UPDATE notifications SET claim_until_us = max(?2, claim_until_us - ?1)
             WHERE progress = 'pending' AND claim_until_us > ?2",
    ] {
        conn.execute(statement, times)?;
    }
    super::health_events::set_back(conn, by, now)?;
    documents(conn, "bulks", |bulk: &mut Bulk| bulk.set_back(by, now))?;
    documents(conn, "sessions", |session: &mut Session| session.set_back(by, now))?;
    documents(conn, "resources", |state: &mut ResourceState| state.set_back(by, now))
}

/// Changes the documents of a table, in bites.
fn documents<T: Serialize + DeserializeOwned + Clone + PartialEq>(
    conn: &Connection,
    table: &str,
    change: impl Fn(&mut T),
) -> Result<()> {
    let select = format!("SELECT rowid, document FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT {BATCH}");
    let update = format!("UPDATE {table} SET document = ?2 WHERE rowid = ?1");
    let mut last = i64::MIN;
    loop {
        // What can't be read is left as it is.
        let document = |row: &Row<'_>| from_json::<T>(row.get_ref(1)?.as_str()?);
        let batch: Vec<(i64, Option<T>)> = conn
            .prepare_cached(&select)?
            .query_map([last], |row| Ok((row.get(0)?, document(row).ok())))?
            .collect::<Result<_>>()?;
        let Some((newest, _)) = batch.last() else { return Ok(()) };
        last = *newest;
        for (row, before) in batch {
            let Some(before) = before else { continue };
            let mut after = before.clone();
            change(&mut after);
            if after != before {
                conn.prepare_cached(&update)?.execute((row, to_json(&after)?))?;
            }
        }
    }
}
