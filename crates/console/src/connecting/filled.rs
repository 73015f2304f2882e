//! What was filled in.

use super::definition::{
    APPLICATION, CALLBACK, Definition, EVENTS_ENABLED, Editor, Item, KEY, POLLER, SCOPE, SECRET,
};
use super::polling::{self, pretty};
use crate::form::Fields;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How secrets are shown, and what leaves them as they are.
const MASK: &str = "********";

/// A filled form. No `Debug`: it holds secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filled {
    #[serde(rename = "n")]
    pub(crate) name: String,
    /// With commas between them.
    #[serde(rename = "t")]
    pub(super) tags: String,
    /// By key.
    #[serde(rename = "c")]
    pub(super) items: BTreeMap<String, String>,
}

impl Filled {
    /// A new form, with what is known beforehand: an application that is stored, and values by key.
    pub(crate) fn fresh(
        definition: &Definition,
        application: Option<&str>,
        known: &BTreeMap<String, String>,
    ) -> Self {
        let filled = Self::with(definition, |item| match item.key.as_str() {
            // Whoever connects a mailbox here wants its events.
            EVENTS_ENABLED => "true".to_owned(),
            _ => definition.initial(item).to_owned(),
        });
        let mut filled = Filled { name: definition.name.clone(), ..filled };
        if definition.asks(APPLICATION) {
            filled.set(APPLICATION, application.unwrap_or_default());
        }
        // A stored application has id and secret of its own.
        let is_needed = |key: &str| application.is_none() || ![KEY, SECRET].contains(&key);
        for (key, value) in known.iter().filter(|(key, _)| definition.asks(key) && is_needed(key)) {
            filled.set(key, value);
        }
        filled
    }

    /// The scopes that were given, or else those of what is polled; empty where that is the connector's to say.
    pub(crate) fn scopes(&self, definition: &Definition) -> String {
        let given = self.text(SCOPE);
        let polled = serde_json::from_str::<Map<String, Value>>(self.text(POLLER)).unwrap_or_default();
        match &definition.registration {
            Some(told) if given.is_empty() && !polled.is_empty() => {
                told.scopes_for(polled.iter().map(|(name, entry)| resource(name, entry))).join(" ")
            }
            _ => given.to_owned(),
        }
    }

    /// The stored scopes, and those of what is polled by now: nothing that was allowed before is given up.
    pub(crate) fn scopes_again(&self, definition: &Definition) -> String {
        let stored = self.text(SCOPE).to_owned();
        let without =
            Filled { items: [(POLLER.to_owned(), self.text(POLLER).to_owned())].into(), ..Filled::default() };
        let needed = without.scopes(definition);
        let stored_words: Vec<&str> = stored.split_whitespace().collect();
        let more = needed.split_whitespace().filter(|scope| !stored_words.contains(scope));
        stored_words.iter().copied().chain(more).collect::<Vec<_>>().join(" ")
    }

    /// Without what nobody may read.
    pub(crate) fn without_secrets(&self, definition: &Definition) -> Self {
        self.with_secrets_of(&Filled::default(), definition)
    }

    /// With the secrets of another form, or with none where that has none.
    pub(crate) fn with_secrets_of(&self, other: &Filled, definition: &Definition) -> Self {
        let mut filled = self.clone();
        for item in definition.items.iter().filter(|item| item.is_secret) {
            filled.set(&item.key, other.text(&item.key));
        }
        filled
    }

    /// What of it says where and how events are sent.
    pub(crate) fn of_callback(&self) -> Value {
        let is_it = |key: &str| key.starts_with("event.notification.");
        let given = self.items.iter().filter(|(key, value)| is_it(key) && !value.is_empty());
        given.map(|(key, value)| (key.clone(), value.clone().into())).collect::<Map<String, Value>>().into()
    }

