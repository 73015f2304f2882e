//! A row that can't be read, for it is damaged or another version's, hides no other and stops none.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use app::admin::{Check, Mode, Others};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// What is damaged, and how; `A` and `B` stand for the two mailboxes.
const DAMAGES: [(&str, &str); 19] = [
    ("an instance", "UPDATE instances SET document = '[]' WHERE id = A"),
    (
        "an instance of a connector that is gone",
        "UPDATE instances SET document = json_set(document, '$.connector', 'gone') WHERE id = A",
    ),
    (
        "a configuration",
        "UPDATE instances SET document =
             json_set(document, '$.configuration.\"event.poller.configuration\"', '{') WHERE id = A",
    ),
    ("a short row of a list", "UPDATE fleet SET tags = '{' WHERE instance_id = A"),
    ("a session", "UPDATE sessions SET document = '{' WHERE instance_id = A"),
    ("the state of a resource", "UPDATE resources SET document = '[]' WHERE instance_id = A"),
    ("a callback", "UPDATE subscriptions SET status = 'gone' WHERE instance_id = A"),
    ("secrets", "UPDATE secrets SET sealed = 'gone' WHERE instance_id = A"),
    ("a schedule", "UPDATE schedules SET interval_s = -1 WHERE instance_id = A"),
    (
        "a notification of the same mailbox",
        "UPDATE notifications SET attempts = '{' WHERE row_id =
             (SELECT min(row_id) FROM notifications WHERE instance_id = B)",
    ),
    ("notifications", "UPDATE notifications SET attempts = '{' WHERE instance_id = A"),
    (
        "an entry of the record",
        "UPDATE audit SET document = '[]' WHERE row_id = (SELECT max(row_id) FROM audit)",
    ),
    ("an application", "UPDATE applications SET document = '[]' WHERE name = 'damaged'"),
    (
        "a bulk action",
        "INSERT INTO bulks (organization_id, id, version, is_running, document) VALUES (1, 1, 1, 0, '[]')",
    ),
    (
        "a health event",
        "INSERT INTO health_events (organization_id, id, version, document) VALUES (1, '0', 1, '[]')",
    ),
    (
        "a job",
        "INSERT INTO jobs (job, class, instance_id, due_at_us, failures) VALUES ('{', 'other', B, 0, 0)",
    ),
    (
        "a job of a class that is gone",
        "INSERT INTO jobs (job, class, instance_id, due_at_us, failures) VALUES ('{}', 'gone', B, 0, 0)",
    ),
    (
        "what is watched of a mailbox",
        "INSERT INTO push_states (key, version, document, hints, expires_at_us) VALUES ('k', 1, '[]', '[]', 4000000000000000)",
    ),
    ("a dead job", "INSERT INTO dead_jobs (job, instance_id, failures, died_at_us) VALUES ('{', A, 1, 0)"),
];

async fn stored(world: &World, name: &str) {
    let body = json!({ "name": name, "connector": "gmail", "apiKey": "key", "apiSecret": "secret" });
    let reply = world.call("POST", "/applications", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// The addresses of all lists and counts.
async fn lists(world: &World) -> Vec<String> {
    let document = world.app.router();
    let request = http::Request::get("/openapi.json").body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(document, request).await.unwrap();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let of_all = document["paths"].as_object().unwrap().iter();
    let of_all = of_all.filter(|(path, item)| item.get("get").is_some() && !path.contains('{'));
    of_all.filter_map(|(path, _)| Some(path.strip_prefix("/elements/api-v2")?.to_owned())).collect()
}

/// Both mailboxes, each with two notifications in the log.
async fn two() -> (World, InstanceId, InstanceId) {
    let mut world = World::new(941);
    world.check_at_end = false;
    let (a, b) = (world.create_gmail().await, world.create_outlook().await);
    for name in ["damaged", "other"] {
        stored(&world, name).await;
    }
    for _ in 0..2 {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::minutes(20)).await;
    }
    assert_eq!(world.arrived().len(), 4);
    (world, a, b)
}

fn names(list: &Value, id: InstanceId) -> bool {
    list.as_array().unwrap().iter().any(|one| one["id"] == id.get())
}

#[tokio::test]
async fn a_row_that_can_not_be_read_hides_no_other_and_stops_none() {
    for (what, damage) in DAMAGES {
        let (mut world, a, b) = two().await;
        let sql =
            damage.replace(" = A", &format!(" = {}", a.get())).replace(" = B", &format!(" = {}", b.get()));
        let sql = sql.replace(" A,", &format!(" {},", a.get())).replace(" B,", &format!(" {},", b.get()));
        let changed = world.rows().write("damage", move |tx| tx.execute(&sql, [])).await.unwrap();
        assert!(changed > 0, "{what}");
        world.store.forget_dead_workers().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        world.restart();
        for path in lists(&world).await {
            let reply = world.call("GET", &path, &Value::Null).await;
            assert!(reply.status < 500, "{what}: {path}: {} {}", reply.status, reply.body);
        }
        let own = world.call("GET", &format!("/instances/{a}"), &Value::Null).await;
        let says = own.body["message"].as_str().unwrap_or_default();
        assert!(
            own.status == 200 || own.status == 500 && says.contains("can't be read"),
            "{what}: {}",
            own.body
        );
        for query in ["", "?withHealth=true", "?orderBy=lastSuccess", "?status=healthy"] {
            assert!(names(&world.get(&format!("/instances{query}")).await, b), "{what}: {query}");
        }
        let log = world.get(&format!("/instances/{b}/events")).await;
        let is_damaged = what == "a notification of the same mailbox";
        assert_eq!(log.as_array().unwrap().len(), if is_damaged { 1 } else { 2 }, "{what}");
        let entries = world.get("/organizations/1/audit?pageSize=200").await;
        assert!(entries.as_array().unwrap().len() >= 3, "{what}");
        let applications = world.get("/applications").await;
        assert!(applications.as_array().unwrap().iter().any(|one| one["name"] == "other"), "{what}");
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::minutes(20)).await;
        assert_eq!(world.arrived().len(), 1, "{what}");
        world.app.census().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        world.app.mailbox_groups().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        world.metrics().text().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let look = Check { mode: Mode::Show, others: Others::Stopped };
        world.app.check(&world.administration(), look, &mut |_| {}).await.unwrap();
        world.store.set_back(Duration::hours(1), world.now()).await.unwrap();
        world.jobs.reload().await.unwrap();
        world.timers.reload().await.unwrap();
    }
    assert!(app::unreadable::count() >= 12, "tables and keys that were told: {}", app::unreadable::count());
}
