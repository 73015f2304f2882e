//! What workers of an earlier process held. The data folder has one process at a time, so when it is opened
//! none of them lives: nobody has to wait until their claims and leases run out.

use rusqlite::{Connection, Result};

pub(super) fn forget_dead_workers(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "UPDATE notifications SET claim_until_us = NULL WHERE progress = 'pending' AND claim_until_us IS NOT NULL;
         UPDATE subscriptions SET lease_until_us = NULL WHERE lease_until_us IS NOT NULL;
         UPDATE sessions SET document = json_remove(document, '$.lease_until')
             WHERE json_extract(document, '$.lease_until') IS NOT NULL;",
    )
}
