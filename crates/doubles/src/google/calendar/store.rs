//! A calendar and what people do in it.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use crate::odd::Corruption;

/// With milliseconds, as calendars show dates.
fn iso_millis(at_us: i64) -> String {
    DateTime::from_timestamp_micros(at_us).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// One event, a series or an exception of one.
#[derive(Clone, Debug)]
pub(in crate::google) struct Event {
    /// As it is shown while it is there; what belongs to every event is added when it is shown.
    pub(super) fields: Value,
    pub(super) is_cancelled: bool,
    pub(super) created_us: i64,
    pub(super) updated_us: i64,
    /// The number of its last change.
    pub(super) change: u64,
}

/// The primary calendar of an account.
#[derive(Debug, Default)]
pub(in crate::google) struct Calendar {
    pub(super) events: BTreeMap<String, Event>,
    /// The number of the last change.
    pub(super) changes: u64,
    /// Sync tokens from before it are worth nothing.
    pub(super) expired_before: u64,
    /// Events that the store has trouble with, by their ids.
    pub(super) corrupt: BTreeMap<String, Corruption>,
}

impl Calendar {
    /// Writes an event, new or again.
    pub(super) fn put(&mut self, id: &str, fields: Value, now_us: i64) {
        self.changes += 1;
        let created_us = self.events.get(id).map_or(now_us, |event| event.created_us);
        let event =
            Event { fields, is_cancelled: false, created_us, updated_us: now_us, change: self.changes };
        self.events.insert(id.to_owned(), event);
    }

    /// Changes fields of an event; false without one.
    pub(super) fn change(&mut self, id: &str, changes: &Value, now_us: i64) -> bool {
        let Some(event) = self.events.get(id) else { return false };
        let mut fields = event.fields.clone();
        for (key, value) in changes.as_object().into_iter().flatten() {
            fields[key] = value.clone();
        }
        self.put(id, fields, now_us);
        true
    }

    /// Deletes an event; of a series its exceptions go, too. False without one that is there.
    pub(super) fn cancel(&mut self, id: &str, now_us: i64) -> bool {
        if self.events.get(id).is_none_or(|event| event.is_cancelled) {
            return false;
        }
        let of_series = |event: &Event| event.fields["recurringEventId"] == id && !event.is_cancelled;
        let mut all: Vec<String> = vec![id.to_owned()];
        all.extend(self.events.iter().filter(|(_, event)| of_series(event)).map(|(id, _)| id.clone()));
        for id in all {
            self.changes += 1;
            if let Some(event) = self.events.get_mut(&id) {
                (event.is_cancelled, event.updated_us, event.change) = (true, now_us, self.changes);
            }
        }
        true
    }
}

impl Event {
    /// As the API shows it. A deleted one has little more than its id; an exception of a series also says which day it
    /// stood for.
    pub(super) fn shown(&self, id: &str) -> Value {
        let mut shown = match self.is_cancelled {
            true => json!({ "status": "cancelled" }),
            false => self.fields.clone(),
        };
        if self.is_cancelled {
            for field in ["recurringEventId", "originalStartTime"] {
                if let Some(value) = self.fields.get(field) {
                    shown[field] = value.clone();
                }
            }
        } else {
            shown["status"] = "confirmed".into();
            shown["created"] = iso_millis(self.created_us).into();
            shown["iCalUID"] = format!("{id}@google.com").into();
            shown["sequence"] = json!(0);
        }
        shown["kind"] = "calendar#event".into();
        shown["id"] = id.into();
        // Another one with each change, and never that of another time.
        shown["etag"] = format!("\"{}{:04}\"", self.updated_us / 1_000, self.change % 10_000).into();
        shown["updated"] = iso_millis(self.updated_us).into();
        shown
    }
}
