//! Which mailboxes a tick polls: an item for each in the tick's partition, and one that says in which it is. Both are written
//! at once, so that a mailbox is in no two.

use super::DynamoStore;
use super::key::{self, Key};
use super::pause::pause_before;
use super::row::{Row, text, time};
use super::table::{KeyQuery, Write, WritesEnded};
use crate::tick::Tick;
use app::ports::{PortError, Result};
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;

/// Looks at a membership that others keep changing.
const LOOKS_COUNT_MAX: u32 = 6;

impl DynamoStore {
    /// Makes a mailbox a member of this tick, and of no other.
    ///
    /// # Errors
    ///
    /// It is what it was, or done.
    pub async fn join_tick(&self, id: InstanceId, tick: Tick, now: DateTime<Utc>) -> Result<()> {
        self.set_tick(id, Some(tick), now).await
    }

    /// Makes it a member of none.
    ///
    /// # Errors
    ///
    /// It is what it was, or done.
    pub async fn leave_tick(&self, id: InstanceId, now: DateTime<Utc>) -> Result<()> {
        self.set_tick(id, None, now).await
    }

    /// The tick that a mailbox is a member of.
    ///
    /// # Errors
    ///
    /// It could not be read.
    pub async fn tick_of(&self, id: InstanceId) -> Result<Option<Tick>> {
        let row = self.table.get("read a membership", &Key::membership(id)).await?;
        row.as_ref().map(named).transpose()
    }

    /// A tick's members, perhaps as they were a moment ago.
    ///
    /// # Errors
    ///
    /// They could not be read.
    pub async fn tick_members(&self, tick: Tick) -> Result<Vec<InstanceId>> {
        let query = KeyQuery { glances: true, only: Some("sk"), ..KeyQuery::of(key::members(tick)) };
        Ok(self.table.readable("read a tick's members", query, member).await?.rows)
    }

    /// The same as they are, with the time since when.
    ///
    /// # Errors
    ///
    /// They could not be read.
    pub async fn dated_members(&self, tick: Tick) -> Result<Vec<(InstanceId, DateTime<Utc>)>> {
        let dated = |row: &Row| Ok((member(row)?, row.time("at")?));
        Ok(self.table.readable("list a tick's members", KeyQuery::of(key::members(tick)), dated).await?.rows)
    }

    /// Whether a tick has a member.
    ///
    /// # Errors
    ///
    /// It could not be read.
    pub async fn has_members(&self, tick: Tick) -> Result<bool> {
        let query = KeyQuery { limit: Some(1), ..KeyQuery::of(key::members(tick)) };
        Ok(!self.table.query("look for a tick's members", query).await?.is_empty())
    }

    async fn set_tick(&self, id: InstanceId, wanted: Option<Tick>, now: DateTime<Utc>) -> Result<()> {
        const CONTEXT: &str = "change a membership";
        for look in 0..LOOKS_COUNT_MAX {
            pause_before(look).await;
            let former = self.tick_of(id).await?;
            if former == wanted {
                return Ok(());
            }
            if let WritesEnded::Done = self.table.transact(CONTEXT, writes(id, former, wanted, now)).await? {
                return Ok(());
            }
        }
        Err(PortError::new(CONTEXT, "others kept changing it"))
    }
}

fn writes(id: InstanceId, former: Option<Tick>, wanted: Option<Tick>, now: DateTime<Utc>) -> Vec<Write> {
    let key = Key::membership(id);
    let membership = match wanted {
        Some(tick) => Write::put(&key, [("member_of", text(tick.to_string()))]),
        None => Write::delete(key),
    };
    let membership = match former {
        Some(tick) => membership.when("member_of = :former").with(":former", text(tick.to_string())),
        None => membership.when("attribute_not_exists(pk)"),
    };
    let joined = wanted.map(|tick| Write::put(&Key::member(tick, id), [("at", time(now))]));
    let left = former.map(|tick| Write::delete(Key::member(tick, id)));
    [membership].into_iter().chain(joined).chain(left).collect()
}

fn named(row: &Row) -> Result<Tick> {
    Tick::parse(row.text("member_of")?).ok_or_else(|| row.damaged("member_of"))
}

fn member(row: &Row) -> Result<InstanceId> {
    let number: u32 = row.text("sk")?.parse().map_err(|_| row.damaged("sk"))?;
    Ok(InstanceId::from_bytes(number.to_be_bytes()))
}
