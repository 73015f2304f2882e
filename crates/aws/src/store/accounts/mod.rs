//! Who calls: organizations and users, known by the hashes of their secrets.
//!
//! An item stands under the hash of each secret. Where an organization or a user is listed stands which hash that
//! is, so that the item of a former secret can be taken away. Items that were written before there were lists of
//! users have no mark `listed`: whoever calls with such a secret is listed then.

mod first;
mod join;
mod secrets;

pub(super) use join::organizations;

use super::key::Key;
use super::row::{Row, bytes, damaged, number, text};
use super::table::{Table, Write};
use super::{DynamoStore, audit, requests, settings};
use app::ports::{
    Accounts, AuditEntry, AuditMark, Callers, HostPage, LookupHash, Mark, Organization, Result, User,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::instance::Account;
use domain::settings::Items;

/// Looks at rows that change in between.
const LOOKS_COUNT_MAX: u32 = 5;

pub(super) async fn find(
    table: &Table,
    user: &LookupHash,
    organization: Option<&LookupHash>,
) -> Result<Option<Account>> {
    let key = Key::user(user);
    let keys: Vec<Key> = [key.clone()].into_iter().chain(organization.map(Key::organization)).collect();
    let found = table.get_many("read an account", &keys).await?;
    let Some(row) = found.get(&key) else { return Ok(None) };
    let account = account(row)?;
    if let Some(hash) = organization {
        let Some(row) = found.get(&Key::organization(hash)) else { return Ok(None) };
        if row.number::<u32>("organization")? != account.organization_id {
            return Ok(None);
        }
        if !row.has("listed") {
            note_organization(table, account.organization_id, hash).await?;
        }
    }
    if !row.has("listed") {
        note_user(table, account, user).await?;
    }
    Ok(Some(account))
}

/// Lists a user who was added before users were listed.
async fn note_user(table: &Table, account: Account, hash: &LookupHash) -> Result<()> {
    let writes = vec![mark(Key::user(hash)), list_user(account, hash)];
    // Refused: somebody else was first, or the secret was replaced in between.
    let _ = table.transact("list a user", writes).await?;
    Ok(())
}

/// Notes the secret of an organization that was added before secrets were noted.
async fn note_organization(table: &Table, id: u32, hash: &LookupHash) -> Result<()> {
    let noted = Write::update(Key::listed_organization(id), "SET secret_hash = :hash")
        .when("attribute_exists(pk)")
        .with(":hash", bytes(hash.to_vec()));
    let _ = table.transact("note a secret", vec![mark(Key::organization(hash)), noted]).await?;
    Ok(())
}

fn mark(key: Key) -> Write {
    Write::update(key, "SET listed = :yes")
        .when("attribute_exists(pk) AND attribute_not_exists(listed)")
        .with(":yes", text("yes"))
}

/// Lists a user under this hash; what else the list says of them stays.
fn list_user(account: Account, hash: &LookupHash) -> Write {
    Write::update(
        Key::listed_user(account.organization_id, account.user_id),
        "SET organization = :organization, account = :account, user_id = :user, secret_hash = :hash",
    )
    .with(":organization", number(account.organization_id))
    .with(":account", number(account.account_id))
    .with(":user", number(account.user_id))
    .with(":hash", bytes(hash.to_vec()))
}

/// Whose secret this is; that sees all of the organization, unless it says otherwise.
fn put_user(account: Account, hash: &LookupHash) -> Write {
    let attributes = attributes(account).into_iter().chain([("listed", text("yes"))]);
    Write::put(&Key::user(hash), attributes)
}

fn put_organization(id: u32, hash: &LookupHash) -> Write {
    Write::put(&Key::organization(hash), [("organization", number(id)), ("listed", text("yes"))])
}

fn attributes(account: Account) -> Vec<(&'static str, AttributeValue)> {
    let mut attributes = vec![
        ("organization", number(account.organization_id)),
        ("account", number(account.account_id)),
        ("user_id", number(account.user_id)),
    ];
    if account.sees_own_only {
        attributes.push(("own_only", text("yes")));
    }
    attributes
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        organization_id: row.number("organization")?,
        account_id: row.number("account")?,
        user_id: row.number("user_id")?,
        sees_own_only: row.has("own_only"),
    })
}

