//! Pages: `pageSize`, and an opaque `nextPage` that says where to go on.

use super::error::ApiError;
use super::query::Params;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const PAGE_SIZE_DEFAULT: usize = 50;
pub(super) const PAGE_SIZE_MAX: usize = 200;
/// A token is small; whoever sends more did not get it here.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// A page that was asked for: how long, and after what.
pub(super) struct Page {
    pub(super) size: usize,
    /// What an earlier page's token said, as it came back.
    pub(super) after: Option<Value>,
}

impl Page {
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let size = params.number("pageSize", 1, PAGE_SIZE_MAX as u64)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE_SIZE_DEFAULT);
        Ok(Page { size, after: after(params)? })
    }

    /// Where to go on, if the token is a number.
    pub(super) fn after_number(&self) -> Result<Option<u64>, ApiError> {
        self.after.as_ref().map(|after| after.as_u64().ok_or_else(foreign)).transpose()
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
    ApiError::rule("nextPage", "is not a token that a page came with")
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
