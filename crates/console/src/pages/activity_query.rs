//! What of the event log is asked for.

use crate::api::address;
use crate::failure::Failure;
use crate::form::Fields;
use crate::signed::Signed;
use crate::time::utc;
use chrono::{Duration, SecondsFormat};

/// Rows of a page: a screen or two.
const PAGE_SIZE: &str = "50";
/// Lengths of time to choose from, with their minutes.
pub(super) const RANGES: [(&str, &str, i64); 4] = [
    ("15m", "Last 15 minutes", 15),
    ("1h", "Last hour", 60),
    ("1d", "Last day", 24 * 60),
    ("7d", "Last 7 days", 7 * 24 * 60),
];

/// What is asked for, as the address says.
pub(super) struct ActivityQuery {
    /// Of all instances where there is none.
    pub(super) instance: Option<String>,
    /// The name of one, or its id, which is looked for first.
    pub(super) wanted: String,
    pub(super) range: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: String,
    pub(super) resource: String,
    pub(super) object: String,
    /// A part of it.
    pub(super) subject: String,
    pub(super) status: String,
    pub(super) next: String,
}

impl ActivityQuery {
    pub(super) fn of(instance: Option<String>, query: Option<String>) -> Result<Self, Failure> {
        let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
        let text = |name| query.text(name).trim().to_owned();
        Ok(ActivityQuery {
            instance,
            wanted: text("instance"),
            range: text("range"),
            from: text("from"),
            to: text("to"),
            kind: text("type"),
            resource: text("resource"),
            object: text("object"),
            subject: text("subject"),
            status: text("status"),
            next: text("page"),
        })
    }

    pub(super) fn path(&self) -> String {
        match &self.instance {
            Some(id) => address(&["instances", id, "activity"], &[]),
            None => "/activity".to_owned(),
        }
    }

    /// The interface's address of the list.
    pub(super) fn list(&self, signed: &Signed) -> String {
        let minutes = RANGES.iter().find(|(key, _, _)| *key == self.range).map(|range| range.2);
        let begin = minutes.map(|minutes| signed.now - Duration::minutes(minutes));
        let from = match (self.from.is_empty(), begin) {
            (true, Some(begin)) => begin.to_rfc3339_opts(SecondsFormat::Secs, true),
            _ => utc(&self.from),
        };
        let query = [
            ("from", from.as_str()),
            ("to", &utc(&self.to)),
            ("eventType", &self.kind),
            ("objectType", &self.resource),
            ("objectId", &self.object),
            ("subject", &self.subject),
            ("status", &self.status),
            ("pageSize", PAGE_SIZE),
            ("nextPage", &self.next),
        ];
        match &self.instance {
            Some(id) => address(&["instances", id, "events"], &query),
            None => address(&["instances", "events"], &query),
        }
    }

    /// Our own address of a page of the same.
    pub(super) fn page(&self, next: &str) -> String {
        format!("{}{}", self.path(), self.query(next))
    }

    /// The same of one instance.
    pub(super) fn of_instance(&self, id: &str) -> String {
        format!("{}{}", address(&["instances", id, "activity"], &[]), self.query(""))
    }

    fn query(&self, next: &str) -> String {
        let query = [
            ("range", self.range.as_str()),
            ("from", &self.from),
            ("to", &self.to),
            ("type", &self.kind),
            ("resource", &self.resource),
            ("object", &self.object),
            ("subject", &self.subject),
            ("status", &self.status),
            ("page", next),
        ];
        address(&[], &query)
    }

    /// Where these are delivered again, by their time.
    pub(super) fn again(&self) -> String {
        let instance = self.instance.as_deref().unwrap_or_default();
        let query = [("action", "retry"), ("id", instance), ("from", &self.from), ("to", &self.to)];
        address(&["bulk", "new"], &query)
    }

    pub(super) fn is_filtered(&self) -> bool {
        let short = [&self.range, &self.kind, &self.resource, &self.status];
        self.is_exact() || short.iter().any(|field| !field.is_empty())
    }

    /// Whether it has more than the short form.
    pub(super) fn is_exact(&self) -> bool {
        [&self.from, &self.to, &self.object, &self.subject].iter().any(|field| !field.is_empty())
    }
}
