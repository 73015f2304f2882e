//! Signed tokens: RS256, with keys that are part of the source.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Value, json};

/// Signs what a service account asks for.
pub(crate) static SERVICE: LazyLock<Key> =
    LazyLock::new(|| Key::read(include_bytes!("../../keys/service.der")));
/// Sign Google's tokens, one after the other.
pub(crate) static SIGNERS: LazyLock<[Key; 2]> = LazyLock::new(|| {
    [Key::read(include_bytes!("../../keys/first.der")), Key::read(include_bytes!("../../keys/second.der"))]
});
/// Signs what is forged.
pub(crate) static STRANGER: LazyLock<Key> =
    LazyLock::new(|| Key::read(include_bytes!("../../keys/stranger.der")));

/// Length of a line of PEM.
const PEM_LINE_BYTES: usize = 64;

pub(crate) struct Key {
    pair: RsaKeyPair,
    der: &'static [u8],
    /// Names it in tokens and key sets.
    pub(crate) id: String,
}

impl Key {
    fn read(der: &'static [u8]) -> Self {
        let Ok(pair) = RsaKeyPair::from_pkcs8(der) else { panic!("a key of the source is broken") };
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        let id = digest.as_ref().iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        Self { pair, der, id }
    }

    /// A token that says this.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.id, claims)
    }

    /// The same, and says that another key signed it.
    pub(crate) fn sign_as(&self, id: &str, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "kid": id, "typ": "JWT" });
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let done = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        if done.is_err() {
            panic!("no randomness to sign with");
        }
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token says that this key signed.
    pub(crate) fn verified(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
        if header["alg"] != "RS256" {
            return None;
        }
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        public.verify(signed.as_bytes(), &decoded(signature)?).ok()?;
        serde_json::from_slice(&decoded(claims)?).ok()
    }

    /// Its public half, as a key set has it.
    pub(crate) fn jwk(&self) -> Value {
        let public: RsaPublicKeyComponents<Vec<u8>> = self.pair.public().into();
        json!({
            "kid": self.id, "kty": "RSA", "alg": "RS256", "use": "sig",
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// The whole of it, as a key file has it.
    pub(crate) fn pem(&self) -> String {
        let encoded = STANDARD.encode(self.der);
        let lines = encoded.as_bytes().chunks(PEM_LINE_BYTES).map(String::from_utf8_lossy);
        let body: String = lines.map(|line| format!("{line}\n")).collect();
        let label = "PRIVATE KEY";
        format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_verified_by_its_key_alone() {
        let claims = json!({ "sub": "me" });
        let token = SIGNERS[0].sign(&claims);
        assert_eq!(SIGNERS[0].verified(&token), Some(claims.clone()));
        assert_eq!(SIGNERS[1].verified(&token), None);
        let forged = STRANGER.sign_as(&SIGNERS[0].id, &claims);
        assert_eq!(SIGNERS[0].verified(&forged), None);
        assert_eq!(SIGNERS[0].verified("a.b"), None);
    }

    #[test]
    fn the_published_half_and_the_file_are_of_the_same_key() {
        let token = SIGNERS[0].sign(&json!({}));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let jwk = SIGNERS[0].jwk();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let public = RsaPublicKeyComponents { n: part("n"), e: part("e") };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).unwrap();
        let pem = SERVICE.pem();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    }
}
