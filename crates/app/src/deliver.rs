//! One delivery attempt: claim, post, store its outcome, enqueue what follows.

use crate::config::FirstAttempts;
use crate::context::Context;
use crate::destinations::{self, SendOutcome, send, timeout};
use crate::poll::outbox;
use crate::ports::{
    AttemptKey, AttemptOutcome, Claim, Claimant, Job, Notification, PortError, Result, Written,
};
use crate::settle;
use crate::signals::AttemptEnd;
use chrono::{DateTime, Duration, Utc};
use connectors::HttpError;
use domain::account_settings::FailurePolicy;
use domain::delivery::{Answer, Attempt, SubscriptionStatus, Verdict, decide};
use domain::ids::{InstanceId, digest64};
use domain::instance::{Account, Instance};
use domain::life;
use domain::settings::{CALLBACK_URL, given};
use domain::trace::{Span, SpanId, SpanWork, TraceId};

/// Tries to store an outcome, and the pause before the second, which doubles: a post whose outcome is not stored is
/// made again.
const STORE_TRIES_COUNT_MAX: u32 = 3;
const STORE_PAUSE_MS: u64 = 100;
/// Beyond the callback's time-out, a claim leaves this much for storing the outcome.
const CLAIM_MARGIN_S: i64 = 15;

/// Outcome of a job; the host paces the instance's next one by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    Well,
    /// The callback did not take the attempt.
    Refused,
}

/// Runs a delivery job. Doing it again after a crash posts nothing that was decided.
pub(crate) async fn deliver(app: &Context, key: AttemptKey) -> Result<Ran> {
    let (by, until) = match outbox::begun(app, key).await {
        Some(until) if destinations::has_time(app, until) => (Claimant::Committer, until),
        // It waited for its place.
        Some(until) => {
            app.ports.store.unclaim_attempt(key, until).await?;
            (Claimant::Job, claim_until(app))
        }
        None => (Claimant::Job, claim_until(app)),
    };
    let verdict = claim_and_attempt(app, key, by, until, None).await?;
    Ok(if matches!(verdict, Some(Verdict::Delivered) | None) { Ran::Well } else { Ran::Refused })
}

/// Makes the attempt that this poll claimed with its commit; `None` if it stored no outcome.
pub(crate) async fn deliver_committed(
    app: &Context,
    key: AttemptKey,
    claimed_until: DateTime<Utc>,
    poll: TraceId,
) -> Result<Option<Verdict>> {
    claim_and_attempt(app, key, Claimant::Committer, claimed_until, Some(poll)).await
}

async fn claim_and_attempt(
    app: &Context,
    key: AttemptKey,
    by: Claimant,
    until: DateTime<Utc>,
    poll: Option<TraceId>,
) -> Result<Option<Verdict>> {
    let again = |attempt, due_at| (Job::Deliver(AttemptKey { attempt, ..key }), due_at);
    match app.ports.store.claim_attempt(key, by, app.now(), until).await? {
        Claim::Gone | Claim::Decided { next: None } => Ok(None),
        // Perhaps by an attempt of this job, whose process died before that was told.
        Claim::Queued => {
            if by == Claimant::Committer {
                release_again(app, key.instance).await?;
            }
            settle::told(app, key.instance).await.map(|()| None)
        }
        Claim::Busy { until } => {
            app.ports.queue.send(&[again(key.attempt, until)]).await?;
            Ok(None)
        }
        Claim::Decided { next: Some((attempt, due_at)) } => {
            app.ports.queue.send(&[again(attempt, due_at)]).await?;
            Ok(None)
        }
        Claim::Yours(claimed) => {
            let (notification, instance) = *claimed;
            let verdict = attempt(app, &notification, &instance, until, by, poll).await?;
            if let Some(Verdict::Retry(due_at)) = verdict {
                let organization_id = instance.account.organization_id;
                let retry = again(notification.attempt + 1, due_at);
                app.ports.queue.send_in_turn(organization_id, &[retry]).await?;
            }
            if verdict == Some(Verdict::Suspend) {
                settle::told(app, key.instance).await?;
            }
            Ok(verdict)
        }
    }
}

