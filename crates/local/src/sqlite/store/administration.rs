//! Listings over all instances, for administration: each in the order of ids.

use super::SqliteStore;
use crate::sqlite::columns::instance_id;
use crate::sqlite::listing::PAGE_SIZE;
use app::ports::{Result, Scheduled};
use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _};

const INSTANCES: &str = "SELECT id FROM instances WHERE id > ?1 ORDER BY id LIMIT ?2";
const SCHEDULES: &str =
    "SELECT instance_id FROM schedules WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2";
const SECRETS: &str = "SELECT instance_id FROM secrets WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2";

impl SqliteStore {
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

    /// An instance's schedule.
    pub async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        let sql = "SELECT interval_s, enabled FROM schedules WHERE instance_id = ?1";
        self.db
            .read("read a schedule", move |conn| {
                conn.prepare_cached(sql)?
                    .query_row([id.get()], |row| {
                        Ok(Scheduled { interval_s: row.get(0)?, is_enabled: row.get(1)?, is_former: false })
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
