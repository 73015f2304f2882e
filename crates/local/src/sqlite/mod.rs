//! One SQLite file that holds everything: the database, and the ports that need nothing else.

mod backup;
mod checkpoints;
pub(crate) mod columns;
mod connection;
mod db;
mod latency;
mod leases;
pub(crate) mod listing;
mod lock_file;
mod migrations;
mod open_error;
pub(crate) mod readable;
mod store;
mod threads;
mod vault;

pub use backup::{BackedUp, BackupError, back_up};
pub use db::Db;
pub(crate) use lock_file::LockFile;
pub use open_error::OpenError;
pub use store::SqliteStore;
pub(crate) use store::{WAITING_AGES_S, WAITING_STATUSES, in_outbox, leave_outbox};
pub use vault::SqliteVault;

/// The steps that SQLite would take for a query.
#[cfg(test)]
pub(crate) fn plan(sql: &str) -> Vec<String> {
    let connection = connection::in_memory().unwrap();
    migrations::migrate(&connection).unwrap();
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    explained.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
}
