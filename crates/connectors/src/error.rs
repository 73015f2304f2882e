//! What went wrong at a provider: a kind to branch on, and words for people.

use crate::http::{HttpError, HttpResponse};
use chrono::{DateTime, Utc};
use domain::schedule::Pause;

/// As `v1` and `v1.0`.
const VERSION_BYTES_MAX: usize = 4;

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The access token is not accepted: refresh it, once.
    Unauthorized,
    /// Too many requests: leave this mailbox alone for a while.
    RateLimited,
    /// The position is too old: recover.
    CursorExpired,
    /// The object is not there (any more).
    NotFound,
    /// The provider or the way to it fails for now.
    Unavailable,
    /// The provider refuses for good: a person has to act (scopes, policy, our own bug).
    Rejected,
    /// The provider refuses this one object, and perhaps no other.
    ObjectRefused,
    /// The answer can't be read.
    Malformed,
    /// The caller wants no further request ([`HttpError::NotSent`]): the step ends with what it has, and nothing
    /// failed.
    Halted,
}

impl ErrorKind {
    /// Whether the failure of reading one object may be the object's own: then others are not held up by it.
    pub fn is_of_object(self) -> bool {
        matches!(self, ErrorKind::Unavailable | ErrorKind::ObjectRefused | ErrorKind::Malformed)
    }
}

/// A failed call.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What to do about it.
    pub kind: ErrorKind,
    /// What happened, without addresses, ids or content.
    pub message: String,
    /// The provider's own code or short message, for `providerMessage`.
    pub provider_message: Option<String>,
    /// How long the provider asked for a pause, seconds.
    pub retry_after_s: Option<u64>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), provider_message: None, retry_after_s: None, source: None }
    }

    /// An answer that is not what the provider's documentation promises.
    pub fn malformed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Error::new(ErrorKind::Malformed, format!("the provider's {what} can't be read"));
        error.source = Some(source.into());
        error
    }

    /// The answer is longer than it may be: asked for in the same way it will be again.
    pub(crate) fn is_too_long(&self) -> bool {
        let source = self.source.as_ref().and_then(|source| source.downcast_ref::<HttpError>());
        matches!(source, Some(HttpError::TooLong(_)))
    }

    /// The pause that the provider asked for, and of whom.
    pub fn pause(&self) -> Pause {
        match (self.retry_after_s, self.kind) {
            (None, _) => Pause::Unsaid,
            (Some(seconds), ErrorKind::Unavailable) => Pause::OfEverybody(seconds),
            (Some(seconds), _) => Pause::OfMailbox(seconds),
        }
    }

    /// A failed answer, with what all providers have in common.
    pub(crate) fn answered(
        kind: ErrorKind,
        response: &HttpResponse,
        code: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let status = response.status;
        let mut error = Error::new(
            kind,
            match &code {
                Some(code) => format!("the provider answered {status} {code}"),
                None => format!("the provider answered {status}"),
            },
        );
        error.provider_message = code;
        error.retry_after_s = response.retry_after_s(now);
        error
    }

    /// The same, with the read that it answers: a path below the provider's address, without its query.
    pub(crate) fn of_read(mut self, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        // Ids have digits, and say nothing to who reads this.
        let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_version = |part: &str| part.starts_with('v') && part.len() <= VERSION_BYTES_MAX;
        let parts = path.trim_start_matches('/').split('/');
        let parts: Vec<&str> =
            parts.map(|part| if is_word(part) || is_version(part) { part } else { "…" }).collect();
        self.message.push_str(&format!(" to GET /{}", parts.join("/")));
        self
    }
}

impl From<HttpError> for Error {
    fn from(source: HttpError) -> Self {
        let kind = match source {
            HttpError::TooLong(_) => ErrorKind::Malformed,
            HttpError::NotSent => ErrorKind::Halted,
            _ => ErrorKind::Unavailable,
        };
        let mut error = Error::new(kind, format!("the provider can't be reached: {source}"));
        error.source = Some(Box::new(source));
        error
    }
}

/// A provider's code or message, shortened and free of anything that is not plain text.
pub(crate) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_read_without_its_query_and_ids() {
        let response = HttpResponse { status: 404, headers: http::HeaderMap::new(), body: "".into() };
        let said = |path: &str| {
            let error = Error::answered(ErrorKind::NotFound, &response, None, DateTime::UNIX_EPOCH);
            error.of_read(path).message
        };
        let profile = "gmail/v1/users/me/profile?fields=emailAddress";
        assert_eq!(said(profile), "the provider answered 404 to GET /gmail/v1/users/me/profile");
        for path in ["/me/messages/AAMkADY1/attachments", "/me/messages/ada%40example.com/attachments"] {
            assert_eq!(said(path), "the provider answered 404 to GET /me/messages/…/attachments");
        }
    }
}
