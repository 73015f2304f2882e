//! The lane between two steps: a note in the walk's row, and parts of the annex, of which only those that changed are written.
//!
//! Both are stored in one commit, so that they fit. Were they not, nothing false would come of it: an older link shows rows
//! again, which are looked at as ever, and what is lost begins anew, with the folders.

use super::deltas::{Deltas, ErrandTurn};
use super::doubts::Doubts;
use super::errand::Errand;
use super::journal::Journal;
use super::known::{Known, SHARDS_COUNT};
use super::note::LaneNote;
use super::slot::FolderSlot;
use super::standing::Standings;
use super::sweep::Sweep;
use crate::Archive;
use crate::error::Error;
use domain::annex::AnnexPart;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Folders of one part: some 4 kB, a read unit where that is counted.
const PART_FOLDERS_COUNT: usize = 8;
/// Parts that changed, after which a step asks for nothing more. What one request adds stays below what a commit takes.
const CHANGED_COUNT_MAX: usize = 10;

const WORK: &str = "work";

fn folders_part(number: usize) -> String {
    format!("folders/{number}")
}

fn known_part(number: usize) -> String {
    format!("known/{number}")
}

/// Of the known ones, those that came and left since the others were written.
const LATE: &str = "known/late";

/// What is under way, in a part of its own.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct LaneWork {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<(usize, String)>,
    #[serde(default, skip_serializing_if = "Doubts::is_empty")]
    doubts: Doubts,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    early: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sweep: Option<Sweep>,
}

fn parsed<T: for<'de> Deserialize<'de>>(part: Option<String>) -> Option<T> {
    serde_json::from_str(&part?).ok()
}

/// The folder of a slot; `None` if it is lost.
async fn slot(archive: &dyn Archive, slot: usize) -> Result<Option<FolderSlot>, Error> {
    let parts = archive.annex(&[folders_part(slot / PART_FOLDERS_COUNT)]).await?;
    let folders: Option<Vec<FolderSlot>> = parts.into_iter().next().and_then(parsed);
    Ok(folders.and_then(|folders| folders.into_iter().nth(slot % PART_FOLDERS_COUNT)))
}

impl LaneNote {
    /// What the poll of this number reads beside its page. A baseline has requests of its own.
    ///
    /// # Errors
    /// The annex can't be read now.
    pub(crate) async fn errand(
        &self,
        deltas: &Deltas,
        archive: &dyn Archive,
        number: u64,
    ) -> Result<Option<Errand>, Error> {
        Ok(match self.turn(deltas, number) {
            None => None,
            Some(ErrandTurn::Counts) => Some(Errand::Counts),
            // One that is lost shows when the lane goes to work.
            Some(ErrandTurn::Delta(number)) => {
                let stored = slot(archive, number).await?;
                stored.map(|stored| Errand::Delta(self.journal.read(number, stored)))
            }
        })
    }
}

/// The lane at work: what its note and the annex say.
pub(crate) struct Lane {
    /// Where the list of all folders goes on, and which read of it that is; `None` once all were read.
    pub(super) listing: Option<(usize, String)>,
    pub(super) folders: Standings,
    pub(super) doubts: Doubts,
    /// Reported while their folders' first rounds were not over, which may not show them any more: in doubt after these.
    pub(super) early: BTreeSet<String>,
    /// What is to be looked for in the log.
    pub(super) sweep: Option<Sweep>,
    pub(super) known: Known,
    /// The counts with which all folders were read.
    pub(super) counts: Option<u64>,
    /// What the annex holds of what is under way.
    stored: LaneWork,
}

impl Lane {
    /// One that knows no folder yet.
    fn new(deltas: &Deltas) -> Self {
        Lane {
            listing: deltas.listing(0),
            folders: Standings::new(Vec::new(), BTreeSet::new(), &Journal::default(), deltas.is_tree),
            doubts: Doubts::default(),
            early: BTreeSet::new(),
            sweep: None,
            known: Known::of(Default::default()),
            counts: None,
            stored: LaneWork::default(),
        }
    }

    /// One that lost where its folders stand: what left them meanwhile is looked for in the log.
    fn anew(deltas: &Deltas, note: LaneNote) -> Self {
        Lane { sweep: Some(Sweep::whole()), known: Known::of(note.recent), ..Lane::new(deltas) }
    }

