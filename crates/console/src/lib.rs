#![doc = include_str!("../README.md")]

mod api;
mod assets;
mod bulk;
mod chart;
mod connecting;
mod cookie;
mod draft;
mod event;
mod failure;
mod failure_page;
mod flash;
mod fleet;
mod form;
mod frame;
mod kept;
mod link;
mod masked;
mod names;
mod origin;
mod page;
mod pages;
mod session;
mod shared;
mod signed;
mod status;
#[cfg(test)]
mod tests;
mod thrift;
mod time;
mod ui;

use form::FORM_BYTES_MAX;
pub use shared::{Arrived, Defaults, Inspector, Seal};
use shared::{Inner, Shared};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use chrono::{DateTime, Utc};
use std::sync::Arc;

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
    /// What new forms begin with, where the host knows it; it is shown, and can be changed.
    pub defaults: Defaults,
}

/// The console's pages, and the interface for everything else.
pub fn router(console: Console) -> Router {
    let shared = Shared(Arc::new(Inner {
        api: console.api,
        seal: console.seal,
        clock: console.clock,
        public_url: console.public_url.map(|url| url.trim_end_matches('/').to_owned()),
        inspector: console.inspector,
        defaults: console.defaults,
    }));
    pages::routes()
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), frame::frame))
        .fallback(frame::elsewhere)
        .with_state(shared)
        .layer(axum::middleware::from_fn(thrift::thrift))
}
