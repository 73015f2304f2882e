//! Carillon in one process: SQLite store, timers, queue.

pub mod admin;
pub mod administration;
pub mod command_line;
pub mod config;
pub mod cost;
#[cfg(feature = "demo")]
pub mod demo;
pub mod health;
pub mod host;
pub mod jobs;
mod key_proof;
pub mod keys;
pub mod metrics;
pub mod otlp;
mod own_names;
mod proxies;
mod pulling;
pub mod runtime;
pub mod serve;
mod server;
pub mod sqlite;
mod ticks;
pub mod timers;
mod waiting;
mod wall_clock;
