//! Listings over all instances, for administration: each in the order of ids.

use super::SqliteStore;
use super::accounts;
use crate::sqlite::columns::instance_id;
use app::ports::{LookupHash, Organization, Result, Scheduled};
use domain::ids::InstanceId;
use domain::instance::Account;
use rusqlite::{Connection, OptionalExtension as _};

/// Rows read at once.
const PAGE_SIZE: usize = 500;

const INSTANCES: &str = "SELECT id FROM instances WHERE id > ?1 ORDER BY id LIMIT ?2";
const SCHEDULES: &str =
    "SELECT instance_id FROM schedules WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2";
const SECRETS: &str = "SELECT instance_id FROM secrets WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2";
const ORGANIZATIONS: &str = "SELECT o.id, (SELECT count(*) FROM users u WHERE u.organization_id = o.id)
     FROM organizations o WHERE o.id > ?1 ORDER BY o.id LIMIT ?2";

impl SqliteStore {
    /// Adds a user to an organization, if there is one of this id.
    pub async fn add_user(&self, organization_id: u32, user: LookupHash) -> Result<Option<Account>> {
        self.db.write("add a user", move |tx| accounts::add_user(tx, organization_id, &user)).await
    }

    /// Some organizations after this one. Fewer than [`SqliteStore::page_size`] are the last.
    pub async fn organizations(&self, after: u32) -> Result<Vec<Organization>> {
        self.db
            .read("list organizations", move |conn| {
                conn.prepare_cached(ORGANIZATIONS)?
                    .query_map((after, PAGE_SIZE), |row| {
                        Ok(Organization { id: row.get(0)?, users_count: row.get(1)? })
                    })?
                    .collect()
            })
            .await
    }

    /// Some instances of whatever organization after this one, also deleted ones.
    pub async fn all_instances(&self, after: u32) -> Result<Vec<InstanceId>> {
        self.db.read("list all instances", move |conn| ids(conn, INSTANCES, after)).await
    }

    /// Some instances that have a schedule, after this one.
    pub async fn scheduled(&self, after: u32) -> Result<Vec<InstanceId>> {
        self.db.read("list schedules", move |conn| ids(conn, SCHEDULES, after)).await
    }

    /// Some instances that have secrets, after this one.
    pub async fn with_secrets(&self, after: u32) -> Result<Vec<InstanceId>> {
        self.db.read("list secrets", move |conn| ids(conn, SECRETS, after)).await
    }

    /// How long a page of these listings is, unless it is the last.
    pub fn page_size() -> usize {
        PAGE_SIZE
    }

    /// An instance's schedule.
    pub async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        let sql = "SELECT interval_s, enabled FROM schedules WHERE instance_id = ?1";
        self.db
            .read("read a schedule", move |conn| {
                conn.prepare_cached(sql)?
                    .query_row([id.get()], |row| {
                        Ok(Scheduled { interval_s: row.get(0)?, is_enabled: row.get(1)? })
                    })
                    .optional()
            })
            .await
    }

    /// An instance's notifications that are neither delivered nor dropped.
    pub async fn undelivered_of(&self, id: InstanceId) -> Result<u64> {
        let sql = "SELECT count(*) FROM notifications WHERE instance_id = ?1 AND progress = 'pending'";
        self.db
            .read("count an instance's undelivered notifications", move |conn| {
                conn.prepare_cached(sql)?.query_row([id.get()], |row| row.get(0))
            })
            .await
    }
}

fn ids(conn: &Connection, sql: &str, after: u32) -> rusqlite::Result<Vec<InstanceId>> {
    conn.prepare_cached(sql)?.query_map((after, PAGE_SIZE), |row| Ok(instance_id(row.get(0)?)))?.collect()
}
