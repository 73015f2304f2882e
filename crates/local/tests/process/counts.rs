//! Counts that are kept, against what is there, in the file that a process left.

use rusqlite::Connection;
use std::path::Path;

/// Rows that say otherwise than what they count, each query by its name.
const WRONG: [(&str, &str); 4] = [
    (
        "what waits",
        "SELECT count(*) FROM fleet f WHERE waiting <> (SELECT count(*) FROM notifications n
             WHERE n.instance_id = f.instance_id AND n.progress = 'pending')",
    ),
    (
        "callbacks",
        "SELECT count(*) FROM fleet f JOIN subscriptions s ON s.instance_id = f.instance_id
         WHERE s.status <> f.callback",
    ),
    (
        "resources",
        "SELECT count(*) FROM fleet f WHERE (resources_count, failures_max) <> (
             SELECT count(*), coalesce(max(json_extract(document, '$.failures')), 0) FROM resources r
             WHERE r.instance_id = f.instance_id AND r.removed = 0 AND r.resource NOT LIKE 'backfill:%')",
    ),
    (
        "events by minute",
        "WITH counted AS (
             SELECT n.organization_id, n.sequence / 60000000, f.account_id,
                 sum(length(b.events) / 16 * (n.progress = 'delivered')) AS delivered,
                 sum(length(b.events) / 16 * (n.progress IN ('pending', 'dropped'))) AS open
             FROM notifications n JOIN bodies b ON b.row_id = n.row_id JOIN fleet f ON f.instance_id = n.instance_id
             GROUP BY 1, 2, 3 HAVING delivered + open > 0)
         SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM kept))
             + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM counted))
         FROM (SELECT 1)",
    ),
];

/// Panics where one differs. The process must have ended.
pub(crate) fn assert_kept(folder: &Path) {
    let connection = Connection::open(folder.join("carillon.db")).unwrap();
    let kept =
        "CREATE TEMP VIEW kept AS SELECT organization_id, minute, account_id, delivered, open FROM tallies";
    connection.execute_batch(kept).unwrap();
    for (name, sql) in WRONG {
        let wrong: u64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(wrong, 0, "{name}");
    }
}
