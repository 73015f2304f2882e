//! Jobs, and what ticks bring, as they stand in messages.

use crate::tick::TickLetter;
use app::ports::Job;
use domain::ids::InstanceId;
use serde::Deserialize;
use serde_json::Value;

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Letter {
    Job(Job),
    Tick(TickLetter),
}

/// Reads a message; `None` if it is not ours.
///
/// A job is its own message. What Lambda puts aside after its last try may be wrapped: then the job is the
/// request that the wrapping quotes.
pub(crate) fn read(body: &str) -> Option<Letter> {
    let value: Value = serde_json::from_str(body).ok()?;
    let letter = value.get("requestPayload").unwrap_or(&value);
    Letter::of(letter.clone())
}

impl Letter {
    /// The instance it is for, where it is for one.
    pub(crate) fn instance(&self) -> Option<InstanceId> {
        match self {
            Letter::Job(job) => job.instance(),
            Letter::Tick(_) => None,
        }
    }

    /// `None` if it is not ours.
    pub(crate) fn of(value: Value) -> Option<Self> {
        serde_json::from_value(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{Members, Tick};
    use app::ports::AttemptKey;
    use chrono::DateTime;
    use domain::ids::Sequence;

    #[test]
    fn jobs_are_read_as_they_are_sent() {
        let instance = InstanceId::parse("17").unwrap();
        let key = AttemptKey { instance, sequence: Sequence(1795), attempt: 1 };
        for job in [Job::Deliver(key), Job::Poll(instance), Job::Release(instance), Job::Purge(instance)] {
            assert_eq!(read(&serde_json::to_string(&job).unwrap()), Some(Letter::Job(job)));
        }
        // What is in a queue while the functions are replaced.
        assert_eq!(
            read(r#"{"Deliver":{"instance":17,"sequence":1795,"attempt":1}}"#),
            Some(Letter::Job(Job::Deliver(key)))
        );
        assert_eq!(read(r#"{"Poll":17}"#), Some(Letter::Job(Job::Poll(instance))));
    }

    #[test]
    fn a_put_aside_request_is_unwrapped() {
        let wrapped = r#"{"version":"1.0","requestContext":{},"requestPayload":{"Poll":17}}"#;
        assert_eq!(read(wrapped), InstanceId::parse("17").map(|id| Letter::Job(Job::Poll(id))));
    }

    #[test]
    fn what_ticks_bring_is_read_as_it_is_sent() {
        let (tick, sent_at) = (Tick::parse("tick-900-42").unwrap(), DateTime::UNIX_EPOCH);
        let ids = vec![InstanceId::parse("17").unwrap()];
        for letter in [TickLetter::Tick(tick), TickLetter::Members(Members { tick, sent_at, ids })] {
            assert_eq!(read(&serde_json::to_string(&letter).unwrap()), Some(Letter::Tick(letter)));
        }
    }

    #[test]
    fn what_is_no_job_is_not_read() {
        for body in ["", "x", "{}", "[]", r#"{"Poll":"17"}"#, r#"{"Fly":17}"#] {
            assert_eq!(read(body), None, "{body}");
        }
    }
}
