//! What every `Accounts` must do, together with the `Store` of its host.

pub mod admission;
pub mod audit;
pub mod requests;
pub mod settings;

use app::ports::{Accounts, Store};

/// Both ports of one host.
pub trait Harness: Send + Sync {
    /// Who may call.
    fn accounts(&self) -> &dyn Accounts;
    /// Where callers are found, and changes are noted.
    fn store(&self) -> &dyn Store;
}

impl<T: Accounts + Store> Harness for T {
    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn store(&self) -> &dyn Store {
        self
    }
}
