//! One action on many instances: asking what it would be about, beginning it, and how far it is.

use super::answer::{Accepted, Answered, PagedList};
use super::answers::bulk::{Bulk, BulkPreview, BulkUnit, reasons, remarks};
use super::auth::{Caller, Platform};
use super::body::Body;
use super::error::ApiError;
use super::fleet::InstanceFilter;
use super::paging::{PageRequest, foreign};
use super::query::Params;
use super::requests::bulk::BulkRequest;
use crate::bulk::{self, BulkOrder, BulkSelection, NotBegun};
use crate::context::Context;
use crate::fleet::{self, FLEET_COUNT_MAX};
use axum::Json;
use axum::extract::{Path, State};
use chrono::Duration;
use domain::bulk::{BulkId, INSTANCES_COUNT_MAX};
use std::sync::Arc;

/// Until then instances are looked for, seconds from the beginning: a client waits, and a function has half a minute.
const SELECTION_S: i64 = 15;

pub(super) async fn preview(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(wanted): Body<BulkRequest>,
) -> Answered<Json<BulkPreview>> {
    let selection = selection(&app, &caller, &wanted).await?;
    let action = wanted.action(app.now())?;
    let plan = bulk::preview(&app, &caller.account, &action, &selection).await?;
    Ok(Json(BulkPreview {
        action: action.text(),
        unit: BulkUnit::of(&action),
        selected: plan.selected,
        instances: plan.targets.len(),
        affected: plan.affected(),
        reasons: reasons(&plan.tally),
        notes: remarks(&plan.tally),
    }))
}

pub(super) async fn begin(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(wanted): Body<BulkRequest>,
) -> Answered<Accepted<Bulk>> {
    let selection = selection(&app, &caller, &wanted).await?;
    let order = BulkOrder {
        by: caller.by,
        account: caller.account,
        action: wanted.action(app.now())?,
        selection,
        expected: wanted.expected,
    };
    match bulk::begin(&app, order).await {
        Ok(bulk) => Ok(Accepted(bulk.into())),
        Err(NotBegun::Refused(refusal)) => Err(refusal.into()),
        Err(NotBegun::TooMany(count)) => Err(ApiError::conflict(format!(
            "the organization already has {count} running: wait for one to end"
        ))),
        Err(NotBegun::Unexpected(count)) => {
            Err(ApiError::conflict(format!("`expected`: {count} instances match by now; nothing was done")))
        }
    }
}

async fn selection(app: &Context, caller: &Caller, wanted: &BulkRequest) -> Answered<BulkSelection> {
    let given = wanted.given.clone();
    if let Some(ids) = &wanted.ids {
        let (rows, unknown) = fleet::named(app, caller.sight(), ids).await?;
        return Ok(BulkSelection { given, rows, unknown });
    }
    let pairs = wanted.filter.iter().flatten();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let filter = InstanceFilter::of(app, caller, &Params::parse(&query)?, None)?;
    let until = app.now() + Duration::seconds(SELECTION_S);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let stretch = filter.stretch(app, caller.sight(), after, FLEET_COUNT_MAX).await?;
        rows.extend(stretch.rows.into_iter().filter(|row| filter.takes_row(row)).map(|(row, _)| row));
        after = stretch.cut_at;
        // More than may be is refused by whoever counts.
        if after.is_none() || rows.len() > INSTANCES_COUNT_MAX {
            return Ok(BulkSelection { given, rows, unknown: Vec::new() });
        }
        if app.now() >= until {
            let rule = "could not be held against all instances in time: name them by their ids";
            return Err(ApiError::rule("filter", rule));
        }
    }
}

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    params: Params,
) -> Answered<PagedList<Bulk>> {
    let page = PageRequest::of(&params)?;
    let before = page.after.as_ref().map(|after| after.as_str().and_then(BulkId::parse).ok_or_else(foreign));
    let (found, next) = bulk::list(&app, &caller.account, before.transpose()?, page.size).await?;
    let next = next.map(|id| id.to_string().into());
    let bulks = found.rows.into_iter().map(Bulk::from).collect();
    Ok(PagedList::new(bulks, page.size, next).lacking(found.unreadable_count))
}

pub(super) async fn read(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(id): Path<String>,
) -> Answered<Json<Bulk>> {
    let id = BulkId::parse(&id).ok_or_else(missing)?;
    let found = bulk::read(&app, &caller.account, id).await?;
    found.map(|bulk| Json(bulk.into())).ok_or_else(missing)
}

/// What was done stays; what is under way comes to its end.
pub(super) async fn cancel(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(id): Path<String>,
) -> Answered<Json<Bulk>> {
    let id = BulkId::parse(&id).ok_or_else(missing)?;
    let found = bulk::cancel(&app, &caller.by, &caller.account, id).await?;
    found.map(|bulk| Json(bulk.into())).ok_or_else(missing)
}

fn missing() -> ApiError {
    ApiError::not_found("bulk action")
}
