//! What is stored of instances and accounts: each call is one transaction. Each port stands in the file of its rows.

mod accounts;
mod administration;
mod admission;
mod applications;
mod attempts;
mod audit;
mod bulks;
mod clock;
mod fleet;
mod health_events;
mod instances;
mod living;
mod log;
mod notifications;
mod organization_log;
mod poller;
mod polls;
mod push;
mod releases;
mod requests;
mod resources;
mod retention;
mod searches;
mod session;
mod settings;
mod sign_in_links;
mod subscriptions;
mod takeover;
mod trial;
mod upkeep;
mod user_sessions;
mod waiting;

pub(crate) use resources::{in_outbox, leave_outbox};
pub(crate) use waiting::{AGES_S as WAITING_AGES_S, STATUSES as WAITING_STATUSES};

use super::Db;
use app::signals::Timed;
use requests::Requests;
use std::sync::Arc;
use trial::WriteTrial;

/// Configuration, state and notifications in the database.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    requests: Arc<Requests>,
    trial: Arc<WriteTrial>,
}

impl SqliteStore {
    /// The store in this database.
    pub fn new(db: Db) -> Self {
        SqliteStore { db, requests: Arc::default(), trial: Arc::default() }
    }

    /// How long callers waited for the database.
    pub fn timed(&self) -> [Timed<'_>; 2] {
        self.db.timed()
    }
}
