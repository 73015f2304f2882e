//! Which instances a page is about, and how many there are of each kind: as the interface lists and counts them.

use crate::api::{Refused, address};
use crate::form::Fields;
use crate::signed::Signed;
use crate::status::Status;
use crate::time;
use axum::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// Rows of a page: a screen or two.
const PAGE_SIZE: &str = "50";
/// Pages of counts that are added up: of 10,000 instances each in one process, fewer on AWS.
const COUNTS_COUNT_MAX: usize = 20;

/// What is looked for, as the address says.
pub(crate) struct Filter {
    pub(crate) search: String,
    /// What is looked for is the address of a mailbox that instances have; no name is looked at.
    pub(crate) is_mailbox: bool,
    /// With commas between them.
    pub(crate) tags: String,
    pub(crate) status: String,
    pub(crate) connector: String,
    pub(crate) application: String,
    pub(crate) sort: String,
    pub(crate) next: String,
}

impl Filter {
    pub(crate) fn of(query: &Fields) -> Self {
        let text = |name| query.text(name).trim().to_owned();
        let mailbox = text("mailbox");
        Filter {
            is_mailbox: !mailbox.is_empty(),
            search: if mailbox.is_empty() { text("search") } else { mailbox },
            tags: text("tags"),
            status: text("status"),
            connector: text("connector"),
            application: text("application"),
            sort: text("sort"),
            next: query.text("page").to_owned(),
        }
    }

    /// What looks like an address is looked for among the mailboxes, and where none has it among the names.
    pub(crate) async fn settled(self, signed: &Signed) -> Result<Self, Refused> {
        let is_mailbox = self.is_mailbox || has_mailbox(signed, &self.search).await?;
        Ok(Filter { is_mailbox, ..self })
    }

    /// The interface's address of the list.
    pub(crate) fn list(&self) -> String {
        let mut query = self.query();
        query.extend([
            ("status[]", self.status.as_str()),
            ("orderBy", &self.sort),
            ("withHealth", "true"),
            ("hydrate", "false"),
            ("pageSize", PAGE_SIZE),
            ("nextPage", &self.next),
        ]);
        address(&["instances"], &query)
    }

    /// The interface's address of the counts of what all filters but the status leave.
    pub(crate) fn counts(&self) -> String {
        address(&["instances", "counts"], &self.query())
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let search = if self.is_mailbox { "mailbox" } else { "searchText" };
        let mut query = vec![(search, self.search.as_str()), ("connector", &self.connector)];
        query.push(("application", &self.application));
        query.extend(self.tags.split(',').map(|tag| ("tags[]", tag.trim())));
        query
    }

    /// Our own address of a page of the same.
    pub(crate) fn page(&self, next: &str) -> String {
        self.own(&self.status, next)
    }

    /// Our own address of the same with another status.
    pub(crate) fn with_status(&self, status: &str) -> String {
        self.own(status, "")
    }

    fn own(&self, status: &str, next: &str) -> String {
        let query = [
            (self.searched(), self.search.as_str()),
            ("tags", &self.tags),
            ("status", status),
            ("connector", &self.connector),
            ("application", &self.application),
            ("sort", &self.sort),
            ("page", next),
        ];
        address(&["instances"], &query)
    }

    /// What our own address calls what is looked for.
    fn searched(&self) -> &'static str {
        if self.is_mailbox { "mailbox" } else { "search" }
    }

    /// What is looked for, in the names of our own address: what a form hands on.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            (self.searched(), self.search.as_str()),
            ("tags", &self.tags),
            ("status", &self.status),
            ("connector", &self.connector),
            ("application", &self.application),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// How many of those counted are listed: of several statuses their sum.
    pub(crate) fn listed(&self, counts: &Counts) -> u64 {
        match self.status.as_str() {
            "" => counts.total(),
            asked => {
                let is_asked = |one: &Status| asked.split(',').any(|key| key.trim() == one.key());
                Status::ALL.into_iter().filter(is_asked).map(|status| counts.of(status)).sum()
            }
        }
    }

    pub(crate) fn is_search(&self) -> bool {
        !self.search.is_empty() || !self.tags.is_empty()
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.is_search()
            || [&self.status, &self.connector, &self.application, &self.sort]
                .iter()
                .any(|text| !text.is_empty())
    }
}

