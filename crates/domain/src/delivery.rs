//! What follows from one delivery attempt.

use crate::schedule::{Pause, backoff};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Waits between attempts, seconds; one attempt more than there are waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    delays_s: Vec<u32>,
}

/// The documented waits: 8^n seconds, 9 h 6 min the last.
pub const RETRY_DELAYS_DEFAULT_S: [u32; 5] = [8, 64, 512, 4096, 32768];
/// More waits than this are refused.
const RETRY_DELAYS_COUNT_MAX: usize = 20;
/// A wait longer than a week is refused.
const RETRY_DELAY_MAX_S: u32 = 7 * 86_400;
/// A receiver's Retry-After counts up to this, seconds.
const RETRY_AFTER_MAX_S: u64 = 6 * 3600;

/// Why a list of waits is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RetryPolicyError {
    /// A part is not a whole number of seconds.
    #[error("`{0}` is not a whole number of seconds from 0 to {RETRY_DELAY_MAX_S}")]
    NotANumber(String),
    /// Too many parts.
    #[error("more than {RETRY_DELAYS_COUNT_MAX} waits")]
    TooMany,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { delays_s: RETRY_DELAYS_DEFAULT_S.to_vec() }
    }
}

impl RetryPolicy {
    /// Reads `8,64,512`; an empty text means that nothing is retried.
    ///
    /// # Errors
    /// [`RetryPolicyError`] if there are too many delays, or one is no number of seconds within the limit.
    pub fn parse(text: &str) -> Result<Self, RetryPolicyError> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.len() > RETRY_DELAYS_COUNT_MAX {
            return Err(RetryPolicyError::TooMany);
        }
        let delays_s = parts
            .into_iter()
            .map(|part| match part.parse::<u32>() {
                Ok(seconds) if seconds <= RETRY_DELAY_MAX_S => Ok(seconds),
                _ => Err(RetryPolicyError::NotANumber(part.to_owned())),
            })
            .collect::<Result<_, _>>()?;
        Ok(RetryPolicy { delays_s })
    }

    /// The wait after the n-th failed attempt of a round (n from 1); `None` once all are used up.
    pub fn delay_after(&self, failed_attempts: u32) -> Option<Duration> {
        let index = usize::try_from(failed_attempts.checked_sub(1)?).ok()?;
        self.delays_s.get(index).map(|seconds| Duration::seconds(i64::from(*seconds)))
    }
}

/// How a POST to the callback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered with this status, and perhaps a Retry-After (seconds).
    Status { code: u16, retry_after_s: Option<u64> },
    /// The address is one that callbacks may not go to.
    RefusedAddress,
    /// No callback had to be asked: the event bus took it.
    Published,
    /// No answer: resolution, connection, TLS or time-out. The text names the stage, no address.
    NoAnswer(String),
}

/// What becomes of the notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Arrived.
    Delivered,
    /// Tried again at this time.
    Retry(DateTime<Utc>),
    /// All attempts are used up, or the receiver is gone for good: the subscription is suspended and the
    /// notification waits for its release.
    Suspend,
}

/// Decides on the n-th attempt of a round (n from 1).
///
/// 2xx is success. 410 and a refused address suspend at once. 429 and 503 may ask for a longer wait than the
/// policy's, never for a shorter one. Such a receiver may have told thousands of notifications the same moment: by its
/// seed each comes up to four times as much later, and at most five minutes.
pub fn decide(
    answer: &Answer,
    attempt_of_round: u32,
    policy: &RetryPolicy,
    now: DateTime<Utc>,
    seed: u64,
) -> Verdict {
    let asked_s = match answer {
        Answer::Status { code: 200..=299, .. } | Answer::Published => return Verdict::Delivered,
        Answer::Status { code: 410, .. } | Answer::RefusedAddress => return Verdict::Suspend,
        Answer::Status { code: 429 | 503, retry_after_s } => *retry_after_s,
        Answer::Status { .. } | Answer::NoAnswer(_) => None,
    };
    let asked = asked_s
        .map(|seconds| backoff(attempt_of_round, Pause::OfEverybody(seconds.min(RETRY_AFTER_MAX_S)), seed));
    match policy.delay_after(attempt_of_round) {
        Some(delay) => Verdict::Retry(now + asked.map_or(delay, |asked| delay.max(asked))),
        None => Verdict::Suspend,
    }
}

/// Which destinations have the notification: they do not get it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The callback answered 2xx.
    pub callback: bool,
    /// The bus accepted it.
    pub bus: bool,
}

/// One POST, as the event log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1 over the notification's life.
    pub number: u32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, ms.
    pub duration_ms: u64,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What went wrong, where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The first bytes of the answer, at most [`ANSWER_EXCERPT_BYTES_MAX`].
    pub answer: String,
}

/// How much of a callback's answer the log keeps, bytes.
pub const ANSWER_EXCERPT_BYTES_MAX: usize = 256;

