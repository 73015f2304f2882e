//! An instance's configuration: dotted keys on the wire, typed here.

use crate::date_pattern::{Zone, parse_rfc3339};
use crate::invalid::{Invalid, text_boolean};
use crate::resource::ResourceConfig;
pub use crate::setting_keys::*;
use crate::{address, callback, catalogue, json_text, pasted, poller_urls, resource, signature};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Default minutes between polls.
const INTERVAL_DEFAULT_MIN: u32 = 15;
/// Longest callback body, kB: what Express and others take that were told nothing is 100 KiB.
const BODY_KB: usize = 100;
/// The least that may be asked for, kB: a cut record with its envelope is shorter.
const BODY_KB_MIN: usize = 50;
/// The most, kB: a stored notification stays under the 400 KB of a DynamoDB item, with room for its attempts.
const BODY_KB_MAX: usize = 300;
/// Longest value of one item, bytes; the poller configuration is the largest of them.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Items in one configuration.
const ITEMS_COUNT_MAX: usize = 100;
/// Suffixes of keys that always hold secrets.
const SECRET_ENDS: [&str; 4] = ["secret", "password", "token", ".key"];

/// Whether an item's value is a secret: as the catalogue says, and where it has no such key, by what the key ends in.
pub fn is_secret(key: &str) -> bool {
    let key_lowercase = key.to_ascii_lowercase();
    match catalogue::item(key) {
        Some(item) => item.secret,
        None => SECRET_ENDS.iter().any(|end| key_lowercase.ends_with(end)),
    }
}

/// An item as it may be shown, and as it is stored beside the vault: a secret is masked, and so are the credentials in
/// an address.
pub fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    match is_secret(key) {
        true => MASK.into(),
        false => address::masked(value).map_or(Cow::Borrowed(value), Cow::Owned),
    }
}

/// Items whose values begin and end with a letter that is seen: what is around it was pasted along.
const TRIMMED: [&str; 12] = [
    OAUTH_API_KEY,
    OAUTH_API_SECRET,
    OAUTH_APPLICATION,
    OAUTH_CALLBACK_URL,
    OAUTH_SCOPE,
    OAUTH_USER_TOKEN,
    OAUTH_REFRESH_TOKEN,
    CALLBACK_URL,
    PUSH_TOPIC,
    PUSH_SUBSCRIPTION,
    PUSH_ACCOUNT,
    PUSH_KEY,
];

/// A value without what was pasted along with it.
fn clean<'a>(key: &str, text: &'a str) -> &'a str {
    match TRIMMED.contains(&key) {
        true => pasted::trimmed(text),
        false => pasted::without_mark(text),
    }
}

/// A configuration object as texts: booleans, numbers and objects may come as such or as strings.
///
/// # Errors
/// Each item that is too long, or that there are too many.
pub fn items(configuration: &Map<String, Value>) -> Result<Items, Vec<Invalid>> {
    if configuration.len() > ITEMS_COUNT_MAX {
        return Err(vec![Invalid::new("configuration", format!("has more than {ITEMS_COUNT_MAX} items"))]);
    }
    let mut items = Items::new();
    let mut errors = Vec::new();
    for (key, value) in configuration {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => clean(key, text).to_owned(),
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
    /// Where notifications go, as it may be shown. When events are on, this or the bus, or both.
    pub callback_url: Option<String>,
    /// Notifications go to the host's event bus.
    pub bus: bool,
    /// Minutes between polls.
    pub interval_min: u32,
    /// Providers are asked to give notice of changes, beside the polls.
    pub push: Option<PushSettings>,
    /// What is polled, in the configured order; empty when events are off.
    pub resources: Vec<ResourceConfig>,
    /// Fields without a value are left out of what clients read.
    pub filter_nulls: bool,
}

/// What push needs where the provider's notices come by way of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushSettings {
    /// The topic.
    pub topic: Option<String>,
    /// Its subscription that is pulled from.
    pub subscription: Option<String>,
    /// The account that signs what is pushed.
    pub account: Option<String>,
}

/// What a connector polls where a configuration does not say it all.
pub struct Pollers<'a> {
    /// The poller configuration of those who turn events on and give none.
    pub default: &'a str,
    /// The entry of a resource that is only named, as JSON text.
    pub entry: &'a dyn Fn(&str) -> Option<&'static str>,
}

impl Settings {
    /// Checks a configuration. All that is wrong is reported at once.
    ///
    /// # Errors
    /// Each broken rule, with its key.
    pub fn parse(items: &Items, pollers: &Pollers<'_>) -> Result<Self, Vec<Invalid>> {
        let mut errors = Vec::new();
        let events_enabled = switch(items, EVENTS_ENABLED, &mut errors);
        let bus = switch(items, EVENT_BUS, &mut errors);
        let callback_url = callback_url(items, events_enabled && !bus, &mut errors);
        let interval_min = interval(items, &mut errors);
        if body_kilobytes(items).is_none() {
            let rule = format!("must be a whole number from {BODY_KB_MIN} to {BODY_KB_MAX}");
            errors.push(Invalid::new(CALLBACK_KILOBYTES, rule));
        }
        let push = push(items, &mut errors);
        let resources = match (given(items, POLLER_CONFIGURATION), given(items, POLLER_URLS)) {
            (None, Some(urls)) => listed(urls, pollers, &mut errors),
            (poller, _) => resources(poller.unwrap_or(pollers.default), &mut errors),
        };
        let filter_nulls = given(items, FILTER_NULLS).and_then(text_boolean).unwrap_or(true);
        if !errors.is_empty() {
            return Err(errors);
        }
        let resources = if events_enabled { resources } else { Vec::new() };
        let push = push.filter(|_| events_enabled);
        Ok(Settings { events_enabled, callback_url, bus, interval_min, push, resources, filter_nulls })
    }
}