/// Whether an instance's mailbox has this address. What is no address for the interface is none here.
pub(crate) async fn has_mailbox(signed: &Signed, text: &str) -> Result<bool, Refused> {
    if !text.contains('@') {
        return Ok(false);
    }
    let query = [("mailbox", text), ("hydrate", "false"), ("pageSize", "1")];
    let answer = signed.api.call(Method::GET, &address(&["instances"], &query), None).await;
    match answer.status {
        StatusCode::BAD_REQUEST => Ok(false),
        _ => Ok(!answer.ok()?.rows().is_empty()),
    }
}

/// How many instances there are of each kind, pages of counts added up.
pub(crate) struct Counts {
    pages: Vec<Value>,
    /// There are more than were counted.
    is_cut: bool,
    unreadable_count: u64,
    now: DateTime<Utc>,
}

impl Counts {
    pub(crate) async fn read(signed: &Signed, path: &str) -> Result<Self, Refused> {
        let mut counts = Counts { pages: Vec::new(), is_cut: false, unreadable_count: 0, now: signed.now };
        let mut next = String::new();
        for _ in 0..COUNTS_COUNT_MAX {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = match next.is_empty() {
                true => path.to_owned(),
                false => format!("{path}{separator}nextPage={next}"),
            };
            let answer = signed.api.get(&page).await?;
            next = answer.next_page().unwrap_or_default().to_owned();
            counts.unreadable_count += answer.unreadable_count();
            counts.pages.push(answer.body);
            if next.is_empty() {
                return Ok(counts);
            }
        }
        counts.is_cut = true;
        Ok(counts)
    }

    fn sum(&self, number: impl Fn(&Value) -> Option<u64>) -> u64 {
        self.pages.iter().filter_map(number).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.sum(|page| page["total"].as_u64())
    }

    /// How many are not counted, since they can't be read.
    pub(crate) fn unreadable_count(&self) -> u64 {
        self.unreadable_count
    }

    pub(crate) fn need_somebody(&self) -> u64 {
        self.sum(|page| page["needSomebody"].as_u64())
    }

    pub(crate) fn suspended_callbacks(&self) -> u64 {
        self.sum(|page| page["suspendedCallbacks"].as_u64())
    }

    pub(crate) fn of(&self, status: Status) -> u64 {
        self.sum(|page| page["byStatus"][status.key()].as_u64())
    }

    /// Those that there are, in the order of what has to be done.
    pub(crate) fn by_status(&self) -> impl Iterator<Item = (Status, u64)> {
        Status::ALL.into_iter().map(|status| (status, self.of(status))).filter(|(_, count)| *count > 0)
    }

    /// Keys of the connectors that there are instances of.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = &str> {
        let keys = self.pages.iter().filter_map(|page| page["byConnector"].as_object());
        let keys: std::collections::BTreeSet<&str> =
            keys.flat_map(|by| by.keys().map(String::as_str)).collect();
        keys.into_iter()
    }

    /// Names of the applications that instances name, the most frequent ones of each page.
    pub(crate) fn applications(&self) -> impl Iterator<Item = &str> {
        let counts = self.pages.iter().filter_map(|page| page["byApplication"].as_array()).flatten();
        let names: std::collections::BTreeSet<&str> =
            counts.filter_map(|one| one["application"].as_str()).collect();
        names.into_iter()
    }

    /// A sentence where a part of it was counted earlier: a host may keep counts for a while.
    pub(crate) fn age(&self) -> Markup {
        let counted = self.pages.iter().filter_map(|page| time::read(page["countedAt"].as_str())).min();
        html! { @if let Some(at) = counted { "Counted " (time::relative(at, self.now)) "." } }
    }

    /// What stands before a number that is not the whole one.
    pub(crate) fn bound(&self) -> &'static str {
        if self.is_cut { "at least " } else { "" }
    }

    /// Notifications that wait, of this kind, and whether there may be more.
    pub(crate) fn waiting(&self, kind: &str) -> (u64, bool) {
        let is_bound = |page: &Value| page[kind]["atLeast"] == true;
        let count = self.sum(|page| page[kind]["count"].as_u64());
        (count, self.is_cut || self.pages.iter().any(is_bound))
    }
}
