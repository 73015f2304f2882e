//! What lists and counts of instances are made of: two queries an instance, and nothing else of it. What is listed and
//! deleted is passed over.

use super::DynamoStore;
use super::{instance_rows, notifications, staged};
use crate::fault::TooMuch;
use app::ports::{FleetPage, FleetRow, Polls as _, PortError, Result, Rows, WAITING_COUNT_MAX};
use app::unreadable::readable;
use domain::health::Vitals;
use domain::ids::{InstanceId, Sequence};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// Instances of one page: a fleet of ten thousand is five, and a request of the interface that reads one has time for it.
const PAGE_COUNT_MAX: usize = 2_000;
/// Queries at once.
const QUERIES_COUNT: usize = 64;
/// Reads of the list for one page: two hundred thousand consecutive instances that are deleted and not purged yet are
/// more than an organization leaves.
const LOOKS_COUNT_MAX: usize = 100;

pub(super) async fn page(
    store: &DynamoStore,
    organization_id: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<FleetPage> {
    let limit = limit.min(PAGE_COUNT_MAX);
    let (mut rows, mut unreadable_count, mut after) = (Vec::new(), 0, after);
    for _ in 0..LOOKS_COUNT_MAX {
        let left = limit - rows.len();
        let ids = instance_rows::listed(&store.table, organization_id, after, left).await?;
        let is_last = ids.len() < left;
        after = ids.last().copied();
        let reads = stream::iter(ids).map(|id| row(store, id)).buffered(QUERIES_COUNT);
        let read: Rows<Option<FleetRow>> = reads.try_collect::<Vec<_>>().await?.into_iter().collect();
        rows.extend(read.rows.into_iter().flatten());
        unreadable_count += read.unreadable_count;
        if is_last || rows.len() == limit {
            return Ok(FleetPage { rows, is_cut: !is_last, unreadable_count });
        }
    }
    Err(PortError::new("list instances", TooMuch))
}

/// Nothing where it can't be read; a row of nothing where it was deleted in between.
async fn row(store: &DynamoStore, id: InstanceId) -> Result<Option<Option<FleetRow>>> {
    let Some(read) = readable(store.mailbox(id).await)? else { return Ok(None) };
    let Some(mailbox) = read.filter(|mailbox| mailbox.instance.deleted_at.is_none()) else {
        return Ok(Some(None));
    };
    let limit = WAITING_COUNT_MAX as usize;
    let outboxes: Vec<Sequence> =
        mailbox.resources.iter().flat_map(|row| row.outbox.iter().copied()).collect();
    let staged_count = staged::those(&store.table, id, &outboxes).await?.len();
    let waiting_count = staged_count + notifications::pending(&store.table, id, None, limit).await?.len();
    let states = mailbox.resources.iter().filter(|row| !row.removed).map(|row| &row.state);
    let vitals = Vitals::of(&mailbox.instance, mailbox.subscription.status, states);
    let instance = mailbox.instance;
    let application = instance.application().map(str::to_owned);
    Ok(Some(Some(FleetRow {
        id,
        account_id: instance.account.account_id,
        connector: instance.connector,
        name: instance.name,
        tags: instance.tags,
        application,
        vitals,
        waiting_count: u32::try_from(waiting_count).unwrap_or(WAITING_COUNT_MAX).min(WAITING_COUNT_MAX),
    })))
}
