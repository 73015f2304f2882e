//! The address of a mailbox: learnt without a request of its own, shown to those who may read the instance, and in clear
//! nowhere.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, body_of, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Double as _, Fault, FaultKind, GoogleCalendar, Route};
use serde_json::{Value, json};

/// Requests for a Gmail profile since the last look.
fn profiles(world: &World) -> usize {
    let count = world.google.requests().iter().filter(|line| line.target.contains("/profile")).count();
    world.google.clear_requests();
    count
}

/// A row as it was stored before addresses were kept.
async fn make_old(world: &World, id: InstanceId) {
    let statement = "UPDATE instances SET document = json_remove(document, '$.address') WHERE id = ?1";
    let changed = world.rows().write("make it old", move |tx| tx.execute(statement, [id.get()])).await;
    assert_eq!(changed.unwrap(), 1);
    assert_eq!(world.shown(id).await["mailbox"], Value::Null);
}

#[tokio::test]
async fn it_is_learnt_with_the_connection_and_kept_sealed() {
    let world = World::new(551);
    let calendar = GoogleCalendar::of(&world.google);
    let planner = "planner@example.com";
    calendar.add_account(planner);
    let gmail = world.create_gmail().await;
    assert_eq!(profiles(&world), 1, "the baseline asks for it anyway");
    let outlook = world.create_outlook().await;
    let events = world.create(&body_of("googlecalendar", &calendar.new_code(planner))).await;
    for (id, address) in [(gmail, GMAIL_USER), (outlook, OUTLOOK_USER), (events, planner)] {
        assert_eq!(world.shown(id).await["mailbox"], address);
        for list in ["/instances", "/instances?withHealth=true", "/instances?hydrate=false"] {
            let list = world.get(list).await;
            let row = list.as_array().unwrap().iter().find(|row| row["id"] == id.get()).unwrap();
            assert_eq!(row["mailbox"], address);
        }
        let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
        let own = format!("User world-user, Element {token}");
        assert_eq!(world.call_as(&own, "GET", "/instances", "").await.body["mailbox"], address);
        assert!(!world.dump().contains(address), "{address} is stored in clear");
    }
    world.google.clear_requests();
    world.pass(Duration::hours(3)).await;
    assert_eq!(profiles(&world), 0, "no poll asks for it");
    world.call("DELETE", &format!("/instances/{gmail}"), &Value::Null).await;
    world.run_until_idle().await;
    let rows = "SELECT count(*) FROM instances WHERE document LIKE '%\"sealed\"%'";
    let count = world.rows().read("count", |conn| conn.query_row(rows, [], |row| row.get::<_, u32>(0))).await;
    assert_eq!(count.unwrap(), 2, "it goes with its instance");
}

#[tokio::test]
async fn another_mailbox_brings_its_own() {
    let world = World::new(552);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let other = "someone.else@example.com";
    world.google.add_account(other);
    world.microsoft.add_account(other);
    for id in [gmail, outlook] {
        let code = if id == gmail { world.google.new_code(other) } else { world.microsoft.new_code(other) };
        let before = world.shown(id).await["mailbox"].clone();
        let body = json!({ "providerData": { "code": code } });
        let asked = world.call("PATCH", &format!("/instances/{id}?confirmMailbox=true"), &body).await;
        asked.assert_refused(409);
        assert_eq!(world.shown(id).await["mailbox"], before, "it is not confirmed yet");
        assert_eq!(asked.body["otherMailbox"]["address"], other);
        let confirmation = &asked.body["otherMailbox"]["confirmation"];
        let changed = world.patch(id, &json!({ "providerData": { "confirmation": confirmation } })).await;
        assert_eq!(changed["mailbox"], other);
        assert_eq!(world.shown(id).await["mailbox"], other);
    }
}

/// Nothing is read of a mailbox whose events are off, so that nothing is known of a sign-in there.
#[tokio::test]
async fn without_events_it_is_known_once_they_are_on() {
    let world = World::new(553);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.notification.enabled"] = json!("false");
    let id = world.create(&body).await;
    assert_eq!(world.shown(id).await["mailbox"], Value::Null);
    let on = json!({ "configuration": { "event.notification.enabled": "true" } });
    let off = json!({ "configuration": { "event.notification.enabled": "false" } });
    assert_eq!(world.patch(id, &on).await["mailbox"], GMAIL_USER);
    assert_eq!(world.patch(id, &off).await["mailbox"], GMAIL_USER);
    let other = "someone.else@example.com";
    world.google.add_account(other);
    let signed = json!({ "providerData": { "code": world.google.new_code(other) } });
    assert_eq!(world.patch(id, &signed).await["mailbox"], Value::Null, "not the former one");
    assert_eq!(world.patch(id, &on).await["mailbox"], other);
}

