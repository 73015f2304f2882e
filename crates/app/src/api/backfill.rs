//! Reading a window of the past again: asking for it, and how far it is.

use super::auth::Own;
use super::body;
use super::error::ApiError;
use super::query::time;
use crate::context::Context;
use crate::instances;
use crate::instances::{Wanted, begin_backfill};
use crate::ports::ResourceRow;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::backfill::{Backfill, Status};
use domain::envelope::iso_seconds;
use domain::ids::InstanceId;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Resources that one request names.
const RESOURCES_COUNT_MAX: usize = 20;

pub(super) async fn begin(
    State(app): State<Arc<Context>>,
    own: Own,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let object = body::object(&bytes)?;
    let at = |name: &str| body::text(&object, name)?.map(|text| time(name, &text)).transpose();
    let wanted = Wanted {
        from: at("from")?.ok_or_else(|| ApiError::rule("from", "is required"))?,
        to: at("to")?.unwrap_or_else(|| app.now()),
        resources: resources(&object)?,
    };
    let id = own.instance.id;
    let backfill_id = begin_backfill(&app, id, &own.caller.by, &wanted).await?;
    let shown = rows(&app, id).await?.into_iter().find(|(known, _)| *known == backfill_id);
    let shown = shown.map(|(_, rows)| told(id, &backfill_id, &rows)).unwrap_or_default();
    Ok((StatusCode::ACCEPTED, Json(shown)).into_response())
}

fn resources(object: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let rule =
        || ApiError::rule("resources", &format!("must be a list of at most {RESOURCES_COUNT_MAX} names"));
    let names = match object.get("resources") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(names)) if names.len() <= RESOURCES_COUNT_MAX => names,
        Some(_) => return Err(rule()),
    };
    let mut names: Vec<String> =
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(rule)?;
    names.sort();
    names.dedup();
    Ok(names)
}

/// All that are kept: of each resource the last one that was asked for, for two days at least.
pub(super) async fn list(State(app): State<Arc<Context>>, own: Own) -> Result<Json<Value>, ApiError> {
    let id = own.instance.id;
    let all = rows(&app, id).await?;
    Ok(Json(all.iter().map(|(backfill_id, rows)| told(id, backfill_id, rows)).collect()))
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
) -> Result<Json<Value>, ApiError> {
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

fn told(id: InstanceId, backfill_id: &str, rows: &[(Backfill, ResourceRow)]) -> Value {
    let is_any = |status: Status| rows.iter().any(|(backfill, row)| backfill.status(&row.state) == status);
    let status = [Status::Running, Status::Failed].into_iter().find(|status| is_any(*status));
    let resources: Map<String, Value> = rows
        .iter()
        .map(|(backfill, row)| {
            let told = json!({
                "status": backfill.status(&row.state),
                "from": iso_seconds(backfill.from),
                "to": iso_seconds(backfill.to),
                "changes": backfill.changes_count,
                "events": backfill.events_count,
                "error": row.state.last_error,
                "retryAt": row.state.backoff_until.map(iso_seconds),
            });
            (backfill.resource.clone(), told)
        })
        .collect();
    json!({
        "id": backfill_id,
        "instanceId": id.get(),
        "status": status.unwrap_or(Status::Done),
        "requestedDate": rows.first().map(|(backfill, _)| iso_seconds(backfill.requested_at)),
        "resources": resources,
    })
}
