//! Instance rows: creation, look-up, change.

use super::SqliteStore;
use super::{
    applications, audit, fleet, living, log, resources, retention, session, sign_in_links, subscriptions,
};
use crate::sqlite::columns::{from_json, instance_id, to_json};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports;
use app::ports::{
    FleetPage, InstanceChange, Instances, LookupHash, NewInstance, Rows, SubscriptionChange, Written,
};
use async_trait::async_trait;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// Short rows of one read: some hundredths of a second.
const FLEET_COUNT_MAX: usize = 20_000;

pub(super) fn insert(conn: &Connection, new: &NewInstance) -> Result<Written> {
    let instance = &new.instance;
    if !applications::has_named(conn, instance)? {
        return Ok(Written::Gone);
    }
    if !sign_in_links::is_unspent(conn, new.spends.as_ref())? {
        return Ok(Written::Conflict);
    }
    let inserted = conn
        .prepare_cached(
            "INSERT INTO instances (id, organization_id, token_hash, version, deleted, document)
             VALUES (?1, ?2, ?3, ?4, 0, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute((
            instance.id.get(),
            instance.account.organization_id,
            &new.token_hash,
            instance.version,
            to_json(instance)?,
        ))?;
    if inserted == 0 {
        return Ok(Written::Conflict);
    }
    session::store(conn, instance.id, &new.session)?;
    subscriptions::insert(conn, instance.id)?;
    for state in &new.states {
        resources::store(conn, instance.id, state)?;
    }
    applications::recount(conn, None, instance)?;
    sign_in_links::spend(conn, new.spends.as_ref(), instance.id)?;
    audit::note(conn, &new.audit)?;
    Ok(Written::Done)
}

/// Also a deleted one.
pub(super) fn get(conn: &Connection, id: InstanceId) -> Result<Option<Instance>> {
    conn.prepare_cached("SELECT document, id FROM instances WHERE id = ?1")?
        .query_row([id.get()], document)
        .optional()
}

pub(super) fn by_token(conn: &Connection, token: &LookupHash) -> Result<Option<Instance>> {
    conn.prepare_cached("SELECT document, id FROM instances WHERE token_hash = ?1 AND deleted = 0")?
        .query_row([token], document)
        .optional()
}

pub(super) fn of_organization(
    conn: &Connection,
    organization_id: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Rows<Instance>> {
    let mut statement = conn.prepare_cached(
        "SELECT document, id FROM instances
         WHERE organization_id = ?1 AND id > ?2 AND deleted = 0 ORDER BY id",
    )?;
    let parameters = (organization_id, after.map_or(0, InstanceId::get));
    readable((&mut statement, parameters), limit, ("instances", 1), document)
}

/// As the index of the migration has it.
const OF_ADDRESS: &str = "SELECT id FROM instances
     WHERE organization_id = ?1 AND json_extract(document, '$.address_key') = ?2 AND id > ?3
         AND deleted = 0 AND json_valid(document)
     ORDER BY id LIMIT ?4";

fn ids_of_address(
    conn: &Connection,
    organization_id: u32,
    address: &AddressKey,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Vec<InstanceId>> {
    let after = after.map_or(0, InstanceId::get);
    conn.prepare_cached(OF_ADDRESS)?
        .query_map((organization_id, &address.0, after, limit), |row| Ok(instance_id(row.get(0)?)))?
        .collect()
}

/// Changes the row and what goes with it. Every condition is looked at before the first write.
pub(super) fn apply(conn: &Connection, change: &InstanceChange) -> Result<Written> {
    let instance = &change.instance;
    let Some(version) = living::version(conn, instance.id)? else { return Ok(Written::Gone) };
    if version + 1 != instance.version || !fits(conn, change)? {
        return Ok(Written::Conflict);
    }
    applications::recount(conn, get(conn, instance.id)?.as_ref(), instance)?;
    conn.prepare_cached("UPDATE instances SET version = ?2, deleted = ?3, document = ?4 WHERE id = ?1")?
        .execute((instance.id.get(), instance.version, instance.deleted_at.is_some(), to_json(instance)?))?;
    for state in &change.put_states {
        resources::store(conn, instance.id, state)?;
    }
    for resource in &change.remove_resources {
        resources::remove(conn, instance.id, resource)?;
    }
    if let Some(new) = &change.session {
        session::replace(conn, instance.id, new)?;
    }
    match &change.subscription {
        SubscriptionChange::Keep => {}
        SubscriptionChange::Suspend(reason) => subscriptions::suspend(conn, instance.id, reason)?,
        SubscriptionChange::Release => subscriptions::open(conn, instance.id)?,
    }
    sign_in_links::spend(conn, change.spends.as_ref(), instance.id)?;
    if let Some(entry) = &change.audit {
        audit::note(conn, entry)?;
    }
    Ok(Written::Done)
}

/// Takes the marks of what was to be seen to out of the row, unless it changed.
pub(super) fn note_settled(conn: &Connection, instance: &Instance) -> Result<Written> {
    let Some(version) = living::version(conn, instance.id)? else { return Ok(Written::Gone) };
    if version != instance.version {
        return Ok(Written::Conflict);
    }
    let settled = instance.settled();
    conn.prepare_cached("UPDATE instances SET document = ?2 WHERE id = ?1")?
        .execute((instance.id.get(), to_json(&settled)?))?;
    Ok(Written::Done)
}

/// Whether the states and the session of a change follow on what is stored, and what it names and spends is there.
fn fits(conn: &Connection, change: &InstanceChange) -> Result<bool> {
    let id = change.instance.id;
    if !applications::has_named(conn, &change.instance)?
        || !sign_in_links::is_unspent(conn, change.spends.as_ref())?
    {
        return Ok(false);
    }
    for state in &change.put_states {
        let stored = resources::version(conn, id, &state.resource)?;
        if stored.is_some_and(|stored| stored.version + 1 != state.version) {
            return Ok(false);
        }
    }
    let Some(new) = &change.session else { return Ok(true) };
    Ok(session::version(conn, id)?.is_none_or(|stored| stored + 1 == new.version))
}

fn document(row: &Row<'_>) -> Result<Instance> {
    let id: i64 = row.get(1)?;
    from_json(row.get_ref(0)?.as_str()?).of_row("instances", id)
}

#[async_trait]
impl Instances for SqliteStore {
    async fn insert_instance(&self, new: &NewInstance) -> ports::Result<Written> {
        let new = new.clone();
        self.db.write("store an instance", move |tx| insert(tx, &new)).await
    }

    async fn instance(&self, id: InstanceId) -> ports::Result<Option<Instance>> {
        self.db.glance("read an instance", move |conn| get(conn, id)).await
    }

    async fn instance_by_token(&self, token: &LookupHash) -> ports::Result<Option<Instance>> {
        let token = *token;
        self.db.glance("read an instance by token", move |conn| by_token(conn, &token)).await
    }

    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> ports::Result<Rows<Instance>> {
        let limit = limit.min(log::PAGE_COUNT_MAX);
        self.db.read("list instances", move |conn| of_organization(conn, organization_id, after, limit)).await
    }

    async fn ids_of_address(
        &self,
        organization_id: u32,
        address: &AddressKey,
        after: Option<InstanceId>,
        limit: usize,
    ) -> ports::Result<Vec<InstanceId>> {
        let (address, limit) = (address.clone(), limit.min(log::PAGE_COUNT_MAX));
        let find = move |conn: &Connection| ids_of_address(conn, organization_id, &address, after, limit);
        self.db.read("find instances by address", find).await
    }

    async fn fleet(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> ports::Result<FleetPage> {
        let limit = limit.min(FLEET_COUNT_MAX);
        self.db.read("list instances", move |conn| fleet::page(conn, organization_id, after, limit)).await
    }

    async fn change_instance(&self, change: &InstanceChange) -> ports::Result<Written> {
        let change = change.clone();
        self.db.write("change an instance", move |tx| apply(tx, &change)).await
    }

    async fn note_settled(&self, instance: &Instance) -> ports::Result<Written> {
        let instance = instance.clone();
        self.db.write("note that a change is settled", move |tx| note_settled(tx, &instance)).await
    }

    async fn purge_instance(&self, id: InstanceId, limit: usize) -> ports::Result<(u64, bool)> {
        let purge = move |tx: &Connection| retention::purge(tx, id, limit);
        let (dropped, is_more) = self.db.write("remove a deleted instance's rows", purge).await?;
        if !is_more {
            self.db.leases().forget(id);
            // Where a read prevents it, [`SqliteStore::retention`] does it soon.
            self.db.empty_log().await?;
        }
        Ok((dropped, is_more))
    }
}

#[cfg(test)]
mod tests {
    use super::OF_ADDRESS;
    use crate::sqlite::plan;

    #[test]
    fn an_address_is_one_look_in_its_index() {
        let [step] = plan(OF_ADDRESS).try_into().unwrap();
        assert!(step.starts_with("SEARCH instances USING INDEX instances_by_address"), "{step}");
    }
}
