//! The first organization and its first user, whose secrets are made with the stack and stay where they are made.
//!
//! A first secret that was replaced by another way is void: it still stands where it was made, and must not let
//! anybody in again.

use super::rows::{LOOKS_COUNT_MAX, attributes, find, hash, list_user, put_organization, put_user};
use crate::store::key::Key;
use crate::store::pause::pause_before;
use crate::store::row::{Row, bytes, number, text, time};
use crate::store::table::{Table, Write, WritesEnded};
use app::ports::{Clock as _, LookupHash, PortError, Result};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::instance::Account;
use system::SystemClock;

const FIRST: Account = Account { organization_id: 1, account_id: 1, user_id: 1, sees_own_only: false };

/// Makes these the secrets of the first organization and its first user, who are made if need be. `None` if one of
/// them is void.
pub(in crate::store) async fn ensure(
    table: &Table,
    user: &LookupHash,
    organization: &LookupHash,
) -> Result<Option<Account>> {
    let context = "ensure the first account";
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        if let Some(known) = find(table, user, Some(organization)).await? {
            return Ok(Some(known));
        }
        let row = table.get(context, &Key::accounts()).await?;
        if row.as_ref().is_some_and(|row| is_void(row, user) || is_void(row, organization)) {
            return Ok(None);
        }
        let writes = match row.filter(|row| row.has("first_user")) {
            None => made(user, organization),
            Some(row) => replaced(&row, user, organization)?,
        };
        match table.transact(context, writes).await? {
            WritesEnded::Done => return Ok(Some(FIRST)),
            WritesEnded::Refused(_) => {}
        }
    }
    Err(PortError::new(context, "it kept changing"))
}

fn is_void(row: &Row, hash: &LookupHash) -> bool {
    let void = row.0.get("void_hashes").and_then(|value| value.as_bs().ok());
    void.is_some_and(|void| void.iter().any(|one| one.as_ref() == hash))
}

fn made(user: &LookupHash, organization: &LookupHash) -> Vec<Write> {
    let listed = [
        ("organization", number(FIRST.organization_id)),
        ("user_count", number(1)),
        ("secret_hash", bytes(organization.to_vec())),
    ];
    let listed_user = Write::put(
        &Key::listed_user(FIRST.organization_id, FIRST.user_id),
        attributes(FIRST)
            .into_iter()
            .chain([("secret_hash", bytes(user.to_vec())), ("created", time(SystemClock.now()))]),
    );
    vec![
        put_user(FIRST, user),
        put_organization(FIRST.organization_id, organization),
        set(user, organization, "").when("attribute_not_exists(first_user)"),
        Write::put(&Key::listed_organization(FIRST.organization_id), listed),
        listed_user,
    ]
}

/// Other secrets than those that count now.
fn replaced(row: &Row, user: &LookupHash, organization: &LookupHash) -> Result<Vec<Write>> {
    let (old_user, old_organization) = (hash(row, "first_user")?, hash(row, "first_organization")?);
    let listed = Key::listed_organization(FIRST.organization_id);
    let noted = match row.has("first_gone") {
        // The first user was taken out, and comes in again.
        true => Write::update(listed, "SET secret_hash = :hash ADD user_count :one").with(":one", number(1)),
        false => Write::update(listed, "SET secret_hash = :hash"),
    };
    let mut writes = vec![
        put_user(FIRST, user),
        put_organization(FIRST.organization_id, organization),
        set(user, organization, " REMOVE first_gone")
            .when("first_user = :was AND first_organization = :was_organization")
            .with(":was", bytes(old_user.to_vec()))
            .with(":was_organization", bytes(old_organization.to_vec())),
        noted.with(":hash", bytes(organization.to_vec())),
        list_user(FIRST, user),
    ];
    let former = [
        (old_user != *user, Key::user(&old_user)),
        (old_organization != *organization, Key::organization(&old_organization)),
    ];
    writes.extend(former.into_iter().filter(|(is, _)| *is).map(|(_, key)| Write::delete(key)));
    Ok(writes)
}

fn set(user: &LookupHash, organization: &LookupHash, more: &str) -> Write {
    let set = format!("SET first_user = :user, first_organization = :organization{more}");
    Write::update(Key::accounts(), set)
        .with(":user", bytes(user.to_vec()))
        .with(":organization", bytes(organization.to_vec()))
}

/// What a replaced secret of the first organization does beside: the old one is void.
pub(super) fn follow_organization(id: u32, old: &LookupHash, new: &LookupHash) -> Option<Write> {
    (id == FIRST.organization_id).then(|| {
        follow(old, "SET first_organization = :new", "first_organization").with(":new", bytes(new.to_vec()))
    })
}

/// The same of its first user.
pub(super) fn follow_user(account: Account, old: &LookupHash, new: &LookupHash) -> Option<Write> {
    is_first(account)
        .then(|| follow(old, "SET first_user = :new", "first_user").with(":new", bytes(new.to_vec())))
}

/// What taking the first user out does beside.
pub(super) fn follow_removal(account: Account, old: &LookupHash) -> Option<Write> {
    is_first(account).then(|| follow(old, "SET first_gone = :yes", "first_user").with(":yes", text("yes")))
}

fn is_first(account: Account) -> bool {
    account.user_id == FIRST.user_id
}

fn follow(old: &LookupHash, set: &str, name: &str) -> Write {
    Write::update(Key::accounts(), format!("{set} ADD void_hashes :void"))
        .when(format!("{name} = :old"))
        .with(":old", bytes(old.to_vec()))
        .with(":void", AttributeValue::Bs(vec![Blob::new(old.to_vec())]))
}
