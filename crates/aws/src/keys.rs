//! The data key: what seals access tokens, and secrets in the mode `sealed`.
//!
//! Its secret is a document: `{"id":"1","key":"…"}` as the stack makes it, and after a rotation
//! `{"id":"2","key":"…","from":1795000000,"lookup":"…","older":[{"id":"1","key":"…"}]}`. A key's 256 bits are a
//! hash of its text. The text that look-up hashes are keyed by is the first key's for ever, since what is stored
//! under them can't be hashed again.
//!
//! A rotation must not leave a process that reads what another one sealed under a key that it does not know. So
//! a new key opens from the moment that it is stored, and seals only from `from` on, two hours later; and a
//! process reads the document again when an event finds it older than an hour ([`READ_AGAIN_AFTER_MIN`]). Thus
//! every process that works knows the key before any process uses it. Nothing has to be restarted, and a
//! rotation is one command. Older keys are kept: they open what was sealed under them until it is sealed anew.

use crate::fault::fault;
use app::ports::{Entropy, PortError, Result};
use app::sealing::{DataKey, Sealer};
use aws_sdk_secretsmanager::Client;
use chrono::{DateTime, Utc};
use domain::ids::hash_of;
use serde::{Deserialize, Serialize};

/// A process reads the document again when it is older than this, minutes.
pub(crate) const READ_AGAIN_AFTER_MIN: i64 = 60;
/// A new key seals so long after it was stored, seconds: twice the time after which processes read again.
const SEALS_AFTER_S: i64 = 2 * READ_AGAIN_AFTER_MIN * 60;
/// Maximum older keys that a document holds: a rotation a month for four years, and well below the 64 kB of a secret,
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>.
const OLDER_COUNT_MAX: usize = 50;
/// Characters of a key's text at the least: the stack makes 43 or more.
const TEXT_LENGTH_MIN: usize = 32;

/// The document. `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeys {
    id: String,
    key: String,
    /// Since when the newest key seals, epoch seconds; always, if it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lookup: Option<String>,
    /// The newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    older: Vec<OlderKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OlderKey {
    id: String,
    key: String,
}

impl std::fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKeys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a rotation led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the new key.
    pub id: String,
    /// When it begins to seal.
    pub seals_from: DateTime<Utc>,
}

impl DataKeys {
    /// Reads the document.
    pub async fn read(client: &Client, secret: &str) -> Result<Self> {
        const CONTEXT: &str = "read the data key";
        let found = client.get_secret_value().secret_id(secret).send().await.map_err(fault(CONTEXT))?;
        Self::parse(found.secret_string().unwrap_or_default())
            .ok_or_else(|| PortError::new(CONTEXT, "the secret is not a data key"))
    }

    fn parse(text: &str) -> Option<Self> {
        let keys: DataKeys = serde_json::from_str(text).ok()?;
        let mut all = keys.older.iter().map(|older| (&older.id, &older.key));
        let are_usable = is_usable(&keys.id, &keys.key) && all.all(|(id, key)| is_usable(id, key));
        let is_lookup = keys.lookup.as_ref().is_none_or(|text| text.len() >= TEXT_LENGTH_MIN);
        (are_usable && is_lookup).then_some(keys)
    }

    /// Seals and opens as is right at this time.
    pub fn sealer(&self, now: DateTime<Utc>) -> Sealer {
        let data = |id: &str, key: &str| DataKey { id: id.to_owned(), bytes: bytes("data", key) };
        let mut keys: Vec<DataKey> = self.older.iter().map(|older| data(&older.id, &older.key)).collect();
        let place = usize::from(!self.newest_seals(now) && !keys.is_empty());
        keys.insert(place, data(&self.id, &self.key));
        let lookup = self.lookup.as_deref().unwrap_or(&self.key);
        Sealer::new(&bytes("lookup", lookup), keys)
    }

    /// Whether the newest key seals at this time already.
    pub fn newest_seals(&self, now: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= now.timestamp())
    }

    /// With a new key in front; `None` while the last rotation is under way, or if there are too many keys.
    fn rotated(&self, key: String, now: DateTime<Utc>) -> Option<Self> {
        if !self.newest_seals(now) || self.older.len() >= OLDER_COUNT_MAX {
            return None;
        }
        let mut older = vec![OlderKey { id: self.id.clone(), key: self.key.clone() }];
        older.extend(self.older.iter().cloned());
        let taken = older.iter().filter_map(|older| older.id.parse::<u32>().ok()).max().unwrap_or(0);
        Some(DataKeys {
            id: (taken + 1).to_string(),
            key,
            from: Some(now.timestamp() + SEALS_AFTER_S),
            lookup: Some(self.lookup.clone().unwrap_or_else(|| self.key.clone())),
            older,
        })
    }
}

