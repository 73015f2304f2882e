//! The adapters of one process: the suites of their ports, and what is theirs alone.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Fixtures are part of the tests.

mod backup;
mod begun;
mod beside;
mod conformance;
mod database;
mod fixtures;
mod queue;
mod store;
mod timers;
