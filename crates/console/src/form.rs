//! Posted forms, checked to come from a page of ours.

use crate::failure::Failure;
use crate::session::is_same;
use crate::shared::Shared;
use crate::signed::Signed;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};

/// Name of the field with the session's token; [`crate::ui::form`] puts it into every form.
pub(crate) const TOKEN_FIELD: &str = "form_token";
/// A posted form at the most, bytes: the largest holds a poller configuration.
pub(crate) const FORM_BYTES_MAX: usize = 1024 * 1024;
/// Maximum fields of one form: a large one has some dozens.
const FIELDS_COUNT_MAX: usize = 2_000;

/// Fields in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        // What is pasted from a file may begin with the mark that editors put there.
        let unmarked = |(name, value): (String, String)| match value.strip_prefix('\u{feff}') {
            Some(rest) => (name, rest.to_owned()),
            None => (name, value),
        };
        let fields: Vec<_> = url::form_urlencoded::parse(bytes)
            .into_owned()
            .take(FIELDS_COUNT_MAX + 1)
            .map(unmarked)
            .collect();
        (fields.len() <= FIELDS_COUNT_MAX).then_some(Fields(fields))
    }

    /// The field's value, empty where it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Each value of a field that is there more than once.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether it was ticked.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.all(name).any(|value| value == "true" || value == "on")
    }
}

/// A form of somebody who is signed in. A handler that changes something takes this and not [`Signed`].
pub(crate) struct Posted {
    pub(crate) signed: Signed,
    pub(crate) fields: Fields,
}

impl FromRequest<Shared> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let signed =
            <Signed as axum::extract::FromRequestParts<Shared>>::from_request_parts(&mut parts, shared)
                .await?;
        let bytes = Bytes::from_request(Request::from_parts(parts, body), shared).await;
        let fields = Fields::parse(&bytes.map_err(|_| Failure::Unreadable)?).ok_or(Failure::Unreadable)?;
        match is_same(fields.text(TOKEN_FIELD), &signed.session.form_token) {
            true => Ok(Posted { signed, fields }),
            false => Err(Failure::Forged),
        }
    }
}
