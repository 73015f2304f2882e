//! How far the stored position may move, while history shows some records late.
//!
//! Gmail's `historyId` counts a record up to two minutes before history shows it, and records need not show in their
//! order. So a position is safe only where it was named two minutes before the read that took what it counts: whatever
//! it counts was shown to that read. Until then polls ask from an older position, and [`super::taken`] says what is
//! new among what they see again.
//!
//! All of it is in the cursor, because the next poll may be another process's. An idle poll writes nothing: what it
//! could say of positions is lost, and the next one that writes, with the heartbeat at the latest, says it again.

use super::{Cursor, HistoryId};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Maximum delay until history shows a record that an answer has counted, seconds.
const LAG_MAX_S: i64 = 120;
/// Beyond that: for clocks of processes that differ, and for the answer, which counts what happens until it is made
/// and not until we asked. A request may take half of it.
const CLOCKS_MARGIN_S: i64 = 60;
/// Positions named sooner one after the other are not both kept: then a dozen covers the time that they have to wait.
const NAMED_APART_S: i64 = 15;
/// Records remembered, or messages of records taken in part. A window that holds more is waited out.
const TAKEN_COUNT_MAX: usize = 100_000;

/// A position that the provider named, and our clock when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedPosition {
    pub(crate) id: HistoryId,
    pub(crate) at: DateTime<Utc>,
}

impl Cursor {
    /// The newest position of which a read that begins now sees all that it counts, if it is beyond the stored one.
    pub(crate) fn settled(&self, now: DateTime<Utc>) -> Option<HistoryId> {
        let wait = Duration::seconds(LAG_MAX_S + CLOCKS_MARGIN_S);
        let settled = self.named.iter().filter(|named| now - named.at >= wait).map(|named| named.id).max();
        settled.filter(|id| *id > self.history_id)
    }

    /// Notes a position that an answer names.
    pub(crate) fn name(&mut self, id: Option<HistoryId>, now: DateTime<Utc>) {
        // Where our clock was set back, what seems to be named later was named by now.
        for named in &mut self.named {
            named.at = named.at.min(now);
        }
        let Some(id) = id.filter(|id| *id > self.history_id) else { return };
        let is_kept = self
            .named
            .last()
            .is_none_or(|last| id > last.id && now - last.at >= Duration::seconds(NAMED_APART_S));
        if is_kept {
            self.named.push(NamedPosition { id, at: now });
        }
    }

    /// Where a poll begins to read. The stored position, so that late records show; but where a window is larger than
    /// one read takes, and nothing of it can be left behind yet, reading goes on at its end, and late records in it
    /// wait until the position can move.
    pub(crate) fn reads_from(&self, settled: Option<HistoryId>) -> HistoryId {
        self.frontier.filter(|_| settled.is_none()).unwrap_or(self.history_id)
    }

    /// No more can be remembered before the position moves.
    pub(crate) fn is_full(&self) -> bool {
        self.taken.len() >= TAKEN_COUNT_MAX
    }

    /// The position moved on; what only mattered before it is dropped.
    pub(crate) fn advance(&mut self, to: HistoryId) {
        self.history_id = to.max(self.history_id);
        let behind = self.history_id;
        self.named.retain(|named| named.id > behind);
        self.taken.forget_through(behind);
        self.frontier = self.frontier.filter(|frontier| *frontier > behind);
        self.recheck_through = self.recheck_through.filter(|through| *through > behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
    }

    fn cursor() -> Cursor {
        Cursor::at(HistoryId(100))
    }

    #[track_caller]
    fn check(named: &[(u128, i64)], now: i64, settled: Option<u128>) {
        let mut cursor = cursor();
        for (id, seconds) in named {
            cursor.name(Some(HistoryId(*id)), at(*seconds));
        }
        assert_eq!(cursor.settled(at(now)), settled.map(HistoryId));
    }

    #[test]
    fn a_position_settles_when_what_it_counts_must_have_been_shown() {
        check(&[], 1000, None);
        check(&[(110, 0)], 179, None);
        check(&[(110, 0)], 180, Some(110));
        check(&[(110, 0), (120, 60)], 200, Some(110));
        check(&[(110, 0), (120, 60)], 240, Some(120));
        check(&[(100, 0), (90, 20)], 1000, None);
    }

    #[test]
    fn positions_named_close_to_each_other_do_not_pile_up_and_the_oldest_ages() {
        let mut cursor = cursor();
        for second in 0..600 {
            cursor.name(Some(HistoryId(101 + second as u128)), at(second));
            if let Some(settled) = cursor.settled(at(second)) {
                cursor.advance(settled);
            }
            assert!(cursor.named.len() <= 13, "{}", cursor.named.len());
        }
        assert!(cursor.history_id >= HistoryId(101 + 600 - 180 - 16), "{}", cursor.history_id);
    }

    #[test]
    fn an_older_answer_names_nothing() {
        let mut cursor = cursor();
        cursor.name(Some(HistoryId(120)), at(0));
        cursor.name(Some(HistoryId(110)), at(60));
        cursor.name(None, at(60));
        assert_eq!(cursor.named, [NamedPosition { id: HistoryId(120), at: at(0) }]);
    }

    /// Otherwise nothing would settle until the clock is where it was.
    #[test]
    fn a_clock_that_was_set_back_delays_by_no_more_than_the_wait() {
        let mut cursor = cursor();
        cursor.name(Some(HistoryId(110)), at(86_400));
        cursor.name(Some(HistoryId(120)), at(0));
        assert_eq!(cursor.settled(at(180)), Some(HistoryId(110)));
    }

    #[test]
    fn what_lies_behind_the_position_is_dropped() {
        let mut cursor = cursor();
        cursor.name(Some(HistoryId(110)), at(0));
        cursor.name(Some(HistoryId(120)), at(20));
        cursor.taken.complete(HistoryId(105));
        cursor.taken.complete(HistoryId(115));
        cursor.frontier = Some(HistoryId(110));
        cursor.advance(HistoryId(110));
        assert_eq!((cursor.named.len(), cursor.taken.len(), cursor.frontier), (1, 1, None));
        cursor.advance(HistoryId(50));
        assert_eq!(cursor.history_id, HistoryId(110), "it never goes back");
    }

    #[test]
    fn a_window_too_large_for_one_read_is_read_at_its_end_until_it_settles() {
        let mut cursor = cursor();
        cursor.frontier = Some(HistoryId(500));
        assert_eq!(cursor.reads_from(None), HistoryId(500));
        assert_eq!(cursor.reads_from(Some(HistoryId(300))), HistoryId(100));
        cursor.frontier = None;
        assert_eq!(cursor.reads_from(None), HistoryId(100));
    }
}
