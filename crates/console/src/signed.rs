//! A request of somebody who is signed in: the first argument of every page.

use crate::api::Api;
use crate::cookie::with_cookie;
use crate::failure::Failure;
use crate::flash::Flash;
use crate::kept::Kept;
use crate::session::Session;
use crate::shared::Shared;
use crate::{cookie, flash, origin};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

/// Who asks, and the interface in their name.
pub(crate) struct Signed {
    pub(crate) shared: Shared,
    pub(crate) session: Session,
    pub(crate) api: Api,
    /// What the browser keeps for us.
    pub(crate) kept: Kept,
    /// What the last form did.
    pub(crate) flash: Option<Flash>,
    /// One time for the whole page.
    pub(crate) now: DateTime<Utc>,
    pub(crate) is_https: bool,
    /// Where the browser reaches us, without a `/` at the end.
    pub(crate) public_url: String,
}

impl FromRequestParts<Shared> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Failure> {
        let session = Session::of(shared, &parts.headers).ok_or(Failure::SignIn)?;
        let api = Api::in_session(shared.0.api.clone(), parts, &session.token);
        Ok(Signed {
            api: api.ok_or(Failure::SignIn)?,
            kept: Kept::of(&parts.headers, origin::is_https(shared, &parts.headers)),
            flash: Flash::of(shared, &parts.headers),
            now: shared.now(),
            is_https: origin::is_https(shared, &parts.headers),
            public_url: origin::public_url(shared, &parts.headers),
            shared: shared.clone(),
            session,
        })
    }
}

impl Signed {
    /// Goes on to an address of ours, which shows what was done.
    pub(crate) fn go(&self, to: &str, flash: Flash) -> Response {
        with_cookie(see_other(to), flash.cookie(&self.shared, self.is_https))
    }

    /// Takes the sentence away with the page that shows it.
    pub(crate) fn without_flash(&self, response: Response) -> Response {
        let clear = self.flash.is_some().then(|| cookie::clear(flash::COOKIE, self.is_https));
        with_cookie(response, clear.flatten())
    }
}

/// 303: the browser goes on with GET.
pub(crate) fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => Failure::NotFound.into_response(),
    }
}
