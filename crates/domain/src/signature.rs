//! The callback's signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// Header that names the notification, the same on every attempt.
pub const WEBHOOK_ID_HEADER: &str = "elements-webhook-id";
/// Header that carries [`sign`]'s value when the instance has a signature key.
pub const WEBHOOK_SIGNATURE_HEADER: &str = "elements-webhook-signature";

/// `sha256=` and the padded standard base64 of HMAC-SHA256 over the exact body bytes, keyed with the UTF-8
/// bytes of the configured key.
pub fn sign(key: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    format!("sha256={}", STANDARD.encode(hmac::sign(&key, body)))
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn the_documented_vector_holds() {
        assert_eq!(
            sign("MySecretEventSignatureKey", b"<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>"),
            "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ="
        );
    }
}
