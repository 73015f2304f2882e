//! What happens in the mailboxes, and what of it has to be told.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::Duration;
use doubles::Mail;

/// The mail that exists, and what was done to it.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) gmail: Vec<String>,
    pub(super) outlook: Vec<String>,
    /// There before we were: nothing is told of it until it changes.
    pub(super) old: Vec<String>,
    /// Came while we watched and was then deleted for good.
    pub(super) gmail_purged: Vec<String>,
    pub(super) outlook_purged: Vec<String>,
    drafts: Vec<(String, String)>,
    pub(super) draft_ids: Vec<String>,
    outlook_drafts: Vec<String>,
    /// A position expired: label changes and deletions may be missing.
    pub(super) gap: bool,
    /// Somebody asked for the past: what was there before may be told.
    pub(super) is_backfilled: bool,
}

impl Traffic {
    /// Mail that is there before the instances are.
    pub(super) fn before(&mut self, world: &World, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(0..5) {
            self.old.push(world.google.deliver(GMAIL_USER, Mail::sample(random)));
            self.old.push(world.microsoft.deliver(OUTLOOK_USER, Mail::sample(random)));
        }
    }

    /// A few things happen, some moments apart.
    pub(super) fn happen(&mut self, world: &World, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(0..9) {
            match random.bool() {
                true => self.in_gmail(world, random),
                false => self.in_outlook(world, random),
            }
            world.clock.advance(Duration::milliseconds(random.i64(0..4000)));
        }
    }

    /// Much comes at once.
    pub(super) fn burst(&mut self, world: &World, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(20..120) {
            match random.bool() {
                true => self.gmail.push(world.google.deliver(GMAIL_USER, Mail::sample(random))),
                false => self.outlook.push(world.microsoft.deliver(OUTLOOK_USER, Mail::sample(random))),
            }
        }
    }

    fn in_gmail(&mut self, world: &World, random: &mut fastrand::Rng) {
        let google = &world.google;
        let mail = Mail::sample(random);
        match random.u8(0..12) {
            0..=4 => self.gmail.push(google.deliver(GMAIL_USER, mail)),
            5 => self.gmail.push(google.send(GMAIL_USER, mail)),
            6 => {
                let draft = google.save_draft(GMAIL_USER, None, mail);
                self.draft_ids.push(draft.message_id);
                self.drafts.push((draft.draft_id, String::new()));
            }
            7 => {
                if let Some((draft, _)) = random.choice(&self.drafts) {
                    let saved = google.save_draft(GMAIL_USER, Some(draft), mail);
                    self.draft_ids.push(saved.message_id);
                }
            }
            8 => {
                if let Some((draft, _)) = self.drafts.pop()
                    && let Some(id) = google.send_draft(GMAIL_USER, &draft)
                {
                    self.draft_ids.retain(|draft| *draft != id);
                    self.gmail.push(id);
                }
            }
            9 if !self.gmail.is_empty() => {
                let id = self.gmail.swap_remove(random.usize(0..self.gmail.len()));
                google.purge(GMAIL_USER, &id);
                self.gmail_purged.push(id);
            }
            _ => {
                let Some(id) = random.choice(&self.gmail) else { return };
                match random.u8(0..4) {
                    0 => google.remove_label(GMAIL_USER, id, "UNREAD"),
                    1 => google.add_label(GMAIL_USER, id, "STARRED"),
                    2 => google.trash(GMAIL_USER, id),
                    _ => google.modify(GMAIL_USER, id, &["IMPORTANT"], &["INBOX"]),
                };
            }
        }
    }

    fn in_outlook(&mut self, world: &World, random: &mut fastrand::Rng) {
        let microsoft = &world.microsoft;
        let mail = Mail::sample(random);
        match random.u8(0..12) {
            0..=4 => self.outlook.push(microsoft.deliver(OUTLOOK_USER, mail)),
            5 => self.outlook.push(microsoft.send(OUTLOOK_USER, mail)),
            6 => self.outlook_drafts.push(microsoft.save_draft(OUTLOOK_USER, None, mail)),
            7 => {
                if let Some(id) = self.outlook_drafts.pop()
                    && microsoft.send_draft(OUTLOOK_USER, &id)
                {
                    self.outlook.push(id);
                }
            }
            8 if !self.outlook.is_empty() => {
                let id = self.outlook.swap_remove(random.usize(0..self.outlook.len()));
                microsoft.purge(OUTLOOK_USER, &id);
                self.outlook_purged.push(id);
            }
            9 if random.u8(..) < 30 => drop(microsoft.bulk(OUTLOOK_USER, 250)),
            _ => {
                let Some(id) = random.choice(&self.outlook) else { return };
                match random.u8(0..4) {
                    0 => microsoft.mark_read(OUTLOOK_USER, id),
                    1 => microsoft.flag(OUTLOOK_USER, id),
                    2 => microsoft.soft_delete(OUTLOOK_USER, id),
                    _ => microsoft.move_to(OUTLOOK_USER, id, "archive"),
                };
            }
        }
    }
}
