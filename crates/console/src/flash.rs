//! One sentence that the next page shows, once: what a form did.

use crate::cookie;
use crate::origin::is_https;
use crate::shared::Shared;
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

pub(crate) const COOKIE: &str = "carillon_flash";
/// Longer than the way to the next page takes.
const FLASH_S: i64 = 60;
/// A sentence or two, characters.
const TEXT_CHARS_MAX: usize = 600;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tone {
    Good,
    Bad,
}

/// The sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

impl Flash {
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Flash { tone: Tone::Good, text: text.into() }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Flash { tone: Tone::Bad, text: text.into() }
    }

    pub(crate) fn of(shared: &Shared, headers: &HeaderMap) -> Option<Self> {
        let sealed = cookie::read(headers, COOKIE, is_https(shared, headers));
        let sealed = sealed.filter(|sealed| !sealed.is_empty())?;
        serde_json::from_slice(&shared.0.seal.open("flash", sealed)?).ok()
    }

    pub(crate) fn cookie(&self, shared: &Shared, is_https: bool) -> Option<HeaderValue> {
        let text = self.text.chars().take(TEXT_CHARS_MAX).collect();
        let sealed = serde_json::to_vec(&Flash { tone: self.tone, text }).ok()?;
        cookie::set(COOKIE, &shared.0.seal.seal("flash", &sealed)?, FLASH_S, is_https)
    }
}
