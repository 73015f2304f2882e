//! The service account: its key file, and the tokens it gets for what it signs.

use serde_json::{Value, json};

use super::{PROJECT, Push};
use crate::call::find;
use crate::clock::SECOND_US;
use crate::push::SERVICE;
use crate::reply::Reply;

pub(in crate::google) const ACCOUNT: &str = "puller@double-project.iam.gserviceaccount.com";
/// Google's own address for tokens, which key files name.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const LIFE_S: i64 = 3600;
/// Clocks may differ by so much.
const SKEW_S: i64 = 300;
/// Scopes that let Pub/Sub be used.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"];

#[derive(Debug)]
pub(super) struct Token {
    expires_us: i64,
    may_use: bool,
}

/// Why a token is of no use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::google) enum Denial {
    Unauthorized,
    Forbidden,
}

/// The file that Google's console gives out.
pub(in crate::google) fn key_file() -> Value {
    json!({
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": SERVICE.id,
        "private_key": SERVICE.pem(),
        "client_email": ACCOUNT,
        "client_id": "104000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": TOKEN_URL,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "universe_domain": "googleapis.com",
    })
}

impl Push {
    /// Answers a form with an assertion. `own_url` is where the form was sent to.
    pub(in crate::google) fn exchange(
        &mut self,
        form: &[(String, String)],
        own_url: &str,
        now_us: i64,
    ) -> Reply {
        let refused =
            |error: &str, text: &str| Reply::json(400, &json!({ "error": error, "error_description": text }));
        let Some(assertion) = find(form, "assertion") else {
            return refused("invalid_request", "Missing required parameter: assertion");
        };
        let Some(claims) = SERVICE.verified(assertion).filter(|_| self.is_key_good) else {
            return refused("invalid_grant", "Invalid JWT Signature.");
        };
        if claims["iss"] != ACCOUNT {
            return refused("invalid_grant", "Invalid grant: account not found");
        }
        if !claims["sub"].is_null() && claims["sub"] != ACCOUNT {
            let text = "Client is unauthorized to retrieve access tokens using this method.";
            return refused("unauthorized_client", text);
        }
        if claims["aud"] != TOKEN_URL && claims["aud"] != own_url {
            return refused("invalid_grant", "Invalid JWT: Failed audience check.");
        }
        let now_s = now_us / SECOND_US;
        let (issued_s, ends_s) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        let is_short = issued_s.zip(ends_s).is_some_and(|(issued_s, ends_s)| {
            issued_s <= now_s + SKEW_S && ends_s > now_s - SKEW_S && ends_s - issued_s <= LIFE_S
        });
        if !is_short {
            let text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                        Check your iat and exp values in the JWT claim.";
            return refused("invalid_grant", text);
        }
        let Some(scope) = claims["scope"].as_str().filter(|scope| !scope.is_empty()) else {
            return refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
        };
        self.issue(scope, now_us)
    }

    fn issue(&mut self, scope: &str, now_us: i64) -> Reply {
        let text: String = (0..80).map(|_| self.rng.alphanumeric()).collect();
        let token = format!("ya29.c.{text}");
        let may_use = scope.split(' ').any(|scope| SCOPES.contains(&scope));
        self.tokens.retain(|_, token| now_us < token.expires_us);
        self.tokens.insert(token.clone(), Token { expires_us: now_us + LIFE_S * SECOND_US, may_use });
        Reply::json(200, &json!({ "access_token": token, "expires_in": LIFE_S - 1, "token_type": "Bearer" }))
    }

    /// Whether a token lets Pub/Sub be used.
    pub(in crate::google) fn admit(&self, token: Option<&str>, now_us: i64) -> Result<(), Denial> {
        let known = token.and_then(|token| self.tokens.get(token));
        match known.filter(|token| now_us < token.expires_us) {
            None => Err(Denial::Unauthorized),
            Some(token) if token.may_use && self.may_pull => Ok(()),
            Some(_) => Err(Denial::Forbidden),
        }
    }
}
