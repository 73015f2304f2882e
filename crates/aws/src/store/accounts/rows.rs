//! The rows of organizations and users, by the hashes of their secrets.

use crate::store::key::Key;
use crate::store::row::{Row, bytes, number, text};
use crate::store::table::{Table, Write};
use app::ports::{LookupHash, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::instance::Account;

/// Looks at rows that change in between.
pub(super) const LOOKS_COUNT_MAX: u32 = 5;

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
pub(super) fn list_user(account: Account, hash: &LookupHash) -> Write {
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
pub(super) fn put_user(account: Account, hash: &LookupHash) -> Write {
    let attributes = attributes(account).into_iter().chain([("listed", text("yes"))]);
    Write::put(&Key::user(hash), attributes)
}

pub(super) fn put_organization(id: u32, hash: &LookupHash) -> Write {
    Write::put(&Key::organization(hash), [("organization", number(id)), ("listed", text("yes"))])
}

pub(super) fn attributes(account: Account) -> Vec<(&'static str, AttributeValue)> {
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

pub(super) fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        organization_id: row.number("organization")?,
        account_id: row.number("account")?,
        user_id: row.number("user_id")?,
        sees_own_only: row.has("own_only"),
    })
}

/// The hashes of a user's and of the organization's present secrets.
pub(in crate::store) async fn secrets_of(
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

pub(super) fn hash(row: &Row, name: &'static str) -> Result<LookupHash> {
    row.bytes(name)?.try_into().map_err(|_| row.damaged(name))
}
