//! The callback's signatures: the dialect's, and that of Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use ring::hmac;

/// Header that names the notification, the same on every attempt.
pub const WEBHOOK_ID_HEADER: &str = "elements-webhook-id";
/// Header that carries [`sign`]'s value when the instance has a signature key.
pub const WEBHOOK_SIGNATURE_HEADER: &str = "elements-webhook-signature";
/// Header that marks a test: nothing happened in any mailbox.
pub const WEBHOOK_TEST_HEADER: &str = "elements-webhook-test";

/// Standard Webhooks: the notification's name, the same on every attempt.
pub const STANDARD_ID_HEADER: &str = "webhook-id";
/// Standard Webhooks: when this attempt was made, Unix seconds.
pub const STANDARD_TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Standard Webhooks: [`sign_standard`]'s value.
pub const STANDARD_SIGNATURE_HEADER: &str = "webhook-signature";
/// How a key begins that is base64 for Standard Webhooks.
const STANDARD_KEY_PREFIX: &str = "whsec_";
/// What such a key may have, bytes: the specification of Standard Webhooks says so, and its libraries refuse others.
const STANDARD_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How long the former key signs too after a new one was set: receivers have a day to take the new one.
pub const ROTATION_H: i64 = 24;

/// `sha256=` and the padded standard base64 of HMAC-SHA256 over the exact body bytes, keyed with the UTF-8
/// bytes of the configured key.
pub fn sign(key: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    format!("sha256={}", STANDARD.encode(hmac::sign(&key, body)))
}

/// Standard Webhooks: a signature by each key over id, time and body, separated by spaces.
pub fn sign_standard(keys: &[&str], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let one = |key: &&str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes(key).unwrap_or_else(|| key.as_bytes().to_vec()));
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{timestamp_s}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    keys.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Whether a new key can be used for both signatures. One that was stored before this rule still signs.
pub(crate) fn is_usable(key: &str) -> bool {
    let is_standard = key.starts_with(STANDARD_KEY_PREFIX);
    bytes(key).is_some_and(|bytes| !is_standard || STANDARD_KEY_BYTES.contains(&bytes.len()))
}

/// The key's bytes for Standard Webhooks.
fn bytes(key: &str) -> Option<Vec<u8>> {
    match key.strip_prefix(STANDARD_KEY_PREFIX) {
        Some(encoded) => {
            // With its padding or without.
            let encoded = encoded.trim_end_matches('=');
            STANDARD_NO_PAD.decode(encoded).ok().filter(|bytes| !bytes.is_empty())
        }
        None => Some(key.as_bytes().to_vec()),
    }
}

/// Until when the former key signs too, if the key is changed now.
pub fn rotation_until(now: DateTime<Utc>) -> String {
    (now + Duration::hours(ROTATION_H)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_vector_holds() {
        assert_eq!(
            sign("MySecretEventSignatureKey", b"<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>"),
            "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ="
        );
    }

    /// The published example of Standard Webhooks.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_of_standard_webhooks_holds() {
        assert_eq!(sign_standard(&[KEY], ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn during_a_rotation_both_keys_sign_the_new_one_first() {
        let other = sign_standard(&["plain words"], ID, 1_614_265_330, BODY);
        assert_ne!(other, SIGNATURE);
        let both = sign_standard(&["plain words", KEY], ID, 1_614_265_330, BODY);
        assert_eq!(both, format!("{other} {SIGNATURE}"));
    }

    #[test]
    fn only_base64_of_24_to_64_bytes_may_follow_the_prefix() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![b'k'; bytes]));
        assert!(is_usable("anything at all") && is_usable(KEY));
        assert!(is_usable(&of(64)) && is_usable(of(64).trim_end_matches('=')));
        for key in ["whsec_", "whsec_not base64", &of(3), &of(23), &of(65)] {
            assert!(!is_usable(key), "{key}");
        }
        // Stored before there was a rule, it signs what it signed then.
        let short = sign_standard(&[&of(3)], ID, 1_614_265_330, BODY);
        assert_eq!(short, sign_standard(&["kkk"], ID, 1_614_265_330, BODY));
    }

    #[test]
    fn a_former_key_signs_for_a_day() {
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        assert_eq!(rotation_until(now), "2021-02-26T15:02:10Z");
    }
}
