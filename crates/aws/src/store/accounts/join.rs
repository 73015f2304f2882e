//! Organizations and users that come in, and their lists.

use super::rows::{account, attributes, put_organization, put_user};
use crate::store::key::{self, Key};
use crate::store::row::{Row, bytes, number, text, time};
use crate::store::table::{KeyQuery, Table, Write, WritesEnded};
use app::ports::{Clock as _, HostPage, ListingMark, LookupHash, Organization, PortError, Result, User};
use domain::instance::Account;
use system::SystemClock;

/// Organizations or users of one page.
const PAGE_COUNT_MAX: usize = 500;

/// Adds a user with an account of their own, who sees all; the organization too, unless its secret is known. A hash
/// of a user that is known is an error.
pub(in crate::store) async fn add(
    table: &Table,
    user: &LookupHash,
    organization: &LookupHash,
) -> Result<Account> {
    let context = "add an account";
    // Otherwise there would be an organization without users.
    if table.get(context, &Key::user(user)).await?.is_some() {
        return Err(known_user());
    }
    let known = table.get(context, &Key::organization(organization)).await?;
    let organization_id = match known {
        Some(row) => row.number("organization")?,
        None => add_organization(table, organization).await?,
    };
    let added = add_user(table, organization_id, user, true).await?;
    added.ok_or_else(|| PortError::new(context, "the organization is not listed"))
}

async fn add_organization(table: &Table, organization: &LookupHash) -> Result<u32> {
    let context = "add an organization";
    // One is the first organization's, whether it is there yet or not.
    let id = table.next_number(context, Key::accounts(), "last_organization").await? + 1;
    let listed = [
        ("organization", number(id)),
        ("user_count", number(0)),
        ("secret_hash", bytes(organization.to_vec())),
    ];
    let writes = vec![
        put_organization(id, organization).when("attribute_not_exists(pk)"),
        Write::put(&Key::listed_organization(id), listed),
    ];
    match table.transact(context, writes).await? {
        WritesEnded::Done => Ok(id),
        WritesEnded::Refused(_) => Err(PortError::new(context, "it was added at the same time")),
    }
}

/// Adds a user to an organization; `None` if there is no such organization.
pub(in crate::store) async fn add_user(
    table: &Table,
    organization_id: u32,
    user: &LookupHash,
    sees_all: bool,
) -> Result<Option<Account>> {
    let context = "add a user";
    let listed = Key::listed_organization(organization_id);
    // Or each mistake would use up a number.
    if table.get(context, &listed).await?.is_none() {
        return Ok(None);
    }
    let number_of_user = table.next_number(context, Key::accounts(), "last_user").await? + 1;
    let account = Account {
        organization_id,
        account_id: number_of_user,
        user_id: number_of_user,
        sees_own_only: !sees_all,
    };
    let counted =
        Write::update(listed, "ADD user_count :one").when("attribute_exists(pk)").with(":one", number(1));
    let noted = [("secret_hash", bytes(user.to_vec())), ("created", time(SystemClock.now()))];
    let writes = vec![
        counted,
        put_user(account, user).when("attribute_not_exists(pk)"),
        Write::put(
            &Key::listed_user(organization_id, account.user_id),
            attributes(account).into_iter().chain(noted),
        ),
    ];
    match table.transact(context, writes).await? {
        WritesEnded::Done => Ok(Some(account)),
        WritesEnded::Refused(refused) if matches!(refused.first(), Some(Some(_))) => Ok(None),
        WritesEnded::Refused(_) => Err(known_user()),
    }
}

fn known_user() -> PortError {
    PortError::new("add a user", "the user's secret is known already")
}

/// Organizations after the mark, in order of their ids.
pub(in crate::store) async fn organizations(
    table: &Table,
    from: Option<&ListingMark>,
    limit: usize,
) -> Result<HostPage<Organization>> {
    let read = |row: &Row| {
        Ok(Organization { id: row.number("organization")?, users_count: row.number("user_count")? })
    };
    listing(table, key::ORGANIZATIONS.to_owned(), from, limit, read).await
}

/// Users of an organization after the mark, in order of their ids.
pub(in crate::store) async fn users(
    table: &Table,
    organization_id: u32,
    from: Option<&ListingMark>,
) -> Result<HostPage<User>> {
    let read = |row: &Row| Ok(User { account: account(row)?, created_at: row.time_or_none("created")? });
    listing(table, key::users(organization_id), from, PAGE_COUNT_MAX, read).await
}

/// Rows of a list, which are in order of a number.
async fn listing<T>(
    table: &Table,
    partition: String,
    from: Option<&ListingMark>,
    limit: usize,
    read: impl Fn(&Row) -> Result<T>,
) -> Result<HostPage<T>> {
    let context = "go on with a listing";
    let place = |_| PortError::new(context, "not a place in it");
    let after: u32 = from.map_or(Ok(0), |mark| mark.0.parse().map_err(place))?;
    let limit = limit.min(PAGE_COUNT_MAX);
    let page = KeyQuery {
        range: Some(("sk", "#sort > :from", text(format!("{after:010}")))),
        limit: Some(limit),
        ..KeyQuery::of(partition)
    };
    let rows = table.query(context, page).await?;
    let next = match rows.last().filter(|_| rows.len() == limit) {
        Some(last) => Some(ListingMark(last.text("sk")?.trim_start_matches('0').to_owned())),
        None => None,
    };
    Ok(HostPage { items: rows.iter().map(read).collect::<Result<_>>()?, next })
}
