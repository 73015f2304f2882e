//! The roof: what a host makes of its adapters, and everything that it drives.

use crate::api::{Description, description};
use crate::config::Config;
use crate::context::{Context, Ports};
use crate::deliver::Ran;
use crate::poll::{PollOutcome, PollTrigger};
use crate::ports::{Job, Result};
use crate::push::Pull;
use crate::sealing::Sealer;
use crate::signals::{Metric, Signals};
use chrono::{DateTime, Utc};
use connectors::{Connector, PullSource};
use domain::ids::InstanceId;
use std::sync::Arc;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Context>);

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
        App(Context::new(ports, sealer, config, connectors))
    }

    /// The HTTP interface.
    pub fn router(&self) -> axum::Router {
        self.router_described_by(description())
    }

    /// The same, for a host that keeps the interface's description, and needs nothing of what makes it.
    pub fn router_described_by(&self, description: Description) -> axum::Router {
        crate::api::router(self.0.clone(), description)
    }

    /// What the links lead to that [`Downloads::Held`](crate::Downloads::Held) speaks of.
    pub fn downloads(&self) -> axum::Router {
        crate::api::downloads(self.0.clone())
    }

    /// The schedule's poll of an instance, until the deadline at the latest. What is left goes on as a job.
    ///
    /// Where somebody else polls the mailbox it leaves a mark for them and is done ([`PollOutcome::Busy`]).
    ///
    /// # Errors
    ///
    /// The poll could not do its own bookkeeping: it has to be run again.
    pub async fn tick(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        crate::poll::poll(&self.0, id, PollTrigger::Tick, deadline).await
    }

    /// The same for a tick that was due then: how late it begins is counted.
    ///
    /// # Errors
    ///
    /// As of [`App::tick`].
    pub async fn tick_due(
        &self,
        id: InstanceId,
        due_at: DateTime<Utc>,
        deadline: DateTime<Utc>,
    ) -> Result<PollOutcome> {
        self.0.signals.poll_began(self.0.now() - due_at);
        self.tick(id, deadline).await
    }

    /// The same for a client that waits for what is found: where somebody else polls the mailbox it waits for its
    /// turn, until the deadline.
    ///
    /// # Errors
    ///
    /// As of [`App::tick`].
    pub async fn poll(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        crate::poll::poll(&self.0, id, PollTrigger::Asked, deadline).await
    }

    /// Brings schedule and jobs in line with the instance's row: finishes what a process that died left half-way.
    ///
    /// # Errors
    ///
    /// A port failed: what is left comes again as a job.
    pub async fn mend(&self, id: InstanceId) -> Result<()> {
        crate::settle::whole(&self.0, id).await
    }

    /// Where notices are pulled from, 64 places at most, for the instances that this process knows of: those that it polled or settled, and
    /// those that [`App::listen`] named.
    pub fn pull_sources(&self) -> Vec<PullSource> {
        self.0.heard.sources()
    }

    /// Finds out whether notices are to be pulled for an instance.
    ///
    /// # Errors
    ///
    /// A port failed: the next poll finds out.
    pub async fn listen(&self, id: InstanceId) -> Result<()> {
        crate::settle::listen(&self.0, id).await
    }

    /// Pulls notices once, and waits a while for some.
    ///
    /// # Errors
    ///
    /// They could not be had, or not be acknowledged: they come again.
    pub async fn pull(&self, source: &PullSource) -> Result<Pull> {
        crate::push::pull(&self.0, source).await
    }

    /// What this process counted of its work.
    pub fn signals(&self) -> &Signals {
        &self.0.signals
    }

    /// Counts all mailboxes of the host, by how they are and when they were last read: it reads each one's short row.
    ///
    /// # Errors
    ///
    /// A port failed.
    pub async fn census(&self) -> Result<Vec<Metric>> {
        crate::census::take(&self.0).await
    }

    /// The host's clock was set back by so much: what is kept in memory waits no longer than it was meant to.
    pub fn set_back(&self, by: chrono::Duration, now: DateTime<Utc>) {
        self.0.traffic.set_back(by, now);
    }

    /// Runs one job.
    ///
    /// # Errors
    ///
    /// The job has to be run again.
    pub async fn run(&self, job: Job, deadline: DateTime<Utc>) -> Result<Ran> {
        match job {
            Job::Deliver(key) => return crate::deliver::deliver(&self.0, key).await,
            Job::Poll(id) => drop(crate::poll::poll(&self.0, id, PollTrigger::Wish, deadline).await?),
            Job::Release(id) => crate::release::release(&self.0, id).await?,
            Job::Purge(id) => crate::purge::purge(&self.0, id).await?,
            Job::Hinted { instance, hint } => {
                crate::hinted::look(&self.0, instance, hint, deadline).await?;
            }
            Job::Bulk { organization_id, id } => {
                crate::bulk::run(&self.0, (organization_id, id), deadline).await?;
            }
            Job::Tell { organization_id, id, .. } => {
                return crate::health_letters::run(&self.0, (organization_id, id)).await;
            }
            Job::Settle { instance, since } => crate::settle::run(&self.0, instance, since).await?,
        }
        Ok(Ran::Well)
    }
}
