//! The right to poll a mailbox: one holder at a time, whatever the number of processes.

use chrono::{DateTime, Utc};

/// Who polls a mailbox, as its row says. A mailbox that was never polled under a lease has the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Poller {
    /// Goes up with each lease: a holder of a lower one has lost it.
    pub fence: u64,
    /// Held until then; a holder that died gives way to the next after that.
    pub until: Option<DateTime<Utc>>,
    /// Somebody came meanwhile and wants another look, which the holder owes when it ends.
    pub again: bool,
}

impl Poller {
    /// Somebody holds the lease.
    pub fn is_leased(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// What a holder finds when it gives the lease back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollEnded {
    /// No other came meanwhile.
    Quiet,
    /// Somebody wants another look. The mark stays until the next lease.
    Again,
    /// Somebody else has the lease since, or the instance is gone.
    Lost,
}
