//! The right to poll a mailbox: one holder at a time, whatever the number of processes.

use super::{Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;

/// Who polls a mailbox, as its row says. A mailbox that was never polled under a lease has the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Poller {
    /// Goes up when a lease is taken and when it is given back: what was read before either is out of date.
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

/// Leases of the right to poll.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Pollers: Send + Sync {
    /// Takes the right to poll until `until`, conditional on the fence that was read and on nobody holding it at
    /// `now`: the fence goes up by one, and a mark is cleared. `Conflict`: read again.
    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written>;
    /// Marks that another look is wanted, conditional on the lease of this fence being held at `now`.
    /// `Conflict`: it ended meanwhile.
    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written>;
    /// Gives the lease of this fence back, in one write with finding out whether somebody came meanwhile. The fence
    /// goes up by one; made again it finds the same.
    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded>;
}
