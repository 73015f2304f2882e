//! Pulling notices: a loop for each place that they are pulled from, as long as an instance pulls from there.

use crate::host::Host;
use crate::waiting::wait;
use app::Pull;
use chrono::Duration;
use connectors::PullSource;
use domain::ids::digest64;
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between looks for new places, and for those that nobody needs any more, s. Until a loop begins, what is published waits
/// there.
const LOOK_EVERY_S: i64 = 2;
/// After a failed pull, s: twice as long each time, within these.
const AGAIN_S_MIN: i64 = 1;
const AGAIN_S_MAX: i64 = 60;
/// After a pull that found nothing, ms: providers hold a pull open, but nothing obliges them to.
const IDLE_MS: i64 = 500;

/// Pulls until `stop` turns true.
pub(crate) async fn run(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    // A notice rings only those who are known to pull it, and is gone then.
    listen(&host, &stop).await;
    let mut loops = HashMap::new();
    while !*stop.borrow() {
        start(&host, &stop, &mut loops);
        let next = host.clock.now() + Duration::seconds(LOOK_EVERY_S);
        wait(&host, Some(next), pending(), &mut stop).await;
    }
    for (_, one) in loops {
        let _ = one.await;
    }
}

/// Starts the loops that are missing, and ends those that nobody needs. A loop that ended is started again where somebody
/// needs it still, or by now.
///
/// Left to itself a loop would end with its pull, which takes as long as nothing comes: beside one of the same subscription
/// with another key it would take notices away from it. Whatever it took and did not acknowledge comes again.
fn start(host: &Arc<Host>, stop: &watch::Receiver<bool>, loops: &mut HashMap<PullSource, JoinHandle<()>>) {
    let sources = host.app.pull_sources();
    loops.retain(|source, one| {
        if !sources.contains(source) {
            one.abort();
        }
        sources.contains(source) && !one.is_finished()
    });
    for source in sources {
        loops.entry(source.clone()).or_insert_with(|| tokio::spawn(pull(host.clone(), source, stop.clone())));
    }
}

/// Finds out where notices are to be pulled for the instances that are polled: an earlier process knew. Others say so
/// when they change.
async fn listen(host: &Host, stop: &watch::Receiver<bool>) {
    for id in host.timers.enabled() {
        if *stop.borrow() {
            return;
        }
        if let Err(error) = host.app.listen(id).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(instance.id = id.get(), error, "pull.sources_unread");
        }
    }
}

/// Pulls from one place until nobody needs it. A pull under way when `stop` turns true is dropped: what it took and did
/// not acknowledge comes again.
async fn pull(host: Arc<Host>, source: PullSource, mut stop: watch::Receiver<bool>) {
    let subscription = source.subscription.as_str();
    let mut failures = 0_u32;
    while !*stop.borrow() {
        let pulled = tokio::select! {
            pulled = host.app.pull(&source) => pulled,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let pause = match pulled {
            Ok(Pull::Unneeded) => return,
            Ok(Pull::Taken(count)) => {
                if failures > 0 {
                    tracing::info!(subscription, failures, "pull.recovered");
                }
                failures = 0;
                Duration::milliseconds(if count == 0 { IDLE_MS } else { 0 })
            }
            Err(error) => {
                if failures == 0 {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(subscription, error, "pull.failed");
                }
                failures = failures.saturating_add(1);
                again_after(failures, source.key_digest)
            }
        };
        if !pause.is_zero() {
            let next = host.clock.now() + pause;
            wait(&host, Some(next), pending(), &mut stop).await;
        }
    }
}

/// The wait after so many failures in a row. Between half of it and all of it, so that not all loops come again at once
/// when what they pull from does.
fn again_after(failures: u32, seed: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let longest = Duration::seconds((AGAIN_S_MIN << doublings).min(AGAIN_S_MAX));
    let digest = digest64(&[&seed.to_le_bytes(), &failures.to_le_bytes()]);
    let percent = 50 + i32::try_from(digest % 51).unwrap_or(0);
    (longest * percent / 100).max(Duration::seconds(AGAIN_S_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_second_to_a_minute_and_differ() {
        let seconds = |failures, seed| again_after(failures, seed).num_milliseconds() / 1000;
        assert_eq!(seconds(1, 1), 1);
        assert!((2..=4).contains(&seconds(3, 1)));
        for failures in [7, 8, 1_000, u32::MAX] {
            assert!((30..=60).contains(&seconds(failures, 1)), "{}", seconds(failures, 1));
        }
        let waits: std::collections::BTreeSet<i64> = (0..100).map(|seed| seconds(10, seed)).collect();
        assert!(waits.len() > 15, "{waits:?}");
    }
}
