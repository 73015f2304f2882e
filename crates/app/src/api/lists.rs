//! Lists of instances: all, of a connector, by tag or name, those whose polls stopped; and how many there are.

use super::answer::{Answer, Answered, PagedList, PagedRecord, Paging};
use super::answers::instance::{self as answers, ElementCount, InstanceCount, StoppedInstance};
use super::answers::resource::PollerRecord;
use super::auth::Caller;
use super::error::ApiError;
use super::fleet::{self, InstanceFilter};
use super::instances::shown;
use super::paging::{ListPosition, PageRequest};
use super::query::Params;
use super::wire;
use crate::context::Context;
use crate::instances::{self, LOOKS_COUNT_MAX, READS_COUNT_MAX, Walk};
use crate::ports::{Mailbox, PortError};
use crate::unreadable::PassedOver;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::health::FAILURES_COUNT_MIN;
use domain::ids::InstanceId;
use domain::instance::{Instance, Validity};
use domain::state::frozen_after;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Instances counted in one request.
const COUNTED_COUNT_MAX: usize = 10_000;

/// The instance of the Element token, or a page of all.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum OwnOrAll {
    Own(Box<answers::Instance>),
    All(Vec<answers::Instance>),
}

/// [`OwnOrAll`], with the headers of a page where it is one.
pub(super) enum OwnOrPage {
    Own(Box<answers::Instance>),
    All(PagedList<answers::Instance>),
}

impl IntoResponse for OwnOrPage {
    fn into_response(self) -> Response {
        match self {
            OwnOrPage::Own(instance) => Json(OwnOrAll::Own(instance)).into_response(),
            OwnOrPage::All(page) => {
                let (headers, records) = page.parts();
                (headers, Json(OwnOrAll::All(records))).into_response()
            }
        }
    }
}

impl Answer for OwnOrPage {
    const PAGE: Paging = Paging::Sometimes;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<OwnOrAll>())
    }
}

