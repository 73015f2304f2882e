//! The cloud as its operator sees it: a stack that was left alone has nothing to mend.

use super::Cloud;
use super::checks::Rule;
use super::queues::Queues;
use app::admin::{Check, FindingReport, Mode, Others, Outcome};
use app::ports::{Administration, Depth, HostPage, Job, ListingMark, OwnedItem, Redriven, Result, Scheduled};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use local::administration::LocalAdministration;
use std::sync::Arc;

/// Rows are where they always are; schedules and jobs are the cloud's.
struct CloudAdministration {
    rows: LocalAdministration,
    queues: Arc<Queues>,
}

#[async_trait]
impl Administration for CloudAdministration {
    async fn instances(&self, from: Option<&ListingMark>) -> Result<HostPage<InstanceId>> {
        self.rows.instances(from).await
    }

    async fn schedules(&self, _from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        let all = self.queues.scheduled().into_iter();
        let items = all.map(|instance| OwnedItem { instance, made_at: None }).collect();
        Ok(HostPage { items, next: None })
    }

    async fn secrets(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        self.rows.secrets(from).await
    }

    async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        Ok(self.queues.entry(id))
    }

    async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        self.rows.undelivered_count(id).await
    }

    async fn holds(&self, job: &Job) -> Result<Option<bool>> {
        let is_it = |known: &Job| match (known, job) {
            (Job::Settle { instance, .. }, Job::Settle { instance: wanted, .. }) => instance == wanted,
            _ => known == job,
        };
        Ok(Some(self.queues.waiting().iter().any(is_it)))
    }

    async fn depths(&self, _now: DateTime<Utc>) -> Result<Vec<Depth>> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _limit: usize, _now: DateTime<Utc>) -> Result<Redriven> {
        Ok(Redriven::default())
    }
}

impl Cloud {
    /// What a check would mend, and nobody may be at, is a loss that nobody noticed.
    pub(super) async fn check_as_operator(&mut self) {
        let host =
            CloudAdministration { rows: self.world.administration(), queues: self.shared.queues.clone() };
        let mut found: Vec<FindingReport> = Vec::new();
        let check = Check { mode: Mode::Show, others: Others::Running };
        self.world.app.check(&host, check, &mut |one| found.push(one)).await.unwrap();
        found.retain(|one| one.finding.is_mendable() && one.outcome == Outcome::Shown);
        self.must(Rule::NothingToMend, found.is_empty(), || format!("a check finds {found:?}"));
    }
}
