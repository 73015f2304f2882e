//! The second lane: what lists by date do not show. The delta of a folder gives hints, and looks at the objects decide.
//!
//! Whose delta is read follows from the poll's number on the timetable, and from what the folders' counts and the walk
//! point to. Of four polls two bring the counts and one a delta, in the same request as the walk's page.

pub(super) mod delta;
pub(super) mod doubts;
pub(super) mod known;
pub(super) mod standing;
pub(super) mod sweep;
pub(super) mod work;

use super::poll::plan::Plan;
use crate::outlook::api;
use doubts::Doubts;
use known::KnownIds;
use serde::{Deserialize, Serialize};
use standing::Standings;
use std::collections::BTreeSet;
use sweep::Sweep;

/// What of one resource has deltas, by paths below the mailbox.
pub(crate) struct Deltas {
    /// All folders, by one read after the other.
    folders: &'static [&'static str],
    /// Some of them, with how much each holds.
    counts: Option<&'static str>,
    /// A folder, and behind its id what it holds.
    folder: &'static str,
    inside: &'static str,
    /// One object, in whatever folder.
    object: &'static str,
    /// Records say which folder an object is in.
    has_parents: bool,
    /// A delta is over a window of time.
    is_of_window: bool,
}

static MESSAGES: Deltas = Deltas {
    folders: &["/me/mailFolders/delta?$select=id"],
    counts: Some("/me/mailFolders?$top=250&$select=id,totalItemCount&includeHiddenFolders=true"),
    folder: "/me/mailFolders",
    inside: "messages/delta",
    object: "/me/messages",
    has_parents: true,
    is_of_window: false,
};

static CONTACTS: Deltas = Deltas {
    folders: &["/me/contactFolders/contacts?$select=id", "/me/contactFolders?$top=250&$select=id"],
    counts: None,
    folder: "/me/contactFolders",
    inside: "contacts/delta",
    object: "/me/contacts",
    has_parents: false,
    is_of_window: false,
};

static EVENTS: Deltas = Deltas {
    folders: &["/me/calendars?$top=250&$select=id"],
    counts: None,
    folder: "/me/calendars",
    inside: "calendarView/delta",
    object: "/me/events",
    has_parents: false,
    is_of_window: true,
};

/// The window of events, days before and behind the day on which its round began.
const WINDOW_DAYS: [i64; 2] = [30, 365];
/// How long a window serves, seconds.
const WINDOW_SERVES_S: i64 = 30 * 86_400;

impl Deltas {
    /// Those of a resource, where they are read.
    pub(crate) fn of(plan: &Plan<'_>) -> Option<&'static Deltas> {
        match plan.path {
            "messages" => Some(&MESSAGES),
            "contacts" => Some(&CONTACTS),
            "events" => Some(&EVENTS),
            _ => None,
        }
    }

    /// The first page of a folder, with what tells whether its rows are meant.
    fn first(&self, folder: &str, plan: &Plan<'_>, now_s: i64) -> String {
        let Deltas { folder: path, inside, .. } = self;
        let folder = api::encoded(folder);
        if self.is_of_window {
            let [from, to] =
                [-WINDOW_DAYS[0], WINDOW_DAYS[1]].map(|days| api::instant(now_s + days * 86_400));
            return format!("{path}/{folder}/{inside}?startDateTime={from}&endDateTime={to}");
        }
        let mut fields = vec!["id"];
        fields.extend(plan.entity.has_drafts.then_some("isDraft"));
        let roots = plan.conditions.roots().iter().map(String::as_str);
        fields.extend(roots.filter(|root| !matches!(*root, "id" | "isDraft")));
        format!("{path}/{folder}/{inside}?$select={}", fields.join(","))
    }

    /// Where a list of folders begins.
    fn listing(&self, number: usize) -> Option<(usize, String)> {
        Some((number, (*self.folders.get(number)?).to_owned()))
    }

    fn look(&self, id: &str) -> String {
        format!("{}/{}?$select=id", self.object, api::encoded(id))
    }
}

/// What a poll reads beside the walk's page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Errand {
    /// How much each folder holds.
    Counts,
    /// What left one folder.
    Delta(String),
}

/// What is stored between polls.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lane {
    /// Where the list of all folders goes on, and which read of it that is; `None` once all were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<(usize, String)>,
    #[serde(default)]
    folders: Standings,
    #[serde(default, skip_serializing_if = "Doubts::is_empty")]
    doubts: Doubts,
    /// Reported while their folders' first rounds were not over, which may not show them any more: in doubt after these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    early: BTreeSet<String>,
    /// What is to be looked for in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sweep: Option<Sweep>,
    #[serde(default, skip_serializing_if = "KnownIds::is_empty")]
    known: KnownIds,
}

impl Lane {
    /// One that knows nothing yet.
    pub(crate) fn new(deltas: &Deltas) -> Self {
        Lane { listing: deltas.listing(0), ..Lane::default() }
    }

    /// What the poll of this number reads beside its page. A baseline has requests of its own.
    pub(crate) fn errand(&self, deltas: &Deltas, number: u64) -> Option<Errand> {
        if self.listing.is_some() {
            return None;
        }
        let turn = match (deltas.counts, number % 4) {
            (_, 1) => return None,
            (Some(_), 0 | 2) => return Some(Errand::Counts),
            (Some(_), _) => number / 4,
            // Where nothing is counted, three of four polls read a delta.
            (None, part) => number / 4 * 3 + part.saturating_sub(1),
        };
        self.folders.in_turn(turn).map(Errand::Delta)
    }

    /// Its path.
    pub(crate) fn path(&self, deltas: &Deltas, errand: &Errand, plan: &Plan<'_>, now_s: i64) -> String {
        match errand {
            Errand::Counts => deltas.counts.unwrap_or_default().to_owned(),
            Errand::Delta(folder) => self.folders.path(folder, deltas, plan, now_s),
        }
    }
}
