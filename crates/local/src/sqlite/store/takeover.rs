//! What workers of an earlier process held. The data folder has one serving process at a time, so when it is
//! opened none of them lives: nobody has to wait until their claims and leases run out, and a schedule or
//! secrets without an instance are of a creation that ended with them.

use crate::sqlite::columns::instance_id;
use domain::ids::InstanceId;
use rusqlite::{Connection, Result};

pub(super) fn forget_dead_workers(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "UPDATE notifications SET claim_until_us = NULL WHERE progress = 'pending' AND claim_until_us IS NOT NULL;
         UPDATE subscriptions SET lease_until_us = NULL WHERE lease_until_us IS NOT NULL;
         UPDATE sessions SET document = json_remove(document, '$.lease_until')
             WHERE CASE WHEN json_valid(document) THEN json_extract(document, '$.lease_until') END IS NOT NULL;
         DELETE FROM schedules WHERE instance_id NOT IN (SELECT id FROM instances);
         DELETE FROM secrets WHERE instance_id NOT IN (SELECT id FROM instances);",
    )
}

/// Instances that may need mending, at the start of a process.
pub(super) fn unfinished(conn: &Connection) -> Result<Vec<InstanceId>> {
    conn.prepare(
        "SELECT instance_id FROM outbox
         UNION SELECT id FROM instances WHERE deleted = 1
         UNION SELECT instance_id FROM subscriptions WHERE status = 'releasing'
         UNION SELECT id FROM instances LEFT JOIN schedules ON instance_id = id
             WHERE deleted = 0 AND coalesce(enabled, 0) = 0",
    )?
    .query_map([], |row| Ok(instance_id(row.get(0)?)))?
    .collect()
}
