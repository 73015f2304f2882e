//! Codes and tokens, without the shape a provider gives its answers.

mod page;

pub(crate) use page::{Desk, authorize};

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::call::{Call, find};
use crate::clock::SECOND_US;

/// The client id both providers know until another is set.
pub const CLIENT_ID: &str = "double-client";
/// The client secret that goes with [`CLIENT_ID`].
pub const CLIENT_SECRET: &str = "double-secret";

const CODE_LIFE_US: i64 = 600 * SECOND_US;
const ACCESS_TOKENS_MAX: usize = 20_000;

/// What differs between providers.
pub(crate) struct Style {
    pub(crate) code_prefix: &'static str,
    pub(crate) access_prefix: &'static str,
    /// Characters of an access token: what it costs to keep one depends on them.
    pub(crate) access_length: usize,
    pub(crate) refresh_prefix: &'static str,
    /// Whether a refresh gives a new refresh token, until switched.
    pub(crate) rotates: bool,
    /// Per account; the oldest dies silently when one more is minted.
    pub(crate) refresh_tokens_max: usize,
    pub(crate) lifetime_s: i64,
}

/// What a consent allows.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) account: String,
    pub(crate) scope: String,
    /// Whether it comes with a refresh token.
    pub(crate) offline: bool,
}

struct Code {
    consent: Consent,
    /// Unknown for a code that did not go through the consent page; anything matches then.
    redirect_uri: Option<String>,
    challenge: Option<String>,
    issued_at_us: i64,
    used: bool,
}

struct Refresh {
    consent: Consent,
    number: u64,
    used: bool,
}

struct Access {
    consent: Consent,
    expires_at_us: i64,
}

/// A successful answer of the token endpoint.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) consent: Consent,
    pub(crate) access_token: String,
    pub(crate) expires_in_s: i64,
    pub(crate) refresh_token: Option<String>,
}

/// Why the token endpoint says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownClient,
    BadSecret,
    Missing(&'static str),
    GrantType,
    BadCode,
    UsedCode,
    RedirectMismatch,
    BadVerifier,
    BadRefreshToken,
}

pub(crate) struct Grants {
    style: Style,
    client: (String, String),
    codes: BTreeMap<String, Code>,
    refresh: BTreeMap<String, Refresh>,
    access: BTreeMap<String, Access>,
    issued_count: u64,
    pub(crate) lifetime_s: i64,
    pub(crate) rotates: bool,
    /// Whether a refresh token that was used once is refused.
    pub(crate) refuses_reuse: bool,
    /// The scope to grant whatever was asked for, as when a person unticks one.
    pub(crate) scope: Option<String>,
    pub(crate) token_requests_count: u64,
}

