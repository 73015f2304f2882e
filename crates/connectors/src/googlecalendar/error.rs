//! What the Calendar API's errors mean.

use crate::error::{Error, ErrorKind, short};
use crate::http::HttpResponse;
use crate::lenient;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Limits that come as 403 beside those that come as 429.
/// <https://developers.google.com/workspace/calendar/api/guides/errors>
const LIMITS: [&str; 4] =
    ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"];

/// Classifies an answer that is not 200. The body may be anything, also HTML.
pub(super) fn classify(response: &HttpResponse, now: DateTime<Utc>) -> Error {
    let body: Option<Value> = lenient::from_slice(&response.body).ok();
    let reason = body.as_ref().and_then(|body| {
        let reason = body["error"]["errors"][0]["reason"].as_str();
        reason.or_else(|| body["error"]["status"].as_str())
    });
    let kind = match (response.status, reason) {
        (401, _) => ErrorKind::Unauthorized,
        (403, Some(reason)) if LIMITS.contains(&reason) => ErrorKind::RateLimited,
        (404, _) => ErrorKind::NotFound,
        // The sync token, or a time to list changes from, is too old.
        (410, _) => ErrorKind::CursorExpired,
        (429, _) => ErrorKind::RateLimited,
        (400..=499, Some(_)) => ErrorKind::Rejected,
        // Not Google's shape: something in between answered.
        _ => ErrorKind::Unavailable,
    };
    Error::answered(kind, response, reason.map(short), now)
}

/// The failure of reading one event: 410 says that it was deleted.
pub(super) fn of_object(mut error: Error) -> Error {
    if error.kind == ErrorKind::CursorExpired {
        error.kind = ErrorKind::NotFound;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_status_and_reason() {
        for (status, reason, kind) in [
            (401, "authError", ErrorKind::Unauthorized),
            (403, "rateLimitExceeded", ErrorKind::RateLimited),
            (403, "calendarUsageLimitsExceeded", ErrorKind::RateLimited),
            (403, "insufficientPermissions", ErrorKind::Rejected),
            (404, "notFound", ErrorKind::NotFound),
            (410, "fullSyncRequired", ErrorKind::CursorExpired),
            (410, "updatedMinTooLongAgo", ErrorKind::CursorExpired),
            (429, "rateLimitExceeded", ErrorKind::RateLimited),
            (400, "syncTokenWithRequestRestrictions", ErrorKind::Rejected),
            (503, "backendError", ErrorKind::Unavailable),
        ] {
            let body = serde_json::json!({ "error": { "code": status, "errors": [{ "reason": reason }] } });
            let (headers, body) = (http::HeaderMap::new(), body.to_string().into());
            let error = classify(&HttpResponse { status, headers, body }, DateTime::UNIX_EPOCH);
            assert_eq!((error.kind, error.provider_message.as_deref()), (kind, Some(reason)));
        }
        let html = HttpResponse { status: 403, headers: http::HeaderMap::new(), body: "<html>".into() };
        assert_eq!(classify(&html, DateTime::UNIX_EPOCH).kind, ErrorKind::Unavailable);
    }
}
