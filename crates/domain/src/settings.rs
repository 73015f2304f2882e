//! An instance's configuration: dotted keys on the wire, typed here.

use crate::invalid::{Invalid, text_boolean};
use crate::json_text;
use crate::resource::ResourceConfig;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a secret looks like in replies; sent back, it means "unchanged".
pub const MASK: &str = "********";
/// Keys whose values are secrets: kept in the vault, masked in replies.
const SECRET_KEYS: [&str; 7] = [
    OAUTH_API_KEY,
    OAUTH_API_SECRET,
    OAUTH_USER_TOKEN,
    OAUTH_REFRESH_TOKEN,
    SIGNATURE_KEY,
    "event.notification.basic.password",
    "password",
];

pub const OAUTH_API_KEY: &str = "oauth.api.key";
pub const OAUTH_API_SECRET: &str = "oauth.api.secret";
pub const OAUTH_CALLBACK_URL: &str = "oauth.callback.url";
pub const OAUTH_SCOPE: &str = "oauth.scope";
pub const OAUTH_USER_TOKEN: &str = "oauth.user.token";
pub const OAUTH_REFRESH_TOKEN: &str = "oauth.user.refresh_token";
pub const SIGNATURE_KEY: &str = "event.notification.signature.key";
pub const EVENTS_ENABLED: &str = "event.notification.enabled";
pub const CALLBACK_URL: &str = "event.notification.callback.url";
pub const EVENT_BUS: &str = "event.notification.eventbridge";
pub const REFRESH_INTERVAL: &str = "event.poller.refresh_interval";
pub const POLLER_CONFIGURATION: &str = "event.poller.configuration";
const VENDOR_TYPE: &str = "event.vendor.type";

/// Default minutes between polls.
const INTERVAL_DEFAULT_MIN: u32 = 15;
/// Longest value of one item, bytes; the poller configuration is the largest of them.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Items in one configuration.
const ITEMS_COUNT_MAX: usize = 100;
/// Resources polled for one instance.
const RESOURCES_COUNT_MAX: usize = 20;

/// Configuration items as texts.
pub type Items = BTreeMap<String, String>;

/// Whether an item's value is a secret.
pub fn is_secret(key: &str) -> bool {
    SECRET_KEYS.contains(&key)
}

/// A configuration object as texts: booleans, numbers and objects may come as such or as strings.
pub fn items(configuration: &Map<String, Value>) -> Result<Items, Vec<Invalid>> {
    if configuration.len() > ITEMS_COUNT_MAX {
        return Err(vec![Invalid::new("configuration", format!("has more than {ITEMS_COUNT_MAX} items"))]);
    }
    let mut items = Items::new();
    let mut errors = Vec::new();
    for (key, value) in configuration {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match text.len() {
            0..=VALUE_BYTES_MAX => drop(items.insert(key.clone(), text)),
            _ => errors.push(Invalid::new(key, format!("is longer than {VALUE_BYTES_MAX} bytes"))),
        }
    }
    if errors.is_empty() { Ok(items) } else { Err(errors) }
}

/// The items that decide what Carillon does, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Events are on: the instance is polled.
    pub events_enabled: bool,
    /// Where notifications go. When events are on, this or the bus, or both.
    pub callback_url: Option<String>,
    /// Notifications go to the host's event bus.
    pub bus: bool,
    /// Minutes between polls.
    pub interval_min: u32,
    /// What is polled, in the configured order; empty when events are off.
    pub resources: Vec<ResourceConfig>,
}

impl Settings {
    /// Checks a configuration. `default_poller` is the connector's own poller configuration, for those who
    /// turn events on and give none. All that is wrong is reported at once.
    pub fn parse(items: &Items, default_poller: &str) -> Result<Self, Vec<Invalid>> {
        let mut errors = Vec::new();
        let events_enabled = switch(items, EVENTS_ENABLED, &mut errors);
        let bus = switch(items, EVENT_BUS, &mut errors);
        let callback_url = callback_url(items, events_enabled && !bus, &mut errors);
        let interval_min = interval(items, &mut errors);
        check_vendor_type(items, &mut errors);
        let poller = given(items, POLLER_CONFIGURATION).unwrap_or(default_poller);
        let resources = resources(poller, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let resources = if events_enabled { resources } else { Vec::new() };
        Ok(Settings { events_enabled, callback_url, bus, interval_min, resources })
    }
}

/// The value of an item, where it is not empty.
pub fn given<'a>(items: &'a Items, key: &str) -> Option<&'a str> {
    items.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn switch(items: &Items, key: &str, errors: &mut Vec<Invalid>) -> bool {
    let Some(text) = given(items, key) else { return false };
    text_boolean(text).unwrap_or_else(|| {
        errors.push(Invalid::new(key, "must be true or false"));
        false
    })
}

