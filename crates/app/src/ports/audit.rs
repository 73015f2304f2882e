//! The record of what was changed, by whom.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Actor {
    /// A user, by the HTTP interface.
    User {
        #[serde(rename = "userId")]
        user_id: u32,
    },
    /// An administrator, by key or on the host itself.
    Administrator,
    /// Carillon itself, as when a provider wants a person to sign in again.
    Carillon,
}

/// One change. It holds no secret: those stand masked in both documents. Of an instance it holds no value in clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Names the entry: 24 hexadecimal digits, that of the request where one led to it.
    pub id: String,
    /// Organization in whose record it stands.
    pub organization_id: u32,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `instance.changed`.
    pub action: String,
    /// To what, as `instances/17`.
    pub subject: String,
    /// What of an instance is otherwise than before, as `configuration.event.poller.refresh_interval`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What stood there before; `None` where nothing did, or where it is sealed.
    pub before: Option<Value>,
    /// What stands there now; `None` where nothing does, or where it is sealed.
    pub after: Option<Value>,
    /// `before` and `after` of an instance, sealed under the key in its row: they end with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

/// A place in the record: entries are ordered by their time, then by their id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditMark {
    /// Time of the last entry read.
    pub at: DateTime<Utc>,
    /// Id of the last entry read.
    pub id: String,
}

/// How long entries are kept, days.
pub const AUDIT_DAYS: i64 = 400;
