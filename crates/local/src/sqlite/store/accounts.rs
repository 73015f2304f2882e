//! Who calls: organizations and users, known by the hashes of their secrets.

use super::SqliteStore;
use app::ports;
use app::ports::{Callers, LookupHash, Organization, User};
use async_trait::async_trait;
use domain::instance::Account;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

const OF_USER: &str = "SELECT u.organization_id, u.account_id, u.id, u.sees_own_only
    FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.secret_hash = ?1";
const OF_USER_IN_ORGANIZATION: &str = "SELECT u.organization_id, u.account_id, u.id, u.sees_own_only
    FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.secret_hash = ?1 AND o.secret_hash = ?2";
const FIRST: &str = "SELECT organization_id, account_id, id, sees_own_only FROM users
    WHERE removed = 0 ORDER BY id LIMIT 1";
const FIRST_EVER: &str =
    "SELECT organization_id, account_id, id, sees_own_only FROM users ORDER BY id LIMIT 1";
const ORGANIZATIONS: &str =
    "SELECT o.id, (SELECT count(*) FROM users u WHERE u.organization_id = o.id AND u.removed = 0)
     FROM organizations o WHERE o.id > ?1 ORDER BY o.id LIMIT ?2";
const USERS: &str = "SELECT organization_id, account_id, id, sees_own_only FROM users
    WHERE organization_id = ?1 AND id > ?2 AND removed = 0 ORDER BY id LIMIT ?3";

pub(super) fn find(
    conn: &Connection,
    user: &LookupHash,
    organization: Option<&LookupHash>,
) -> Result<Option<Account>> {
    match organization {
        None => conn.prepare_cached(OF_USER)?.query_row([user], account).optional(),
        Some(organization) => {
            conn.prepare_cached(OF_USER_IN_ORGANIZATION)?.query_row([user, organization], account).optional()
        }
    }
}

/// The first user, if there is one.
pub(super) fn first(conn: &Connection) -> Result<Option<Account>> {
    conn.query_row(FIRST, [], account).optional()
}

/// Makes these the secrets of the first organization and its first user, who are made if need be. That user comes
/// back if removed: the secrets of the second one are not for replacing.
pub(super) fn ensure(conn: &Connection, user: &LookupHash, organization: &LookupHash) -> Result<Account> {
    if let Some(known) = find(conn, user, Some(organization))? {
        return Ok(known);
    }
    let first = conn.query_row(FIRST_EVER, [], account).optional()?;
    let Some(first) = first else { return add(conn, user, organization) };
    let organization_id = first.organization_id;
    conn.execute("UPDATE organizations SET secret_hash = ?1 WHERE id = ?2", (organization, organization_id))?;
    conn.execute("UPDATE users SET secret_hash = ?1, removed = 0 WHERE id = ?2", (user, first.user_id))?;
    Ok(first)
}

/// Adds a user with an account of their own; the organization too, unless its secret is known.
pub(super) fn add(conn: &Connection, user: &LookupHash, organization: &LookupHash) -> Result<Account> {
    conn.execute(
        "INSERT INTO organizations (secret_hash) VALUES (?1) ON CONFLICT DO NOTHING",
        [organization],
    )?;
    conn.query_row(
        "INSERT INTO users (account_id, organization_id, secret_hash)
         SELECT coalesce((SELECT max(account_id) FROM users), 0) + 1, id, ?1
         FROM organizations WHERE secret_hash = ?2
         RETURNING organization_id, account_id, id, sees_own_only",
        [user, organization],
        account,
    )
}

/// Adds a user with an account of their own to an organization, if there is one of this id.
pub(super) fn add_user(
    conn: &Connection,
    organization_id: u32,
    user: &LookupHash,
    sees_own_only: bool,
) -> Result<Option<Account>> {
    conn.query_row(
        "INSERT INTO users (account_id, organization_id, secret_hash, sees_own_only)
         SELECT coalesce((SELECT max(account_id) FROM users), 0) + 1, id, ?1, ?3
         FROM organizations WHERE id = ?2
         RETURNING organization_id, account_id, id, sees_own_only",
        (user, organization_id, sees_own_only),
        account,
    )
    .optional()
}

/// Some organizations after this one.
pub(super) fn organizations(conn: &Connection, after: u32, limit: usize) -> Result<Vec<Organization>> {
    conn.prepare_cached(ORGANIZATIONS)?
        .query_map((after, limit), |row| Ok(Organization { id: row.get(0)?, users_count: row.get(1)? }))?
        .collect()
}

/// Some users of an organization after this one. When they were made, the audit record says.
pub(super) fn users(conn: &Connection, organization_id: u32, after: u32, limit: usize) -> Result<Vec<User>> {
    conn.prepare_cached(USERS)?
        .query_map((organization_id, after, limit), |row| {
            Ok(User { account: account(row)?, created_at: None })
        })?
        .collect()
}

pub(super) fn replace_organization_secret(
    conn: &Connection,
    organization_id: u32,
    new: &LookupHash,
) -> Result<bool> {
    let replaced =
        conn.execute("UPDATE organizations SET secret_hash = ?1 WHERE id = ?2", (new, organization_id))?;
    Ok(replaced == 1)
}

pub(super) fn replace_user_secret(
    conn: &Connection,
    organization_id: u32,
    user_id: u32,
    new: &LookupHash,
) -> Result<bool> {
    let replaced = conn.execute(
        "UPDATE users SET secret_hash = ?1 WHERE id = ?2 AND organization_id = ?3 AND removed = 0",
        (new, user_id, organization_id),
    )?;
    Ok(replaced == 1)
}

/// The row stays, so that no number comes again. What stands instead of its hash is shorter than a hash, so
/// that no secret finds it.
pub(super) fn remove_user(conn: &Connection, organization_id: u32, user_id: u32) -> Result<bool> {
    let removed = conn.execute(
        "UPDATE users SET secret_hash = CAST(id AS BLOB), removed = 1
         WHERE id = ?1 AND organization_id = ?2 AND removed = 0",
        (user_id, organization_id),
    )?;
    Ok(removed == 1)
}

fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        organization_id: row.get(0)?,
        account_id: row.get(1)?,
        user_id: row.get(2)?,
        sees_own_only: row.get(3)?,
    })
}

#[async_trait]
impl Callers for SqliteStore {
    async fn account(
        &self,
        user: &LookupHash,
        organization: Option<&LookupHash>,
    ) -> ports::Result<Option<Account>> {
        let (user, organization) = (*user, organization.copied());
        self.db.glance("read an account", move |conn| find(conn, &user, organization.as_ref())).await
    }
}