/// With an Element token its own instance, else a page of all.
pub(super) async fn list_or_own(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<OwnOrPage> {
    match &caller.element {
        Some(instance) => {
            let Json(own) = shown(&app, instance.id).await?;
            Ok(OwnOrPage::Own(Box::new(own)))
        }
        None => Ok(OwnOrPage::All(listed(&app, &caller, &params, None).await?)),
    }
}

/// Those of a connector: always a list, whatever the caller shows. A token alone reaches its own instance.
pub(super) async fn list_of(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(element): Path<String>,
    params: Params,
) -> Answered<PagedList<answers::Instance>> {
    let connector = app.connector(&element).ok_or_else(|| ApiError::not_found("connector"))?;
    let key = connector.descriptor().key;
    match caller.only() {
        Some(own) if own.connector != key => Err(ApiError::no_instance()),
        _ => listed(&app, &caller, &params, Some(key)).await,
    }
}

async fn listed(
    app: &Context,
    caller: &Caller,
    params: &Params,
    connector: Option<&'static str>,
) -> Answered<PagedList<answers::Instance>> {
    let page = PageRequest::of(params)?;
    let wanted = InstanceFilter::of(app, caller, params, connector)?;
    if let Some(list) = fleet::listed(app, caller, params, &wanted).await? {
        return Ok(list);
    }
    let is_hydrated = params.text("hydrate").is_none() || params.flag("hydrate")?;
    let (found, next, mut passed) = take(app, caller, &page, |instance| wanted.takes(instance)).await?;
    let is_whole = next.is_none() && page.after.is_none() && passed.count == 0;
    if found.is_empty() && is_whole && wanted.is_search() {
        return Err(ApiError::not_found("instance: nothing matches the search"));
    }
    let mut shown = Vec::new();
    for instance in &found {
        let listing = passed.readable(wire::listed(app, instance, is_hydrated))?;
        shown.extend(listing.map(answers::Instance::from));
    }
    Ok(PagedList::new(shown, page.size, next.map(|id| id.get().into())).lacking(passed.count))
}

/// A page of the caller's instances that are wanted, the last one looked at if there may be more behind it, and how many
/// can't be read.
async fn take(
    app: &Context,
    caller: &Caller,
    page: &PageRequest,
    is_wanted: impl Fn(&Instance) -> bool,
) -> Result<(Vec<Instance>, Option<InstanceId>, PassedOver), ApiError> {
    let mut walk = Walk::new(app, caller.sight(), page.after_instance()?, LOOKS_COUNT_MAX);
    let mut found: Vec<Instance> = Vec::new();
    while let Some(instance) = walk.next().await? {
        if !is_wanted(&instance) {
            continue;
        }
        // One more than asked for: there is a next page.
        if found.len() == page.size {
            let last = found.last().map(|last| last.id);
            return Ok((found, last, walk.passed));
        }
        found.push(instance);
    }
    Ok((found, walk.stopped_at(), walk.passed))
}

/// How many there are, of each connector. Whoever has more than are looked at adds pages up.
pub(super) async fn count(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedRecord<InstanceCount>> {
    let page = PageRequest::of(&params)?;
    let mut walk = Walk::new(&app, caller.sight(), page.after_instance()?, COUNTED_COUNT_MAX);
    let mut counts = BTreeMap::<String, u64>::new();
    while let Some(instance) = walk.next().await? {
        *counts.entry(instance.connector).or_default() += 1;
    }
    let connectors = app.connectors.iter().map(|connector| connector.descriptor());
    let by_connector: Vec<ElementCount> = connectors
        .map(|one| {
            let count = counts.get(one.key).copied().unwrap_or(0);
            ElementCount { element_id: one.id, element_key: one.key, total_instances: count }
        })
        .collect();
    let total: u64 = counts.values().sum();
    let next = walk.stopped_at().map(|id| id.get().into());
    let count = by_connector.len();
    let record = InstanceCount { total_instances: total, element_instances: by_connector };
    Ok(PagedRecord { record, count, size: page.size, next, unreadable_count: walk.passed.count })
}

/// Instances whose polls stopped, wholly or in a resource, each with the reasons. Those that did not stop are passed
/// over, so that none hides behind them.
pub(super) async fn polling_disabled(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<StoppedInstance>> {
    let page = PageRequest::of(&params)?;
    let mut walk = Walk::new(&app, caller.sight(), page.after_instance()?, READS_COUNT_MAX);
    let mut stopped: Vec<(InstanceId, StoppedInstance)> = Vec::new();
    let mut next = None;
    while let Some(instance) = walk.next().await? {
        let mailbox = instances::mailbox(&app, instance.id).await;
        let Some(mailbox) = walk.passed.readable(mailbox)?.flatten() else { continue };
        let stop = walk.passed.readable(stop_of(&app, &mailbox))?.flatten();
        let Some(stop) = stop else { continue };
        if stopped.len() == page.size {
            next = stopped.last().map(|(id, _)| *id);
            break;
        }
        stopped.push((instance.id, stop));
    }
    let next = next.or_else(|| walk.stopped_at()).map(|id| id.get().into());
    let stopped = stopped.into_iter().map(|(_, stop)| stop).collect();
    Ok(PagedList::new(stopped, page.size, next).lacking(walk.passed.count))
}

fn stop_of(app: &Context, mailbox: &Mailbox) -> Result<Option<StoppedInstance>, PortError> {
    let instance = &mailbox.instance;
    let (_, settings) = instances::understood(app, instance)?;
    let now = app.now();
    let frozen_after = frozen_after(settings.interval_min * 60, app.config.heartbeat);
    let is_stopped = |row: &&crate::ports::ResourceRow| {
        row.state.is_frozen(frozen_after, now) || row.state.failures >= FAILURES_COUNT_MIN
    };
    let polled = mailbox.resources.iter().filter(|row| wire::is_polled(row, &settings));
    let stopped: Vec<PollerRecord> =
        polled.filter(is_stopped).map(|row| wire::poller_record(app, mailbox, row, &settings)).collect();
    let reason = match &instance.validity {
        Validity::NeedsSignIn(reason) => Some(reason.clone()),
        Validity::Valid if instance.disabled => Some("the instance is disabled".to_owned()),
        Validity::Valid if !settings.events_enabled || stopped.is_empty() => return Ok(None),
        Validity::Valid => instance.application_error.clone().or_else(|| stopped.first().map(why)),
    };
    Ok(Some(StoppedInstance { listing: wire::listed(app, instance, false)?, reason, resources: stopped }))
}

/// Why the first resource that stopped did, where the whole instance has no reason.
fn why(record: &PollerRecord) -> String {
    let name = &record.object_type;
    match &record.resource.error {
        Some(error) => format!("`{name}` can't be read: {error}"),
        None => format!("`{name}` has not been read for a long time"),
    }
}

/// One record for each polled resource of the instance, or of all of the caller's.
pub(super) async fn poller_records(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<PollerRecord>> {
    let page = PageRequest::of(&params)?;
    let wanted = InstanceFilter::of(&app, &caller, &params, None)?;
    let place = page.place()?;
    let mut walk = Walk::new(&app, caller.sight(), place.and_then(ListPosition::walked), READS_COUNT_MAX);
    if let Some(own) = &caller.element {
        walk = walk.over(Some(own.clone()));
    }
    let mut records = Vec::new();
    let mut next = None;
    while let Some(instance) = walk.next().await? {
        if caller.element.is_none() && !wanted.takes(&instance) {
            continue;
        }
        let mailbox = instances::mailbox(&app, instance.id).await;
        let Some(mailbox) = walk.passed.readable(mailbox)?.flatten() else { continue };
        let understood = instances::understood(&app, &mailbox.instance);
        let Some((_, settings)) = walk.passed.readable(understood)? else { continue };
        let polled = mailbox.resources.iter().filter(|row| wire::is_polled(row, &settings));
        let shown = polled.map(|row| wire::poller_record(&app, &mailbox, row, &settings));
        let behind = place.filter(|place| place.instance == instance.id).map_or(0, |place| place.behind);
        let shown: Vec<PollerRecord> = shown.skip(usize::try_from(behind).unwrap_or(usize::MAX)).collect();
        let room = page.size - records.len();
        let is_more = shown.len() > room;
        records.extend(shown.into_iter().take(room));
        if is_more {
            next = Some(ListPosition { instance: instance.id, behind: behind + room as u64 });
            break;
        }
    }
    let next = next.or_else(|| walk.stopped_at().and_then(ListPosition::after)).map(ListPosition::token);
    Ok(PagedList::new(records, page.size, next).lacking(walk.passed.count))
}
