//! Requests that arrive, and whose answers do not, or only when they are let go.

use crate::world::World;
use app::Ports;
use async_trait::async_trait;
use connectors::{Http, HttpError, HttpRequest, HttpResponse};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// Loses answers of requests whose target holds a text.
pub(super) struct LossyHttp {
    inner: Arc<dyn Http>,
    within: &'static str,
    left: AtomicU32,
}

impl LossyHttp {
    /// Puts one before the world's way out.
    pub(super) fn before(world: &mut World, within: &'static str) -> Arc<Self> {
        let mut made = None;
        world.app = world.another_process_around(|ports| {
            let lossy = Arc::new(LossyHttp { inner: ports.http.clone(), within, left: AtomicU32::new(0) });
            made = Some(lossy.clone());
            Ports { http: lossy, ..ports }
        });
        made.unwrap()
    }

    /// The next so many answers get lost.
    pub(super) fn lose(&self, count: u32) {
        self.left.store(count, Ordering::SeqCst);
    }
}

#[async_trait]
impl Http for LossyHttp {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let is_meant = request.url.contains(self.within);
        let answer = self.inner.send(request).await;
        let takes = |left: u32| left.checked_sub(1);
        if is_meant && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes).is_ok() {
            return Err(HttpError::Timeout);
        }
        answer
    }
}

/// Holds answers of requests whose target holds a text, each until it is released.
pub(super) struct HeldHttp {
    inner: Arc<dyn Http>,
    within: &'static str,
    holds: Notify,
    released: Notify,
}

impl HeldHttp {
    /// Puts one before the world's way out.
    pub(super) fn before(world: &mut World, within: &'static str) -> Arc<Self> {
        let mut made = None;
        world.app = world.another_process_around(|ports| {
            let (holds, released) = Default::default();
            let held = Arc::new(HeldHttp { inner: ports.http.clone(), within, holds, released });
            made = Some(held.clone());
            Ports { http: held, ..ports }
        });
        made.unwrap()
    }

    /// Waits until an answer is held.
    pub(super) async fn holds(&self) {
        self.holds.notified().await;
    }

    /// Lets one answer go, or the next one.
    pub(super) fn release(&self) {
        self.released.notify_one();
    }
}

#[async_trait]
impl Http for HeldHttp {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let is_meant = request.url.contains(self.within);
        let answer = self.inner.send(request).await;
        if is_meant {
            self.holds.notify_one();
            self.released.notified().await;
        }
        answer
    }
}
