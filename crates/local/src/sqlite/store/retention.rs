//! What goes: notifications and audit entries whose time is over, and everything of a deleted instance.

use super::{audit, bulks, health_events, instances, push, sign_in_links, user_sessions};
use crate::sqlite::columns::micros;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use rusqlite::{Connection, Result};

/// Pages given back to the file system at once; 1 MB with pages of 4 KiB.
const VACUUM_PAGES_MAX: u32 = 256;

/// What a deleted instance leaves beside its notifications.
const ROWS_OF_INSTANCE: [&str; 7] = [
    "DELETE FROM outbox WHERE instance_id = ?1",
    "DELETE FROM resources WHERE instance_id = ?1",
    "DELETE FROM annexes WHERE instance_id = ?1",
    "DELETE FROM sessions WHERE instance_id = ?1",
    "DELETE FROM subscriptions WHERE instance_id = ?1",
    "DELETE FROM sign_in_links WHERE instance_id = ?1",
    "DELETE FROM instances WHERE id = ?1",
];

/// Deletes at most `limit` expired notifications, audit entries and sessions; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    let rows = conn
        .prepare_cached("SELECT row_id FROM notifications WHERE expires_at_us <= ?1 LIMIT ?2")?
        .query_map((micros(now), limit), |row| row.get(0))?
        .collect::<Result<Vec<i64>>>()?;
    for row_id in &rows {
        delete(conn, *row_id)?;
    }
    let mut count = rows.len();
    count += audit::expire(conn, now, limit.saturating_sub(count))?;
    count += user_sessions::expire(conn, now, limit.saturating_sub(count))?;
    count += push::expire(conn, now, limit.saturating_sub(count))?;
    count += bulks::expire(conn, now, limit.saturating_sub(count))?;
    count += sign_in_links::expire(conn, now, limit.saturating_sub(count))?;
    count += health_events::expire(conn, now, limit.saturating_sub(count))?;
    vacuum(conn)?;
    Ok(count)
}

/// Deletes of a deleted instance at most `limit` notifications; with the last of them, all else. How many were
/// undelivered, and whether rows are left.
pub(super) fn purge(conn: &Connection, id: InstanceId, limit: usize) -> Result<(u64, bool)> {
    let deleted = instances::get(conn, id)?.is_some_and(|instance| instance.deleted_at.is_some());
    if !deleted {
        return Ok((0, false));
    }
    let rows = conn
        .prepare_cached(
            "SELECT row_id, progress = 'pending' FROM notifications WHERE instance_id = ?1 LIMIT ?2",
        )?
        .query_map((id.get(), limit), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, bool)>>>()?;
    for (row_id, _) in &rows {
        delete(conn, *row_id)?;
    }
    let undelivered = rows.iter().filter(|(_, pending)| *pending).count() as u64;
    if rows.len() == limit {
        return Ok((undelivered, true));
    }
    for sql in ROWS_OF_INSTANCE {
        conn.prepare_cached(sql)?.execute([id.get()])?;
    }
    Ok((undelivered, false))
}

fn delete(conn: &Connection, row_id: i64) -> Result<()> {
    let (id, sequence, events) = conn
        .prepare_cached(
            "SELECT n.instance_id, n.sequence, b.events
             FROM notifications n LEFT JOIN bodies b ON b.row_id = n.row_id WHERE n.row_id = ?1",
        )?
        .query_row([row_id], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
        })?;
    let mut unlog =
        conn.prepare_cached("DELETE FROM events WHERE instance_id = ?1 AND event = ?2 AND sequence = ?3")?;
    // Without a body there is nothing that names them, and it goes all the same.
    for event in events.unwrap_or_default().chunks_exact(16) {
        unlog.execute((id, event, sequence))?;
    }
    conn.prepare_cached("DELETE FROM objects WHERE instance_id = ?1 AND sequence = ?2")?
        .execute((id, sequence))?;
    conn.prepare_cached("DELETE FROM bodies WHERE row_id = ?1")?.execute([row_id])?;
    conn.prepare_cached("DELETE FROM notifications WHERE row_id = ?1")?.execute([row_id])?;
    Ok(())
}

/// Gives free pages back, a bounded number: each row of the answer is one page.
fn vacuum(conn: &Connection) -> Result<()> {
    let mut pages = conn.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})"))?;
    let mut rows = pages.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Notifications that are neither delivered nor dropped.
pub(super) fn undelivered_count(conn: &Connection) -> Result<u64> {
    conn.prepare_cached("SELECT count(*) FROM notifications WHERE progress = 'pending'")?
        .query_row([], |row| row.get(0))
}