/// Whether an instance's callback takes notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionStatus {
    /// Notifications are delivered as they come.
    #[default]
    Active,
    /// Nothing is delivered; notifications wait, queued.
    Suspended,
    /// One worker delivers what is queued, in commit order; new notifications queue behind.
    Releasing,
}

impl SubscriptionStatus {
    /// As it is stored.
    pub fn text(self) -> &'static str {
        match self {
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::Suspended => "suspended",
            SubscriptionStatus::Releasing => "releasing",
        }
    }

    /// Back from [`SubscriptionStatus::text`].
    pub fn parse(text: &str) -> Option<Self> {
        [SubscriptionStatus::Active, SubscriptionStatus::Suspended, SubscriptionStatus::Releasing]
            .into_iter()
            .find(|status| status.text() == text)
    }
}

/// An instance's callback, as far as it changes by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whether notifications go out.
    pub status: SubscriptionStatus,
    /// Why it is suspended, in words.
    pub reason: Option<String>,
    /// Goes up with each suspension and each release that begins; a release begun before has no say any more.
    pub generation: u64,
    /// The release worker's right, until then.
    pub lease_until: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use expect_test::{Expect, expect};

    fn timeline(policy: &str, answers: &[Answer], expect: Expect) {
        let policy = RetryPolicy::parse(policy).unwrap();
        let start = Utc.timestamp_opt(0, 0).unwrap();
        let mut now = start;
        let mut lines = Vec::new();
        for (index, answer) in answers.iter().enumerate() {
            let attempt = index as u32 + 1;
            let verdict = decide(answer, attempt, &policy, now, 1);
            lines.push(match verdict {
                Verdict::Retry(_) => format!("{}s #{attempt} retry", (now - start).num_seconds()),
                other => format!("{}s #{attempt} {other:?}", (now - start).num_seconds()),
            });
            let Verdict::Retry(at) = verdict else { break };
            now = at;
        }
        expect.assert_eq(&lines.join("\n"));
    }

    fn status(code: u16) -> Answer {
        Answer::Status { code, retry_after_s: None }
    }

    #[test]
    fn the_default_waits_are_the_documented_ones() {
        assert_eq!(RetryPolicy::parse("8,64,512,4096,32768"), Ok(RetryPolicy::default()));
        timeline(
            "8,64,512,4096,32768",
            &[
                status(500),
                status(302),
                status(404),
                Answer::NoAnswer("time-out".into()),
                status(500),
                status(500),
            ],
            expect![[r#"
                0s #1 retry
                8s #2 retry
                72s #3 retry
                584s #4 retry
                4680s #5 retry
                37448s #6 Suspend"#]],
        );
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_less() {
        let asks = |s| Answer::Status { code: 503, retry_after_s: Some(s) };
        timeline(
            "8,64,512",
            &[asks(100), asks(1), asks(u64::MAX), status(204)],
            expect![[r#"
            0s #1 retry
            157s #2 retry
            221s #3 retry
            21934s #4 Delivered"#]],
        );
    }

    /// Ten thousand notifications fail within a minute, and are told the moment at which their receiver will be back.
    #[test]
    fn those_that_are_told_one_moment_come_apart() {
        let at = |seconds: i64| Utc.timestamp_opt(seconds, 0).unwrap();
        let mut by_second = std::collections::HashMap::<i64, u32>::new();
        for number in 0..10_000 {
            let now = at(number % 60);
            let asked = Answer::Status { code: 503, retry_after_s: Some(600 - (number as u64 % 60)) };
            match decide(&asked, 1, &RetryPolicy::default(), now, number as u64) {
                Verdict::Retry(due) => *by_second.entry(due.timestamp()).or_default() += 1,
                other => panic!("{other:?}"),
            }
        }
        let (first, last) = (by_second.keys().min().unwrap(), by_second.keys().max().unwrap());
        assert!((600..602).contains(first) && *last < 902, "from {first} to {last}");
        let busiest = by_second.values().max().unwrap();
        assert!(*busiest < 60, "{busiest} of them in one second, where 33 is the mean");
    }

    #[test]
    fn gone_and_refused_suspend_at_once() {
        timeline("8", &[status(410)], expect!["0s #1 Suspend"]);
        timeline("8", &[Answer::RefusedAddress], expect!["0s #1 Suspend"]);
    }

    #[test]
    fn bad_lists_are_refused() {
        assert_eq!(RetryPolicy::parse("8,x"), Err(RetryPolicyError::NotANumber("x".into())));
        assert_eq!(RetryPolicy::parse("-1"), Err(RetryPolicyError::NotANumber("-1".into())));
        assert_eq!(RetryPolicy::parse(&"1,".repeat(21)), Err(RetryPolicyError::TooMany));
        assert_eq!(RetryPolicy::parse("").unwrap().delay_after(1), None);
    }
}
