//! The application that a mailbox signs in with: a stored one, or its id and secret, which are stored under a name.

use super::definition::{APPLICATION, Definition, KEY, SECRET};
use super::filled::Filled;
use super::problems::Problems;
use crate::api::address;
use crate::failure::Failure;
use crate::form::Fields;
use crate::signed::Signed;
use axum::http::{Method, StatusCode};
use serde_json::json;

/// Stored applications that a form offers; who has more gives the name in the interface.
const OFFERED_COUNT_MAX: &str = "200";
/// Fields of a new application that no instance has.
pub(super) const KEEP_AS: &str = "application.name";
pub(super) const TENANT: &str = "application.tenant";

/// What there is to choose from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applications(pub(super) Vec<String>);

impl Applications {
    /// Those of this connector.
    pub(crate) async fn read(signed: &Signed, definition: &Definition) -> Result<Self, Failure> {
        let page = signed.api.get(&address(&["applications"], &[("pageSize", OFFERED_COUNT_MAX)])).await?;
        let of_it = page.rows().iter().filter(|one| one["connector"] == definition.key.as_str());
        Ok(Applications(of_it.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that a new form begins with.
    pub(crate) fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }
}

/// Stores what was given as a new application, so that it is given once; from then on the form names it.
pub(crate) async fn store(
    signed: &Signed,
    definition: &Definition,
    fields: &Fields,
    filled: &mut Filled,
) -> Result<Option<Problems>, Failure> {
    let name = fields.text(KEEP_AS).trim();
    let is_new = filled.text(APPLICATION).is_empty() && !filled.text(KEY).is_empty();
    if name.is_empty() || !is_new || !definition.asks(APPLICATION) {
        return Ok(None);
    }
    let tenant = Some(fields.text(TENANT).trim()).filter(|tenant| !tenant.is_empty());
    let body = json!({
        "name": name, "connector": definition.key,
        "apiKey": filled.text(KEY), "apiSecret": filled.text(SECRET), "tenant": tenant,
    });
    let answer = signed.api.call(Method::POST, "/applications", Some(&body)).await;
    match answer.status {
        status if status.is_success() => {
            filled.set(APPLICATION, name);
            filled.set(KEY, "");
            filled.set(SECRET, "");
            Ok(None)
        }
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        // Who may not store it connects with it all the same.
        StatusCode::FORBIDDEN => Ok(None),
        _ => Ok(Some(Problems::of(&answer).renamed(&[
            ("name", KEEP_AS),
            ("tenant", TENANT),
            ("apiKey", KEY),
            ("apiSecret", SECRET),
        ]))),
    }
}
