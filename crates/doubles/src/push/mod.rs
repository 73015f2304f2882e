//! What both providers' push is made of: the way out, what is due when, and what goes wrong on purpose.

mod due;
mod jwt;
mod mishap;
mod sent;
mod way;

pub use mishap::{Forgery, Mishap};
pub use sent::SentNotice;
pub use way::Way;

pub(crate) use due::DueQueue;
pub(crate) use jwt::{SERVICE, SIGNERS, STRANGER};
pub(crate) use mishap::{Fate, Mishaps};
pub(crate) use sent::Log;
pub(crate) use way::{Outcome, Outgoing};

use std::future::Future;
use std::pin::Pin;

/// One request of a provider that is due, as what sends it.
pub(crate) type Ring = Pin<Box<dyn Future<Output = ()> + Send>>;
