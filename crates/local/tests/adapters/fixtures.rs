//! Fresh adapters.

use app::ports::{Job, Queue, Store, Vault};
use app::sealing::{DataKey, Sealer};
use async_trait::async_trait;
use chrono::{DateTime, TimeZone as _, Utc};
use conformance::accounts;
use conformance::queue::Harness;
use domain::ids::InstanceId;
use local::jobs::{Class, Jobs, TakenJob, Went};
use local::sqlite::{Db, SqliteStore, SqliteVault};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// An adapter and its folder, if it has one; they go in this order.
pub(crate) struct Fixture<P> {
    adapter: P,
    _folder: Option<TempDir>,
}

impl Fixture<SqliteStore> {
    pub(crate) fn port(&self) -> &dyn Store {
        &self.adapter
    }
}

impl Fixture<SqliteVault> {
    pub(crate) fn port(&self) -> &dyn Vault {
        &self.adapter
    }
}

impl Fixture<Jobs> {
    pub(crate) fn port(&self) -> &dyn Harness {
        self
    }
}

#[async_trait]
impl Harness for Fixture<Jobs> {
    fn queue(&self) -> &dyn Queue {
        &self.adapter
    }

    async fn take(&self, now: DateTime<Utc>) -> Option<Job> {
        for class in Class::ALL {
            if let Some(taken) = self.adapter.take_due(now, class).await.unwrap() {
                return Some(taken.job);
            }
        }
        None
    }

    async fn done(&self, job: Job, now: DateTime<Utc>) {
        self.adapter.done(&TakenJob { job, due_at: now }, Went::Well, now).await.unwrap();
    }

    async fn fail(&self, job: Job, now: DateTime<Utc>) {
        self.adapter.failed(&TakenJob { job, due_at: now }, now).await.unwrap();
    }
}

fn at_once<P>(adapter: impl FnOnce(Db) -> P) -> Fixture<P> {
    Fixture { adapter: adapter(Db::in_memory().unwrap()), _folder: None }
}

fn with_threads<P>(adapter: impl FnOnce(Db) -> P) -> Fixture<P> {
    let (folder, path) = folder();
    Fixture { adapter: adapter(Db::open(&path).unwrap()), _folder: Some(folder) }
}

/// A folder, and where the database is in it.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data").join("carillon.db");
    (folder, path)
}

pub(crate) fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&[7; 32], vec![DataKey { id: "k1".to_owned(), bytes: [8; 32] }]))
}

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
}

pub(crate) fn id(number: u32) -> InstanceId {
    InstanceId::from_bytes(number.to_be_bytes())
}

pub(crate) async fn store_at_once() -> Fixture<SqliteStore> {
    at_once(SqliteStore::new)
}

pub(crate) async fn store_with_threads() -> Fixture<SqliteStore> {
    with_threads(SqliteStore::new)
}

/// The store as the port of accounts.
pub(crate) struct AccountsFixture(Fixture<SqliteStore>);

impl AccountsFixture {
    pub(crate) fn port(&self) -> &dyn accounts::Harness {
        &self.0.adapter
    }
}

pub(crate) async fn accounts_at_once() -> AccountsFixture {
    AccountsFixture(at_once(SqliteStore::new))
}

pub(crate) async fn accounts_with_threads() -> AccountsFixture {
    AccountsFixture(with_threads(SqliteStore::new))
}

pub(crate) async fn vault_at_once() -> Fixture<SqliteVault> {
    at_once(|db| SqliteVault::new(db, sealer()))
}

pub(crate) async fn vault_with_threads() -> Fixture<SqliteVault> {
    with_threads(|db| SqliteVault::new(db, sealer()))
}

pub(crate) async fn queue_at_once() -> Fixture<Jobs> {
    let Fixture { adapter, _folder } = at_once(Jobs::open);
    Fixture { adapter: adapter.await.unwrap(), _folder }
}

pub(crate) async fn queue_with_threads() -> Fixture<Jobs> {
    let Fixture { adapter, _folder } = with_threads(Jobs::open);
    Fixture { adapter: adapter.await.unwrap(), _folder }
}
