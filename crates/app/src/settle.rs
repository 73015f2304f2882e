//! Acts on what an instance's row implies outside the row: its schedule, jobs, and the removal of what it left.
//!
//! A row and its schedule can't be written as one, nor a row and a job. So a change of a row takes four steps:
//!
//! 1. [`Promise::keep`] enqueues a job that settles the instance, due when the caller has surely ended;
//! 2. the row is written, with marks for what it now implies (`unsettled`, a release without a worker,
//!    a deletion);
//! 3. what is marked is done at once;
//! 4. the marks are cleared, if the row still has that version. If not, everything is redone from the current row:
//!    the newest change has the last word.
//!
//! A death between any two of them leaves at least the job, and a mark that the next poll or change sees. The job does
//! all of it again, marked or not: a process that stalled between reading a row and writing a schedule may have
//! overwritten a newer schedule.

use crate::context::Context;
use crate::health;
use crate::instances;
use crate::poll::outbox;
use crate::ports::{InstanceChange, Job, Mailbox, PortError, Result, Written};
use crate::push;
use crate::unreadable::is_told;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::SubscriptionStatus;
use domain::health_reading::Reading;
use domain::ids::InstanceId;
use domain::instance::{Instance, Unsettled};
use domain::schedule::Timetable;
use domain::settings::Settings;

/// From a promise to its job, seconds: longer than a process lives that wrote within [`WRITE_WITHIN_S`] (a function
/// has 75 s at most), so that the job runs after anything the caller still does.
const SETTLE_AFTER_S: i64 = 120;
/// How long after a promise a write is still covered by it, seconds; later it is renewed.
const WRITE_WITHIN_S: i64 = 30;
/// Waits of a job that has to come again, seconds: a quarter of the time that it has been tried for, within these. The
/// longest is such that, with one interval more, an instance is polled soon after the end of an outage.
const PAUSE_S_MIN: i64 = 15;
const PAUSE_S_MAX: i64 = 120;
/// When a job gives up, days: after such an outage an operator runs `carillon admin check`.
const TRIED_DAYS_MAX: i64 = 7;
/// Tries against concurrent changes of the row, and the wait after the first, ms, which doubles.
const TRIES_COUNT_MAX: u32 = 5;
const AGAIN_FIRST_MS: u64 = 20;

/// Guarantees that what a row implies is done, whatever happens to its writer.
pub(crate) struct Promise {
    id: InstanceId,
    /// What is written before this is covered.
    covers_until: Option<DateTime<Utc>>,
}

/// How much of it to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What the row says is outstanding.
    Marked,
    /// The schedule too, marked or not.
    Whole,
}

/// Whether more has to follow before everything matches the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Jobs of others are to do it, and may get lost: a purge, a release.
    Something,
}

impl Promise {
    /// One that is not made yet.
    pub(crate) fn about(id: InstanceId) -> Self {
        Promise { id, covers_until: None }
    }

    /// Makes it, unless it covers what is written now.
    pub(crate) async fn keep(&mut self, app: &Context) -> Result<()> {
        if self.covers(app) {
            return Ok(());
        }
        let since = app.now();
        let due_at = since + Duration::seconds(SETTLE_AFTER_S);
        app.ports.queue.send(&[(Job::Settle { instance: self.id, since }, due_at)]).await?;
        self.covers_until = Some(since + Duration::seconds(WRITE_WITHIN_S));
        Ok(())
    }

    /// Whether it covers what is written now.
    pub(crate) fn covers(&self, app: &Context) -> bool {
        self.covers_until.is_some_and(|until| app.now() < until)
    }
}

/// Writes a change of an instance, and settles what it implies.
pub(crate) async fn commit(app: &Context, promise: &mut Promise, change: &InstanceChange) -> Result<Written> {
    promise.keep(app).await?;
    let written = app.ports.store.change_instance(change).await?;
    match written {
        Written::Done => marked(app, change.instance.id).await,
        // A retry leaves the other a moment.
        Written::Conflict => app.ports.clock.sleep(std::time::Duration::from_millis(AGAIN_FIRST_MS)).await,
        Written::Gone => {}
    }
    Ok(written)
}

