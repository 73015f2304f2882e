//! Which objects a receiver may know: those that were there at the lane's baseline, and those that were reported since. Only
//! of these is a deletion told: what came and went between two polls is nothing, and so is a draft that was not reported.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;

/// Parts of the annex that they are in, by their highest bits: each a small one.
pub(super) const SHARDS_COUNT: usize = 8;
/// Objects remembered at the most, in each part. Of what is beyond them no deletion is told.
const SHARD_COUNT_MAX: usize = 100_000 / SHARDS_COUNT;
/// What is new and what left since a part was written, at the most: it is in the row, so that an arrival writes none.
const RECENT_COUNT_MAX: usize = 32;
/// The same while a walk goes on, which would write them all with every step.
const RECENT_COUNT_MAX_UNDER_WAY: usize = 1_024;
/// The same since all parts were written, at the most: it is in a part of its own, of less than two kilobytes, so that what the row
/// has too much of does not write them all.
const LATE_COUNT_MAX: usize = 256;
/// Bits of a stored number's byte.
const BITS: u32 = 7;

/// Digests of ids. One of 100,000 objects shares its own with another with a probability of one in forty thousand.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct KnownIds(BTreeSet<u32>);

fn digest(id: &str) -> u32 {
    (digest64(&[id.as_bytes()]) >> 32) as u32
}

fn shard(digest: u32) -> usize {
    (digest >> (u32::BITS - SHARDS_COUNT.ilog2())) as usize
}

impl KnownIds {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is in the row: the latest, beside the parts.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecentIds {
    #[serde(default, skip_serializing_if = "KnownIds::is_empty")]
    added: KnownIds,
    #[serde(default, skip_serializing_if = "KnownIds::is_empty")]
    removed: KnownIds,
    /// There are parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_parts: bool,
    /// So many are in the part for those that are neither here nor in the others.
    #[serde(default, skip_serializing_if = "is_none")]
    late_count: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl RecentIds {
    pub(super) fn is_default(&self) -> bool {
        *self == RecentIds::default()
    }

    fn insert(&mut self, digest: u32) {
        self.removed.0.remove(&digest);
        self.added.0.insert(digest);
    }

    fn remove(&mut self, digest: u32) {
        self.added.0.remove(&digest);
        self.removed.0.insert(digest);
    }
}

/// What came and left since the parts by digest were written.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct LateIds {
    #[serde(default, skip_serializing_if = "KnownIds::is_empty")]
    added: KnownIds,
    #[serde(default, skip_serializing_if = "KnownIds::is_empty")]
    removed: KnownIds,
}

impl LateIds {
    fn of(part: Option<&str>) -> Self {
        serde_json::from_str(part.unwrap_or_default()).unwrap_or_default()
    }

    fn take(&mut self, recent: &RecentIds) {
        for digest in &recent.removed.0 {
            self.added.0.remove(digest);
            self.removed.0.insert(*digest);
        }
        for digest in &recent.added.0 {
            self.removed.0.remove(digest);
            self.added.0.insert(*digest);
        }
    }

    fn len(&self) -> usize {
        self.added.0.len() + self.removed.0.len()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    recent: RecentIds,
    /// Those of the annex, once they were read.
    shards: Option<[KnownIds; SHARDS_COUNT]>,
    late: Option<LateIds>,
}

impl Known {
    pub(super) fn of(recent: RecentIds) -> Self {
        let shards = (!recent.has_parts).then(Default::default);
        let late = (recent.late_count == 0).then(Default::default);
        Known { recent, shards, late }
    }

    /// Nothing is told from them before they were read.
    pub(super) fn are_read(&self) -> bool {
        self.shards.is_some() && self.late.is_some()
    }

    /// Takes the part of the late ones in.
    pub(super) fn read_late(&mut self, part: Option<&str>) {
        self.late = Some(LateIds::of(part));
    }

    /// They have to be read, to be added to.
    pub(super) fn lacks_late(&self) -> bool {
        self.late.is_none()
    }

    /// Takes the parts in. One that is not there, or no part, holds nothing: what it knew is not told.
    pub(super) fn read(&mut self, parts: &[Option<String>]) {
        let mut shards: [KnownIds; SHARDS_COUNT] = Default::default();
        for (shard, part) in shards.iter_mut().zip(parts) {
            let text = part.as_deref().unwrap_or_default();
            *shard = serde_json::from_str(text).unwrap_or_default();
        }
        self.shards = Some(shards);
    }

    pub(crate) fn insert(&mut self, id: &str) {
        self.recent.insert(digest(id));
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.recent.remove(digest(id));
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        let digest = digest(id);
        let is_stored = || self.shards.as_ref()?.get(shard(digest)).map(|shard| shard.0.contains(&digest));
        let late =
            |of: fn(&LateIds) -> &KnownIds| self.late.as_ref().is_some_and(|all| of(all).0.contains(&digest));
        if self.recent.added.0.contains(&digest) || self.recent.removed.0.contains(&digest) {
            return self.recent.added.0.contains(&digest);
        }
        late(|all| &all.added) || (!late(|all| &all.removed) && is_stored().unwrap_or(false))
    }

    /// There is more in the row than belongs there.
    pub(super) fn is_to_be_merged(&self, is_under_way: bool) -> bool {
        let most = if is_under_way { RECENT_COUNT_MAX_UNDER_WAY } else { RECENT_COUNT_MAX };
        self.recent.added.0.len() + self.recent.removed.0.len() > most
    }

