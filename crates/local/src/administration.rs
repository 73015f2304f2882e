//! The [`Administration`] port over the data folder.

use crate::jobs::Jobs;
use crate::sqlite::SqliteStore;
use app::ports::{
    Administration, Depth, Job, Kept, LookupHash, Mark, Organization, Page, PortError, Redriven, Result,
    Scheduled,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::instance::Account;
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
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        self.store.add_account(*user, *organization).await
    }

    async fn add_user(&self, organization_id: u32, user: &LookupHash) -> Result<Option<Account>> {
        self.store.add_user(organization_id, *user).await
    }

    async fn organizations(&self, from: Option<&Mark>) -> Result<Page<Organization>> {
        let items = self.store.organizations(after(from)?).await?;
        Ok(page(items, |organization| organization.id))
    }

    async fn instances(&self, from: Option<&Mark>) -> Result<Page<InstanceId>> {
        Ok(page(self.store.all_instances(after(from)?).await?, |id| id.get()))
    }

    async fn schedules(&self, from: Option<&Mark>) -> Result<Page<Kept>> {
        Ok(kept(page(self.store.scheduled(after(from)?).await?, |id| id.get())))
    }

    async fn secrets(&self, from: Option<&Mark>) -> Result<Page<Kept>> {
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

/// A mark is the id that a page ended with.
fn after(from: Option<&Mark>) -> Result<u32> {
    let id = from.map_or(Ok(0), |mark| mark.0.parse());
    id.map_err(|error| PortError::new("going on with a listing", error))
}

fn page<T>(items: Vec<T>, id: impl Fn(&T) -> u32) -> Page<T> {
    let is_full = items.len() == SqliteStore::page_size();
    let next = items.last().filter(|_| is_full).map(|last| Mark(id(last).to_string()));
    Page { items, next }
}

/// The tables do not say how old a row is.
fn kept(page: Page<InstanceId>) -> Page<Kept> {
    let items = page.items.into_iter().map(|instance| Kept { instance, made_at: None }).collect();
    Page { items, next: page.next }
}
