//! Waiting for what an adapter may show some seconds late.

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Longer than anything that is "some seconds behind".
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks; the first is at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until it is as it should be; panics with what was there last when that takes too long.
#[track_caller]
pub fn until<T: std::fmt::Debug>(
    mut look: impl AsyncFnMut() -> T,
    is_right: impl Fn(&T) -> bool,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let seen = look().await;
            if is_right(&seen) {
                return seen;
            }
            assert!(began.elapsed() < PATIENCE, "{caller}: it stayed {seen:?}");
        }
    }
}

/// Looks until this is there.
#[track_caller]
pub fn until_equal<T: std::fmt::Debug + PartialEq>(
    look: impl AsyncFnMut() -> T,
    wanted: T,
) -> impl Future<Output = T> {
    until(look, move |seen| *seen == wanted)
}
