//! The parts of one process, put together: adapters, use cases, and who may call.

use crate::config::{Config, GivenSecrets};
use crate::jobs::Jobs;
use crate::keys;
use crate::sqlite::{Db, SqliteStore, SqliteVault};
use crate::timers::Timers;
use anyhow::Context as _;
use app::ports::{Clock, Entropy};
use app::sealing::{Lookup, Sealer};
use app::{App, Ports};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use system::{CallbackAddresses, Egress, SystemClock, SystemEntropy};

/// A process, ready to run.
pub struct Host {
    pub app: App,
    pub store: SqliteStore,
    pub jobs: Arc<Jobs>,
    pub timers: Arc<Timers>,
    pub clock: Arc<dyn Clock>,
    sealer: Arc<Sealer>,
}

impl Host {
    /// Opens the data folder and puts everything together. Nothing runs yet.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&config.data)
            .with_context(|| format!("making the data folder {}", config.data.display()))?;
        let database = config.data.join("carillon.db");
        let sealer = Arc::new(keys::open(&config.data, database.exists(), &SystemEntropy)?);
        for_owner_alone(&database).context("making the database")?;
        let db = Db::open(&database)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = SqliteStore::new(db.clone());
        store.forget_dead_workers().await?;
        let jobs = Arc::new(Jobs::open(db.clone()).await?);
        let timers = Arc::new(Timers::open(db.clone(), clock.clone()).await?);
        let addresses = match config.allow_local_callbacks {
            true => CallbackAddresses::All,
            false => CallbackAddresses::Public,
        };
        let ports = Ports {
            store: Arc::new(store.clone()),
            vault: Arc::new(SqliteVault::new(db, sealer.clone())),
            schedule: timers.clone(),
            queue: jobs.clone(),
            clock: clock.clone(),
            http: Arc::new(Egress::new(addresses)?),
            entropy: Arc::new(SystemEntropy),
            bus: None,
        };
        Ok(Host {
            app: App::new(ports, sealer.clone(), config.app.clone()),
            store,
            jobs,
            timers,
            clock,
            sealer,
        })
    }

    /// Finishes what an earlier process left half-way.
    pub async fn mend(&self) -> anyhow::Result<()> {
        for id in self.store.unfinished().await? {
            self.app.mend(id).await?;
        }
        Ok(())
    }

    /// Sees to it that somebody may call. Returns secrets that were made and have to be shown, once: only
    /// their hashes are stored.
    pub async fn admit(&self, given: Option<&GivenSecrets>) -> anyhow::Result<Option<GivenSecrets>> {
        if let Some(given) = given {
            self.store.ensure_account(self.user(given), self.organization(given)).await?;
            return Ok(None);
        }
        match self.store.first_account().await? {
            Some(_) => Ok(None),
            None => self.new_account().await.map(Some),
        }
    }

    /// Makes an organization with a user, and their secrets.
    pub async fn new_account(&self) -> anyhow::Result<GivenSecrets> {
        let made = GivenSecrets { user: secret(), organization: secret() };
        self.store.add_account(self.user(&made), self.organization(&made)).await?;
        Ok(made)
    }

    fn user(&self, secrets: &GivenSecrets) -> app::ports::LookupHash {
        self.sealer.lookup_hash(Lookup::User, &secrets.user)
    }

    fn organization(&self, secrets: &GivenSecrets) -> app::ports::LookupHash {
        self.sealer.lookup_hash(Lookup::Organization, &secrets.organization)
    }
}

/// SQLite gives its other files the rights of the first.
fn for_owner_alone(path: &Path) -> std::io::Result<()> {
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

fn secret() -> String {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    URL_SAFE.encode(bytes)
}
