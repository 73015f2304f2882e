//! Delivering what is queued: one worker, in commit order, the next only after the last one arrived.

use crate::context::Context;
use crate::deliver::{attempt, claim_until};
use crate::ports::{AttemptKey, Claim, Claimant, Job, Result, Written};
use crate::settle;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::{SubscriptionStatus, Verdict};
use domain::ids::InstanceId;

/// The lease holds for one time-out beyond the work time, so that no second worker starts while the last
/// post is under way.
const LEASE_S: i64 = 75;
/// Then the rest goes on as another job, so that one instance does not keep a worker.
const WORK_S: i64 = 25;
/// Wait before the next job, after looks that settled nothing, seconds.
const UNCLEAR_S: i64 = 5;

/// Posts of one job, and looks that find nothing to post although the release is not over: a concurrent claim was
/// answered with "queued", or another worker decided the attempt. The waits between them, ms, double.
const POSTS_COUNT_MAX: usize = 2_000;
const LOOKS_COUNT_MAX: u32 = 6;
const AGAIN_FIRST_MS: u64 = 20;

/// What to do after a look at what is queued.
enum AfterLook {
    /// Look at once: a post was made.
    Posted {
        /// Whose it is.
        organization_id: u32,
    },
    /// Look again, after a pause.
    Unclear,
    /// It is over, or belongs to another worker.
    Over,
    /// Another job goes on then.
    Later(DateTime<Utc>),
}

/// Runs a release job.
///
/// Only one worker posts at a time, in commit order, and the next only after a success: that is what `generation` and
/// the lease are for. The lease outlasts the work by more than a post may take. If it were shorter, a worker that waits
/// for a slow callback would meet its successor, and the callback would get the second notification before the first.
/// A worker that finds another generation stops at once: its instance was disabled or given another callback, which
/// began a new generation.
pub(crate) async fn release(app: &Context, id: InstanceId) -> Result<()> {
    let started_at = app.now();
    let lease_until = started_at + Duration::seconds(LEASE_S);
    let store = &app.ports.store;
    let Some(subscription) = store.begin_release(id, started_at, lease_until).await? else {
        return come_again_if_leased(app, id).await;
    };
    let generation = subscription.generation;
    let (mut posts, mut looks) = (0, 0);
    let mut organization_id = None;
    while app.now() < started_at + Duration::seconds(WORK_S)
        && posts < POSTS_COUNT_MAX
        && looks < LOOKS_COUNT_MAX
    {
        let next = match next(app, id, generation).await {
            Ok(next) => next,
            Err(error) => {
                // The next run need not wait for the lease to expire. If that fails too, it does.
                let _ = store.pause_release(id, generation).await;
                return Err(error);
            }
        };
        match next {
            AfterLook::Posted { organization_id: whose } => {
                organization_id = Some(whose);
                (posts, looks) = (posts + 1, 0);
            }
            AfterLook::Unclear => {
                app.ports.clock.sleep(std::time::Duration::from_millis(AGAIN_FIRST_MS << looks)).await;
                looks += 1;
            }
            AfterLook::Over => return settle::told(app, id).await,
            AfterLook::Later(due_at) => {
                // Whoever gives that claim back calls for a release, which may begin at once.
                store.pause_release(id, generation).await?;
                return again(app, id, organization_id, due_at).await;
            }
        }
    }
    store.pause_release(id, generation).await?;
    // After finding nothing so often, it gives others their turn.
    let wait_s = if looks == LOOKS_COUNT_MAX { UNCLEAR_S } else { 0 };
    again(app, id, organization_id, app.now() + Duration::seconds(wait_s)).await
}

/// Delivers the first of what is queued, or ends the release.
async fn next(app: &Context, id: InstanceId, generation: u64) -> Result<AfterLook> {
    let store = &app.ports.store;
    let Some(notification) = store.next_queued(id).await? else {
        return Ok(match store.end_release(id, generation).await? {
            Written::Done | Written::Gone => AfterLook::Over,
            Written::Conflict if is_ours(app, id, generation).await? => AfterLook::Unclear,
            Written::Conflict => AfterLook::Over,
        });
    };
    let key = AttemptKey { instance: id, sequence: notification.sequence, attempt: notification.attempt };
    let by = Claimant::Release { generation };
    let until = claim_until(app);
    Ok(match store.claim_attempt(key, by, app.now(), until).await? {
        Claim::Yours(claimed) => {
            let (notification, instance) = *claimed;
            match attempt(app, &notification, &instance, until, by, None).await? {
                Some(Verdict::Suspend) => AfterLook::Over,
                _ => AfterLook::Posted { organization_id: instance.account.organization_id },
            }
        }
        Claim::Busy { until } => AfterLook::Later(until),
        Claim::Decided { .. } => AfterLook::Unclear,
        Claim::Queued | Claim::Gone => AfterLook::Over,
    })
}

/// Whether this release is still current: disabling the instance, or changing its callback's address, begins a new
/// generation.
async fn is_ours(app: &Context, id: InstanceId, generation: u64) -> Result<bool> {
    let now = app.ports.store.subscription(id).await?;
    Ok(now.is_some_and(|now| now.status == SubscriptionStatus::Releasing && now.generation == generation))
}

/// One that posted nothing does not know whose it is.
async fn again(
    app: &Context,
    id: InstanceId,
    organization_id: Option<u32>,
    due_at: DateTime<Utc>,
) -> Result<()> {
    let job = (Job::Release(id), due_at);
    match organization_id {
        Some(organization_id) => app.ports.queue.send_in_turn(organization_id, &[job]).await,
        None => app.ports.queue.send(&[job]).await,
    }
}

/// Another worker has the lease: if it died, this job takes over.
async fn come_again_if_leased(app: &Context, id: InstanceId) -> Result<()> {
    let subscription = app.ports.store.subscription(id).await?;
    match subscription.and_then(|subscription| subscription.lease_until) {
        Some(until) if until > app.now() => again(app, id, None, until).await,
        // Over, perhaps by this job, whose process died before that was told.
        _ => settle::told(app, id).await,
    }
}