impl Grants {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            lifetime_s: style.lifetime_s,
            rotates: style.rotates,
            style,
            client: (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned()),
            codes: BTreeMap::new(),
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
            issued_count: 0,
            refuses_reuse: false,
            scope: None,
            token_requests_count: 0,
        }
    }

    pub(crate) fn set_client(&mut self, id: &str, secret: &str) {
        self.client = (id.to_owned(), secret.to_owned());
    }

    pub(crate) fn knows_client(&self, id: &str) -> bool {
        self.client.0 == id
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client.0
    }

    pub(crate) fn has_refresh_token(&self, account: &str) -> bool {
        self.refresh.values().any(|refresh| refresh.consent.account == account)
    }

    /// A code as the consent page would hand out.
    pub(crate) fn new_code(
        &mut self,
        consent: Consent,
        redirect_uri: Option<String>,
        challenge: Option<String>,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> String {
        self.codes.retain(|_, code| now_us - code.issued_at_us < CODE_LIFE_US);
        let code = format!("{}{}", self.style.code_prefix, random(rng, 40));
        let consent = Consent { scope: self.scope.clone().unwrap_or(consent.scope), ..consent };
        self.codes.insert(
            code.clone(),
            Code { consent, redirect_uri, challenge, issued_at_us: now_us, used: false },
        );
        code
    }

    /// Knows a refresh token that it has not issued: it stands in data that was made long ago.
    pub(crate) fn accept_refresh_token(&mut self, consent: Consent, token: &str) {
        self.issued_count += 1;
        let refresh = Refresh { consent, number: self.issued_count, used: false };
        self.refresh.insert(token.to_owned(), refresh);
    }

    /// Serves a form sent to the token endpoint.
    pub(crate) fn token(
        &mut self,
        call: &Call,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> Result<Issued, Refusal> {
        self.token_requests_count += 1;
        let form = call.form();
        self.check_client(call, &form)?;
        let field = |name: &'static str| find(&form, name).ok_or(Refusal::Missing(name));
        match field("grant_type")? {
            "authorization_code" => {
                let consent = self.redeem(field("code")?, field("redirect_uri")?, &form, now_us)?;
                let with_refresh = consent.offline;
                Ok(self.issue(consent, with_refresh, now_us, rng))
            }
            "refresh_token" => {
                let refresh = self.refresh.get_mut(field("refresh_token")?);
                let refresh = refresh.ok_or(Refusal::BadRefreshToken)?;
                if refresh.used && self.refuses_reuse {
                    return Err(Refusal::BadRefreshToken);
                }
                refresh.used = true;
                let consent = refresh.consent.clone();
                let consent = Consent { scope: self.scope.clone().unwrap_or(consent.scope), ..consent };
                Ok(self.issue(consent, self.rotates, now_us, rng))
            }
            _ => Err(Refusal::GrantType),
        }
    }

    /// The consent behind a good access token.
    pub(crate) fn access(&self, token: Option<&str>, now_us: i64) -> Option<&Consent> {
        self.access_until(token, now_us).map(|(consent, _)| consent)
    }

    /// The same with the time at which the token ends.
    pub(crate) fn access_until(&self, token: Option<&str>, now_us: i64) -> Option<(&Consent, i64)> {
        let access = self.access.get(token?)?;
        (now_us < access.expires_at_us).then_some((&access.consent, access.expires_at_us))
    }

    /// Ends everything an account has granted.
    pub(crate) fn revoke(&mut self, account: &str) {
        self.codes.retain(|_, code| code.consent.account != account);
        self.refresh.retain(|_, refresh| refresh.consent.account != account);
        self.access.retain(|_, access| access.consent.account != account);
    }

    /// Ends the access tokens of an account and leaves its refresh tokens.
    pub(crate) fn expire_access(&mut self, account: &str) {
        self.access.retain(|_, access| access.consent.account != account);
    }

    /// The account behind any kind of token.
    pub(crate) fn owner(&self, token: &str) -> Option<String> {
        let refresh = self.refresh.get(token).map(|refresh| &refresh.consent);
        let consent = refresh.or_else(|| self.access.get(token).map(|access| &access.consent));
        consent.map(|consent| consent.account.clone())
    }

    fn check_client(&self, call: &Call, form: &[(String, String)]) -> Result<(), Refusal> {
        let basic = call.basic();
        let (id, secret) = match &basic {
            Some((id, secret)) => (id.as_str(), secret.as_str()),
            None => (
                find(form, "client_id").ok_or(Refusal::Missing("client_id"))?,
                find(form, "client_secret").ok_or(Refusal::Missing("client_secret"))?,
            ),
        };
        match id == self.client.0 {
            false => Err(Refusal::UnknownClient),
            true if secret != self.client.1 => Err(Refusal::BadSecret),
            true => Ok(()),
        }
    }

    fn redeem(
        &mut self,
        code: &str,
        redirect_uri: &str,
        form: &[(String, String)],
        now_us: i64,
    ) -> Result<Consent, Refusal> {
        let code = self.codes.get_mut(code).ok_or(Refusal::BadCode)?;
        if now_us - code.issued_at_us >= CODE_LIFE_US {
            return Err(Refusal::BadCode);
        }
        if code.used {
            return Err(Refusal::UsedCode);
        }
        if code.redirect_uri.as_deref().is_some_and(|expected| expected != redirect_uri) {
            return Err(Refusal::RedirectMismatch);
        }
        if let Some(challenge) = &code.challenge
            && *challenge != challenge_of(find(form, "code_verifier").unwrap_or_default())
        {
            return Err(Refusal::BadVerifier);
        }
        code.used = true;
        Ok(code.consent.clone())
    }

    fn issue(
        &mut self,
        consent: Consent,
        with_refresh: bool,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> Issued {
        let access_token = access_token(&self.style, random(rng, 80));
        if self.access.len() >= ACCESS_TOKENS_MAX {
            self.access.retain(|_, access| now_us < access.expires_at_us);
            if self.access.len() >= ACCESS_TOKENS_MAX {
                self.access.pop_first();
            }
        }
        let expires_at_us = now_us + self.lifetime_s * SECOND_US;
        self.access.insert(access_token.clone(), Access { consent: consent.clone(), expires_at_us });
        let refresh_token = with_refresh.then(|| self.new_refresh(&consent, rng));
        Issued { consent, access_token, expires_in_s: self.lifetime_s, refresh_token }
    }

    fn new_refresh(&mut self, consent: &Consent, rng: &mut fastrand::Rng) -> String {
        let token = format!("{}{}", self.style.refresh_prefix, random(rng, 60));
        self.issued_count += 1;
        let refresh = Refresh { consent: consent.clone(), number: self.issued_count, used: false };
        self.refresh.insert(token.clone(), refresh);
        let of_account =
            self.refresh.iter().filter(|(_, refresh)| refresh.consent.account == consent.account);
        let mut tokens: Vec<_> = of_account.map(|(token, refresh)| (refresh.number, token.clone())).collect();
        if tokens.len() > self.style.refresh_tokens_max {
            tokens.sort_unstable();
            self.refresh.remove(&tokens[0].1);
        }
        token
    }
}

/// PKCE with S256.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()))
}

/// An access token: as long as the provider's, of as many different characters, and unlike others by the given ones.
fn access_token(style: &Style, unlike_others: String) -> String {
    let seed =
        unlike_others.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut token = format!("{}{unlike_others}", style.access_prefix);
    let more = style.access_length.saturating_sub(token.len());
    token.push_str(&random(&mut fastrand::Rng::with_seed(seed), more));
    token
}

fn random(rng: &mut fastrand::Rng, length: usize) -> String {
    (0..length).map(|_| rng.alphanumeric()).collect()
}
