//! One SQLite file that holds everything: the database, and the ports that need nothing else.

pub(crate) mod columns;
mod connection;
mod db;
mod lock_file;
mod migrations;
mod store;
mod threads;
mod vault;

pub use db::{Db, OpenError};
pub use store::SqliteStore;
pub use vault::SqliteVault;
