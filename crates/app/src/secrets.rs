//! Secrets of instances, kept in memory while the stored instance says they are current.

use crate::ports::{PortError, Result, Secrets, Vault};
use domain::ids::InstanceId;
use domain::instance::Instance;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum instances whose secrets are kept; beyond it the memory is emptied and fills again.
const ENTRIES_COUNT_MAX: usize = 20_000;

/// Secrets, with the vault's version.
type Versioned = (u64, Arc<Secrets>);

/// Secrets by instance, in front of the vault.
pub(crate) struct SecretsCache {
    vault: Arc<dyn Vault>,
    kept: Mutex<HashMap<InstanceId, Versioned>>,
}

impl SecretsCache {
    pub(crate) fn before(vault: Arc<dyn Vault>) -> Self {
        SecretsCache { vault, kept: Mutex::default() }
    }

    /// The instance's secrets, at least as new as its row says.
    pub(crate) async fn of(&self, instance: &Instance) -> Result<Arc<Secrets>> {
        let cached = self.kept().get(&instance.id).cloned();
        if let Some((version, secrets)) = cached
            && version >= instance.secrets_version
        {
            return Ok(secrets);
        }
        Ok(self.now(instance.id).await?.0)
    }

    /// The instance's secrets and their version, read from the vault.
    pub(crate) async fn now(&self, id: InstanceId) -> Result<(Arc<Secrets>, u64)> {
        let found = self.found(id).await?;
        found.ok_or_else(|| PortError::new("reading the vault", "the instance has no secrets"))
    }

    /// The same; `None`: they were removed, which a failing vault does not say.
    pub(crate) async fn found(&self, id: InstanceId) -> Result<Option<(Arc<Secrets>, u64)>> {
        let Some((secrets, version)) = self.vault.read(id).await? else { return Ok(None) };
        let secrets = Arc::new(secrets);
        let mut kept = self.kept();
        if kept.len() >= ENTRIES_COUNT_MAX {
            kept.clear();
        }
        kept.insert(id, (version, secrets.clone()));
        Ok(Some((secrets, version)))
    }

    /// The instance is gone.
    pub(crate) fn forget(&self, id: InstanceId) {
        self.kept().remove(&id);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<InstanceId, Versioned>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
