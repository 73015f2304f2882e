//! What a poll reads and commits.

use super::DynamoStore;
use super::key::{self, Key};
use super::packed::Packed;
use super::row::{Row, numbers, text};
use super::table::{ACTIONS_COUNT_MAX, KeyQuery, Table, Write, WritesEnded};
use super::{
    annexes, instance_rows, notifications, poller, resources, searches, session, staged, subscriptions,
};
use app::ports::{
    Mailbox, NewNotification, PollCommit, Poller, Polls, PortError, Progress, ResourceRow, Result, Written,
};
use async_trait::async_trait;
use domain::ids::{EventId, InstanceId, Sequence};
use std::collections::HashSet;

/// Reads of a mailbox whose rows change while their parts are read.
const READS_COUNT_MAX: u32 = 3;
/// Maximum packed bodies of one transaction. In total it may have 4 MB,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>.
const BODIES_BYTES_MAX: usize = 3_000_000;

/// Bodies, packed: inline as long as the transaction has room for them.
fn pack_bodies<'a>(
    id: InstanceId,
    new: &[&'a NewNotification],
    room: usize,
) -> Result<Vec<(&'a NewNotification, Packed)>> {
    let mut left = room;
    let mut packed = Vec::new();
    for one in new.iter().copied() {
        let body = notifications::pack(id, one, left)?;
        left -= body.size.min(left);
        packed.push((one, body));
    }
    Ok(packed)
}

/// Those that are written with the state.
fn in_commit(commit: &PollCommit) -> Vec<&NewNotification> {
    commit.notifications.iter().filter(|new| new.claimed_until.is_none()).collect()
}

