//! What is kept while the user signs in at the provider: the filled form, deflated and sealed, in the browser's own
//! cookies. The console remembers nothing.

use super::filled::Filled;
use super::problems::Problems;
use crate::cookie;
use crate::session::{is_same, random};
use crate::shared::Shared;
use crate::signed::{Signed, with_cookie};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};

const PURPOSE: &str = "connect";
/// Names of the parts: as many as are kept.
const COOKIES: [&str; 2] = ["carillon_connect_0", "carillon_connect_1"];
/// Browsers keep 4 KB with name and flags. All parts together stay below what gateways take as a request's headers,
/// about 10 KB, or nothing could be asked for any more until they expire.
const PART_BYTES_MAX: usize = 3_800;
/// What a form can inflate to; it is our own, so this is never met.
const FORM_BYTES_MAX: u64 = 1024 * 1024;
/// As long as signing in may take.
const PENDING_S: i64 = 30 * 60;
/// Random parts of a verifier, 32 letters each: PKCE takes 43 to 128.
const VERIFIER_PARTS_COUNT: usize = 2;

/// The form does not fit.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// A form on its way. No `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    #[serde(rename = "e")]
    pub(crate) element: String,
    /// The instance that signs in again, where it is not a new one.
    #[serde(rename = "i")]
    pub(crate) instance: Option<String>,
    #[serde(rename = "f")]
    pub(crate) filled: Filled,
    #[serde(rename = "p")]
    pub(crate) problems: Problems,
    /// What is asked for, where the form leaves it to what is polled.
    #[serde(rename = "q", default)]
    pub(crate) scope: String,
    /// The form before its application was stored for this sign-in: it is typed again where the sign-in fails.
    #[serde(rename = "n", default)]
    pub(crate) unstored: Option<Box<Filled>>,
    /// Where the provider sends the user back.
    #[serde(rename = "b")]
    pub(crate) callback: String,
    /// What comes back with the user; gone as soon as it did.
    #[serde(rename = "s")]
    state: Option<String>,
    /// PKCE's.
    #[serde(rename = "v")]
    pub(crate) verifier: String,
    /// The token of the session that began this.
    #[serde(rename = "t")]
    session: String,
    /// Until when, seconds.
    #[serde(rename = "u")]
    expires_at: i64,
}

impl Pending {
    /// Nothing where the system gives no randomness.
    pub(crate) fn begin(
        signed: &Signed,
        element: &str,
        instance: Option<&str>,
        filled: Filled,
    ) -> Option<Self> {
        let verifier = (0..VERIFIER_PARTS_COUNT).map(|_| random()).collect::<Option<Vec<_>>>()?.concat();
        Some(Pending {
            element: element.to_owned(),
            instance: instance.map(str::to_owned),
            filled,
            problems: Problems::default(),
            scope: String::new(),
            unstored: None,
            callback: callback(signed),
            state: Some(random()?),
            verifier,
            session: signed.session.form_token.clone(),
            expires_at: signed.now.timestamp() + PENDING_S,
        })
    }

    /// What this session began last.
    pub(crate) fn of(signed: &Signed, headers: &HeaderMap) -> Option<Self> {
        let parts =
            COOKIES.iter().map_while(|name| cookie::read(headers, name).filter(|part| !part.is_empty()));
        let sealed: String = parts.collect();
        let deflated = signed.shared.0.seal.open(PURPOSE, &sealed)?;
        let mut text = Vec::new();
        DeflateDecoder::new(deflated.as_slice()).take(FORM_BYTES_MAX).read_to_end(&mut text).ok()?;
        let pending: Pending = serde_json::from_slice(&text).ok()?;
        let is_ours = is_same(&pending.session, &signed.session.form_token);
        (is_ours && signed.now.timestamp() < pending.expires_at).then_some(pending)
    }

    pub(crate) fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }

    /// Whether the user came back from the sign-in that began here.
    pub(crate) fn is_state(&self, state: &str) -> bool {
        !state.is_empty() && is_same(self.state(), state)
    }

    /// PKCE's digest of the verifier.
    pub(crate) fn challenge(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.verifier.as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// For the form again, with what went wrong; the sign-in is over.
    pub(crate) fn failed(self, problems: Problems) -> Self {
        Pending { problems, state: None, ..self }
    }

    /// Puts it into the browser.
    pub(crate) fn keep(&self, signed: &Signed, response: Response) -> Result<Response, TooLarge> {
        let sealed = sealed(&signed.shared, self).ok_or(TooLarge)?;
        if sealed.len() > PART_BYTES_MAX * COOKIES.len() {
            return Err(TooLarge);
        }
        let (mut rest, mut response) = (sealed.as_str(), response);
        for name in COOKIES {
            // Sealed texts are ASCII; one that is not would be no cookie either.
            let (part, behind) = rest.split_at_checked(rest.len().min(PART_BYTES_MAX)).ok_or(TooLarge)?;
            let seconds = if part.is_empty() { 0 } else { PENDING_S };
            response = with_cookie(response, cookie::set(name, part, seconds, signed.is_https));
            rest = behind;
        }
        Ok(response)
    }

    /// Takes it away.
    pub(crate) fn forget(signed: &Signed, response: Response) -> Response {
        let clear = |response, name| with_cookie(response, cookie::clear(name, signed.is_https));
        COOKIES.into_iter().fold(response, clear)
    }
}

/// Where providers send users back to the console.
pub(crate) fn callback(signed: &Signed) -> String {
    format!("{}/oauth/callback", signed.public_url)
}

fn sealed(shared: &Shared, pending: &Pending) -> Option<String> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&serde_json::to_vec(pending).ok()?).ok()?;
    shared.0.seal.seal(PURPOSE, &deflate.finish().ok()?)
}
