//! What the process that has the data folder does with it: at its start, when its clock was set back, and to what is no
//! longer kept.

use super::{SqliteStore, accounts, clock, retention, takeover};
use app::ports::{LookupHash, Result};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::instance::Account;
use rusqlite::Connection;

impl SqliteStore {
    /// Frees what workers of an earlier process held, and removes what their creations left without an instance.
    /// For the process that has just opened the data folder, before it does anything else.
    pub async fn forget_dead_workers(&self) -> Result<()> {
        self.db.write("free what an earlier process held", takeover::forget_dead_workers).await
    }

    /// The clock was set back by so much: what waits or holds until a time ahead does so for as much less.
    pub async fn set_back(&self, by: Duration, now: DateTime<Utc>) -> Result<()> {
        self.db.write("bring waits nearer", move |conn| clock::set_back(conn, by, now)).await?;
        // Last: what fails is done again.
        self.db.leases().set_back(by, now);
        Ok(())
    }

    /// Instances that an earlier process may have left half-way: outboxes, deletions, releases, schedules.
    pub async fn unfinished(&self) -> Result<Vec<InstanceId>> {
        self.db.read("look for what was left half-way", takeover::unfinished).await
    }

    /// The first user, if there is one.
    pub async fn first_account(&self) -> Result<Option<Account>> {
        self.db.read("read the first account", accounts::first).await
    }

    /// Makes these the hashes of the first organization and its first user, who are made if need be. Hashes
    /// that belong together already, to whomever, change nothing.
    pub async fn ensure_account(&self, user: LookupHash, organization: LookupHash) -> Result<Account> {
        self.db.write("ensure the first account", move |tx| accounts::ensure(tx, &user, &organization)).await
    }

    /// Deletes at most `limit` notifications and audit entries whose time was over by `now`, and gives some of the
    /// free space back to the file system. How many: if as many as the limit, there may be more.
    pub async fn retention(&self, now: DateTime<Utc>, limit: usize) -> Result<usize> {
        let expire = move |tx: &Connection| retention::expire(tx, now, limit);
        let count = self.db.write("delete what is no longer kept", expire).await?;
        if count < limit {
            self.db.empty_log().await?;
        }
        Ok(count)
    }

    /// Notifications that are neither delivered nor dropped, of all instances.
    pub async fn undelivered_count(&self) -> Result<u64> {
        self.db.read("count undelivered notifications", retention::undelivered_count).await
    }
}
