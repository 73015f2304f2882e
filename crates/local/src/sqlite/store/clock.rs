//! What a clock that was set back does to stored times: whatever holds until a time that lies ahead would hold
//! longer by as much. It is brought nearer, so that each wait takes the time that it was meant to.

use crate::sqlite::columns::{from_json, to_json};
use chrono::{DateTime, Duration, Utc};
use rusqlite::{Connection, Result};
use serde_json::Value;

/// Documents read at once.
const BATCH: usize = 500;
/// Names of times in documents until which something waits or holds.
const WAITS: [&str; 3] = ["backoff_until", "lease_until", "due_at"];

pub(super) fn set_back(conn: &Connection, by: Duration, now: DateTime<Utc>) -> Result<()> {
    let times = (by.num_microseconds().unwrap_or(i64::MAX), now.timestamp_micros());
    for statement in [
        "UPDATE subscriptions SET lease_until_us = max(?2, lease_until_us - ?1) WHERE lease_until_us > ?2",
        "UPDATE pollers SET until_us = max(?2, until_us - ?1) WHERE until_us > ?2",
        "UPDATE notifications SET due_at_us = max(?2, due_at_us - ?1)
             WHERE progress = 'pending' AND due_at_us > ?2",
        "UPDATE notifications SET claim_until_us = max(?2, claim_until_us - ?1)
             WHERE progress = 'pending' AND claim_until_us > ?2",
    ] {
        conn.execute(statement, times)?;
    }
    documents(conn, "sessions", by, now)?;
    documents(conn, "resources", by, now)
}

/// The documents of a table, those that may have such a time.
fn documents(conn: &Connection, table: &str, by: Duration, now: DateTime<Utc>) -> Result<()> {
    let select = format!(
        "SELECT rowid, document FROM {table} WHERE rowid > ?1 AND (document LIKE '%_until\":\"%'
             OR document LIKE '%\"due_at\"%') ORDER BY rowid LIMIT ?2"
    );
    let update = format!("UPDATE {table} SET document = ?2 WHERE rowid = ?1");
    let mut last = i64::MIN;
    loop {
        let batch: Vec<(i64, Value)> = conn
            .prepare_cached(&select)?
            .query_map((last, BATCH), |row| Ok((row.get(0)?, from_json(row.get_ref(1)?.as_str()?)?)))?
            .collect::<Result<_>>()?;
        for (row, mut document) in batch.iter().cloned() {
            if bring_nearer(&mut document, by, now) {
                conn.prepare_cached(&update)?.execute((row, to_json(&document)?))?;
            }
        }
        match batch.last() {
            Some((row, _)) if batch.len() == BATCH => last = *row,
            _ => return Ok(()),
        }
    }
}

/// Changes the times of a document; whether there was one to change. A connector's cursor is its own.
fn bring_nearer(value: &mut Value, by: Duration, now: DateTime<Utc>) -> bool {
    match value {
        Value::Array(items) => {
            items.iter_mut().filter_map(|item| bring_nearer(item, by, now).then_some(())).count() > 0
        }
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| {
            let has_changed = match WAITS.contains(&name.as_str()) {
                true => nearer(value, by, now),
                false => !matches!(name.as_str(), "cursor" | "stub") && bring_nearer(value, by, now),
            };
            has_changed || any
        }),
        _ => false,
    }
}

fn nearer(value: &mut Value, by: Duration, now: DateTime<Utc>) -> bool {
    let at = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let Some(at) = at.filter(|at| *at > now) else { return false };
    *value = serde_json::to_value((at - by).max(now)).unwrap_or_default();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lies_ahead_comes_nearer_and_a_cursor_is_left_alone() {
        let now = "2026-11-28T10:00:00Z".parse().unwrap();
        let mut document = json!({
            "backoff_until": "2026-11-28T11:00:05Z", "lease_until": null, "written_at": "2026-11-28T11:00:00Z",
            "cursor": { "due_at": "2026-11-28T11:00:00Z" },
            "retry_records": [{ "due_at": "2026-11-28T09:00:00Z" }, { "due_at": "2026-11-28T10:30:00Z" }],
        });
        assert!(bring_nearer(&mut document, Duration::hours(1), now));
        assert_eq!(document["backoff_until"], "2026-11-28T10:00:05Z");
        assert_eq!(document["written_at"], "2026-11-28T11:00:00Z");
        assert_eq!(document["cursor"]["due_at"], "2026-11-28T11:00:00Z");
        assert_eq!(document["retry_records"][0]["due_at"], "2026-11-28T09:00:00Z");
        assert_eq!(document["retry_records"][1]["due_at"], "2026-11-28T10:00:00Z");
        let later = now + Duration::minutes(1);
        assert!(!bring_nearer(&mut document, Duration::hours(1), later), "nothing lies ahead any more");
    }
}
