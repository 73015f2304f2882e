//! Ways to be wrong, as switches in the ports: each takes one guard away, and the simulation has to notice.
//!
//! `CARILLON_SIMULATION_MUTATION=<name>` runs the seeds with one of them; `.ci/nightly` runs them all.

mod bulks;
mod deliveries;
mod instances;
mod polls;
mod push;

use super::ports::TappedStore;
use app::ports::{Mailbox, Result};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;

/// Longer than any lease or claim.
const LONG_H: i64 = 24;

/// One guard that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Mutation {
    /// Whoever wants to poll has the lease, also while somebody else holds it.
    PollLeaseOff,
    /// Whoever read that nobody polls has the lease, also where somebody did in between.
    PollFenceOff,
    /// Giving the lease back gives back whoever's it is.
    PollLeaseReturnUnconditional,
    /// Whoever comes meanwhile is told that the holder looks again, and the holder is not.
    PollMarkOff,
    /// A mark is left for a holder who has ended, too.
    PollMarkUnconditional,
    /// A commit counts, whatever was committed since its state was read.
    CommitUnconditional,
    /// A commit counts, though its resource was taken out since its state was read.
    CommitToRemoved,
    /// No job that settles is enqueued, and no row says what is outstanding.
    IntentOff,
    /// A row's marks are taken out, whatever the row implies by now.
    SettledUnconditional,
    /// A change of an instance counts, whatever was changed since it was read.
    ChangeUnconditional,
    /// What a change puts in the place of a position counts, whatever was committed since that was read.
    ChangedStatesUnconditional,
    /// A new sign-in's session counts, whatever was stored since the former one was read.
    ChangedSessionUnconditional,
    /// Scheduler writes are answered well and have no effect.
    ScheduleOff,
    /// What the event log holds is not known.
    RecheckOff,
    /// What was committed and not enqueued is not seen by those who come later.
    OutboxFlushOff,
    /// Clearing an outbox clears what others put into it, too.
    OutboxClearUnconditional,
    /// Several refresh a token at a time.
    TokenLeaseOff,
    /// A session counts, whatever was stored since it was read.
    SessionUnconditional,
    /// A rotated refresh token is not stored.
    RotationLost,
    /// Secrets count, whatever was stored since they were read.
    VaultUnconditional,
    /// An attempt is its worker's, also while another one is at it.
    ClaimOff,
    /// An attempt is its worker's, also when it is decided, and when the callback takes nothing.
    ClaimUnconditional,
    /// Giving a claim back gives back whoever's it is.
    UnclaimUnconditional,
    /// An outcome counts, also of an attempt that was decided before.
    FinishUnconditional,
    /// A release is its worker's, also while another one is at it.
    ReleaseLeaseOff,
    /// A release begins, also of a callback that is active, or of an instance that is switched off.
    ReleaseBeginUnconditional,
    /// Handing a release back hands back whoever's it is.
    ReleasePauseUnconditional,
    /// A release ends, whoever's it is, and whatever waits.
    ReleaseEndUnconditional,
    /// Back-offs are forgotten.
    BackoffOff,
    /// A position moves to where the provider says that it is, whatever it shows later.
    OverlapOff,
    /// What was told of the stretch that is read again is not known.
    MemoryOff,
    /// What is watched for whom counts, whatever was stored since it was read.
    PushStateUnconditional,
    /// Hints count, whichever came since.
    HintsUnconditional,
    /// How far a bulk action is counts, whoever went on with it or ended it since.
    ChangeBulkUnconditional,
    /// A row says what was told, and not what of it is still to be handed over.
    HealthPendingOff,
}

impl Mutation {
    pub(in super::super) const ALL: [Mutation; 35] = [
        Mutation::PollLeaseOff,
        Mutation::PollFenceOff,
        Mutation::PollLeaseReturnUnconditional,
        Mutation::PollMarkOff,
        Mutation::PollMarkUnconditional,
        Mutation::CommitUnconditional,
        Mutation::CommitToRemoved,
        Mutation::IntentOff,
        Mutation::SettledUnconditional,
        Mutation::ChangeUnconditional,
        Mutation::ChangedStatesUnconditional,
        Mutation::ChangedSessionUnconditional,
        Mutation::ScheduleOff,
        Mutation::RecheckOff,
        Mutation::OutboxFlushOff,
        Mutation::OutboxClearUnconditional,
        Mutation::TokenLeaseOff,
        Mutation::SessionUnconditional,
        Mutation::RotationLost,
        Mutation::VaultUnconditional,
        Mutation::ClaimOff,
        Mutation::ClaimUnconditional,
        Mutation::UnclaimUnconditional,
        Mutation::FinishUnconditional,
        Mutation::ReleaseLeaseOff,
        Mutation::ReleaseBeginUnconditional,
        Mutation::ReleasePauseUnconditional,
        Mutation::ReleaseEndUnconditional,
        Mutation::BackoffOff,
        Mutation::OverlapOff,
        Mutation::MemoryOff,
        Mutation::PushStateUnconditional,
        Mutation::HintsUnconditional,
        Mutation::ChangeBulkUnconditional,
        Mutation::HealthPendingOff,
    ];

    /// By its name.
    pub(in super::super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutation| format!("{mutation:?}") == name)
    }
}

impl TappedStore {
    fn is(&self, mutation: Mutation) -> bool {
        self.tap.shared.mutation == Some(mutation)
    }

    async fn stored(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        self.inner.mailbox(id).await
    }

    /// Writes what the adapter would not: its own statement without the condition. One that fails would take nothing
    /// away, and look like a port's fault.
    async fn forge(&self, sql: String) -> Result<()> {
        self.tap.shared.rows.write("forge a row", move |tx| tx.execute(&sql, [])).await.unwrap();
        Ok(())
    }
}

/// So late that whatever is held for a while is not any more.
fn late(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::hours(LONG_H)
}