/// Rules for what is being saved that need the secrets too. What was stored before a rule is not read by it again.
pub fn check(plain: &Items, secrets: &Items) -> Vec<Invalid> {
    let mut errors = callback::check(plain, secrets);
    for key in [FILTER_NULLS, CALLBACK_HEALTH] {
        if given(plain, key).is_some_and(|text| text_boolean(text).is_none()) {
            errors.push(Invalid::new(key, "must be true or false"));
        }
    }
    if given(plain, SIGNATURE_PREVIOUS_UNTIL).is_some_and(|text| parse_rfc3339(text, Zone::UTC).is_none()) {
        errors.push(Invalid::new(SIGNATURE_PREVIOUS_UNTIL, "must be a time such as 2026-11-22T12:00:00Z"));
    }
    let poller = given(plain, POLLER_CONFIGURATION).and_then(|text| json_text::parse(text).ok());
    let entries = poller.as_ref().and_then(Value::as_object).into_iter().flatten();
    errors.extend(entries.take(RESOURCES_COUNT_MAX).flat_map(|(key, entry)| resource::check(key, entry)));
    // A former key is past choosing.
    if secrets.get(SIGNATURE_KEY).is_some_and(|key| !signature::is_usable(key)) {
        errors.push(Invalid::new(SIGNATURE_KEY, "must be base64 of 24 to 64 bytes after `whsec_`"));
    }
    errors
}

fn switch(items: &Items, key: &str, errors: &mut Vec<Invalid>) -> bool {
    let Some(text) = given(items, key) else { return false };
    text_boolean(text).unwrap_or_else(|| {
        errors.push(Invalid::new(key, "must be true or false"));
        false
    })
}

