//! What of each resource has deltas, and whose turn it is.

use crate::outlook::api;
use crate::outlook::poll::plan::Plan;

/// What of one resource has deltas, by paths below the mailbox.
pub(crate) struct Deltas {
    /// All folders, by one read after the other.
    folders: &'static [&'static str],
    /// Some of them, with how much each holds.
    pub(super) counts: Option<&'static str>,
    /// A folder, and behind its id what it holds.
    folder: &'static str,
    inside: &'static str,
    /// One object, in whatever folder.
    object: &'static str,
    /// Records say which folder an object is in.
    pub(super) has_parents: bool,
    /// A delta is over a window of time.
    pub(super) is_of_window: bool,
    /// The list of folders shows those at the top only, and the walk nothing of what they hold.
    pub(super) is_tree: bool,
}

static MESSAGES: Deltas = Deltas {
    folders: &["/me/mailFolders/delta?$select=id"],
    counts: Some("/me/mailFolders?$top=250&$select=id,totalItemCount&includeHiddenFolders=true"),
    folder: "/me/mailFolders",
    inside: "messages/delta",
    object: "/me/messages",
    has_parents: true,
    is_of_window: false,
    is_tree: false,
};

static CONTACTS: Deltas = Deltas {
    folders: &["/me/contactFolders/contacts?$select=id", "/me/contactFolders?$top=250&$select=id"],
    counts: None,
    folder: "/me/contactFolders",
    inside: "contacts/delta",
    object: "/me/contacts",
    has_parents: false,
    is_of_window: false,
    is_tree: true,
};

static EVENTS: Deltas = Deltas {
    folders: &["/me/calendars?$top=250&$select=id"],
    counts: None,
    folder: "/me/calendars",
    inside: "calendarView/delta",
    object: "/me/events",
    has_parents: false,
    is_of_window: true,
    is_tree: false,
};

/// The window of events, days before and behind the day on which its round began.
const WINDOW_DAYS: [i64; 2] = [30, 365];
/// How long a window serves, seconds.
pub(super) const WINDOW_SERVES_S: i64 = 30 * 86_400;

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
    pub(super) fn first(&self, folder: &str, plan: &Plan<'_>, now_s: i64) -> String {
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
    pub(super) fn listing(&self, number: usize) -> Option<(usize, String)> {
        Some((number, (*self.folders.get(number)?).to_owned()))
    }

    /// What is directly below a folder. Few have many: short pages, so that twenty of them fit one commit.
    pub(super) fn below(&self, folder: &str) -> String {
        format!("{}/{}/childFolders?$top=10&$select=id", self.folder, api::encoded(folder))
    }

    pub(super) fn look(&self, id: &str) -> String {
        let fields = if self.is_tree { "id,parentFolderId" } else { "id" };
        format!("{}/{}?$select={fields}", self.object, api::encoded(id))
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrandTurn {
    Counts,
    /// The folder of this slot.
    Delta(usize),
}

impl Deltas {
    /// What the poll of this number reads beside its page, of so many folders.
    pub(super) fn turn(&self, folders_count: usize, number: u64) -> Option<ErrandTurn> {
        let turn = match (self.counts, number % 4) {
            (_, 1) => return None,
            (Some(_), 0 | 2) => return Some(ErrandTurn::Counts),
            (Some(_), _) => number / 4,
            // Where nothing is counted, three of four polls read a delta.
            (None, part) => number / 4 * 3 + part.saturating_sub(1),
        };
        let count = u64::try_from(folders_count).ok().filter(|count| *count > 0)?;
        usize::try_from(turn % count).ok().map(ErrandTurn::Delta)
    }
}
