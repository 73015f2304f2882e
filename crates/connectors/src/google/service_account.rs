//! A service account's key, as Google gives it out, and the tokens that it is exchanged for.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use crate::error::{Error, ErrorKind};
use crate::http::{Http, HttpRequest, Method, Route};
use crate::oauth::{self, TokenErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Life of an assertion, seconds: Google takes at most an hour.
const ASSERTION_LIFE_S: i64 = 3_600;
const TOKEN_TIMEOUT_MS: u64 = 10_000;
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The parts of a key's file that are used. No `Debug`.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
}

/// A key that signs.
pub(crate) struct Key {
    file: KeyFile,
    pair: RsaKeyPair,
}

impl Key {
    /// Reads a key's file. The error is the broken rule, without anything of the key.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let file: KeyFile =
            serde_json::from_str(text).map_err(|_| "must be the JSON text of a service account's key")?;
        let rule = "has a `private_key` that can't be read";
        let lines = file.private_key.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).map_err(|_| rule)?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| rule)?;
        Ok(Key { file, pair })
    }

    fn assertion(&self, scope: &str, audience: &str, now: DateTime<Utc>) -> Result<String, Error> {
        let issued_at = now.timestamp();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.file.private_key_id });
        let claims = json!({
            "iss": self.file.client_email,
            "scope": scope,
            "aud": audience,
            "iat": issued_at,
            "exp": issued_at + ASSERTION_LIFE_S,
        });
        let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Rejected, "the service account's key does not sign"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Exchanges the key for an access token; how many seconds it is good for.
    pub(crate) async fn token(
        &self,
        http: &dyn Http,
        url: &str,
        scope: &str,
        now: DateTime<Utc>,
    ) -> Result<(String, u32), Error> {
        let assertion = self.assertion(scope, url, now)?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT_TYPE)
            .append_pair("assertion", &assertion)
            .finish();
        let request = HttpRequest {
            method: Method::Post,
            url: url.to_owned(),
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
                ("accept", "application/json".to_owned()),
            ],
            body: form.into(),
            timeout_ms: TOKEN_TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        };
        let response = http.send(request).await?;
        let tokens = oauth::parse_tokens(&response, now).map_err(|error| {
            let kind = match error.kind {
                TokenErrorKind::Unavailable => ErrorKind::Unavailable,
                _ => ErrorKind::Rejected,
            };
            Error::new(kind, format!("the service account gets no token: {error}"))
        })?;
        Ok((tokens.access_token, tokens.lifetime_s))
    }
}
