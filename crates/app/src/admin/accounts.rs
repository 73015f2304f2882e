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

/// Makes an organization with a first user.
pub(crate) async fn add_organization(app: &Inner, by: &By) -> Result<Admitted> {
    let (user, organization) = (random_token(app), random_token(app));
    let organization_hash = app.sealer.lookup_hash(Lookup::Organization, &organization);
    let account = app
        .ports
        .accounts
        .add_organization(&organization_hash, &app.sealer.lookup_hash(Lookup::User, &user))
        .await?;
    let subject = organization_subject(account.organization_id);
    note(app, by, account.organization_id, ("organization.created", subject), Some(document(&account)))
        .await?;
    Ok(Admitted { account, user_secret: user, organization_secret: Some(organization) })
}

/// Makes another user of an organization; `None` if there is no such organization.
pub(crate) async fn add_user(
    app: &Inner,
    by: &By,
    organization_id: u32,
    sees_all: bool,
) -> Result<Option<Admitted>> {
    let user = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::User, &user);
    let account = app.ports.accounts.add_user(organization_id, &hash, sees_all).await?;
    let Some(account) = account else { return Ok(None) };
    let subject = user_subject(account.user_id);
    note(app, by, organization_id, ("user.created", subject), Some(document(&account))).await?;
    Ok(Some(Admitted { account, user_secret: user, organization_secret: None }))
}

/// The organization's new secret; `None` if there is no such organization.
pub(crate) async fn replace_organization_secret(
    app: &Inner,
    by: &By,
    organization_id: u32,
) -> Result<Option<String>> {
    let secret = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::Organization, &secret);
    if !app.ports.accounts.replace_organization_secret(organization_id, &hash).await? {
        return Ok(None);
    }
    let subject = organization_subject(organization_id);
    note(app, by, organization_id, ("organization.secret_replaced", subject), None).await?;
    Ok(Some(secret))
}

/// The user's new secret; `None` if there is no such user of this organization.
pub(crate) async fn replace_user_secret(
    app: &Inner,
    by: &By,
    organization_id: u32,
    user_id: u32,
) -> Result<Option<String>> {
    let secret = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::User, &secret);
    if !app.ports.accounts.replace_user_secret(organization_id, user_id, &hash).await? {
        return Ok(None);
    }
    note(app, by, organization_id, ("user.secret_replaced", user_subject(user_id)), None).await?;
    Ok(Some(secret))
}

/// Takes a user out; `false` if there is no such user of this organization.
pub(crate) async fn remove_user(app: &Inner, by: &By, organization_id: u32, user_id: u32) -> Result<bool> {
    if !app.ports.accounts.remove_user(organization_id, user_id).await? {
        return Ok(false);
    }
    note(app, by, organization_id, ("user.removed", user_subject(user_id)), None).await?;
    Ok(true)
}

/// Whoever asked for it: one change is one entry.
async fn note(
    app: &Inner,
    by: &By,
    organization_id: u32,
    (action, subject): (&str, String),
    after: Option<Value>,
) -> Result<()> {
    let entry = by.entry(app, organization_id, action, subject, (None, after));
    app.ports.accounts.note(&entry).await
}

/// What entries call a user.
fn user_subject(user_id: u32) -> String {
    format!("users/{user_id}")
}

/// What entries call an organization.
fn organization_subject(organization_id: u32) -> String {
    format!("organizations/{organization_id}")
}

/// What entries say of a user.
fn document(account: &Account) -> Value {
    json!({
        "userId": account.user_id,
        "accountId": account.account_id,
        "seesOwnOnly": account.sees_own_only,
    })
}