    /// As it is stored; a new one, if there is none.
    ///
    /// # Errors
    /// The annex can't be read now.
    pub(crate) async fn load(
        deltas: &Deltas,
        archive: &dyn Archive,
        note: Option<LaneNote>,
    ) -> Result<Self, Error> {
        let Some(note) = note else { return Ok(Lane::new(deltas)) };
        let folders = (0..note.folders.div_ceil(PART_FOLDERS_COUNT)).map(folders_part);
        let names: Vec<String> = note.has_work.then(|| WORK.to_owned()).into_iter().chain(folders).collect();
        let mut parts = archive.annex(&names).await?.into_iter();
        let work: Option<LaneWork> = match note.has_work {
            true => parts.next().and_then(parsed),
            false => Some(LaneWork::default()),
        };
        let folders: Option<Vec<Vec<FolderSlot>>> = parts.map(parsed).collect();
        let folders: Option<Vec<FolderSlot>> = folders.map(|folders| folders.into_iter().flatten().collect());
        let (Some(work), Some(folders)) = (work, folders.filter(|folders| folders.len() == note.folders))
        else {
            return Ok(Lane::anew(deltas, note));
        };
        let stored = work.clone();
        let LaneWork { listing, doubts, early, sweep } = work;
        Ok(Lane {
            // One that was stored before anything went down begins with the list again.
            listing: if note.is_flat(deltas) { listing.or(deltas.listing(0)) } else { listing },
            folders: Standings::new(folders, note.due, &note.journal, deltas.is_tree),
            doubts,
            early,
            sweep,
            known: Known::of(note.recent),
            counts: note.counts,
            stored,
        })
    }

    /// Reads what it knows, unless it was read.
    ///
    /// # Errors
    /// The annex can't be read now.
    pub(super) async fn read_known(&mut self, archive: &dyn Archive) -> Result<(), Error> {
        self.read_late(archive).await?;
        if !self.known.are_read() {
            let names: Vec<String> = (0..SHARDS_COUNT).map(known_part).collect();
            self.known.read(&archive.annex(&names).await?);
        }
        Ok(())
    }

    async fn read_late(&mut self, archive: &dyn Archive) -> Result<(), Error> {
        if self.known.lacks_late() {
            let part = archive.annex(&[LATE.to_owned()]).await?.into_iter().next().flatten();
            self.known.read_late(part.as_deref());
        }
        Ok(())
    }

    /// Moves what the row has too much of into parts.
    async fn store_known(
        &mut self,
        archive: &dyn Archive,
        is_under_way: bool,
    ) -> Result<Vec<AnnexPart>, Error> {
        if !self.known.is_to_be_merged(is_under_way) {
            return Ok(Vec::new());
        }
        if self.known.fits_late() {
            self.read_late(archive).await?;
            let part = self.known.merge_late().map(|text| AnnexPart { name: LATE.to_owned(), text });
            return Ok(part.into_iter().collect());
        }
        self.read_known(archive).await?;
        let changed = self.known.merge().into_iter();
        Ok(changed.map(|(number, text)| AnnexPart { name: known_part(number), text }).collect())
    }

    /// So much changed that it has to be stored before more is read.
    pub(super) fn is_to_be_stored(&self) -> bool {
        self.folders.changes(PART_FOLDERS_COUNT).0.len() > CHANGED_COUNT_MAX
    }

    /// What is to be stored of it; `is_under_way`: the walk goes on at once.
    ///
    /// # Errors
    /// The annex can't be read now, which takes what is new.
    pub(crate) async fn store(
        mut self,
        archive: &dyn Archive,
        is_under_way: bool,
    ) -> Result<(LaneNote, Vec<AnnexPart>), Error> {
        let mut parts = self.store_known(archive, is_under_way).await?;
        let all: Vec<&[FolderSlot]> = self.folders.slots().chunks(PART_FOLDERS_COUNT).collect();
        let (changed, journal) = self.folders.changes(PART_FOLDERS_COUNT);
        for number in changed {
            parts.extend(all.get(number).and_then(|slots| part(folders_part(number), slots)));
        }
        let work =
            LaneWork { listing: self.listing, doubts: self.doubts, early: self.early, sweep: self.sweep };
        if work != self.stored {
            parts.extend(part(WORK.to_owned(), &work));
        }
        let has_work = work != LaneWork::default();
        let note = LaneNote {
            folders: self.folders.slots().len(),
            due: self.folders.due().clone(),
            is_open: has_work || !self.folders.are_at_rest(),
            has_work,
            is_listing: work.listing.is_some(),
            goes_down: self.folders.is_tree(),
            counts: self.counts,
            recent: self.known.into_recent(),
            journal,
        };
        Ok((note, parts))
    }
}

fn part(name: String, value: &(impl Serialize + ?Sized)) -> Option<AnnexPart> {
    Some(AnnexPart { name, text: serde_json::to_string(value).ok()? })
}
