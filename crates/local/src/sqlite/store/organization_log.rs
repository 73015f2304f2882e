//! The log of an organization: what all its instances have notified.

use super::SqliteStore;
use super::log::{PAGE_COUNT_MAX, SEQUENCE_MAX, place};
use super::{notifications, searches};
use crate::sqlite::columns::{instance_id, micros, time};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports;
use app::ports::{
    LogLine, LogMark, LogMatches, LogSearch, MARKS_COUNT_MAX, Notification, Numbered, OrganizationLog,
    OrganizationPage, Rows, Tally,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::Sequence;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// Counts are kept by minutes.
const MINUTE_US: i64 = 60_000_000;

/// The joins are CROSS so that their order stays as it is written: along the log, and a look at each row's
/// instance. Rows of a deleted instance are passed over; a job removes them.
const NEWEST_FIRST: &str = "SELECT n.sequence, n.instance_id, n.number, n.progress, n.events_count
     FROM notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.organization_id = ?1 AND n.sequence >= ?2 AND (n.sequence, n.instance_id) < (?3, ?4)
     ORDER BY n.sequence DESC, n.instance_id DESC";
const TALLIES: &str = "SELECT minute, account_id, delivered, open FROM tallies
     WHERE organization_id = ?1 AND minute >= ?2 AND minute < ?3 ORDER BY minute";
const BY_EVENT_ID: &str = "SELECT n.instance_id, n.sequence
     FROM notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.event_id = ?2 AND n.organization_id = ?1
     ORDER BY n.instance_id DESC, n.sequence DESC LIMIT 1";

/// The index ends with the row, so the newest comes last.
const BY_NUMBER: &str = "SELECT n.instance_id, n.sequence
     FROM notifications n
     CROSS JOIN instances i ON i.id = n.instance_id AND i.deleted = 0
     WHERE n.number = ?2 AND n.organization_id = ?1
     ORDER BY n.row_id DESC LIMIT 1";

pub(super) fn lines(
    conn: &Connection,
    organization_id: u32,
    page: OrganizationPage,
) -> Result<Rows<LogLine>> {
    let from = page.from.map_or(0, |from| from.0.min(SEQUENCE_MAX));
    let (sequence, instance) = page
        .before
        .map_or((SEQUENCE_MAX, 0), |mark| (mark.sequence.0.min(SEQUENCE_MAX), mark.instance.get()));
    let parameters = (organization_id, from, sequence, instance);
    let limit = page.limit.min(PAGE_COUNT_MAX);
    readable((&mut *conn.prepare_cached(NEWEST_FIRST)?, parameters), limit, ("notifications", 0), line)
}

fn line(row: &Row<'_>) -> Result<LogLine> {
    let mark = LogMark { sequence: Sequence(row.get(0)?), instance: instance_id(row.get(1)?) };
    let progress = notifications::progress(row.get_ref(3)?.as_str()?);
    Ok(LogLine {
        mark,
        number: row.get(2)?,
        progress: progress.of_row("notifications", format_args!("{} {}", mark.instance, mark.sequence.0))?,
        events_count: row.get(4)?,
    })
}

pub(super) fn tallies(conn: &Connection, organization_id: u32, (from, to): (i64, i64)) -> Result<Vec<Tally>> {
    let tally = |row: &Row<'_>| {
        Ok(Tally {
            at: time(row.get::<_, i64>(0)?.saturating_mul(MINUTE_US))?,
            account_id: row.get(1)?,
            delivered_count: row.get(2)?,
            open_count: row.get(3)?,
        })
    };
    conn.prepare_cached(TALLIES)?.query_map((organization_id, from, to), tally)?.collect()
}

pub(super) fn numbered(conn: &Connection, organization_id: u32, number: u64) -> Result<Numbered> {
    // Such a number fits in no column.
    let Ok(number) = i64::try_from(number) else { return Ok(Numbered::NotThere) };
    let mut query = conn.prepare_cached(BY_NUMBER)?;
    let found = query.query_row((organization_id, number), place).optional()?;
    Ok(found.map_or(Numbered::NotThere, Numbered::Found))
}

