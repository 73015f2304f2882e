//! Everything a use case needs, put together once by the host.

use crate::config::Config;
use crate::locks::Locks;
use crate::poll::PollOutcome;
use crate::poll::Way;
use crate::ports::{
    Accounts, Bus, Clock, Entropy, Http, Job, PortError, Queue, Result, Schedule, Store, UserSessions, Vault,
};
use crate::sealing::Sealer;
use crate::secrets::SecretsCache;
use crate::traffic::Traffic;
use chrono::{DateTime, Duration, Utc};
use connectors::Connector;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::settings::Settings;
use std::sync::{Arc, Weak};

/// What is about to leave the event log is not relied on, minutes: a poll takes time, and hosts' clocks differ.
const LOG_MARGIN_MIN: i64 = 60;

/// The adapters.
#[derive(Clone)]
pub struct Ports {
    /// Configuration, state and notifications.
    pub store: Arc<dyn Store>,
    /// Organizations, users and settings.
    pub accounts: Arc<dyn Accounts>,
    /// Who is signed in.
    pub sessions: Arc<dyn UserSessions>,
    /// Secrets of the mailboxes.
    pub vault: Arc<dyn Vault>,
    /// When mailboxes are polled.
    pub schedule: Arc<dyn Schedule>,
    /// Jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Requests to providers and callbacks.
    pub http: Arc<dyn Http>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where the host has one.
    pub bus: Option<Arc<dyn Bus>>,
}

/// How a job that is done went, for the host to pace the next of its instance by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    Well,
    /// The callback did not take the attempt.
    Refused,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    /// For work that goes on when whoever began it does not.
    pub(crate) itself: Weak<Inner>,
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) secrets: SecretsCache,
    pub(crate) locks: Locks,
    pub(crate) traffic: Traffic,
    pub(crate) sink: crate::api::Sink,
}

impl App {
    /// Puts the use cases together.
    pub fn new(ports: Ports, sealer: Arc<Sealer>, config: Config) -> Self {
        Self::with_connectors(ports, sealer, config, connectors::registry())
    }

    /// The same with other connectors than the registered ones.
    pub fn with_connectors(
        ports: Ports,
        sealer: Arc<Sealer>,
        config: Config,
        connectors: Vec<Arc<dyn Connector>>,
    ) -> Self {
        App(Arc::new_cyclic(|itself| Inner {
            itself: itself.clone(),
            ports,
            config,
            sealer,
            connectors,
            secrets: SecretsCache::default(),
            locks: Locks::default(),
            traffic: Traffic::default(),
            sink: crate::api::Sink::default(),
        }))
    }

    /// The HTTP interface.
    pub fn router(&self) -> axum::Router {
        crate::api::router(self.clone())
    }

    /// The schedule's poll of an instance, until the deadline at the latest. What is left goes on as a job.
    ///
    /// Where somebody else polls the mailbox it leaves a mark for them and is done ([`PollOutcome::Busy`]). An error
    /// means that the poll could not do its own bookkeeping: it has to be run again.
    pub async fn tick(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        crate::poll::poll(&self.0, id, Way::Tick, deadline).await
    }

    /// The same for a client that waits for what is found: where somebody else polls the mailbox it waits for its
    /// turn, until the deadline.
    pub async fn poll(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        crate::poll::poll(&self.0, id, Way::Asked, deadline).await
    }

    /// Brings schedule and jobs in line with the instance's row: finishes what a process that died left half-way.
    pub async fn mend(&self, id: InstanceId) -> Result<()> {
        crate::settle::whole(&self.0, id).await
    }

    /// The host's clock was set back by so much: what is kept in memory waits no longer than it was meant to.
    pub fn set_back(&self, by: chrono::Duration, now: DateTime<Utc>) {
        self.0.traffic.set_back(by, now);
    }

    /// Runs one job. An error means that it has to be run again.
    pub async fn run(&self, job: Job, deadline: DateTime<Utc>) -> Result<Ran> {
        match job {
            Job::Deliver(key) => return crate::deliver::deliver(&self.0, key).await,
            Job::Poll(id) => drop(crate::poll::poll(&self.0, id, Way::Wish, deadline).await?),
            Job::Release(id) => crate::release::release(&self.0, id).await?,
            Job::Purge(id) => crate::purge::purge(&self.0, id).await?,
            Job::Settle { instance, since } => crate::settle::run(&self.0, instance, since).await?,
        }
        Ok(Ran::Well)
    }
}

impl Inner {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    /// Since when the event log holds all that was told.
    pub(crate) fn log_since(&self) -> DateTime<Utc> {
        self.now() - self.config.retention + Duration::minutes(LOG_MARGIN_MIN)
    }

    pub(crate) fn connector(&self, key_or_id: &str) -> Option<&Arc<dyn Connector>> {
        self.connectors.iter().find(|connector| {
            let descriptor = connector.descriptor();
            descriptor.key == key_or_id || descriptor.id.to_string() == key_or_id
        })
    }

    /// The connector of a stored instance and its settings, which were checked when they were saved.
    pub(crate) fn understood(&self, instance: &Instance) -> Result<(&Arc<dyn Connector>, Settings)> {
        let context = "reading a stored instance";
        let connector = self
            .connector(&instance.connector)
            .ok_or_else(|| PortError::new(context, format!("no connector `{}`", instance.connector)))?;
        let settings = crate::instances::settings(connector, &instance.configuration)
            .map_err(|errors| PortError::new(context, crate::instances::in_words(&errors)))?;
        Ok((connector, settings))
    }
}
