//! Use cases of Carillon: the HTTP interface, polling, delivery, and the ports they need.
//!
//! No use case knows where it runs: a host makes an [`App`] from its adapters and calls [`App::router`],
//! [`App::tick`] and [`App::run`].

mod access;
mod account_settings;
pub mod admin;
mod ailment;
pub mod api;
mod app;
mod applications;
mod audit;
mod backfill_preview;
mod bulk;
mod census;
mod clients;
mod config;
mod context;
mod deliver;
mod destinations;
mod event_log;
mod exchange;
mod explain;
mod fleet;
mod health;
mod health_letters;
mod heard;
mod hinted;
mod host_state;
mod instances;
mod kept_fleet;
mod last_reads;
mod locks;
mod owners_link;
mod poll;
pub mod ports;
mod purge;
mod push;
mod read_gate;
mod reading;
mod redelivery;
mod refused_call;
mod release;
pub mod sealing;
mod secrets;
mod settle;
mod shares;
mod sight;
pub mod signals;
mod signing_in;
mod slow_callbacks;
mod tokens;
mod traffic;
pub mod unreadable;
mod wrong_guesses;
mod wrong_secrets;

#[cfg(fuzzing)]
pub use api::fuzzing;
pub use api::{Description, EndedByHost, description};
pub use app::App;
pub use config::{Config, Downloads, Endpoints, FirstAttempts, Mistake, Rings, Variables};
pub use context::Ports;
pub use deliver::Ran;
pub use poll::{PollOutcome, PollReport, ResourceReport};
pub use push::{Pull, ReadAhead as PushRowAhead, row_named as push_row_named};
pub use signing_in::SignedIn;
