//! What an instance's state is called, and why it is so, in words.

use crate::time;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Failures in a row from which somebody should look; before that, trying again is the cure.
const FAILURES_COUNT_MIN: u64 = 10;

/// In the order of how much somebody has to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NeedsSignIn,
    /// Nothing is tried any more, or nothing comes of it for no known reason.
    Stopped,
    /// It is tried again and again, and has failed for so long that somebody should look.
    Failing,
    BackingOff,
    Disabled,
    EventsOff,
    Starting,
    Healthy,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::NeedsSignIn => "Needs sign-in",
            Status::Stopped => "Stopped",
            Status::Failing => "Failing",
            Status::BackingOff => "Backing off",
            Status::Disabled => "Disabled",
            Status::EventsOff => "Events off",
            Status::Starting => "Starting",
            Status::Healthy => "Healthy",
        }
    }
}

/// An instance's state with its reason, and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// A sentence, where there is something to say.
    pub(crate) reason: Option<String>,
    pub(crate) last_poll: Option<DateTime<Utc>>,
    pub(crate) next_poll: Option<DateTime<Utc>>,
}

impl State {
    /// Of an instance as the interface shows it, and its resources as it or the poller records show them.
    pub(crate) fn of(instance: &Value, resources: &[&Value]) -> Self {
        let (status, reason) = judged(instance, resources);
        let times =
            |field: &'static str| resources.iter().filter_map(move |one| time::read(one[field].as_str()));
        let timetable = times("nextPoll").min().or_else(|| time::read(instance["nextPoll"].as_str()));
        // What is backed off is tried again at its own time, also between two of the timetable.
        let next_poll = match status {
            Status::BackingOff | Status::Failing | Status::Stopped => times("retryAt").min().or(timetable),
            _ => timetable,
        };
        let state = State { status, reason, last_poll: times("lastPoll").max(), next_poll: None };
        State { next_poll: next_poll.filter(|_| state.is_polled()), ..state }
    }

    /// Whether polls go on, at whatever pace.
    pub(crate) fn is_polled(&self) -> bool {
        !matches!(self.status, Status::NeedsSignIn | Status::Disabled | Status::EventsOff)
    }
}

fn judged(instance: &Value, resources: &[&Value]) -> (Status, Option<String>) {
    let text = |field: &str| instance[field].as_str().map(str::to_owned);
    if instance["valid"] == false {
        let why =
            text("invalidReason").unwrap_or_else(|| "the provider no longer accepts its sign-in".to_owned());
        return (Status::NeedsSignIn, Some(why));
    }
    if instance["disabled"] == true {
        return (
            Status::Disabled,
            Some("Switched off; what waits is delivered once it is enabled.".to_owned()),
        );
    }
    if instance["eventsEnabled"] == false {
        return (Status::EventsOff, Some("Events Enabled is off, so nothing is polled.".to_owned()));
    }
    if let Some(error) = text("applicationError") {
        return (Status::Stopped, Some(error));
    }
    if let Some(one) = resources.iter().find(|one| is_stopped(one)) {
        return (Status::Stopped, Some(why(one, "has not been read for too long")));
    }
    if let Some(one) = resources.iter().find(|one| is_failing(one)) {
        let since = match time::read(one["lastSuccess"].as_str()) {
            Some(at) => format!("Failing since {}", time::exact(at)),
            None => "It was never read".to_owned(),
        };
        return (Status::Failing, Some(format!("{}. {since}; it is tried again.", why(one, "failed"))));
    }
    if let Some(one) = resources.iter().find(|one| failures(one) > 0) {
        return (Status::BackingOff, Some(why(one, "failed and is tried again")));
    }
    match resources.iter().all(|one| one["lastPoll"].is_null()) {
        true => (Status::Starting, Some("Waiting for its first poll.".to_owned())),
        false => (Status::Healthy, None),
    }
}

/// Whether a resource stopped, as [`Status::Stopped`] has it.
pub(crate) fn is_stopped(resource: &Value) -> bool {
    resource["frozen"] == true && failures(resource) == 0
}

/// Whether a resource is failing, as [`Status::Failing`] has it.
pub(crate) fn is_failing(resource: &Value) -> bool {
    failures(resource) >= FAILURES_COUNT_MIN || (resource["frozen"] == true && failures(resource) > 0)
}

pub(crate) fn failures(resource: &Value) -> u64 {
    resource["failures"].as_u64().unwrap_or(0)
}

fn why(resource: &Value, otherwise: &str) -> String {
    let name = resource["name"].as_str().unwrap_or_default();
    format!("{name}: {}", resource["error"].as_str().unwrap_or(otherwise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn instance() -> Value {
        json!({ "valid": true, "disabled": false, "eventsEnabled": true, "nextPoll": "2026-11-22T12:01:00Z" })
    }

    fn status(instance: &Value, resource: &Value) -> Status {
        State::of(instance, &[resource]).status
    }

    #[test]
    fn what_a_person_has_to_do_comes_first() {
        let failed = json!({ "name": "messages", "failures": 3, "lastPoll": null, "error": "no answer",
                             "retryAt": "2026-11-22T12:00:10Z" });
        let mut one = instance();
        let state = State::of(&one, &[&failed]);
        assert_eq!(state.status, Status::BackingOff);
        assert_eq!(state.reason.as_deref(), Some("messages: no answer"));
        assert_eq!(state.next_poll, time::read(Some("2026-11-22T12:00:10Z")));
        let long = json!({ "name": "m", "failures": 10, "error": "no answer", "lastSuccess": "2026-11-22T11:00:00Z" });
        let state = State::of(&one, &[&long]);
        let reason = "m: no answer. Failing since 2026-11-22 11:00:00 UTC; it is tried again.";
        assert_eq!((state.status, state.reason.as_deref()), (Status::Failing, Some(reason)));
        assert_eq!(status(&one, &json!({ "name": "m", "failures": 1, "frozen": true })), Status::Failing);
        assert_eq!(status(&one, &json!({ "name": "m", "failures": 0, "frozen": true })), Status::Stopped);
        one["eventsEnabled"] = false.into();
        assert_eq!(status(&one, &failed), Status::EventsOff);
        one["disabled"] = true.into();
        assert_eq!(status(&one, &failed), Status::Disabled);
        one["valid"] = false.into();
        assert_eq!(State::of(&one, &[&failed]).next_poll, None);
        assert_eq!(status(&one, &failed), Status::NeedsSignIn);
    }

    #[test]
    fn an_instance_starts_until_its_first_poll() {
        assert_eq!(status(&instance(), &json!({ "failures": 0 })), Status::Starting);
        let polled = json!({ "failures": 0, "lastPoll": "2026-11-22T12:00:00Z" });
        assert_eq!(status(&instance(), &polled), Status::Healthy);
    }
}
