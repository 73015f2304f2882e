//! Secrets of instances, kept in memory while the stored instance says they are current.

use crate::app::Inner;
use crate::ports::{PortError, Result, Secrets};
use domain::ids::InstanceId;
use domain::instance::Instance;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Instances whose secrets are kept at the most; beyond it the memory is emptied and fills again.
const ENTRIES_COUNT_MAX: usize = 20_000;

/// Secrets by instance, with the vault's version.
#[derive(Default)]
pub(crate) struct SecretsCache(Mutex<HashMap<InstanceId, (u64, Arc<Secrets>)>>);

impl Inner {
    /// The instance's secrets, at least as new as its row says.
    pub(crate) async fn secrets_of(&self, instance: &Instance) -> Result<Arc<Secrets>> {
        let cached = self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner).get(&instance.id).cloned();
        if let Some((version, secrets)) = cached
            && version >= instance.secrets_version
        {
            return Ok(secrets);
        }
        Ok(self.secrets_now(instance.id).await?.0)
    }

    /// The instance's secrets and their version, read from the vault.
    pub(crate) async fn secrets_now(&self, id: InstanceId) -> Result<(Arc<Secrets>, u64)> {
        let read = self.ports.vault.read(id).await?;
        let (secrets, version) =
            read.ok_or_else(|| PortError::new("reading the vault", "the instance has no secrets"))?;
        let secrets = Arc::new(secrets);
        let mut cache = self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= ENTRIES_COUNT_MAX {
            cache.clear();
        }
        cache.insert(id, (version, secrets.clone()));
        Ok((secrets, version))
    }

    /// The instance is gone.
    pub(crate) fn forget_secrets(&self, id: InstanceId) {
        self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
