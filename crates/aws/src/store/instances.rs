//! Instances: creation, look-up, lists, and what a deletion leaves.

use super::DynamoStore;
use super::key::{self, Key};
use super::row::{Row, bytes, json, number};
use super::table::{KeyQuery, Write, WritesEnded};
use super::{
    applications, audit, change, fleet, instance_rows, notifications, resources, session, sign_in_links,
    staged, subscriptions,
};
use crate::fault::TooMuch;
use app::ports::{
    FleetPage, InstanceChange, Instances, LookupHash, NewInstance, PortError, Result, Rows, Written,
};
use app::unreadable::readable;
use async_trait::async_trait;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};

/// Maximum instances of one page.
const PAGE_COUNT_MAX: usize = 1000;
/// Reads that fill one page: a hundred thousand consecutive instances that are deleted and not purged yet are more than
/// an organization leaves.
const LOOKS_COUNT_MAX: usize = 100;

#[async_trait]
impl Instances for DynamoStore {
    async fn insert_instance(&self, new: &NewInstance) -> Result<Written> {
        let table = &self.table;
        let instance = &new.instance;
        let id = instance.id;
        let organization = instance.account.organization_id;
        let mut writes = vec![
            instance_rows::config(instance)?
                .and("token", bytes(new.token_hash.to_vec()))
                .when("attribute_not_exists(pk)"),
            Write::put(&Key::token(&new.token_hash), [("instance", number(id))])
                .when("attribute_not_exists(pk)"),
            Write::put(&Key::listed_instance(organization, id), [("instance", number(id))]),
            session::put(id, &new.session)?,
            Write::put(&Key::subscription(id), subscriptions::active()),
            audit::put(&new.audit)?,
        ];
        for state in &new.states {
            let packed = resources::pack(id, state)?;
            packed.store_parts(table, "store a large state").await?;
            writes.push(resources::write(id, state, packed, &[], &[]));
        }
        writes.extend(instance_rows::readdress(None, instance));
        writes.extend(new.spends.as_ref().map(|key| sign_in_links::spend(key, id)));
        let others_count = writes.len();
        writes.extend(applications::recount(None, instance));
        Ok(match table.transact("store an instance", writes).await? {
            WritesEnded::Done => Written::Done,
            // The id is free, and the application that it names is not there.
            WritesEnded::Refused(met) if met.iter().take(others_count).all(Option::is_none) => Written::Gone,
            WritesEnded::Refused(_) => Written::Conflict,
        })
    }

    async fn instance(&self, id: InstanceId) -> Result<Option<Instance>> {
        instance_rows::get(&self.table, id).await
    }

    async fn instance_by_token(&self, token: &LookupHash) -> Result<Option<Instance>> {
        let table = &self.table;
        let Some(row) = table.get("read an instance by token", &Key::token(token)).await? else {
            return Ok(None);
        };
        let instance = instance_rows::get(table, instance_rows::instance_id(&row)?).await?;
        Ok(instance.filter(|instance| instance.deleted_at.is_none()))
    }

    // The living ones of a page. Deleted ones stay in the list until they are purged, so a page is filled from the
    // next until it is full.
    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Rows<Instance>> {
        let table = &self.table;
        let organization = organization_id;
        let limit = limit.min(PAGE_COUNT_MAX);
        let mut living = Rows::default();
        if limit == 0 {
            return Ok(living);
        }
        let (mut after, mut look) = (after, limit);
        for _ in 0..LOOKS_COUNT_MAX {
            let ids = instance_rows::listed(table, organization, after, look).await?;
            let is_last = ids.len() < look;
            after = ids.last().copied();
            let keys: Vec<Key> = ids.iter().map(|id| Key::config(*id)).collect();
            let found = table.get_many("list instances", &keys).await?;
            for row in keys.iter().filter_map(|key| found.get(key)) {
                living.add(readable(instance_rows::read(row))?);
            }
            living.rows.retain(|instance: &Instance| instance.deleted_at.is_none());
            if is_last || living.rows.len() >= limit {
                living.rows.truncate(limit);
                return Ok(living);
            }
            // Some were deleted, perhaps many in a row.
            look = PAGE_COUNT_MAX;
        }
        Err(PortError::new("list instances", TooMuch))
    }

    async fn ids_of_address(
        &self,
        organization_id: u32,
        address: &AddressKey,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<InstanceId>> {
        let limit = limit.min(PAGE_COUNT_MAX);
        match limit {
            0 => Ok(Vec::new()),
            _ => instance_rows::of_address(&self.table, organization_id, address, after, limit).await,
        }
    }

    async fn fleet(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<FleetPage> {
        fleet::page(self, organization_id, after, limit).await
    }

    async fn change_instance(&self, change: &InstanceChange) -> Result<Written> {
        change::change(&self.table, change).await
    }

    // Takes the marks of what was to be seen to out of the row, unless it changed: one version has one document, but for
    // these marks.
    async fn note_settled(&self, instance: &Instance) -> Result<Written> {
        let table = &self.table;
        let settled = instance.settled();
        let write = Write::update(Key::config(instance.id), "SET doc = :doc")
            .when("version = :version")
            .with(":doc", json(&settled)?)
            .with(":version", number(instance.version));
        Ok(match table.write("note that a change is settled", write).await? {
            Ok(()) => Written::Done,
            Err(Some(_)) => Written::Conflict,
            Err(None) => Written::Gone,
        })
    }

    // Deletes of a deleted instance at most `limit` notifications; with the last of them, all else. How many were
    // undelivered, and whether rows are left.
    async fn purge_instance(&self, id: InstanceId, limit: usize) -> Result<(u64, bool)> {
        let table = &self.table;
        let Some(instance) =
            instance_rows::get(table, id).await?.filter(|instance| instance.deleted_at.is_some())
        else {
            return Ok((0, false));
        };
        let context = "remove a deleted instance's rows";
        let rows = notifications::standings(table, id, limit).await?;
        let keys = rows.iter().map(Key::of).collect::<Result<Vec<_>>>()?;
        let shown = staged::visible(table, id, rows.clone()).await?;
        let is_undelivered = |row: &&Row| row.has("pending") || staged::is_staged(row);
        let undelivered = shown.iter().filter(is_undelivered).count() as u64;
        table.delete_many(context, &keys).await?;
        if rows.len() == limit {
            return Ok((undelivered, true));
        }
        for partition in [key::parts(id), key::mailbox(id)] {
            let page = KeyQuery { only: Some("pk, sk"), ..KeyQuery::of(partition) };
            let rows = table.query(context, page).await?;
            let keys = rows.iter().map(Key::of).collect::<Result<Vec<_>>>()?;
            // The instance itself goes last: until then a repeated purge knows that there is something to do.
            let rest: Vec<Key> = keys.into_iter().filter(|key| key.sk != key::CONFIG).collect();
            table.delete_many(context, &rest).await?;
        }
        let last = [Key::listed_instance(instance.account.organization_id, id), Key::config(id)];
        for key in last {
            // Without a condition nothing is refused.
            let _ = table.write(context, Write::delete(key)).await?;
        }
        Ok((undelivered, false))
    }
}
