//! What somebody looks for in a mailbox, and how what is found stands to what is polled.

use crate::Window;
use chrono::{DateTime, Utc};

/// Records that one search looks at.
pub const SOUGHT_RECORDS_MAX: u32 = 10;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Sought {
    /// An object, by the provider's id.
    Object(String),
    /// What has this subject, as far as the provider can search by it.
    Subject(String),
    /// What came within a window.
    Within(Window),
}

/// How a record stands to a resource's configuration, as it is today.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordStanding {
    /// The provider's id.
    pub object_id: String,
    /// When it came.
    pub arrived_at: Option<DateTime<Utc>>,
    /// It is a draft, and those are not reported.
    pub is_draft: bool,
    /// It fulfils the configured conditions.
    pub is_wanted: bool,
}
