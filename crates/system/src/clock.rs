//! The wall clock.

use app::ports::Clock;
use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};
use std::time::Duration;

/// The system's time, in whole microseconds: what is stored and read back is the same instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // This is the adapter through which everybody else reads the clock.
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
