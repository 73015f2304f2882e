//! `$batch`: several Graph calls in one JSON body.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Map, Value, json};

use super::error;
use crate::call::Call;
use crate::front::BatchPart;
use crate::reply::Reply;

const PARTS_MAX: usize = 20;

/// Takes a batch apart.
pub(super) fn split(call: &Call, version: &str) -> Result<Vec<BatchPart>, Reply> {
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|_| error::bad_request("Invalid batch payload format."))?;
    let requests = body["requests"].as_array().filter(|requests| !requests.is_empty());
    let Some(requests) = requests else { return Err(error::bad_request("Invalid batch payload format.")) };
    if requests.len() > PARTS_MAX {
        return Err(error::bad_request("Number of batch request steps exceeds the maximum value of 20."));
    }
    let parts: Option<Vec<_>> = requests.iter().map(|request| part(request, call, version)).collect();
    parts.ok_or_else(|| error::bad_request("Invalid batch payload format."))
}

fn part(request: &Value, outer: &Call, version: &str) -> Option<BatchPart> {
    let id = request["id"].as_str()?.to_owned();
    let method: Method = request["method"].as_str()?.parse().ok()?;
    let path = request["url"].as_str()?.trim_start_matches('/');
    let uri: Uri = format!("{}/{version}/{}", outer.origin(), path.replace(' ', "%20")).parse().ok()?;
    let mut headers = HeaderMap::new();
    // There is one authorization for all parts.
    if let Some(authorization) = outer.headers.get(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let value = HeaderValue::from_str(value.as_str()?).ok()?;
        headers.append(name.parse::<HeaderName>().ok()?, value);
    }
    let after = request["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let after = after.map(str::to_owned).collect();
    Some(BatchPart { id, call: Call::new(method, uri, headers, Bytes::new()), after })
}

/// Puts the answers together, the last first: callers may not rely on the order.
pub(super) fn join(parts: Vec<(BatchPart, Reply)>) -> Reply {
    let responses = parts.iter().rev().map(|(part, reply)| {
        let headers =
            reply.headers.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str())));
        let text = || Value::from(String::from_utf8_lossy(&reply.body).as_ref());
        json!({
            "id": part.id,
            "status": reply.status,
            "headers": headers.collect::<Map<_, _>>(),
            "body": reply.value().unwrap_or_else(text),
        })
    });
    Reply::json(200, &json!({"responses": responses.collect::<Vec<_>>()}))
}
