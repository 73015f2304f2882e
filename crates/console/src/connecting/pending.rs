//! A form while the user signs in at the provider, kept by the browser: the console remembers nothing. Several may be on
//! their way at once.

use super::application::Keep;
use super::filled::Filled;
use super::problems::Problems;
use crate::kept::{KEPT_S, TooLarge, new_id};
use crate::session::{is_same, random};
use crate::signed::Signed;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "connect";
/// Random parts of a verifier, 32 letters each: PKCE takes 43 to 128.
const VERIFIER_PARTS_COUNT: usize = 2;

/// A sign-in to another mailbox than the instance has, which waits for its confirmation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OtherMailbox {
    /// Its address, where the provider told it.
    #[serde(rename = "a")]
    pub(crate) address: Option<String>,
    /// That of the former one.
    #[serde(rename = "f")]
    pub(crate) former: Option<String>,
    /// What the interface takes as the confirmation.
    #[serde(rename = "t")]
    pub(crate) confirmation: String,
}

/// A form on its way. No `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// What it is kept under.
    #[serde(skip)]
    pub(crate) id: String,
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
    /// How its application is stored once somebody could sign in with it.
    #[serde(rename = "n", default)]
    pub(crate) keep: Option<Keep>,
    /// Another mailbox that the user signed in to: it takes the place of the former one where they say so.
    #[serde(rename = "m", default)]
    pub(crate) other: Option<OtherMailbox>,
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
        let id = new_id(signed.now.timestamp())?;
        Some(Pending {
            state: Some(format!("{id}.{}", random()?)),
            id,
            element: element.to_owned(),
            instance: instance.map(str::to_owned),
            filled,
            problems: Problems::default(),
            scope: String::new(),
            keep: None,
            other: None,
            callback: callback(signed),
            verifier,
            session: signed.session.form_token.clone(),
            expires_at: signed.now.timestamp() + KEPT_S,
        })
    }

    /// What this session began and keeps under this id.
    pub(crate) fn of(signed: &Signed, id: &str) -> Option<Self> {
        let text = signed.kept.open(&signed.shared, PURPOSE, id)?;
        let pending: Pending = serde_json::from_slice(&text).ok()?;
        let is_ours = is_same(&pending.session, &signed.session.form_token);
        (is_ours && signed.now.timestamp() < pending.expires_at)
            .then(|| Pending { id: id.to_owned(), ..pending })
    }

    /// The sign-in that the user came back from, if it began in this session.
    pub(crate) fn of_state(signed: &Signed, state: &str) -> Option<Self> {
        let (id, _) = state.split_once('.')?;
        Self::of(signed, id).filter(|pending| is_same(pending.state(), state))
    }

    /// The last sign-in to a new instance of a connector that began and did not end.
    pub(crate) fn unfinished(signed: &Signed, element: &str) -> Option<Self> {
        let all = signed.kept.ids().into_iter().filter_map(|id| Self::of(signed, id));
        let is_it = |one: &Pending| one.state.is_some() && one.instance.is_none() && one.element == element;
        all.into_iter().find(is_it)
    }

    pub(crate) fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
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
        let plain = serde_json::to_vec(self).map_err(|_| TooLarge)?;
        let seal = |bytes: &[u8]| signed.shared.0.seal.seal(PURPOSE, bytes);
        signed.kept.put(seal, &self.id, &plain, (signed.is_https, response))
    }

    /// Takes it away.
    pub(crate) fn forget(&self, signed: &Signed, response: Response) -> Response {
        signed.kept.forget(&self.id, signed.is_https, response)
    }
}

/// Where providers send users back to the console.
pub(crate) fn callback(signed: &Signed) -> String {
    format!("{}/oauth/callback", signed.public_url)
}
