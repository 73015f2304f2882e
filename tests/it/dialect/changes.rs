//! Reading, changing, switching off and deleting instances.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// The items of one PATCH.
fn items(key: &str, value: Value) -> Value {
    json!({ "configuration": { key: value } })
}

fn created(ids: &[String]) -> Vec<(String, String)> {
    ids.iter().map(|id| ("CREATED".to_owned(), id.clone())).collect()
}

#[tokio::test]
async fn the_instance_token_reads_its_own_instance() {
    let world = World::new(141);
    let (first, second) = (world.create_gmail().await, world.create_outlook().await);
    for id in [first, second] {
        let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
        let own = format!("User world-user, Element {token}");
        let reply = world.call_as(&own, "GET", "/instances", "").await;
        assert_eq!((reply.status, &reply.body["id"]), (200, &json!(id.get())));
    }
    let all = world.get("/instances").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let outlook = world.get("/elements/outlookemail/instances").await;
    assert_eq!(outlook.as_array().unwrap().len(), 1);
    assert_eq!(outlook[0]["id"], second.get());
}

#[tokio::test]
async fn an_instance_of_another_organization_is_not_there() {
    let world = World::new(142);
    let id = world.create_gmail().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    world.admit_another("other-user", "other-organization").await;
    let other = "User other-user, Organization other-organization";
    let events = format!("/instances/{id}/events");
    for (method, path) in [
        ("GET", format!("/instances/{id}")),
        ("PATCH", format!("/instances/{id}")),
        ("DELETE", format!("/instances/{id}")),
        ("PUT", format!("/instances/{id}/enabled")),
        ("DELETE", format!("/instances/{id}/enabled")),
        ("POST", format!("/instances/{id}/poll")),
        ("GET", events),
    ] {
        let reply = world.call_as(other, method, &path, "{}").await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
    }
    assert_eq!(world.call_as(other, "GET", "/instances", "").await.body, json!([]));
    assert_eq!(world.call_as(other, "GET", "/notifications/subscriptions", "").await.body, json!([]));
    let with_token = format!("User other-user, Element {token}");
    assert_eq!(world.call_as(&with_token, "GET", "/instances", "").await.status, 401);
    let mixed = "User world-user, Organization other-organization";
    assert_eq!(world.call_as(mixed, "GET", "/instances", "").await.status, 401);
    assert_eq!(world.shown(id).await["disabled"], false);
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let world = World::new(143);
    for _ in 0..7 {
        world.create_gmail().await;
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut path = "/instances?pageSize=3".to_owned();
    for count in [3, 3, 1] {
        let reply = world.call("GET", &path, &Value::Null).await;
        let page = reply.body.as_array().unwrap();
        assert_eq!(page.len(), count);
        assert_eq!(reply.headers["elements-returned-count"], count.to_string());
        seen.extend(page.iter().map(|one| one["id"].as_u64().unwrap()));
        match reply.headers.get("elements-next-page-token") {
            Some(token) => path = format!("/instances?pageSize=3&nextPage={}", token.to_str().unwrap()),
            None => assert_eq!(count, 1, "only the last page has no next one"),
        }
    }
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn names_and_tags_are_changed_and_lose_their_markup() {
    let world = World::new(144);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["name"] = json!("<a href=\"javascript:x\">xss</a>");
    body.as_object_mut().unwrap().remove("tags");
    let id = world.create(&body).await;
    let shown = world.shown(id).await;
    assert_eq!((&shown["name"], &shown["tags"]), (&json!("xss"), &json!(["xss"])));
    let changed = world.patch(id, &json!({ "name": "<b>New</b>", "tags": ["a", "<i>b</i>"] })).await;
    assert_eq!((&changed["name"], &changed["tags"]), (&json!("New"), &json!(["a", "b"])));
    let changed = world.patch(id, &json!({ "tags": [] })).await;
    assert_eq!((&changed["name"], &changed["tags"]), (&json!("New"), &json!([])));
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let body: Value = serde_json::from_slice(&world.receiver.take()[0].body).unwrap();
    assert_eq!(body["message"]["instanceName"], "New");
}

/// A client sends back what it read: the masks mean that the secrets stay.
#[tokio::test]
async fn masked_secrets_that_are_sent_back_stay_as_they_were() {
    let world = World::new(145);
    let id = world.create_gmail().await;
    let configuration = world.shown(id).await["configuration"].clone();
    world.patch(id, &json!({ "configuration": configuration })).await;
    world.clock.advance(Duration::hours(2));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    // `arrived` checks the signature with the key of before.
    assert_eq!(world.arrived(), created(&[mail]));
    world.patch(id, &items("event.notification.signature.key", json!("another-key"))).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let received = world.receiver.take();
    assert!(world.receiver.verify(b"another-key", &received[0]));
    let shown = world.shown(id).await;
    assert_eq!(shown["configuration"]["event.notification.signature.key"], "********");
}

#[tokio::test]
async fn a_change_that_breaks_a_rule_changes_nothing() {
    let world = World::new(146);
    let id = world.create_gmail().await;
    let before = world.shown(id).await;
    let path = format!("/instances/{id}");
    for body in [
        items("event.poller.refresh_interval", json!("never")),
        items("event.notification.callback.url", json!("nowhere")),
        items("event.poller.configuration", json!({ "changed-messages": { "url": "/contacts" } })),
        json!({ "name": "New", "configuration": { "event.vendor.type": "webhook" } }),
        json!({ "name": "New", "providerData": { "code": "4/0Anonsense" } }),
    ] {
        let reply = world.call("PATCH", &path, &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
    }
    assert_eq!(world.shown(id).await, before);
}

/// When the history was asked for.
fn polls(world: &World) -> Vec<DateTime<Utc>> {
    let requests = world.google.requests();
    let polls = requests.iter().filter(|line| line.target.contains("/history?"));
    polls.map(|line| DateTime::from_timestamp_micros(line.at_us).unwrap()).collect()
}

#[tokio::test]
async fn a_new_interval_takes_effect_at_once() {
    let world = World::new(147);
    let id = world.create_gmail().await;
    world.pass(Duration::hours(2)).await;
    assert!((7..=9).contains(&polls(&world).len()), "every 15 minutes");
    world.patch(id, &items("event.poller.refresh_interval", json!(1))).await;
    world.google.clear_requests();
    world.pass(Duration::minutes(30)).await;
    let times = polls(&world);
    assert!((29..=31).contains(&times.len()), "every minute: {}", times.len());
    world.patch(id, &items("event.poller.refresh_interval", json!("60"))).await;
    world.google.clear_requests();
    world.pass(Duration::hours(3)).await;
    assert_eq!(polls(&world).len(), 3);
    world.patch(id, &items("event.notification.enabled", json!(false))).await;
    world.google.clear_requests();
    world.pass(Duration::hours(3)).await;
    assert_eq!(polls(&world).len(), 0, "events are off");
}

#[tokio::test]
async fn events_that_are_turned_on_later_start_from_then() {
    let world = World::new(148);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.notification.enabled"] = json!(false);
    let id = world.create(&body).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.patch(id, &items("event.notification.enabled", json!("true"))).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), created(&[mail]));
}

#[tokio::test]
async fn a_disabled_instance_is_not_polled_and_goes_on_where_it_was() {
    let world = World::new(149);
    let id = world.create_gmail().await;
    let enabled = format!("/instances/{id}/enabled");
    assert_eq!(world.call("DELETE", &enabled, &Value::Null).await.status, 200);
    assert_eq!(world.shown(id).await["disabled"], true);
    world.run_until_idle().await;
    world.google.clear_requests();
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(2)).await;
    let poll = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert!((400..500).contains(&poll.status), "{}", poll.body);
    assert!(poll.body["message"].as_str().unwrap().contains("disabled"));
    assert_eq!((world.google.requests(), world.arrived()), (vec![], vec![]));
    assert_eq!(world.call("PUT", &enabled, &Value::Null).await.status, 200);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), created(&[mail]));
    assert_eq!(world.shown(id).await["disabled"], false);
}

