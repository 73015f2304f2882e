//! What starts a poll: a schedule of the mailbox's own, or its share of a tick.

use super::data::Assumed;
use super::question::Question;

const S_PER_MIN: u32 = 60;

/// Of one poll.
pub(super) struct PerPoll {
    pub(super) starts: f64,
    pub(super) requests: f64,
    /// Of Lambda's time.
    pub(super) ms: f64,
    /// That a tick hands members out in.
    pub(super) letters: f64,
}

impl PerPoll {
    pub(super) fn of(question: &Question, assumed: &Assumed, interval_min: u32) -> Self {
        match question.mailboxes_per_tick {
            1 => PerPoll { starts: 1.0, requests: 1.0, ms: assumed.poll_ms, letters: 0.0 },
            _ => Self::by_ticks(question, assumed, interval_min),
        }
    }

    /// Members are taken to be spread evenly. A letter's last polls may leave places free: they cost as much as the rest.
    fn by_ticks(question: &Question, assumed: &Assumed, interval_min: u32) -> Self {
        let windows = f64::from(interval_min * S_PER_MIN / assumed.tick_window_s);
        let members = (question.mailboxes as f64 / windows).max(1.0);
        let letters = (members / f64::from(question.mailboxes_per_tick)).ceil();
        let rounds = (members / letters / assumed.tick_polls_at_once).ceil();
        PerPoll {
            starts: 1.0 / members,
            requests: (1.0 + letters) / members,
            ms: (assumed.tick_ms + letters * rounds * assumed.poll_ms) / members,
            letters: letters / members,
        }
    }
}
