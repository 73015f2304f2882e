//! Making links.

use super::{PAGE, PURPOSE, field, key_of, sealing};
use crate::audit::By;
use crate::context::Context;
use crate::instances::{self, Creation, LoginTerms, Refusal, SignInCode};
use crate::ports::{AuditEntry, PortError};
use chrono::{DateTime, Duration, Utc};
use connectors::Connector;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance, without_markup};
use domain::settings::{Items, OAUTH_APPLICATION, OAUTH_CALLBACK_URL, OAUTH_SCOPE, given};
use domain::sign_in_link::{LinkPurpose, SignInLink, StoredLink, VALID_HOURS};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Stands for the code that nobody has yet: a dry run does not use it.
const NO_CODE: &str = "-";
/// What the audit record calls it.
const MADE: &str = "sign_in_link.made";

/// What a maker says of a link.
pub(crate) struct LinkTerms {
    /// Who asks, as the page names them.
    pub(crate) asked_by: Option<String>,
    pub(crate) valid_s: Option<u32>,
}

/// A new mailbox, as the application's developer wants it.
pub(crate) struct NewMailbox {
    pub(crate) by: By,
    pub(crate) account: Account,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) items: Items,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
}

/// What of it waits for its owner.
#[derive(Serialize, Deserialize)]
pub(super) struct PreparedMailbox {
    pub(super) items: Items,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
}

/// A link. No `Debug`: who has the address signs in.
pub(crate) struct MadeLink {
    /// Shown once; a hash of its token is stored.
    pub(crate) url: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A link by which the owner of an instance's mailbox signs in again.
pub(crate) async fn for_instance(
    app: &Context,
    by: &By,
    instance: &Instance,
    terms: LinkTerms,
) -> Result<MadeLink, Refusal> {
    // Also whether it could be told that the same mailbox comes back.
    LoginTerms::of_instance(app, instance).await?;
    let asked_by = asked_by(app, &terms, &instance.configuration);
    let link = SignInLink {
        account: instance.account,
        connector: instance.connector.clone(),
        asked_by,
        purpose: LinkPurpose::Again(instance.id),
        expires_at: expires_at(app, &terms),
    };
    store(app, link, None, |told| by.about(app, MADE, instance, &told)).await
}

/// A link by which somebody connects a mailbox with this configuration.
pub(crate) async fn for_new(
    app: &Context,
    mut wanted: NewMailbox,
    terms: LinkTerms,
) -> Result<MadeLink, Refusal> {
    if let Some(redirect) = LoginTerms::redirect(app) {
        wanted.items.entry(OAUTH_CALLBACK_URL.to_owned()).or_insert(redirect);
    }
    let asked_by = asked_by(app, &terms, &wanted.items);
    let login = LoginTerms::of_creation(app, wanted.account, &wanted.connector, &wanted.items).await?;
    if let Some(scope) = login.scope {
        // Refreshed tokens are asked for with those of the sign-in.
        wanted.items.insert(OAUTH_SCOPE.to_owned(), scope);
    }
    let link = SignInLink {
        account: wanted.account,
        connector: wanted.connector.descriptor().key.to_owned(),
        asked_by,
        purpose: LinkPurpose::Connect,
        expires_at: expires_at(app, &terms),
    };
    let (by, wanted_account) = (wanted.by.clone(), wanted.account);
    let waiting =
        PreparedMailbox { items: wanted.items.clone(), name: wanted.name.clone(), tags: wanted.tags.clone() };
    instances::try_create(app, creation(wanted)).await?;
    let organization_id = wanted_account.organization_id;
    let note =
        |told| Ok(by.entry(app, organization_id, MADE, "sign-in-links".to_owned(), (None, Some(told))));
    store(app, link, Some(&waiting), note).await
}

fn creation(wanted: NewMailbox) -> Creation {
    Creation {
        by: wanted.by,
        account: wanted.account,
        connector: wanted.connector,
        code: Some(SignInCode { code: NO_CODE.to_owned(), verifier: None, once: None }),
        items: wanted.items,
        name: wanted.name,
        tags: wanted.tags,
        external_authentication: "none".to_owned(),
        spends: None,
    }
}

/// Who asks: as they say, as the stored application is called, or the host alone.
fn asked_by(app: &Context, terms: &LinkTerms, items: &Items) -> String {
    let said = terms.asked_by.as_deref().map(without_markup).filter(|name| !name.is_empty());
    let named = || given(items, OAUTH_APPLICATION).map(str::to_owned);
    let host = || {
        let url = app.config.public_url.as_deref().unwrap_or_default();
        url.split_once("://").map_or(url, |(_, host)| host).to_owned()
    };
    said.or_else(named).unwrap_or_else(host)
}

fn expires_at(app: &Context, terms: &LinkTerms) -> DateTime<Utc> {
    let valid =
        terms.valid_s.map_or(Duration::hours(VALID_HOURS), |seconds| Duration::seconds(seconds.into()));
    app.now() + valid
}

async fn store(
    app: &Context,
    link: SignInLink,
    waiting: Option<&PreparedMailbox>,
    note: impl FnOnce(Value) -> Result<AuditEntry, PortError>,
) -> Result<MadeLink, Refusal> {
    let public_url = app.config.public_url.as_deref().unwrap_or_default();
    let number = link.instance().map_or(0, InstanceId::get);
    let token = format!("{number}.{}", app.random_token().trim_end_matches('='));
    let key = key_of(app, &token).ok_or_else(|| PortError::new("making a link", "its token is too long"))?;
    let creation_sealed = match waiting {
        Some(waiting) => {
            let plain = serde_json::to_vec(waiting).map_err(sealing)?;
            Some(app.sealer.seal_for(PURPOSE, &field(&key), &plain).map_err(sealing)?)
        }
        None => None,
    };
    let told = json!({ "element": link.connector, "askedBy": link.asked_by, "expiresAt": link.expires_at });
    let entry = note(told)?;
    let made = MadeLink { url: format!("{public_url}{PAGE}{token}"), expires_at: link.expires_at };
    let stored = StoredLink { link, creation_sealed, tries_count: 0, spent_on: None };
    app.ports.store.insert_link(&key, &stored, &entry).await?;
    Ok(made)
}
