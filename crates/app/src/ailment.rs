//! Why a mailbox is not healthy, in words: one wording for whoever asks.

use crate::ports::Mailbox;
use chrono::{DateTime, Duration, Utc};
use domain::health::{Health, Pulse};
use domain::instance::Validity;
use domain::state::ResourceState;

pub(crate) fn reason(
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

/// The same without what differs between mailboxes that fail alike, such as times: what they are put together by.
pub(crate) fn cause(
    mailbox: &Mailbox,
    (status, frozen_after): (Health, Duration),
    pulses: &[Pulse],
    now: DateTime<Utc>,
) -> Option<String> {
    match status {
        Health::Stopped | Health::Failing | Health::BackingOff => {
            let of_application = mailbox.instance.application_error.clone();
            let mut failing = pulses.iter().filter(|pulse| pulse.health(frozen_after, now) == status);
            of_application.or_else(|| last_error(mailbox, &failing.next()?.resource))
        }
        _ => reason(mailbox, (status, frozen_after), pulses, now),
    }
}

fn last_error(mailbox: &Mailbox, resource: &str) -> Option<String> {
    let row = mailbox.resources.iter().find(|row| row.state.resource == resource)?;
    row.state.last_error.clone()
}
