//! Who is signed in: the interface's session and a token for forms, sealed in a cookie that the browser can't read.

use crate::api::Answer;
use crate::origin::is_https;
use crate::shared::Shared;
use crate::{cookie, time};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

pub(crate) const COOKIE: &str = "carillon_session";
/// No longer cookie is kept by browsers, bytes.
const COOKIE_BYTES_MAX: usize = 4_000;
const TOKEN_BYTES: usize = 24;

/// A session. The names are short because a cookie is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(rename = "s")]
    pub(crate) token: String,
    /// What each form of this session has to show.
    #[serde(rename = "t")]
    pub(crate) form_token: String,
    #[serde(rename = "e")]
    expires_at: i64,
}

impl Session {
    /// What the interface answered; nothing where that is no session, or the system gives no randomness.
    pub(crate) fn of_answer(answer: &Answer) -> Option<Self> {
        let expires_at = time::read(answer.body["expiresDate"].as_str())?;
        Some(Session {
            token: answer.body["sessionToken"].as_str()?.to_owned(),
            form_token: random()?,
            expires_at: expires_at.timestamp(),
        })
    }

    /// The session of a request, if it has one that still holds.
    pub(crate) fn of(shared: &Shared, headers: &HeaderMap) -> Option<Self> {
        let sealed = cookie::read(headers, COOKIE, is_https(shared, headers));
        let sealed = sealed.filter(|sealed| sealed.len() <= COOKIE_BYTES_MAX)?;
        let session: Session = serde_json::from_slice(&shared.0.seal.open("session", sealed)?).ok()?;
        (shared.now().timestamp() < session.expires_at).then_some(session)
    }

    /// As a cookie; nothing where it can't be one.
    pub(crate) fn cookie(&self, shared: &Shared, is_https: bool) -> Option<HeaderValue> {
        let sealed = shared.0.seal.seal("session", &serde_json::to_vec(self).ok()?)?;
        let left_s = self.expires_at - shared.now().timestamp();
        (sealed.len() <= COOKIE_BYTES_MAX).then(|| cookie::set(COOKIE, &sealed, left_s, is_https))?
    }
}

/// 192 random bits as text, for tokens.
pub(crate) fn random() -> Option<String> {
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (l, r)| all | (l ^ r)) == 0
}
