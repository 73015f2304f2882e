//! Traces, in the ids of W3C Trace Context. They follow from what is known anyway, so that nothing is stored for them:
//! whoever has the id of a notification has its trace.

use crate::ids::{InstanceId, digest64};
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

/// The value of `traceparent` for an attempt: the notification's trace, and the attempt as the receiver's parent.
pub fn traceparent(event_id: &str, attempt: u32) -> String {
    let span = digest64(&[b"attempt", event_id.as_bytes(), &attempt.to_be_bytes()]).max(1);
    format!("00-{}-{span:016x}-01", TraceId::of_notification(event_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_share_a_trace_and_notifications_do_not() {
        let (first, second) = (traceparent("abc", 1), traceparent("abc", 2));
        assert_eq!(first.len(), 55);
        assert_eq!(first[..36], second[..36]);
        assert_ne!(first[36..], second[36..]);
        assert_eq!(first[3..35], TraceId::of_notification("abc").to_string());
        assert_ne!(first[..36], traceparent("abd", 1)[..36]);
        assert_eq!(first, traceparent("abc", 1));
        assert!(first.starts_with("00-") && first.ends_with("-01"));
    }
}