#[tokio::test]
async fn a_deleted_instance_is_gone_with_its_token() {
    let world = World::new(150);
    let id = world.create_gmail().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let path = format!("/instances/{id}");
    assert_eq!(world.call("DELETE", &path, &Value::Null).await.status, 200);
    let own = format!("User world-user, Element {token}");
    assert_eq!(world.call_as(&own, "GET", "/instances", "").await.status, 401);
    for (method, path) in [
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/poll")),
        ("GET", format!("{path}/events")),
    ] {
        assert_eq!(world.call(method, &path, &json!({})).await.status, 404, "{method} {path}");
    }
    assert_eq!(world.get("/instances").await, json!([]));
    world.run_until_idle().await;
    world.google.clear_requests();
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.google.requests(), []);
}

async fn sign_in_again(world: &World, id: InstanceId, code: String) -> Value {
    world.patch(id, &json!({ "providerData": { "code": code } })).await
}

#[tokio::test]
async fn signing_in_again_to_the_same_mailbox_goes_on_without_a_gap() {
    let world = World::new(151);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    world.google.revoke(GMAIL_USER);
    world.microsoft.revoke(OUTLOOK_USER);
    let mails = [
        world.google.deliver(GMAIL_USER, Mail::default()),
        world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
    ];
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.arrived(), []);
    for (id, code) in
        [(gmail, world.google.new_code(GMAIL_USER)), (outlook, world.microsoft.new_code(OUTLOOK_USER))]
    {
        assert_eq!(world.shown(id).await["valid"], false);
        let shown = sign_in_again(&world, id, code).await;
        assert_eq!(shown["valid"], true);
        assert!(!shown["notices"].to_string().contains("another mailbox"), "{}", shown["notices"]);
    }
    world.poll(gmail).await;
    world.poll(outlook).await;
    assert_eq!(world.arrived(), created(&mails));
    world.pass(Duration::hours(3)).await;
    assert_eq!(world.arrived(), []);
}