/// A release that met a claim which is given back now would wait until that had ended.
async fn release_again(app: &Context, id: InstanceId) -> Result<()> {
    let subscription = app.ports.store.subscription(id).await?;
    match subscription.is_some_and(|now| now.status == SubscriptionStatus::Releasing) {
        true => app.ports.queue.send(&[(Job::Release(id), app.now())]).await,
        false => Ok(()),
    }
}

/// Until when a claim made now holds.
pub(crate) fn claim_until(app: &Context) -> DateTime<Utc> {
    app.now() + timeout(app) + Duration::seconds(CLAIM_MARGIN_S)
}

/// Posts a notification that is claimed until then, and stores the outcome; `None` if somebody else stored one first. A
/// failure leads to another attempt by the policy, in the end to suspension; in a release at once, which goes on only after a
/// success. Where the poll that found it makes the attempt, its line leads back there.
pub(crate) async fn attempt(
    app: &Context,
    notification: &Notification,
    instance: &Instance,
    claimed_until: DateTime<Utc>,
    by: Claimant,
    poll: Option<TraceId>,
) -> Result<Option<Verdict>> {
    let started_at = app.now();
    let key = AttemptKey {
        instance: notification.instance,
        sequence: notification.sequence,
        attempt: notification.attempt,
    };
    let SendOutcome { answer, excerpt, cause, reached } =
        match send(app, notification, instance, claimed_until).await {
            Ok(sent) => sent,
            Err(error) => {
                // Nothing was posted: whoever runs the job again need not wait for the claim to run out. If that fails
                // too, they do.
                let _ = app.ports.store.unclaim_attempt(key, claimed_until).await;
                return Err(error);
            }
        };
    let now = app.now();
    let attempt_of_round = notification.attempt.saturating_sub(notification.round_start);
    let seed = digest64(&[&key.instance.get().to_be_bytes(), &key.sequence.0.to_be_bytes()]);
    let mut verdict = decide(&answer, attempt_of_round, &app.config.retry_policy, now, seed);
    let mut reason = (verdict == Verdict::Suspend).then(|| suspension(&answer));
    if let Verdict::Retry(_) = verdict {
        // A callback that took the notification has not failed, whatever the bus did.
        let is_callbacks = !reached.callback && given(&instance.configuration, CALLBACK_URL).is_some();
        if matches!(by, Claimant::Release { .. }) {
            (verdict, reason) = (Verdict::Suspend, Some(suspension(&answer)));
        } else if is_callbacks && failure_policy(app, instance).await == FailurePolicy::Queue {
            let because = format!("{}, and the account's failure policy is `queue`", suspension(&answer));
            (verdict, reason) = (Verdict::Suspend, Some(because));
        }
    }
    let attempt = Attempt {
        number: notification.attempt,
        at: started_at,
        duration_ms: u64::try_from((now - started_at).num_milliseconds()).unwrap_or(0),
        status: status(&answer),
        error: error(&answer),
        answer: excerpt,
    };
    log(notification, &attempt, cause, verdict, poll);
    trace(app, notification, &attempt, verdict, now);
    let outcome = AttemptOutcome {
        by,
        reason,
        attempt,
        verdict,
        reached,
        expires_at: now + app.config.retention,
        in_outbox: by == Claimant::Committer && app.config.first_attempts == FirstAttempts::ByJobs,
    };
    let written = store(app, key, &outcome).await?;
    if written == Written::Done {
        count(app, notification, verdict, now);
    }
    Ok((written == Written::Done).then_some(verdict))
}

/// After a try that failed, a conflict may be our own outcome, whose answer got lost: then it is the job's next run
/// that finds the attempt decided, and enqueues what follows.
async fn store(app: &Context, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written> {
    let mut failure = None;
    for round in 0..STORE_TRIES_COUNT_MAX {
        match (app.ports.store.finish_attempt(key, outcome).await, failure.take()) {
            (Ok(Written::Conflict), Some(error)) => return Err(error),
            (Ok(written), _) => return Ok(written),
            (Err(error), _) => failure = Some(error),
        }
        app.ports.clock.sleep(std::time::Duration::from_millis(STORE_PAUSE_MS << round)).await;
    }
    Err(failure.unwrap_or_else(|| PortError::new("store an outcome", "it was not tried")))
}

/// What the account wants of a failed attempt. Where that can't be read, the attempt is still stored: made
/// again, it would tell the callback twice.
async fn failure_policy(app: &Context, instance: &Instance) -> FailurePolicy {
    let Account { organization_id, account_id, .. } = instance.account;
    match app.ports.accounts.settings(organization_id, account_id).await {
        Ok(settings) => FailurePolicy::of(&settings),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, instance.id = instance.id.get(), "account.settings_unread");
            FailurePolicy::default()
        }
    }
}