/// The creation could not read the mailbox: a job takes the baseline.
#[tokio::test]
async fn a_baseline_that_comes_late_brings_it() {
    let world = World::new(554);
    let kind = FaultKind::ServerError { status: 503 };
    for _ in 0..2 {
        world.google.push_fault(Fault { on: Route::Profile, kind, times: 1 });
    }
    let code = world.google.new_code(GMAIL_USER);
    let created = world.call("POST", "/instances", &gmail_body(&code)).await;
    let id = created.instance_id();
    assert_eq!(created.body["mailbox"], Value::Null);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.shown(id).await["mailbox"], GMAIL_USER);
}

#[tokio::test]
async fn a_row_from_before_learns_it_at_its_next_poll_once() {
    let world = World::new(555);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    make_old(&world, gmail).await;
    make_old(&world, outlook).await;
    world.google.clear_requests();
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.shown(gmail).await["mailbox"], GMAIL_USER);
    assert_eq!(world.shown(outlook).await["mailbox"], OUTLOOK_USER);
    assert_eq!(profiles(&world), 1);
    world.pass(Duration::hours(2)).await;
    assert_eq!(profiles(&world), 0);
}

/// An answer that will not change is final, so that a mailbox that is idle stays as cheap as it was.
#[tokio::test]
async fn a_provider_that_refuses_to_tell_it_is_asked_once() {
    let world = World::new(556);
    let id = world.create_gmail().await;
    make_old(&world, id).await;
    world.google.clear_requests();
    world.google.push_fault(Fault { on: Route::Profile, kind: FaultKind::Forbidden, times: 1 });
    world.pass(Duration::hours(2)).await;
    assert_eq!((profiles(&world), &world.shown(id).await["mailbox"]), (1, &Value::Null));
    let health = world.shown(id).await["health"]["status"].clone();
    assert_eq!(health, "healthy", "it says nothing of the mailbox");
    let signed = json!({ "providerData": { "code": world.google.new_code(GMAIL_USER) } });
    assert_eq!(world.patch(id, &signed).await["mailbox"], GMAIL_USER, "a sign-in asks again");
}

/// A row that gets under another organization, by a mistake of ours or by somebody who writes the database.
#[tokio::test]
async fn it_does_not_open_for_another_organization() {
    let world = World::new(557);
    let id = world.create_outlook().await;
    world.admit_another("other-user", "other-organization").await;
    let other = "User other-user, Organization other-organization";
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER)).to_string();
    let mine = world.call_as(other, "POST", "/instances", &body).await.instance_id();
    let moved = "UPDATE instances SET (organization_id, document) = (SELECT other.organization_id,
        json_set(instances.document, '$.account', json_extract(other.document, '$.account'))
        FROM instances other WHERE other.id = ?2) WHERE id = ?1";
    let written = world.rows().write("move it", move |tx| tx.execute(moved, [id.get(), mine.get()])).await;
    assert_eq!(written.unwrap(), 1);
    let path = format!("/instances/{id}");
    world.call_as(AUTHORIZATION, "GET", &path, "").await.assert_refused(404);
    let shown = world.call_as(other, "GET", &path, "").await;
    shown.assert_refused(500);
    assert!(!shown.body.to_string().contains(OUTLOOK_USER));
    let swapped =
        "UPDATE instances SET document = json_set(document, '$.address', json((SELECT json_extract(other.document,
        '$.address') FROM instances other WHERE other.id = ?2))) WHERE id = ?1";
    let written = world.rows().write("swap it", move |tx| tx.execute(swapped, [mine.get(), id.get()])).await;
    assert_eq!(written.unwrap(), 1);
    world.call_as(other, "GET", &format!("/instances/{mine}"), "").await.assert_refused(500);
    let listed = world.call_as(other, "GET", "/instances", "").await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let shown = |id: InstanceId| {
        let all = listed.body.as_array().unwrap();
        all.iter().find(|one| one["id"] == id.get()).map(|one| one["mailbox"].clone())
    };
    assert_eq!((shown(id), shown(mine)), (Some(Value::Null), Some(Value::Null)), "it hides no other");
}

/// Nor does its token hide the others in a list.
#[tokio::test]
async fn a_token_that_does_not_open_is_masked_in_lists() {
    let world = World::new(558);
    let (broken, whole) = (world.create_gmail().await, world.create_outlook().await);
    let swapped = "UPDATE instances SET document = json_set(document, '$.token_sealed', (SELECT
        json_extract(other.document, '$.token_sealed') FROM instances other WHERE other.id = ?2)) WHERE id = ?1";
    let written =
        world.rows().write("swap it", move |tx| tx.execute(swapped, [broken.get(), whole.get()])).await;
    assert_eq!(written.unwrap(), 1);
    world.call_as(AUTHORIZATION, "GET", &format!("/instances/{broken}"), "").await.assert_refused(500);
    let listed = world.call_as(AUTHORIZATION, "GET", "/instances", "").await.body;
    let token = |id: InstanceId| {
        let one = listed.as_array().unwrap().iter().find(|one| one["id"] == id.get()).unwrap();
        one["token"].as_str().unwrap().to_owned()
    };
    assert_eq!(token(broken), "********");
    assert_ne!(token(whole), "********");
}
