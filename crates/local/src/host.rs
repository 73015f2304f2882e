//! The parts of one process, put together: adapters, use cases, and who may call.

use crate::administration::LocalAdministration;
use crate::config::{Config, GivenSecrets};
use crate::jobs::Jobs;
use crate::key_proof;
use crate::keys;
use crate::metrics::Metrics;
use crate::otlp::{Otlp, Wanted};
use crate::own_names::{OwnNames, answer_own};
use crate::proxies::{Proxies, see_through};
use crate::sqlite::{BackedUp, BackupError, Db, LockFile, OpenError, SqliteStore, SqliteVault, back_up};
use crate::timers::Timers;
use anyhow::Context as _;
use app::admin::{Admitted, Others};
use app::ports::{Clock, Job, Queue as _};
use app::sealing::{Lookup, Sealer};
use app::unreadable::is_told;
use app::{App, Ports, SignedIn};
use axum::middleware::from_fn_with_state;
use chrono::{DateTime, Duration, Utc};
use console::{Console, Defaults, Inspector};
use domain::instance::Account;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use system::{CallbackAddresses, Egress, SystemClock, SystemEntropy};

/// Name of the database in the data folder.
const DATABASE: &str = "carillon.db";
/// A clock that is off by less is being corrected gently, ms.
pub(crate) const JUMP_MS_MIN: i64 = 1_000;

/// A process, ready to run.
pub struct Host {
    /// The use cases.
    pub app: App,
    /// Also who may call: its clones count an organization's requests together.
    pub store: SqliteStore,
    /// The job queue.
    pub jobs: Arc<Jobs>,
    /// The poll schedule.
    pub timers: Arc<Timers>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Only this machine can connect.
    is_local: bool,
    proxies: Proxies,
    /// `CARILLON_PUBLIC_URL`.
    public_url: Option<String>,
    /// Where browsers, and where providers are told to find it.
    given_urls: Vec<String>,
    otlp: Otlp,
    sealer: Arc<Sealer>,
    db: Db,
    /// What [`Db::writes_of_others`] said before anything was read into memory.
    writes_seen: i64,
    /// The demo's receiver.
    inspector: Option<Arc<dyn Inspector>>,
    /// What forms begin with.
    defaults: Defaults,
}

