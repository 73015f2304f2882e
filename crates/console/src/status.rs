//! What an instance's state is called: the interface says which it is, and why.

use crate::time;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Failures in a row from which somebody should look; before that, trying again is the cure.
const FAILURES_COUNT_MIN: u64 = 10;

/// In the order of how much somebody has to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NeedsSignIn,
    /// Its callback takes nothing until somebody releases what waits.
    Suspended,
    /// Nothing is tried any more, or nothing comes of it for no known reason.
    Stopped,
    /// It is tried again and again, and has failed for so long that somebody should look.
    Failing,
    BackingOff,
    Releasing,
    Disabled,
    EventsOff,
    Starting,
    Healthy,
}

impl Status {
    pub(crate) const ALL: [Status; 10] = [
        Status::NeedsSignIn,
        Status::Suspended,
        Status::Stopped,
        Status::Failing,
        Status::BackingOff,
        Status::Releasing,
        Status::Disabled,
        Status::EventsOff,
        Status::Starting,
        Status::Healthy,
    ];

    /// As the interface writes it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Status::NeedsSignIn => "needsSignIn",
            Status::Suspended => "suspended",
            Status::Stopped => "stopped",
            Status::Failing => "failing",
            Status::BackingOff => "backingOff",
            Status::Releasing => "releasing",
            Status::Disabled => "disabled",
            Status::EventsOff => "eventsOff",
            Status::Starting => "starting",
            Status::Healthy => "healthy",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::NeedsSignIn => "Needs sign-in",
            Status::Suspended => "Suspended",
            Status::Stopped => "Stopped",
            Status::Failing => "Failing",
            Status::BackingOff => "Backing off",
            Status::Releasing => "Releasing",
            Status::Disabled => "Disabled",
            Status::EventsOff => "Events off",
            Status::Starting => "Starting",
            Status::Healthy => "Healthy",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == text)
    }
}

/// The statuses that nothing but a person mends, as a list is asked for them: also as a choice of its own.
pub(crate) const NEEDS_SOMEBODY: &str = "needsSignIn,suspended,stopped,failing";

/// An instance's state with its reason, and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// A sentence, where there is something to say.
    pub(crate) reason: Option<String>,
    pub(crate) last_poll: Option<DateTime<Utc>>,
    /// The last poll may have been so much later, seconds.
    pub(crate) within_s: i64,
    pub(crate) next_poll: Option<DateTime<Utc>>,
}

impl State {
    /// Of an instance as the interface shows it.
    pub(crate) fn of(instance: &Value) -> Self {
        let health = &instance["health"];
        State {
            status: Status::parse(health["status"].as_str().unwrap_or_default()).unwrap_or(Status::Starting),
            reason: health["reason"].as_str().map(str::to_owned),
            last_poll: time::read(health["lastPoll"].as_str()),
            within_s: health["lastPollWithinSeconds"].as_i64().unwrap_or(0),
            next_poll: time::read(health["nextPoll"].as_str()),
        }
    }

    /// Whether polls go on, at whatever pace.
    pub(crate) fn is_polled(&self) -> bool {
        !matches!(self.status, Status::NeedsSignIn | Status::Disabled | Status::EventsOff)
    }
}

/// What holds of a connection for a while, as health events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenState {
    kind: String,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) reason: String,
}

impl OpenState {
    pub(crate) fn name(&self) -> &str {
        match self.kind.as_str() {
            "mailbox.needs_sign_in" => "Needs sign-in",
            "mailbox.failing" => "Not read",
            "mailbox.push_lost" => "Without notices",
            "callback.suspended" => "Callback suspended",
            other => other,
        }
    }

    /// Whether it is what a status names.
    pub(crate) fn is_of(&self, status: Status) -> bool {
        match self.kind.as_str() {
            "mailbox.needs_sign_in" => status == Status::NeedsSignIn,
            "mailbox.failing" => matches!(status, Status::Failing | Status::BackingOff),
            "callback.suspended" => status == Status::Suspended,
            _ => false,
        }
    }
}

/// What is open of an instance.
pub(crate) fn open(instance: &Value) -> Vec<OpenState> {
    let all = instance["health"]["open"].as_array().into_iter().flatten();
    let one = |open: &Value| OpenState {
        kind: open["type"].as_str().unwrap_or_default().to_owned(),
        since: time::read(open["since"].as_str()),
        reason: open["reason"].as_str().unwrap_or_default().to_owned(),
    };
    all.map(one).collect()
}

/// Since when an instance is in its state, where that was told.
pub(crate) fn since(instance: &Value, status: Status) -> Option<DateTime<Utc>> {
    open(instance).iter().find(|one| one.is_of(status))?.since
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_interface_says_how_it_is() {
        let instance = json!({ "health": {
            "status": "failing", "reason": "messages: no answer", "lastPoll": "2026-11-22T12:00:00Z",
            "lastPollWithinSeconds": 600, "nextPoll": "2026-11-22T12:01:00Z",
        } });
        let state = State::of(&instance);
        assert_eq!((state.status, state.reason.as_deref()), (Status::Failing, Some("messages: no answer")));
        assert_eq!((state.last_poll.is_some(), state.within_s), (true, 600));
        assert!(state.is_polled());
    }

    #[test]
    fn what_is_open_has_a_name_and_a_time() {
        let one = |kind| json!({ "type": kind, "since": "2026-11-22T12:00:00Z", "reason": "no answer" });
        let instance = json!({ "health": { "open": [one("mailbox.failing"), one("mailbox.push_lost")] } });
        let names: Vec<String> = open(&instance).iter().map(|one| one.name().to_owned()).collect();
        assert_eq!(names, ["Not read", "Without notices"]);
        assert_eq!(since(&instance, Status::Failing), time::read(Some("2026-11-22T12:00:00Z")));
        assert_eq!(since(&instance, Status::NeedsSignIn), None);
        assert!(open(&json!({})).is_empty());
    }
}
