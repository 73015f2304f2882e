//! Lists and counts of instances by what they are and how they are: from short rows, whatever their number.

use super::answer::{Answered, PagedList, PagedRecord};
use super::answers::instance::{self as answers, ApplicationCount, FleetCounts, TagCount, Waiting};
use super::answers::moment::Moment;
use super::auth::Caller;
use super::error::ApiError;
use super::paging::{PageRequest, foreign};
use super::query::Params;
use super::{health, wire};
use crate::context::Context;
use crate::fleet::{self, FLEET_COUNT_MAX, Fleet};
use crate::instances::{self, mailbox_address};
use crate::ports::FleetRow;
use crate::sight::Sight;
use crate::unreadable::PassedOver;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::delivery::SubscriptionStatus;
use domain::health::Health;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Tags, and applications, that counts name; each instance may have some of its own.
const NAMES_COUNT_MAX: usize = 100;
/// What a token of a list by last success begins with, so that no other list takes it for its own.
const BY_SUCCESS: &str = "lastSuccess";

/// The first stretch that is read for a page is as long as the page; what few instances have is looked for in stretches
/// that grow by this.
const STRETCH_GROWTH: usize = 10;

/// Which instances a list is about.
pub(super) struct InstanceFilter {
    connector: Option<String>,
    application: Option<String>,
    tags: Vec<String>,
    search: Option<String>,
    /// What the mailbox's address is found by.
    address: Option<AddressKey>,
    /// Any, if it is empty.
    health: Vec<Health>,
    /// Only those that something waits for, or that take nothing.
    is_waiting: bool,
}

impl InstanceFilter {
    pub(super) fn of(
        app: &Context,
        caller: &Caller,
        params: &Params,
        connector: Option<&str>,
    ) -> Answered<Self> {
        let connector = match (connector, params.text("connector")) {
            (Some(key), _) => Some(key),
            (None, Some(asked)) => {
                let known = app.connector(asked).map(|connector| connector.descriptor().key);
                Some(known.ok_or_else(|| ApiError::rule("connector", "is not a connector's key or id"))?)
            }
            (None, None) => None,
        };
        let health = params.texts("status").flat_map(|text| text.split(',')).map(|text| {
            let known = || Health::ALL.map(Health::text).join(", ");
            let wanted = Health::parse(text.trim());
            wanted.ok_or_else(|| ApiError::rule("status", &format!("must be of {}", known())))
        });
        let organization_id = caller.account.organization_id;
        let address = params.text("mailbox").map(|text| {
            let key = mailbox_address::key(app, organization_id, text);
            key.ok_or_else(|| ApiError::rule("mailbox", "must be a whole address, as ada@example.com"))
        });
        Ok(InstanceFilter {
            connector: connector.map(str::to_owned),
            application: params.text("application").map(str::to_owned),
            tags: params.texts("tags").map(str::to_owned).collect(),
            search: params.text("searchText").map(str::to_lowercase),
            address: address.transpose()?,
            health: health.collect::<Answered<_>>()?,
            is_waiting: params.flag("waiting")?,
        })
    }

    /// It asks for what may not be there.
    pub(super) fn is_search(&self) -> bool {
        self.search.is_some() || !self.tags.is_empty()
    }

    pub(super) fn takes(&self, instance: &Instance) -> bool {
        self.is_like(&instance.connector, &instance.name, &instance.tags)
            && self.names(instance.application())
            && (self.address.is_none() || self.address == instance.address_key)
    }

    /// A stretch of the caller's instances that has all that are wanted of it, and perhaps others.
    pub(super) async fn stretch(
        &self,
        app: &Context,
        sight: Sight<'_>,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Answered<Fleet> {
        Ok(match &self.address {
            Some(address) => fleet::of_address(app, sight, address, after, limit).await?,
            None => fleet::read(app, sight, after, limit).await?,
        })
    }

    pub(super) fn takes_row(&self, (row, health): &(FleetRow, Health)) -> bool {
        (self.health.is_empty() || self.health.contains(health))
            && (!self.is_waiting || waits(row))
            && self.is_like(&row.connector, &row.name, &row.tags)
            && self.names(row.application.as_deref())
    }

    fn names(&self, application: Option<&str>) -> bool {
        self.application.is_none() || self.application.as_deref() == application
    }

    /// What it asks for stands in the short rows alone, or is found sooner in them.
    fn is_of_rows(&self) -> bool {
        !self.health.is_empty() || self.is_waiting || self.application.is_some() || self.address.is_some()
    }

    fn is_like(&self, connector: &str, name: &str, tags: &[String]) -> bool {
        self.connector.as_ref().is_none_or(|key| key == connector)
            && self.tags.iter().all(|tag| tags.contains(tag))
            && self.search.as_ref().is_none_or(|text| name.to_lowercase().contains(text))
    }
}

