//! A sign-in by a link on its way, kept by the browser that began it.

use super::Visit;
use crate::kept::{KEPT_S, Kept, new_id};
use crate::session::{is_same, random};
use crate::shared::Shared;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const PURPOSE: &str = "link";
/// Random parts of a verifier, 32 letters each: PKCE takes 43 to 128.
const VERIFIER_PARTS_COUNT: usize = 2;

/// One, with what came of it. No `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Passage {
    /// What it is kept under.
    #[serde(skip)]
    id: String,
    #[serde(rename = "k")]
    pub(super) token: String,
    /// What comes back with the user; gone as soon as it did.
    #[serde(rename = "s")]
    state: Option<String>,
    /// PKCE's.
    #[serde(rename = "v")]
    pub(super) verifier: String,
    /// What went wrong, in words.
    #[serde(rename = "p", default)]
    pub(super) problem: Option<String>,
    /// What the interface answered when it went well.
    #[serde(rename = "o", default)]
    pub(super) outcome: Option<Value>,
    /// Until when, seconds.
    #[serde(rename = "u")]
    expires_at: i64,
}

impl Passage {
    /// Nothing where the system gives no randomness.
    pub(super) fn begin(now: DateTime<Utc>, token: &str) -> Option<Self> {
        let verifier = (0..VERIFIER_PARTS_COUNT).map(|_| random()).collect::<Option<Vec<_>>>()?.concat();
        let id = new_id(now.timestamp())?;
        Some(Passage {
            state: Some(format!("{id}.{}", random()?)),
            id,
            token: token.to_owned(),
            verifier,
            problem: None,
            outcome: None,
            expires_at: now.timestamp() + KEPT_S,
        })
    }

    fn of(shared: &Shared, kept: &Kept, id: &str) -> Option<Self> {
        let passage: Passage = serde_json::from_slice(&kept.open(shared, PURPOSE, id)?).ok()?;
        (shared.now().timestamp() < passage.expires_at).then(|| Passage { id: id.to_owned(), ..passage })
    }

    /// The one that a user came back from, if it began in this browser.
    pub(super) fn of_state(shared: &Shared, kept: &Kept, state: &str) -> Option<Self> {
        let (id, _) = state.split_once('.')?;
        Self::of(shared, kept, id).filter(|passage| is_same(passage.state(), state))
    }

    /// The last one by a link.
    pub(super) fn of_token(shared: &Shared, kept: &Kept, token: &str) -> Option<Self> {
        let mut all = kept.ids().into_iter().filter_map(|id| Self::of(shared, kept, id));
        all.find(|passage| is_same(&passage.token, token))
    }

    pub(super) fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }

    /// PKCE's digest of the verifier.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, self.verifier.as_bytes()))
    }

    /// The same, not to be come back from any more.
    pub(super) fn over(self) -> Self {
        Passage { state: None, verifier: String::new(), ..self }
    }

    /// With what came of it.
    pub(super) fn ended(self, outcome: Value) -> Self {
        Passage { outcome: Some(outcome), ..self.over() }
    }

    /// With what went wrong.
    pub(super) fn failed(self, problem: String) -> Self {
        Passage { problem: Some(problem), ..self.over() }
    }

    /// Puts it into the browser; nothing where it does not fit.
    pub(super) fn keep(&self, visit: &Visit, response: Response) -> Option<Response> {
        let plain = serde_json::to_vec(self).ok()?;
        let seal = |bytes: &[u8]| visit.shared.0.seal.seal(PURPOSE, bytes);
        visit.kept.put(seal, &self.id, &plain, (visit.is_https(), response)).ok()
    }
}
