//! Who polls a mailbox: a lease with a fence, and the mark of others that came meanwhile. It is in memory; that the
//! instance is there is looked at first.

use super::SqliteStore;
use super::living;
use app::ports::{PollEnded, Pollers, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;

impl SqliteStore {
    async fn is_living(&self, id: InstanceId) -> Result<bool> {
        self.db.glance("look for an instance", move |conn| Ok(living::version(conn, id)?.is_some())).await
    }
}

#[async_trait]
impl Pollers for SqliteStore {
    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        match self.is_living(id).await? {
            true => Ok(self.db.leases().begin(id, fence, now, until)),
            false => Ok(Written::Gone),
        }
    }

    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written> {
        match self.is_living(id).await? {
            true => Ok(self.db.leases().ask_again(id, fence, now)),
            false => Ok(Written::Gone),
        }
    }

    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        Ok(self.db.leases().end(id, fence))
    }
}