fn callback_url(items: &Items, is_required: bool, errors: &mut Vec<Invalid>) -> Option<String> {
    let Some(text) = given(items, CALLBACK_URL) else {
        if is_required {
            errors.push(Invalid::new(CALLBACK_URL, format!("is required when `{EVENTS_ENABLED}` is true")));
        }
        return None;
    };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host_len = rest.map_or(0, |rest| rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let clean = text.len() <= 2048 && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if host_len == 0 || !clean {
        errors.push(Invalid::new(CALLBACK_URL, "must be an http or https address of at most 2048 bytes"));
    }
    Some(text.to_owned())
}

fn interval(items: &Items, errors: &mut Vec<Invalid>) -> u32 {
    let Some(text) = given(items, REFRESH_INTERVAL) else { return INTERVAL_DEFAULT_MIN };
    match text.parse::<u32>() {
        Ok(minutes @ 1..=1440) => minutes,
        _ => {
            errors.push(Invalid::new(REFRESH_INTERVAL, "must be a whole number of minutes from 1 to 1440"));
            INTERVAL_DEFAULT_MIN
        }
    }
}

fn check_vendor_type(items: &Items, errors: &mut Vec<Invalid>) {
    match given(items, VENDOR_TYPE) {
        None | Some("polling") => {}
        Some(_) => {
            errors.push(Invalid::new(VENDOR_TYPE, "must be `polling`: these providers have no webhooks"))
        }
    }
}

fn resources(poller: &str, errors: &mut Vec<Invalid>) -> Vec<ResourceConfig> {
    let object = match json_text::parse(poller) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            errors.push(Invalid::new(POLLER_CONFIGURATION, "must be an object of resources"));
            return Vec::new();
        }
        Err(error) => {
            errors.push(Invalid::new(POLLER_CONFIGURATION, format!("is not JSON: {error}")));
            return Vec::new();
        }
    };
    if object.is_empty() || object.len() > RESOURCES_COUNT_MAX {
        let rule = format!("must have from 1 to {RESOURCES_COUNT_MAX} resources");
        errors.push(Invalid::new(POLLER_CONFIGURATION, rule));
        return Vec::new();
    }
    let mut resources: Vec<ResourceConfig> = Vec::new();
    for (key, value) in &object {
        match ResourceConfig::parse(key, value) {
            Ok(resource) if resources.iter().any(|other| other.name == resource.name) => {
                errors.push(Invalid::new(
                    format!("{POLLER_CONFIGURATION}.{key}"),
                    "names the same resource as another key",
                ));
            }
            Ok(resource) => resources.push(resource),
            Err(wrong) => errors.extend(wrong),
        }
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    const DEFAULT: &str = r#"{"messages":{"url":"/hubs/general/messages"}}"#;

    #[track_caller]
    fn check(configuration: Value, expect: Expect) {
        let shown =
            items(configuration.as_object().unwrap()).and_then(|items| Settings::parse(&items, DEFAULT));
        let shown = match shown {
            Ok(settings) => format!(
                "events {} to {:?} every {} min: {:?}",
                settings.events_enabled,
                settings.callback_url,
                settings.interval_min,
                settings.resources.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>()
            ),
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn booleans_numbers_and_objects_come_as_such_or_as_strings() {
        let poller =
            json!({ "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" } });
        let common = |enabled: Value, interval: Value, poller: Value| {
            json!({
                EVENTS_ENABLED: enabled,
                CALLBACK_URL: "http://127.0.0.1:9/x",
                REFRESH_INTERVAL: interval,
                POLLER_CONFIGURATION: poller,
            })
        };
        let expected =
            || expect![[r#"events true to Some("http://127.0.0.1:9/x") every 5 min: ["changed-messages"]"#]];
        check(common(json!(true), json!(5), poller.clone()), expected());
        check(common(json!("true"), json!("5"), json!(poller.to_string())), expected());
    }

    #[test]
    fn defaults() {
        check(json!({}), expect!["events false to None every 15 min: []"]);
        check(
            json!({ EVENTS_ENABLED: true, CALLBACK_URL: "https://x.example/" }),
            expect![[r#"events true to Some("https://x.example/") every 15 min: ["messages"]"#]],
        );
    }

    #[test]
    fn every_broken_rule_is_named_with_its_key() {
        check(
            json!({
                EVENTS_ENABLED: "yes",
                CALLBACK_URL: "ftp://x",
                REFRESH_INTERVAL: 0,
                VENDOR_TYPE: "webhooks",
                POLLER_CONFIGURATION: "{\"a\":"
            }),
            expect![[r#"
                `event.notification.enabled`: must be true or false
                `event.notification.callback.url`: must be an http or https address of at most 2048 bytes
                `event.poller.refresh_interval`: must be a whole number of minutes from 1 to 1440
                `event.vendor.type`: must be `polling`: these providers have no webhooks
                `event.poller.configuration`: is not JSON: EOF while parsing a value at line 1 column 5"#]],
        );
        check(
            json!({ EVENTS_ENABLED: true, POLLER_CONFIGURATION: { "/a": { "url": "/a" }, "a": { "url": "/a" } } }),
            expect![[r#"
                `event.notification.callback.url`: is required when `event.notification.enabled` is true
                `event.poller.configuration.a`: names the same resource as another key"#]],
        );
    }
}
