//! One Gmail mailbox: messages, their labels, and the history of both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::labels::Label;
use crate::fault::FaultKind;
use crate::mail::Mail;

/// Beyond this the oldest records expire, as they do at Google after a week or so.
const RECORDS_MAX: usize = 50_000;
const HISTORY_ID_GAP_MAX: u64 = 200;

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) thread_id: String,
    pub(super) labels: Vec<String>,
    pub(super) history_id: u64,
    pub(super) internal_date_us: i64,
    pub(super) mail: Arc<Mail>,
    pub(super) attachments: Vec<Attachment>,
}

impl Message {
    pub(super) fn size_bytes(&self) -> usize {
        self.mail.size_bytes() + self.attachments.iter().map(|one| one.size_bytes).sum::<usize>()
    }
}

impl Touched {
    fn of(message: &Message) -> Self {
        Touched {
            message_id: message.id.clone(),
            thread_id: message.thread_id.clone(),
            labels: message.labels.clone(),
            ..Touched::default()
        }
    }
}

/// A file that came with a message; what is in it is nobody's business here.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) filename: String,
    pub(super) mime_type: String,
    pub(super) size_bytes: usize,
}

/// One history record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: u64,
    /// Lists show it from then on; it counts at once.
    pub(super) visible_at_us: i64,
    /// Mostly one: what is done to many messages at once is one record.
    pub(super) touched: Vec<Touched>,
}

/// What a record says of one message. What the message looked like is kept as it was then.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    pub(super) message_id: String,
    pub(super) thread_id: String,
    pub(super) labels: Vec<String>,
    pub(super) added: bool,
    pub(super) deleted: bool,
    pub(super) labels_added: Vec<String>,
    pub(super) labels_removed: Vec<String>,
}

/// How long after a change history shows its record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lag {
    pub(super) min_us: i64,
    pub(super) max_us: i64,
    /// No record shows before an earlier one.
    pub(super) is_ordered: bool,
}

/// Whom a mailbox tells that it changed.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) topic: String,
    /// Only changes of messages with one of them, or without any of them; none: every change.
    pub(super) labels: Vec<String>,
    pub(super) is_excluding: bool,
    pub(super) expires_us: i64,
    /// The last notice.
    pub(super) told_us: i64,
}

pub(super) struct Mailbox {
    pub(super) watch: Option<Watch>,
    pub(super) email: String,
    pub(super) messages: BTreeMap<String, Message>,
    /// Deleted for good, and yet kept, as administrators can bring mail back.
    purged: BTreeMap<String, Message>,
    pub(super) lag: Lag,
    /// The time of the change that is under way.
    pub(super) now_us: i64,
    pub(super) history: VecDeque<Record>,
    /// The latest history id.
    pub(super) history_id: u64,
    /// Asking for what came after an id below this one is too late.
    pub(super) oldest_id: u64,
    /// Draft id to message id.
    pub(super) drafts: BTreeMap<String, String>,
    pub(super) labels: Vec<Label>,
    pub(super) poisoned: BTreeMap<String, FaultKind>,
    pub(super) units: u64,
    draft_count: u64,
    label_count: u64,
}

impl Mailbox {
    pub(super) fn new(email: &str, lag: Lag, rng: &mut fastrand::Rng) -> Self {
        let history_id = rng.u64(1_000_000..9_000_000);
        Self {
            watch: None,
            email: email.to_owned(),
            messages: BTreeMap::new(),
            purged: BTreeMap::new(),
            lag,
            now_us: 0,
            history: VecDeque::new(),
            history_id,
            oldest_id: history_id,
            drafts: BTreeMap::new(),
            labels: Vec::new(),
            poisoned: BTreeMap::new(),
            units: 0,
            draft_count: 0,
            label_count: 0,
        }
    }

