//! What a read of history found, reported in steps.
//!
//! A read sees the whole stretch up to the end that was there when it began, and reports what it did to each message as
//! one change, however many steps that takes: 520 mails that came and went leave nothing to report. After each step
//! the cursor says which records were taken, so that it is valid by itself; a run keeps the rest of the walk in its
//! scratch and reads each page once. A run that finds no scratch, because the one before ended, reads again what is
//! above the position, and what was taken drops out.

use super::records;
use crate::error::Error;
use crate::gmail::api::Record;
use crate::gmail::cursor::{Cursor, HistoryId};
use crate::gmail::normalise;
use crate::gmail::normalise::collapse::{Collapsed, collapse};
use crate::{Call, Past, Step};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// The rest of a walk.
pub(crate) struct Walk {
    /// What is still to be reported, in order.
    pub(crate) untold: Vec<Collapsed>,
    /// The position so far; each step makes another one of it.
    pub(crate) next: Cursor,
    /// For each record that is not fully taken, how many of its messages are left.
    open: BTreeMap<HistoryId, usize>,
    /// All that is shown up to here was read.
    covers: HistoryId,
    /// Up to here history shows nothing further.
    settled: Option<HistoryId>,
    /// There is more behind it.
    is_cut: bool,
    /// It began at the stored position.
    is_whole: bool,
    /// How many entries can't be reported, and since when, until a step says so.
    odd: Option<(DateTime<Utc>, usize)>,
    /// Records behind it were taken before and are not seen with it: a creation here may have been reported.
    pub(crate) is_doubtful: bool,
}

/// How a step begins.
pub(crate) enum Begun {
    Walk(Walk),
    /// There is nothing to report.
    Nothing(Step),
}

/// Goes on with what the run has read, or reads.
pub(crate) async fn begin(
    call: &Call<'_>,
    stored: &Value,
    cursor: &Cursor,
    past: &Past,
) -> Result<Begun, Error> {
    let kept = call.scratch.and_then(|scratch| scratch.take::<(Value, Walk)>());
    // Where the last step was not stored, its position is not the one that we are asked to go on from: the walk counts
    // its records as taken, and going on with it would lose them.
    if let Some((_, walk)) = kept.filter(|(position, _)| position == stored) {
        return Ok(Begun::Walk(walk));
    }
    let settled = cursor.settled(call.now);
    if cursor.is_full() && settled.is_none() {
        return Ok(Begun::Nothing(Step { cursor: stored.clone(), ..Step::nothing() }));
    }
    let from = cursor.reads_from(settled);
    let found = records::read(call, from, cursor.portion.unwrap_or(u32::MAX), past.failures).await?;
    if let Some(error) = found.halted {
        // There was no time left for what was read: the next read is shorter, so that it has some.
        let next = Cursor { portion: Some((found.pages / 2).max(1)), ..cursor.clone() };
        let (cursor, halted) = (next.to_value(), Some(error));
        return Ok(Begun::Nothing(Step { cursor, moved: true, more: true, halted, ..Step::nothing() }));
    }
    let odd = OddEntries::of(&found.records, cursor);
    let mut walk = Walk {
        untold: collapse(&found.records, &cursor.taken),
        next: cursor.clone(),
        open: BTreeMap::new(),
        covers: found.covers,
        settled,
        is_cut: found.is_cut,
        is_whole: from == cursor.history_id,
        odd: (odd.count > 0).then_some((past.last_success_at, odd.count)),
        is_doubtful: cursor.frontier.is_some() && (found.is_cut || from != cursor.history_id),
    };
    walk.next.name(found.named, call.now);
    if walk.untold.is_empty() && walk.odd.is_none() {
        return Ok(Begun::Nothing(walk.idle()));
    }
    for record in walk.untold.iter().flat_map(|one| &one.records).chain(&odd.records) {
        *walk.open.entry(*record).or_default() += 1;
    }
    odd.records.iter().for_each(|record| walk.take_part(*record, ODD));
    let all = std::mem::take(&mut walk.untold);
    for mut one in all {
        match normalise::is_visible(&mut one, &mut walk.next) {
            true => walk.untold.push(one),
            false => walk.take(&one),
        }
    }
    Ok(Begun::Walk(walk))
}

