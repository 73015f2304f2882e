//! The position in a calendar's changes.

pub(super) mod known;

use crate::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A listing of the whole calendar that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Listing {
    /// The first one: what it shows was there before.
    Baseline,
    /// After the position expired: what it shows is compared with what was known.
    Comparison,
}

/// What is stored between polls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything up to this token was taken; `None` while the calendar is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sync_token: Option<String>,
    /// The page to go on with, of the changes after the token or of the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) listing: Option<Listing>,
    /// The length of the next page, where the provider fails and is asked for less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<u32>,
    /// The listing passed over an event: what it does not show may be there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) has_passed_over: bool,
    /// Listings begun again because a page was refused, in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) restarts: u32,
    /// The events that are there, packed: see [`known`].
    pub(super) known: String,
    /// Digests of the ids of events whose deletion was told, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) deleted: Vec<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Cursor {
    /// Before the first listing.
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Cursor {
            sync_token: None,
            page: None,
            listing: Some(Listing::Baseline),
            part: None,
            has_passed_over: false,
            restarts: 0,
            known: known::KnownEvents::default().packed()?,
            deleted: Vec::new(),
        })
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Cursor::deserialize(value).map_err(|error| Error::malformed("stored position", error))
    }

    pub(super) fn to_value(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::malformed("position", error))
    }

    /// The request for the next page, but for its length. All of them have the same parameters but for the tokens: what
    /// another set of them would make of a token is not defined.
    /// <https://developers.google.com/workspace/calendar/api/guides/sync>
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("showDeleted", "true".to_owned())];
        query.extend(self.sync_token.clone().map(|token| ("syncToken", token)));
        query.extend(self.page.clone().map(|page| ("pageToken", page)));
        query
    }
}
