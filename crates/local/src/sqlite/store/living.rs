//! Instances that are there and not deleted.

use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _, Result};

/// The version of an instance that is there and not deleted.
pub(super) fn version(conn: &Connection, id: InstanceId) -> Result<Option<u64>> {
    conn.prepare_cached("SELECT version FROM instances WHERE id = ?1 AND deleted = 0")?
        .query_row([id.get()], |row| row.get(0))
        .optional()
}

/// Whose an instance is that is there and not deleted.
pub(super) fn organization(conn: &Connection, id: InstanceId) -> Result<Option<u32>> {
    conn.prepare_cached("SELECT organization_id FROM instances WHERE id = ?1 AND deleted = 0")?
        .query_row([id.get()], |row| row.get(0))
        .optional()
}
