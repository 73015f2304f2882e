//! What a round of a delta query tells.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::folders;
use super::item::View;
use super::kind::Type;
use super::mailbox::{Change, Mailbox};
use super::record_changes::RecordChange;
use super::stored::StoredItem;

/// How deltas tell of messages that move, to whom asks for immutable ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeltaMoves {
    /// As documented.
    Whole,
    /// What left a folder and came back within a round is told as gone only.
    #[default]
    ReturnsLost,
    /// The same, and a folder says nothing of what came from another.
    ArrivalsLost,
}

/// What a delta query is over.
#[derive(Clone, Copy)]
pub(super) enum DeltaOf<'a> {
    /// The messages of a folder.
    Messages(usize),
    /// The contacts of a folder.
    Contacts(&'a str),
    /// The events of a calendar that take place within a window.
    Events { calendar: &'a str, from_us: i64, to_us: i64 },
    /// All folders of mail, whatever they are below.
    Folders,
}

impl DeltaOf<'_> {
    pub(super) fn kind(self) -> Type {
        match self {
            Self::Messages(_) => Type::Message,
            Self::Contacts(_) => Type::Contact,
            Self::Events { .. } => Type::Event,
            Self::Folders => Type::Folder,
        }
    }

    fn holds(self, stored: &StoredItem) -> bool {
        match self {
            Self::Contacts(folder) => stored.container.as_deref() == Some(folder),
            Self::Events { calendar, from_us, to_us } => stored.is_within(calendar, from_us, to_us),
            Self::Messages(_) | Self::Folders => false,
        }
    }
}

/// All there is.
pub(super) fn first(mailbox: &Mailbox, of: DeltaOf<'_>, view: View<'_>, now_us: i64) -> Vec<Value> {
    match of {
        DeltaOf::Messages(folder) => {
            let inside = mailbox.listed(now_us).filter(|(_, message)| message.folder == folder);
            inside.map(|(_, message)| message.render(mailbox.folder_id(folder), view)).collect()
        }
        DeltaOf::Folders => {
            let indexes =
                (0..mailbox.folders.len()).filter_map(|index| live_folder(mailbox, index, view, now_us));
            indexes.collect()
        }
        DeltaOf::Contacts(_) | DeltaOf::Events { .. } => {
            let inside = mailbox.all_of(of.kind()).filter(|stored| of.holds(stored));
            inside.map(|stored| stored.record().render(view.metadata, view.select)).collect()
        }
    }
}

/// What happened after one change and up to another.
pub(super) fn later(
    mailbox: &Mailbox,
    of: DeltaOf<'_>,
    view: View<'_>,
    moves: DeltaMoves,
    (since, until): (u64, u64),
    now_us: i64,
) -> Vec<Value> {
    let is_in = |number: u64| number > since && number <= until;
    if let DeltaOf::Messages(folder) = of {
        let mut by_item: BTreeMap<u64, Vec<&Change>> = BTreeMap::new();
        for change in mailbox.changes.iter().filter(|change| is_in(change.number)) {
            by_item.entry(change.key).or_default().push(change);
        }
        return by_item
            .values()
            .filter_map(|changes| message(mailbox, folder, view, moves, changes))
            .collect();
    }
    let mut by_id: BTreeMap<&str, Vec<&RecordChange>> = BTreeMap::new();
    let latest = mailbox.record_changes.latest.iter();
    for change in latest.filter(|change| is_in(change.number) && change.kind == of.kind()) {
        by_id.entry(&change.id).or_default().push(change);
    }
    let row = |(id, changes): (&&str, &Vec<&RecordChange>)| match of {
        DeltaOf::Folders => Some(folder(mailbox, id, view, now_us)),
        _ => record(mailbox, of, view, id, changes),
    };
    by_id.iter().filter_map(row).collect()
}

/// What a folder tells of one message.
fn message(
    mailbox: &Mailbox,
    folder: usize,
    view: View<'_>,
    moves: DeltaMoves,
    changes: &[&Change],
) -> Option<Value> {
    let moves = if view.immutable_ids { moves } else { DeltaMoves::Whole };
    let last_left = changes.iter().rev().find_map(|change| {
        let before = change.before.as_ref().filter(|before| before.folder == folder)?;
        let stays = change.after.as_ref().is_some_and(|after| after.folder == folder);
        (!stays).then_some((before, change.after.is_none()))
    });
    let present = changes.last()?.after.as_ref().filter(|after| after.folder == folder);
    let came = changes.first()?.before.as_ref().is_some_and(|before| before.folder != folder);
    match (present, last_left) {
        (Some(_), None) if came && moves == DeltaMoves::ArrivalsLost => None,
        (Some(message), None) => Some(message.render(mailbox.folder_id(folder), view)),
        (Some(message), Some(_)) if moves == DeltaMoves::Whole => {
            Some(message.render(mailbox.folder_id(folder), view))
        }
        (_, Some((before, purged))) => Some(removed(before.shown_id(view.immutable_ids), purged)),
        (None, None) => None,
    }
}

/// What a folder of contacts, or a window of a calendar, tells of one contact or event.
fn record(
    mailbox: &Mailbox,
    of: DeltaOf<'_>,
    view: View<'_>,
    id: &str,
    changes: &[&RecordChange],
) -> Option<Value> {
    let now = mailbox.stored(of.kind(), id);
    if let Some(stored) = now.filter(|stored| of.holds(stored)) {
        return Some(stored.record().render(view.metadata, view.select));
    }
    let was_here = changes.iter().any(|change| change.before.as_ref().is_some_and(|before| of.holds(before)));
    was_here.then(|| removed(id, now.is_none()))
}

fn folder(mailbox: &Mailbox, id: &str, view: View<'_>, now_us: i64) -> Value {
    let index = mailbox.folder(id);
    index.and_then(|index| live_folder(mailbox, index, view, now_us)).unwrap_or_else(|| removed(id, true))
}

fn live_folder(mailbox: &Mailbox, index: usize, view: View<'_>, now_us: i64) -> Option<Value> {
    mailbox.folders.get(index).filter(|folder| !folder.is_deleted)?;
    Some(folders::record(mailbox, index, now_us)?.render(view.metadata, view.select))
}

fn removed(id: &str, is_gone: bool) -> Value {
    json!({"id": id, "@removed": {"reason": if is_gone { "deleted" } else { "changed" }}})
}
