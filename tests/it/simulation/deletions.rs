//! Ten thousand random changes of an Outlook mailbox: moves there and back, purges, folders deleted with what they hold. Each
//! deletion is told once, within one turn through the folders, and nothing else is told as deleted.

use crate::graph::desk::{ADA, Desk, mail};
use crate::graph::lane::Watch;
use doubles::{DeltaMoves, Microsoft};
use std::collections::{BTreeMap, BTreeSet};

const CHANGES_COUNT: usize = 10_000;
/// Changes before a poll, at the most.
const BETWEEN_MAX: usize = 12;
/// Folders that somebody made, at the most; seven more are there in any case.
const FOLDERS_MAX: usize = 10;
/// Messages at the most.
const MESSAGES_MAX: usize = 150;
/// Four polls for each folder, and those in which a hint becomes a deletion.
const TURN_POLLS: u64 = 4 * (7 + FOLDERS_MAX as u64) + 4;

/// What happened, and what was told of it.
struct Model {
    microsoft: Microsoft,
    random: fastrand::Rng,
    messages: Vec<String>,
    folders: Vec<String>,
    drafts: Vec<String>,
    /// By message: the poll before which it was deleted for good.
    purged: BTreeMap<String, u64>,
    /// What a receiver knows by events alone.
    told: BTreeSet<String>,
    /// There from the start. Nothing but a delta names those.
    old: BTreeSet<String>,
    /// Those of them whose delta was lost.
    unnamed: BTreeSet<String>,
    deleted: BTreeSet<String>,
    expires: bool,
}

#[tokio::test]
async fn every_deletion_is_told_once_within_a_turn() {
    run(1, DeltaMoves::Whole, false).await;
}

#[tokio::test]
async fn every_deletion_is_told_though_deltas_lose_what_comes_back() {
    run(2, DeltaMoves::ReturnsLost, false).await;
}

#[tokio::test]
async fn every_deletion_is_told_though_deltas_lose_what_arrives_and_expire() {
    run(3, DeltaMoves::ArrivalsLost, true).await;
}

async fn run(seed: u64, moves: DeltaMoves, expires: bool) {
    let desk = Desk::new().await;
    desk.microsoft.set_delta_moves(moves);
    desk.microsoft.set_delta_repeats(seed.is_multiple_of(2));
    let old: Vec<String> = (0..40).map(|_| desk.microsoft.deliver(ADA, mail("old"))).collect();
    let mut model = Model {
        microsoft: desk.microsoft.clone(),
        random: fastrand::Rng::with_seed(seed),
        old: old.iter().cloned().collect(),
        messages: old,
        folders: Vec::new(),
        drafts: Vec::new(),
        purged: BTreeMap::new(),
        told: BTreeSet::new(),
        unnamed: BTreeSet::new(),
        deleted: BTreeSet::new(),
        expires,
    };
    let mut watch = Watch::start(desk).await;
    let mut changes = 0;
    while changes < CHANGES_COUNT {
        for _ in 0..model.random.usize(0..BETWEEN_MAX) {
            model.change(watch.number);
            changes += 1;
        }
        let told = watch.pass(1).await;
        model.take(told, watch.number);
    }
    for _ in 0..TURN_POLLS {
        let told = watch.pass(1).await;
        model.take(told, watch.number);
    }
    assert!(model.deleted.len() > CHANGES_COUNT / 10, "{} deletions", model.deleted.len());
}

