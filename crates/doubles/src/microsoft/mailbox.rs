//! One Outlook mailbox: messages, when lists get to see their changes, and the changes of folders.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::folder::{self, Folder};
use super::item::Message;
use super::kind::Type;
use super::noticed::Noticed;
use super::odd::OddItems;
use super::record_changes::RecordChanges;
use super::stored::StoredItem;
use crate::fault::FaultKind;
use crate::mail::Mail;

/// Beyond this the oldest changes go, and with them the delta tokens from before.
const CHANGES_MAX: usize = 50_000;

/// A message over time. Lists see a change when its time has come, a look at the message sees it at once.
#[derive(Default)]
struct Item {
    /// In order of changes; no message stands for one that is gone.
    versions: VecDeque<(i64, Option<Arc<Message>>)>,
}

impl Item {
    fn current(&self) -> Option<&Arc<Message>> {
        self.versions.back()?.1.as_ref()
    }

    fn listed(&self, now_us: i64) -> Option<&Arc<Message>> {
        let seen = self.versions.iter().rev().find(|(visible_at_us, _)| *visible_at_us <= now_us)?;
        seen.1.as_ref()
    }

    fn push(&mut self, visible_at_us: i64, now_us: i64, message: Option<Arc<Message>>) {
        let seen = self.versions.iter().rposition(|(visible_at_us, _)| *visible_at_us <= now_us);
        self.versions.drain(..seen.unwrap_or_default());
        self.versions.push_back((visible_at_us, message));
    }
}

/// One step of one message, as delta queries need it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) number: u64,
    pub(super) key: u64,
    pub(super) visible_at_us: i64,
    /// The message as it was; none for a new one.
    pub(super) before: Option<Arc<Message>>,
    /// The message as it became; none for one that is gone.
    pub(super) after: Option<Arc<Message>>,
}

pub(super) struct Mailbox {
    pub(super) email: String,
    pub(super) user_id: String,
    pub(super) folders: Vec<Folder>,
    pub(super) changes: VecDeque<Change>,
    pub(super) change_count: u64,
    /// Delta tokens of an earlier generation are unknown.
    pub(super) delta_generation: u64,
    pub(super) poisoned: BTreeMap<u64, FaultKind>,
    pub(super) odd: OddItems,
    /// Least and most time until lists see a change.
    pub(super) lag_us: (i64, i64),
    /// What subscriptions are still to be told of.
    pub(super) noticed: Vec<Noticed>,
    /// Contacts, calendars and events, in order of their creation.
    pub(super) stored: Vec<StoredItem>,
    pub(super) record_changes: RecordChanges,
    items: BTreeMap<u64, Item>,
    /// Both kinds of ids to the key of the item.
    keys: BTreeMap<String, u64>,
    item_count: u64,
}

impl Mailbox {
    pub(super) fn new(email: &str, lag_us: (i64, i64), rng: &mut fastrand::Rng) -> Self {
        let user_id = format!("{:016x}", rng.u64(..));
        Self {
            email: email.to_owned(),
            stored: vec![Self::default_calendar(&user_id), Self::default_contacts()],
            record_changes: RecordChanges::default(),
            user_id,
            folders: folder::well_known(rng),
            changes: VecDeque::new(),
            change_count: 0,
            delta_generation: 0,
            poisoned: BTreeMap::new(),
            odd: OddItems::default(),
            lag_us,
            noticed: Vec::new(),
            items: BTreeMap::new(),
            keys: BTreeMap::new(),
            item_count: 0,
        }
    }

    /// Whether a name of a user, an id or an address, is its owner's.
    pub(super) fn is_of(&self, user: &str) -> bool {
        user.eq_ignore_ascii_case(&self.email) || user == self.user_id
    }

    /// What lists show now, with the key of each item.
    pub(super) fn listed(&self, now_us: i64) -> impl Iterator<Item = (u64, &Arc<Message>)> {
        self.items.iter().filter_map(move |(key, item)| Some((*key, item.listed(now_us)?)))
    }

    /// Every message as it really is.
    pub(super) fn current(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.values().filter_map(Item::current)
    }

