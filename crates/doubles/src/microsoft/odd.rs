//! Items that Graph has trouble with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Microsoft;
use super::error;
use crate::reply::Reply;

/// How much of an item the store can't read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// All of it: whatever is selected.
    Whole,
    /// What it says: its ids, dates and place can still be listed.
    Content,
}

/// What can be listed of an item whose content is corrupt.
const OUTSIDE: [&str; 7] = [
    "id",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "receivedDateTime",
    "parentFolderId",
    "isDraft",
];

/// The odd items of a mailbox, by any of their ids.
#[derive(Default)]
pub(super) struct Odd {
    corrupt: BTreeMap<String, Corruption>,
    shown_as: BTreeMap<String, Map<String, Value>>,
    /// Items of a page at the most; a longer one takes too long.
    page_max: Option<usize>,
}

impl Odd {
    /// The error instead of a page with these items.
    pub(super) fn failure(&self, page: &[&str], select: Option<&[String]>) -> Option<Reply> {
        if self.page_max.is_some_and(|max| page.len() > max) {
            return Some(error::error(504, "GatewayTimeout", "The request timed out."));
        }
        let is_outside = |select: &[String]| select.iter().all(|name| OUTSIDE.contains(&name.as_str()));
        let corrupt = page.iter().find_map(|id| self.corrupt.get(*id));
        match corrupt? {
            Corruption::Whole => Some(error::error(500, "ErrorCorruptData", "Data is corrupt.")),
            Corruption::Content if select.is_some_and(is_outside) => None,
            Corruption::Content => {
                Some(error::error(500, "ErrorContentConversionFailed", "The content conversion failed."))
            }
        }
    }

    /// A listed item with what is odd about it.
    pub(super) fn shown(&self, id: &str, mut item: Value) -> Value {
        if let (Some(fields), Some(item)) = (self.shown_as.get(id), item.as_object_mut()) {
            item.extend(fields.clone());
        }
        item
    }
}

/// # Panics
/// On an account that was not added.
impl Microsoft {
    /// Each page of a list that holds this message, contact, event, calendar or folder fails; `None` heals it.
    pub fn corrupt(&self, email: &str, id: &str, corruption: impl Into<Option<Corruption>>) {
        self.with(email, |mailbox, _| match corruption.into() {
            Some(corruption) => mailbox.odd.corrupt.insert(id.to_owned(), corruption),
            None => mailbox.odd.corrupt.remove(id),
        });
    }

    /// Lists show these properties of an item in the place of its own, whatever they are ordered by.
    pub fn show_as(&self, email: &str, id: &str, properties: &Value) {
        let fields = properties.as_object().cloned().unwrap_or_default();
        self.with(email, |mailbox, _| mailbox.odd.shown_as.insert(id.to_owned(), fields));
    }

    /// Pages with more items than this are answered 504.
    pub fn set_page_max(&self, email: &str, page_max: Option<usize>) {
        self.with(email, |mailbox, _| mailbox.odd.page_max = page_max);
    }

    /// Gives a message another time of modification, microseconds since the Unix epoch, which lists show at once.
    pub fn stamp(&self, email: &str, id: &str, at_us: i64) -> bool {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| {
            let lag_us = std::mem::replace(&mut mailbox.lag_us, (now_us - at_us, now_us - at_us));
            let found = mailbox.change(id, at_us, now_us, rng, |message| message.modified_us = at_us);
            mailbox.lag_us = lag_us;
            found
        })
    }
}
