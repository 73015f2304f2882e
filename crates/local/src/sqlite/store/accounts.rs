//! Who calls: organizations and users, known by the hashes of their secrets.

use app::ports::LookupHash;
use domain::instance::Account;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

const OF_USER: &str = "SELECT u.organization_id, u.account_id, u.id
    FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.secret_hash = ?1";
const OF_USER_IN_ORGANIZATION: &str = "SELECT u.organization_id, u.account_id, u.id
    FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.secret_hash = ?1 AND o.secret_hash = ?2";
const FIRST: &str = "SELECT organization_id, account_id, id FROM users ORDER BY id LIMIT 1";

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

/// Makes these the secrets of the first organization and its first user, who are made if need be.
pub(super) fn ensure(conn: &Connection, user: &LookupHash, organization: &LookupHash) -> Result<Account> {
    if let Some(known) = find(conn, user, Some(organization))? {
        return Ok(known);
    }
    let Some(first) = first(conn)? else { return add(conn, user, organization) };
    let organization_id = first.organization_id;
    conn.execute("UPDATE organizations SET secret_hash = ?1 WHERE id = ?2", (organization, organization_id))?;
    conn.execute("UPDATE users SET secret_hash = ?1 WHERE id = ?2", (user, first.user_id))?;
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
         RETURNING organization_id, account_id, id",
        [user, organization],
        account,
    )
}

/// Adds a user with an account of their own to an organization, if there is one of this id.
pub(super) fn add_user(
    conn: &Connection,
    organization_id: u32,
    user: &LookupHash,
) -> Result<Option<Account>> {
    conn.query_row(
        "INSERT INTO users (account_id, organization_id, secret_hash)
         SELECT coalesce((SELECT max(account_id) FROM users), 0) + 1, id, ?1
         FROM organizations WHERE id = ?2
         RETURNING organization_id, account_id, id",
        (user, organization_id),
        account,
    )
    .optional()
}

fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account { organization_id: row.get(0)?, account_id: row.get(1)?, user_id: row.get(2)? })
}
