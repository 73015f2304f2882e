//! The [`Administration`] port over a stack.

mod queues;

pub use queues::Queues;

use crate::clients::Clients;
use crate::environment::Environment;
use crate::keys::{DataKeys, Rotation, rotate};
use crate::stack::{Stack, egress};
use crate::starts::Starts;
use crate::store::{DynamoStore, demand_format};
use crate::vault::{StackVault, VaultPosition};
use app::ports::{
    Administration, Depth, HostPage, Job, ListingMark, OwnedItem, PortError, Redriven, Result, Scheduled,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use std::sync::Arc;
use system::SystemEntropy;

/// Instances of one page.
const PAGE_COUNT_MAX: usize = 500;

/// A stack, as its operator sees it.
pub struct StackAdministration {
    store: DynamoStore,
    vault: Arc<StackVault>,
    starts: Starts,
    queues: Queues,
    secrets: aws_sdk_secretsmanager::Client,
    data_key_secret: String,
}

/// Opens the stack that the environment names, with an operator's credentials.
pub async fn open(
    environment: &Environment,
    now: DateTime<Utc>,
) -> anyhow::Result<(Stack, StackAdministration)> {
    let clients = Clients::for_an_operator(environment).await;
    demand_format(&clients.dynamodb, &environment.table).await?;
    let keys = DataKeys::read(&clients.secrets, &environment.data_key_secret).await?;
    let http = Arc::new(egress(environment));
    let stack = Stack::new(environment, &clients, http, Arc::new(keys.sealer(now)));
    let administration = StackAdministration::new(&stack, &clients, environment);
    Ok((stack, administration))
}

impl StackAdministration {
    /// Over the adapters of a stack.
    pub fn new(stack: &Stack, clients: &Clients, environment: &Environment) -> Self {
        StackAdministration {
            store: stack.store.clone(),
            vault: stack.vault.clone(),
            starts: stack.starts.clone(),
            queues: Queues::new(clients.sqs.clone(), stack.queue.clone(), environment),
            secrets: clients.secrets.clone(),
            data_key_secret: environment.data_key_secret.clone(),
        }
    }

    /// Adds a data key that later seals instead of the present one.
    pub async fn rotate_data_key(&self, now: DateTime<Utc>) -> Result<Rotation> {
        rotate(&self.secrets, &self.data_key_secret, &SystemEntropy, now).await
    }
}

#[async_trait]
impl Administration for StackAdministration {
    /// Organization by organization: a page ends with one, or is full.
    async fn instances(&self, from: Option<&ListingMark>) -> Result<HostPage<InstanceId>> {
        let (organization, after) = match from {
            Some(mark) => pair(mark)?,
            None => (self.store.next_organization(0).await?.unwrap_or(0), None),
        };
        let items = self.store.listed_instances(organization, after, PAGE_COUNT_MAX).await?;
        let next = match items.last().filter(|_| items.len() == PAGE_COUNT_MAX) {
            Some(last) => Some(mark(organization, Some(*last))),
            None => self.store.next_organization(organization).await?.map(|next| mark(next, None)),
        };
        Ok(HostPage { items, next })
    }

    async fn schedules(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        self.starts.list(from).await
    }

    async fn secrets(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        let (shard, after) = from.map_or(Ok((0, None)), pair)?;
        let (holders, next) = self.vault.list(VaultPosition { shard, after }).await?;
        let items = holders.into_iter().map(|(instance, made_at)| OwnedItem { instance, made_at });
        Ok(HostPage { items: items.collect(), next: next.map(|place| mark(place.shard, place.after)) })
    }

    async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        self.starts.find(id).await
    }

    async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        self.store.undelivered_count(id).await
    }

    /// A queue of SQS can't be searched.
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

/// A place in a listing by parts: the part, and the instance after which to go on in it.
fn mark(part: u32, after: Option<InstanceId>) -> ListingMark {
    ListingMark(format!("{part}/{}", after.map_or(0, InstanceId::get)))
}

fn pair(mark: &ListingMark) -> Result<(u32, Option<InstanceId>)> {
    let (part, after) = mark.0.split_once('/').ok_or_else(no_place)?;
    Ok((part.parse().map_err(|_| no_place())?, InstanceId::parse(after)))
}

fn no_place() -> PortError {
    PortError::new("go on with a listing", "not a place in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        for (part, after) in [(3, None), (0, InstanceId::parse("17"))] {
            assert_eq!(pair(&mark(part, after)).unwrap(), (part, after));
        }
        assert!(pair(&ListingMark("17".to_owned())).is_err());
    }
}
