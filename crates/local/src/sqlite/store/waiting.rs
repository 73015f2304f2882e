//! What waits on the whole host: notifications by age, and providers' watches by how they are.

use super::SqliteStore;
use crate::sqlite::columns::{from_json, micros};
use crate::sqlite::readable::{OfRow as _, or_told};
use app::ports::Result;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::SubscriptionStatus;
use domain::push::{PushState, WatchedTarget};
use rusqlite::Connection;

/// Waiting notifications that are counted of each status: beyond it all there is to say is "many".
const NOTIFICATIONS_COUNT_MAX: usize = 100_000;
/// Push states that are read, one for each mailbox.
const PUSH_STATES_COUNT_MAX: usize = 50_000;
/// Ages by which notifications are counted, seconds; 0: all.
pub(crate) const AGES_S: [i64; 5] = [0, 60, 600, 3_600, 86_400];
/// Callbacks' statuses by which they are.
pub(crate) const STATUSES: [SubscriptionStatus; 3] =
    [SubscriptionStatus::Active, SubscriptionStatus::Suspended, SubscriptionStatus::Releasing];

// A sequence begins as the time of its commit, µs.
// By mailbox, so that those of a suspended callback hide nobody else's.
const WAITING: &str = "SELECT n.sequence
    FROM fleet f CROSS JOIN notifications n INDEXED BY notifications_pending ON n.instance_id = f.instance_id
    WHERE f.callback = ?1 AND f.waiting > 0 AND n.progress = 'pending' LIMIT ?2";
const WATCHES: &str = "SELECT document, key FROM push_states LIMIT ?1";

/// Notifications to be delivered, by their callback's status and age.
pub(super) type WaitingCounts = [[u64; AGES_S.len()]; STATUSES.len()];

/// Providers' watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchCounts {
    /// Notices come.
    pub active: u64,
    /// They come, and the last try to renew failed.
    pub failing: u64,
    /// There was a watch, and it has ended.
    pub lapsed: u64,
    /// None was made yet.
    pub waiting: u64,
}

impl SqliteStore {
    /// Notifications to be delivered, up to 100,000 of each status of the whole host.
    pub async fn waiting_by_age(&self, now: DateTime<Utc>) -> Result<WaitingCounts> {
        self.db.read("count what waits", move |conn| waiting(conn, now)).await
    }

    /// Providers' watches of up to 50,000 mailboxes.
    pub async fn watches(&self, now: DateTime<Utc>) -> Result<WatchCounts> {
        self.db.read("count watches", move |conn| watches(conn, now)).await
    }
}

fn waiting(conn: &Connection, now: DateTime<Utc>) -> rusqlite::Result<WaitingCounts> {
    let since = AGES_S.map(|age_s| micros(now - Duration::seconds(age_s)));
    let mut counts = WaitingCounts::default();
    let mut statement = conn.prepare_cached(WAITING)?;
    for (of_status, status) in counts.iter_mut().zip(STATUSES) {
        let mut rows = statement.query((status.text(), NOTIFICATIONS_COUNT_MAX))?;
        while let Some(row) = rows.next()? {
            let sequence: i64 = row.get(0)?;
            of_status.iter_mut().zip(since).for_each(|(count, since)| *count += u64::from(sequence <= since));
        }
    }
    Ok(counts)
}

fn watches(conn: &Connection, now: DateTime<Utc>) -> rusqlite::Result<WatchCounts> {
    let mut counts = WatchCounts::default();
    let mut statement = conn.prepare_cached(WATCHES)?;
    let mut rows = statement.query([PUSH_STATES_COUNT_MAX])?;
    while let Some(row) = rows.next()? {
        let state = from_json::<PushState>(row.get_ref(0)?.as_str()?);
        let state = or_told(state.of_row("push_states", row.get_ref(1)?.as_str()?))?;
        let watched = state.iter().flat_map(|state| &state.watched);
        watched.for_each(|one| *counts.of(one, now) += 1);
    }
    Ok(counts)
}

impl WatchCounts {
    fn of(&mut self, one: &WatchedTarget, now: DateTime<Utc>) -> &mut u64 {
        match (one.watch.is_some(), one.is_active(now)) {
            (false, _) => &mut self.waiting,
            (true, false) => &mut self.lapsed,
            (true, true) if one.failures > 0 => &mut self.failing,
            (true, true) => &mut self.active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan;

    #[test]
    fn what_waits_is_found_without_what_was_delivered() {
        let steps = plan(&WAITING.replace("?1", "'active'").replace("?2", "1"));
        assert!(steps[0].contains("SCAN f"), "{steps:?}");
        assert!(steps[1].contains("USING COVERING INDEX notifications_pending"), "{steps:?}");
    }
}