/// Adds a new data key. Where two operators do it at once, one key is lost before anything was sealed under it.
pub async fn rotate(
    client: &Client,
    secret: &str,
    entropy: &dyn Entropy,
    now: DateTime<Utc>,
) -> Result<Rotation> {
    const CONTEXT: &str = "rotate the data key";
    let mut random = [0; 32];
    entropy.fill(&mut random);
    let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let keys = DataKeys::read(client, secret).await?;
    let rotated = keys.rotated(key, now).ok_or_else(|| {
        PortError::new(CONTEXT, "the last rotation is not two hours old, or there are too many keys")
    })?;
    let text = serde_json::to_string(&rotated).map_err(|error| PortError::new(CONTEXT, error))?;
    let request = client.put_secret_value().secret_id(secret).secret_string(text);
    request.send().await.map_err(fault(CONTEXT))?;
    let seals_from = rotated.from.and_then(|from| DateTime::from_timestamp(from, 0)).unwrap_or(now);
    Ok(Rotation { id: rotated.id, seals_from })
}

/// Sealed values end a key's id with a dot.
fn is_usable(id: &str, key: &str) -> bool {
    let is_id = (1..=20).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric());
    is_id && key.len() >= TEXT_LENGTH_MIN
}

fn bytes(purpose: &str, text: &str) -> [u8; 32] {
    hash_of(&[b"carillon key", purpose.as_bytes(), text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::sealing::Lookup;
    use domain::ids::InstanceId;

    const MADE: &str = r#"{"id":"1","key":"0123456789abcdefghijklmnopqrstuvwxyz0123456"}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn id() -> InstanceId {
        InstanceId::parse("17").unwrap()
    }

    fn rotated() -> DataKeys {
        DataKeys::parse(MADE).unwrap().rotated("b".repeat(64), at(0)).unwrap()
    }

    #[test]
    fn a_new_key_opens_at_once_and_seals_later() {
        let first = DataKeys::parse(MADE).unwrap();
        let rotated = rotated();
        let before = rotated.sealer(at(SEALS_AFTER_S - 1));
        let after = rotated.sealer(at(SEALS_AFTER_S));
        assert!(before.seal(id(), "f", b"x").unwrap().starts_with("1.1."));
        let sealed = after.seal(id(), "f", b"x").unwrap();
        assert!(sealed.starts_with("1.2."));
        assert_eq!(before.open(id(), "f", &sealed).unwrap(), b"x");
        let old = first.sealer(at(0)).seal(id(), "f", b"x").unwrap();
        assert_eq!(after.open(id(), "f", &old).unwrap(), b"x");
    }

    #[test]
    fn hashes_stay_over_rotations() {
        let first = DataKeys::parse(MADE).unwrap();
        let later = SEALS_AFTER_S + 10;
        let third = rotated().rotated("c".repeat(64), at(later)).unwrap();
        assert_eq!(third.id, "3");
        let hash = |keys: &DataKeys| keys.sealer(at(2 * later)).lookup_hash(Lookup::User, "secret");
        assert_eq!(hash(&first), hash(&third));
        let old = first.sealer(at(0)).seal(id(), "f", b"x").unwrap();
        assert_eq!(third.sealer(at(2 * later)).open(id(), "f", &old).unwrap(), b"x");
    }

    #[test]
    fn a_rotation_waits_for_the_last_one() {
        assert!(rotated().rotated("c".repeat(64), at(SEALS_AFTER_S - 1)).is_none());
        assert!(rotated().rotated("c".repeat(64), at(SEALS_AFTER_S)).is_some());
    }

    #[test]
    fn a_document_is_read_back_and_shows_no_key() {
        let rotated = rotated();
        let text = serde_json::to_string(&rotated).unwrap();
        assert!(text.starts_with(r#"{"id":"2","key":"bbbb"#));
        assert_eq!(DataKeys::parse(&text), Some(rotated.clone()));
        assert_eq!(format!("{rotated:?}"), r#"DataKeys { id: "2", .. }"#);
    }

    #[test]
    fn what_is_no_data_key_is_refused() {
        for text in ["", "plain", r#"{"id":"1"}"#, r#"{"id":"1","key":"short"}"#] {
            assert_eq!(DataKeys::parse(text), None, "{text}");
        }
        let dotted = MADE.replace(r#""1""#, r#""1.2""#);
        assert_eq!(DataKeys::parse(&dotted), None);
    }
}
