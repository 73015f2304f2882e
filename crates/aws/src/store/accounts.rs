//! Who calls: organizations and users, known by the hashes of their secrets.

use super::key::{self, Key};
use super::row::{Row, bytes, number};
use super::table::{Ended, Page, Table, Write};
use app::ports::{LookupHash, Organization, PortError, Result};
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
                let listed = [("organization", number(1)), ("user_count", number(1))];
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
    let organization_id = match known {
        Some(row) => row.number("organization")?,
        None => add_organization(table, organization).await?,
    };
    let added = add_user(table, organization_id, user).await?;
    added.ok_or_else(|| PortError::new(context, "the organization is not listed"))
}

async fn add_organization(table: &Table, organization: &LookupHash) -> Result<u32> {
    let context = "add an organization";
    // One is the first organization's, whether it is there yet or not.
    let id = table.next_number(context, Key::accounts(), "last_organization").await? + 1;
    let writes = vec![
        Write::put(&Key::organization(organization), [("organization", number(id))])
            .when("attribute_not_exists(pk)"),
        Write::put(&Key::listed_organization(id), [("organization", number(id)), ("user_count", number(0))]),
    ];
    match table.transact(context, writes).await? {
        Ended::Done => Ok(id),
        Ended::Refused(_) => Err(PortError::new(context, "it was added at the same time")),
    }
}

/// Adds a user to an organization; `None` if there is no such organization.
pub(super) async fn add_user(
    table: &Table,
    organization_id: u32,
    user: &LookupHash,
) -> Result<Option<Account>> {
    let context = "add a user";
    let number_of_user = table.next_number(context, Key::accounts(), "last_user").await? + 1;
    let account = Account { organization_id, account_id: number_of_user, user_id: number_of_user };
    let counted = Write::update(Key::listed_organization(organization_id), "ADD user_count :one")
        .when("attribute_exists(pk)")
        .with(":one", number(1));
    let writes =
        vec![counted, Write::put(&Key::user(user), attributes(account)).when("attribute_not_exists(pk)")];
    match table.transact(context, writes).await? {
        Ended::Done => Ok(Some(account)),
        Ended::Refused(refused) if matches!(refused.first(), Some(Some(_))) => Ok(None),
        Ended::Refused(_) => Err(PortError::new(context, "the user's secret is known already")),
    }
}

/// Organizations after this one, in order of their ids.
pub(super) async fn organizations(table: &Table, after: u32, limit: usize) -> Result<Vec<Organization>> {
    let page = Page {
        range: Some(("sk", "#sort > :from", super::row::text(format!("{after:010}")))),
        limit: Some(limit.min(PAGE_COUNT_MAX)),
        ..Page::of(key::ORGANIZATIONS.to_owned())
    };
    let rows = table.query("list organizations", page).await?;
    let read = |row: &Row| {
        Ok(Organization { id: row.number("organization")?, users_count: row.number("user_count")? })
    };
    rows.iter().map(read).collect()
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
