//! Polls of one instance run one after another within a process.

use domain::ids::InstanceId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// One lock for each instance that is in use right now.
#[derive(Default)]
pub(crate) struct Locks(Arc<Mutex<HashMap<InstanceId, Arc<AsyncMutex<()>>>>>);

/// Holds an instance until dropped.
pub(crate) struct InstanceGuard {
    id: InstanceId,
    guard: Option<OwnedMutexGuard<()>>,
    locks: Arc<Mutex<HashMap<InstanceId, Arc<AsyncMutex<()>>>>>,
}

impl Locks {
    /// Waits for the instance.
    pub(crate) async fn hold(&self, id: InstanceId) -> InstanceGuard {
        let lock = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        let guard = Some(lock.lock_owned().await);
        InstanceGuard { id, guard, locks: self.0.clone() }
    }
}

impl Drop for InstanceGuard {
    fn drop(&mut self) {
        self.guard.take();
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // No one waits for it: the map holds the only reference.
        if locks.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_forgotten_when_nobody_uses_it() {
        let locks = Locks::default();
        let id = InstanceId::from_bytes([0, 0, 0, 1]);
        let first = locks.hold(id).await;
        let second = tokio::select! {
            biased;
            held = locks.hold(id) => Some(held),
            () = tokio::task::yield_now() => None,
        };
        assert!(second.is_none(), "two hold the same instance");
        drop(first);
        drop(locks.hold(id).await);
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
