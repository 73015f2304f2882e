//! Notifications as their callbacks had them: one by its number, and the newest of topics.

use super::answer::{Answered, PagedList};
use super::answers::delivery as answers;
use super::auth::Caller;
use super::error::ApiError;
use super::log::Filter;
use super::paging::{PAGE_BYTES_MAX, answer_bytes};
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, Search};
use crate::ports::Notification;
use crate::unreadable::PassedOver;
use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Duration};
use domain::envelope::iso_seconds;
use domain::ids::InstanceId;
use domain::instance::Instance;
use serde_json::Value;
use std::sync::Arc;

/// Notifications of topics in one answer.
const NOTIFICATIONS_COUNT_MAX: usize = 200;
/// Topics of one request: each is a walk along an instance's log.
const TOPICS_COUNT_MAX: usize = 20;
/// Notifications read at once; each may have some hundred kB.
pub(super) const READ_COUNT: usize = 50;
/// Lines of the log that are looked at for a number that leads to none of them: numbers are not in order.
const LOOKS_COUNT_MAX: usize = 200_000;
/// The same, seconds: the caller waits, and gateways wait for half a minute.
const LOOKS_S: i64 = 15;
/// Pages of the newest that are looked through: what only the log shows is among them, and is not shown here.
const PAGES_COUNT_MAX: usize = 40;

/// A notification by its number, as its callback had it.
pub(super) async fn one(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(number): Path<String>,
    params: Params,
) -> Answered<Json<answers::Notification>> {
    let (_, notification) = numbered(&app, &caller, &number, &params).await?;
    Ok(Json(of_body(&notification)))
}

/// The newest notifications of topics, as their callbacks had them.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<answers::Notification>> {
    if params.text("topics").is_none() {
        return Err(ApiError::rule("topics[]", "is required"));
    }
    if params.texts("topics").count() > TOPICS_COUNT_MAX {
        return Err(ApiError::rule("topics[]", &format!("has more than {TOPICS_COUNT_MAX} topics")));
    }
    let mut ids: Vec<InstanceId> = Vec::new();
    for id in params.texts("topics").filter_map(instance_of) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut newest = Newest::default();
    for id in ids {
        let instance = newest.passed.readable(caller.sight().instance(&app, id).await)?;
        if instance.flatten().is_some() {
            newest.read(&app, id).await?;
        }
    }
    Ok(PagedList::new(newest.shown, NOTIFICATIONS_COUNT_MAX, None).lacking(newest.passed.count))
}

/// `instance-17-gmail-events`.
fn instance_of(topic: &str) -> Option<InstanceId> {
    InstanceId::parse(topic.strip_prefix("instance-")?.split('-').next()?)
}

/// What is shown, as much as goes into an answer.
#[derive(Default)]
struct Newest {
    shown: Vec<answers::Notification>,
    bytes: usize,
    is_full: bool,
    passed: PassedOver,
}

impl Newest {
    async fn read(&mut self, app: &Context, id: InstanceId) -> Result<(), ApiError> {
        let mut before = None;
        for _ in 0..PAGES_COUNT_MAX {
            if self.is_full {
                break;
            }
            let read = event_log::of_instance(app, id, before, None, READ_COUNT).await;
            let Some(read) = self.passed.readable(read)? else { break };
            before = read.end.map(|end| end.sequence);
            self.passed.count += read.unreadable_count;
            read.notifications.iter().filter(|one| !one.events.is_empty()).for_each(|one| self.show(one));
            if read.is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    fn show(&mut self, notification: &Notification) {
        let bytes = answer_bytes(&notification.body, 1);
        let is_too_long = !self.shown.is_empty() && self.bytes + bytes > PAGE_BYTES_MAX;
        self.is_full = self.is_full || is_too_long || self.shown.len() == NOTIFICATIONS_COUNT_MAX;
        if !self.is_full {
            self.bytes += bytes;
            self.shown.push(of_body(notification));
        }
    }
}

pub(super) fn of_body(notification: &Notification) -> answers::Notification {
    let mut body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    body["id"] = notification.name.id.into();
    body["createdDate"] = iso_seconds(notification.created_at).into();
    answers::Notification(body)
}

/// The notification of this number. Where its number does not lead to it, all that is kept is walked through, or from a
/// time to another where the request says so; that it is not there is said only where everything was looked at.
pub(super) async fn numbered(
    app: &Context,
    caller: &Caller,
    number: &str,
    params: &Params,
) -> Result<(Instance, Notification), ApiError> {
    let missing = || ApiError::not_found("notification");
    let number: u64 = number.parse().map_err(|_| missing())?;
    let filter = Filter::of(params)?;
    let now = app.now();
    let range =
        (filter.from.unwrap_or(DateTime::UNIX_EPOCH), filter.to.unwrap_or(now + Duration::minutes(1)));
    let limits = (LOOKS_COUNT_MAX, now + Duration::seconds(LOOKS_S));
    match event_log::numbered(app, caller.sight(), number, range, limits).await? {
        Search::Found(found) => Ok(*found),
        Search::NotThere => Err(missing()),
        Search::Stopped { looked_count } => {
            let looked = format!("the newest {looked_count} notifications: say `from` and `to`");
            Err(ApiError::too_much("number", &looked))
        }
    }
}
