//! Sealing of secrets at rest, and the keyed hashes that secrets are found by.

use crate::ports::LookupHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::InstanceId;
use domain::instance::RecordKey;
use ring::{aead, hkdf, hmac, rand};

/// A 256-bit key and the id that ciphertexts name it by.
#[derive(Clone)]
pub struct DataKey {
    /// Short text without `.`.
    pub id: String,
    /// The key itself.
    pub bytes: [u8; 32],
}

/// Why something can't be opened or sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is not one of ours.
    #[error("not a sealed value")]
    Format,
    /// It was sealed under a key that is not here.
    #[error("sealed under the unknown key `{0}`")]
    UnknownKey(String),
    /// It was changed, moved to another place, or sealed under another key of the same id.
    #[error("a sealed value does not open")]
    Damaged,
    /// The system gives no randomness.
    #[error("no randomness for sealing")]
    NoRandomness,
}

/// Seals with AES-256-GCM under a key derived for each instance; instance, field and key id are bound to the
/// ciphertext, so that no value can be moved to another place.
pub struct Sealer {
    lookup: hmac::Key,
    /// The first seals; all open.
    keys: Vec<DataKey>,
    random: rand::SystemRandom,
}

impl Sealer {
    /// `lookup` keys the hashes and never changes; the first of `keys` seals, later ones only open.
    pub fn new(lookup: &[u8; 32], keys: Vec<DataKey>) -> Self {
        Sealer { lookup: hmac::Key::new(hmac::HMAC_SHA256, lookup), keys, random: rand::SystemRandom::new() }
    }

