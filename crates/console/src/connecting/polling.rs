//! The poller configuration as a list and as code. The script keeps both in step; without it, what was changed counts,
//! and where both were, the person says which.

use super::definition::{Definition, POLLER};
use super::filled::field_name;
use crate::form::Fields;
use serde_json::{Map, Value};

/// Maximum resources of one configuration: connectors have a handful.
const ROWS_COUNT_MAX: usize = 200;
pub(super) const DATES: &str = "datesConfiguration";
/// Fields below [`DATES`], with their labels.
pub(super) const DATE_FIELDS: [(&str, &str); 6] = [
    ("updatedDateField", "Updated Date Field"),
    ("updatedDateFormat", "Updated Date Format"),
    ("updatedDateTimezone", "Updated Date Timezone"),
    ("createdDateField", "Created Date Field"),
    ("createdDateFormat", "Created Date Format"),
    ("createdDateTimezone", "Created Date Timezone"),
];

/// What a button of the form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Writes the list into the code.
    ToCode,
    /// Reads the list from the code.
    FromCode,
    Try,
    /// Sends a test to the callback.
    TestEvent,
    /// Creates or saves.
    Go,
}

impl Action {
    pub(crate) fn of(fields: &Fields) -> Self {
        match fields.text("do") {
            "to-code" => Action::ToCode,
            "from-code" => Action::FromCode,
            "try" => Action::Try,
            "test-event" => Action::TestEvent,
            _ => Action::Go,
        }
    }
}

/// What list and code together say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// As JSON text, or whatever was typed.
    Says(String),
    /// Both were changed and differ.
    Undecided(Sides),
}

/// List and code that differ, each as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) code: String,
    pub(super) list: String,
    /// What both were before.
    pub(super) base: String,
}

/// A resource in the list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) is_on: bool,
    pub(super) entry: Map<String, Value>,
}

impl Row {
    pub(super) fn text(&self, key: &str) -> &str {
        shown(&self.entry, key)
    }

    pub(super) fn date(&self, key: &str) -> &str {
        self.entry.get(DATES).and_then(Value::as_object).map_or("", |dates| shown(dates, key))
    }

    pub(super) fn has_dates(&self) -> bool {
        has_dates(&self.entry)
    }
}

/// What the connector can poll, then what else the code names; nothing where the code is not an object.
pub(super) fn rows(code: &str, definition: &Definition) -> Option<Vec<Row>> {
    let said = object(code)?;
    let known = definition.resources.keys();
    let others = said.keys().filter(|name| !definition.resources.contains_key(*name));
    let row = |name: &String| Row {
        name: name.clone(),
        is_on: said.contains_key(name),
        entry: said
            .get(name)
            .or_else(|| definition.resources.get(name))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    };
    Some(known.chain(others).take(ROWS_COUNT_MAX).map(row).collect())
}

/// Whether two texts say the same.
pub(super) fn is_same(left: &str, right: &str) -> bool {
    match (object(left), object(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => left == right,
        _ => false,
    }
}

/// Indented, where it is JSON.
pub(super) fn pretty(code: &str) -> String {
    let text = serde_json::from_str::<Value>(code).and_then(|value| serde_json::to_string_pretty(&value));
    text.unwrap_or_else(|_| code.to_owned())
}

/// What counts of a posted form.
pub(crate) fn decide(fields: &Fields, action: Action) -> Decision {
    let code = fields.text(&field_name(POLLER)).replace("\r\n", "\n");
    let base = fields.text("poll.base").replace("\r\n", "\n");
    // The script has kept both in step.
    let is_in_step = fields.text("poll.in-step") == "true";
    let Some(before) = object(&base).filter(|_| !is_in_step && has_rows(fields)) else {
        return Decision::Says(code);
    };
    let list = from_list(fields, before.clone());
    let is_list_changed = list != before;
    let list = pretty(&Value::Object(list).to_string());
    match (action, is_list_changed, !is_same(&base, &code)) {
        (Action::ToCode, _, _) | (Action::Try | Action::Go, true, false) => Decision::Says(list),
        (Action::Try | Action::Go, true, true) if !is_same(&list, &code) => {
            Decision::Undecided(Sides { code, list, base })
        }
        _ => Decision::Says(code),
    }
}

fn has_rows(fields: &Fields) -> bool {
    !fields.text("poll.0.name").is_empty()
}

/// What was there before, with what the list says otherwise: what it does not show stays.
fn from_list(fields: &Fields, mut said: Map<String, Value>) -> Map<String, Value> {
    for index in 0..ROWS_COUNT_MAX {
        let field = |name: &str| fields.text(&format!("poll.{index}.{name}")).trim();
        let name = field("name");
        if name.is_empty() {
            break;
        }
        if !fields.flag(&format!("poll.{index}.on")) {
            said.remove(name);
            continue;
        }
        let default = object(field("entry")).unwrap_or_default();
        let entry = said.entry(name).or_insert(Value::Object(default));
        // Anything but an object is left to the code.
        let Some(entry) = entry.as_object_mut() else { continue };
        set(entry, "url", field("url"));
        set(entry, "idField", field("idField"));
        if fields.flag(&format!("poll.{index}.dates")) {
            let dates = entry.entry(DATES).or_insert_with(|| Value::Object(Map::new()));
            let Some(dates) = dates.as_object_mut() else { continue };
            for (key, _) in DATE_FIELDS {
                set(dates, key, field(key));
            }
        } else if has_dates(entry) {
            entry.remove(DATES);
        }
    }
    said
}

/// Only where it is not as it was shown: a number, say, stays one.
fn set(object: &mut Map<String, Value>, key: &str, value: &str) {
    if shown(object, key) == value {
        return;
    }
    match value.is_empty() {
        true => drop(object.remove(key)),
        false => drop(object.insert(key.to_owned(), value.into())),
    }
}

fn shown<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).map_or("", str::trim)
}

fn has_dates(entry: &Map<String, Value>) -> bool {
    entry.get(DATES).and_then(Value::as_object).is_some_and(|dates| !dates.is_empty())
}

/// Nothing at all is an empty object.
fn object(code: &str) -> Option<Map<String, Value>> {
    match code.trim() {
        "" => Some(Map::new()),
        code => serde_json::from_str(code).ok(),
    }
}
