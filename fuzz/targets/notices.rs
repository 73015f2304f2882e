//! What anybody may post to the push routes: four lines and a body, a query, an `Authorization` header, a token, its keys.

#![no_main]

use chrono::{DateTime, Utc};
use connectors::{Arrival, Connector, Push, PushRequest};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

static CONNECTORS: LazyLock<Vec<Arc<dyn Connector>>> = LazyLock::new(connectors::registry);
const AUDIENCE: &str = "https://x.example/push";

fn check(push: &dyn Push, request: &PushRequest<'_>) {
    if let Arrival::Handshake(text) = push.read(request) {
        // It is sent back as it is.
        assert!(!text.is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let parts: Vec<&[u8]> = data.splitn(4, |byte| *byte == b'\n').collect();
    let [query, authorization, keys, body] = parts.as_slice() else { return };
    let (query, authorization, keys) = (lines(query), lines(authorization), lines(keys));
    let keys = serde_json::from_str::<Value>(&keys).unwrap_or(Value::Null);
    let now = DateTime::<Utc>::from_timestamp(1_795_348_800, 0).unwrap_or_default();
    for push in CONNECTORS.iter().filter_map(|connector| connector.push()) {
        let authorization = Some(authorization.as_str()).filter(|text| !text.is_empty());
        check(push, &PushRequest { query: &query, authorization, body });
        // Nobody has signed anything here.
        let token = authorization.unwrap_or_default();
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        assert!(push.signer(token, &keys, AUDIENCE, now).is_err());
    }
});