/// The first answer changes nothing; what it gives stands for the sign-in, whose code is used up.
#[tokio::test]
async fn another_mailbox_takes_the_place_only_when_that_is_confirmed() {
    let world = World::new(158);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let other = "someone.else@example.com";
    world.google.add_account(other);
    world.microsoft.add_account(other);
    for (id, user) in [(gmail, GMAIL_USER), (outlook, OUTLOOK_USER)] {
        let code = if id == gmail { world.google.new_code(other) } else { world.microsoft.new_code(other) };
        let before = world.shown(id).await;
        let path = format!("/instances/{id}");
        let asked = world
            .call(
                "PATCH",
                &format!("{path}?confirmMailbox=true"),
                &json!({ "providerData": { "code": code } }),
            )
            .await;
        asked.assert_refused(409);
        let told = &asked.body["otherMailbox"];
        if id == gmail {
            assert_eq!(told["address"], other);
        }
        assert_eq!(world.shown(id).await, before, "nothing changed");
        let mail = match id == gmail {
            true => world.google.deliver(user, Mail::default()),
            false => world.microsoft.deliver(user, Mail::default()),
        };
        world.pass(Duration::minutes(16)).await;
        assert_eq!(world.arrived(), created(&[mail]), "the former mailbox goes on");

        let confirm = json!({ "providerData": { "confirmation": told["confirmation"] } });
        let foreign = if id == gmail { outlook } else { gmail };
        world.call("PATCH", &format!("/instances/{foreign}"), &confirm).await.assert_refused(400);
        let late = world.call("PATCH", &path, &confirm).await;
        late.assert_refused(400);
        assert!(late.body["message"].as_str().unwrap().contains("older than 10 minutes"), "{}", late.body);
    }
    let code = world.google.new_code(other);
    let asked = world
        .call(
            "PATCH",
            &format!("/instances/{gmail}?confirmMailbox=true"),
            &json!({ "providerData": { "code": code } }),
        )
        .await;
    let confirm = json!({ "providerData": { "confirmation": asked.body["otherMailbox"]["confirmation"] } });
    let changed = world.patch(gmail, &confirm).await;
    assert!(changed["notices"].to_string().contains("another mailbox"), "{}", changed["notices"]);
    let mail = world.google.deliver(other, Mail::default());
    world.google.expire_access_tokens(other);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), created(&[mail]), "and is refreshed by what the sign-in gave");
}

/// Where it is the same mailbox there is nothing to confirm.
#[tokio::test]
async fn the_same_mailbox_is_not_asked_about() {
    let world = World::new(159);
    let id = world.create_gmail().await;
    let body = json!({ "providerData": { "code": world.google.new_code(GMAIL_USER) } });
    let reply = world.call("PATCH", &format!("/instances/{id}?confirmMailbox=true"), &body).await;
    assert_eq!((reply.status, &reply.body["valid"]), (200, &json!(true)), "{}", reply.body);
}

#[tokio::test]
async fn signing_in_to_another_mailbox_starts_from_now_and_says_so() {
    let world = World::new(152);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let other = "someone.else@example.com";
    world.google.add_account(other);
    world.microsoft.add_account(other);
    world.google.deliver(other, Mail::default());
    world.microsoft.deliver(other, Mail::default());
    for (id, code) in [(gmail, world.google.new_code(other)), (outlook, world.microsoft.new_code(other))] {
        let shown = sign_in_again(&world, id, code).await;
        assert!(shown["notices"].to_string().contains("another mailbox"), "{}", shown["notices"]);
    }
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), [], "what was there before is not news");
    let mails =
        [world.google.deliver(other, Mail::default()), world.microsoft.deliver(other, Mail::default())];
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(gmail).await;
    world.poll(outlook).await;
    assert_eq!(world.arrived(), created(&mails));
}

