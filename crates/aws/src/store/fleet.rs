//! What lists and counts of instances are made of: two queries an instance.

use super::DynamoStore;
use super::notifications;
use app::ports::{FleetPage, FleetRow, Instances as _, Polls as _, Result, WAITING_COUNT_MAX};
use domain::health::Vitals;
use domain::ids::InstanceId;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// Instances of one page: so many queries that a request takes a second or two.
const PAGE_COUNT_MAX: usize = 500;
/// Queries at once.
const QUERIES_COUNT: usize = 32;

pub(super) async fn page(
    store: &DynamoStore,
    organization_id: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<FleetPage> {
    let limit = limit.min(PAGE_COUNT_MAX);
    let instances = store.instances(organization_id, after, limit).await?;
    let is_cut = instances.len() == limit;
    let reads = instances.into_iter().map(|instance| row(store, instance.id));
    let rows: Vec<Option<FleetRow>> = stream::iter(reads).buffered(QUERIES_COUNT).try_collect().await?;
    Ok(FleetPage { rows: rows.into_iter().flatten().collect(), is_cut })
}

/// Nothing where it was deleted in between.
async fn row(store: &DynamoStore, id: InstanceId) -> Result<Option<FleetRow>> {
    let Some(mailbox) = store.mailbox(id).await? else { return Ok(None) };
    if mailbox.instance.deleted_at.is_some() {
        return Ok(None);
    }
    let limit = WAITING_COUNT_MAX as usize;
    let waiting = notifications::pending(&store.table, id, None, limit).await?;
    let states = mailbox.resources.iter().filter(|row| !row.removed).map(|row| &row.state);
    let vitals = Vitals::of(&mailbox.instance, mailbox.subscription.status, states);
    let instance = mailbox.instance;
    let application = instance.application().map(str::to_owned);
    Ok(Some(FleetRow {
        id,
        account_id: instance.account.account_id,
        connector: instance.connector,
        name: instance.name,
        tags: instance.tags,
        application,
        vitals,
        waiting_count: u32::try_from(waiting.len()).unwrap_or(WAITING_COUNT_MAX),
    }))
}
