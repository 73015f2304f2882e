//! A snapshot as text: sorted ids, each without what it shares with the one before, and the digests of their states;
//! deflated, in base64url.

use crate::error::Error;
use crate::numbers;
use domain::packed_text;
use std::collections::BTreeMap;

/// Longest id, bytes: the ids that providers make are far shorter, and the memory of a poll depends on it.
pub(crate) const ID_BYTES_MAX: usize = 512;
/// Objects in a snapshot: those that are there and, for a while, as many that are gone.
pub(crate) const PACKED_OBJECTS_MAX: usize = 2 * crate::snapshot::OBJECTS_MAX;
/// What a snapshot unpacks to at the most: an id, two numbers and a digest for each object.
const UNPACKED_BYTES_MAX: u64 = (PACKED_OBJECTS_MAX * (ID_BYTES_MAX + 16)) as u64;
const DIGEST_BYTES: usize = 8;

/// All objects by their ids.
pub(crate) type Objects = BTreeMap<String, PackedObject>;

/// What is kept of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedObject {
    /// Digest of its state.
    pub(crate) digest: u64,
    pub(crate) mark: Presence,
    /// The listing under way has shown it. Not packed.
    pub(crate) seen: bool,
}

/// What the last complete listings said of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    /// It was missing in one listing of several pages: another one decides.
    Missing,
    /// It is gone, and that is still to be reported.
    Gone,
}

impl Presence {
    fn number(self) -> usize {
        match self {
            Presence::Present => 0,
            Presence::Missing => 1,
            Presence::Gone => 2,
        }
    }

    fn of(number: usize) -> Option<Self> {
        [Presence::Present, Presence::Missing, Presence::Gone]
            .into_iter()
            .find(|mark| mark.number() == number)
    }
}

pub(crate) fn pack(objects: &Objects) -> Result<String, Error> {
    // Digests do not deflate: behind the ids they do not get in the way of what does.
    let (mut bytes, mut digests) = (Vec::new(), Vec::new());
    numbers::put(&mut bytes, objects.len() as u128);
    let mut former = "";
    for (id, held) in objects {
        let shared = id.bytes().zip(former.bytes()).take_while(|(one, other)| one == other).count();
        let rest = &id.as_bytes()[shared..];
        numbers::put(&mut bytes, shared as u128);
        numbers::put(&mut bytes, (rest.len() * 4 + held.mark.number()) as u128);
        bytes.extend_from_slice(rest);
        digests.extend_from_slice(&held.digest.to_be_bytes());
        former = id;
    }
    bytes.extend(digests);
    packed_text::pack(&bytes).map_err(broken)
}

pub(crate) fn unpack(text: &str) -> Result<Objects, Error> {
    let bytes = packed_text::unpack(text, UNPACKED_BYTES_MAX).map_err(broken)?;
    read(&bytes).ok_or_else(|| broken("it breaks off"))
}

fn read(bytes: &[u8]) -> Option<Objects> {
    let (count, mut rest) = numbers::first_count(bytes)?;
    let digests_at = bytes.len().checked_sub(count.checked_mul(DIGEST_BYTES)?)?;
    let digests = bytes.get(digests_at..)?.chunks_exact(DIGEST_BYTES);
    let mut former: Vec<u8> = Vec::new();
    let mut entries = Vec::with_capacity(count);
    for digest in digests {
        let (shared, after) = numbers::first_count(rest)?;
        let (length_and_mark, after) = numbers::first_count(after)?;
        let (own, after) = after.split_at_checked(length_and_mark / 4)?;
        former.get(shared..)?;
        former.truncate(shared);
        former.extend_from_slice(own);
        let digest = u64::from_be_bytes(digest.try_into().ok()?);
        let held = PackedObject { digest, mark: Presence::of(length_and_mark % 4)?, seen: false };
        entries.push((String::from_utf8(former.clone()).ok()?, held));
        rest = after;
    }
    // Sorted already, so that the map is built in one go.
    Some(entries.into_iter().collect())
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::malformed("stored snapshot", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(ids: &[(&str, u64, Presence)]) -> Objects {
        let held = |(id, digest, mark): &(&str, u64, Presence)| {
            ((*id).to_owned(), PackedObject { digest: *digest, mark: *mark, seen: false })
        };
        ids.iter().map(held).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for ids in [
            vec![],
            vec![("", 0, Presence::Gone)],
            vec![
                ("AAMk1", 1, Presence::Present),
                ("AAMk12", u64::MAX, Presence::Missing),
                ("B", 3, Presence::Gone),
            ],
            // Two letters that share their first byte.
            vec![("é", 1, Presence::Present), ("è", 2, Presence::Present), ("e", 3, Presence::Present)],
        ] {
            let objects = objects(&ids);
            assert_eq!(unpack(&pack(&objects).unwrap()).unwrap(), objects, "{ids:?}");
        }
    }

    #[test]
    fn what_is_broken_is_an_error_and_not_an_empty_snapshot() {
        let packed = pack(&objects(&[("a", 1, Presence::Present), ("b", 2, Presence::Present)])).unwrap();
        for broken in ["", "!", "AAAA", &packed[..packed.len() / 2]] {
            assert!(unpack(broken).is_err(), "{broken}");
        }
        for bytes in [&[][..], &[9], &[1, 0, 4], &[1, 3, 4, b'a', 0, 0, 0, 0, 0, 0, 0, 0], &[0x80; 9]] {
            assert!(read(bytes).is_none(), "{bytes:?}");
        }
    }
}
