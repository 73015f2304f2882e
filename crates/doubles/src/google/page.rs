//! Pages of a list, newest first. A token holds the place after the last entry, so that pages do not overlap.

use super::error;
use crate::call::Call;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;

/// Where an entry stands: its date, and its id among those of one moment.
pub(super) type SortKey = (i64, String);

/// What of a list is answered.
pub(super) struct Cut<T> {
    pub(super) entries: Vec<T>,
    pub(super) total: usize,
    pub(super) next: Option<String>,
}

/// Takes the page that is asked for.
pub(super) fn take<T>(call: &Call, mut all: Vec<(SortKey, T)>) -> Result<Cut<T>, Reply> {
    let page_max = match call.number("maxResults") {
        Ok(number) => number.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
        Err(text) => {
            return Err(error::invalid_argument(&format!("Invalid value at 'max_results', \"{text}\"")));
        }
    };
    let before = match call.param("pageToken").map(parse_token) {
        Some(None) => return Err(error::invalid_argument("Invalid pageToken")),
        Some(Some(position)) => Some(position),
        None => None,
    };
    let total = all.len();
    all.sort_by(|one, other| other.0.cmp(&one.0));
    let mut rest = all.into_iter().filter(|(place, _)| before.as_ref().is_none_or(|before| place < before));
    let page: Vec<(SortKey, T)> = rest.by_ref().take(page_max).collect();
    let next = match (page.last(), rest.next()) {
        (Some(((date_us, id), _)), Some(_)) => Some(format!("{date_us}.{id}")),
        _ => None,
    };
    Ok(Cut { entries: page.into_iter().map(|(_, entry)| entry).collect(), total, next })
}

fn parse_token(token: &str) -> Option<SortKey> {
    let (date_us, id) = token.split_once('.')?;
    Some((date_us.parse().ok()?, id.to_owned()))
}

/// The reply of a list. One without entries has no such key.
pub(super) fn reply(key: &str, page: Cut<serde_json::Value>) -> Reply {
    let mut body = serde_json::json!({"resultSizeEstimate": page.total});
    if !page.entries.is_empty() {
        body[key] = page.entries.into();
    }
    if let Some(next) = page.next {
        body["nextPageToken"] = next.into();
    }
    Reply::json(200, &body)
}
