//! Ticks, which stand for many mailboxes each: the letters that they bring.

use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Phases that one tick stands for, seconds. It divides a minute, and so every interval.
pub(crate) const WINDOW_S: u32 = 10;
/// What begins a tick's name.
const NAME: &str = "tick-";

/// All mailboxes of one interval whose phases are in one window of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// Seconds between two of it.
    interval_s: u32,
    /// Which window of the interval, from 0.
    window: u32,
}

/// What is to be done for many mailboxes at once. Beside jobs, in the same queue and from the same function's callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TickLetter {
    /// It is time: from the tick's schedule.
    Tick(Tick),
    /// Some of its members are to be polled: from the work queue.
    Members(Members),
}

/// Some members of a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Whose they are.
    pub tick: Tick,
    /// When they were handed out.
    pub sent_at: DateTime<Utc>,
    /// Who they are.
    pub ids: Vec<InstanceId>,
}

impl Tick {
    /// The tick of a mailbox with this timetable.
    pub fn of(table: Timetable) -> Self {
        Tick { interval_s: table.interval_s, window: table.phase_s / WINDOW_S }
    }

    /// When it is due: at the end of its window, so that no member is polled before its own time. A poll enqueues what is
    /// due before the next one of its own timetable, and would else take itself for that.
    pub(crate) fn timetable(self) -> Timetable {
        let phase_s = (self.window + 1) * WINDOW_S % self.interval_s.max(1);
        Timetable { interval_s: self.interval_s, phase_s }
    }

    /// Seconds between two of it.
    pub fn interval_s(self) -> u32 {
        self.interval_s
    }

    /// The tick of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (interval_s, window) = name.strip_prefix(NAME)?.split_once('-')?;
        Some(Tick { interval_s: interval_s.parse().ok()?, window: window.parse().ok()? })
    }
}

/// Its name: what its schedule and its lane in a queue are called.
impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}{}-{}", self.interval_s, self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn tick(minutes: u32, phase_s: u32) -> Tick {
        Tick::of(Timetable { interval_s: minutes * 60, phase_s })
    }

    #[test]
    fn a_tick_is_read_back_from_its_name() {
        assert_eq!(tick(15, 427).to_string(), "tick-900-42");
        assert_eq!(Tick::parse("tick-900-42"), Some(tick(15, 420)));
        for other in ["17", "tick-", "tick-900", "tick-a-b", "once-17-poll-1795001001"] {
            assert_eq!(Tick::parse(other), None, "{other}");
        }
    }

    /// A member that is polled by its tick waits for the next one of its own timetable no longer than for the next tick.
    #[test]
    fn a_tick_is_due_soon_after_each_of_its_members() {
        let start = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for minutes in [1, 7, 15, 1_440] {
            for phase_s in [0, 9, 10, 59, minutes * 60 - 1] {
                let own = Timetable { interval_s: minutes * 60, phase_s };
                let due_at = tick(minutes, phase_s).timetable().next_after(start);
                let last_own = own.next_after(due_at) - TimeDelta::seconds(i64::from(own.interval_s));
                let late_s = (due_at - last_own).num_seconds();
                assert!((0..=i64::from(WINDOW_S)).contains(&late_s), "{minutes} min, {phase_s} s: {late_s}");
            }
        }
    }

    #[test]
    fn a_hundred_thousand_mailboxes_fill_the_ticks_of_an_interval_evenly() {
        let mut sizes = std::collections::HashMap::new();
        for number in 1..=100_000_u32 {
            let id = InstanceId::from_bytes(number.to_be_bytes());
            *sizes.entry(Tick::of(Timetable::new(id, 15))).or_insert(0) += 1;
        }
        assert_eq!(sizes.len(), 90);
        assert!(sizes.values().all(|size| (980..=1_250).contains(size)), "{sizes:?}");
    }
}