fn callback_url(items: &Items, is_required: bool, errors: &mut Vec<Invalid>) -> Option<String> {
    let url = given(items, CALLBACK_URL).map(str::to_owned);
    if url.is_none() && is_required {
        errors.push(Invalid::new(CALLBACK_URL, format!("is required when `{EVENTS_ENABLED}` is true")));
    }
    url
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

/// Whether an instance with these items is polled, and how often, seconds: all of its settings that its health follows
/// from. They were checked when they were saved.
pub fn rhythm(enabled: Option<&str>, interval_min: Option<&str>) -> (bool, u32) {
    let interval_min = interval_min.and_then(|text| text.parse().ok()).unwrap_or(INTERVAL_DEFAULT_MIN);
    (enabled.and_then(text_boolean).unwrap_or(false), interval_min * 60)
}

/// The longest callback body of an instance, bytes.
pub fn body_bytes_max(items: &Items) -> usize {
    body_kilobytes(items).unwrap_or(BODY_KB) * 1000
}

/// None where what is given breaks the rule.
fn body_kilobytes(items: &Items) -> Option<usize> {
    let Some(text) = given(items, CALLBACK_KILOBYTES) else { return Some(BODY_KB) };
    text.parse().ok().filter(|kilobytes| (BODY_KB_MIN..=BODY_KB_MAX).contains(kilobytes))
}

fn push(items: &Items, errors: &mut Vec<Invalid>) -> Option<PushSettings> {
    let text = |key| given(items, key).map(str::to_owned);
    match given(items, VENDOR_TYPE) {
        None | Some("polling") => None,
        Some("webhooks") => Some(PushSettings {
            topic: text(PUSH_TOPIC),
            subscription: text(PUSH_SUBSCRIPTION),
            account: text(PUSH_ACCOUNT),
        }),
        Some(_) => {
            errors.push(Invalid::new(VENDOR_TYPE, "must be `polling` or `webhooks`"));
            None
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

/// The resources of the older form.
fn listed(urls: &str, pollers: &Pollers<'_>, errors: &mut Vec<Invalid>) -> Vec<ResourceConfig> {
    poller_urls::parse(urls, pollers.entry).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    const POLLERS: Pollers<'_> = Pollers {
        default: r#"{"messages":{"url":"/hubs/general/messages"}}"#,
        entry: &|name| (name == "contacts").then_some(r#"{"url":"/hubs/general/contacts"}"#),
    };

    #[track_caller]
    fn check(configuration: Value, expect: Expect) {
        let shown =
            items(configuration.as_object().unwrap()).and_then(|items| Settings::parse(&items, &POLLERS));
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
                REFRESH_INTERVAL: 0,
                VENDOR_TYPE: "push",
                POLLER_CONFIGURATION: "{\"a\":"
            }),
            expect![[r#"
                `event.notification.enabled`: must be true or false
                `event.poller.refresh_interval`: must be a whole number of minutes from 1 to 1440
                `event.vendor.type`: must be `polling` or `webhooks`
                `event.poller.configuration`: is not JSON: EOF while parsing a value at line 1 column 5"#]],
        );
        check(
            json!({ EVENTS_ENABLED: true, POLLER_CONFIGURATION: { "/a": { "url": "/a" }, "a": { "url": "/a" } } }),
            expect![[r#"
                `event.notification.callback.url`: is required when `event.notification.enabled` is true
                `event.poller.configuration.a`: names the same resource as another key"#]],
        );
    }

    #[test]
    fn the_older_form_counts_where_there_is_no_other() {
        let urls = "contacts\nmessages|/hubs/general/messages";
        let on = |more: Value| {
            let mut items =
                json!({ EVENTS_ENABLED: true, CALLBACK_URL: "https://x.example/", POLLER_URLS: urls });
            items.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            items
        };
        check(
            on(json!({})),
            expect![[r#"events true to Some("https://x.example/") every 15 min: ["contacts", "messages"]"#]],
        );
        check(
            on(json!({ POLLER_CONFIGURATION: { "a": { "url": "/a" } } })),
            expect![[r#"events true to Some("https://x.example/") every 15 min: ["a"]"#]],
        );
        check(
            on(json!({ POLLER_URLS: "folders" })),
            expect!["`event.poller.urls`: line 1 `folders` needs a url: the connector has none for it"],
        );
    }

    #[test]
    fn what_is_saved_keeps_more_rules() {
        let texts = |value: Value| items(value.as_object().unwrap()).unwrap();
        let plain =
            texts(json!({ FILTER_NULLS: "perhaps", SIGNATURE_PREVIOUS_UNTIL: "soon", BASIC_USERNAME: "a:b",
            CALLBACK_URL: "ftp://x",
            POLLER_CONFIGURATION: { "a": { "url": "/a", "xPath": 7 } } }));
        let secrets = texts(json!({ SIGNATURE_KEY: "whsec_!", CALLBACK_HEADERS: { "host": "x" } }));
        let errors = super::check(&plain, &secrets);
        expect![[r#"
            `event.notification.callback.url`: must be an http or https address of at most 2048 bytes
            `event.notification.basic.username`: must have at most 1024 bytes, no colon and no control character
            `event.notification.callback.headers`: must not have `host`: Carillon sets it
            `filter.response.nulls`: must be true or false
            `event.notification.signature.previous.until`: must be a time such as 2026-11-22T12:00:00Z
            `event.poller.configuration.a.xPath`: must be a text
            `event.notification.signature.key`: must be base64 of 24 to 64 bytes after `whsec_`"#]].assert_eq(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        let fine = texts(json!({ FILTER_NULLS: false, SIGNATURE_PREVIOUS_UNTIL: "2026-11-22T12:00:00Z" }));
        assert!(super::check(&fine, &Items::new()).is_empty());
    }

    #[test]
    fn what_was_pasted_along_is_no_part_of_a_value() {
        let texts = |value: Value| items(value.as_object().unwrap()).unwrap();
        let clean = texts(json!({ OAUTH_API_KEY: " id\n", OAUTH_API_SECRET: "\u{feff}secret\u{a0}",
            CALLBACK_URL: "https://x.example/\r\n", POLLER_CONFIGURATION: "\u{feff}{}", BASIC_PASSWORD: " p " }));
        let expected = [
            (CALLBACK_URL, "https://x.example/"),
            (POLLER_CONFIGURATION, "{}"),
            (BASIC_PASSWORD, " p "),
            (OAUTH_API_KEY, "id"),
            (OAUTH_API_SECRET, "secret"),
        ];
        assert_eq!(clean, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        assert_eq!(shown(BASIC_PASSWORD, "ring"), MASK);
        assert_eq!(shown(CALLBACK_URL, "https://u:p@x.example/"), "https://u:********@x.example/");
        assert_eq!(shown("proxy.url", "http://u:p@proxy:8080"), "http://u:********@proxy:8080");
        assert_eq!(shown(CALLBACK_URL, "https://x.example/?a=1"), "https://x.example/?a=1");
    }

    #[test]
    fn secrets_are_what_the_catalogue_says_and_what_is_called_so() {
        for key in [
            OAUTH_API_KEY,
            OAUTH_API_SECRET,
            OAUTH_USER_TOKEN,
            OAUTH_REFRESH_TOKEN,
            SIGNATURE_KEY,
            SIGNATURE_PREVIOUS_KEY,
            BASIC_PASSWORD,
            CALLBACK_HEADERS,
            "password",
            "proxy.password",
            "clientSecret",
            "bearer_TOKEN",
            "encryption.key",
        ] {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("monkey") && !is_secret("token.url"));
        assert!(!is_secret(BASIC_USERNAME) && !is_secret(SIGNATURE_PREVIOUS_UNTIL) && !is_secret("x"));
    }
}
