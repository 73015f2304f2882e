//! The signatures of Standard Webhooks, as a receiver checks them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doubles::Received;
use ring::hmac;

/// Whether a key made one of the signatures of `webhook-signature`. The key is taken as it is.
pub(crate) fn is_signed_by(key: &str, received: &Received) -> bool {
    let header = |name: &str| received.headers[name].to_str().unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&received.body);
    header("webhook-signature").split(' ').any(|one| {
        let signature = one.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
        signature.is_some_and(|signature| hmac::verify(&key, &signed, &signature).is_ok())
    })
}
