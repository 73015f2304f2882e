//! Tokens that Google signs its requests with: a JWT, by RS256, of an account that the receiver knows.
//!
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>. The audience alone would let in any project
//! of Google's cloud: what counts is the account, and the caller compares it.

use crate::Forged;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Google's are about a kilobyte.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far clocks may differ, seconds.
const LEEWAY_S: i64 = 30;
/// Both spellings are in use.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
    email: String,
    #[serde(default)]
    email_verified: Value,
}

/// The account that signed this token for this audience, in small letters.
pub(crate) fn signer(
    token: &str,
    keys: &Value,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<String, Forged> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Forged::Wrong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Forged::Wrong)?;
    let (header, claims) = message.split_once('.').ok_or(Forged::Wrong)?;
    let header: Header = read(header)?;
    // Named by the token, and yet not a matter of its choice.
    if header.alg != "RS256" {
        return Err(Forged::Wrong);
    }
    let key =
        keys["keys"].as_array().and_then(|keys| keys.iter().find(|key| key["kid"] == header.kid.as_str()));
    verify(key.ok_or(Forged::UnknownKey)?, message, signature)?;
    let claims: Claims = read(claims)?;
    let now = now.timestamp();
    let is_timely = now < claims.exp + LEEWAY_S && claims.iat.is_none_or(|iat| iat - LEEWAY_S <= now);
    let is_verified = claims.email_verified == true || claims.email_verified == "true";
    let is_ours = claims.aud == audience && ISSUERS.contains(&claims.iss.as_str());
    match is_timely && is_verified && is_ours {
        true => Ok(claims.email.to_ascii_lowercase()),
        false => Err(Forged::Wrong),
    }
}

fn read<T: DeserializeOwned>(part: &str) -> Result<T, Forged> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| Forged::Wrong)
}

fn bytes(part: &str) -> Result<Vec<u8>, Forged> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| Forged::Wrong)
}

fn verify(key: &Value, message: &str, signature: &str) -> Result<(), Forged> {
    let number = |name: &str| bytes(key[name].as_str().unwrap_or_default());
    let (n, e) = (number("n")?, number("e")?);
    RsaPublicKeyComponents { n: &n, e: &e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(signature)?)
        .map_err(|_| Forged::Wrong)
}
