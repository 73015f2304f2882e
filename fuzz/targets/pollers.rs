//! A poller configuration, in both its forms: what is accepted expands the same way at all times; and a callback's
//! headers, which keep their limits.

#![no_main]

use chrono::{DateTime, Utc};
use domain::json_text;
use domain::resource::ResourceConfig;
use domain::settings::{self, CALLBACK_HEADERS, EVENTS_ENABLED, Items, POLLER_URLS, Pollers, Settings};
use domain::{callback, settings::CALLBACK_URL};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const POLLERS: Pollers<'_> = Pollers {
    default: r#"{"messages":{"url":"/hubs/general/messages"}}"#,
    entry: &|name| (name == "messages").then_some(r#"{"url":"/hubs/general/messages","idField":"id"}"#),
};

fn check(resource: &ResourceConfig) {
    // Other months, other offsets, other lengths of names.
    let times = [0_i64, 951_782_400, 1_795_348_799, 4_102_444_800];
    let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 123_456_789).unwrap_or_default();
    let reads = times.map(|seconds| resource.read_at(at(seconds), at(seconds + 86_400)));
    let are_read = reads.each_ref().map(Result::is_ok);
    assert!(are_read.iter().all(|one| *one == are_read[0]), "{reads:?}");
    for read in reads.into_iter().flatten() {
        assert!(!read.resource.is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(Value::Object(entries)) = json_text::parse(text) {
        for (key, value) in &entries {
            if let Ok(resource) = ResourceConfig::parse(key, value) {
                check(&resource);
            }
        }
        if let Ok(items) = settings::items(&entries) {
            let _ = Settings::parse(&items, &POLLERS);
        }
    }
    let item = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let older: Items =
        [item(EVENTS_ENABLED, "true"), item(CALLBACK_URL, "https://x.example"), item(POLLER_URLS, text)]
            .into();
    match Settings::parse(&older, &POLLERS) {
        Ok(settings) => settings.resources.iter().for_each(check),
        Err(errors) => assert!(!errors.is_empty()),
    }
    let secrets: Items = [item(CALLBACK_HEADERS, text)].into();
    if settings::check(&Items::new(), &secrets).is_empty() {
        let headers = callback::headers(&Items::new(), &secrets);
        assert!(headers.len() <= 20);
        assert!(headers.iter().all(|(name, value)| name.is_ascii() && !value.contains(['\r', '\n'])));
    }
});
