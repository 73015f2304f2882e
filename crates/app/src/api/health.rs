//! How an instance is, and why, in words.

use super::answers::instance::{HealthState, OpenHealth};
use super::answers::moment::Moment;
use super::wire;
use crate::ailment;
use crate::context::Context;
use crate::fleet;
use crate::ports::{Mailbox, ResourceRow};
use crate::settle;
use chrono::Duration;
use domain::health::Health;
use domain::settings::Settings;
use domain::state::frozen_after;

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
        reason: ailment::reason(
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
    match !settle::is_polled(&mailbox.instance, settings) || stores_all || rows.any(is_known) {
        true => Duration::zero(),
        false => heartbeat,
    }
}