/// Does what the row says is outstanding. A failure is no failure of the caller: the change is stored, and the job that
/// was promised does the rest.
pub(crate) async fn marked(app: &Context, id: InstanceId) {
    if let Err(error) = settle(app, id, Extent::Marked).await {
        log_unsettled(id, &error);
    }
}

/// Tells what became of the callback, and settles nothing else: a delivery may neither remove a schedule nor begin a
/// purge. A failure is for the caller, who comes again.
pub(crate) async fn told(app: &Context, id: InstanceId) -> Result<()> {
    for tried in 0..TRIES_COUNT_MAX {
        let Some(mut mailbox) = app.ports.store.mailbox(id).await? else { return Ok(()) };
        if mailbox.instance.deleted_at.is_some() {
            return Ok(());
        }
        if health::observe(app, &mut mailbox, &Reading::Unknown).await? == Written::Done {
            return hand_over(app, &mailbox.instance).await;
        }
        app.ports.clock.sleep(std::time::Duration::from_millis(AGAIN_FIRST_MS << tried)).await;
    }
    Err(PortError::new("telling of a callback", "others kept changing the instance"))
}

/// Marks of something else stay: whoever settles that hands over again, by the same ids.
async fn hand_over(app: &Context, instance: &Instance) -> Result<()> {
    health::hand_over(app, instance).await?;
    if instance.is_unsettled() && instance.unsettled.is_empty() {
        app.ports.store.note_settled(instance).await?;
    }
    Ok(())
}

/// Brings all in line with the row. Repeatable: of an instance in order nothing changes.
pub(crate) async fn whole(app: &Context, id: InstanceId) -> Result<()> {
    settle(app, id, Extent::Whole).await.map(drop)
}

/// Runs a job. What it could not do, or left to others, it comes again for.
pub(crate) async fn run(app: &Context, id: InstanceId, since: DateTime<Utc>) -> Result<()> {
    let settled = settle(app, id, Extent::Whole).await;
    let now = app.now();
    let ends = match &settled {
        Ok(left) => *left == Left::Nothing,
        // A person has to mend it. Until then each job would be followed by one more, and by two wherever a queue brings it
        // twice; as a failed one it comes again by itself, and is put aside at last.
        Err(error) => error.unreadable_row().is_some(),
    };
    if ends || now - since >= Duration::days(TRIED_DAYS_MAX) {
        return settled.map(drop);
    }
    if let Err(error) = &settled {
        log_unsettled(id, error);
    }
    app.ports.queue.send(&[(Job::Settle { instance: id, since }, now + pause(now - since))]).await
}

/// A row that can't be read has its own line, once.
fn log_unsettled(id: InstanceId, error: &PortError) {
    if is_told(error) {
        return;
    }
    let error: &dyn std::error::Error = error;
    tracing::warn!(instance.id = id.get(), error, "instance.unsettled");
}

fn pause(tried_for: Duration) -> Duration {
    Duration::seconds((tried_for.num_seconds() / 4).clamp(PAUSE_S_MIN, PAUSE_S_MAX))
}