fn status(answer: &Answer) -> Option<u16> {
    match answer {
        Answer::Status { code, .. } => Some(*code),
        Answer::RefusedAddress | Answer::Published | Answer::NoAnswer(_) => None,
    }
}

fn error(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Status { .. } | Answer::Published => None,
        Answer::RefusedAddress => Some(HttpError::RefusedAddress.to_string()),
        Answer::NoAnswer(stage) => Some(stage.clone()),
    }
}

fn suspension(answer: &Answer) -> String {
    match answer {
        Answer::Status { code: 410, .. } => "the callback answered 410: it is gone for good".to_owned(),
        Answer::Status { code, .. } => format!("the last attempt was answered {code}"),
        Answer::RefusedAddress => {
            "the callback's address is refused: private, loopback or link-local".to_owned()
        }
        Answer::NoAnswer(stage) => format!("the last attempt had no answer: {stage}"),
        Answer::Published => "the event bus took it".to_owned(),
    }
}

/// Counts an attempt, and how long the receiver waited for what it did not have.
fn count(app: &Context, notification: &Notification, verdict: Verdict, now: DateTime<Utc>) {
    app.signals.attempted(match verdict {
        Verdict::Delivered => AttemptEnd::Delivered,
        Verdict::Retry(_) => AttemptEnd::Retry,
        Verdict::Suspend => AttemptEnd::Suspend,
    });
    if verdict != Verdict::Delivered || notification.attempts.iter().any(life::is_success) {
        return;
    }
    // Where no poll without it is known it was seen for sure when it was.
    let sighting = notification.sighting;
    let since = sighting.map(|sighting| sighting.unseen_at.unwrap_or(sighting.seen_at));
    let since_commit = now - notification.created_at;
    app.signals.arrived(since.map_or(since_commit, |since| now - since), since_commit);
}

fn trace(
    app: &Context,
    notification: &Notification,
    attempt: &Attempt,
    verdict: Verdict,
    now: DateTime<Utc>,
) {
    let event_id = notification.name.event_id.as_str();
    let trace = TraceId::of_notification(event_id);
    app.traced(trace, || {
        let facts = [
            ("instance.id", notification.instance.get().into()),
            ("event.id", event_id.into()),
            ("attempt", attempt.number.into()),
            ("verdict", word(verdict).into()),
        ];
        let status = attempt.status.map(|status| ("http.response.status_code", u32::from(status).into()));
        Span {
            trace,
            id: SpanId::of_attempt(event_id, attempt.number),
            parent: Some(SpanId::root_of(trace)),
            link: None,
            work: SpanWork::Attempt,
            began_at: attempt.at,
            ended_at: now,
            error: (verdict != Verdict::Delivered).then(|| word(verdict)),
            facts: facts.into_iter().chain(status).collect(),
        }
    });
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Retry(_) => "retry",
        Verdict::Suspend => "suspend",
    }
}

/// Half of an id, which finds the whole for half of its bytes.
fn half(id: TraceId) -> String {
    let mut text = id.to_string();
    text.truncate(text.len() / 2);
    text
}

fn log(
    notification: &Notification,
    attempt: &Attempt,
    cause: Option<String>,
    verdict: Verdict,
    poll: Option<TraceId>,
) {
    tracing::info!(
        instance.id = notification.instance.get(),
        event.id = notification.name.event_id,
        trace.id = %TraceId::of_notification(&notification.name.event_id),
        poll.id = poll.map(half),
        attempt = attempt.number,
        status = attempt.status,
        error = attempt.error,
        cause,
        duration_ms = attempt.duration_ms,
        verdict = word(verdict),
        "delivery.attempted"
    );
}
