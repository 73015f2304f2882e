//! Why something was not sent.

use super::answer::Answered;
use super::answers::explanation::{DecisionName, ExplainedObject, Explanation};
use super::answers::moment::Moment;
use super::auth::Own;
use super::body::Body;
use super::error::ApiError;
use super::requests::explain::ExplainRequest;
use crate::context::Context;
use crate::explain::{self, Explained};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use connectors::Sought;
use domain::explain::{Decision, Obstacle, ToldState};
use std::sync::Arc;

/// Whoever may read the mailbox through the instance may ask; the answer has ids, times and decisions alone.
pub(super) async fn one(
    State(app): State<Arc<Context>>,
    own: Own,
    Body(asked): Body<ExplainRequest>,
) -> Answered<Json<Explanation>> {
    let at = asked.at;
    let sought = sought(asked)?;
    let explained = explain::explain(&app, &own.caller.by, &own.instance, &sought, at).await?;
    let explained = explained.ok_or_else(ApiError::no_instance)?;
    Ok(Json(Explanation {
        basis: "today's configuration".to_owned(),
        objects: explained.objects.into_iter().map(shown).collect(),
        not_read: explained.not_read,
    }))
}

fn sought(asked: ExplainRequest) -> Answered<Sought> {
    let by_text = asked.object_id.map(Sought::Object).or(asked.subject.map(Sought::Subject));
    by_text
        .or(asked.at.map(explain::around))
        .ok_or_else(|| ApiError::bad("one of `objectId`, `subject` and `at` must be given"))
}

fn shown(one: Explained) -> ExplainedObject {
    let (decision, at) = named(&one);
    ExplainedObject {
        object_type: one.resource,
        object_id: one.object_id,
        decision,
        at: at.map(Moment::of),
        arrived_at: one.arrived_at.map(Moment::of),
        last_complete_poll: one.complete_at.map(Moment::of),
        event_id: one.event_id,
    }
}

fn named(one: &Explained) -> (DecisionName, Option<DateTime<Utc>>) {
    use DecisionName as Name;
    match one.decision {
        Decision::Told(ToldState::Delivered(at)) => (Name::Delivered, Some(at)),
        Decision::Told(ToldState::Retrying(at)) => (Name::Retrying, Some(at)),
        Decision::Told(ToldState::Sending) => (Name::Sending, None),
        Decision::Told(ToldState::Queued) => (Name::Queued, None),
        Decision::Told(ToldState::Dropped) => (Name::Dropped, None),
        Decision::Told(ToldState::Earlier) => (Name::ReportedEarlier, None),
        Decision::Stopped(Obstacle::Disabled) => (Name::Disabled, None),
        Decision::Stopped(Obstacle::EventsOff) => (Name::EventsOff, None),
        Decision::Stopped(Obstacle::NeedsSignIn) => (Name::NeedsSignIn, None),
        Decision::Stopped(Obstacle::BackingOff(until)) => (Name::BackingOff, Some(until)),
        Decision::NoBaseline => (Name::NoBaseline, None),
        Decision::BeforeBaseline => (Name::BeforeBaseline, one.baseline_at),
        Decision::Draft => (Name::Draft, None),
        Decision::OutsideConditions => (Name::OutsideConditions, None),
        Decision::WaitingForContent(at) => (Name::WaitingForContent, Some(at)),
        Decision::CameAndWent => (Name::CameAndWent, None),
        Decision::NotShown => (Name::NotShown, None),
        Decision::NotPolledYet => (Name::NotPolledYet, None),
        Decision::ShownLate => (Name::ShownLate, None),
        Decision::Forgotten => (Name::Forgotten, None),
    }
}
