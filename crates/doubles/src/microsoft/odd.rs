//! Items that Graph has trouble with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error;
use crate::fault::FaultKind;
use crate::odd::Corruption;
use crate::reply::Reply;

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
pub(super) struct OddItems {
    pub(super) corrupt: BTreeMap<String, Corruption>,
    pub(super) shown_as: BTreeMap<String, Map<String, Value>>,
    /// Items of a page at the most; a longer one takes too long.
    pub(super) page_max: Option<usize>,
    /// How many looks at an item do not find it.
    pub(super) missed: BTreeMap<String, u32>,
    /// How the list of the folders at the top fails, with how much each holds.
    pub(super) folders: Option<FaultKind>,
}

impl OddItems {
    /// The error instead of a page with these items.
    pub(super) fn failure(&self, page: &[&str], select: Option<&[String]>) -> Option<Reply> {
        if self.page_max.is_some_and(|max| page.len() > max) {
            return Some(error::error(504, "GatewayTimeout", "The request timed out."));
        }
        let is_outside = |select: &[String]| select.iter().all(|name| OUTSIDE.contains(&name.as_str()));
        let corrupt = page.iter().find_map(|id| self.corrupt.get(*id));
        match corrupt? {
            Corruption::Whole => Some(error::error(500, "ErrorCorruptData", "Data is corrupt.")),
            Corruption::Missing => {
                Some(error::error(404, "ErrorItemNotFound", "The object was not found in the store."))
            }
            Corruption::Content if select.is_some_and(is_outside) => None,
            Corruption::Content => {
                Some(error::error(500, "ErrorContentConversionFailed", "The content conversion failed."))
            }
        }
    }

    /// Whether this look at an item does not find it.
    pub(super) fn misses(&mut self, id: &str) -> bool {
        let Some(left) = self.missed.get_mut(id).filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    /// A listed item with what is odd about it.
    pub(super) fn shown(&self, id: &str, mut item: Value) -> Value {
        if let (Some(fields), Some(item)) = (self.shown_as.get(id), item.as_object_mut()) {
            item.extend(fields.clone());
        }
        item
    }
}
