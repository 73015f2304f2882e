//! The [`Administration`] port over the data folder.

use crate::jobs::Jobs;
use crate::sqlite::SqliteStore;
use crate::sqlite::listing::{after, page};
use app::ports::{Administration, Depth, HostPage, Job, ListingMark, OwnedItem, Redriven, Result, Scheduled};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use std::sync::Arc;

/// The data folder, as its operator sees it.
pub struct LocalAdministration {
    store: SqliteStore,
    jobs: Arc<Jobs>,
}

impl LocalAdministration {
    /// Over the store and the queue of one folder.
    pub fn new(store: SqliteStore, jobs: Arc<Jobs>) -> Self {
        LocalAdministration { store, jobs }
    }
}

#[async_trait]
impl Administration for LocalAdministration {
    async fn instances(&self, from: Option<&ListingMark>) -> Result<HostPage<InstanceId>> {
        Ok(page(self.store.all_instances(after(from)?).await?, |id| id.get()))
    }

    async fn schedules(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        Ok(kept(page(self.store.scheduled(after(from)?).await?, |id| id.get())))
    }

    async fn secrets(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        Ok(kept(page(self.store.with_secrets(after(from)?).await?, |id| id.get())))
    }

    async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        self.store.schedule(id).await
    }

    async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        self.store.undelivered_of(id).await
    }

    async fn holds(&self, job: &Job) -> Result<Option<bool>> {
        self.jobs.holds(job).await.map(Some)
    }

    async fn depths(&self, now: DateTime<Utc>) -> Result<Vec<Depth>> {
        self.jobs.depths(now).await
    }

    async fn redrive(&self, limit: usize, now: DateTime<Utc>) -> Result<Redriven> {
        self.jobs.redrive(limit, now).await
    }
}

/// The tables do not say how old a row is.
fn kept(page: HostPage<InstanceId>) -> HostPage<OwnedItem> {
    let items = page.items.into_iter().map(|instance| OwnedItem { instance, made_at: None }).collect();
    HostPage { items, next: page.next }
}
