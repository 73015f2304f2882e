//! Pages: `pageSize`, and an opaque `nextPage`.

use super::error::ApiError;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

const PAGE_SIZE_DEFAULT: usize = 50;
const PAGE_SIZE_MAX: usize = 200;

/// The paging parameters of a list.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageQuery {
    page_size: Option<String>,
    next_page: Option<String>,
}

/// A page that was asked for: how long, and after what.
pub(super) struct Page {
    pub(super) size: usize,
    pub(super) after: Option<u64>,
}

impl PageQuery {
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let size = match self.page_size.as_deref() {
            None | Some("") => PAGE_SIZE_DEFAULT,
            Some(text) => match text.parse() {
                Ok(size @ 1..=PAGE_SIZE_MAX) => size,
                _ => {
                    return Err(ApiError::rule(
                        "pageSize",
                        &format!("must be a number from 1 to {PAGE_SIZE_MAX}"),
                    ));
                }
            },
        };
        let after = match self.next_page.as_deref() {
            None | Some("") => None,
            Some(token) => {
                let after = after(token);
                Some(
                    after
                        .ok_or_else(|| ApiError::rule("nextPage", "is not a token that a page came with"))?,
                )
            }
        };
        Ok(Page { size, after })
    }
}

fn after(token: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    serde_json::from_slice::<serde_json::Value>(&bytes).ok()?.get("after")?.as_u64()
}

/// The headers of a page: how many rows, and the token of the next one. `last` is the last row looked at, if
/// there may be more behind it.
pub(super) fn headers(returned: usize, page: &Page, last: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("elements-returned-count", HeaderValue::from(returned));
    if let Some(last) = last {
        let token = URL_SAFE_NO_PAD.encode(json!({ "pageSize": page.size, "after": last }).to_string());
        if let Ok(value) = HeaderValue::from_str(&token) {
            headers.insert("elements-next-page-token", value);
        }
    }
    headers
}
