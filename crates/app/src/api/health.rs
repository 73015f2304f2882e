//! How an instance is, and why, in words.

use super::answers::instance::{HealthState, OpenHealth};
use super::answers::moment::Moment;
use super::wire;
use crate::context::Context;
use crate::fleet;
use crate::ports::{Mailbox, ResourceRow};
use chrono::{DateTime, Duration, Utc};
use domain::health::{Health, Pulse};
use domain::instance::Validity;
use domain::settings::Settings;
use domain::state::{ResourceState, frozen_after};

/// Of a mailbox, as this process knows it.
pub(super) fn of(app: &Context, mailbox: &Mailbox, settings: &Settings) -> HealthState {
    let now = app.now();
    let (vitals, pulses) = fleet::vitals(app, mailbox);
    let status = vitals.health(app.config.heartbeat, now);
    let rows = || mailbox.resources.iter().filter(|row| wire::is_polled(row, settings));
    let retry_at = rows().filter_map(|row| row.state.backoff_until).filter(|until| *until > now).min();
    let timetable = wire::next_poll(app, &mailbox.instance, settings);
    // What is backed off is tried again at its own time, also between two of the timetable.
    let next_poll = match status {
        Health::BackingOff | Health::Failing | Health::Stopped => timetable.and(retry_at.or(timetable)),
        _ => timetable,
    };
    let last_poll = pulses.iter().filter_map(|pulse| pulse.last_success_at).max();
    HealthState {
        status: status.into(),
        reason: reason(
            mailbox,
            (status, frozen_after(vitals.interval_s, app.config.heartbeat)),
            &pulses,
            now,
        ),
        last_poll: last_poll.map(Moment::of),
        last_poll_within_seconds: uncertainty(app, mailbox, rows(), settings).num_seconds(),
        last_success: vitals.read_until().map(Moment::of),
        next_poll: next_poll.map(Moment::of),
        open: OpenHealth::all(&mailbox.instance.health),
    }
}

/// How much later than known the last poll may have been.
fn uncertainty<'a>(
    app: &Context,
    mailbox: &Mailbox,
    mut rows: impl Iterator<Item = &'a ResourceRow>,
    settings: &Settings,
) -> Duration {
    let is_known = |row: &ResourceRow| app.last_reads.get(mailbox.instance.id, &row.state.resource).is_some();
    let heartbeat = app.config.heartbeat;
    let stores_all = Duration::minutes(settings.interval_min.into()) >= heartbeat;
    let is_polled = settings.events_enabled && !mailbox.instance.disabled && mailbox.instance.is_valid();
    match !is_polled || stores_all || rows.any(is_known) {
        true => Duration::zero(),
        false => heartbeat,
    }
}

fn reason(
    mailbox: &Mailbox,
    (status, frozen_after): (Health, Duration),
    pulses: &[Pulse],
    now: DateTime<Utc>,
) -> Option<String> {
    let instance = &mailbox.instance;
    let of_callback =
        |otherwise: &str| Some(mailbox.subscription.reason.clone().unwrap_or_else(|| otherwise.to_owned()));
    match status {
        Health::NeedsSignIn => match &instance.validity {
            Validity::NeedsSignIn(reason) => Some(reason.clone()),
            Validity::Valid => None,
        },
        Health::Disabled => Some("Switched off; what waits is delivered once it is enabled.".to_owned()),
        Health::Suspended => of_callback("the callback did not take a notification"),
        Health::EventsOff => Some("Events Enabled is off, so nothing is polled.".to_owned()),
        Health::Releasing => Some("What was queued is being delivered, in order.".to_owned()),
        Health::Starting => Some("Waiting for its first poll.".to_owned()),
        Health::Healthy => None,
        Health::Stopped if instance.application_error.is_some() => instance.application_error.clone(),
        Health::Stopped | Health::Failing | Health::BackingOff => {
            let is_it = |pulse: &&Pulse| pulse.health(frozen_after, now) == status;
            let pulse = pulses.iter().find(is_it)?;
            let row = mailbox.resources.iter().find(|row| row.state.resource == pulse.resource)?;
            Some(of_resource(&row.state, pulse, status))
        }
    }
}

fn of_resource(state: &ResourceState, pulse: &Pulse, status: Health) -> String {
    let name = &state.resource;
    let error = state.last_error.as_deref();
    match (status, pulse.last_success_at) {
        (Health::Stopped, _) => format!("{name}: {}", error.unwrap_or("has not been read for too long")),
        (Health::Failing, Some(at)) => format!(
            "{name}: {}. Failing since {}; it is tried again.",
            error.unwrap_or("failed"),
            at.format("%Y-%m-%d %H:%M:%S UTC")
        ),
        (Health::Failing, None) => {
            format!("{name}: {}. It was never read; it is tried again.", error.unwrap_or("failed"))
        }
        _ => format!("{name}: {}", error.unwrap_or("failed and is tried again")),
    }
}