pub(super) fn find(conn: &Connection, organization_id: u32, event_id: &str) -> Result<Option<Notification>> {
    let found = conn.prepare_cached(BY_EVENT_ID)?.query_row((organization_id, event_id), place).optional()?;
    let Some(mark) = found else { return Ok(None) };
    notifications::get(conn, mark.instance, mark.sequence)
}

#[async_trait]
impl OrganizationLog for SqliteStore {
    async fn notification_of(
        &self,
        organization_id: u32,
        event_id: &str,
    ) -> ports::Result<Option<Notification>> {
        let event_id = event_id.to_owned();
        self.db.read("find a notification", move |conn| find(conn, organization_id, &event_id)).await
    }

    async fn notification_numbered(&self, organization_id: u32, number: u64) -> ports::Result<Numbered> {
        self.db.read("find a notification", move |conn| numbered(conn, organization_id, number)).await
    }

    async fn notification_at(&self, mark: LogMark) -> ports::Result<Option<Notification>> {
        self.db
            .read("read a notification", move |conn| notifications::get(conn, mark.instance, mark.sequence))
            .await
    }

    async fn notifications_at(&self, marks: &[LogMark]) -> ports::Result<Rows<Notification>> {
        let marks: Vec<LogMark> = marks.iter().copied().take(MARKS_COUNT_MAX).collect();
        let read = move |conn: &Connection| {
            let found = marks.iter().map(|mark| notifications::listed(conn, mark.instance, mark.sequence));
            found.collect::<Result<Rows<_>>>()
        };
        self.db.read("read notifications", read).await
    }

    async fn search_log(&self, organization_id: u32, search: &LogSearch) -> ports::Result<LogMatches> {
        let search = search.clone();
        self.db.read("search a log", move |conn| searches::matches(conn, organization_id, &search)).await
    }

    async fn tallies(
        &self,
        organization_id: u32,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> ports::Result<Option<Vec<Tally>>> {
        let minutes = (micros(from).div_euclid(MINUTE_US), micros(to).div_euclid(MINUTE_US));
        let read = move |conn: &Connection| tallies(conn, organization_id, minutes);
        self.db.read("count an organization's events", read).await.map(Some)
    }

    async fn organization_log(
        &self,
        organization_id: u32,
        page: OrganizationPage,
    ) -> ports::Result<Rows<LogLine>> {
        self.db.read("read an organization's log", move |conn| lines(conn, organization_id, page)).await
    }
}

#[cfg(test)]
mod tests {
    use super::{BY_EVENT_ID, BY_NUMBER, NEWEST_FIRST, TALLIES};
    use crate::sqlite::plan;

    #[test]
    fn a_page_is_a_walk_along_the_index() {
        let steps = plan(NEWEST_FIRST);
        assert_eq!(steps.len(), 2, "no sorting: {steps:?}");
        assert!(steps[0].starts_with("SEARCH n USING INDEX notifications_by_organization"), "{steps:?}");
        let both_ends = "(organization_id=? AND sequence>? AND (sequence,instance_id)<(?,?))";
        assert!(steps[0].ends_with(both_ends), "from where the page begins to where it ends: {steps:?}");
        assert!(steps[1..].iter().all(|step| step.contains("USING INTEGER PRIMARY KEY")), "{steps:?}");
    }

    #[test]
    fn counts_are_a_walk_along_their_key() {
        let steps = plan(TALLIES);
        let walk = "SEARCH tallies USING PRIMARY KEY (organization_id=? AND minute>? AND minute<?)";
        assert_eq!(steps, [walk], "no sorting");
    }

    #[test]
    fn a_number_is_looked_up_in_the_index() {
        let steps = plan(BY_NUMBER);
        assert_eq!(steps.len(), 2, "no sorting: {steps:?}");
        assert!(steps[0].starts_with("SEARCH n USING INDEX notifications_by_number (number=?"), "{steps:?}");
    }

    #[test]
    fn a_name_is_looked_up_in_the_index() {
        let steps = plan(BY_EVENT_ID);
        assert_eq!(steps.len(), 2, "no sorting: {steps:?}");
        assert!(
            steps[0].starts_with("SEARCH n USING INDEX notifications_by_event_id (event_id=?"),
            "{steps:?}"
        );
    }
}
