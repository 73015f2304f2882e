//! Secrets that take the place of others, and users who are taken out.

use super::first;
use super::rows::{LOOKS_COUNT_MAX, account, hash, put_organization, put_user};
use crate::store::audit;
use crate::store::key::Key;
use crate::store::pause::pause_before;
use crate::store::row::{Row, bytes, number};
use crate::store::table::{Table, Write, WritesEnded};
use app::ports::{AuditEntry, LookupHash, PortError, Result};

/// Gives an organization another secret; `false` if there is no such organization.
pub(in crate::store) async fn replace_organization(table: &Table, id: u32, new: &LookupHash) -> Result<bool> {
    let context = "replace an organization's secret";
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        let key = Key::listed_organization(id);
        let Some(row) = table.get(context, &key).await? else { return Ok(false) };
        if !row.has("secret_hash") {
            let why = "the present one was never used since secrets are noted, and could not be taken away";
            return Err(PortError::new(context, why));
        }
        let old = hash(&row, "secret_hash")?;
        if old == *new {
            return Ok(true);
        }
        let mut writes = vec![
            put_organization(id, new).when("attribute_not_exists(pk)"),
            Write::delete(Key::organization(&old)),
            noted(key, &old, new),
        ];
        writes.extend(first::follow_organization(id, &old, new));
        if is_done(context, table.transact(context, writes).await?)? {
            return Ok(true);
        }
    }
    Err(changes_too_fast(context))
}

/// Gives a user another secret; `false` if there is no such user in the list.
pub(in crate::store) async fn replace_user(
    table: &Table,
    organization_id: u32,
    user_id: u32,
    new: &LookupHash,
) -> Result<bool> {
    let context = "replace a user's secret";
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        let key = Key::listed_user(organization_id, user_id);
        let Some(row) = table.get(context, &key).await? else { return Ok(false) };
        let (account, old) = (account(&row)?, hash(&row, "secret_hash")?);
        if old == *new {
            return Ok(true);
        }
        let mut writes = vec![
            put_user(account, new).when("attribute_not_exists(pk)"),
            Write::delete(Key::user(&old)),
            noted(key, &old, new),
        ];
        writes.extend(first::follow_user(account, &old, new));
        if is_done(context, table.transact(context, writes).await?)? {
            return Ok(true);
        }
    }
    Err(changes_too_fast(context))
}

/// Takes a user out of the list, and the secret away, and notes it; `false` if there is none.
pub(in crate::store) async fn remove_user(
    table: &Table,
    organization_id: u32,
    user_id: u32,
    entry: Option<&AuditEntry>,
) -> Result<bool> {
    let context = "take a user out";
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        let key = Key::listed_user(organization_id, user_id);
        let Some(row) = table.get(context, &key).await? else { return Ok(false) };
        let (account, old) = (account(&row)?, hash(&row, "secret_hash")?);
        let mut writes = vec![
            Write::delete(Key::user(&old)),
            Write::delete(key).when("secret_hash = :old").with(":old", bytes(old.to_vec())),
            Write::update(Key::listed_organization(organization_id), "ADD user_count :less")
                .when("attribute_exists(pk)")
                .with(":less", number(-1)),
        ];
        writes.extend(entry.map(audit::put).transpose()?);
        writes.extend(first::follow_removal(account, &old));
        if let WritesEnded::Done = table.transact(context, writes).await? {
            return Ok(true);
        }
    }
    Err(changes_too_fast(context))
}

/// The list names the new secret, unless somebody else was first.
fn noted(key: Key, old: &LookupHash, new: &LookupHash) -> Write {
    Write::update(key, "SET secret_hash = :new")
        .when("secret_hash = :old")
        .with(":new", bytes(new.to_vec()))
        .with(":old", bytes(old.to_vec()))
}

/// Whether a secret was replaced. The first write is the new secret's item, which nobody else may have.
fn is_done(context: &'static str, ended: WritesEnded) -> Result<bool> {
    match ended {
        WritesEnded::Done => Ok(true),
        WritesEnded::Refused(refused) if is_taken(&refused) => {
            Err(PortError::new(context, "the new one is known already"))
        }
        WritesEnded::Refused(_) => Ok(false),
    }
}

fn is_taken(refused: &[Option<Option<Row>>]) -> bool {
    matches!(refused.first(), Some(Some(_)))
}

fn changes_too_fast(context: &'static str) -> PortError {
    PortError::new(context, "it kept changing")
}