impl Host {
    /// Opens the data folder and puts everything together. Nothing runs yet.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (database, sealer) = folder(config)?;
        let written_at = written_at(&database);
        let db = Db::open(&database)?;
        SqliteStore::new(db.clone()).forget_dead_workers().await?;
        let host = Self::assemble(config, db, sealer, clock).await?;
        if let Some(written_at) = written_at {
            host.set_back_since(written_at).await?;
        }
        Ok(host)
    }

    /// What the last process wrote is not from the future: where it seems so, the clock was set back while none ran.
    async fn set_back_since(&self, written_at: DateTime<Utc>) -> app::ports::Result<()> {
        let now = self.clock.now();
        let by = written_at - now;
        if by < Duration::milliseconds(JUMP_MS_MIN) {
            return Ok(());
        }
        tracing::warn!(by_ms = -by.num_milliseconds(), "clock.jumped");
        self.set_back(by, now).await
    }

    /// Whether there is a database in the data folder.
    pub fn has_data(config: &Config) -> bool {
        config.data.join(DATABASE).exists()
    }

    /// Copies the database of the data folder into a new file, also while a process serves from it.
    ///
    /// # Errors
    /// When the file is there already, or no whole copy was made within `limit`.
    pub fn back_up(config: &Config, to: &Path, limit: std::time::Duration) -> Result<BackedUp, BackupError> {
        back_up(&config.data.join(DATABASE), to, limit)
    }

    /// Opens the data folder for administration, also beside a process that serves from it. Otherwise the folder
    /// is held, so that nothing is under way meanwhile.
    pub async fn open_for_admin(config: &Config) -> anyhow::Result<(Self, Others)> {
        let (database, sealer) = folder(config)?;
        let (db, others) = match Db::open(&database) {
            Ok(db) => (db, Others::Stopped),
            Err(OpenError::InUse { .. }) => (Db::beside(&database)?, Others::Running),
            Err(error) => return Err(error.into()),
        };
        let config = Config { otlp: Wanted::default(), ..config.clone() };
        Ok((Self::assemble(&config, db, sealer, Arc::new(SystemClock)).await?, others))
    }

    async fn assemble(
        config: &Config,
        db: Db,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let sealer = Arc::new(sealer);
        key_proof::prove(&db, &sealer).await?;
        let writes_seen = db.writes_of_others().await?;
        let store = SqliteStore::new(db.clone());
        let jobs = Arc::new(Jobs::open(db.clone()).await?);
        let timers = Arc::new(Timers::open(db.clone(), clock.clone(), config.app.heartbeat).await?);
        let addresses = match config.allow_local_callbacks {
            true => CallbackAddresses::All,
            false => CallbackAddresses::Public,
        };
        let http = Arc::new(Egress::new(addresses));
        let otlp = Otlp::new(&config.otlp, http.clone());
        let ports = Ports {
            store: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            vault: Arc::new(SqliteVault::new(db.clone(), sealer.clone())),
            schedule: timers.clone(),
            queue: jobs.clone(),
            places: Some(jobs.clone()),
            clock: clock.clone(),
            http,
            entropy: Arc::new(SystemEntropy),
            bus: None,
            spans: otlp.spans(),
        };
        let app = App::new(ports, sealer.clone(), config.app.clone());
        Ok(Host {
            app,
            store,
            jobs,
            timers,
            clock,
            is_local: config.listen.ip().is_loopback(),
            proxies: config.proxies.clone(),
            public_url: config.app.public_url.clone(),
            given_urls: [&config.app.public_url, &config.app.push_url]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            otlp,
            sealer,
            db,
            writes_seen,
            inspector: None,
            defaults: Defaults::new(),
        })
    }

    /// With a receiver that runs beside it: the console shows what it got.
    pub fn inspected(self, inspector: Arc<dyn Inspector>) -> Self {
        Host { inspector: Some(inspector), ..self }
    }

    /// With forms of the console that begin with these values.
    pub fn beginning_with(self, defaults: Defaults) -> Self {
        Host { defaults, ..self }
    }

    /// The console's pages with the interface behind them.
    pub fn router(&self) -> axum::Router {
        let clock = self.clock.clone();
        let router = console::router(Console {
            api: self.app.router(),
            seal: Arc::new(ConsoleSeal(self.sealer.clone())),
            clock: Arc::new(move || clock.now()),
            public_url: self.public_url.clone(),
            inspector: self.inspector.clone(),
            defaults: self.defaults.clone(),
        });
        let router = router.layer(from_fn_with_state(self.proxies.clone(), see_through));
        match self.is_local {
            true => {
                let names = OwnNames::of(&self.given_urls);
                router.layer(from_fn_with_state(names, answer_own))
            }
            false => router,
        }
    }

    /// What the process counts, for its operator's instruments.
    pub fn metrics(&self) -> Metrics {
        Metrics::new(self.app.clone(), self.store.clone(), self.jobs.clone(), self.clock.clone())
    }

    /// Exports what is asked for until the returned value is told to end.
    pub(crate) async fn export(&mut self) -> Otlp {
        let mut otlp = std::mem::take(&mut self.otlp);
        otlp.measure(self.metrics()).await;
        otlp
    }

    /// The host as its operator sees it.
    pub fn administration(&self) -> LocalAdministration {
        LocalAdministration::new(self.store.clone(), self.jobs.clone())
    }

    /// What [`Host::take_in`] is first given.
    pub fn writes_seen(&self) -> i64 {
        self.writes_seen
    }

    /// Brings to the disk what does not wait for it.
    pub(crate) async fn catch_up(&self) -> app::ports::Result<()> {
        self.db.catch_up().await.map(drop)
    }

    /// Takes jobs and schedules in that another process wrote, if one has written since `seen`. Returns what to
    /// give next time.
    pub async fn take_in(&self, seen: i64) -> app::ports::Result<i64> {
        let now = self.db.writes_of_others().await?;
        if now != seen {
            self.jobs.reload().await?;
            self.timers.reload().await?;
        }
        Ok(now)
    }

    /// The clock was set back by so much: nothing waits longer than it was meant to.
    pub async fn set_back(&self, by: Duration, now: DateTime<Utc>) -> app::ports::Result<()> {
        self.store.set_back(by, now).await?;
        self.app.set_back(by, now);
        self.timers.set_back(now);
        self.jobs.set_back(by, now).await
    }

    /// Has everybody who waits for a time look at the clock.
    pub fn look_again(&self) {
        self.timers.notify();
        self.jobs.notify();
    }

    /// Finishes what an earlier process left half-way. One mailbox keeps no other from being polled: a job tries again,
    /// and one that can't be read waits for whoever mends it.
    pub async fn mend(&self) -> anyhow::Result<()> {
        for id in self.store.unfinished().await? {
            let Err(error) = self.app.mend(id).await else { continue };
            if !is_told(&error) {
                let now = self.clock.now();
                self.jobs.send(&[(Job::Settle { instance: id, since: now }, now)]).await?;
            }
            let error: &dyn std::error::Error = &error;
            tracing::error!(instance.id = id.get(), error, "instance.not_mended");
        }
        Ok(())
    }

    /// Sees to it that somebody may call. Returns secrets that were made and have to be shown, once: only
    /// their hashes are stored.
    pub async fn admit(&self, given: Option<&GivenSecrets>) -> anyhow::Result<Option<Admitted>> {
        if let Some(given) = given {
            self.store.ensure_account(self.user(given), self.organization(given)).await?;
            return Ok(None);
        }
        match self.store.first_account().await? {
            Some(_) => Ok(None),
            None => self.new_account().await.map(Some),
        }
    }

    /// The line that shows a link to the console at this address, which signs this user in once.
    pub async fn link_line(&self, account: &Account, address: &str) -> anyhow::Result<String> {
        let link = self.app.sign_in_link(account.organization_id, account.user_id).await?;
        Ok(link_line(address, &link.context("the user is gone")?))
    }

    /// Makes an organization with a user, and their secrets.
    pub async fn new_account(&self) -> anyhow::Result<Admitted> {
        Ok(self.app.add_organization().await?)
    }

    fn user(&self, secrets: &GivenSecrets) -> app::ports::LookupHash {
        self.sealer.lookup_hash(Lookup::User, &secrets.user)
    }

    fn organization(&self, secrets: &GivenSecrets) -> app::ports::LookupHash {
        self.sealer.lookup_hash(Lookup::Organization, &secrets.organization)
    }
}

