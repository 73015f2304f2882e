//! Ports that can be told to fail: before they did anything, or after, so that only the answer is lost.

use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

/// What becomes of a call while a port is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutageEffect {
    /// Nothing was done.
    Before,
    /// It was done, and the caller does not know.
    After,
}

/// Whether a port is out, and from which call on.
#[derive(Clone)]
pub(crate) struct Outage(Arc<(AtomicU8, AtomicI64)>);

impl Default for Outage {
    fn default() -> Self {
        Outage(Arc::new((AtomicU8::new(0), AtomicI64::new(0))))
    }
}

impl Outage {
    /// So many calls go well, then each fails.
    pub(crate) fn begin(&self, failing: OutageEffect, after_calls: u32) {
        self.0.1.store(i64::from(after_calls), Ordering::SeqCst);
        self.0.0.store(1 + failing as u8, Ordering::SeqCst);
    }

    pub(crate) fn end(&self) {
        self.0.0.store(0, Ordering::SeqCst);
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let failing = self.0.0.load(Ordering::SeqCst);
        if failing == 0 || self.0.1.fetch_sub(1, Ordering::SeqCst) > 0 {
            return call.await;
        }
        if failing == 1 + OutageEffect::After as u8 {
            call.await?;
        }
        Err(PortError::new("a port", "told to fail"))
    }
}

pub(crate) struct FailingSchedule(pub(crate) Arc<dyn Schedule>, pub(crate) Outage);

#[async_trait]
impl Schedule for FailingSchedule {
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()> {
        self.1.around(self.0.put(id, timetable, enabled)).await
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.1.around(self.0.remove(id)).await
    }
}

pub(crate) struct FailingQueue(pub(crate) Arc<dyn Queue>, pub(crate) Outage);

#[async_trait]
impl Queue for FailingQueue {
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        self.1.around(self.0.send(jobs)).await
    }
}
