//! A form that somebody posted whose session had ended meanwhile: what they typed is there again after they signed in.

use crate::form::{Fields, TOKEN_FIELD};
use crate::kept::{KEPT_S, new_id};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::{kept, origin};
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "draft";

/// What was typed where. No `Debug`: there may be secrets in it. They are sealed, and whoever signs in next does not get
/// to see them: see [`of`].
#[derive(Serialize, Deserialize)]
struct Draft {
    #[serde(rename = "p")]
    path: String,
    #[serde(rename = "f")]
    form: String,
    #[serde(rename = "u")]
    until: i64,
}

/// Whether a form of this path can be kept: one that takes long to fill in.
pub(crate) fn is_for(path: &str) -> bool {
    path.starts_with("/connect/") || (path.starts_with("/instances/") && path.ends_with("/edit"))
}

/// Whether a browser says that a form came from a page of ours. There is no session whose token could show it.
fn is_said_to_be_ours(shared: &Shared, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("sec-fetch-site") == Some("same-origin")
        || text(header::ORIGIN.as_str()).is_some_and(|origin| origin::is_own(shared, headers, origin))
}

/// Keeps a posted form with the response that leads to the sign-in. One that can't be kept is typed again.
pub(crate) fn keep(shared: &Shared, parts: &Parts, body: &Bytes, response: Response) -> Response {
    let now_s = shared.now().timestamp();
    let text = String::from_utf8_lossy(body);
    let fields = url::form_urlencoded::parse(text.as_bytes()).filter(|(name, _)| name != TOKEN_FIELD);
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let draft = Draft { path: parts.uri.path().to_owned(), form, until: now_s + KEPT_S };
    let (Some(id), Ok(plain)) = (new_id(now_s), serde_json::to_vec(&draft)) else { return response };
    if !is_said_to_be_ours(shared, &parts.headers) {
        return response;
    }
    let seal = |bytes: &[u8]| shared.0.seal.seal(PURPOSE, bytes);
    let is_https = origin::is_https(shared, &parts.headers);
    let kept = kept::Kept::of(&parts.headers, is_https);
    let empty = Response::default();
    match kept.put(seal, &id, &plain, (is_https, empty)) {
        Ok(with_cookies) => {
            let mut response = response;
            for cookie in with_cookies.headers().get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Err(_) => response,
    }
}

/// The newest draft of a path, and its id to forget it by. Whoever shows it leaves secrets out: it may be another person
/// who signed in.
pub(crate) fn of(signed: &Signed, path: &str) -> Option<(String, Fields)> {
    let all = signed.kept.ids().into_iter().filter_map(|id| {
        let draft: Draft = serde_json::from_slice(&signed.kept.open(&signed.shared, PURPOSE, id)?).ok()?;
        Some((id, draft))
    });
    let is_it = |draft: &Draft| draft.path == path && signed.now.timestamp() < draft.until;
    let (id, draft) = all.into_iter().find(|(_, draft)| is_it(draft))?;
    Some((id.to_owned(), Fields::parse(draft.form.as_bytes())?))
}
