//! What every page works with, and what a host gives for it.

use axum::Router;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A receiver that runs beside the host.
pub trait Inspector: Send + Sync {
    /// What arrived, newest first, at most so many.
    fn arrived(&self, count_max: usize) -> Vec<Arrived>;
}

/// Values that a new form of a connector begins with, by the keys of connector and configuration item.
pub type Defaults = BTreeMap<String, BTreeMap<String, String>>;

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

/// What every page works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) api: Router,
    pub(crate) seal: Arc<dyn Seal>,
    pub(crate) clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    pub(crate) public_url: Option<String>,
    pub(crate) inspector: Option<Arc<dyn Inspector>>,
    pub(crate) defaults: Defaults,
}

impl Shared {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }
}
