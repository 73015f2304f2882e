//! Stateful stand-ins for the services a mailbox connector talks to, for a demo and for tests.
//!
//! [`Google`] answers as Google's consent page, token endpoint and Gmail API do, [`Microsoft`] as Entra and
//! Graph do, [`Providers`] has them all, each to be driven as a [`Double`]; [`Receiver`] takes callbacks, and [`Application`] writes what a client sends. Each server is a
//! plain [`axum::Router`], served over a socket by [`serve`] or called in-process. They read no clock and draw
//! every random choice from a seed, so that a run with a virtual [`Clock`] can be repeated exactly.
//!
//! # Push
//!
//! What is subscribed over HTTP is told of every change, by requests that the doubles make themselves. Where these lead
//! says a [`Way`]: over sockets at first, or through [`Providers::set_way`] to a router (`Way::router`) or a function. They
//! go out when somebody sends them:
//!
//! - in real time: `tokio::spawn(async move { providers.keep_sending().await })`;
//! - in virtual time: `while providers.send_notice().await {}` after each change, and whenever the clock came to
//!   [`Providers::next_notice_us`].
//!
//! Graph needs nothing else: an application subscribes. For Gmail a project has to be set up first:
//!
//! ```
//! # let providers = doubles::Providers::new(&doubles::Clock::new(|| 0), 1);
//! let google = &providers.google;
//! google.add_topic("projects/double-project/topics/mail");
//! // Pulled from, with the key file google.service_account_key():
//! let subscription = "projects/double-project/subscriptions/pull";
//! google.add_pull_subscription(subscription, "projects/double-project/topics/mail");
//! // Or pushed, as an account, for an audience:
//! google.add_push_subscription(
//!     "projects/double-project/subscriptions/push",
//!     "projects/double-project/topics/mail",
//!     "http://127.0.0.1:8080/push/gmail",
//!     "pusher@double-project.iam.gserviceaccount.com",
//!     "http://127.0.0.1:8080/push/gmail",
//! );
//! ```
//!
//! Where a pull is to wait for its message, as the real ones do, `set_pull_wait_us` says how long; only in real time.
//!
//! A change is any of the usual operations (`providers.microsoft.deliver(…)`). What can go wrong with its notice is a
//! [`Mishap`]: `push_mishap` orders one for the next notice, `set_mishap_rate` for each with a probability. A notice that comes
//! before its change can be read needs `set_lag` (Graph) or `set_history_lag` (Gmail), which delay lists and history and
//! not notices. `repeat_last` makes a storm. Requests that set push up fail as any others do, by a [`Fault`] on [`Route::Push`].

mod application;
mod call;
mod clock;
mod content;
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
mod push;
mod receiver;
mod registry;
mod reply;
mod request_log;
mod serve;
mod wall;

pub use application::Application;
pub use clock::Clock;
pub use content::content_of;
pub use double::{Double, Happening};
pub use fault::{Fault, FaultKind, Route};
pub use google::{Google, GoogleCalendar, MessageSnapshot as GoogleMessage, SavedDraft};
pub use mail::{Mail, mails_from_dir};
pub use microsoft::{Attachment, AttachmentKind, DeltaMoves, MessageSnapshot as MicrosoftMessage, Microsoft};
pub use oauth::{CLIENT_ID, CLIENT_SECRET};
pub use odd::{BARE_CONTROL, Corruption, DateHeader, HALF_EMOJI, LATIN_1};
pub use push::{Forgery, Mishap, SentNotice, Way};
pub use receiver::{Answer, Received, Receiver};
pub use registry::Providers;
pub use request_log::RequestLine;
pub use serve::serve;
pub use wall::Usage;
