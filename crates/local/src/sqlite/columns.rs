//! How values stand in columns.

use chrono::{DateTime, Utc};
use domain::event::ChangeKind;
use domain::ids::InstanceId;
use rusqlite::types::Type;
use rusqlite::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Times are whole microseconds since the Unix epoch.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// Back from [`micros`].
pub(crate) fn time(us: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(us).ok_or_else(|| damaged(Type::Integer, "not a time"))
}

/// Back from [`micros`], where there may be none.
pub(crate) fn time_or_none(us: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    us.map(time).transpose()
}

/// An id that was stored as its number.
pub(crate) fn instance_id(number: u32) -> InstanceId {
    InstanceId::from_bytes(number.to_be_bytes())
}

/// A row as a document.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// Back from [`to_json`].
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| damaged(Type::Text, without_content(&error)))
}

/// The error itself may quote what it does not understand.
fn without_content(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "not as this program has it",
        Category::Eof => "it ends early",
        Category::Syntax | Category::Io => "not JSON",
    };
    format!("{what}, line {}, column {}", error.line(), error.column())
}

/// A stored value that was not written by this program. The error quotes nothing of it.
pub(crate) fn damaged(kind: Type, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::FromSqlConversionFailure(0, kind, error.into())
}

/// Of the kinds that a notification's events have.
pub(super) fn kind_bit(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::Created => 1,
        ChangeKind::Updated => 2,
        ChangeKind::Deleted => 4,
    }
}
