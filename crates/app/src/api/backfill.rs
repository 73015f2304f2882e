//! Reading a window of the past again: asking for it, and how far it is.

use super::answer::{Accepted, Answered};
use super::answers::backfill::{self as answers, BackfillPreview, PreviewedResource, ResourceBackfill};
use super::answers::moment::Moment;
use super::auth::Own;
use super::body::Body;
use super::error::ApiError;
use super::requests::backfill::BackfillRequest;
use crate::backfill_preview;
use crate::context::Context;
use crate::instances;
use crate::instances::{BackfillOrder, begin_backfill};
use crate::ports::ResourceRow;
use axum::Json;
use axum::extract::{RawPathParams, State};
use domain::backfill::{Backfill, Status};
use domain::ids::InstanceId;
use std::sync::Arc;

pub(super) async fn begin(
    State(app): State<Arc<Context>>,
    own: Own,
    Body(asked): Body<BackfillRequest>,
) -> Answered<Accepted<answers::Backfill>> {
    let to = asked.to.unwrap_or_else(|| app.now());
    let wanted = BackfillOrder { from: asked.from, to, resources: asked.resources };
    let id = own.instance.id;
    let backfill_id = begin_backfill(&app, id, &own.caller.by, &wanted).await?;
    let shown = rows(&app, id).await?.into_iter().find(|(known, _)| *known == backfill_id);
    let rows = shown.map(|(_, rows)| rows).unwrap_or_default();
    Ok(Accepted(told(id, &backfill_id, &rows)))
}

/// How much it would be about.
pub(super) async fn preview(
    State(app): State<Arc<Context>>,
    own: Own,
    Body(asked): Body<BackfillRequest>,
) -> Answered<Json<BackfillPreview>> {
    let to = asked.to.unwrap_or_else(|| app.now());
    let wanted = BackfillOrder { from: asked.from, to, resources: asked.resources };
    let counted = backfill_preview::preview(&app, own.instance.id, &wanted).await?;
    let shown = counted.into_iter().map(|one| {
        let told = PreviewedResource {
            records: one.records_count,
            reported: one.reported_count,
            at_least: one.is_cut,
            not_read: one.not_read,
        };
        (one.resource, told)
    });
    let (from, to) = (Moment::of(wanted.from), Moment::of(wanted.to));
    Ok(Json(BackfillPreview { from, to, resources: shown.collect() }))
}

/// All that are kept: of each resource the last one that was asked for, for two days at least.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    own: Own,
) -> Answered<Json<Vec<answers::Backfill>>> {
    let id = own.instance.id;
    let all = rows(&app, id).await?;
    Ok(Json(all.iter().map(|(backfill_id, rows)| told(id, backfill_id, rows)).collect()))
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
) -> Answered<Json<answers::Backfill>> {
    let wanted =
        path.iter().find(|(name, _)| *name == "backfill").map(|(_, value)| value).unwrap_or_default();
    let all = rows(&app, own.instance.id).await?;
    let found = all.iter().find(|(known, _)| known == wanted);
    let (backfill_id, rows) = found.ok_or_else(|| ApiError::not_found("backfill"))?;
    Ok(Json(told(own.instance.id, backfill_id, rows)))
}

/// The rows of each backfill, by its id.
async fn rows(
    app: &Context,
    id: InstanceId,
) -> Result<Vec<(String, Vec<(Backfill, ResourceRow)>)>, ApiError> {
    let mailbox = instances::mailbox(app, id).await?.ok_or_else(ApiError::no_instance)?;
    let mut all: Vec<(String, Vec<(Backfill, ResourceRow)>)> = Vec::new();
    for row in mailbox.resources.into_iter().filter(|row| !row.removed) {
        let Some(backfill) = Backfill::of(&row.state) else { continue };
        match all.iter_mut().find(|(known, _)| *known == backfill.id) {
            Some((_, rows)) => rows.push((backfill, row)),
            None => all.push((backfill.id.clone(), vec![(backfill, row)])),
        }
    }
    Ok(all)
}

fn told(id: InstanceId, backfill_id: &str, rows: &[(Backfill, ResourceRow)]) -> answers::Backfill {
    let is_any = |status: Status| rows.iter().any(|(backfill, row)| backfill.status(&row.state) == status);
    let status = [Status::Running, Status::Failed].into_iter().find(|status| is_any(*status));
    let resource = |(backfill, row): &(Backfill, ResourceRow)| {
        let told = ResourceBackfill {
            status: backfill.status(&row.state).into(),
            from: Moment::of(backfill.from),
            to: Moment::of(backfill.to),
            changes: backfill.changes_count,
            events: backfill.events_count,
            error: row.state.last_error.clone(),
            retry_at: row.state.backoff_until.map(Moment::of),
        };
        (backfill.resource.clone(), told)
    };
    answers::Backfill {
        id: backfill_id.to_owned(),
        instance_id: id.get(),
        status: status.unwrap_or(Status::Done).into(),
        requested_date: rows.first().map(|(backfill, _)| Moment::of(backfill.requested_at)),
        resources: rows.iter().map(resource).collect(),
    }
}
