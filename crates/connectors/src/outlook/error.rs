//! Graph's error shapes.

use crate::error::{Error, ErrorKind, short};
use crate::http::HttpResponse;
use crate::lenient;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
struct Failure {
    error: Body,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: String,
}

/// Classifies an answer that is not 200. Codes decide, never messages; their case varies.
pub(super) fn classify(response: &HttpResponse, now: DateTime<Utc>) -> Error {
    let code = lenient::from_slice::<Failure>(&response.body).ok().map(|failure| failure.error.code);
    let lower = code.as_deref().unwrap_or_default().to_ascii_lowercase();
    let kind = match (response.status, lower.as_str()) {
        (401, _) => ErrorKind::Unauthorized,
        (429 | 509, _) => ErrorKind::RateLimited,
        (404, "erroritemnotfound" | "itemnotfound" | "errorfoldernotfound") => ErrorKind::NotFound,
        (400, "errorinvalididmalformed") => ErrorKind::NotFound,
        (410, _) | (400..=409, "syncstatenotfound" | "resyncrequired") => ErrorKind::CursorExpired,
        (400..=499, code) if !code.is_empty() => ErrorKind::Rejected,
        _ => ErrorKind::Unavailable,
    };
    Error::answered(kind, response, code.as_deref().map(short), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[track_caller]
    fn check(status: u16, code: &str, kind: ErrorKind) {
        let body = match code {
            "" => "<html>".to_owned(),
            code => format!(r#"{{"error":{{"code":"{code}","message":"m","innererror":{{}}}}}}"#),
        };
        let response = HttpResponse { status, headers: http::HeaderMap::new(), body: body.into() };
        assert_eq!(classify(&response, Utc.timestamp_opt(0, 0).unwrap()).kind, kind, "{status} {code}");
    }

    #[test]
    fn codes_decide_whatever_their_case() {
        check(401, "InvalidAuthenticationToken", ErrorKind::Unauthorized);
        check(403, "ErrorAccessDenied", ErrorKind::Rejected);
        check(404, "ErrorItemNotFound", ErrorKind::NotFound);
        check(400, "ErrorInvalidIdMalformed", ErrorKind::NotFound);
        check(404, "MailboxNotEnabledForRESTAPI", ErrorKind::Rejected);
        check(400, "InefficientFilter", ErrorKind::Rejected);
        check(410, "SyncStateNotFound", ErrorKind::CursorExpired);
        check(400, "syncStateNotFound", ErrorKind::CursorExpired);
        check(429, "ApplicationThrottled", ErrorKind::RateLimited);
        check(503, "serviceNotAvailable", ErrorKind::Unavailable);
        check(502, "", ErrorKind::Unavailable);
        check(403, "", ErrorKind::Unavailable);
    }
}
