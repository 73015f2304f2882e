//! How values stand in items. Times are whole microseconds since the Unix epoch, documents are JSON.

use app::ports::{PortError, Result, UnreadableRow};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// Attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn numbers(values: impl IntoIterator<Item = u64>) -> AttributeValue {
    AttributeValue::Ns(values.into_iter().map(|value| value.to_string()).collect())
}

pub(super) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(super) fn time(at: DateTime<Utc>) -> AttributeValue {
    number(at.timestamp_micros())
}

/// Whole seconds, as the table's expiry takes them, never too early.
pub(super) fn expiry(at: DateTime<Utc>) -> AttributeValue {
    number(at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<AttributeValue> {
    Ok(text(to_json(value)?))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| PortError::new("write a document", error))
}

/// An item with an attribute that was not written by this program.
pub(super) fn damaged(item: &Item, attribute: &str) -> PortError {
    let part =
        |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).map_or("", String::as_str);
    let key = format!("{} {}", part("pk"), part("sk"));
    let row = UnreadableRow { of: "item", key, why: format!("`{attribute}` is not as this program has it") };
    PortError::unreadable("read an item", row)
}

/// An item that was read.
#[derive(Debug, Clone)]
pub(super) struct Row(pub(super) Item);

impl Row {
    pub(super) fn damaged(&self, attribute: &str) -> PortError {
        damaged(&self.0, attribute)
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&str> {
        self.text_or_none(name)?.ok_or_else(|| self.damaged(name))
    }

    pub(super) fn text_or_none(&self, name: &'static str) -> Result<Option<&str>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_s().map(|text| Some(text.as_str())).map_err(|_| self.damaged(name))
    }

    pub(super) fn number<T: FromStr>(&self, name: &'static str) -> Result<T> {
        self.number_or_none(name)?.ok_or_else(|| self.damaged(name))
    }

    pub(super) fn number_or_none<T: FromStr>(&self, name: &'static str) -> Result<Option<T>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_n().ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.damaged(name))
    }

    /// A set; one that is not there is empty.
    pub(super) fn numbers(&self, name: &'static str) -> Result<Vec<u64>> {
        let Some(value) = self.0.get(name) else { return Ok(Vec::new()) };
        let texts = value.as_ns().map_err(|_| self.damaged(name))?;
        texts.iter().map(|text| text.parse().map_err(|_| self.damaged(name))).collect()
    }

    /// Bytes; none where there are none.
    pub(super) fn bytes(&self, name: &'static str) -> Result<&[u8]> {
        let Some(value) = self.0.get(name) else { return Ok(&[]) };
        value.as_b().map(|blob| blob.as_ref()).map_err(|_| self.damaged(name))
    }

    /// A mark, which is there or not.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn time(&self, name: &'static str) -> Result<DateTime<Utc>> {
        self.time_or_none(name)?.ok_or_else(|| self.damaged(name))
    }

    pub(super) fn time_or_none(&self, name: &'static str) -> Result<Option<DateTime<Utc>>> {
        let Some(us) = self.number_or_none(name)? else { return Ok(None) };
        DateTime::from_timestamp_micros(us).map(Some).ok_or_else(|| self.damaged(name))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &'static str) -> Result<T> {
        serde_json::from_str(self.text(name)?).map_err(|_| self.damaged(name))
    }

    pub(super) fn json_or_none<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>> {
        self.has(name).then(|| self.json(name)).transpose()
    }
}
