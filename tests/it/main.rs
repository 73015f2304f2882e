//! Scenarios over the whole of Carillon, in one test binary.
#![allow(clippy::unwrap_used)] // a test that can not go on panics

mod tidy;
mod world;

mod access;
mod accounts;
mod admin;
mod authentication;
mod backfills;
mod bounds;
mod bulk;
mod by_address;
mod calendar;
mod connectors;
mod defects;
mod delivery;
mod described;
mod dialect;
mod events;
mod explained;
mod fleet;
mod graph;
mod health_events;
mod hubs;
mod kept_counts;
mod lifecycle;
mod mailbox_address;
mod outages;
mod owners_link;
mod pasted;
mod push;
mod resources;
mod second_lane;
mod settling;
mod signals;
mod simulation;
mod tokens;
mod trials;
mod unreadable;
mod upgrades;
