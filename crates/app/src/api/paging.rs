//! Pages: `pageSize`, and an opaque `nextPage` that says where to go on.

use super::error::ApiError;
use super::query::Params;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::ids::InstanceId;
use serde_json::{Value, json};

/// Sequences have 53 bits.
pub(super) const SEQUENCE_END: u64 = 1 << 53;
/// Bodies of one page, bytes as they are sent. A function on Lambda answers at most 6 MB, and an answer is more than
/// its bodies.
pub(super) const PAGE_BYTES_MAX: usize = 4_000_000;

const PAGE_SIZE_DEFAULT: usize = 50;
pub(super) const PAGE_SIZE_MAX: usize = 200;
/// A token is small; a larger one was not issued here.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A page that was asked for: how long, and after what.
pub(super) struct PageRequest {
    pub(super) size: usize,
    /// What an earlier page's token said, as it came back.
    pub(super) after: Option<Value>,
}

impl PageRequest {
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let size = params.number("pageSize", 1, PAGE_SIZE_MAX as u64)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE_DEFAULT);
        Ok(PageRequest { size, after: after(params)? })
    }

    /// A page that is as long as pages get where nothing else is said: who lists little sees all of it at once.
    pub(super) fn large(params: &Params) -> Result<Self, ApiError> {
        match params.text("pageSize") {
            Some(_) => PageRequest::of(params),
            None => Ok(PageRequest { size: PAGE_SIZE_MAX, after: after(params)? }),
        }
    }

    /// The instance to go on behind.
    pub(super) fn after_instance(&self) -> Result<Option<InstanceId>, ApiError> {
        let id = |after: &Value| InstanceId::parse(&after.as_u64()?.to_string());
        self.after.as_ref().map(|after| id(after).ok_or_else(foreign)).transpose()
    }

    /// The place to go on at.
    pub(super) fn place(&self) -> Result<Option<ListPosition>, ApiError> {
        self.after.as_ref().map(|after| ListPosition::read(after).ok_or_else(foreign)).transpose()
    }
}

/// A place in a list of what instances have: at this instance, behind so much of what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListPosition {
    pub(super) instance: InstanceId,
    pub(super) behind: u64,
}

impl ListPosition {
    /// What comes after an instance; nothing does after the last one.
    pub(super) fn after(instance: InstanceId) -> Option<Self> {
        let instance = InstanceId::parse(&(instance.get() + 1).to_string())?;
        Some(ListPosition { instance, behind: 0 })
    }

    /// The instance before, which a walk goes on behind.
    pub(super) fn walked(self) -> Option<InstanceId> {
        InstanceId::parse(&(self.instance.get() - 1).to_string())
    }

    pub(super) fn token(self) -> Value {
        json!([self.instance.get(), self.behind])
    }

    pub(super) fn read(token: &Value) -> Option<Self> {
        let [instance, behind] = token.as_array()?.as_slice() else { return None };
        let instance = InstanceId::parse(&instance.as_u64()?.to_string())?;
        Some(ListPosition { instance, behind: behind.as_u64().filter(|behind| *behind < SEQUENCE_END)? })
    }
}

/// What the token of `nextPage` says, if there is one.
pub(super) fn after(params: &Params) -> Result<Option<Value>, ApiError> {
    let Some(token) = params.text("nextPage").filter(|token| token.len() <= TOKEN_BYTES_MAX) else {
        return if params.text("nextPage").is_some() { Err(foreign()) } else { Ok(None) };
    };
    let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| foreign())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
    token.get("after").cloned().map(Some).ok_or_else(foreign)
}

/// A token that no page came with.
pub(super) fn foreign() -> ApiError {
    ApiError::rule("nextPage", "is not a token issued by a page")
}

/// The headers of a page: how many rows, how many in all where that is known, and the token of the next page if
/// there may be one behind it.
pub(super) fn headers(returned: usize, total: Option<u64>, size: usize, next: Option<Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("elements-returned-count", HeaderValue::from(returned));
    if let Some(total) = total {
        headers.insert("elements-total-count", HeaderValue::from(total));
    }
    if let Some(after) = next {
        let token = URL_SAFE_NO_PAD.encode(json!({ "pageSize": size, "after": after }).to_string());
        if let Ok(value) = HeaderValue::from_str(&token) {
            headers.insert("elements-next-page-token", value);
        }
    }
    headers
}

/// How far back a search looked whose page has room left: what is older comes with the next page.
pub(super) fn say_searched_to(headers: &mut HeaderMap, at: DateTime<Utc>) {
    if let Ok(value) = HeaderValue::from_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true)) {
        headers.insert("elements-searched-to", value);
    }
}

/// How many rows an answer lacks that are there and can't be read: to a client that keeps a copy they are not deleted.
pub(super) fn say_unreadable(headers: &mut HeaderMap, count: usize) {
    if count > 0 {
        headers.insert("elements-unreadable-count", HeaderValue::from(count));
    }
}

/// What a body takes in an answer, if it stands there as JSON (`depth` 1) or as a text (2): on Lambda an answer is
/// a text in a document again, and each time quotes and backslashes are escaped once more.
pub(super) fn answer_bytes(body: &str, depth: u32) -> usize {
    let escaped = body.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    body.len() + escaped * ((1 << depth) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_count_as_often_as_they_are_escaped() {
        let once = serde_json::to_string(r#"a"b\c"#).unwrap();
        let twice = serde_json::to_string(&once).unwrap();
        // Each text stands in quotes of its own.
        assert_eq!(answer_bytes(r#"a"b\c"#, 1), once.len() - 2);
        assert_eq!(answer_bytes(r#"a"b\c"#, 2), twice.len() - 2 - 4);
    }

    #[test]
    fn a_place_goes_on_at_its_instance() {
        let at = |id: &str| InstanceId::parse(id).unwrap();
        let place = ListPosition::after(at("16")).unwrap();
        assert_eq!((place.instance, place.walked()), (at("17"), Some(at("16"))));
        assert_eq!(ListPosition::read(&place.token()), Some(place));
        assert_eq!(ListPosition { instance: at("1"), behind: 3 }.walked(), None);
        assert_eq!(ListPosition::after(InstanceId::MAX), None);
        for token in [json!([0, 1]), json!([1]), json!(7), json!([1, 1_u64 << 53]), json!([1_u64 << 31, 0])] {
            assert_eq!(ListPosition::read(&token), None, "{token}");
        }
    }
}
