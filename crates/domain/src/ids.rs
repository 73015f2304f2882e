//! Identifiers: what they are made of, and how they look on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::{Deserialize, Serialize};

/// An instance (one connected mailbox): a positive 31-bit integer, because clients keep it in an `int`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceId(u32);

impl InstanceId {
    /// The greatest there is.
    pub const MAX: InstanceId = InstanceId(0x7fff_ffff);

    /// The id that these bytes stand for, random or stored: without the sign, and zero, which is no id, becomes one.
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        InstanceId((u32::from_be_bytes(bytes) & 0x7fff_ffff).max(1))
    }

    /// Reads a decimal id from a path: digits alone; `None` if it is not a positive 31-bit integer.
    pub fn parse(text: &str) -> Option<Self> {
        let value: u32 = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
        (1..=0x7fff_ffff).contains(&value).then_some(InstanceId(value))
    }

    /// The id as a number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The id before it: behind that it is the first one.
    pub fn before(self) -> Option<Self> {
        (self.0 > 1).then(|| InstanceId(self.0 - 1))
    }

    /// The subscription (the instance's callback) has an id of its own on the wire. One instance has one
    /// subscription, so the id is derived: 31 bits that differ from the instance's own.
    pub fn subscription_id(self) -> u32 {
        let hash = hash_of(&[b"subscription", &self.0.to_be_bytes()]);
        (u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & 0x7fff_ffff).max(1)
    }
}

impl std::fmt::Display for InstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of one event, the same however often the change is seen: 16 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId([u8; 16]);

impl EventId {
    /// A creation happens once to an object, so its id needs no version.
    pub fn of_creation(instance: InstanceId, resource: &str, object: &str) -> Self {
        Self::of(&[&instance.0.to_be_bytes(), resource.as_bytes(), object.as_bytes(), b"CREATED"])
    }

    /// Any other change is identified by the version the provider gave it (change key, history record).
    pub fn of_version(instance: InstanceId, resource: &str, object: &str, kind: &str, version: &str) -> Self {
        let instance = instance.0.to_be_bytes();
        Self::of(&[&instance, resource.as_bytes(), object.as_bytes(), kind.as_bytes(), version.as_bytes()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let hash = hash_of(parts);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        EventId(id)
    }

    /// The bytes, for stores.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Back from a store.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        EventId(bytes)
    }

    /// 22 characters of unpadded base64url, as in `events[].id`.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The place of a notification in its instance's commit order: microseconds of the commit, made strictly
/// increasing. Unique within an instance, below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// Bits of eight bytes that are not in a number: a JSON number holds 53.
const UNUSED_BITS: u32 = 11;

/// What names a notification: its id on the wire (53 bits, so that a JSON number holds it) and the 20
/// base64url characters of `message.eventId`. Both follow from the events in it, so that building the same
/// notification again gives the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationName {
    /// `id` of the callback body and of delivery records.
    pub id: u64,
    /// `message.eventId`, and the value of `Elements-Webhook-Id`.
    pub event_id: String,
}

impl NotificationName {
    /// The name of the notification that holds just these events.
    pub fn of(instance: InstanceId, events: &[EventId]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"notification");
        context.update(&instance.0.to_be_bytes());
        for event in events {
            context.update(&event.0);
        }
        let hash = context.finish();
        let bytes = hash.as_ref();
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[..8]);
        let id = (u64::from_be_bytes(number) >> UNUSED_BITS).max(1);
        // 15 bytes are 20 characters.
        NotificationName { id, event_id: URL_SAFE_NO_PAD.encode(&bytes[..15]) }
    }

    /// What the event ids of a number begin with, so that an index by event id finds numbers too: 48 of its bits, the
    /// first eight characters. Names that were made before the number came from the same bytes begin otherwise.
    pub fn beginning(id: u64) -> String {
        let bytes = (id << UNUSED_BITS).to_be_bytes();
        URL_SAFE_NO_PAD.encode(&bytes[..6])
    }
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts meet.
pub fn hash_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The first eight bytes of [`hash_of`]: the digests that cursors remember.
pub fn digest64(parts: &[&[u8]]) -> u64 {
    let hash = hash_of(parts);
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_ids_fit_an_int() {
        assert_eq!(InstanceId::from_bytes([0xff; 4]).get(), 0x7fff_ffff);
        assert_eq!(InstanceId::from_bytes([0; 4]).get(), 1);
        assert_eq!(InstanceId::parse("2147483648"), None);
        assert_eq!(InstanceId::parse("0"), None);
        assert_eq!(InstanceId::parse("-1"), None);
        assert_eq!(InstanceId::parse("+17"), None);
        assert_eq!(InstanceId::parse(""), None);
        assert_eq!(InstanceId::parse("17").map(InstanceId::get), Some(17));
    }

    #[test]
    fn the_same_change_has_the_same_id_and_another_has_not() {
        let a = InstanceId(7);
        let id = EventId::of_version(a, "messages", "m1", "UPDATED", "v1");
        assert_eq!(id, EventId::of_version(a, "messages", "m1", "UPDATED", "v1"));
        for other in [
            EventId::of_version(InstanceId(8), "messages", "m1", "UPDATED", "v1"),
            EventId::of_version(a, "messages", "m1", "UPDATED", "v2"),
            EventId::of_version(a, "messages", "m1", "DELETED", "v1"),
            EventId::of_version(a, "message", "sm1", "UPDATED", "v1"),
            EventId::of_creation(a, "messages", "m1"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn notification_names_fit_the_wire() {
        let events = [EventId::of_creation(InstanceId(7), "messages", "m1")];
        let name = NotificationName::of(InstanceId(7), &events);
        assert_eq!(name.event_id.len(), 20);
        assert!(name.id < 1 << 53);
        assert_eq!(name, NotificationName::of(InstanceId(7), &events));
        for instance in 1..100 {
            let name = NotificationName::of(InstanceId(instance), &events);
            assert!(name.event_id.starts_with(&NotificationName::beginning(name.id)), "{name:?}");
        }
    }
}
