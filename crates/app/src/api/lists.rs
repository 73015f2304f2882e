//! Lists of instances: all, of a connector, by tag or name, those whose polls stopped; and how many there are.

use super::auth::Caller;
use super::error::ApiError;
use super::instances::shown;
use super::paging::{self, Page};
use super::query::Params;
use super::wire;
use crate::app::App;
use crate::ports::Mailbox;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::ids::InstanceId;
use domain::instance::{Instance, Validity};
use serde_json::{Value, json};

/// Instances looked at for one page at the most; the token of a page goes on where the look ended.
const LOOKS_COUNT_MAX: usize = 2_000;
/// Instances read from the store at once.
const READ_COUNT: usize = 200;
/// Failures in a row from which a poller counts as stopped, although it goes on trying: some minutes.
const FAILURES_COUNT_MIN: u32 = 10;

/// Which instances a list is about.
struct Wanted<'a> {
    connector: Option<&'static str>,
    tags: Vec<&'a str>,
    search: Option<String>,
}

impl<'a> Wanted<'a> {
    fn of(params: &'a Params, connector: Option<&'static str>) -> Self {
        Wanted {
            connector,
            tags: params.texts("tags").collect(),
            search: params.text("searchText").map(str::to_lowercase),
        }
    }

    fn is_search(&self) -> bool {
        self.search.is_some() || !self.tags.is_empty()
    }

    fn takes(&self, instance: &Instance) -> bool {
        self.connector.is_none_or(|key| instance.connector == key)
            && self.tags.iter().all(|tag| instance.tags.iter().any(|own| own == tag))
            && self.search.as_ref().is_none_or(|text| instance.name.to_lowercase().contains(text))
    }
}

/// With an Element token its own instance, else a page of all.
pub(super) async fn list_or_own(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, ApiError> {
    match &caller.element {
        Some(instance) => Ok(shown(&app, instance.id).await?.into_response()),
        None => listed(&app, &caller, &params, None).await,
    }
}

pub(super) async fn list_of(
    State(app): State<App>,
    caller: Caller,
    Path(element): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let connector = app.0.connector(&element).ok_or_else(|| ApiError::not_found("connector"))?;
    listed(&app, &caller, &params, Some(connector.descriptor().key)).await
}

async fn listed(
    app: &App,
    caller: &Caller,
    params: &Params,
    connector: Option<&'static str>,
) -> Result<Response, ApiError> {
    let page = Page::of(params)?;
    let wanted = Wanted::of(params, connector);
    let is_hydrated = params.text("hydrate").is_none() || params.flag("hydrate")?;
    let (found, next) = take(app, caller, &page, |instance| wanted.takes(instance)).await?;
    if found.is_empty() && next.is_none() && page.after.is_none() && wanted.is_search() {
        return Err(ApiError::not_found("instance: nothing matches the search"));
    }
    let shown = found.iter().map(|instance| wire::listed(app, instance, is_hydrated));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    Ok((headers(&page, shown.len(), next), Json(shown)).into_response())
}

fn headers(page: &Page, returned: usize, next: Option<InstanceId>) -> HeaderMap {
    paging::headers(returned, None, page.size, next.map(|id| id.get().into()))
}

/// A page of the caller's instances that are wanted, and the last one looked at if there may be more behind it.
async fn take(
    app: &App,
    caller: &Caller,
    page: &Page,
    is_wanted: impl Fn(&Instance) -> bool,
) -> Result<(Vec<Instance>, Option<InstanceId>), ApiError> {
    let mut after = page.after_number()?.and_then(|after| InstanceId::parse(&after.to_string()));
    let mut found = Vec::new();
    for _ in 0..LOOKS_COUNT_MAX / READ_COUNT {
        let organization_id = caller.account.organization_id;
        let read = app.0.ports.store.instances(organization_id, after, READ_COUNT).await?;
        let is_last = read.len() < READ_COUNT;
        for instance in read {
            after = Some(instance.id);
            if caller.owns(&instance) && is_wanted(&instance) {
                found.push(instance);
            }
            if found.len() == page.size {
                return Ok((found, after));
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, after))
}

/// All of the caller's instances, for what is about all of them.
pub(super) async fn all(app: &App, caller: &Caller) -> Result<Vec<Instance>, ApiError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let organization_id = caller.account.organization_id;
        let read = app.0.ports.store.instances(organization_id, after, READ_COUNT).await?;
        let is_last = read.len() < READ_COUNT;
        after = read.last().map(|last| last.id);
        found.extend(read.into_iter().filter(|instance| caller.owns(instance)));
        if is_last {
            return Ok(found);
        }
    }
}

