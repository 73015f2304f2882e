//! What a stretch of history did to each message.

use super::api::{Entry, Record};
use super::cursor::HistoryId;
use serde_json::{Value, json};

pub(super) const DRAFT: &str = "DRAFT";

/// What a stretch of history did to one message, in the order of its records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Collapsed {
    pub(super) message_id: String,
    pub(super) thread_id: Option<String>,
    /// The labels after the last record that told them.
    pub(super) labels: Option<Vec<String>>,
    pub(super) created: bool,
    pub(super) deleted: bool,
    /// It was a draft before, and is none any more.
    pub(super) undrafted: bool,
    pub(super) first: HistoryId,
    pub(super) last: HistoryId,
}

impl Collapsed {
    pub(super) fn is_draft(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(|label| label == DRAFT))
    }

    /// What is known of a message without reading it.
    pub(super) fn stub(&self) -> Value {
        let mut record = json!({ "id": self.message_id });
        if let Some(thread_id) = &self.thread_id {
            record["threadId"] = json!(thread_id);
        }
        if let Some(labels) = &self.labels {
            record["labelIds"] = json!(labels);
        }
        record
    }
}

/// Collapses records per message, in their order, until `messages_max` messages are reached; says which
/// record was the last. Records are taken whole.
pub(super) fn collapse(records: &[Record], messages_max: usize) -> (Vec<Collapsed>, HistoryId) {
    let mut collapsed: Vec<Collapsed> = Vec::new();
    let mut index = std::collections::HashMap::new();
    let mut through = HistoryId::default();
    for record in records {
        if collapsed.len() >= messages_max && record.id != through {
            break;
        }
        through = record.id;
        for (entry, what) in entries(record) {
            let at = *index.entry(entry.message.id.clone()).or_insert_with(|| {
                collapsed.push(fresh(entry, through));
                collapsed.len() - 1
            });
            apply(&mut collapsed[at], entry, what, through);
        }
    }
    (collapsed, through)
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Added,
    Labelled,
    Unlabelled,
    Deleted,
}

fn entries(record: &Record) -> impl Iterator<Item = (&Entry, What)> {
    fn with(entries: &[Entry], what: What) -> impl Iterator<Item = (&Entry, What)> {
        entries.iter().map(move |entry| (entry, what))
    }
    with(&record.messages_added, What::Added)
        .chain(with(&record.labels_added, What::Labelled))
        .chain(with(&record.labels_removed, What::Unlabelled))
        .chain(with(&record.messages_deleted, What::Deleted))
}

fn fresh(entry: &Entry, first: HistoryId) -> Collapsed {
    Collapsed {
        message_id: entry.message.id.clone(),
        thread_id: None,
        labels: None,
        created: false,
        deleted: false,
        undrafted: false,
        first,
        last: first,
    }
}

fn apply(one: &mut Collapsed, entry: &Entry, what: What, record: HistoryId) {
    one.last = record;
    one.thread_id = entry.message.thread_id.clone().or(one.thread_id.take());
    one.labels = entry.message.label_ids.clone().or(one.labels.take());
    match what {
        What::Added => one.created = true,
        What::Deleted => one.deleted = true,
        What::Unlabelled if entry.label_ids.iter().any(|label| label == DRAFT) => one.undrafted = true,
        What::Labelled | What::Unlabelled => {}
    }
    if let Some(labels) = &mut one.labels {
        // Where a message's labels are told as they were before the record, its own lists settle it.
        match what {
            What::Labelled => {
                let new = entry.label_ids.iter().filter(|label| !labels.contains(label)).cloned();
                labels.extend(new.collect::<Vec<_>>());
            }
            What::Unlabelled => labels.retain(|label| !entry.label_ids.contains(label)),
            What::Added | What::Deleted => {}
        }
    }
}
