//! The [`SignInLinks`] port: links by which owners of mailboxes sign in, an item for each.

use super::DynamoStore;
use super::audit;
use super::key::Key;
use super::row::{Row, expiry, json, number, text};
use super::table::{Table, Write, WritesEnded};
use app::ports::{AuditEntry, PortError, Result, SignInLinks, Written};
use async_trait::async_trait;
use domain::ids::InstanceId;
use domain::sign_in_link::{LinkKey, StoredLink, TRIES_COUNT_MAX};

const UNSPENT: &str = "attribute_exists(pk) AND attribute_not_exists(spent_on)";

#[async_trait]
impl SignInLinks for DynamoStore {
    async fn insert_link(&self, key: &LinkKey, link: &StoredLink, audit: &AuditEntry) -> Result<()> {
        let context = "store a sign-in link";
        let attributes = [
            ("doc", json(&link.link)?),
            ("tries", number(link.tries_count)),
            ("expires", expiry(link.link.kept_until())),
        ];
        let mut put = Write::put(&Key::sign_in_link(key), attributes);
        if let Some(creation) = &link.creation_sealed {
            put = put.and("creation", text(creation));
        }
        let writes = vec![put.when("attribute_not_exists(pk)"), audit::put(audit)?];
        match self.table.transact(context, writes).await? {
            WritesEnded::Done => Ok(()),
            // Its own write, whose answer got lost: a token is never made twice.
            WritesEnded::Refused(_) if self.link(key).await?.is_some_and(|found| found.link == link.link) => {
                Ok(())
            }
            WritesEnded::Refused(_) => Err(PortError::new(context, "the token is known already")),
        }
    }

    async fn link(&self, key: &LinkKey) -> Result<Option<StoredLink>> {
        let row = self.table.get("read a sign-in link", &Key::sign_in_link(key)).await?;
        row.as_ref().map(stored).transpose()
    }

    async fn try_link(&self, key: &LinkKey) -> Result<Written> {
        let update = Write::update(Key::sign_in_link(key), "ADD tries :one")
            .when(format!("{UNSPENT} AND tries < :max"))
            .with(":one", number(1))
            .with(":max", number(TRIES_COUNT_MAX));
        let counted = self.table.write("count a try of a sign-in link", update).await?;
        Ok(if counted.is_ok() { Written::Done } else { Written::Conflict })
    }
}

fn stored(row: &Row) -> Result<StoredLink> {
    let spent_on = row.number_or_none::<u32>("spent_on")?;
    Ok(StoredLink {
        link: row.json("doc")?,
        creation_sealed: row.text_or_none("creation")?.map(str::to_owned),
        tries_count: row.number("tries")?,
        spent_on: spent_on.map(|id| InstanceId::from_bytes(id.to_be_bytes())),
    })
}

/// Whether a link is there that nobody used; none is as good as one.
pub(super) async fn is_unspent(table: &Table, key: Option<&LinkKey>) -> Result<bool> {
    let Some(key) = key else { return Ok(true) };
    let row = table.get("read a sign-in link", &Key::sign_in_link(key)).await?;
    Ok(row.is_some_and(|row| !row.has("spent_on")))
}

/// Notes that a link led to this instance, unless another was first: what it stood for goes.
pub(super) fn spend(key: &LinkKey, id: InstanceId) -> Write {
    Write::update(Key::sign_in_link(key), "SET spent_on = :id REMOVE creation")
        .when(UNSPENT)
        .with(":id", number(id))
}
