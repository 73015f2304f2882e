//! Delivering what is queued: one worker, in commit order, the next only after the last one arrived.

use crate::app::Inner;
use crate::deliver::{Failing, attempt, claim_until};
use crate::ports::{AttemptKey, Claim, Claimant, Job, Result, Written};
use chrono::{DateTime, Duration, Utc};
use domain::delivery::Verdict;
use domain::ids::InstanceId;

/// The lease holds for one time-out beyond the work time, so that no second worker starts while the last
/// post is under way.
const LEASE_S: i64 = 75;
/// Then the rest goes on as another job, so that one instance does not keep a worker.
const WORK_S: i64 = 25;

/// Runs a release job.
pub(crate) async fn release(app: &Inner, id: InstanceId) -> Result<()> {
    let started_at = app.now();
    let lease_until = started_at + Duration::seconds(LEASE_S);
    let store = &app.ports.store;
    let Some(subscription) = store.begin_release(id, started_at, lease_until).await? else {
        return come_again_if_leased(app, id).await;
    };
    let generation = subscription.generation;
    while app.now() < started_at + Duration::seconds(WORK_S) {
        let Some(notification) = store.next_queued(id).await? else {
            match store.end_release(id, generation).await? {
                Written::Done | Written::Gone => return Ok(()),
                Written::Conflict => continue,
            }
        };
        let key = AttemptKey { instance: id, sequence: notification.sequence, attempt: notification.attempt };
        let by = Claimant::Release { generation };
        let until = claim_until(app);
        match store.claim_attempt(key, by, app.now(), until).await? {
            Claim::Yours(claimed) => {
                let (notification, instance) = *claimed;
                let verdict = attempt(app, &notification, &instance, until, Failing::Suspends).await?;
                if matches!(verdict, Some(Verdict::Suspend)) {
                    return Ok(());
                }
            }
            Claim::Busy { until } => return again(app, id, until.max(lease_until)).await,
            Claim::Decided { .. } => {}
            Claim::Queued | Claim::Gone => return Ok(()),
        }
    }
    store.pause_release(id, generation).await?;
    again(app, id, app.now()).await
}

async fn again(app: &Inner, id: InstanceId, due_at: DateTime<Utc>) -> Result<()> {
    app.ports.queue.send(&[(Job::Release(id), due_at)]).await
}

/// Another worker has the lease: if it died, this job takes over.
async fn come_again_if_leased(app: &Inner, id: InstanceId) -> Result<()> {
    let subscription = app.ports.store.subscription(id).await?;
    match subscription.and_then(|subscription| subscription.lease_until) {
        Some(until) if until > app.now() => again(app, id, until).await,
        _ => Ok(()),
    }
}
