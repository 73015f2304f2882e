//! Stateful stand-ins for the services a mailbox connector talks to, for a demo and for tests.
//!
//! [`Google`] answers as Google's consent page, token endpoint and Gmail API do, [`Microsoft`] as Entra and
//! Graph do, [`Providers`] has them all, each to be driven as a [`Double`]; [`Receiver`] takes callbacks, and [`Application`] writes what a client sends. Each server is a
//! plain [`axum::Router`], served over a socket by [`serve`] or called in-process. They read no clock and draw
//! every random choice from a seed, so that a run with a virtual [`Clock`] can be repeated exactly.

mod application;
mod call;
mod clock;
mod double;
mod fault;
mod front;
mod google;
mod mail;
mod microsoft;
mod oauth;
mod odd;
#[cfg(test)]
mod probe;
mod receiver;
mod registry;
mod reply;
mod request_log;
mod serve;
mod wall;

pub use application::Application;
pub use clock::Clock;
pub use double::{Double, Happening};
pub use fault::{Fault, FaultKind, Route};
pub use google::{Google, GoogleCalendar, MessageSnapshot as GoogleMessage, SavedDraft};
pub use mail::{Mail, mails_from_dir};
pub use microsoft::{Attachment, Corruption, MessageSnapshot as MicrosoftMessage, Microsoft};
pub use oauth::{CLIENT_ID, CLIENT_SECRET};
pub use odd::{BARE_CONTROL, DateHeader, HALF_EMOJI, LATIN_1};
pub use receiver::{Answer, Received, Receiver};
pub use registry::Providers;
pub use request_log::RequestLine;
pub use serve::serve;
pub use wall::Usage;
