//! The [`Vault`] port: an instance's secrets in Secrets Manager, or sealed in the table.
//!
//! Either way a small item in the table is the one place that says which version is current and where it is, and
//! a write is decided by one conditional write to that item. Secrets Manager has no conditional put, its staging
//! labels move with every put, and reads of them may lag; so its secret is read by the version id that the item
//! names, and nobody writes it without holding the item: a writer of a version first takes the right to write
//! it, for a bounded time, so that the secret gets one new version at a time and the version that the item names
//! always keeps a label. That is three requests for a write and two for a read. Since both storages hang on
//! one item, switching from one to the other needs no care: a read goes where the item points, a write goes
//! where the configuration says and moves the pointer, and then the other copy is removed.
//!
//! What a crash leaves: a right to write, which runs out; a secret without a value that counts, which the next
//! write fills; a copy in the storage that is no longer used, which the item still names until the next write or
//! the removal takes it away. A secret never exists without its item.

mod item;
mod secret;

use crate::environment::{Environment, SecretStorage};
use app::ports::{Clock, Entropy, PortError, Result, Secrets, UnreadableRow, Vault, Written};
use app::sealing::Sealer;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::InstanceId;
use item::{Item, Items, WriteRight};
use secret::InstanceSecrets;
use std::sync::Arc;
use std::time::Duration;

/// The field that an instance's secrets are sealed as: all in one, so that not even their keys show.
const FIELD: &str = "secrets";
/// The right to write holds so long, seconds: more than a request with all its tries takes.
const HOLD_S: i64 = 15;
/// Looks at a right that another writer has, and the wait between them: until it has surely run out.
const LOOKS_COUNT_MAX: u32 = 80;
const LOOK_AGAIN_MS: u64 = 200;
/// Reads of an item whose secret is gone: a write that replaced it may have come in between.
const READS_COUNT_MAX: u32 = 3;

/// Secrets of instances.
pub struct StackVault {
    items: Items,
    secrets: InstanceSecrets,
    storage: SecretStorage,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A place in the listing of what is kept: a shard, and the id after which to go on in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VaultPosition {
    /// Shard of the list.
    pub shard: u32,
    /// The last instance already listed in that shard.
    pub after: Option<InstanceId>,
}

/// An instance that has secrets, and since when.
pub type Holder = (InstanceId, Option<DateTime<Utc>>);

impl StackVault {
    /// The vault of the stack.
    pub fn new(
        dynamodb: aws_sdk_dynamodb::Client,
        secrets: aws_sdk_secretsmanager::Client,
        environment: &Environment,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        StackVault {
            items: Items::new(dynamodb, environment.table.clone()),
            secrets: InstanceSecrets::new(secrets, environment.secret_prefix.clone()),
            storage: environment.secret_storage,
            sealer,
            clock,
            entropy,
        }
    }

    /// A page of the instances that have secrets in either storage, and where the listing goes on.
    pub async fn list(&self, from: VaultPosition) -> Result<(Vec<Holder>, Option<VaultPosition>)> {
        self.items.list(from).await
    }

    /// In Secrets Manager: take the right to write, write, and say where it is.
    async fn write_apart(&self, id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written> {
        let mark = self.mark();
        let Some(item) = self.take(id, version, &mark).await? else { return Ok(Written::Conflict) };
        let text = serde_json::to_string(secrets).map_err(|error| PortError::new("store secrets", error))?;
        let place = self.secrets.put(id, &text, &mark, item.secret.is_some()).await?;
        match self.items.point(id, version, &mark, &place).await? {
            true => Ok(Written::Done),
            false => Ok(Written::Conflict),
        }
    }

    /// The right to write this version; `None` if it is not the next one.
    async fn take(&self, id: InstanceId, version: u64, mark: &str) -> Result<Option<Item>> {
        for _ in 0..LOOKS_COUNT_MAX {
            let now = self.clock.now();
            match self.items.take(id, version, mark, now, now + TimeDelta::seconds(HOLD_S)).await? {
                WriteRight::Yours(item) => return Ok(Some(item)),
                WriteRight::NotNext => return Ok(None),
                WriteRight::Held => self.clock.sleep(Duration::from_millis(LOOK_AGAIN_MS)).await,
            }
        }
        Err(PortError::new("store secrets", "another writer does not come to an end"))
    }

    /// In the table: one write.
    async fn write_sealed(&self, id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written> {
        let plain = serde_json::to_vec(secrets).map_err(|error| PortError::new("seal secrets", error))?;
        let sealed =
            self.sealer.seal(id, FIELD, &plain).map_err(|error| PortError::new("seal secrets", error))?;
        let Some(before) = self.items.seal(id, version, &sealed, self.clock.now()).await? else {
            return Ok(Written::Conflict);
        };
        // What is left of the other storage, also where an earlier write got no further.
        if before.is_apart() {
            self.secrets.delete(id).await?;
            self.items.forget_secret(id, version).await?;
        }
        Ok(Written::Done)
    }

    fn open(&self, id: InstanceId, sealed: &str) -> Result<Secrets> {
        let plain = self.sealer.open(id, FIELD, sealed).map_err(|error| unreadable(id, error.to_string()))?;
        parse(id, &plain)
    }

    /// A name for one write.
    fn mark(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The cause is left out: it could quote what it does not understand.
fn parse(id: InstanceId, plain: &[u8]) -> Result<Secrets> {
    serde_json::from_slice(plain).map_err(|_| unreadable(id, "not a list of secrets".to_owned()))
}

fn unreadable(id: InstanceId, why: String) -> PortError {
    PortError::unreadable("open secrets", UnreadableRow { of: "secrets", key: id.to_string(), why })
}

#[async_trait]
impl Vault for StackVault {
    async fn read(&self, id: InstanceId) -> Result<Option<(Secrets, u64)>> {
        for _ in 0..READS_COUNT_MAX {
            let Some(item) = self.items.read(id).await? else { return Ok(None) };
            let Some(version) = item.version else { return Ok(None) };
            if let Some(sealed) = &item.sealed {
                return Ok(Some((self.open(id, sealed)?, version)));
            }
            let Some(place) = &item.secret else { break };
            if let Some(text) = self.secrets.get(id, place).await? {
                return Ok(Some((parse(id, text.as_bytes())?, version)));
            }
            self.clock.sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
        }
        Err(PortError::new("read secrets", "they are not where the table says"))
    }

    async fn write(&self, id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written> {
        match self.storage {
            SecretStorage::SecretsManager => self.write_apart(id, secrets, version).await,
            SecretStorage::Sealed => self.write_sealed(id, secrets, version).await,
        }
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        let Some(item) = self.items.read(id).await? else { return Ok(()) };
        if item.is_apart() {
            self.secrets.delete(id).await?;
        }
        self.items.delete(id).await
    }
}