    /// Adds a message and reports it in the history.
    pub(super) fn add(
        &mut self,
        mail: Mail,
        labels: &[&str],
        internal_date_us: i64,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> String {
        let id = self.new_message_id(now_us, rng);
        let thread_id = self.thread_of(&mail).unwrap_or_else(|| id.clone());
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let mail = Arc::new(mail);
        let message = Message {
            id: id.clone(),
            thread_id,
            labels,
            history_id: 0,
            internal_date_us,
            mail,
            attachments: Vec::new(),
        };
        let record = Touched { added: true, ..Touched::of(&message) };
        self.messages.insert(id.clone(), message);
        self.record(vec![record], rng);
        id
    }

    /// Changes labels, in one record; false when there is no such message. No change, no record.
    pub(super) fn relabel(
        &mut self,
        id: &str,
        add: &[&str],
        remove: &[&str],
        rng: &mut fastrand::Rng,
    ) -> bool {
        self.relabel_all(&[id], add, remove, rng) == 1
    }

    /// Changes the labels of many messages, in one record; gives how many there are. No change, no record.
    pub(super) fn relabel_all(
        &mut self,
        ids: &[&str],
        add: &[&str],
        remove: &[&str],
        rng: &mut fastrand::Rng,
    ) -> usize {
        let mut count = 0;
        let mut touched = Vec::new();
        for id in ids {
            let Some(message) = self.messages.get_mut(*id) else { continue };
            count += 1;
            let missing = |label: &&&str| !message.labels.iter().any(|l| l == **label);
            let added: Vec<String> = add.iter().filter(missing).map(|label| (*label).to_owned()).collect();
            let present = |label: &&&str| message.labels.iter().any(|l| l == **label);
            let removed: Vec<String> =
                remove.iter().filter(present).map(|label| (*label).to_owned()).collect();
            if added.is_empty() && removed.is_empty() {
                continue;
            }
            message.labels.retain(|label| !removed.contains(label));
            message.labels.extend(added.iter().cloned());
            touched.push(Touched { labels_added: added, labels_removed: removed, ..Touched::of(message) });
        }
        let labels: BTreeSet<String> = touched.iter().flat_map(|one| one.labels_added.clone()).collect();
        for id in labels.into_iter().filter(|label| label.starts_with("Label_")) {
            if !self.labels.iter().any(|known| known.id == id) {
                let name = id.trim_start_matches("Label_").to_owned();
                self.labels.push(Label { id, name, color: None });
            }
        }
        if !touched.is_empty() {
            self.record(touched, rng);
        }
        count
    }

    /// Removes a message for good; false when there is none.
    pub(super) fn purge(&mut self, id: &str, rng: &mut fastrand::Rng) -> bool {
        let Some(message) = self.messages.get(id) else { return false };
        self.record(vec![Touched { deleted: true, ..Touched::of(message) }], rng);
        if let Some((id, message)) = self.messages.remove_entry(id) {
            self.purged.insert(id, message);
        }
        true
    }

    /// Brings a message back that was removed for good, with the id it had; false when there is none.
    pub(super) fn restore(&mut self, id: &str, rng: &mut fastrand::Rng) -> bool {
        let Some((id, message)) = self.purged.remove_entry(id) else { return false };
        let record = Touched { added: true, ..Touched::of(&message) };
        self.messages.insert(id, message);
        self.record(vec![record], rng);
        true
    }

    /// Saves a draft: a new message each time, in place of the former one. Gives draft and message id.
    pub(super) fn save_draft(
        &mut self,
        draft_id: Option<&str>,
        mail: Mail,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> (String, String) {
        let former = draft_id.and_then(|draft_id| self.drafts.get(draft_id)).cloned();
        let former_message = former.as_ref().and_then(|id| self.messages.get(id)).cloned();
        let id = self.add(mail, &["DRAFT"], now_us, now_us, rng);
        if let Some(former) = former_message {
            self.keep_thread(&id, &former);
            self.purge(&former.id, rng);
        }
        let draft_id = draft_id.map_or_else(|| self.new_draft_id(), str::to_owned);
        self.drafts.insert(draft_id.clone(), id.clone());
        (draft_id, id)
    }

    /// Throws a draft away; false when there is none.
    pub(super) fn delete_draft(&mut self, draft_id: &str, rng: &mut fastrand::Rng) -> bool {
        self.drafts.remove(draft_id).is_some_and(|message_id| self.purge(&message_id, rng))
    }

    /// Makes a label and gives its id.
    pub(super) fn create_label(&mut self, name: &str) -> String {
        // Ids of labels that are gone do not come again.
        let id = loop {
            self.label_count += 1;
            let id = format!("Label_{}", self.label_count);
            if !self.labels.iter().any(|label| label.id == id) {
                break id;
            }
        };
        self.labels.push(Label { id: id.clone(), name: name.to_owned(), color: None });
        id
    }

    /// Removes a label, and from every message that has it; false when there is none.
    pub(super) fn delete_label(&mut self, id: &str, rng: &mut fastrand::Rng) -> bool {
        let count = self.labels.len();
        self.labels.retain(|label| label.id != id);
        let with = self.messages.values().filter(|message| message.labels.iter().any(|label| label == id));
        let with: Vec<String> = with.map(|message| message.id.clone()).collect();
        for message in with {
            self.relabel(&message, &[], &[id], rng);
        }
        self.labels.len() < count
    }

    /// Sends a draft: it goes, and a sent message with a new id comes.
    pub(super) fn send_draft(
        &mut self,
        draft_id: &str,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> Option<String> {
        let former = self.drafts.remove(draft_id)?;
        let message = self.messages.get(&former)?.clone();
        let id = self.add(Mail::clone(&message.mail), &["SENT"], now_us, now_us, rng);
        self.keep_thread(&id, &message);
        self.purge(&former, rng);
        Some(id)
    }

    /// From now on, asking for changes after any id before the current one is too late.
    pub(super) fn expire_history(&mut self) {
        self.oldest_id = self.history_id;
        self.history.clear();
    }

    /// A thread lasts as long as the subject does.
    fn keep_thread(&mut self, id: &str, former: &Message) {
        let Some(message) = self.messages.get_mut(id) else { return };
        if message.mail.subject == former.mail.subject {
            message.thread_id.clone_from(&former.thread_id);
            if let Some(touched) = self.history.back_mut().and_then(|record| record.touched.first_mut()) {
                touched.thread_id.clone_from(&former.thread_id);
            }
        }
    }

    fn record(&mut self, touched: Vec<Touched>, rng: &mut fastrand::Rng) {
        self.history_id += 1 + rng.u64(..HISTORY_ID_GAP_MAX);
        for one in &touched {
            if let Some(message) = self.messages.get_mut(&one.message_id) {
                message.history_id = self.history_id;
            }
        }
        let visible_at_us = self.visible_at_us(rng);
        self.history.push_back(Record { id: self.history_id, visible_at_us, touched });
        if self.history.len() > RECORDS_MAX
            && let Some(dropped) = self.history.pop_front()
        {
            self.oldest_id = dropped.id;
        }
    }

    fn visible_at_us(&self, rng: &mut fastrand::Rng) -> i64 {
        let Lag { min_us, max_us, is_ordered } = self.lag;
        if max_us <= 0 {
            // No number is drawn, so that a seed gives the same mailbox with and without this.
            return self.now_us;
        }
        let own = self.now_us + rng.i64(min_us..=max_us.max(min_us));
        let former = self.history.back().filter(|_| is_ordered).map_or(own, |record| record.visible_at_us);
        own.max(former)
    }

    /// Ids grow with time: 44 bits of milliseconds above 20 random bits.
    fn new_message_id(&self, now_us: i64, rng: &mut fastrand::Rng) -> String {
        let millis = u64::try_from(now_us / 1000).unwrap_or_default();
        let mut number = (millis << 20) | rng.u64(..1 << 20);
        // The loop ends: there are fewer messages than numbers.
        loop {
            let id = format!("{number:016x}");
            if !self.messages.contains_key(&id) {
                return id;
            }
            number += 1;
        }
    }

    fn new_draft_id(&mut self) -> String {
        self.draft_count += 1;
        format!("r-{:019}", 4_000_000_000_000_000_000 + self.draft_count * 7_919)
    }

    fn thread_of(&self, mail: &Mail) -> Option<String> {
        let parent = mail.header("in-reply-to")?;
        let found = self.messages.values().find(|message| message.mail.message_id(&message.id) == parent);
        found.map(|message| message.thread_id.clone())
    }
}