/// `POST …/poll` reads in the request and says what it found, resource by resource.
#[tokio::test]
async fn poll_now_answers_with_what_it_found() {
    let world = World::new(153);
    let id = world.create(&outlook_body(&world.microsoft.new_code(OUTLOOK_USER))).await;
    let path = format!("/instances/{id}/poll");
    let idle = world.call("POST", &path, &Value::Null).await;
    let nothing = json!({ "resources": { "messages": { "changes": 0, "events": 0, "notifications": 0 } } });
    assert_eq!((idle.status, &idle.body), (200, &nothing));
    for _ in 0..12 {
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    }
    let found = world.call("POST", &path, &Value::Null).await;
    assert_eq!(
        found.body["resources"]["messages"],
        json!({ "changes": 12, "events": 12, "notifications": 2 })
    );
    world.run_until_idle().await;
    world.microsoft.push_fault(doubles::Fault {
        on: doubles::Route::List,
        kind: doubles::FaultKind::RateLimited { retry_after_s: Some(70) },
        times: 1,
    });
    let limited = world.call("POST", &path, &Value::Null).await;
    assert_eq!(limited.status, 429, "{}", limited.body);
    assert_eq!(limited.body["resources"]["messages"]["retryAfter"], 70);
    world.microsoft.clear_requests();
    let backing_off = world.call("POST", &path, &Value::Null).await;
    assert_eq!((backing_off.status, world.microsoft.requests()), (429, vec![]), "no provider is called");
    assert!(backing_off.body["resources"]["messages"]["error"].is_string());
    world.pass(Duration::seconds(71)).await;
    assert_eq!(world.call_as(AUTHORIZATION, "POST", &path, "").await.status, 200);
}

/// Signs in to another mailbox that holds mail of today already, while the provider fails where it says whose
/// mailbox it is. Refused for now or taken: that mail is not news, and the change of mailbox is said.
async fn connect_another(world: &World, id: InstanceId, is_gmail: bool) {
    let other = "someone.else@example.com";
    world.google.add_account(other);
    world.microsoft.add_account(other);
    world.pass(Duration::hours(1)).await;
    world.google.deliver(other, Mail::default());
    world.microsoft.deliver(other, Mail::default());
    world.clock.advance(Duration::minutes(5));
    let fault = |on| doubles::Fault { on, kind: doubles::FaultKind::ServerError { status: 503 }, times: 1 };
    world.google.push_fault(fault(doubles::Route::Profile));
    world.microsoft.push_fault(fault(doubles::Route::Other));
    for _ in 0..2 {
        let code = if is_gmail { world.google.new_code(other) } else { world.microsoft.new_code(other) };
        let body = json!({ "providerData": { "code": code } });
        if world.call("PATCH", &format!("/instances/{id}"), &body).await.status == 200 {
            break;
        }
    }
    world.pass(Duration::minutes(31)).await;
    assert_eq!(world.arrived(), [], "what was there before is not news");
    let shown = world.shown(id).await;
    assert_eq!(shown["valid"], true);
    assert!(shown["notices"].to_string().contains("another mailbox"), "{}", shown["notices"]);
}

#[tokio::test]
async fn another_mailbox_is_noticed_though_the_provider_fails_just_then() {
    let world = World::new(154);
    let id = world.create_gmail().await;
    connect_another(&world, id, true).await;
    let world = World::new(155);
    let id = world.create_outlook().await;
    connect_another(&world, id, false).await;
}

/// An instance that was created while the provider failed does not know whose mailbox it is: the job that takes
/// its baseline has to find out.
#[tokio::test]
async fn another_mailbox_is_noticed_though_the_first_one_was_read_late() {
    for is_gmail in [true, false] {
        let world = World::new(156);
        let kind = doubles::FaultKind::ServerError { status: 503 };
        let route = if is_gmail { doubles::Route::Profile } else { doubles::Route::List };
        world.google.push_fault(doubles::Fault { on: route, kind, times: 1 });
        world.microsoft.push_fault(doubles::Fault { on: route, kind, times: 1 });
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        world.pass(Duration::minutes(2)).await;
        let other = "someone.else@example.com";
        world.google.add_account(other);
        world.microsoft.add_account(other);
        let code = if is_gmail { world.google.new_code(other) } else { world.microsoft.new_code(other) };
        let shown = sign_in_again(&world, id, code).await;
        assert!(shown["notices"].to_string().contains("another mailbox"), "{}", shown["notices"]);
    }
}
