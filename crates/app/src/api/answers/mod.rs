//! What the interface answers, a type for each thing: their fields are what goes over the wire, in this order, and their
//! comments are its description.

pub(super) mod account;
pub(super) mod application;
pub(super) mod backfill;
pub(super) mod bulk;
pub(super) mod callback;
pub(super) mod configuration;
pub(super) mod count;
pub(super) mod delivery;
pub(super) mod element;
pub(super) mod error;
pub(super) mod event;
pub(super) mod explanation;
pub(super) mod instance;
pub(super) mod life;
pub(super) mod moment;
pub(super) mod named;
pub(super) mod poll;
pub(super) mod record;
pub(super) mod resource;
pub(super) mod sign_in_link;
pub(super) mod test_event;

/// What replaces a long token in examples.
const ID: &str = "7M5_8yH4DYh1mrWIQ7lt";
const AT: &str = "2026-11-22T11:40:00Z";
