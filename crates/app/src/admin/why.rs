//! Why a receiver was not sent something, for an operator: the answer of `/instances/{id}/explain` in words.

use crate::audit::By;
use crate::context::Context;
use crate::explain::{self, Explained};
use crate::ports::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use connectors::Sought;
use domain::explain::{Decision, Obstacle, ToldState};
use domain::ids::InstanceId;
use serde::Serialize;

/// What somebody misses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// The object, by the provider's id.
    Object(String),
    /// What has this subject.
    Subject(String),
    /// What came within five minutes of then.
    At(DateTime<Utc>),
}

/// What became of what is missed.
#[derive(Debug, Clone, Serialize)]
pub struct Reasons {
    /// One for each object of each resource. Empty: nothing that is polled can be looked for in this way.
    pub objects: Vec<Reason>,
    /// Why the provider was not asked, or did not answer.
    pub not_read: Option<String>,
}

/// What became of one object, or why nothing did.
#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    /// The polled resource.
    pub resource: String,
    /// The provider's id; `None` where nothing was found.
    pub object_id: Option<String>,
    /// The decision, in words.
    pub said: String,
    /// The newest notification of it.
    pub event_id: Option<String>,
    /// When it came, where the provider says it.
    pub arrived_at: Option<DateTime<Utc>>,
    /// When the last poll began that read everything.
    pub last_complete_poll_at: Option<DateTime<Utc>>,
}

/// `None` if there is no such instance. The audit record has that the operator asked.
pub(super) async fn why(app: &Context, id: InstanceId, missed: &Missed) -> Result<Option<Reasons>> {
    let found = app.ports.store.instance(id).await?;
    let Some(instance) = found.filter(|instance| instance.deleted_at.is_none()) else { return Ok(None) };
    let (sought, asked_about) = match missed {
        Missed::Object(id) => (Sought::Object(id.clone()), None),
        Missed::Subject(subject) => (Sought::Subject(subject.clone()), None),
        Missed::At(at) => (explain::around(*at), Some(*at)),
    };
    let by = By::administrator(app);
    let explained = explain::explain(app, &by, &instance, &sought, asked_about).await?;
    Ok(explained.map(|explanation| Reasons {
        objects: explanation.objects.into_iter().map(reason).collect(),
        not_read: explanation.not_read,
    }))
}

fn reason(one: Explained) -> Reason {
    Reason {
        said: words(&one),
        resource: one.resource,
        object_id: one.object_id,
        event_id: one.event_id,
        arrived_at: one.arrived_at,
        last_complete_poll_at: one.complete_at,
    }
}

fn words(one: &Explained) -> String {
    let since = |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| format!(" ({})", second(at)));
    match one.decision {
        Decision::Told(told) => of_told(told),
        Decision::Stopped(obstacle) => of_obstacle(obstacle),
        Decision::NoBaseline => "no poll has begun yet: the first position could not be taken".to_owned(),
        Decision::BeforeBaseline => {
            format!("it was there before polls began{}", since(one.baseline_at))
        }
        Decision::Draft => "it is a draft: drafts are reported when they are sent".to_owned(),
        Decision::OutsideConditions => "the configured conditions leave it out".to_owned(),
        Decision::WaitingForContent(at) => {
            format!("it was seen and could not be read; tried again at {}", second(at))
        }
        Decision::CameAndWent => "it came and went before it could be read".to_owned(),
        Decision::NotShown => "the provider does not show it".to_owned(),
        Decision::NotPolledYet => {
            format!("no poll has read since{}: the next one will report it", since(one.complete_at))
        }
        Decision::ShownLate => {
            "the provider did not show it to the last poll: the next one will report it".to_owned()
        }
        Decision::Forgotten => "it is older than what the log still holds".to_owned(),
    }
}

fn of_told(told: ToldState) -> String {
    match told {
        ToldState::Delivered(at) => format!("the callback took it at {}", second(at)),
        ToldState::Retrying(at) => {
            format!("the callback did not take it; tried again at {}", second(at))
        }
        ToldState::Sending => "it is on its way".to_owned(),
        ToldState::Queued => "it is queued: the callback is suspended, and waits for a release".to_owned(),
        ToldState::Dropped => "the instance was deleted before it went out".to_owned(),
        ToldState::Earlier => "it was reported, further back in the log".to_owned(),
    }
}

fn of_obstacle(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::Disabled => "the instance is disabled".to_owned(),
        Obstacle::EventsOff => "events are switched off".to_owned(),
        Obstacle::NeedsSignIn => "the mailbox's owner has to sign in again".to_owned(),
        Obstacle::BackingOff(until) => {
            format!("the provider refused, and is left alone until {}", second(until))
        }
    }
}

fn second(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
