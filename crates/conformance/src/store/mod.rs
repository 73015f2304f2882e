//! What every `Store` must do.

pub mod applications;
pub mod attempts;
pub mod bulks;
pub mod committed_claims;
pub mod counts;
pub mod deletion;
pub mod health_events;
pub mod instances;
pub mod log;
pub mod organization_log;
pub mod outbox;
pub mod poller;
pub mod polls;
pub mod push;
pub mod release;
pub mod reopening;
pub mod searches;
pub mod session;
pub mod sign_in_links;