/// Something waits to be delivered, or what comes will: nothing comes of an instance that is switched off.
fn waits(row: &FleetRow) -> bool {
    let holds_back = row.vitals.callback != SubscriptionStatus::Active && !row.vitals.is_disabled;
    row.waiting_count > 0 || holds_back
}

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    ById,
    /// Least recently read first, and before them those that never were.
    ByLastSuccess,
}

/// A list that the short rows are needed for, if it is one.
pub(super) async fn listed(
    app: &Context,
    caller: &Caller,
    params: &Params,
    wanted: &InstanceFilter,
) -> Answered<Option<PagedList<answers::Instance>>> {
    let order = match params.text("orderBy") {
        None => Order::ById,
        Some(BY_SUCCESS) => Order::ByLastSuccess,
        Some(_) => return Err(ApiError::rule("orderBy", "must be lastSuccess")),
    };
    let with_health = params.flag("withHealth")?;
    if order == Order::ById && !wanted.is_of_rows() && !with_health {
        return Ok(None);
    }
    let page = PageRequest::of(params)?;
    let is_hydrated = params.text("hydrate").is_none() || params.flag("hydrate")?;
    let PageRows { rows, next, unreadable_count } = match order {
        Order::ById => by_id(app, caller, wanted, &page).await?,
        Order::ByLastSuccess => by_last_success(app, caller, wanted, &page).await?,
    };
    let (mut records, mut passed) = (Vec::new(), PassedOver { count: unreadable_count });
    for (id, waiting_count) in rows {
        // One that was deleted in between is not listed.
        let mailbox = passed.readable(instances::mailbox(app, id).await)?;
        let Some(mailbox) = mailbox.flatten() else { continue };
        let understood = instances::understood(app, &mailbox.instance);
        let Some((_, settings)) = passed.readable(understood)? else { continue };
        let listing = wire::listed(app, &mailbox.instance, is_hydrated)?;
        let health = Some(health::of(app, &mailbox, &settings));
        let waiting = Some(Waiting::of(waiting_count));
        let subscription = Some(wire::callback_state(&mailbox));
        records.push(answers::Instance { health, waiting, subscription, ..listing.into() });
    }
    let is_whole = next.is_none() && page.after.is_none() && passed.count == 0;
    if records.is_empty() && is_whole && wanted.is_search() {
        return Err(ApiError::not_found("instance: nothing matches the search"));
    }
    Ok(Some(PagedList::new(records, page.size, next).lacking(passed.count)))
}

/// What a page is made of.
struct PageRows {
    /// Its instances, each with how much waits for it.
    rows: Vec<(InstanceId, u32)>,
    /// Where the next page goes on.
    next: Option<Value>,
    unreadable_count: usize,
}

async fn by_id(
    app: &Context,
    caller: &Caller,
    wanted: &InstanceFilter,
    page: &PageRequest,
) -> Answered<PageRows> {
    let (mut rows, mut after) = (Vec::new(), page.after_instance()?);
    let (mut looked_count, mut unreadable_count, mut limit) = (0, 0, page.size + 1);
    loop {
        let fleet = wanted.stretch(app, caller.sight(), after, limit).await?;
        unreadable_count += fleet.unreadable_count;
        let wanted = fleet.rows.iter().filter(|row| wanted.takes_row(row));
        rows.extend(wanted.map(|(row, _)| (row.id, row.waiting_count)));
        if rows.len() > page.size {
            // One more than asked for: there is a next page.
            rows.truncate(page.size);
            let next = rows.last().map(|(id, _): &(InstanceId, u32)| id.get().into());
            return Ok(PageRows { rows, next, unreadable_count });
        }
        looked_count += fleet.looked_count;
        let is_enough = looked_count >= FLEET_COUNT_MAX || fleet.looked_count < limit;
        if fleet.cut_at.is_none() || is_enough {
            let next = fleet.cut_at.map(|id| id.get().into());
            return Ok(PageRows { rows, next, unreadable_count });
        }
        after = fleet.cut_at;
        limit = (limit * STRETCH_GROWTH).min(FLEET_COUNT_MAX - looked_count);
    }
}

/// What a list by last success is ordered by.
type SuccessKey = (Option<DateTime<Utc>>, InstanceId);

