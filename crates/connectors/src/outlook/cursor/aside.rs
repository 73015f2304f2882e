//! What of the memory is put aside, into the annex.
//!
//! A burst leaves thousands of states to remember until the overlap has passed them. In the row each step would write all of
//! them again; in parts of the annex each is written once.

use super::memory::{Index, Memory};
use super::{Cursor, Walk};
use crate::error::Error;
use crate::{Archive, Call};
use domain::annex::AnnexPart;
use serde::{Deserialize, Serialize};

/// States in the row at the most, before they are put aside: 16 kB.
const ROW_STATES_COUNT_MAX: usize = 1_000;
/// States of one part: 32 kB.
const PART_STATES_COUNT_MAX: usize = 2_000;
/// Parts that one step writes at the most.
const WRITTEN_COUNT_MAX: usize = 10;
/// Parts at the most: some 300,000 states. What does not fit stays in the row.
const PARTS_COUNT_MAX: usize = 250;

/// The parts that the position still needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Aside(Vec<AsidePart>);

/// A part's number, and the last second in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct AsidePart(usize, i64);

impl Aside {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops the parts that the walk never comes to again; says whether there was any.
    pub(super) fn forget_before(&mut self, second: i64) -> bool {
        let count = self.0.len();
        self.0.retain(|part| part.1 >= second);
        self.0.len() < count
    }

    /// A number that no part has.
    fn free(&self) -> Option<usize> {
        (0..PARTS_COUNT_MAX).find(|number| self.0.iter().all(|part| part.0 != *number))
    }

    /// Reads the parts. What is not there, or no part, is not known.
    async fn read(&self, archive: &dyn Archive) -> Result<Vec<Memory>, Error> {
        let names: Vec<String> = self.0.iter().map(|part| name(part.0)).collect();
        let texts = archive.annex(&names).await?;
        Ok(texts.iter().flatten().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }
}

fn name(number: usize) -> String {
    format!("memory/{number}")
}

/// What a position knows.
#[derive(Default)]
pub(crate) struct KnownStates {
    /// The states that it remembers.
    pub(crate) index: Index,
    /// Where a walk of this run ended: its list need not be read from the overlap's begin again. Until another run reads
    /// it so, the watermark stays at that walk's begin.
    pub(crate) ended: Option<Walk>,
}

/// What a run keeps from one step to the next, with the position that it is of.
struct KeptKnown {
    memory: Memory,
    aside: Aside,
    known: KnownStates,
}

impl Cursor {
    /// All it knows: what the run kept, or what is stored.
    ///
    /// # Errors
    /// The annex can't be read now.
    pub(crate) async fn known(&self, call: &Call<'_>) -> Result<KnownStates, Error> {
        let kept = call.scratch.and_then(|scratch| scratch.take::<KeptKnown>());
        // A step that was not stored left another position.
        if let Some(kept) = kept.filter(|kept| kept.aside == self.aside && kept.memory == self.memory) {
            return Ok(kept.known);
        }
        let mut index = self.memory.index();
        if let Some(archive) = call.archive.filter(|_| !self.aside.is_empty()) {
            self.aside.read(archive).await?.iter().for_each(|part| index.extend(part));
        }
        Ok(KnownStates { index, ended: None })
    }

    /// Keeps what it knows for the next step.
    pub(crate) fn keep_known(&self, call: &Call<'_>, known: KnownStates) {
        if let Some(scratch) = call.scratch {
            scratch.keep(KeptKnown { memory: self.memory.clone(), aside: self.aside.clone(), known });
        }
    }

    /// Moves what is too much for the row into parts, which have to be stored with it.
    pub(crate) fn put_aside(&mut self) -> Vec<AnnexPart> {
        let mut parts = Vec::new();
        if self.memory.len() <= ROW_STATES_COUNT_MAX {
            return parts;
        }
        let begins = self.memory.begins();
        while self.memory.len() > 0 && parts.len() < WRITTEN_COUNT_MAX {
            let Some(number) = self.aside.free() else { break };
            let taken = self.memory.take_first(PART_STATES_COUNT_MAX);
            let Some(last) = taken.ends() else { break };
            self.aside.0.push(AsidePart(number, last));
            // Plain data always serialises.
            let text = serde_json::to_string(&taken).unwrap_or_default();
            parts.push(AnnexPart { name: name(number), text });
        }
        // Since when it knows what was seen does not change by that.
        begins.into_iter().for_each(|second| self.memory.mark(second));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::cursor::memory::MessageState;

    fn state(n: usize) -> MessageState {
        MessageState::of(&format!("id{n}"), "ck", false)
    }

    #[test]
    fn what_is_put_aside_is_written_once_and_forgotten_by_its_last_second() {
        let mut cursor = Cursor::at(1_000, 120);
        let (mut written, mut rows) = (0, Vec::new());
        for n in 0..10_000 {
            cursor.memory.remember(1_000 + (n / 2_500) as i64, state(n));
            if n % 250 == 249 {
                written += cursor.put_aside().iter().map(|part| part.text.len()).sum::<usize>();
                rows.push(cursor.to_value().to_string().len());
            }
        }
        assert!(written <= 10_000 * 17, "{written} bytes");
        assert!(rows.iter().all(|bytes| *bytes < 17_000), "{rows:?}");
        let count = cursor.aside.0.len();
        assert_eq!(Cursor::from_value(&cursor.to_value()).unwrap(), cursor);
        assert!(cursor.forget_before(1_002) && cursor.aside.0.len() < count);
        assert!(cursor.forget_before(2_000) && cursor.aside.is_empty());
    }

    #[test]
    fn what_finds_no_part_stays_in_the_row() {
        let mut cursor = Cursor::at(1_000, 120);
        (0..PARTS_COUNT_MAX).for_each(|number| cursor.aside.0.push(AsidePart(number, 1_000)));
        (0..=ROW_STATES_COUNT_MAX).for_each(|n| cursor.memory.remember(1_000, state(n)));
        assert!(cursor.put_aside().is_empty());
        assert_eq!(cursor.memory.len(), ROW_STATES_COUNT_MAX + 1);
    }
}
