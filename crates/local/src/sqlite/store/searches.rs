//! Searches of the log: each is a walk along an index, from where a page begins to where it is full.

use super::log::{PAGE_COUNT_MAX, SEQUENCE_MAX, place};
use app::ports::{LogKey, LogMark, LogMatches, LogSearch};
use domain::ids::Sequence;
use rusqlite::{Connection, Result, params};

/// The joins are CROSS so that their order stays as it is written: along the index, and a look at each row's instance.
const BY_PROGRESS: &str = "SELECT n.instance_id, n.sequence
     FROM notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.organization_id = ?1 AND n.progress = ?2 AND n.sequence >= ?3
         AND (n.sequence, n.instance_id) < (?4, ?5)
     ORDER BY n.sequence DESC, n.instance_id DESC LIMIT ?6";
const OF_PROGRESS: &str = "SELECT n.instance_id, n.sequence
     FROM notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0 AND i.organization_id = ?1
     WHERE n.instance_id = ?7 AND n.progress = ?2 AND n.sequence >= ?3 AND n.sequence <= ?4
         AND (n.sequence, n.instance_id) < (?4, ?5)
     ORDER BY n.sequence DESC LIMIT ?6";
/// An object of two mailboxes, or of two organizations, is rare.
const BY_OBJECT: &str = "SELECT o.instance_id, o.sequence
     FROM objects o
     CROSS JOIN instances i ON i.id = o.instance_id AND i.deleted = 0 AND i.organization_id = ?1
     WHERE o.object = ?2 AND o.sequence >= ?3 AND (o.sequence, o.instance_id) < (?4, ?5)
         AND (?7 IS NULL OR o.instance_id = ?7)
     ORDER BY o.sequence DESC, o.instance_id DESC LIMIT ?6";

pub(super) fn matches(conn: &Connection, organization_id: u32, search: &LogSearch) -> Result<LogMatches> {
    let limit = search.limit.min(PAGE_COUNT_MAX);
    let from = search.from.unwrap_or(Sequence(0)).0.min(SEQUENCE_MAX);
    let (sequence, instance) = search
        .before
        .map_or((SEQUENCE_MAX, 0), |mark| (mark.sequence.0.min(SEQUENCE_MAX), mark.instance.get()));
    let (sql, value) = match (&search.by, search.instance) {
        (LogKey::Progress(progress), None) => (BY_PROGRESS, progress.text()),
        (LogKey::Progress(progress), Some(_)) => (OF_PROGRESS, progress.text()),
        (LogKey::Object(object), _) => (BY_OBJECT, object.as_str()),
    };
    let only = search.instance.map(|id| id.get());
    let mut query = conn.prepare_cached(sql)?;
    let marks: Vec<LogMark> = match query.parameter_count() {
        6 => query.query_map(params![organization_id, value, from, sequence, instance, limit], place)?,
        _ => {
            query.query_map(params![organization_id, value, from, sequence, instance, limit, only], place)?
        }
    }
    .collect::<Result<_>>()?;
    let end = marks.last().copied().filter(|_| marks.len() == limit);
    Ok(LogMatches { marks, end })
}

#[cfg(test)]
mod tests {
    use super::{BY_OBJECT, BY_PROGRESS, OF_PROGRESS};
    use crate::sqlite::plan;

    #[test]
    fn a_search_is_a_walk_along_its_index() {
        for (sql, index) in [
            (
                BY_PROGRESS,
                "SEARCH n USING COVERING INDEX notifications_by_progress (organization_id=? AND progress=?",
            ),
            (
                OF_PROGRESS,
                "SEARCH n USING COVERING INDEX notifications_of_progress (instance_id=? AND progress=?",
            ),
            (BY_OBJECT, "SEARCH o USING PRIMARY KEY (object=?"),
        ] {
            let steps = plan(sql);
            assert_eq!(steps.len(), 2, "no sorting: {steps:?}");
            let walked = steps.iter().find(|step| step.starts_with(index));
            assert!(walked.is_some_and(|step| step.contains("sequence>?")), "both ends: {steps:?}");
        }
    }
}
