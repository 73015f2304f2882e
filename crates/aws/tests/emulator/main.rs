//! The adapters against an emulator of AWS. Not part of `cargo test --workspace`; CI starts the emulator and
//! runs `cargo test -p aws --test emulator` with its address in AWS_ENDPOINT_URL.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that can not go on panics

mod accounts;
mod admin;
mod budget;
mod bus;
mod counts;
mod fleet;
mod limits;
mod lines;
mod lost_answers;
mod meter;
mod push;
mod races;
mod secrets;
mod stack;
mod staged;
mod store;
mod table;
mod ticks;
mod unreadable;
mod upgrades;
mod vault;
mod wire;
mod work;
