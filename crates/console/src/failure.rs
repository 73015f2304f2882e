//! What a page can't do.

use crate::api::{Answer, Refused};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why there is no page. Its response has no body: [`crate::frame`] shows it as a page, or leads to the sign-in and back.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// No user is signed in, or no longer.
    SignIn,
    /// The interface refused.
    Refused(Box<Answer>),
    /// The form did not come from one of our pages.
    Forged,
    /// There is nothing at this address.
    NotFound,
    /// The form or address can't be read.
    Unreadable,
}

impl From<Refused> for Failure {
    fn from(Refused(answer): Refused) -> Self {
        match answer.status {
            StatusCode::UNAUTHORIZED => Failure::SignIn,
            _ => Failure::Refused(answer),
        }
    }
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Failure::SignIn => StatusCode::SEE_OTHER,
            Failure::Refused(answer) => answer.status,
            Failure::Forged => StatusCode::FORBIDDEN,
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Unreadable => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
