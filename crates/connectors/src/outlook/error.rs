//! Graph's error shapes.

use crate::error::{Error, Kind, short};
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
        (401, _) => Kind::Unauthorized,
        (429 | 509, _) => Kind::RateLimited,
        (404, "erroritemnotfound" | "itemnotfound" | "errorfoldernotfound") => Kind::NotFound,
        (400, "errorinvalididmalformed") => Kind::NotFound,
        (410, _) | (400..=409, "syncstatenotfound" | "resyncrequired") => Kind::CursorExpired,
        (400..=499, code) if !code.is_empty() => Kind::Rejected,
        _ => Kind::Unavailable,
    };
    Error::answered(kind, response, code.as_deref().map(short), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[track_caller]
    fn check(status: u16, code: &str, kind: Kind) {
        let body = match code {
            "" => "<html>".to_owned(),
            code => format!(r#"{{"error":{{"code":"{code}","message":"m","innererror":{{}}}}}}"#),
        };
        let response = HttpResponse { status, headers: http::HeaderMap::new(), body: body.into() };
        assert_eq!(classify(&response, Utc.timestamp_opt(0, 0).unwrap()).kind, kind, "{status} {code}");
    }

    #[test]
    fn codes_decide_whatever_their_case() {
        check(401, "InvalidAuthenticationToken", Kind::Unauthorized);
        check(403, "ErrorAccessDenied", Kind::Rejected);
        check(404, "ErrorItemNotFound", Kind::NotFound);
        check(400, "ErrorInvalidIdMalformed", Kind::NotFound);
        check(404, "MailboxNotEnabledForRESTAPI", Kind::Rejected);
        check(400, "InefficientFilter", Kind::Rejected);
        check(410, "SyncStateNotFound", Kind::CursorExpired);
        check(400, "syncStateNotFound", Kind::CursorExpired);
        check(429, "ApplicationThrottled", Kind::RateLimited);
        check(503, "serviceNotAvailable", Kind::Unavailable);
        check(502, "", Kind::Unavailable);
        check(403, "", Kind::Unavailable);
    }
}