/// Entries without identity are remembered as a message with this id, which no message has.
const ODD: &str = "";

/// What is reported of such entries.
struct OddEntries {
    /// The records that were not taken before.
    records: Vec<HistoryId>,
    count: usize,
}

impl OddEntries {
    fn of(records: &[Record], cursor: &Cursor) -> Self {
        let is_new = |record: &&Record| record.odd_count() > 0 && !cursor.taken.knows(record.id, ODD);
        let odd: Vec<&Record> = records.iter().filter(is_new).collect();
        OddEntries {
            records: odd.iter().map(|record| record.id).collect(),
            count: odd.iter().map(|record| record.odd_count()).sum(),
        }
    }
}

/// In words, for people.
fn odd_in_words(count: usize) -> String {
    format!("{count} history entries are left out: they have no readable id")
}

impl Walk {
    /// Everything was taken before: the position is fresher, and it has to be stored only where the read did not come to
    /// the end, so that the next one comes further.
    fn idle(mut self) -> Step {
        self.move_on();
        Step { cursor: self.next.to_value(), moved: self.is_cut, more: self.is_cut, ..Step::nothing() }
    }

    /// Takes what this step reports.
    pub(crate) fn take_all(&mut self, is_told: impl Fn(&Collapsed) -> bool) {
        let all = std::mem::take(&mut self.untold);
        for one in all {
            match is_told(&one) {
                true => self.take(&one),
                false => self.untold.push(one),
            }
        }
    }

    fn take(&mut self, one: &Collapsed) {
        one.records.iter().for_each(|record| self.take_part(*record, &one.message_id));
    }

    /// Takes what a record says of one message.
    fn take_part(&mut self, record: HistoryId, message_id: &str) {
        let open = self.open.entry(record).or_default();
        *open = open.saturating_sub(1);
        if *open == 0 {
            self.open.remove(&record);
            self.next.taken.complete(record);
        } else {
            self.next.taken.add(record, message_id);
        }
    }

    /// The step ends here: what is left waits in the run's scratch.
    pub(crate) fn end(mut self, call: &Call<'_>, step: Step) -> Step {
        self.move_on();
        let (cursor, is_done) = (self.next.to_value(), self.untold.is_empty());
        let more = !is_done || self.is_cut;
        let gap = self.odd.take().map(|(from, count)| (from, odd_in_words(count)));
        if let Some(scratch) = call.scratch.filter(|_| !is_done) {
            scratch.keep((cursor.clone(), self));
        }
        Step { cursor, moved: true, more, gap, ..step }
    }

    /// Moves the position up to where everything was shown and taken, and no further than what is settled.
    ///
    /// Two bounds, each with a loss behind it. Beyond what is settled a record may still appear below one that was
    /// read: a mail of 12:00:05 that history shows at 12:01:30 would lie below a position taken at 12:00:10. And beyond
    /// the first open record a crash before the next step would leave behind what this step did not report.
    fn move_on(&mut self) {
        let reach = self.settled.map(|settled| settled.min(self.covers));
        let reach = match self.open.keys().next() {
            // A number between two records may be no position that the provider knows: the last record before the first
            // open one is.
            Some(open) if reach.is_some_and(|reach| reach >= *open) => self.next.taken.last_before(*open),
            _ => reach,
        };
        if self.untold.is_empty() {
            self.next.portion = self.next.portion.filter(|_| self.is_cut);
            self.next.frontier = match (self.is_cut, self.is_whole) {
                (false, true) => None,
                _ => self.next.frontier.max(Some(self.covers)),
            };
        }
        self.next.advance(reach.unwrap_or(self.next.history_id));
    }
}