impl Model {
    fn change(&mut self, number: u64) {
        match self.random.u8(0..100) {
            0..30 if self.messages.len() < MESSAGES_MAX => {
                let id = self.microsoft.deliver(ADA, mail("new"));
                self.messages.push(id);
            }
            0..55 => drop(self.moved()),
            55..65 => {
                // There and back, once in a while by way of a third one.
                let Some(message) = self.random.choice(&self.messages).cloned() else { return };
                let back = self.folder_of(&message);
                for folder in [self.some_folder(), back] {
                    self.microsoft.move_to(ADA, &message, &folder);
                }
            }
            65..88 => self.purge_one(number),
            88..91 => self.add_folder(),
            91..93 => self.delete_folder(number),
            93..95 => self.drafts.push(self.microsoft.save_draft(ADA, None, mail("draft"))),
            95..96 => {
                if let Some(draft) = self.drafts.pop() {
                    self.microsoft.purge(ADA, &draft);
                }
            }
            96..98 => {
                // A look that misses it: once, not twice.
                let Some(message) = self.random.choice(&self.messages).cloned() else { return };
                self.microsoft.miss(ADA, &message, 1);
            }
            98..99 if self.expires && self.random.u8(..) < 32 => {
                self.microsoft.expire_delta(ADA);
                let is_open = |id: &&String| !self.deleted.contains(*id);
                self.unnamed.extend(self.purged.keys().filter(is_open).cloned());
            }
            _ => {
                let Some(message) = self.random.choice(&self.messages) else { return };
                self.microsoft.mark_read(ADA, message);
            }
        }
    }

    fn some_folder(&mut self) -> String {
        let base = ["inbox", "archive", "deleteditems", "junkemail"].map(str::to_owned);
        let all: Vec<&String> = base.iter().chain(&self.folders).collect();
        self.random.choice(all).cloned().unwrap()
    }

    /// By id, or by its name if it has one of those that stand for it.
    fn folder_of(&self, message: &str) -> String {
        let all = self.microsoft.messages(ADA);
        let found = all.iter().find(|one| one.id == message).unwrap();
        let own = self.folders.iter().find(|id| found.folder.ends_with(id.as_str()));
        own.cloned().unwrap_or_else(|| found.folder.clone())
    }

    fn moved(&mut self) -> Option<()> {
        let message = self.random.choice(&self.messages)?.clone();
        let folder = self.some_folder();
        self.microsoft.move_to(ADA, &message, &folder);
        Some(())
    }

    fn purge_one(&mut self, number: u64) {
        if self.messages.is_empty() {
            return;
        }
        let id = self.messages.swap_remove(self.random.usize(0..self.messages.len()));
        assert!(self.microsoft.purge(ADA, &id));
        self.purged.insert(id, number);
    }

    fn add_folder(&mut self) {
        if self.folders.len() >= FOLDERS_MAX {
            return;
        }
        let below =
            self.random.choice(&self.folders).filter(|_| self.folders.len().is_multiple_of(2)).cloned();
        let id = match below {
            Some(parent) => self.microsoft.add_child_folder(ADA, &parent, "below").unwrap(),
            None => self.microsoft.add_folder(ADA, "own"),
        };
        self.microsoft.rename_folder(ADA, &id, &id);
        self.folders.push(id);
    }

    fn delete_folder(&mut self, number: u64) {
        let Some(id) = self.random.choice(&self.folders).cloned() else { return };
        self.microsoft.delete_folder(ADA, &id);
        self.folders.retain(|folder| self.microsoft.folder_id(ADA, folder).is_some());
        let left: BTreeSet<String> = self.microsoft.messages(ADA).into_iter().map(|one| one.id).collect();
        for id in self.messages.extract_if(.., |id| !left.contains(id)) {
            self.unnamed.insert(id.clone());
            self.purged.insert(id, number);
        }
    }

    /// Nothing false, nothing twice, nothing late.
    fn take(&mut self, told: Vec<String>, number: u64) {
        for line in told {
            let (kind, id) = line.split_once(' ').unwrap();
            if kind != "DELETED" {
                assert!(!self.deleted.contains(id), "{line} after its deletion");
                self.told.insert(id.to_owned());
                continue;
            }
            assert!(self.purged.contains_key(id), "{id} is there and was told as deleted");
            assert!(self.told.contains(id) || self.old.contains(id), "{id} was never told");
            assert!(self.deleted.insert(id.to_owned()), "{id} was told twice as deleted");
        }
        for (id, purged) in &self.purged {
            // Of a folder that is gone, and of a delta that began anew, what was reported is told.
            let is_meant = self.told.contains(id) || (self.old.contains(id) && !self.unnamed.contains(id));
            let is_late = number - purged > TURN_POLLS;
            assert!(!is_meant || !is_late || self.deleted.contains(id), "the deletion of {id} is missing");
        }
    }
}
