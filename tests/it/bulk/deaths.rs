//! A process dies at each point of a bulk action, and nobody mends anything.

use super::{is_disabled, several};
use crate::world::{OUTLOOK_USER, World};
use app::ports::{EventLog as _, LogPage};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 400;
const MAILBOXES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Enable,
    Disable,
    Tag,
    Delete,
    Release,
    Retry,
    Backfill,
}

impl Action {
    const ALL: [Action; 7] = [
        Action::Enable,
        Action::Disable,
        Action::Tag,
        Action::Delete,
        Action::Release,
        Action::Retry,
        Action::Backfill,
    ];

    /// Mailboxes to which it can be done.
    async fn prepare(self, world: &World) -> Vec<InstanceId> {
        let ours = several(world, MAILBOXES, "ours").await;
        for id in &ours {
            if self == Action::Release {
                world.receiver.answer_next(410);
            }
            world.microsoft.deliver(OUTLOOK_USER, Mail::default());
            world.poll(*id).await;
            if self == Action::Enable {
                world.call("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
            }
        }
        world.pass(Duration::minutes(5)).await;
        world.receiver.take();
        ours
    }

    fn body(self, world: &World) -> Value {
        let from = (world.now() - Duration::hours(1)).to_rfc3339();
        match self {
            Action::Enable => json!({ "action": "enable", "filter": {} }),
            Action::Disable => json!({ "action": "disable", "filter": {} }),
            Action::Tag => json!({ "action": "tag", "filter": {}, "addTags": ["new"] }),
            Action::Delete => json!({ "action": "delete", "filter": {} }),
            Action::Release => json!({ "action": "release", "filter": {} }),
            Action::Retry => json!({ "action": "retry", "filter": {}, "from": from }),
            Action::Backfill => json!({ "action": "backfill", "filter": {}, "from": from }),
        }
    }

    async fn is_done_to(self, world: &World, id: InstanceId) -> bool {
        let path = format!("/instances/{id}");
        match self {
            Action::Enable => !is_disabled(world, id).await,
            Action::Disable => is_disabled(world, id).await,
            Action::Tag => world.shown(id).await["tags"] == json!(["ours", "new"]),
            Action::Delete => world.call("GET", &path, &Value::Null).await.status == 404,
            Action::Release => world.shown(id).await["health"]["status"] != "suspended",
            Action::Retry => {
                let page = LogPage { before: None, limit: 9, pending_only: false };
                let log = world.store.notifications(id, page).await.unwrap().rows;
                log.iter().all(|one| one.attempts.len() >= 2)
            }
            Action::Backfill => world.get(&format!("{path}/backfill")).await[0]["status"] == "done",
        }
    }
}

#[tokio::test]
async fn a_bulk_that_died_anywhere_is_done_to_all_or_was_never_begun() {
    for action in Action::ALL {
        let (mut deaths_count, mut begun_count) = (0, 0);
        for passages in 0..PASSAGES_COUNT_MAX {
            let mut world = World::new(541);
            let ours = action.prepare(&world).await;
            let body = action.body(&world);
            let affected =
                world.call("POST", "/instances/bulk/preview", &body).await.body["affected"].clone();
            world.gate.die_after(passages);
            let working = async {
                world.call("POST", "/instances/bulk", &body).await;
                world.run_until_idle().await;
            };
            let survived = world.gate.run(working).await.is_some();
            world.restart();
            // A poll of its schedule is the last to see to a backfill.
            world.pass(Duration::minutes(20)).await;
            let context = format!("{action:?} that died after {passages}");
            let bulks = world.get("/instances/bulk").await;
            let is_begun = !bulks.as_array().unwrap().is_empty();
            if is_begun {
                begun_count += 1;
                let bulk = &bulks[0];
                assert_eq!(bulk["status"], "done", "{context}: {bulk}");
                let outcome = (&bulk["done"], &bulk["skipped"], &bulk["failed"]);
                assert_eq!(outcome, (&affected, &json!(0), &json!(0)), "{context}: {bulk}");
            }
            for id in &ours {
                assert_eq!(action.is_done_to(&world, *id).await, is_begun, "{context}");
            }
            if survived {
                break;
            }
            deaths_count += 1;
        }
        assert!((10..PASSAGES_COUNT_MAX).contains(&deaths_count), "{action:?} died {deaths_count} times");
        assert!(begun_count >= 5, "{action:?} was begun {begun_count} times");
    }
}