async fn settle(app: &Context, id: InstanceId, extent: Extent) -> Result<Left> {
    let mut extent = extent;
    for tried in 0..TRIES_COUNT_MAX {
        let Some(mut mailbox) = app.ports.store.mailbox(id).await? else { return remove(app, id).await };
        if mailbox.instance.deleted_at.is_some() {
            app.ports.queue.send(&[(Job::Purge(id), app.now())]).await?;
            return Ok(Left::Something);
        }
        let push = push_reading(app, &mailbox).await?;
        if health::observe(app, &mut mailbox, &push).await? != Written::Done {
            app.ports.clock.sleep(std::time::Duration::from_millis(AGAIN_FIRST_MS << tried)).await;
            continue;
        }
        align(app, &mailbox, extent).await?;
        if is_done(app, &mailbox.instance, extent).await? {
            let is_left = is_release_left(&mailbox);
            return Ok(if is_left { Left::Something } else { Left::Nothing });
        }
        // Whoever changed the row meanwhile set the schedule perhaps before us: ours may be the older one, and their
        // marks may be gone.
        extent = Extent::Whole;
        app.ports.clock.sleep(std::time::Duration::from_millis(AGAIN_FIRST_MS << tried)).await;
    }
    Err(PortError::new("settling an instance", "others kept changing it"))
}

async fn align(app: &Context, mailbox: &Mailbox, extent: Extent) -> Result<()> {
    let instance = &mailbox.instance;
    if extent == Extent::Whole || instance.unsettled.contains(&Unsettled::Schedule) {
        let (_, settings) = instances::understood(app, instance)?;
        let table = Timetable::new(instance.id, settings.interval_min);
        app.ports.schedule.put(instance.id, table, is_polled(instance, &settings)).await?;
    }
    settle_push(app, mailbox).await?;
    outbox::flush(app, mailbox).await?;
    health::hand_over(app, instance).await?;
    if instance.unsettled.contains(&Unsettled::Poll) {
        app.ports.queue.send(&[(Job::Poll(instance.id), app.now())]).await?;
    }
    Ok(())
}

/// Takes part in push, or no longer. A poll makes what is missing; what is too much ends here.
async fn settle_push(app: &Context, mailbox: &Mailbox) -> Result<()> {
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    push::leave_former(app, mailbox, connector).await?;
    let is_wanted = |push| connector.push().is_some_and(|way| way.targets(push, &settings.resources).is_ok());
    match !mailbox.instance.disabled && settings.push.as_ref().is_some_and(is_wanted) {
        true => push::is_pulled_by(app, &mailbox.instance, connector, &settings).await,
        false => push::leave(app, mailbox, connector).await,
    }
}

/// One read, where push is wanted.
async fn push_reading(app: &Context, mailbox: &Mailbox) -> Result<Reading> {
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    push::reading(app, &mailbox.instance, connector, &settings).await
}

/// Whether notices are pulled for an instance, as its row says.
pub(crate) async fn listen(app: &Context, id: InstanceId) -> Result<()> {
    let Some(mailbox) = instances::mailbox(app, id).await? else { return Ok(()) };
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    match mailbox.instance.disabled {
        true => Ok(()),
        false => push::is_pulled_by(app, &mailbox.instance, connector, &settings).await,
    }
}

/// Whether what was done is what the row implies by now. Then its marks are gone.
async fn is_done(app: &Context, instance: &Instance, extent: Extent) -> Result<bool> {
    let store = &app.ports.store;
    if instance.is_unsettled() {
        return Ok(store.note_settled(instance).await? == Written::Done);
    }
    if extent == Extent::Marked {
        return Ok(true);
    }
    let now = store.instance(instance.id).await?;
    Ok(now.is_some_and(|now| now.version == instance.version))
}

/// Of a creation that never came to its row, or of an instance that is purged. A creation writes its row while a
/// promise covers it, or never, so that none is under way by now.
async fn remove(app: &Context, id: InstanceId) -> Result<Left> {
    app.ports.schedule.remove(id).await?;
    app.ports.vault.remove(id).await?;
    app.secrets.forget(id);
    Ok(Left::Nothing)
}

/// Whether the instance's schedule is to be on.
pub(crate) fn is_polled(instance: &Instance, settings: &Settings) -> bool {
    settings.events_enabled && !instance.disabled && instance.is_valid()
}

/// Whether there is a release that a worker should be at.
pub(crate) fn is_release_left(mailbox: &Mailbox) -> bool {
    mailbox.subscription.status == SubscriptionStatus::Releasing && !mailbox.instance.disabled
}