    /// What is in the row fits the part of the late ones.
    pub(super) fn fits_late(&self) -> bool {
        let more = self.recent.added.0.len() + self.recent.removed.0.len();
        self.recent.late_count + more <= LATE_COUNT_MAX
    }

    /// Moves what is in the row into the part of the late ones, which has to be read before.
    pub(super) fn merge_late(&mut self) -> Option<String> {
        let late = self.late.as_mut()?;
        late.take(&self.recent);
        let text = serde_json::to_string(late).ok()?;
        let has_parts = self.recent.has_parts;
        self.recent = RecentIds { has_parts, late_count: late.len(), ..RecentIds::default() };
        Some(text)
    }

    /// Moves what is in the row, and what is late, into the parts; those that changed, by number. They have to be read before.
    pub(super) fn merge(&mut self) -> Vec<(usize, String)> {
        let (Some(shards), Some(late)) = (&mut self.shards, &mut self.late) else { return Vec::new() };
        let mut changed = BTreeSet::new();
        late.take(&self.recent);
        let late = std::mem::take(late);
        let removed = late.removed.0.iter().map(|digest| (*digest, false));
        let added = late.added.0.iter().map(|digest| (*digest, true));
        for (digest, is_added) in removed.chain(added) {
            let number = shard(digest);
            let Some(KnownIds(shard)) = shards.get_mut(number) else { continue };
            let is_changed = match is_added {
                true => shard.len() < SHARD_COUNT_MAX && shard.insert(digest),
                false => shard.remove(&digest),
            };
            if is_changed {
                changed.insert(number);
            }
        }
        let has_parts = self.recent.has_parts || !changed.is_empty();
        self.recent = RecentIds { has_parts, ..RecentIds::default() };
        let text = |number: usize| Some((number, serde_json::to_string(shards.get(number)?).ok()?));
        changed.into_iter().filter_map(text).collect()
    }

    /// What the row keeps.
    pub(super) fn into_recent(self) -> RecentIds {
        self.recent
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
        let mut known = Known::of(RecentIds::default());
        (0..10_000).for_each(|number| known.insert(&number.to_string()));
        assert!(known.is_to_be_merged(false));
        let parts = known.merge();
        let bytes: usize = parts.iter().map(|(_, text)| text.len()).sum();
        assert!(parts.len() == SHARDS_COUNT && bytes < 10_000 * 4 + 100, "{bytes} bytes");
        known.remove("8");
        known.insert("new");
        let recent: RecentIds =
            serde_json::from_value(serde_json::to_value(known.into_recent()).unwrap()).unwrap();
        let mut back = Known::of(recent);
        assert_eq!((back.contains("new"), back.contains("7"), back.are_read()), (true, false, false));
        let parts: Vec<Option<String>> = parts.into_iter().map(|(_, text)| Some(text)).collect();
        back.read(&parts);
        let contains = ["7", "8", "new", "x"].map(|id| back.contains(id));
        assert_eq!(contains, [true, false, true, false]);
        assert!(!back.is_to_be_merged(false));
        assert_eq!(
            back.merge().len(),
            [shard(digest("8")), shard(digest("new"))].iter().collect::<BTreeSet<_>>().len()
        );
        assert_eq!(["7", "8", "new", "x"].map(|id| back.contains(id)), contains, "merging changes nothing");
        assert_eq!(serde_json::from_str::<KnownIds>("\"\"").unwrap(), KnownIds::default());
    }

    #[test]
    fn what_came_late_is_known_and_seldom_writes_all_parts() {
        let (mut shards, mut late) = (vec![None; SHARDS_COUNT], None);
        let (mut recent, mut times) = (RecentIds::default(), [0, 0]);
        for round in 0..40 {
            let mut known = Known::of(recent);
            (0..=RECENT_COUNT_MAX).for_each(|number| known.insert(&format!("{round} {number}")));
            known.remove(&format!("{} 7", round / 2));
            assert!(known.is_to_be_merged(false));
            if known.lacks_late() {
                known.read_late(late.as_deref());
            }
            if known.fits_late() {
                late = known.merge_late();
                times[0] += 1;
            } else {
                known.read(&shards);
                known.merge().into_iter().for_each(|(number, text)| shards[number] = Some(text));
                times[1] += 1;
            }
            recent = serde_json::from_value(serde_json::to_value(known.into_recent()).unwrap()).unwrap();
            let mut back = Known::of(recent.clone());
            if back.lacks_late() {
                back.read_late(late.as_deref());
            }
            back.read(&shards);
            let contains = |round: usize, number: usize| back.contains(&format!("{round} {number}"));
            assert!((0..=round).all(|round| contains(round, 3)) && !contains(round / 2, 7));
            assert!(late.as_ref().is_none_or(|text: &String| text.len() < 1_600), "{late:?}");
        }
        assert_eq!(times, [35, 5], "all parts once in eight times");
    }

    #[test]
    fn a_part_that_is_lost_holds_nothing() {
        let mut known = Known::of(RecentIds { has_parts: true, ..RecentIds::default() });
        known.read(&[None, Some("{".to_owned())]);
        assert!(known.are_read() && !known.contains("7"));
    }

    #[test]
    fn whatever_is_stored_is_read_without_a_panic() {
        for text in ["\"_____________w\"", "\"gICAgICAgICAgA\"", "\"_w\""] {
            let _ = serde_json::from_str::<KnownIds>(text);
        }
    }
}