    /// Puts a value in the place of another.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.items.insert(key.to_owned(), value.to_owned());
    }

    /// As an instance is configured now, secrets masked.
    pub(crate) fn of_instance(definition: &Definition, instance: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let filled = Self::with(definition, |item| {
            text(&instance["configuration"][&item.key]).unwrap_or_else(|| definition.initial(item).to_owned())
        });
        let tags: Vec<&str> =
            instance["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        Filled {
            name: instance["name"].as_str().unwrap_or_default().to_owned(),
            tags: tags.join(", "),
            ..filled
        }
    }

    /// As it was posted; `poller` is what list and code together say.
    pub(crate) fn posted(definition: &Definition, fields: &Fields, poller: &str) -> Self {
        let value = |item: &Item| match item.editor {
            Editor::Polling => poller.to_owned(),
            Editor::Switch => fields.flag(&field_name(&item.key)).to_string(),
            Editor::Application if item.key == SECRET => fields.text(&field_name(&item.key)).to_owned(),
            // A secret may begin or end with a space, if somebody insists.
            Editor::Password => fields.text(&field_name(&item.key)).to_owned(),
            _ => fields.text(&field_name(&item.key)).trim().replace("\r\n", "\n"),
        };
        Filled {
            name: fields.text("name").trim().to_owned(),
            tags: fields.text("tags").trim().to_owned(),
            ..Self::with(definition, value)
        }
    }

    fn with(definition: &Definition, value: impl Fn(&Item) -> String) -> Self {
        let item = |item: &Item| {
            let value = value(item);
            let value = match item.editor {
                Editor::Polling => pretty(&value),
                Editor::Switch => value.trim().eq_ignore_ascii_case("true").to_string(),
                _ => value,
            };
            (item.key.clone(), value)
        };
        Filled { items: definition.items.iter().map(item).collect(), ..Filled::default() }
    }

    /// One item.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.items.get(key).map_or("", String::as_str)
    }

    /// What makes an instance of it, but for the code.
    pub(crate) fn creation(&self, element: &str, callback: &str) -> Value {
        let given = self.items.iter().filter(|(_, value)| !value.is_empty());
        let mut items: Map<String, Value> =
            given.map(|(key, value)| (key.clone(), said(key, value))).collect();
        items.insert(CALLBACK.to_owned(), callback.into());
        let mut body =
            json!({ "element": { "key": element }, "configuration": items, "tags": self.tag_list() });
        if !self.name.is_empty() {
            body["name"] = self.name.as_str().into();
        }
        body
    }

    /// What differs from before, as a change says it.
    pub(crate) fn change(&self, before: &Filled) -> Value {
        let differs = |key: &str, value: &str| match key {
            POLLER => !polling::is_same(before.text(key), value),
            _ => before.text(key) != value,
        };
        let items: Map<String, Value> = self
            .items
            .iter()
            .filter(|(key, value)| *value != MASK && differs(key, value))
            .map(|(key, value)| (key.clone(), said(key, value)))
            .collect();
        let mut body = Map::new();
        if !items.is_empty() {
            body.insert("configuration".to_owned(), items.into());
        }
        if self.name != before.name {
            body.insert("name".to_owned(), self.name.as_str().into());
        }
        if self.tag_list() != before.tag_list() {
            body.insert("tags".to_owned(), self.tag_list().into());
        }
        body.into()
    }

    fn tag_list(&self) -> Vec<&str> {
        self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect()
    }
}

/// What an entry reads: as its url says, or else its name.
fn resource<'a>(name: &'a str, entry: &'a Value) -> &'a str {
    let path = entry["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default().trim();
    let below = path.strip_prefix("/hubs/").and_then(|rest| rest.split_once('/'));
    below.map_or(name, |(_, resource)| resource)
}

/// The poller configuration goes as an object where it is one, so that it can be read in what is sent.
fn said(key: &str, value: &str) -> Value {
    match serde_json::from_str::<Value>(value) {
        Ok(object @ Value::Object(_)) if key == POLLER => object,
        _ => value.into(),
    }
}

/// Name of an item's field.
pub(super) fn field_name(key: &str) -> String {
    format!("item.{key}")
}
