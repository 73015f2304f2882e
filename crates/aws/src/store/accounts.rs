//! Who calls: organizations and users, known by the hashes of their secrets.

use super::key::{self, Key};
use super::row::{Row, bytes, number};
use super::table::{Ended, Page, Table, Write};
use app::ports::{LookupHash, PortError, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::instance::Account;

/// Looks at rows that change in between.
const LOOKS_COUNT_MAX: u32 = 5;
/// Organizations of one page.
const PAGE_COUNT_MAX: usize = 1000;

pub(super) async fn find(
    table: &Table,
    user: &LookupHash,
    organization: Option<&LookupHash>,
) -> Result<Option<Account>> {
    let user = Key::user(user);
    let keys: Vec<Key> = [user.clone()].into_iter().chain(organization.map(Key::organization)).collect();
    let found = table.get_many("read an account", &keys).await?;
    let Some(account) = found.get(&user).map(account).transpose()? else { return Ok(None) };
    let Some(organization) = keys.get(1) else { return Ok(Some(account)) };
    let Some(row) = found.get(organization) else { return Ok(None) };
    Ok((row.number::<u32>("organization")? == account.organization_id).then_some(account))
}

/// Makes these the secrets of the first organization and its first user, who are made if need be.
pub(super) async fn ensure_first(
    table: &Table,
    user: &LookupHash,
    organization: &LookupHash,
) -> Result<Account> {
    let context = "ensure the first account";
    for _ in 0..LOOKS_COUNT_MAX {
        if let Some(known) = find(table, user, Some(organization)).await? {
            return Ok(known);
        }
        let first = table.get(context, &Key::accounts()).await?.filter(|row| row.has("first_user"));
        let account = Account { organization_id: 1, account_id: 1, user_id: 1 };
        let mut writes = vec![
            Write::put(&Key::user(user), attributes(account)),
            Write::put(&Key::organization(organization), [("organization", number(1))]),
        ];
        let set =
            Write::update(Key::accounts(), "SET first_user = :user, first_organization = :organization")
                .with(":user", bytes(user.to_vec()))
                .with(":organization", bytes(organization.to_vec()));
        match &first {
            None => {
                writes.push(set.when("attribute_not_exists(first_user)"));
                let listed = [("organization", number(1)), ("users_count", number(1))];
                writes.push(Write::put(&Key::listed_organization(1), listed));
            }
            Some(row) => {
                let (old_user, old_organization) =
                    (hash(row, "first_user")?, hash(row, "first_organization")?);
                writes.push(set.when("first_user = :was").with(":was", bytes(old_user.to_vec())));
                let replaced = [
                    (old_user != *user, Key::user(&old_user)),
                    (old_organization != *organization, Key::organization(&old_organization)),
                ];
                writes.extend(replaced.into_iter().filter(|(is, _)| *is).map(|(_, key)| Write::delete(key)));
            }
        }
        match table.transact(context, writes).await? {
            Ended::Done => return Ok(account),
            Ended::Refused(_) => {}
        }
    }
    Err(PortError::new(context, "it changed at each look"))
}

/// Adds a user with an account of their own; the organization too, unless its secret is known. A hash of a user
/// that is known is an error.
pub(super) async fn add(table: &Table, user: &LookupHash, organization: &LookupHash) -> Result<Account> {
    let context = "add an account";
    let known = table.get(context, &Key::organization(organization)).await?;
    match known {
        Some(row) => add_user(table, user, row.number("organization")?).await,
        None => {
            // One is the first organization's, whether it is there yet or not.
            let organization_id = table.next_number(context, Key::accounts(), "last_organization").await? + 1;
            let writes = vec![
                Write::put(&Key::organization(organization), [("organization", number(organization_id))])
                    .when("attribute_not_exists(pk)"),
                Write::put(
                    &Key::listed_organization(organization_id),
                    [("organization", number(organization_id))],
                ),
            ];
            match table.transact(context, writes).await? {
                Ended::Done => add_user(table, user, organization_id).await,
                Ended::Refused(_) => {
                    Err(PortError::new(context, "the organization was added at the same time"))
                }
            }
        }
    }
}

/// Adds a user to an organization that is listed.
pub(super) async fn add_user(table: &Table, user: &LookupHash, organization_id: u32) -> Result<Account> {
    let context = "add a user";
    let user_id = table.next_number(context, Key::accounts(), "last_user").await? + 1;
    let account = Account { organization_id, account_id: user_id, user_id };
    let writes = vec![
        Write::put(&Key::user(user), attributes(account)).when("attribute_not_exists(pk)"),
        Write::update(Key::listed_organization(organization_id), "ADD users_count :one")
            .with(":one", number(1))
            .when("attribute_exists(pk)"),
    ];
    match table.transact(context, writes).await? {
        Ended::Done => Ok(account),
        Ended::Refused(_) => {
            Err(PortError::new(context, "the user's secret is known, or the organization is not"))
        }
    }
}

/// Whether there is such an organization.
pub(super) async fn is_listed(table: &Table, organization_id: u32) -> Result<bool> {
    let row = table.get("look an organization up", &Key::listed_organization(organization_id)).await?;
    Ok(row.is_some())
}

/// Organizations after `after`, in order: their ids, and how many users they have.
pub(super) async fn organizations(table: &Table, after: u32, limit: usize) -> Result<Vec<(u32, u64)>> {
    let page = Page {
        range: Some(("sk", "#sort > :from", super::row::text(format!("{after:010}")))),
        limit: Some(limit.min(PAGE_COUNT_MAX)),
        ..Page::of(key::ORGANIZATIONS.to_owned())
    };
    let rows = table.query("list organizations", page).await?;
    let users = |row: &Row| row.number_or_none("users_count").map(|count| count.unwrap_or(0));
    rows.iter().map(|row| Ok((row.number("organization")?, users(row)?))).collect()
}

fn attributes(account: Account) -> [(&'static str, AttributeValue); 3] {
    [
        ("organization", number(account.organization_id)),
        ("account", number(account.account_id)),
        ("user_id", number(account.user_id)),
    ]
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        organization_id: row.number("organization")?,
        account_id: row.number("account")?,
        user_id: row.number("user_id")?,
    })
}

fn hash(row: &Row, name: &'static str) -> Result<LookupHash> {
    row.bytes(name)?.try_into().map_err(|_| super::row::damaged(name))
}
