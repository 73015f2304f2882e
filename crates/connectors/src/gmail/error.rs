//! Google's error shapes.

use crate::error::{Error, ErrorKind, short};
use crate::http::HttpResponse;
use crate::lenient;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// After the daily limit, an hour: the reset time is not given.
const DAILY_LIMIT_WAIT_S: u64 = 3600;

#[derive(Deserialize)]
struct Failure {
    error: Body,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    reason: Option<String>,
}

/// Classifies an answer that is not 200. The body may be anything, also HTML.
pub(super) fn classify(response: &HttpResponse, now: DateTime<Utc>) -> Error {
    let body = lenient::from_slice::<Failure>(&response.body).ok().map(|failure| failure.error);
    let reason = body.as_ref().and_then(|body| {
        body.errors.iter().find_map(|item| item.reason.clone()).or_else(|| body.status.clone())
    });
    let kind = kind(response.status, reason.as_deref());
    let mut error = Error::answered(kind, response, reason.as_deref().map(short), now);
    if kind == ErrorKind::RateLimited && error.retry_after_s.is_none() {
        error.retry_after_s = match reason.as_deref() {
            Some("dailyLimitExceeded") => Some(DAILY_LIMIT_WAIT_S),
            _ => body.and_then(|body| retry_after_in(&body.message, now)),
        };
    }
    error
}

fn kind(status: u16, reason: Option<&str>) -> ErrorKind {
    match (status, reason) {
        (401, _) => ErrorKind::Unauthorized,
        (
            403,
            Some("rateLimitExceeded" | "userRateLimitExceeded" | "dailyLimitExceeded" | "RESOURCE_EXHAUSTED"),
        ) => ErrorKind::RateLimited,
        (404 | 410, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        (400..=499, Some(_)) => ErrorKind::Rejected,
        // Not Google's shape: something in between answered.
        _ => ErrorKind::Unavailable,
    }
}

/// Refusals of the mailbox as a whole, whatever is asked for: scopes, the application's project, the domain's policy.
const OF_MAILBOX: [&str; 9] = [
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "SERVICE_DISABLED",
    "accessNotConfigured",
    "accountDisabled",
    "authError",
    "domainPolicy",
    "insufficientPermissions",
    "insufficientScopes",
    "quotaExceeded",
];

/// What the failure of reading one object is: a refusal may be the object's own.
pub(super) fn of_object(mut error: Error) -> Error {
    let is_of_mailbox = error.provider_message.as_deref().is_some_and(|reason| OF_MAILBOX.contains(&reason));
    if error.kind == ErrorKind::Rejected && !is_of_mailbox {
        error.kind = ErrorKind::ObjectRefused;
    }
    error
}

/// Some limits give their end in the message: "Retry after <RFC 3339>".
fn retry_after_in(message: &str, now: DateTime<Utc>) -> Option<u64> {
    let rest = message.split("Retry after ").nth(1)?;
    let stamp = rest.split_whitespace().next()?.trim_end_matches('.');
    let at = DateTime::parse_from_rfc3339(stamp).ok()?.with_timezone(&Utc);
    u64::try_from(((at - now).num_milliseconds() + 999) / 1000).ok().map(|seconds| seconds.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[track_caller]
    fn check(status: u16, body: &str, kind: ErrorKind, retry_after_s: Option<u64>) {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        let response = HttpResponse { status, headers: http::HeaderMap::new(), body: body.to_owned().into() };
        let error = classify(&response, now);
        assert_eq!((error.kind, error.retry_after_s), (kind, retry_after_s), "{status} {body}");
    }

    #[test]
    fn limits_come_as_403_and_as_429() {
        let limit = |reason: &str| {
            format!(
                r#"{{"error":{{"code":403,"message":"x","errors":[{{"domain":"usageLimits","reason":"{reason}"}}]}}}}"#
            )
        };
        check(403, &limit("rateLimitExceeded"), ErrorKind::RateLimited, None);
        check(403, &limit("userRateLimitExceeded"), ErrorKind::RateLimited, None);
        check(403, &limit("dailyLimitExceeded"), ErrorKind::RateLimited, Some(3600));
        check(403, &limit("insufficientPermissions"), ErrorKind::Rejected, None);
        check(429, "{}", ErrorKind::RateLimited, None);
        check(
            429,
            r#"{"error":{"message":"User-rate limit exceeded. Retry after 2026-11-22T12:01:30.000Z"}}"#,
            ErrorKind::RateLimited,
            Some(90),
        );
    }

    #[test]
    fn html_and_nonsense_pass_by() {
        check(502, "<html>", ErrorKind::Unavailable, None);
        check(403, "<html>", ErrorKind::Unavailable, None);
        check(500, r#"{"error":{"errors":[{"reason":"backendError"}]}}"#, ErrorKind::Unavailable, None);
        check(404, "", ErrorKind::NotFound, None);
    }
}
