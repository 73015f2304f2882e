//! Organizations and users, with secrets that are shown once.

use crate::audit::By;
use crate::context::Context;
use crate::ports::{HostPage, ListingMark, Organization, PortError, Result, User};
use crate::sealing::Lookup;
use domain::instance::Account;
use serde_json::{Value, json};

/// A new user. No `Debug`: it holds secrets.
pub struct Admitted {
    /// Whose user it is, and what they see.
    pub account: Account,
    /// Shown once; only its hash is stored.
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

/// Makes an organization with a first user, who sees all of it.
pub(crate) async fn add_organization(app: &Context, by: &By) -> Result<Admitted> {
    let (user, organization) = (app.random_token(), app.random_token());
    let organization_hash = app.sealer.lookup_hash(Lookup::Organization, &organization);
    let user_hash = app.sealer.lookup_hash(Lookup::User, &user);
    let account = app.ports.accounts.add_organization(&organization_hash, &user_hash).await?;
    let id = account.organization_id;
    let noted = note(app, by, id, "organization.created", subject(id), Some(document(&account))).await;
    undone_unless(noted, app, &account).await?;
    Ok(Admitted { account, user_secret: user, organization_secret: Some(organization) })
}

/// Removes a user whose creation could not be recorded: their secret was never shown, and no secret may exist unrecorded.
async fn undone_unless(noted: Result<()>, app: &Context, account: &Account) -> Result<()> {
    if noted.is_err() {
        app.ports.accounts.remove_user(account.organization_id, account.user_id, None).await?;
    }
    noted
}

/// Makes another user of an organization; `None` if there is no such organization.
pub(crate) async fn add_user(
    app: &Context,
    by: &By,
    organization_id: u32,
    sees_all: bool,
) -> Result<Option<Admitted>> {
    let user = app.random_token();
    let hash = app.sealer.lookup_hash(Lookup::User, &user);
    let account = app.ports.accounts.add_user(organization_id, &hash, sees_all).await?;
    let Some(account) = account else { return Ok(None) };
    let what = subject_of_user(organization_id, account.user_id);
    let noted = note(app, by, organization_id, "user.created", what, Some(document(&account))).await;
    undone_unless(noted, app, &account).await?;
    Ok(Some(Admitted { account, user_secret: user, organization_secret: None }))
}

/// The organization's new secret; `None` if there is no such organization.
pub(crate) async fn replace_organization_secret(
    app: &Context,
    by: &By,
    organization_id: u32,
) -> Result<Option<String>> {
    let page = app.ports.accounts.organizations(before(organization_id).as_ref()).await?;
    if page.items.first().is_none_or(|first| first.id != organization_id) {
        return Ok(None);
    }
    // Noted first: a secret that was replaced and can't be told would shut everybody out.
    let what = subject(organization_id);
    note(app, by, organization_id, "organization.secret_replaced", what, None).await?;
    let secret = app.random_token();
    let hash = app.sealer.lookup_hash(Lookup::Organization, &secret);
    let is_replaced = app.ports.accounts.replace_organization_secret(organization_id, &hash).await?;
    Ok(is_replaced.then_some(secret))
}

/// The user's new secret; `None` if there is no such user of this organization.
pub(crate) async fn replace_user_secret(
    app: &Context,
    by: &By,
    organization_id: u32,
    user_id: u32,
) -> Result<Option<String>> {
    let page = app.ports.accounts.users(organization_id, before(user_id).as_ref()).await?;
    if page.items.first().is_none_or(|first| first.account.user_id != user_id) {
        return Ok(None);
    }
    let what = subject_of_user(organization_id, user_id);
    note(app, by, organization_id, "user.secret_replaced", what, None).await?;
    let secret = app.random_token();
    let hash = app.sealer.lookup_hash(Lookup::User, &secret);
    let is_replaced = app.ports.accounts.replace_user_secret(organization_id, user_id, &hash).await?;
    Ok(is_replaced.then_some(secret))
}

/// Takes a user out; `false` if there is no such user of this organization.
pub(crate) async fn remove_user(app: &Context, by: &By, organization_id: u32, user_id: u32) -> Result<bool> {
    let what = subject_of_user(organization_id, user_id);
    let entry = by.entry(app, organization_id, "user.removed", what, (None, None));
    app.ports.accounts.remove_user(organization_id, user_id, Some(&entry)).await
}

/// Pages of an organization's users that are looked through for an account.
pub(crate) const PAGES_COUNT_MAX: usize = 200;

/// Whether an account is of this organization; `None` if it is not among so many users, and there are more.
pub(crate) async fn has_account(
    app: &Context,
    organization_id: u32,
    account_id: u32,
) -> Result<Option<bool>> {
    let mut from = None;
    for _ in 0..PAGES_COUNT_MAX {
        let page = app.ports.accounts.users(organization_id, from.as_ref()).await?;
        if page.items.iter().any(|user| user.account.account_id == account_id) {
            return Ok(Some(true));
        }
        from = page.next;
        if from.is_none() {
            return Ok(Some(false));
        }
    }
    Ok(None)
}

/// Organizations behind this number, and the number that the next ones are behind.
pub(crate) async fn organizations(
    app: &Context,
    behind: Option<u32>,
) -> Result<(Vec<Organization>, Option<u32>)> {
    numbered(app.ports.accounts.organizations(behind.map(mark).as_ref()).await?)
}

/// Users of an organization behind this number, and the number that the next ones are behind.
pub(crate) async fn users(
    app: &Context,
    organization_id: u32,
    behind: Option<u32>,
) -> Result<(Vec<User>, Option<u32>)> {
    numbered(app.ports.accounts.users(organization_id, behind.map(mark).as_ref()).await?)
}

/// Lists of accounts go by numbers on every host.
fn mark(number: u32) -> ListingMark {
    ListingMark(number.to_string())
}

fn numbered<T>(page: HostPage<T>) -> Result<(Vec<T>, Option<u32>)> {
    let number =
        |mark: ListingMark| mark.0.parse().map_err(|error| PortError::new("listing accounts", error));
    Ok((page.items, page.next.map(number).transpose()?))
}

/// The place in a list before this number.
fn before(id: u32) -> Option<ListingMark> {
    id.checked_sub(1).map(mark)
}

async fn note(
    app: &Context,
    by: &By,
    organization_id: u32,
    action: &str,
    subject: String,
    after: Option<Value>,
) -> Result<()> {
    let entry = by.entry(app, organization_id, action, subject, (None, after));
    app.ports.accounts.note(&entry).await
}

fn subject(organization_id: u32) -> String {
    format!("organizations/{organization_id}")
}

fn subject_of_user(organization_id: u32, user_id: u32) -> String {
    format!("organizations/{organization_id}/users/{user_id}")
}

/// What entries say of a user.
fn document(account: &Account) -> Value {
    json!({
        "userId": account.user_id,
        "accountId": account.account_id,
        "seesAll": !account.sees_own_only,
    })
}
