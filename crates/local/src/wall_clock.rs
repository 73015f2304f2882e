//! The wall clock against one that only goes forward. Due times are wall-clock times, so that they hold over
//! restarts; when that clock is set, or the machine has slept, they have to be looked at again.

use crate::host::{Host, JUMP_MS_MIN};
use crate::waiting::wait;
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

/// Between looks, s. Whatever became due by a jump comes so much later at the most.
const LOOK_EVERY_S: i64 = 2;

/// Looks until `stop` turns true.
pub(crate) async fn watch(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    let mut seen = ClockReading { wall: host.clock.now(), steady: Instant::now() };
    // What was set back and is not yet brought nearer, because the database did not take it.
    let mut owed = Duration::zero();
    while !*stop.borrow() {
        let next = host.clock.now() + Duration::seconds(LOOK_EVERY_S);
        wait(&host, Some(next), std::future::pending(), &mut stop).await;
        let now = host.clock.now();
        let jump = seen.jump(now, Instant::now());
        if jump.is_none() && owed.is_zero() {
            continue;
        }
        if let Some(jump) = jump {
            tracing::warn!(by_ms = jump.num_milliseconds(), "clock.jumped");
            owed += (-jump).max(Duration::zero());
        }
        if !owed.is_zero() {
            match host.set_back(owed, now).await {
                Ok(()) => owed = Duration::zero(),
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "host.failed"),
            }
        }
        host.look_again();
    }
}

/// Both clocks, read at the same time.
struct ClockReading {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl ClockReading {
    /// By how much the wall clock went further than time did since the last look.
    fn jump(&mut self, wall: DateTime<Utc>, steady: Instant) -> Option<Duration> {
        let passed = Duration::from_std(steady - self.steady).unwrap_or_default();
        let jump = (wall - self.wall) - passed;
        *self = ClockReading { wall, steady };
        (jump.num_milliseconds().abs() >= JUMP_MS_MIN).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_what_the_clocks_differ_by() {
        let (wall, steady) = (DateTime::<Utc>::UNIX_EPOCH, Instant::now());
        let mut seen = ClockReading { wall, steady };
        let after = |s| (wall + Duration::seconds(s), steady + std::time::Duration::from_secs(2));
        let (later, then) = after(2);
        assert_eq!(seen.jump(later, then), None);
        assert_eq!(seen.jump(later - Duration::hours(1), then), Some(Duration::hours(-1)));
        assert_eq!(seen.jump(later - Duration::hours(1), then), None, "told once");
        assert_eq!(seen.jump(later, then), Some(Duration::hours(1)));
    }
}
