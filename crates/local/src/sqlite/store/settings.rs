//! What accounts are set to.

use domain::settings::Items;
use rusqlite::{Connection, Result};

/// More keys than there are to set: callers check what they store.
const ITEMS_COUNT_MAX: usize = 1000;

pub(super) fn get(conn: &Connection, organization_id: u32, account_id: u32) -> Result<Items> {
    conn.prepare_cached(
        "SELECT key, value FROM settings WHERE organization_id = ?1 AND account_id = ?2 ORDER BY key LIMIT ?3",
    )?
    .query_map((organization_id, account_id, ITEMS_COUNT_MAX), |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// Keys that are not named keep their values.
pub(super) fn merge(conn: &Connection, organization_id: u32, account_id: u32, items: &Items) -> Result<()> {
    let mut put = conn.prepare_cached(
        "INSERT INTO settings (organization_id, account_id, key, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    for (key, value) in items {
        put.execute((organization_id, account_id, key, value))?;
    }
    Ok(())
}
