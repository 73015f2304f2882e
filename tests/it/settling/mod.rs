//! What a change of an instance implies is seen to without anybody: whoever made it may die, the scheduler may fail, jobs
//! may get lost or come late.

mod deaths;
mod leaving;
mod outages;
mod overtaken;
mod releases;

use crate::world::{GMAIL_USER, World, gmail_body};
use app::admin::{Check, Finding, Mode, Others};
use app::ports::{Administration as _, EventLog as _, LogPage};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// A promised job, and what follows from it.
const SETTLED_AFTER_MIN: i64 = 5;

/// What an operator would find, if they looked now.
async fn findings(world: &World) -> Vec<Finding> {
    let mut all = Vec::new();
    let check = Check { mode: Mode::Show, others: Others::Stopped };
    let tell = &mut |found: app::admin::FindingReport| all.push(found.finding);
    world.app.check(&world.administration(), check, tell).await.unwrap();
    all
}

/// The instance polls by itself, and tells what it finds.
async fn assert_polled(world: &World, context: &str) {
    world.receiver.take();
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(31)).await;
    let arrived = world.arrived();
    assert!(arrived.contains(&("CREATED".to_owned(), mail)), "{context}: not polled");
}

async fn schedule_is_on(world: &World, id: InstanceId) -> Option<bool> {
    Some(world.administration().schedule(id).await.unwrap()?.is_enabled)
}

/// How many instances, schedules and secrets there are.
async fn counts(world: &World) -> (u64, u64, u64) {
    let check = Check { mode: Mode::Show, others: Others::Stopped };
    let checked = world.app.check(&world.administration(), check, &mut |_| {}).await.unwrap();
    (checked.instances_count, checked.schedules_count, checked.secrets_count)
}

/// What clients ask for that implies something outside of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientAction {
    Create,
    Faster,
    Disable,
    Enable,
    Resume,
    Delete,
    Backfill,
    Release,
    NewAddress,
    Retry,
}

impl ClientAction {
    const ALL: [ClientAction; 10] = [
        ClientAction::Create,
        ClientAction::Faster,
        ClientAction::Disable,
        ClientAction::Enable,
        ClientAction::Resume,
        ClientAction::Delete,
        ClientAction::Backfill,
        ClientAction::Release,
        ClientAction::NewAddress,
        ClientAction::Retry,
    ];

    /// A world in which it can be asked for, some time after all else; and the instance.
    async fn prepare(self, world: &World) -> Option<InstanceId> {
        if self == ClientAction::Create {
            return None;
        }
        let id = world.create_gmail().await;
        world.google.deliver(GMAIL_USER, Mail::default());
        if matches!(self, ClientAction::Release | ClientAction::NewAddress) {
            world.receiver.answer_next(410);
        }
        world.poll(id).await;
        if matches!(self, ClientAction::Enable | ClientAction::Release) {
            world.google.deliver(GMAIL_USER, Mail::default());
            world.poll(id).await;
        }
        if self == ClientAction::Enable {
            world.call("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
        }
        world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
        world.receiver.take();
        Some(id)
    }

    /// Method, path and body.
    async fn call(self, world: &World, id: Option<InstanceId>) -> (&'static str, String, Value) {
        let at = |rest: &str| format!("/instances/{}{rest}", id.map_or(0, InstanceId::get));
        let set = |key: &str, value: &str| json!({ "configuration": { key: value } });
        match self {
            ClientAction::Create => {
                ("POST", "/instances".to_owned(), gmail_body(&world.google.new_code(GMAIL_USER)))
            }
            ClientAction::Faster => ("PATCH", at(""), set("event.poller.refresh_interval", "5")),
            ClientAction::Disable => ("DELETE", at("/enabled"), Value::Null),
            ClientAction::Enable => ("PUT", at("/enabled"), Value::Null),
            ClientAction::Resume => ("POST", at("/resume"), Value::Null),
            ClientAction::Delete => ("DELETE", at(""), Value::Null),
            ClientAction::Backfill => {
                let from = world.now() - Duration::hours(1);
                ("POST", at("/backfill"), json!({ "from": from.to_rfc3339() }))
            }
            ClientAction::Release => {
                ("PUT", "/notifications/subscriptions/deliveries".to_owned(), Value::Null)
            }
            ClientAction::NewAddress => {
                ("PATCH", at(""), set("event.notification.callback.url", "http://callback.test/other"))
            }
            ClientAction::Retry => {
                let page = LogPage { before: None, limit: 1, pending_only: false };
                let event = match id {
                    Some(id) => {
                        world.store.notifications(id, page).await.unwrap().rows.remove(0).name.event_id
                    }
                    None => String::new(),
                };
                ("POST", at(&format!("/events/{event}/retry")), json!({}))
            }
        }
    }
}
