//! Delivering once more what was delivered, at a client's wish.

use crate::audit::By;
use crate::context::Context;
use crate::ports::{AttemptKey, Job, Notification, Progress, Result};
use chrono::Duration;
use domain::instance::Instance;
use serde_json::json;

/// From the promise of a job to the job, seconds: no request lives so long.
const PROMISED_AFTER_S: i64 = 120;

/// Delivers again: the same event id, the same body. `None` for what is never delivered.
///
/// Noted first, and its job is promised before the notification is made due: a job of another attempt than the one that
/// is next leads to that one, and no attempt has the number 0.
pub(crate) async fn redeliver(
    app: &Context,
    by: &By,
    instance: &Instance,
    notification: &Notification,
) -> Result<Option<AttemptKey>> {
    let Notification { instance: id, sequence, .. } = *notification;
    let attempt = match notification.progress {
        Progress::Pending => notification.attempt,
        Progress::Delivered => notification.attempt.saturating_add(1),
        Progress::Dropped | Progress::Logged => return Ok(None),
    };
    let subject = format!("instances/{id}/events/{}", notification.name.event_id);
    let documents = (None, Some(json!({ "attempt": attempt })));
    let entry = by.entry(app, instance.account.organization_id, "event.retried", subject, documents);
    app.ports.accounts.note(&entry).await?;
    let now = app.now();
    let promised = Job::Deliver(AttemptKey { instance: id, sequence, attempt: 0 });
    app.ports.queue.send(&[(promised, now + Duration::seconds(PROMISED_AFTER_S))]).await?;
    let Some(key) = app.ports.store.reopen(id, sequence, now).await? else { return Ok(None) };
    app.ports.queue.send(&[(Job::Deliver(key), now)]).await?;
    Ok(Some(key))
}
