//! Waiting for what is only seen by looking.

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Longer than anything takes: a schedule of one minute that is looked at every ten seconds, twice missed.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks until there is something to see; panics when that takes too long.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < PATIENCE {
        looks.tick().await;
        if let Some(seen) = look().await {
            return seen;
        }
    }
    panic!("in {} s it did not come about that {what}", PATIENCE.as_secs());
}
