//! A row that can't be read, for it is damaged or another version's, hides no other and stops none.

use crate::world::{GMAIL_USER, OUTLOOK_USER, Reply, World};
use app::admin::{Check, Mode, Others};
use app::ports::Job;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// What is damaged, and how; `A` and `B` stand for the two mailboxes.
const DAMAGES: [(&str, &str); 20] = [
    ("an instance", "UPDATE instances SET document = '[]' WHERE id = A"),
    (
        "an instance that its address leads to",
        "UPDATE instances SET document = json_set(document, '$.created_at', 'gone') WHERE id = A",
    ),
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

/// Searches by what a row does not say any longer.
const LOST: [(&str, &str); 5] = [
    ("an instance", "/instances?mailbox=ada@example.com"),
    ("an instance", "/instances?withHealth=true&connector=gmail&searchText=API"),
    ("an instance of a connector that is gone", "/elements/gmail/instances"),
    ("an instance of a connector that is gone", "/elements/gmail/instances?searchText=API"),
    ("an instance of a connector that is gone", "/instances?withHealth=true&connector=gmail&searchText=API"),
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

fn unreadable_count(reply: &Reply) -> usize {
    reply.headers.get("elements-unreadable-count").map_or(0, |count| count.to_str().unwrap().parse().unwrap())
}

/// Each list and count: how many rows it has, and how many it says that it lacks.
async fn listed(world: &World, (a, b): (InstanceId, InstanceId)) -> Vec<(String, u64, usize)> {
    let mut paths = lists(world).await;
    paths.extend(
        [
            "/instances?withHealth=true",
            "/instances?orderBy=lastSuccess",
            "/instances?mailbox=ada@example.com",
            "/instances/events?status=delivered",
            "/elements/gmail/instances",
            "/elements/gmail/instances?searchText=API",
            "/instances?withHealth=true&connector=gmail&searchText=API",
            "/organizations/1/audit",
        ]
        .map(str::to_owned),
    );
    let topics = format!("topics[]=instance-{a}-events&topics[]=instance-{b}-events");
    paths.extend([format!("/instances/{b}/events"), format!("/notifications?{topics}")]);
    let mut listed = Vec::new();
    for path in paths {
        let reply = world.call("GET", &path, &Value::Null).await;
        assert!(reply.status < 500, "{path}: {} {}", reply.status, reply.body);
        let total = reply.body["total"].as_u64().or(reply.body["totalInstances"].as_u64());
        let rows_count = reply.body.as_array().map_or(total.unwrap_or(0), |rows| rows.len() as u64);
        listed.push((path, rows_count, unreadable_count(&reply)));
    }
    listed
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

async fn do_damage(world: &World, sql: &str, (a, b): (InstanceId, InstanceId)) {
    let sql = sql.replace(" = A", &format!(" = {}", a.get())).replace(" = B", &format!(" = {}", b.get()));
    let sql = sql.replace(" A,", &format!(" {},", a.get())).replace(" B,", &format!(" {},", b.get()));
    let context = sql.clone();
    let changed = world.rows().write("damage", move |tx| tx.execute(&sql, [])).await.unwrap();
    assert!(changed > 0, "{context}");
}

fn names(list: &Value, id: InstanceId) -> bool {
    list.as_array().unwrap().iter().any(|one| one["id"] == id.get())
}

#[tokio::test]
async fn a_row_that_can_not_be_read_hides_no_other_and_stops_none() {
    let mut short: Vec<(&str, String)> = Vec::new();
    for (what, damage) in DAMAGES {
        let (mut world, a, b) = two().await;
        let whole = listed(&world, (a, b)).await;
        assert!(whole.iter().all(|(_, _, told_count)| *told_count == 0), "{what}: {whole:?}");
        do_damage(&world, damage, (a, b)).await;
        world.store.forget_dead_workers().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        world.restart();
        for (path, rows_count, told_count) in listed(&world, (a, b)).await {
            let before = whole.iter().find(|(other, ..)| *other == path).map_or(0, |(_, count, _)| *count);
            if rows_count < before && told_count == 0 {
                short.push((what, path.clone()));
            }
            let is_bulk = what == "a bulk action" && path == "/instances/bulk";
            assert!(!is_bulk || told_count == 1, "{what}: {path}");
        }
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
        assert!(world.number("carillon_rows_unreadable").await >= 1.0, "{what}");
        let look = Check { mode: Mode::Show, others: Others::Stopped };
        world.app.check(&world.administration(), look, &mut |_| {}).await.unwrap();
        world.store.set_back(Duration::hours(1), world.now()).await.unwrap();
        world.jobs.reload().await.unwrap();
        world.timers.reload().await.unwrap();
    }
    let lost = LOST.map(|(what, path)| (what, path.to_owned()));
    assert_eq!(short, lost, "lists that are silently short");
    assert!(app::unreadable::count() >= 12, "tables and keys that were told: {}", app::unreadable::count());
}

/// However short its pages are: the pages that lack it, or those beside them, say so.
#[tokio::test]
async fn no_row_that_can_not_be_read_is_told_by_no_page() {
    let (mut world, a, b) = two().await;
    let of_a = "UPDATE instances SET document = '[]' WHERE id = A";
    let of_b = "UPDATE notifications SET attempts = '{' WHERE row_id =
        (SELECT min(row_id) FROM notifications WHERE instance_id = B)";
    for sql in [of_a, of_b] {
        do_damage(&world, sql, (a, b)).await;
    }
    world.restart();
    for (path, count) in [
        ("/instances?pageSize=1", 1),
        ("/instances?withHealth=true&pageSize=1", 1),
        ("/instances/event-poller-records?pageSize=1", 1),
        ("/instances/polling-disabled?pageSize=1", 1),
        ("/notifications/subscriptions?pageSize=1", 1),
        ("/notifications/subscriptions/deliveries?pageSize=1", 2),
        ("/instances/events?pageSize=1", 2),
        ("/instances/events?status=delivered&pageSize=1", 2),
        ("/organizations/1/audit?pageSize=1", 1),
    ] {
        let (mut told, mut next, mut pages) = (0, Some(path.to_owned()), 0);
        while let Some(page) = next {
            let reply = world.call("GET", &page, &Value::Null).await;
            assert_eq!(reply.status, 200, "{page}: {}", reply.body);
            told += unreadable_count(&reply);
            let token = reply.headers.get("elements-next-page-token").map(|token| token.to_str().unwrap());
            next = token.map(|token| format!("{path}&nextPage={token}"));
            pages += 1;
            assert!(pages < 100, "{path} never ends");
        }
        assert!(told >= count && (told == 0) == (count == 0), "{path}: {told} instead of {count}");
    }
}

#[tokio::test]
async fn a_callback_that_can_not_be_read_holds_up_no_release_of_others() {
    let (world, a, b) = two().await;
    do_damage(&world, "UPDATE subscriptions SET status = 'suspended'", (a, b)).await;
    do_damage(&world, "UPDATE subscriptions SET status = 'gone' WHERE instance_id = A", (a, b)).await;
    let reply = world.call("PUT", "/notifications/subscriptions/deliveries", &Value::Null).await;
    assert_eq!((reply.status, unreadable_count(&reply)), (200, 1), "{}", reply.body);
    assert_eq!(reply.body[0]["instanceId"], b.get());
}

/// A cloud's queue may bring a job twice. One that sent itself again each time would be two, four, eight.
#[tokio::test]
async fn settling_a_mailbox_that_can_not_be_read_makes_no_other_job() {
    for damage in [
        "UPDATE instances SET document = '[]' WHERE id = A",
        "UPDATE sessions SET document = '{' WHERE instance_id = A",
        "UPDATE resources SET document = '[]' WHERE instance_id = A",
        "UPDATE subscriptions SET status = 'gone' WHERE instance_id = A",
    ] {
        let (world, a, b) = two().await;
        do_damage(&world, damage, (a, b)).await;
        let waiting_count = world.jobs.waiting_count().await.unwrap();
        for hours in [0, 1, 24] {
            let job = Job::Settle { instance: a, since: world.now() - Duration::hours(hours) };
            let ran = world.app.run(job, world.now() + Duration::seconds(60)).await;
            assert!(ran.is_err(), "{damage}: the queue brings it again, and puts it aside at last");
        }
        assert_eq!(world.jobs.waiting_count().await.unwrap(), waiting_count, "{damage}");
    }
}
