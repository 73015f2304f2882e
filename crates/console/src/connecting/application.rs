//! The application that a mailbox signs in with: a stored one, or its id and secret, which are stored under a name.

use super::definition::{APPLICATION, Definition, KEY, SECRET};
use super::filled::Filled;
use super::problems::Problems;
use crate::api::address;
use crate::failure::Failure;
use crate::form::Fields;
use crate::signed::Signed;
use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

/// A new application, to be stored under a name once somebody could sign in with it: one that nobody could is not kept,
/// and a sign-in that is broken off leaves nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keep {
    #[serde(rename = "n")]
    pub(super) name: String,
    #[serde(rename = "t")]
    pub(crate) tenant: String,
}

impl Keep {
    /// What the fields of a form say of it, also where nothing is to be stored.
    pub(crate) fn posted(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).trim().to_owned();
        Keep { name: text(KEEP_AS), tenant: text(TENANT) }
    }

    fn body(&self, definition: &str, filled: &Filled) -> Value {
        let tenant = Some(self.tenant.as_str()).filter(|tenant| !tenant.is_empty());
        json!({
            "name": self.name, "connector": definition,
            "apiKey": filled.text(KEY), "apiSecret": filled.text(SECRET), "tenant": tenant,
        })
    }

    /// Whether there is something to store: an id and a secret, and a name for them.
    fn is_asked_for(&self, filled: &Filled) -> bool {
        !self.name.is_empty() && filled.text(APPLICATION).is_empty() && !filled.text(KEY).is_empty()
    }

    /// What is wrong with it. `None` for the keeping where there is nothing to store, or not by this user.
    pub(crate) async fn checked(
        self,
        signed: &Signed,
        definition: &Definition,
        filled: &Filled,
    ) -> Result<(Option<Self>, Problems), Failure> {
        if !definition.asks(APPLICATION) || !self.is_asked_for(filled) {
            let is_lost = !self.tenant.is_empty() && filled.text(APPLICATION).is_empty();
            let rule = "needs a name to keep the application as, which it belongs to";
            return Ok((None, if is_lost { Problems::at(TENANT, rule) } else { Problems::default() }));
        }
        let path = address(&["applications"], &[("dryRun", "true")]);
        let answer = signed.api.call(Method::POST, &path, Some(&self.body(&definition.key, filled))).await;
        match answer.status {
            status if status.is_success() => Ok((Some(self), Problems::default())),
            StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
            // Who may not store it connects with it all the same.
            StatusCode::FORBIDDEN => Ok((None, Problems::default())),
            _ => Ok((Some(self), Problems::of(&answer).renamed(&FIELDS))),
        }
    }

    /// Stores it, and has the form name it. Where it can't be stored, the instance has id and secret of its own: the
    /// sign-in is worth more. Tells whether it was stored just now.
    pub(crate) async fn store(&self, signed: &Signed, element: &str, filled: &mut Filled) -> bool {
        if !self.is_asked_for(filled) {
            return false;
        }
        let body = self.body(element, filled);
        let stored = signed.api.call(Method::POST, "/applications", Some(&body)).await.status.is_success();
        // Another tab may have stored the same meanwhile.
        if stored || self.is_there(signed, filled).await {
            filled.set(APPLICATION, &self.name);
            filled.set(KEY, "");
            filled.set(SECRET, "");
        }
        stored
    }

    async fn is_there(&self, signed: &Signed, filled: &Filled) -> bool {
        let there = signed.api.call(Method::GET, &address(&["applications", &self.name], &[]), None).await;
        there.status.is_success() && there.body["apiKey"] == filled.text(KEY)
    }

    /// Takes it away again.
    pub(crate) async fn remove(&self, signed: &Signed) {
        signed.api.call(Method::DELETE, &address(&["applications", &self.name], &[]), None).await;
    }
}

/// Where the form asks for what the interface names.
const FIELDS: [(&str, &str); 4] =
    [("name", KEEP_AS), ("tenant", TENANT), ("apiKey", KEY), ("apiSecret", SECRET)];
