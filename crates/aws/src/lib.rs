//! Carillon on AWS.

pub mod admin;
mod bus;
mod clients;
mod environment;
mod fault;
mod first_account;
mod functions;
mod keys;
mod letter;
mod queue;
mod schedules;
#[cfg(test)]
mod script;
mod sdk_http;
mod stack;
mod starts;
mod store;
mod tick;
mod ticks;
mod vault;

pub use bus::EventBus;
pub use clients::Clients;
pub use environment::{Environment, QueueAddress, SecretStorage};
pub use first_account::{FirstSecrets, GeneratedSecrets};
pub use functions::{api, deliver, download, lines, poll};
pub use keys::{DataKeys, Rotation, rotate};
pub use queue::SqsQueue;
pub use schedules::{ListedSchedule, SchedulePage, Schedules};
pub use sdk_http::SdkHttp;
pub use stack::{Stack, egress};
pub use starts::Starts;
pub use store::{DynamoStore, enter_table};
pub use tick::{Members, Tick, TickLetter};
pub use ticks::Ticks;
pub use vault::{Holder, StackVault, VaultPosition};
