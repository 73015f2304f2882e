//! Which objects a receiver may know: those that were there at the lane's baseline, and those that were reported since. Only
//! of these is a deletion told: what came and went between two polls is nothing, and so is a draft that was not reported.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;

/// Objects remembered at the most. Of what is beyond them no deletion is told.
const KNOWN_COUNT_MAX: usize = 100_000;
/// Bits of a stored number's byte.
const BITS: u32 = 7;

/// Digests of ids. One of 100,000 objects shares its own with another with a probability of one in forty thousand.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct KnownIds(BTreeSet<u32>);

fn digest(id: &str) -> u32 {
    (digest64(&[id.as_bytes()]) >> 32) as u32
}

impl KnownIds {
    /// Whether it is new, and there is room.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        self.0.len() < KNOWN_COUNT_MAX && self.0.insert(digest(id))
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.0.remove(&digest(id));
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.contains(&digest(id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for KnownIds {
    /// Base64url of the differences of the sorted digests, seven bits a byte: three bytes each in a large mailbox.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * 3);
        let mut last = 0;
        for number in &self.0 {
            let mut rest = number - last;
            while rest >> BITS != 0 {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= BITS;
            }
            bytes.push(rest as u8);
            last = *number;
        }
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for KnownIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        let (mut known, mut last, mut rest, mut shift) = (BTreeSet::new(), 0_u32, 0_u32, 0);
        for byte in bytes {
            rest |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += BITS;
            if byte & 0x80 == 0 {
                last = last.wrapping_add(rest);
                known.insert(last);
                (rest, shift) = (0, 0);
            }
        }
        Ok(KnownIds(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_until_they_are_removed_and_take_few_bytes() {
        let mut known = KnownIds::default();
        assert!((0..10_000).all(|number| known.insert(&number.to_string())));
        assert!(!known.insert("7"), "it is there");
        known.remove("8");
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.len() < 10_000 * 4 + 100, "{} bytes", text.len());
        let back: KnownIds = serde_json::from_str(&text).unwrap();
        assert_eq!(back, known);
        assert_eq!((back.contains("7"), back.contains("8"), back.contains("x")), (true, false, false));
        assert_eq!(serde_json::from_str::<KnownIds>("\"\"").unwrap(), KnownIds::default());
    }

    #[test]
    fn whatever_is_stored_is_read_without_a_panic() {
        for text in ["\"_____________w\"", "\"gICAgICAgICAgA\"", "\"_w\""] {
            let _ = serde_json::from_str::<KnownIds>(text);
        }
    }
}
