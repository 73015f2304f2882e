//! Traces, in the ids of W3C Trace Context. They follow from what is known anyway, so that nothing is stored for them:
//! whoever has the id of a notification has its trace.

use crate::ids::{InstanceId, Sequence, digest64};
use chrono::{DateTime, Utc};

/// The header that a callback gets.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// The id of a trace, 32 hexadecimal digits, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// Of a notification, by the id that its receiver sees: from its commit to its last attempt.
    pub fn of_notification(event_id: &str) -> Self {
        Self::of(&[b"notification", event_id.as_bytes()])
    }

    /// Of a poll that began then.
    pub fn of_poll(instance: InstanceId, began_at: DateTime<Utc>) -> Self {
        Self::of(&[b"poll", &instance.get().to_be_bytes(), &began_at.timestamp_micros().to_be_bytes()])
    }

    /// Its digits as a number.
    pub fn get(self) -> u128 {
        self.0
    }

    fn of(parts: &[&[u8]]) -> Self {
        let half = |which: &'static [u8]| u128::from(digest64(&[&[b"trace", which], parts].concat()));
        TraceId(((half(b"high") << 64) | half(b"low")).max(1))
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The id of a span within its trace, 16 hexadecimal digits, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(u64);

impl SpanId {
    /// What a trace begins with: a poll, or a notification's commit.
    pub fn root_of(trace: TraceId) -> Self {
        Self::of(&[b"root", &trace.0.to_be_bytes()])
    }

    /// Of a poll's commit, by the first number that it gave out.
    pub fn of_commit(trace: TraceId, first: Sequence) -> Self {
        Self::of(&[b"commit", &trace.0.to_be_bytes(), &first.0.to_be_bytes()])
    }

    /// Of an attempt at a notification, by the id that its receiver sees.
    pub fn of_attempt(event_id: &str, attempt: u32) -> Self {
        Self::of(&[b"attempt", event_id.as_bytes(), &attempt.to_be_bytes()])
    }

    /// Its digits as a number.
    pub fn get(self) -> u64 {
        self.0
    }

    fn of(parts: &[&[u8]]) -> Self {
        SpanId(digest64(parts).max(1))
    }
}

/// What somebody was busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanWork {
    /// All resources of an instance, or what a limit let it read.
    Poll,
    /// A poll's commit of one resource that has notifications.
    Commit,
    /// The same as a notification's beginning.
    Notification,
    /// One POST of a notification.
    Attempt,
}

/// Something that took its time and ended. It has no address, no subject and no text of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What it belongs to.
    pub trace: TraceId,
    /// Its own.
    pub id: SpanId,
    /// Of the same trace.
    pub parent: Option<SpanId>,
    /// Of another trace: what it came from.
    pub link: Option<(TraceId, SpanId)>,
    /// What it was.
    pub work: SpanWork,
    /// By the host's clock.
    pub began_at: DateTime<Utc>,
    /// By the same.
    pub ended_at: DateTime<Utc>,
    /// The class of what went wrong.
    pub error: Option<&'static str>,
    /// Few, under the names that the log has for them.
    pub facts: Vec<(&'static str, SpanFact)>,
}

/// What is known of a span.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanFact {
    /// A word of ours, or an id.
    Text(String),
    /// A count, or a number that names something.
    Number(i64),
}

impl From<&str> for SpanFact {
    fn from(text: &str) -> Self {
        SpanFact::Text(text.to_owned())
    }
}

impl From<u32> for SpanFact {
    fn from(number: u32) -> Self {
        SpanFact::Number(i64::from(number))
    }
}

impl From<usize> for SpanFact {
    fn from(number: usize) -> Self {
        SpanFact::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// The value of `traceparent` for an attempt: the notification's trace, the attempt as the receiver's parent, and whether
/// it is sampled.
pub fn traceparent(event_id: &str, attempt: u32, is_sampled: bool) -> String {
    let (trace, span) = (TraceId::of_notification(event_id), SpanId::of_attempt(event_id, attempt));
    format!("00-{trace}-{:016x}-{:02x}", span.0, u8::from(is_sampled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_share_a_trace_and_notifications_do_not() {
        let (first, second) = (traceparent("abc", 1, true), traceparent("abc", 2, true));
        assert_eq!(first.len(), 55);
        assert_eq!(first[..36], second[..36]);
        assert_ne!(first[36..], second[36..]);
        assert_eq!(first[3..35], TraceId::of_notification("abc").to_string());
        assert_ne!(first[..36], traceparent("abd", 1, true)[..36]);
        assert_eq!(first, traceparent("abc", 1, true));
        assert_eq!(format!("{}00", &first[..53]), traceparent("abc", 1, false));
        assert!(first.starts_with("00-") && first.ends_with("-01"));
    }
}
