//! Reading a mailbox through its instance: what a client asks of a resource, and what comes back.

use crate::error::Error;
use crate::http::BodyStream;
use domain::ceql::Expr;
use domain::invalid::Invalid;
use serde_json::Value;

/// Maximum records of a page, whatever is asked for.
pub const PAGE_RECORDS_MAX: u32 = 1000;

/// A read of the hub.
#[derive(Debug, Clone)]
pub struct Query {
    /// The path below the hub, decoded: `["messages"]`, `["messages", ID]`, `["messages", ID, "attachments"]`.
    /// At least one segment, none of them empty.
    pub path: Vec<String>,
    /// `where`.
    pub condition: Option<Expr>,
    /// `fields`; empty: the resource's own choice.
    pub fields: Vec<String>,
    /// `orderBy`, most important first; empty: the provider's order.
    pub order_by: Vec<Order>,
    /// Records of a page, from 1 to [`PAGE_RECORDS_MAX`]; `None`: the resource's own choice.
    pub page_size: Option<u32>,
    /// Which page.
    pub page: PageWanted,
    /// Parameters that are not the dialect's, as given.
    pub parameters: Vec<(String, String)>,
}

impl Query {
    /// A first page of a resource, with nothing said but its name.
    pub fn of(resource: &str) -> Self {
        Query {
            path: vec![resource.to_owned()],
            condition: None,
            fields: Vec::new(),
            order_by: Vec::new(),
            page_size: None,
            page: PageWanted::Number(1),
            parameters: Vec::new(),
        }
    }

    /// The value of a parameter that is not the dialect's.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One field of `orderBy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Name of the field.
    pub field: String,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum PageWanted {
    /// The n-th, counted from 1.
    Number(u32),
    /// The one behind an earlier page: its [`Records::next`], which came back from a client and may be anything.
    After(Value),
}

/// What was read. Records are spelled as in notifications; fields without a value are null or missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A page of a list.
    Many(Records),
    /// One object.
    One(Value),
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    /// Normalised records.
    pub records: Vec<Value>,
    /// Where the next page begins, opaque to the caller; small, and free of secrets.
    pub next: Option<Value>,
    /// How many records the whole list has, where the provider says exactly.
    pub total: Option<u64>,
}

/// Maximum bytes of one content: above what either provider takes,
/// <https://learn.microsoft.com/en-us/graph/outlook-large-attachments> (150 MB) and
/// <https://support.google.com/mail/answer/6584> (50 MB).
pub const CONTENT_BYTES_MAX: usize = 200_000_000;

/// What an object holds, as it comes from the provider; nothing of it is kept.
pub struct Content {
    /// As its sender named it, which may be anything.
    pub file_name: Option<String>,
    /// Its length as the provider gives it beforehand; what comes may differ a little.
    pub bytes_about: Option<u64>,
    /// The bytes.
    pub body: BodyStream,
}

/// Why a read came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The request asks for what this resource or provider can't do; nothing was read.
    #[error("{0}")]
    Refused(Invalid),
    /// No such resource.
    #[error("there is no such resource")]
    NoResource,
    /// The provider failed or refused.
    #[error("{0}")]
    Provider(#[from] Error),
}

impl ReadError {
    /// This parameter breaks this rule.
    pub fn rule(parameter: &str, rule: impl Into<String>) -> Self {
        ReadError::Refused(Invalid::new(parameter, rule))
    }
}