    /// What a secret of this kind is found by, without being stored.
    pub fn lookup_hash(&self, kind: Lookup, secret: &str) -> LookupHash {
        let mut context = hmac::Context::with_key(&self.lookup);
        context.update(kind.label().as_bytes());
        context.update(secret.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// Whether this is the hash of a text, in a time that tells nothing of how much of it is right.
    pub fn is_lookup_hash(&self, kind: Lookup, text: &str, hash: &[u8]) -> bool {
        let message = [kind.label().as_bytes(), text.as_bytes()].concat();
        hmac::verify(&self.lookup, &message, hash).is_ok()
    }

    /// Seals as `1.<key id>.<base64url of nonce and ciphertext>`.
    ///
    /// # Errors
    /// [`SealError::Format`] without a key, [`SealError::NoRandomness`] if the system gives none.
    pub fn seal(&self, instance: InstanceId, field: &str, plain: &[u8]) -> Result<String, SealError> {
        self.seal_at(KeyScope::Instance(instance), field, plain)
    }

    /// Seals what belongs to no instance, under a key derived for this purpose alone.
    ///
    /// # Errors
    /// [`SealError::Format`] without a key, [`SealError::NoRandomness`] if the system gives none.
    pub fn seal_for(&self, purpose: &str, field: &str, plain: &[u8]) -> Result<String, SealError> {
        self.seal_at(KeyScope::Purpose(purpose), field, plain)
    }

    /// A new key for the values of an instance in the audit record.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`] if the system gives none.
    pub fn record_key(&self) -> Result<RecordKey, SealError> {
        let mut bytes = [0; 32];
        rand::SecureRandom::fill(&self.random, &mut bytes).map_err(|_| SealError::NoRandomness)?;
        Ok(RecordKey(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Seals under an instance's own key: nothing that is here opens it once that one is gone.
    ///
    /// # Errors
    /// [`SealError::Format`] if it is no such key, [`SealError::NoRandomness`] if the system gives none.
    pub fn seal_in_record(&self, key: &RecordKey, field: &str, plain: &[u8]) -> Result<String, SealError> {
        self.seal_by(&data_key(key)?, RECORD, field, plain)
    }

    /// Opens what [`Sealer::seal_in_record`] made with the same key and field.
    ///
    /// # Errors
    /// [`SealError`]: it is no sealed text, or it was changed, or sealed under another key or for another field.
    pub fn open_in_record(&self, key: &RecordKey, field: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        open_by(&[data_key(key)?], RECORD, field, sealed)
    }

    fn seal_at(&self, place: KeyScope<'_>, field: &str, plain: &[u8]) -> Result<String, SealError> {
        self.seal_by(self.keys.first().ok_or(SealError::Format)?, place, field, plain)
    }

    fn seal_by(
        &self,
        key: &DataKey,
        place: KeyScope<'_>,
        field: &str,
        plain: &[u8],
    ) -> Result<String, SealError> {
        let mut nonce = [0; aead::NONCE_LEN];
        rand::SecureRandom::fill(&self.random, &mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut sealed = plain.to_vec();
        derived(key, place)?
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                associated(place, field, &key.id),
                &mut sealed,
            )
            .map_err(|_| SealError::Damaged)?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Ok(format!("1.{}.{}", key.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what [`Sealer::seal`] made for the same instance and field.
    ///
    /// # Errors
    /// [`SealError`]: it is no sealed text, its key is not here, or it was changed or sealed for another place.
    pub fn open(&self, instance: InstanceId, field: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        self.open_at(KeyScope::Instance(instance), field, sealed)
    }

    /// Opens what [`Sealer::seal_for`] made for the same purpose and field.
    ///
    /// # Errors
    /// [`SealError`]: it is no sealed text, its key is not here, or it was changed or sealed for another place.
    pub fn open_for(&self, purpose: &str, field: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        self.open_at(KeyScope::Purpose(purpose), field, sealed)
    }

    fn open_at(&self, place: KeyScope<'_>, field: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        open_by(&self.keys, place, field, sealed)
    }

    /// [`Sealer::open`] for texts.
    ///
    /// # Errors
    /// Those of [`Sealer::open`]; [`SealError::Damaged`] also if it is no text.
    pub fn open_text(&self, instance: InstanceId, field: &str, sealed: &str) -> Result<String, SealError> {
        String::from_utf8(self.open(instance, field, sealed)?).map_err(|_| SealError::Damaged)
    }
}

/// Kinds of secrets that are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    AdminKey,
    User,
    Organization,
    InstanceToken,
    Session,
    SignInLink,
    SignInOnce,
    OwnersLink,
    MailboxAddress,
    PushMailbox,
    PushApplication,
    PushTarget,
    PushSecret,
}

impl Lookup {
    fn label(self) -> &'static str {
        match self {
            Lookup::AdminKey => "admin key:",
            Lookup::User => "user:",
            Lookup::Organization => "organization:",
            Lookup::InstanceToken => "token:",
            Lookup::Session => "session:",
            Lookup::SignInLink => "sign-in link:",
            Lookup::SignInOnce => "sign-in once:",
            Lookup::OwnersLink => "owner's link:",
            Lookup::MailboxAddress => "mailbox address:",
            Lookup::PushMailbox => "push mailbox:",
            Lookup::PushApplication => "push application:",
            Lookup::PushTarget => "push target:",
            Lookup::PushSecret => "push secret:",
        }
    }
}

/// What a key is derived for, and a ciphertext bound to.
#[derive(Clone, Copy)]
enum KeyScope<'a> {
    Instance(InstanceId),
    Purpose(&'a str),
}

const RECORD: KeyScope<'_> = KeyScope::Purpose("audit record");

/// It is named in what it seals, as any key: each instance has but one.
fn data_key(key: &RecordKey) -> Result<DataKey, SealError> {
    let bytes = URL_SAFE_NO_PAD.decode(&key.0).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(DataKey { id: "record".to_owned(), bytes: bytes.ok_or(SealError::Format)? })
}

fn open_by(keys: &[DataKey], place: KeyScope<'_>, field: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
    let (id, text) =
        sealed.strip_prefix("1.").and_then(|rest| rest.split_once('.')).ok_or(SealError::Format)?;
    let key = keys.iter().find(|key| key.id == id);
    let key = key.ok_or_else(|| SealError::UnknownKey(id.chars().take(40).collect()))?;
    let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Format)?;
    if bytes.len() < aead::NONCE_LEN {
        return Err(SealError::Format);
    }
    let mut cipher = bytes.split_off(aead::NONCE_LEN);
    let nonce = aead::Nonce::try_assume_unique_for_key(&bytes).map_err(|_| SealError::Format)?;
    let plain = derived(key, place)?
        .open_in_place(nonce, associated(place, field, id), &mut cipher)
        .map_err(|_| SealError::Damaged)?;
    Ok(plain.to_vec())
}

fn derived(key: &DataKey, place: KeyScope<'_>) -> Result<aead::LessSafeKey, SealError> {
    let info = match place {
        KeyScope::Instance(instance) => format!("carillon instance {instance}"),
        KeyScope::Purpose(purpose) => format!("carillon purpose {purpose}"),
    };
    let mut bytes = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"carillon sealing 1")
        .extract(&key.bytes)
        .expand(&[info.as_bytes()], &aead::AES_256_GCM)
        .and_then(|okm| okm.fill(&mut bytes))
        .map_err(|_| SealError::Damaged)?;
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &bytes).map_err(|_| SealError::Damaged)?;
    Ok(aead::LessSafeKey::new(key))
}

fn associated(place: KeyScope<'_>, field: &str, key_id: &str) -> aead::Aad<Vec<u8>> {
    let place = match place {
        KeyScope::Instance(instance) => instance.to_string(),
        KeyScope::Purpose(purpose) => purpose.to_owned(),
    };
    aead::Aad::from(format!("{place}|{key_id}|{field}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> DataKey {
        DataKey { id: id.to_owned(), bytes: [byte; 32] }
    }

    fn id(n: u8) -> InstanceId {
        InstanceId::from_bytes([0, 0, 0, n])
    }

    #[test]
    fn what_the_record_has_opens_under_its_own_key_alone() {
        let sealer = Sealer::new(&[1; 32], vec![key("a", 7)]);
        let (own, other) = (sealer.record_key().unwrap(), sealer.record_key().unwrap());
        let sealed = sealer.seal_in_record(&own, "entry", b"value").unwrap();
        let later = Sealer::new(&[2; 32], vec![key("b", 8)]);
        assert_eq!(later.open_in_record(&own, "entry", &sealed).unwrap(), b"value", "no data key is needed");
        assert!(matches!(sealer.open_in_record(&other, "entry", &sealed), Err(SealError::Damaged)));
        assert!(matches!(sealer.open_in_record(&own, "another", &sealed), Err(SealError::Damaged)));
        assert!(matches!(sealer.open_for("audit record", "entry", &sealed), Err(SealError::UnknownKey(_))));
        let none = RecordKey("short".to_owned());
        assert!(matches!(sealer.seal_in_record(&none, "entry", b""), Err(SealError::Format)));
        assert_eq!(format!("{own:?}"), "RecordKey");
    }

    #[test]
    fn opens_only_in_its_own_place() {
        let sealer = Sealer::new(&[1; 32], vec![key("a", 7)]);
        let sealed = sealer.seal(id(1), "token", b"secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(sealer.open_text(id(1), "token", &sealed).unwrap(), "secret");
        assert!(matches!(sealer.open(id(2), "token", &sealed), Err(SealError::Damaged)));
        assert!(matches!(sealer.open(id(1), "other", &sealed), Err(SealError::Damaged)));
        assert_ne!(sealed, sealer.seal(id(1), "token", b"secret").unwrap());
    }

    #[test]
    fn a_purpose_has_a_key_of_its_own() {
        let sealer = Sealer::new(&[1; 32], vec![key("a", 7)]);
        let sealed = sealer.seal_for("console", "session", b"secret").unwrap();
        assert_eq!(sealer.open_for("console", "session", &sealed).unwrap(), b"secret");
        assert!(matches!(sealer.open_for("console", "flash", &sealed), Err(SealError::Damaged)));
        assert!(matches!(sealer.open_for("other", "session", &sealed), Err(SealError::Damaged)));
        assert!(matches!(sealer.open(id(1), "session", &sealed), Err(SealError::Damaged)));
        // Also where the purpose is spelled as an instance is.
        let sealed = sealer.seal(id(1), "session", b"secret").unwrap();
        assert!(matches!(sealer.open_for(&id(1).to_string(), "session", &sealed), Err(SealError::Damaged)));
    }

    #[test]
    fn keys_rotate_by_their_id() {
        let old = Sealer::new(&[1; 32], vec![key("a", 7)]);
        let sealed = old.seal(id(1), "token", b"secret").unwrap();
        let new = Sealer::new(&[1; 32], vec![key("b", 8), key("a", 7)]);
        assert_eq!(new.open_text(id(1), "token", &sealed).unwrap(), "secret");
        assert!(new.seal(id(1), "token", b"x").unwrap().starts_with("1.b."));
        let other = Sealer::new(&[1; 32], vec![key("b", 8)]);
        assert!(matches!(other.open(id(1), "token", &sealed), Err(SealError::UnknownKey(_))));
        assert!(matches!(other.open(id(1), "token", "plain"), Err(SealError::Format)));
    }
}
