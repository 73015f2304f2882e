//! Waits after a conflict with another writer: they double, with jitter.

use app::ports::Clock as _;
use std::time::Duration;
use system::SystemClock;

/// The first of them.
const WAIT_FIRST_MS: u64 = 15;

/// Before a repeated look: gives the writer of the rows in between a moment.
pub(super) async fn pause_before(look: u32) {
    if let Some(round) = look.checked_sub(1) {
        wait(round).await;
    }
}

/// Between the tries of this round, from 0, and the next.
pub(super) async fn wait(round: u32) {
    let most = WAIT_FIRST_MS << round;
    SystemClock.sleep(Duration::from_millis(fastrand::u64(most / 2..=most))).await;
}