    pub(super) fn key(&self, id: &str) -> Option<u64> {
        self.keys.get(id).copied()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<Message>> {
        self.items.get(&self.key(id)?)?.current()
    }

    /// Adds a message that `fill` completes; gives its immutable id.
    pub(super) fn add(
        &mut self,
        mail: Mail,
        folder: usize,
        now_us: i64,
        rng: &mut fastrand::Rng,
        fill: impl FnOnce(&mut Message),
    ) -> String {
        self.item_count += 1;
        let key = self.item_count;
        let conversation_id =
            self.conversation_of(&mail).unwrap_or_else(|| folder::random_id("AAQk", rng, 40));
        let mut message = Message {
            immutable_id: folder::random_id("AAkALgAA", rng, 56),
            id: folder::random_id("AAMkADhi", rng, 80),
            folder,
            change_key: change_key(rng),
            created_us: now_us,
            modified_us: now_us,
            received_us: now_us,
            sent_us: mail.date_us.unwrap_or(now_us),
            is_read: false,
            is_draft: false,
            is_flagged: false,
            categories: Vec::new(),
            attachments: Vec::new(),
            conversation_id,
            mail: Arc::new(mail),
        };
        fill(&mut message);
        let id = message.immutable_id.clone();
        self.put(key, now_us, Some(message), now_us, rng);
        id
    }

    /// Changes a message at a time, which may lie a little ahead; false without such a message.
    ///
    /// Whatever `change` does, the modification time and the change key are new. A message that is in another
    /// folder afterwards has a new id.
    pub(super) fn change(
        &mut self,
        id: &str,
        at_us: i64,
        now_us: i64,
        rng: &mut fastrand::Rng,
        change: impl FnOnce(&mut Message),
    ) -> bool {
        let (Some(key), Some(former)) = (self.key(id), self.get(id)) else { return false };
        let mut message = Message::clone(former);
        let folder = message.folder;
        change(&mut message);
        message.modified_us = at_us.max(message.modified_us);
        message.change_key = change_key(rng);
        if message.folder != folder {
            message.id = folder::random_id("AAMkADhi", rng, 80);
        }
        let modified_us = message.modified_us;
        self.put(key, modified_us, Some(message), now_us, rng);
        true
    }

    /// Removes a message for good; false without such a message.
    pub(super) fn purge(&mut self, id: &str, now_us: i64, rng: &mut fastrand::Rng) -> bool {
        let Some(key) = self.key(id) else { return false };
        self.put(key, now_us, None, now_us, rng);
        // What is gone for lists too need not be kept.
        self.items.retain(|_, item| item.current().is_some() || item.listed(now_us).is_some());
        true
    }

    fn put(&mut self, key: u64, at_us: i64, message: Option<Message>, now_us: i64, rng: &mut fastrand::Rng) {
        let (lag_min_us, lag_max_us) = self.lag_us;
        let visible_at_us = at_us + rng.i64(lag_min_us..=lag_max_us.max(lag_min_us));
        let item = self.items.entry(key).or_default();
        let before = item.current().cloned();
        let after = message.map(Arc::new);
        item.push(visible_at_us, now_us, after.clone());
        if let Some(before) = &before {
            self.keys.remove(&before.id);
            self.keys.remove(&before.immutable_id);
        }
        if let Some(after) = &after {
            self.keys.insert(after.id.clone(), key);
            self.keys.insert(after.immutable_id.clone(), key);
        }
        let sight = |message: &Option<Arc<Message>>| message.as_deref().map(Message::sight);
        let (seen, seen_then) = (sight(&before), sight(&after));
        self.noticed.push(Noticed { kind: Type::Message, at_us, before: seen, after: seen_then });
        self.change_count += 1;
        self.changes.push_back(Change { number: self.change_count, key, visible_at_us, before, after });
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
    }

    fn conversation_of(&self, mail: &Mail) -> Option<String> {
        let parent = mail.header("in-reply-to")?;
        let found = self.current().find(|message| message.internet_message_id() == parent);
        found.map(|message| message.conversation_id.clone())
    }
}

pub(super) fn change_key(rng: &mut fastrand::Rng) -> String {
    folder::random_id("CQAAABYAAA", rng, 28)
}