/// When the database was written last, as its files say; `None` where there is none.
fn written_at(database: &Path) -> Option<DateTime<Utc>> {
    let files = [database.to_owned(), database.with_extension("db-wal")];
    let written = files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    written.max().map(DateTime::from)
}

/// The line that shows a link that signs in once.
pub(crate) fn link_line(address: &str, link: &SignedIn) -> String {
    let minutes = (link.expires_at - SystemClock.now()).num_seconds().div_euclid(60) + 1;
    let url = link_url(address, link);
    format!("open {url} in a browser: the link signs in once, within {minutes} minutes")
}

/// Where a link leads. The token stands in the query: logs of requests have paths.
pub(crate) fn link_url(address: &str, link: &SignedIn) -> String {
    format!("{address}/sign-in/once?key={}", link.token)
}

/// What browsers keep is sealed under a key for the console alone.
struct ConsoleSeal(Arc<Sealer>);

impl console::Seal for ConsoleSeal {
    fn seal(&self, purpose: &str, plain: &[u8]) -> Option<String> {
        self.0.seal_for("console", purpose, plain).ok()
    }

    fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        self.0.open_for("console", purpose, sealed).ok()
    }
}

/// Removes a data folder, unless somebody works on it.
pub fn remove_data(folder: &Path) -> Result<(), OpenError> {
    if !folder.exists() {
        return Ok(());
    }
    let _lock = LockFile::take(&folder.join(DATABASE))?;
    Ok(fs::remove_dir_all(folder)?)
}

/// Where the database is, and what opens what is sealed in it.
fn folder(config: &Config) -> anyhow::Result<(PathBuf, Sealer)> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .with_context(|| format!("making the data folder {}", config.data.display()))?;
    let database = config.data.join(DATABASE);
    let sealer = keys::open(&config.data, database.exists(), &SystemEntropy)?;
    for_owner_alone(&database).context("making the database")?;
    Ok((database, sealer))
}

/// SQLite gives its other files the rights of the first.
fn for_owner_alone(path: &Path) -> std::io::Result<()> {
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}
