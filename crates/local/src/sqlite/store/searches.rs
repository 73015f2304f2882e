//! Searches of the log: each is a walk along an index, from where a page begins to where it is full or enough was looked
//! at. What is wished for beyond the index is told from the short columns of a row; no body is read.

use super::log::{PAGE_COUNT_MAX, SEQUENCE_MAX};
use crate::sqlite::columns::{instance_id, kind_bit};
use app::ports::{LogKey, LogMark, LogMatches, LogSearch, LogWish};
use domain::event::ChangeKind;
use domain::ids::{InstanceId, Sequence};
use rusqlite::{Connection, Result, Row, named_params};

/// A walk along `n`, from its table and index to the living instance, to be ended by its order. The joins are CROSS so
/// that their order stays as it is written. Rows are read by [`mark`] and [`may_be`].
macro_rules! walk {
    ($along:literal, $order:literal) => {
        concat!(
            "SELECT n.instance_id, n.sequence, n.resource, n.kinds, n.subjects FROM ",
            $along,
            " AND n.sequence >= :from AND (n.sequence, n.instance_id) < (:sequence, :before)
             ORDER BY ",
            $order,
            " LIMIT :looks"
        )
    };
}

const ALL: &str = walk!(
    "notifications n INDEXED BY notifications_by_organization
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.organization_id = :organization",
    "n.sequence DESC, n.instance_id DESC"
);
const DELETIONS: &str = walk!(
    "notifications n INDEXED BY notifications_deleting
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.organization_id = :organization AND coalesce(n.kinds, 4) & 4",
    "n.sequence DESC, n.instance_id DESC"
);
const OF_INSTANCE: &str = walk!(
    "notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0 AND i.organization_id = :organization
     WHERE n.instance_id = :instance AND n.sequence <= :sequence",
    "n.sequence DESC"
);
const BY_PROGRESS: &str = walk!(
    "notifications n INDEXED BY notifications_by_progress
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.organization_id = :organization AND n.progress = :value",
    "n.sequence DESC, n.instance_id DESC"
);
const OF_PROGRESS: &str = walk!(
    "notifications n INDEXED BY notifications_of_progress
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0 AND i.organization_id = :organization
     WHERE n.instance_id = :instance AND n.progress = :value AND n.sequence <= :sequence",
    "n.sequence DESC"
);
/// An object of two mailboxes, or of two organizations, is rare.
const BY_OBJECT: &str = "SELECT o.instance_id, o.sequence, n.resource, n.kinds, n.subjects
     FROM objects o
     CROSS JOIN instances i ON i.id = o.instance_id AND i.deleted = 0 AND i.organization_id = :organization
     CROSS JOIN notifications n ON n.instance_id = o.instance_id AND n.sequence = o.sequence
     WHERE o.object = :value AND o.sequence >= :from AND (o.sequence, o.instance_id) < (:sequence, :before)
         AND (:instance IS NULL OR o.instance_id = :instance)
     ORDER BY o.sequence DESC, o.instance_id DESC LIMIT :looks";

pub(super) fn matches(conn: &Connection, organization_id: u32, search: &LogSearch) -> Result<LogMatches> {
    let limit = search.limit.min(PAGE_COUNT_MAX);
    let from = search.from.unwrap_or(Sequence(0)).0.min(SEQUENCE_MAX);
    let (sequence, before) = search
        .before
        .map_or((SEQUENCE_MAX, 0), |mark| (mark.sequence.0.min(SEQUENCE_MAX), mark.instance.get()));
    let is_deletion = search.wish.kind == Some(ChangeKind::Deleted);
    let (sql, value) = match (&search.by, search.instance) {
        (LogKey::All, None) if is_deletion => (DELETIONS, None),
        (LogKey::All, None) => (ALL, None),
        (LogKey::All, Some(_)) => (OF_INSTANCE, None),
        (LogKey::Progress(progress), None) => (BY_PROGRESS, Some(progress.text())),
        (LogKey::Progress(progress), Some(_)) => (OF_PROGRESS, Some(progress.text())),
        (LogKey::Object(object), _) => (BY_OBJECT, Some(object.as_str())),
    };
    // What nothing is wished of is not looked at.
    let looks = if search.wish == LogWish::default() { limit } else { search.looks_count_max };
    let all = named_params! {
        ":organization": organization_id, ":value": value, ":from": from, ":sequence": sequence, ":before": before,
        ":instance": search.instance.map(InstanceId::get), ":looks": looks,
    };
    let mut query = conn.prepare_cached(sql)?;
    for (name, value) in all {
        if let Some(index) = query.parameter_index(name)? {
            query.raw_bind_parameter(index, value)?;
        }
    }
    let mut rows = query.raw_query();
    let mut found = LogMatches::default();
    while found.marks.len() < limit
        && let Some(row) = rows.next()?
    {
        found.looked_count += 1;
        found.end = Some(mark(row)?);
        if may_be(row, &search.wish)? {
            found.marks.extend(found.end);
        }
    }
    let is_all = found.marks.len() < limit && found.looked_count < looks;
    found.end = found.end.filter(|_| !is_all);
    Ok(found)
}

fn mark(row: &Row<'_>) -> Result<LogMark> {
    Ok(LogMark { instance: instance_id(row.get(0)?), sequence: Sequence(row.get(1)?) })
}

/// What the short columns do not rule out.
fn may_be(row: &Row<'_>, wish: &LogWish) -> Result<bool> {
    if let Some(resource) = &wish.resource
        && row.get_ref(2)?.as_str()? != resource
    {
        return Ok(false);
    }
    if let Some(kind) = wish.kind
        && row.get::<_, Option<u8>>(3)?.is_some_and(|kinds| kinds & kind_bit(kind) == 0)
    {
        return Ok(false);
    }
    let Some(subject) = &wish.subject else { return Ok(true) };
    Ok(row.get_ref(4)?.as_str_or_null()?.is_none_or(|subjects| subjects.contains(subject)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan;

    #[test]
    fn a_search_is_a_walk_along_its_index() {
        for (sql, steps_count, index) in [
            (ALL, 2, "SEARCH n USING INDEX notifications_by_organization (organization_id=?"),
            (DELETIONS, 2, "SEARCH n USING INDEX notifications_deleting (organization_id=?"),
            (OF_INSTANCE, 2, "SEARCH n USING INDEX sqlite_autoindex_notifications_1 (instance_id=?"),
            (
                BY_PROGRESS,
                2,
                "SEARCH n USING INDEX notifications_by_progress (organization_id=? AND progress=?",
            ),
            (OF_PROGRESS, 2, "SEARCH n USING INDEX notifications_of_progress (instance_id=? AND progress=?"),
            (BY_OBJECT, 3, "SEARCH o USING PRIMARY KEY (object=?"),
        ] {
            let steps = plan(sql);
            assert_eq!(steps.len(), steps_count, "no sorting: {steps:?}");
            let walked = steps.iter().find(|step| step.starts_with(index));
            assert!(walked.is_some_and(|step| step.contains("sequence>?")), "both ends: {steps:?}");
        }
    }
}
