//! Everything a use case needs, put together once by the host.

use crate::locks::Locks;
use crate::poll::PollOutcome;
use crate::ports::{Bus, Clock, Entropy, Http, Job, PortError, Queue, Result, Schedule, Store, Vault};
use crate::sealing::Sealer;
use crate::secrets::SecretsCache;
use chrono::{DateTime, Duration, Utc};
use connectors::{Connector, Endpoint};
use domain::delivery::RetryPolicy;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::settings::Settings;
use std::collections::HashMap;
use std::sync::Arc;

/// The adapters.
#[derive(Clone)]
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub vault: Arc<dyn Vault>,
    pub schedule: Arc<dyn Schedule>,
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub http: Arc<dyn Http>,
    pub entropy: Arc<dyn Entropy>,
    /// Where the host has one.
    pub bus: Option<Arc<dyn Bus>>,
}

/// Provider addresses that replace the public ones, by the name of their variable.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(HashMap<&'static str, String>);

impl Endpoints {
    /// Asks for the value of each variable that a connector declares.
    pub fn read(mut variable: impl FnMut(&str) -> Option<String>) -> Self {
        let connectors = connectors::registry();
        let all = connectors.iter().flat_map(|connector| connector.descriptor().endpoints());
        let given =
            |value: String| Some(value.trim_end_matches('/').to_owned()).filter(|value| !value.is_empty());
        Endpoints(all.filter_map(|e| Some((e.variable, given(variable(e.variable)?)?))).collect())
    }

    pub(crate) fn url<'a>(&'a self, endpoint: &'a Endpoint) -> &'a str {
        self.0.get(endpoint.variable).map_or(endpoint.default, String::as_str)
    }
}

/// What the host decides.
#[derive(Debug, Clone)]
pub struct Config {
    pub endpoints: Endpoints,
    pub retry_policy: RetryPolicy,
    /// Refuse callbacks by plain http.
    pub require_https_callbacks: bool,
    /// How long what was delivered is kept.
    pub retention: Duration,
    /// Time for one provider request, ms.
    pub provider_timeout_ms: u64,
    /// Time for one callback, ms.
    pub callback_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoints: Endpoints::default(),
            retry_policy: RetryPolicy::default(),
            require_https_callbacks: false,
            retention: Duration::days(7),
            provider_timeout_ms: 30_000,
            callback_timeout_ms: 30_000,
        }
    }
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
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) secrets: SecretsCache,
    pub(crate) locks: Locks,
}

impl App {
    /// Puts the use cases together.
    pub fn new(ports: Ports, sealer: Arc<Sealer>, config: Config) -> Self {
        App(Arc::new(Inner {
            ports,
            config,
            sealer,
            connectors: connectors::registry(),
            secrets: SecretsCache::default(),
            locks: Locks::default(),
        }))
    }

    /// The HTTP interface.
    pub fn router(&self) -> axum::Router {
        crate::api::router(self.clone())
    }

    /// Polls an instance, until the deadline at the latest. What is left goes on as a job.
    ///
    /// An error means that the poll could not do its own bookkeeping: it has to be run again.
    pub async fn poll(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        crate::poll::poll(&self.0, id, deadline).await
    }

    /// Finishes what a process that died left half-way with this instance.
    pub async fn mend(&self, id: InstanceId) -> Result<()> {
        crate::mend::mend(&self.0, id).await
    }

    /// Runs one job. An error means that it has to be run again.
    pub async fn run(&self, job: Job, deadline: DateTime<Utc>) -> Result<Ran> {
        match job {
            Job::Deliver(key) => return crate::deliver::deliver(&self.0, key).await,
            Job::Poll(id) => drop(self.poll(id, deadline).await?),
            Job::Release(id) => crate::release::release(&self.0, id).await?,
            Job::Purge(id) => crate::purge::purge(&self.0, id).await?,
        }
        Ok(Ran::Well)
    }
}

impl Inner {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
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
        let settings = Settings::parse(&instance.configuration, connector.descriptor().default_poller)
            .map_err(|errors| PortError::new(context, crate::instances::in_words(&errors)))?;
        Ok((connector, settings))
    }
}