/// The hashes of a user's and of the organization's present secrets.
pub(super) async fn secrets_of(
    table: &Table,
    organization_id: u32,
    user_id: u32,
) -> Result<Option<(LookupHash, LookupHash)>> {
    let (user, organization) =
        (Key::listed_user(organization_id, user_id), Key::listed_organization(organization_id));
    let found = table.get_many("read whose secrets these are", &[user.clone(), organization.clone()]).await?;
    let (Some(user), Some(organization)) = (found.get(&user), found.get(&organization)) else {
        return Ok(None);
    };
    // Secrets that were made before they were noted, and not used since.
    if !user.has("secret_hash") || !organization.has("secret_hash") {
        return Ok(None);
    }
    Ok(Some((hash(user, "secret_hash")?, hash(organization, "secret_hash")?)))
}

fn hash(row: &Row, name: &'static str) -> Result<LookupHash> {
    row.bytes(name)?.try_into().map_err(|_| damaged(name))
}

#[async_trait]
impl Callers for DynamoStore {
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>> {
        if let Some(known) = find(&self.table, user, organization).await? {
            return Ok(Some(known));
        }
        // The first secrets are made with the stack; their rows when they are first used.
        match self.first.hashes().await? {
            Some((first_user, first_organization))
                if first_user == *user && organization.is_none_or(|given| *given == first_organization) =>
            {
                first::ensure(&self.table, &first_user, &first_organization).await
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl Accounts for DynamoStore {
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        join::add(&self.table, user, organization).await
    }

    async fn add_user(
        &self,
        organization_id: u32,
        user: &LookupHash,
        sees_all: bool,
    ) -> Result<Option<Account>> {
        join::add_user(&self.table, organization_id, user, sees_all).await
    }

    async fn organizations(&self, from: Option<&Mark>) -> Result<HostPage<Organization>> {
        join::organizations(&self.table, from, usize::MAX).await
    }

    async fn users(&self, organization_id: u32, from: Option<&Mark>) -> Result<HostPage<User>> {
        join::users(&self.table, organization_id, from).await
    }

    async fn replace_organization_secret(&self, organization_id: u32, new: &LookupHash) -> Result<bool> {
        secrets::replace_organization(&self.table, organization_id, new).await
    }

    async fn replace_user_secret(
        &self,
        organization_id: u32,
        user_id: u32,
        new: &LookupHash,
    ) -> Result<bool> {
        secrets::replace_user(&self.table, organization_id, user_id, new).await
    }

    async fn remove_user(
        &self,
        organization_id: u32,
        user_id: u32,
        audit: Option<&AuditEntry>,
    ) -> Result<bool> {
        secrets::remove_user(&self.table, organization_id, user_id, audit).await
    }

    async fn settings(&self, organization_id: u32, account_id: u32) -> Result<Items> {
        settings::get(&self.table, organization_id, account_id).await
    }

    async fn put_settings(&self, organization_id: u32, account_id: u32, items: &Items) -> Result<()> {
        settings::put(&self.table, organization_id, account_id, items).await
    }

    async fn count_request(&self, organization_id: u32, minute: i64) -> Result<u32> {
        requests::count(&self.table, organization_id, minute).await
    }

    async fn note(&self, entry: &AuditEntry) -> Result<()> {
        audit::note(&self.table, entry).await
    }

    async fn audit(
        &self,
        organization_id: u32,
        before: Option<&AuditMark>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        audit::page(&self.table, organization_id, before, limit).await
    }
}
