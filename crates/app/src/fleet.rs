//! All instances that a caller sees, each with its health: what lists by status and counts are made of.

use crate::context::Context;
use crate::instances;
use crate::kept_fleet::KeptStretch;
use crate::ports::{FleetPage, FleetRow, Mailbox, Result};
use crate::sight::Sight;
use crate::unreadable::{PassedOver, readable};
use chrono::{DateTime, Utc};
use domain::health::{self, Health, Pulse, Pulses, Vitals};
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};
use std::sync::Arc;

/// Instances that one request is about; whoever has more goes on with the token of the page.
pub(crate) const FLEET_COUNT_MAX: usize = 10_000;

/// Instances of one mailbox that are read at once; a client or two use a mailbox, so that this is a limit and no page.
const ADDRESSED_COUNT_MAX: usize = 200;

/// A stretch of a fleet.
pub(crate) struct Fleet {
    /// By id.
    pub(crate) rows: Vec<(FleetRow, Health)>,
    /// The last one looked at, if there may be more behind it.
    pub(crate) cut_at: Option<InstanceId>,
    /// Those looked at, seen by the caller or not.
    pub(crate) looked_count: usize,
    /// Those of them, or of what stands behind, that can't be read.
    pub(crate) unreadable_count: usize,
}

/// The instances behind `after` that the caller sees, with their health now. At most `limit` are looked at, or as many
/// as the host reads at once.
pub(crate) async fn read(
    app: &Context,
    sight: Sight<'_>,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Fleet> {
    let (after, limit) = place(sight, after, limit);
    let page = app.ports.store.fleet(sight.account.organization_id, after, limit).await?;
    Ok(seen(app, sight, page))
}

/// The same of those whose mailbox has this address: a few, so that each is read by itself.
pub(crate) async fn of_address(
    app: &Context,
    sight: Sight<'_>,
    address: &AddressKey,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<Fleet> {
    let organization_id = sight.account.organization_id;
    let limit = limit.min(ADDRESSED_COUNT_MAX);
    let ids = app.ports.store.ids_of_address(organization_id, address, after, limit).await?;
    let (looked_count, last) = (ids.len(), ids.last().copied());
    let (mut rows, mut passed) = (Vec::new(), PassedOver::default());
    for id in ids {
        let instance = passed.readable(sight.instance(app, id).await)?.flatten();
        let Some(instance) = instance.filter(|one| one.address_key.as_ref() == Some(address)) else {
            continue;
        };
        let one = Sight { account: sight.account, only: Some(&instance) };
        let found = read(app, one, None, 1).await?;
        rows.extend(found.rows);
        passed.count += found.unreadable_count;
    }
    let cut_at = last.filter(|_| looked_count == limit);
    Ok(Fleet { rows, cut_at, looked_count, unreadable_count: passed.count })
}

/// The same for a count, and when it was read, if that was before: a stretch of a fleet that takes several is kept for a
/// minute.
pub(crate) async fn read_lately(
    app: &Context,
    sight: Sight<'_>,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<(Fleet, Option<DateTime<Utc>>)> {
    let place = (sight.account.organization_id, after);
    if sight.only.is_some() {
        return Ok((read(app, sight, after, limit).await?, None));
    }
    if let Some(kept) = app.kept_fleet.get(place, app.now()) {
        return Ok((seen(app, sight, FleetPage::clone(&kept.page)), Some(kept.read_at)));
    }
    let read_at = app.now();
    let page = app.ports.store.fleet(place.0, after, limit).await?;
    if !page.is_cut && after.is_none() {
        return Ok((seen(app, sight, page), None));
    }
    let stretch = KeptStretch { page: Arc::new(page.clone()), read_at };
    app.kept_fleet.put(place, stretch, app.now());
    Ok((seen(app, sight, page), Some(read_at)))
}

/// Of the one instance that is seen, or of all.
fn place(sight: Sight<'_>, after: Option<InstanceId>, limit: usize) -> (Option<InstanceId>, usize) {
    match sight.only {
        Some(own) => (after.max(own.id.before()), 1),
        None => (after, limit),
    }
}

/// What the caller sees of a stretch, as it is now.
fn seen(app: &Context, sight: Sight<'_>, page: FleetPage) -> Fleet {
    let account = sight.account;
    let looked_count = page.rows.len();
    let mut rows = page.rows;
    let cut_at = rows.last().map(|last| last.id).filter(|_| page.is_cut && sight.only.is_none());
    let is_only = |id| sight.only.is_none_or(|own| own.id == id);
    rows.retain(|row| is_only(row.id) && (!account.sees_own_only || row.account_id == account.account_id));
    // Of one that was found nothing is missing: what was met behind it is another's.
    let unreadable_count = if sight.only.is_some() && !rows.is_empty() { 0 } else { page.unreadable_count };
    let now = app.now();
    let rows = rows.into_iter().map(|mut row| {
        refresh(app, row.id, &mut row.vitals);
        let health = row.vitals.health(app.config.heartbeat, now);
        (row, health)
    });
    Fleet { rows: rows.collect(), cut_at, looked_count, unreadable_count }
}

/// Those of these ids that the caller sees, and the ids of the others. What waits is not counted.
pub(crate) async fn named(
    app: &Context,
    sight: Sight<'_>,
    ids: &[InstanceId],
) -> Result<(Vec<FleetRow>, Vec<InstanceId>)> {
    let (mut rows, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        let mailbox = readable(instances::mailbox(app, *id).await)?.flatten();
        let Some(mailbox) = mailbox.filter(|mailbox| sight.sees(&mailbox.instance)) else {
            unknown.push(*id);
            continue;
        };
        let (vitals, _) = vitals(app, &mailbox);
        let application = mailbox.instance.application().map(str::to_owned);
        let Instance { id, account, connector, name, tags, .. } = mailbox.instance;
        let account_id = account.account_id;
        rows.push(FleetRow { id, account_id, connector, name, tags, application, vitals, waiting_count: 0 });
    }
    Ok((rows, unknown))
}

/// The vitals of one mailbox, and of each resource, as this process knows them.
pub(crate) fn vitals(app: &Context, mailbox: &Mailbox) -> (Vitals, Vec<Pulse>) {
    let states = mailbox.resources.iter().filter(|row| !row.removed).map(|row| &row.state);
    let mut pulses = health::pulses(states.clone());
    for pulse in &mut pulses {
        let known = app.last_reads.get(mailbox.instance.id, &pulse.resource);
        pulse.last_success_at = pulse.last_success_at.max(known);
    }
    let vitals = Vitals::of(&mailbox.instance, mailbox.subscription.status, states);
    (Vitals { pulses: Pulses::of(&pulses), ..vitals }, pulses)
}

/// An idle poll stores nothing, so the rows alone are up to a heartbeat behind.
pub(crate) fn refresh(app: &Context, id: InstanceId, vitals: &mut Vitals) {
    if let Some(at) = app.last_reads.all_since(id, vitals.pulses.count) {
        vitals.pulses = vitals.pulses.read_since(at);
    }
}
