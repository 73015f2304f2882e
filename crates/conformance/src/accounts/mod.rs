//! What every `Accounts` must do, together with the `Store` of its host.

pub mod admission;
pub mod audit;
pub mod requests;
pub mod settings;
pub mod user_sessions;

use app::ports::{Accounts, Store, UserSessions};

/// The ports of one host.
pub trait Harness: Send + Sync {
    /// Who may call.
    fn accounts(&self) -> &dyn Accounts;
    /// Where callers are found, and changes are noted.
    fn store(&self) -> &dyn Store;
    /// Who is signed in.
    fn sessions(&self) -> &dyn UserSessions;
}

impl<T: Accounts + Store + UserSessions> Harness for T {
    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn store(&self) -> &dyn Store {
        self
    }

    fn sessions(&self) -> &dyn UserSessions {
        self
    }
}
