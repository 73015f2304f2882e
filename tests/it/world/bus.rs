//! An event bus that can be told to fail.

use app::ports::{Bus, Notification, PortError, Result};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct TestBus(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    published: Vec<String>,
    failures_left: u32,
}

impl TestBus {
    /// Event ids of what was published, in order.
    pub(crate) fn published(&self) -> Vec<String> {
        self.0.lock().unwrap().published.clone()
    }

    pub(crate) fn fail_next(&self, count: u32) {
        self.0.lock().unwrap().failures_left = count;
    }
}

#[async_trait]
impl Bus for TestBus {
    async fn publish(&self, notification: &Notification) -> Result<()> {
        let mut inner = self.0.lock().unwrap();
        if inner.failures_left > 0 {
            inner.failures_left -= 1;
            return Err(PortError::new("publish", "told to fail"));
        }
        inner.published.push(notification.name.event_id.clone());
        Ok(())
    }
}
