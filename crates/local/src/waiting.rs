//! Waiting for what comes first: a time, a change, or the end.

use crate::host::Host;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// Waits until `next`, a change, or the stop.
pub(crate) async fn wait(
    host: &Host,
    next: Option<DateTime<Utc>>,
    changed: impl Future<Output = ()>,
    stop: &mut watch::Receiver<bool>,
) {
    let due = async {
        match next {
            Some(at) => host.clock.sleep((at - host.clock.now()).to_std().unwrap_or_default()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = due => {}
        () = changed => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
