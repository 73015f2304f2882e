//! Testing a callback.

use super::answer::Answered;
use super::answers::test_event::TestedCallback;
use super::auth::{Caller, Platform};
use super::body::Body;
use super::error::ApiError;
use super::requests::test_event::TestEventRequest;
use crate::context::Context;
use crate::instances::{self, NotTested, TestTarget};
use crate::sight::is_seen_by;
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn send(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(asked): Body<TestEventRequest>,
) -> Answered<Json<TestedCallback>> {
    let target = match asked {
        TestEventRequest { instance_id: Some(id), .. } => stored(&app, &caller, id).await?,
        TestEventRequest { configuration, .. } => TestTarget::Given(configuration.unwrap_or_default()),
    };
    let tested = instances::send_test(&app, &caller.by, caller.account, target).await;
    let tested = tested.map_err(|error| match error {
        NotTested::Refused(refusal) => refusal.into(),
        NotTested::TooMany(wait_s) => {
            ApiError::too_many("too many tests of the organization in a minute", Some(wait_s))
        }
    })?;
    Ok(Json(TestedCallback {
        event_id: tested.event_id,
        taken: tested.status.is_some_and(|status| (200..300).contains(&status)),
        status: tested.status,
        error: tested.error,
        duration_milliseconds: tested.took_ms,
        signed: tested.is_signed,
    }))
}

async fn stored(app: &Context, caller: &Caller, id: domain::ids::InstanceId) -> Answered<TestTarget> {
    let mailbox = instances::mailbox(app, id).await?;
    let instance = mailbox.map(|mailbox| mailbox.instance).filter(|one| is_seen_by(&caller.account, one));
    Ok(TestTarget::Stored(Box::new(instance.ok_or_else(ApiError::no_instance)?)))
}
