//! Organizations and users, with secrets that are shown once.

use crate::app::Inner;
use crate::audit::By;
use crate::instances::random_token;
use crate::ports::Result;
use crate::sealing::Lookup;
use domain::instance::Account;
use serde_json::{Value, json};

/// A new user. No `Debug`: it holds secrets.
pub struct Admitted {
    pub account: Account,
    pub user_secret: String,
    /// That of a new organization; an older one's is stored as a hash and known to its owner alone.
    pub organization_secret: Option<String>,
}

impl Admitted {
    /// What a request of this user carries, as far as it is known here.
    pub fn authorization(&self) -> String {
        let user = format!("User {}", self.user_secret);
        match &self.organization_secret {
            Some(organization) => format!("{user}, Organization {organization}"),
            None => user,
        }
    }
}

pub(crate) async fn add_organization(app: &Inner) -> Result<Admitted> {
    let (user, organization) = (random_token(app), random_token(app));
    let organization_hash = app.sealer.lookup_hash(Lookup::Organization, &organization);
    let account = app
        .ports
        .accounts
        .add_organization(&organization_hash, &app.sealer.lookup_hash(Lookup::User, &user))
        .await?;
    Ok(Admitted { account, user_secret: user, organization_secret: Some(organization) })
}

pub(crate) async fn add_user(app: &Inner, organization_id: u32, sees_all: bool) -> Result<Option<Admitted>> {
    let user = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::User, &user);
    let account = app.ports.accounts.add_user(organization_id, &hash, sees_all).await?;
    Ok(account.map(|account| Admitted { account, user_secret: user, organization_secret: None }))
}

/// The organization's new secret; `None` if there is no such organization.
pub(crate) async fn replace_organization_secret(app: &Inner, organization_id: u32) -> Result<Option<String>> {
    let secret = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::Organization, &secret);
    let is_replaced = app.ports.accounts.replace_organization_secret(organization_id, &hash).await?;
    Ok(is_replaced.then_some(secret))
}

/// The user's new secret; `None` if there is no such user of this organization.
pub(crate) async fn replace_user_secret(
    app: &Inner,
    organization_id: u32,
    user_id: u32,
) -> Result<Option<String>> {
    let secret = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::User, &secret);
    let is_replaced = app.ports.accounts.replace_user_secret(organization_id, user_id, &hash).await?;
    Ok(is_replaced.then_some(secret))
}

/// Notes what an operator did on the host itself.
pub(super) async fn note(
    app: &Inner,
    organization_id: u32,
    action: &str,
    subject: String,
    after: Option<Value>,
) -> Result<()> {
    let entry = By::administrator(app).entry(app, organization_id, action, subject, (None, after));
    app.ports.accounts.note(&entry).await
}

/// What entries call a user.
pub(super) fn user(user_id: u32) -> String {
    format!("users/{user_id}")
}

/// What entries call an organization.
pub(super) fn organization(organization_id: u32) -> String {
    format!("organizations/{organization_id}")
}

/// What entries say of a user.
pub(super) fn document(account: &Account) -> Value {
    json!({
        "userId": account.user_id,
        "accountId": account.account_id,
        "seesOwnOnly": account.sees_own_only,
    })
}
