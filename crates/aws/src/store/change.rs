//! Changes of an instance: its row, and what goes with it, all or nothing.
//!
//! Each row that polls and deliveries depend on says itself that the instance is deleted, so that none of them
//! has to look at the instance's row as well.

use super::key::{self, Key};
use super::pause::pause_before;
use super::resources::{self, StoredResource};
use super::row::{Row, bytes, number, text};
use super::table::{ACTIONS_COUNT_MAX, KeyQuery, Table, Write, WritesEnded};
use super::{annexes, applications, audit, instance_rows, session, sign_in_links, subscriptions};
use app::ports::{InstanceChange, PortError, Result, SubscriptionChange, Written};
use domain::delivery::Subscription;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::state::ResourceState;

/// Looks at rows that change in between.
const LOOKS_COUNT_MAX: u32 = 10;

/// What the instance's rows say before a change.
struct Before {
    instance: Instance,
    version: u64,
    token: Vec<u8>,
    session: u64,
    subscription: Subscription,
    resources: Vec<StoredResource>,
}

pub(super) async fn change(table: &Table, change: &InstanceChange) -> Result<Written> {
    let context = "change an instance";
    let id = change.instance.id;
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        let Some(before) = before(table, id).await? else { return Ok(Written::Gone) };
        if before.version + 1 != change.instance.version
            || !fits(&before, change)
            || !sign_in_links::is_unspent(table, change.spends.as_ref()).await?
        {
            return Ok(Written::Conflict);
        }
        let mut writes = writes(table, &before, change).await?;
        let own_count = writes.len();
        writes.extend(applications::recount(Some(&before.instance), &change.instance));
        if writes.len() > ACTIONS_COUNT_MAX {
            return Err(PortError::new(context, "more resources than one transaction takes"));
        }
        match table.transact(context, writes).await? {
            WritesEnded::Done => {
                for resource in &change.remove_resources {
                    // The change is stored; what this leaves goes with the instance.
                    let _ = annexes::remove(table, id, resource).await;
                }
                return Ok(Written::Done);
            }
            // The application that it names is not there; the one that it named before is.
            WritesEnded::Refused(met) if met.iter().skip(own_count).any(|met| matches!(met, Some(None))) => {
                return Ok(Written::Conflict);
            }
            // The read before the next try shows why.
            WritesEnded::Refused(_) => {}
        }
    }
    Err(PortError::new(context, "it kept changing"))
}

/// `None` if the instance is deleted or was never there.
async fn before(table: &Table, id: InstanceId) -> Result<Option<Before>> {
    let rows = table.query("read an instance's rows", KeyQuery::of(key::mailbox(id))).await?;
    let (mut config, mut session, mut subscription): (Option<&Row>, _, _) = (None, 0, None);
    let mut resources = Vec::new();
    for row in &rows {
        match row.text("sk")? {
            key::CONFIG => config = Some(row),
            key::SESSION => session = row.number("version")?,
            key::SUBSCRIPTION if row.has("gone") => return Ok(None),
            key::SUBSCRIPTION => subscription = Some(subscriptions::read(row)?),
            _ => resources.push(StoredResource::read(row)?),
        }
    }
    let Some(config) = config else { return Ok(None) };
    Ok(Some(Before {
        instance: instance_rows::read(config)?,
        version: config.number("version")?,
        token: config.bytes("token")?.to_vec(),
        session,
        subscription: subscription.unwrap_or_default(),
        resources,
    }))
}

/// Whether the states and the session of a change follow on what is stored.
fn fits(before: &Before, change: &InstanceChange) -> bool {
    let follows = |stored: &StoredResource| {
        let new = change.put_states.iter().find(|state| state.resource == stored.name);
        new.is_none_or(|new| new.version == stored.version + 1)
    };
    before.resources.iter().all(follows)
        && change.session.as_ref().is_none_or(|new| new.version == before.session + 1)
}

async fn writes(table: &Table, before: &Before, change: &InstanceChange) -> Result<Vec<Write>> {
    let instance = &change.instance;
    let id = instance.id;
    let config = instance_rows::config(instance)?.and("token", bytes(before.token.clone()));
    let mut writes = vec![config.when("version = :before").with(":before", number(before.version))];
    for state in &change.put_states {
        writes.push(put_state(table, before, id, state).await?);
    }
    writes.extend(change.remove_resources.iter().filter_map(|name| remove(before, id, name)));
    let is_deleted = instance.deleted_at.is_some();
    if let Some(new) = change.session.as_ref().filter(|_| !is_deleted) {
        writes.push(session::put(id, new)?.when("version = :before").with(":before", number(before.session)));
    }
    writes.extend(match &change.subscription {
        _ if is_deleted => None,
        SubscriptionChange::Keep => None,
        SubscriptionChange::Suspend(reason) => {
            Some(subscriptions::suspend(id, &before.subscription, Some(reason)))
        }
        SubscriptionChange::Release => Some(subscriptions::open(id, &before.subscription)),
    });
    if is_deleted {
        writes.extend(deletion(before, id));
    }
    writes.extend(instance_rows::readdress(Some(&before.instance), instance));
    writes.extend(change.spends.as_ref().map(|key| sign_in_links::spend(key, id)));
    if let Some(entry) = &change.audit {
        writes.push(audit::put(entry)?);
    }
    Ok(writes)
}

async fn put_state(table: &Table, before: &Before, id: InstanceId, state: &ResourceState) -> Result<Write> {
    let packed = resources::pack(id, state)?;
    packed.store_parts(table, "store a large state").await?;
    let write = resources::write(id, state, packed, &[], &[]);
    Ok(match before.resources.iter().find(|stored| stored.name == state.resource) {
        None => write.when("attribute_not_exists(pk)"),
        Some(stored) => write.when("version = :before").with(":before", number(stored.version)),
    })
}

/// A resource with an empty outbox goes at once; another one with its last sequence.
fn remove(before: &Before, id: InstanceId, name: &str) -> Option<Write> {
    let stored = before.resources.iter().find(|stored| stored.name == name)?;
    Some(match stored.outbox.is_empty() {
        true => resources::remove(id, name).when("attribute_not_exists(outbox)"),
        false => resources::mark_removed(id, name).when("attribute_exists(outbox)"),
    })
}

/// The instance's token finds nothing any more, and its rows take nothing. It stays in its organization's list
/// until it is purged.
fn deletion(before: &Before, id: InstanceId) -> Vec<Write> {
    let mut keys = vec![Key::session(id), Key::subscription(id)];
    keys.extend(before.resources.iter().map(|stored| Key::resource(id, &stored.name)));
    let gone = |key| {
        let write = Write::update(key, "SET gone = :yes").with(":yes", text("yes"));
        // A row that went in between is not made again.
        write.when("attribute_exists(pk)")
    };
    let mut writes: Vec<Write> = keys.into_iter().map(gone).collect();
    if let Ok(hash) = before.token.as_slice().try_into() {
        writes.push(Write::delete(Key::token(hash)));
    }
    writes
}
