//! A stack as a whole, seen by its operator.

use super::{Queues, schedule, scheduled, with_secrets};
use crate::clients::Clients;
use crate::environment::Environment;
use crate::stack::Stack;
use app::ports::{
    Administration, Depth, Job, Kept, LookupHash, Mark, Organization, Page, PortError, Redriven, Result,
    Scheduled,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::instance::Account;

/// Rows of one page of a listing.
const PAGE_COUNT: usize = 500;

/// The [`Administration`] port over a stack.
pub struct StackAdministration {
    stack: Stack,
    queues: Queues,
}

impl StackAdministration {
    /// Over this stack.
    pub fn new(stack: Stack, clients: &Clients, environment: &Environment) -> Self {
        let queues = Queues::new(clients.sqs.clone(), stack.queue.clone(), environment);
        StackAdministration { stack, queues }
    }

    /// The first organization after this one.
    async fn next_organization(&self, after: u32) -> Result<Option<u32>> {
        Ok(self.stack.store.organizations(after, 1).await?.first().map(|organization| organization.id))
    }
}

#[async_trait]
impl Administration for StackAdministration {
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        self.stack.store.add_account(user, organization).await
    }

    async fn add_user(&self, organization_id: u32, user: &LookupHash) -> Result<Option<Account>> {
        self.stack.store.add_user(organization_id, user).await
    }

    async fn organizations(&self, from: Option<&Mark>) -> Result<Page<Organization>> {
        let (after, _) = place(from)?;
        let items = self.stack.store.organizations(after, PAGE_COUNT).await?;
        let next = items.last().filter(|_| items.len() == PAGE_COUNT).map(|last| mark(last.id, 0));
        Ok(Page { items, next })
    }

    /// Organization after organization: each page is of one.
    async fn instances(&self, from: Option<&Mark>) -> Result<Page<InstanceId>> {
        let (organization, after) = place(from)?;
        let organization = match organization {
            0 => self.next_organization(0).await?,
            known => Some(known),
        };
        let Some(organization) = organization else { return Ok(Page { items: Vec::new(), next: None }) };
        let after = InstanceId::parse(&after.to_string());
        let items = self.stack.store.listed_instances(organization, after, PAGE_COUNT).await?;
        let next = match items.last().filter(|_| items.len() == PAGE_COUNT) {
            Some(last) => Some(mark(organization, last.get())),
            None => self.next_organization(organization).await?.map(|next| mark(next, 0)),
        };
        Ok(Page { items, next })
    }

    async fn schedules(&self, from: Option<&Mark>) -> Result<Page<Kept>> {
        scheduled(&self.stack.schedules, from).await
    }

    async fn secrets(&self, from: Option<&Mark>) -> Result<Page<Kept>> {
        with_secrets(&self.stack.vault, from).await
    }

    async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        schedule(&self.stack.schedules, id).await
    }

    async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        self.stack.store.undelivered_count(id).await
    }

    /// A queue of SQS can't be asked.
    async fn holds(&self, _: &Job) -> Result<Option<bool>> {
        Ok(None)
    }

    async fn depths(&self, _: DateTime<Utc>) -> Result<Vec<Depth>> {
        self.queues.depths().await
    }

    async fn redrive(&self, limit: usize, now: DateTime<Utc>) -> Result<Redriven> {
        self.queues.redrive(limit, now).await
    }
}

/// An organization, and the instance of it that a page ended with; zero for none.
fn mark(organization: u32, after: u32) -> Mark {
    Mark(format!("{organization}/{after}"))
}

fn place(from: Option<&Mark>) -> Result<(u32, u32)> {
    let Some(mark) = from else { return Ok((0, 0)) };
    let parts = mark.0.split_once('/');
    let place =
        parts.and_then(|(organization, after)| Some((organization.parse().ok()?, after.parse().ok()?)));
    place.ok_or_else(|| PortError::new("go on with a listing", "not a place in it"))
}
