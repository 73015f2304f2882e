//! Who signed a request to a push route, by the keys that the provider publishes.

use super::reach::address;
use crate::context::Context;
use crate::heard::Keys;
use crate::ports::{PortError, Result};
use chrono::{DateTime, Utc};
use connectors::{Connector, Endpoint, Forged, HttpRequest, Method, Route};
use serde_json::Value;
use std::sync::Arc;

/// The provider's keys are a small text, which has to be had well within the time of an answer: what strangers send
/// holds nothing beyond it.
const KEYS_BYTES_MAX: usize = 64 * 1024;
const KEYS_TIMEOUT_MS: u64 = 500;
/// What is done when they are.
const KEYS: &str = "fetching the keys of push";

/// Who signed a request.
pub(super) async fn signer(
    app: &Context,
    connector: &Arc<dyn Connector>,
    token: &str,
) -> Result<Option<String>> {
    let Some(push) = connector.push() else { return Ok(None) };
    let (Some(endpoint), Some(audience)) = (push.keys(), audience(app, connector)) else { return Ok(None) };
    let name = connector.descriptor().key;
    let now = app.now();
    let Some(known) = app.heard.keys(name, now) else {
        let keys = match fetch(app, name, endpoint, None).await {
            Ok(keys) => keys,
            Err(error) => app.heard.old_keys(name, now).ok_or(error)?,
        };
        return Ok(push.signer(token, &keys.keys, &audience, now).ok());
    };
    match push.signer(token, &known.keys, &audience, now) {
        Err(Forged::UnknownKey) if app.heard.may_ask_keys_again(name, now) => {
            let keys = fetch(app, name, endpoint, Some(known.fetched_at)).await?;
            Ok(push.signer(token, &keys.keys, &audience, now).ok())
        }
        signed => Ok(signed.ok()),
    }
}

/// Whom a signed request has to be meant for: the route's own address, unless another is configured.
fn audience(app: &Context, connector: &Arc<dyn Connector>) -> Option<String> {
    app.config.push_audience.clone().or_else(|| address(&app.config, connector.as_ref()))
}

/// Keys that were fetched later than those that are known. One request fetches them for all who wait.
async fn fetch(
    app: &Context,
    name: &'static str,
    endpoint: &Endpoint,
    known_at: Option<DateTime<Utc>>,
) -> Result<Keys> {
    let _fetching = app.heard.fetching.lock().await;
    let now = app.now();
    if let Some(keys) =
        app.heard.keys(name, now).filter(|keys| known_at.is_none_or(|at| at < keys.fetched_at))
    {
        return Ok(keys);
    }
    if app.heard.lacks_keys(name, now) {
        return Err(PortError::new(KEYS, "fetching them failed a moment ago"));
    }
    let fetched = fetch_now(app, endpoint).await.inspect_err(|_| app.heard.lack_keys(name, now))?;
    let keys = Keys::new(fetched, now);
    app.heard.keep_keys(name, keys.clone());
    Ok(keys)
}

async fn fetch_now(app: &Context, endpoint: &Endpoint) -> Result<Value> {
    let request = HttpRequest {
        method: Method::Get,
        url: app.config.endpoints.url(endpoint).to_owned(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
        timeout_ms: KEYS_TIMEOUT_MS,
        answer_bytes_max: KEYS_BYTES_MAX,
        route: Route::Provider,
    };
    let response = app.ports.http.send(request).await.map_err(|error| PortError::new(KEYS, error))?;
    if response.status != 200 {
        return Err(PortError::new(KEYS, format!("the provider answered {}", response.status)));
    }
    serde_json::from_slice(&response.body).map_err(|error| PortError::new(KEYS, error))
}