async fn by_last_success(
    app: &Context,
    caller: &Caller,
    wanted: &InstanceFilter,
    page: &PageRequest,
) -> Answered<PageRows> {
    let after = page.after.as_ref().map(|token| success_key(token).ok_or_else(foreign)).transpose()?;
    let fleet = wanted.stretch(app, caller.sight(), None, FLEET_COUNT_MAX).await?;
    if fleet.cut_at.is_some() {
        let bound = format!(
            "orders as many instances as one request reads, at most {FLEET_COUNT_MAX}; there are more"
        );
        return Err(ApiError::rule("orderBy", &bound));
    }
    let mut keys: Vec<(SuccessKey, u32)> = fleet
        .rows
        .iter()
        .filter(|row| wanted.takes_row(row))
        .map(|(row, _)| ((row.vitals.read_until(), row.id), row.waiting_count))
        .filter(|(key, _)| after.is_none_or(|after| *key > after))
        .collect();
    keys.sort_unstable();
    let is_more = keys.len() > page.size;
    keys.truncate(page.size);
    let next = keys
        .last()
        .filter(|_| is_more)
        .map(|((at, id), _)| json!([BY_SUCCESS, at.map(|at| at.timestamp_micros()), id.get()]));
    let rows = keys.into_iter().map(|((_, id), waiting)| (id, waiting)).collect();
    Ok(PageRows { rows, next, unreadable_count: fleet.unreadable_count })
}

fn success_key(token: &Value) -> Option<SuccessKey> {
    let [name, at, id] = token.as_array()?.as_slice() else { return None };
    let at = match at {
        Value::Null => None,
        at => Some(DateTime::from_timestamp_micros(at.as_i64()?)?),
    };
    (name == BY_SUCCESS).then_some((at, InstanceId::parse(&id.as_u64()?.to_string())?))
}

/// How many there are by status, connector, tag and application. Whoever has more than one request counts adds pages up.
pub(super) async fn counts(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedRecord<FleetCounts>> {
    let page = PageRequest::of(&params)?;
    let wanted = InstanceFilter::of(&app, &caller, &params, None)?;
    let after = page.after_instance()?;
    let (fleet, counted_at) = match &wanted.address {
        Some(_) => (wanted.stretch(&app, caller.sight(), after, FLEET_COUNT_MAX).await?, None),
        None => fleet::read_lately(&app, caller.sight(), after, FLEET_COUNT_MAX).await?,
    };
    let (mut by_status, mut by_connector) = (BTreeMap::new(), BTreeMap::new());
    let (mut by_tag, mut by_application) = (HashMap::new(), HashMap::new());
    let (mut total, mut need_somebody, mut suspended_callbacks) = (0, 0, 0);
    let (mut queued, mut on_the_way) = (Waiting::of(0), Waiting::of(0));
    for (row, health) in fleet.rows.iter().filter(|row| wanted.takes_row(row)) {
        total += 1;
        need_somebody += u64::from(health.needs_somebody());
        let is_suspended = row.vitals.callback == SubscriptionStatus::Suspended;
        suspended_callbacks += u64::from(is_suspended && !row.vitals.is_disabled);
        match row.vitals.callback {
            SubscriptionStatus::Active => on_the_way.add(row.waiting_count),
            SubscriptionStatus::Suspended | SubscriptionStatus::Releasing => queued.add(row.waiting_count),
        }
        *by_status.entry(health.text()).or_insert(0) += 1;
        *by_connector.entry(row.connector.clone()).or_insert(0) += 1;
        row.tags.iter().for_each(|tag| *by_tag.entry(tag.as_str()).or_insert(0) += 1);
        row.application.iter().for_each(|name| *by_application.entry(name.as_str()).or_insert(0) += 1);
    }
    let (by_tag, other_tags) = most_frequent(by_tag);
    let by_tag = by_tag.into_iter().map(|(tag, count)| TagCount { tag, count }).collect();
    let (by_application, other_applications) = most_frequent(by_application);
    let by_application =
        by_application.into_iter().map(|(application, count)| ApplicationCount { application, count });
    let record = FleetCounts {
        total,
        need_somebody,
        suspended_callbacks,
        by_status,
        by_connector,
        by_tag,
        other_tags,
        by_application: by_application.collect(),
        other_applications,
        queued,
        on_the_way,
        counted_at: counted_at.map(Moment::of),
    };
    let count = record.by_status.len();
    let next = fleet.cut_at.map(|id| id.get().into());
    Ok(PagedRecord { record, count, size: page.size, next, unreadable_count: fleet.unreadable_count })
}

/// The most frequent names, and how many there are beside them.
fn most_frequent(counts: HashMap<&str, u64>) -> (Vec<(String, u64)>, u64) {
    let mut all: Vec<(&str, u64)> = counts.into_iter().collect();
    all.sort_unstable_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let others = all.len().saturating_sub(NAMES_COUNT_MAX) as u64;
    let named = all.into_iter().take(NAMES_COUNT_MAX);
    (named.map(|(name, count)| (name.to_owned(), count)).collect(), others)
}
