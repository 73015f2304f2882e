//! The record of what was changed, by whom.

use crate::sqlite::columns::{from_json, micros, to_json};
use crate::sqlite::readable::readable;
use app::ports::{AUDIT_DAYS, AuditEntry, AuditMark, Rows};
use chrono::{DateTime, Duration, Utc};
use rusqlite::{Connection, Result, Row};

/// A row's table, and the column that finds it there.
const ENTRY: (&str, usize) = ("audit", 1);
/// Maximum rows of one page.
const PAGE_COUNT_MAX: usize = 1000;

const NEWEST_FIRST: &str = "SELECT document, id FROM audit WHERE organization_id = ?1
     ORDER BY at_us DESC, id DESC";
const NEWEST_FIRST_BEFORE: &str = "SELECT document, id FROM audit WHERE organization_id = ?1
     AND (at_us, id) < (?2, ?3) ORDER BY at_us DESC, id DESC";

/// An entry that is there already was noted by a write that was repeated.
pub(super) fn note(conn: &Connection, entry: &AuditEntry) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO audit (organization_id, at_us, id, document) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?
    .execute((entry.organization_id, micros(entry.at), &entry.id, to_json(entry)?))?;
    Ok(())
}

pub(super) fn page(
    conn: &Connection,
    organization_id: u32,
    before: Option<&AuditMark>,
    limit: usize,
) -> Result<Rows<AuditEntry>> {
    let limit = limit.min(PAGE_COUNT_MAX);
    let mut statement = conn.prepare_cached(before.map_or(NEWEST_FIRST, |_| NEWEST_FIRST_BEFORE))?;
    match before {
        None => readable((&mut statement, [organization_id]), limit, ENTRY, document),
        Some(mark) => {
            let parameters = (organization_id, micros(mark.at), &mark.id);
            readable((&mut statement, parameters), limit, ENTRY, document)
        }
    }
}

/// Deletes at most `limit` entries that are no longer kept; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM audit WHERE row_id IN (SELECT row_id FROM audit WHERE at_us <= ?1 LIMIT ?2)",
    )?
    .execute((micros(now - Duration::days(AUDIT_DAYS)), limit))
}

fn document(row: &Row<'_>) -> Result<AuditEntry> {
    from_json(row.get_ref(0)?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::{NEWEST_FIRST, NEWEST_FIRST_BEFORE};
    use crate::sqlite::plan;

    #[test]
    fn a_page_is_a_walk_along_the_index() {
        for sql in [NEWEST_FIRST, NEWEST_FIRST_BEFORE] {
            let steps = plan(sql);
            assert_eq!(steps.len(), 1, "{steps:?}");
            assert!(steps[0].starts_with("SEARCH audit USING INDEX"), "{steps:?}");
        }
    }
}
