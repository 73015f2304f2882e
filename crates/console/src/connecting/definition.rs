//! What a connector asks for, as the interface lists it.

use super::registration::Registration;
use crate::api::address;
use crate::failure::Failure;
use crate::signed::Signed;
use maud::{Markup, html};
use serde_json::{Map, Value};

/// Where the provider sends users back: the console's own address, so no form asks for it.
pub(crate) const CALLBACK: &str = "oauth.callback.url";
pub(super) const INTERVAL: &str = "event.poller.refresh_interval";
pub(super) const POLLER: &str = "event.poller.configuration";
pub(super) const APPLICATION: &str = "oauth.application";
pub(super) const KEY: &str = "oauth.api.key";
pub(super) const SECRET: &str = "oauth.api.secret";
/// What a sign-in asks for.
pub(crate) const SCOPE: &str = "oauth.scope";
pub(super) const EVENTS_ENABLED: &str = "event.notification.enabled";
const VENDOR_TYPE: &str = "event.vendor.type";
/// What few connectors need, and only for push.
const PUSH: &str = "event.vendor.push.";
const NOTIFICATION_URL: &str = "event.notification.callback.url";

/// What is sent along, often a password.
const HEADERS: &str = "event.notification.callback.headers";

/// Labels of the documented form, where those of the items differ.
const LABELS: [(&str, &str); 2] =
    [("event.notification.enabled", "Events Enabled"), (VENDOR_TYPE, "Event Type")];

/// Ways events come, in words.
pub(super) const VENDOR_METHOD_WORDS: [(&str, &str); 2] =
    [("polling", "Polling"), ("webhooks", "Polling, and notices of the provider")];

/// Parts of the form, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormPart {
    /// Behind "Show Optional Fields".
    Optional,
    /// The application's credentials, and what else the connector needs.
    Application,
    Events,
}

/// What an item is edited with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Editor {
    Text,
    Address,
    Password,
    Lines,
    Switch,
    Interval,
    Polling,
    EventType,
    /// Shown with the application, by itself.
    Application,
}

/// One item.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) description: String,
    pub(super) default: String,
    pub(super) required: bool,
    /// Nobody may read it again.
    pub(super) is_secret: bool,
    pub(super) part: FormPart,
    pub(super) editor: Editor,
}

/// A connector's form.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) key: String,
    pub(crate) name: String,
    /// In display order.
    pub(super) items: Vec<Item>,
    /// What can be polled, each with its entry.
    pub(super) resources: Map<String, Value>,
    /// Ways events come.
    pub(super) methods: Vec<String>,
    /// Minutes.
    pub(super) interval_min: u64,
    pub(super) interval_max: u64,
    /// Where there is a sign-in.
    pub(super) registration: Option<Registration>,
}

impl Definition {
    pub(crate) async fn read(signed: &Signed, key: &str) -> Result<Self, Failure> {
        let (configuration, metadata) =
            (address(&["elements", key, "configuration"], &[]), address(&["elements", key, "metadata"], &[]));
        let (items, metadata) = tokio::join!(signed.api.get(&configuration), signed.api.get(&metadata));
        Ok(Self::of(key, items?.rows(), &metadata?.body))
    }

    pub(super) fn of(key: &str, rows: &[Value], metadata: &Value) -> Self {
        let polling = &metadata["events"]["polling"];
        let methods: Vec<String> = metadata["events"]["methods"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|method| method.as_str().map(str::to_owned))
            .collect();
        let mut rows: Vec<&Value> = rows.iter().filter(|row| is_asked(row, methods.len())).collect();
        let order = |row: &Value| row["displayOrder"].as_u64().unwrap_or(u64::MAX);
        // The documented form asks how often just before what is polled; the items have another order.
        let of_polling = rows.iter().find(|row| row["key"] == POLLER).map_or(u64::MAX, |row| order(row));
        rows.sort_by_key(|row| if row["key"] == INTERVAL { (of_polling, 0) } else { (order(row), 1) });
        let minutes = |name: &str, default| polling["intervalMinutes"][name].as_u64().unwrap_or(default);
        Definition {
            key: metadata["key"].as_str().unwrap_or(key).to_owned(),
            name: metadata["name"].as_str().unwrap_or(key).to_owned(),
            items: rows.into_iter().map(item).collect(),
            resources: polling["resources"].as_object().cloned().unwrap_or_default(),
            interval_min: minutes("minimum", 1),
            interval_max: minutes("maximum", 1440),
            registration: Registration::of(metadata),
            methods,
        }
    }

    /// What a refusal of the provider means and what to do, as far as that is known.
    pub(crate) fn advice(&self, said: &str) -> Markup {
        let told = self.registration.as_ref().map(|told| told.advice(said)).unwrap_or_default();
        html! { @for (cause, remedy) in told { p { (cause) " " strong { (remedy) } } } }
    }

    /// Whether an item is one of this connector's.
    pub(super) fn asks(&self, key: &str) -> bool {
        self.item(key).is_some()
    }

    pub(super) fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key == key)
    }

    pub(super) fn part(&self, part: FormPart) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.part == part)
    }

    /// What an item says where nothing was given; optional texts say it in their hint and stay empty.
    pub(super) fn initial<'a>(&self, item: &'a Item) -> &'a str {
        let is_filled = item.part == FormPart::Events || item.editor == Editor::Switch || item.required;
        if is_filled { &item.default } else { "" }
    }
}

fn is_asked(row: &Value, methods_count: usize) -> bool {
    match row["key"].as_str() {
        None | Some(CALLBACK) => false,
        // Asked for only where there is something to choose.
        Some(VENDOR_TYPE) => methods_count > 1,
        Some(key) if key.starts_with(PUSH) && methods_count < 2 => false,
        Some(_) => row["hideFromConsole"] != true && row["active"] != false,
    }
}

fn item(row: &Value) -> Item {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let key = text("key");
    let required = row["required"] == true;
    let part = match row["groupName"].as_str() {
        _ if key == APPLICATION => FormPart::Application,
        _ if key.starts_with(PUSH) => FormPart::Optional,
        Some("Event Configuration") => FormPart::Events,
        Some("Optional Fields") => FormPart::Optional,
        _ if required => FormPart::Application,
        _ => FormPart::Optional,
    };
    let editor = match (key.as_str(), row["type"].as_str()) {
        (POLLER, _) => Editor::Polling,
        (APPLICATION | KEY | SECRET, _) => Editor::Application,
        (INTERVAL, _) => Editor::Interval,
        (VENDOR_TYPE, _) => Editor::EventType,
        (NOTIFICATION_URL, _) => Editor::Address,
        (_, Some("BOOLEAN")) => Editor::Switch,
        (_, Some("PASSWORD")) => Editor::Password,
        (_, Some("TEXTAREA")) => Editor::Lines,
        _ => Editor::Text,
    };
    let label = LABELS.iter().find(|(known, _)| *known == key).map(|(_, label)| (*label).to_owned());
    Item {
        label: label.unwrap_or_else(|| text("name")),
        description: text("description"),
        default: text("defaultValue"),
        is_secret: row["type"] == "PASSWORD" || [SECRET, HEADERS].contains(&key.as_str()),
        key,
        required,
        part,
        editor,
    }
}
