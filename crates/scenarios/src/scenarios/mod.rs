//! The scenarios, by what they are about.

pub mod accounts;
pub mod backfill;
pub mod bulk;
pub mod configuration;
pub mod delivery;
pub mod description;
pub mod elements;
pub mod health;
pub mod hubs;
pub mod instances;
pub mod log;
pub mod polling;
pub mod push;
pub mod resources;
pub mod sign_in_links;