/// Writes those that the state is only to name. Whether none of their sequences was taken.
async fn stage(table: &Table, commit: &PollCommit) -> Result<bool> {
    let context = "stage a notification";
    // Our own write, whose answer got lost, is not a conflict.
    let writer = fastrand::u64(..).to_string();
    for new in commit.notifications.iter().filter(|new| new.claimed_until.is_some()) {
        let packed = notifications::pack(commit.instance, new, usize::MAX)?;
        packed.store_parts(table, context).await?;
        let put = notifications::put(commit.instance, commit.organization_id, new, packed)?
            .and("staged", text(&writer))
            .when("attribute_not_exists(pk) OR staged = :writer")
            .with(":writer", text(&writer));
        if table.write(context, put).await?.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a row holds just this state.
async fn is_stored(table: &Table, commit: &PollCommit, row: &Row) -> Result<bool> {
    let stored = resources::read(table, commit.instance, row).await?;
    Ok(stored.is_some_and(|stored| !stored.removed && stored.state == commit.state))
}

/// Why a resource has no row.
async fn not_there(table: &Table, id: InstanceId) -> Result<Written> {
    let instance = instance_rows::get(table, id).await?;
    Ok(match instance.is_some_and(|instance| instance.deleted_at.is_none()) {
        true => Written::Conflict,
        false => Written::Gone,
    })
}

#[async_trait]
impl Polls for DynamoStore {
    // One query; more only where a state is too large for its row.
    async fn mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        let table = &self.table;
        for _ in 0..READS_COUNT_MAX {
            let rows = table.query("read a mailbox", KeyQuery::of(key::mailbox(id))).await?;
            let (mut instance, mut session, mut subscription) = (None, None, None);
            let mut poller = Poller::default();
            let mut states = Vec::new();
            let beside = rows.iter().find(|row| matches!(row.text("sk"), Ok(key::SUBSCRIPTION)));
            for row in &rows {
                match row.text("sk")? {
                    key::CONFIG => instance = Some(instance_rows::read(row)?),
                    key::SESSION => session = Some(session::read(row, beside)?),
                    key::SUBSCRIPTION => {
                        subscription = Some(subscriptions::read(row)?);
                        poller = poller::read(row)?;
                    }
                    _ => states.push(row),
                }
            }
            let Some(instance) = instance else { return Ok(None) };
            let mut read = Vec::new();
            for row in &states {
                read.push(resources::read(table, id, row).await?);
            }
            // A missing part means that the row is newer by now.
            let Some(resources) = read.into_iter().collect::<Option<Vec<ResourceRow>>>() else { continue };
            return Ok(Some(Mailbox {
                instance,
                session: session.unwrap_or_default(),
                subscription: subscription.unwrap_or_default(),
                poller,
                resources,
            }));
        }
        Err(PortError::new("read a mailbox", "it kept changing"))
    }

    async fn annex(&self, id: InstanceId, resource: &str, names: &[String]) -> Result<Vec<Option<String>>> {
        annexes::read(&self.table, id, resource, names).await
    }

    async fn commit_poll(&self, commit: &PollCommit) -> Result<Written> {
        let table = &self.table;
        let id = commit.instance;
        let context = "commit a poll";
        if commit.notifications.len() + commit.annex.len() + 1 > ACTIONS_COUNT_MAX {
            return Err(PortError::new(context, "more notifications and parts than one transaction takes"));
        }
        let added: Vec<Sequence> =
            commit.notifications.iter().filter(|new| new.deliver).map(|new| new.sequence).collect();
        if !stage(table, commit).await? {
            return Ok(Written::Conflict);
        }
        let state = resources::pack(id, &commit.state)?;
        // Parts that nobody will name once this is stored. What is put from now on belongs to somebody.
        let former = match state.has_parts() {
            true => resources::parts_there(table, id, &commit.state.resource).await?,
            false => Vec::new(),
        };
        state.store_parts(table, context).await?;
        searches::point(table, commit).await?;
        let mut writes = vec![
            resources::write(id, &commit.state, state, &added, &commit.told)
                .when("version = :before AND attribute_not_exists(removed) AND attribute_not_exists(gone)")
                .with(":before", super::row::number(commit.state.version.saturating_sub(1))),
        ];
        let (annex, annex_bytes) = annexes::puts(id, &commit.state.resource, &commit.annex)?;
        let room = BODIES_BYTES_MAX.saturating_sub(annex_bytes);
        for (new, packed) in pack_bodies(id, &in_commit(commit), room)? {
            packed.store_parts(table, context).await?;
            writes.push(notifications::put(id, commit.organization_id, new, packed)?);
        }
        writes.extend(annex);
        let is_plain = writes.len() == 1;
        let refused = match table.transact(context, writes).await? {
            WritesEnded::Done => {
                table.delete_many("delete parts of a former state", &former).await?;
                return Ok(Written::Done);
            }
            WritesEnded::Refused(refused) => refused,
        };
        match refused.into_iter().next().flatten() {
            // The state's condition held: a sequence is taken.
            None => Ok(Written::Conflict),
            Some(Some(row)) if row.has("gone") => Ok(Written::Gone),
            // Our own write, whose answer got lost: of two with the same last sequence, one could not stage its notification.
            // A transaction detects that itself.
            Some(Some(row)) if is_plain && is_stored(table, commit, &row).await? => Ok(Written::Done),
            Some(Some(_)) => Ok(Written::Conflict),
            Some(None) => not_there(table, id).await,
        }
    }

    async fn clear_outbox(&self, id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()> {
        let table = &self.table;
        if sequences.is_empty() {
            return Ok(());
        }
        // First, while they are named: what is neither is nothing.
        for row in staged::those(table, id, sequences).await? {
            staged::publish(table, id, key::sequence(&row)?).await?;
        }
        let context = "clear an outbox";
        let clear = Write::update(Key::resource(id, resource), "DELETE outbox :cleared")
            .when("attribute_exists(pk)")
            .with(":cleared", numbers(sequences.iter().map(|sequence| sequence.0)));
        let Ok(Some(row)) = table.update(context, clear).await? else { return Ok(()) };
        if row.has("removed") && !row.has("outbox") {
            let delete = resources::remove(id, resource)
                .when("attribute_exists(removed) AND attribute_not_exists(outbox)");
            // Refused: it was configured again in between.
            let _ = table.write(context, delete).await?;
        }
        Ok(())
    }

    // A moment late does no harm: what was delivered stays so, until somebody asks for it again.
    async fn delivered(&self, id: InstanceId, sequences: &[Sequence]) -> Result<Vec<Sequence>> {
        let keys: Vec<Key> = sequences.iter().map(|sequence| Key::notification(id, *sequence)).collect();
        let rows = self.table.glance_many("look whether all was delivered", &keys).await?;
        let mut delivered = Vec::new();
        for row in rows.values() {
            if notifications::standing(row)?.progress == Progress::Delivered {
                delivered.push(key::sequence(row)?);
            }
        }
        Ok(delivered)
    }

    // The doubtful events are looked for in all of the log: that costs a page of the index for some thousand
    // events, and nothing is written per event.
    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>> {
        let table = &self.table;
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        let asked: HashSet<EventId> = events.iter().copied().collect();
        let logged = notifications::all_events(table, id).await?;
        Ok(logged.into_iter().filter(|event| asked.contains(event)).collect())
    }
}