pub(super) async fn count(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let all = all(&app, &caller).await?;
    let of = |key: &str| all.iter().filter(|instance| instance.connector == key).count();
    let connectors = app.0.connectors.iter().map(|connector| connector.descriptor());
    let by_connector: Vec<Value> = connectors
        .map(|one| json!({ "elementId": one.id, "elementKey": one.key, "totalInstances": of(one.key) }))
        .collect();
    Ok(Json(json!({ "totalInstances": all.len(), "elementInstances": by_connector })))
}

/// Instances whose polls stopped, wholly or in a resource, each with the reasons.
pub(super) async fn polling_disabled(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, ApiError> {
    let page = Page::of(&params)?;
    let (found, next) = take(&app, &caller, &page, |_| true).await?;
    let mut stopped = Vec::new();
    for instance in found {
        let mailbox = app.0.ports.store.mailbox(instance.id).await?;
        stopped.extend(mailbox.map(|mailbox| stop_of(&app, &mailbox)).transpose()?.flatten());
    }
    Ok((headers(&page, stopped.len(), next), Json(stopped)).into_response())
}

fn stop_of(app: &App, mailbox: &Mailbox) -> Result<Option<Value>, ApiError> {
    let instance = &mailbox.instance;
    let (_, settings) = app.0.understood(instance)?;
    let now = app.0.now();
    let is_stopped = |row: &&crate::ports::ResourceRow| {
        row.state.is_frozen(settings.interval_min * 60, now) || row.state.failures >= FAILURES_COUNT_MIN
    };
    let polled = mailbox.resources.iter().filter(|row| wire::is_polled(row, &settings));
    let stopped: Vec<Value> =
        polled.filter(is_stopped).map(|row| wire::poller_record(app, mailbox, row, &settings)).collect();
    let reason = match &instance.validity {
        Validity::NeedsSignIn(reason) => Some(reason.clone()),
        Validity::Valid if instance.disabled => Some("the instance is disabled".to_owned()),
        Validity::Valid if !settings.events_enabled || stopped.is_empty() => return Ok(None),
        Validity::Valid => instance.application_error.clone().or_else(|| stopped.first().map(why)),
    };
    let mut value = wire::listed(app, instance, false)?;
    value["reason"] = reason.into();
    value["resources"] = stopped.into();
    Ok(Some(value))
}

/// Why the first resource that stopped did, where the whole instance has no reason.
fn why(record: &Value) -> String {
    let name = record["objectType"].as_str().unwrap_or_default();
    match record["error"].as_str() {
        Some(error) => format!("`{name}` can't be read: {error}"),
        None => format!("`{name}` has not been read for a long time"),
    }
}

/// One record for each polled resource of the instance, or of all of the caller's.
pub(super) async fn poller_records(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, ApiError> {
    let page = Page::of(&params)?;
    let wanted = Wanted::of(&params, None);
    let (found, next) = match &caller.element {
        Some(own) => (vec![own.clone()], None),
        None => take(&app, &caller, &page, |instance| wanted.takes(instance)).await?,
    };
    let mut records = Vec::new();
    for instance in found {
        let Some(mailbox) = app.0.ports.store.mailbox(instance.id).await? else { continue };
        let (_, settings) = app.0.understood(&mailbox.instance)?;
        let polled = mailbox.resources.iter().filter(|row| wire::is_polled(row, &settings));
        records.extend(polled.map(|row| wire::poller_record(&app, &mailbox, row, &settings)));
    }
    Ok((headers(&page, records.len(), next), Json(records)).into_response())
}
