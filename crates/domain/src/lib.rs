//! Values and decisions of Carillon.
//!
//! Nothing here does I/O, waits, or reads the clock or the environment: time and everything that was
//! read come in as arguments, so that each rule can be tested by calling it.

pub mod account_settings;
pub mod address;
pub mod annex;
pub mod application;
pub mod backfill;
pub mod bulk;
pub mod callback;
pub mod catalogue;
pub mod ceql;
pub mod compact_json;
pub mod date_pattern;
pub mod delivery;
pub mod envelope;
pub mod event;
pub mod explain;
pub mod field_path;
pub mod health;
pub mod health_ledger;
pub mod health_letter;
pub mod health_reading;
pub mod ids;
pub mod instance;
pub mod invalid;
pub mod json_text;
pub mod life;
pub mod packed_text;
pub mod packed_token;
pub mod pasted;
pub mod poller_urls;
pub mod push;
pub mod resource;
pub mod retry_list;
pub mod schedule;
pub mod setting_keys;
pub mod settings;
pub mod sign_in_link;
pub mod signature;
pub mod state;
pub mod template;
pub mod token;
pub mod trace;
