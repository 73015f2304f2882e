//! The scenarios against a deployed stack, and what only a stack has: queues, dead letters, a bus.
#![allow(clippy::unwrap_used)] // a test that can not go on panics

mod bus;
mod jobs;
mod operator;
mod stack;

mod scenario {
    scenarios::suite!(crate::stack::platform);
}
