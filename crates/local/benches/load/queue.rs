//! A queue, in the folder that a killed process left: each notification that waits, many times over.

use http::HeaderValue;
use rusqlite::Connection;
use std::path::Path;

/// All columns but the row's own.
const COPY: &str = "
    INSERT INTO notifications (instance_id, sequence, number, event_id, resource, created_at_us, progress, attempt,
        round_start, round_generation, due_at_us, attempts, organization_id, events_count, kinds)
    SELECT instance_id, sequence + ?1, number + ?1, event_id || '-' || ?1, resource, created_at_us, 'pending', 1,
        0, 0, NULL, '[]', organization_id, events_count, kinds
    FROM notifications WHERE row_id IN (SELECT row_id FROM originals)";

/// Whether an `Elements-Webhook-Id` is a copy's: longer than any that Carillon gives.
pub(crate) fn is_a_copy(id: &HeaderValue) -> bool {
    id.len() > 20
}

/// Fills it up to about so many, due now. Returns how many there are, and how many of them are copies.
pub(crate) fn fill(folder: &Path, count: u64) -> (u64, u64) {
    let mut connection = Connection::open(folder.join("carillon.db")).unwrap();
    let tx = connection.transaction().unwrap();
    let pending = |tx: &Connection| -> u64 {
        let sql = "SELECT count(*) FROM notifications WHERE progress = 'pending'";
        tx.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let originals = pending(&tx);
    assert!(originals > 0, "nothing waits that could be copied");
    tx.execute_batch(
        "CREATE TEMP TABLE originals AS SELECT row_id FROM notifications WHERE progress = 'pending'",
    )
    .unwrap();
    for copies in 1..=(count / originals) {
        tx.execute(COPY, [copies]).unwrap();
    }
    tx.execute_batch(
        "INSERT OR IGNORE INTO bodies (row_id, events, body)
         SELECT n.row_id, b.events, b.body FROM notifications n
         JOIN originals o JOIN notifications first ON first.row_id = o.row_id AND first.instance_id = n.instance_id
         JOIN bodies b ON b.row_id = o.row_id WHERE n.progress = 'pending';
         INSERT OR IGNORE INTO jobs (job, class, instance_id, due_at_us, failures)
         SELECT json_object('Deliver', json_object('instance', instance_id, 'sequence', sequence, 'attempt', attempt)),
             'deliver', instance_id, 0, 0
         FROM notifications WHERE progress = 'pending';",
    )
    .unwrap();
    let all = pending(&tx);
    tx.commit().unwrap();
    (all, all - originals)
}
