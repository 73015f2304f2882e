#![doc = include_str!("../README.md")]

mod api;
mod assets;
mod chart;
mod connecting;
mod cookie;
mod event;
mod failure;
mod flash;
mod form;
mod frame;
mod names;
mod page;
mod pages;
mod session;
mod signed;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod ui;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A posted form at the most, bytes: the largest holds a poller configuration.
const FORM_BYTES_MAX: usize = 1024 * 1024;

/// What a host gives.
pub struct Console {
    /// The HTTP interface; the console calls it as any application does.
    pub api: Router,
    /// Seals what browsers keep.
    pub seal: Arc<dyn Seal>,
    /// The time.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Where browsers reach the host, as `https://mail.example`; as a request says where it is not given.
    pub public_url: Option<String>,
    /// What a receiver got, where the host runs one beside itself: `/inspector` shows it.
    pub inspector: Option<Arc<dyn Inspector>>,
}

/// A receiver that runs beside the host.
pub trait Inspector: Send + Sync {
    /// What arrived, newest first, at most so many.
    fn arrived(&self, count_max: usize) -> Vec<Arrived>;
}

/// A callback that arrived.
#[derive(Clone)]
pub struct Arrived {
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Id of the notification.
    pub event_id: String,
    /// The status that the receiver answered.
    pub answered: u16,
    /// What it said with it.
    pub said: String,
    /// Whether the signature was valid.
    pub is_signed: bool,
    /// The body as received.
    pub body: String,
}

/// Sealing for the console alone.
pub trait Seal: Send + Sync {
    /// Nothing where it can't be sealed.
    fn seal(&self, purpose: &str, plain: &[u8]) -> Option<String>;
    /// Nothing where it was not sealed for this purpose, or changed since.
    fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>>;
}

/// The console's pages, and the interface for everything else.
pub fn router(console: Console) -> Router {
    let shared = Shared(Arc::new(Inner {
        api: console.api,
        seal: console.seal,
        clock: console.clock,
        public_url: console.public_url.map(|url| url.trim_end_matches('/').to_owned()),
        inspector: console.inspector,
    }));
    pages::routes()
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), frame::frame))
        .fallback(frame::elsewhere)
        .with_state(shared)
}

/// What every page works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) api: Router,
    pub(crate) seal: Arc<dyn Seal>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    pub(crate) public_url: Option<String>,
    pub(crate) inspector: Option<Arc<dyn Inspector>>,
}

impl Shared {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }
}
