//! Why nothing was sent: the decision of polls and deliveries, made once more.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};

async fn explained(world: &World, id: InstanceId, asked: &Value) -> Value {
    let reply = world.call("POST", &format!("/instances/{id}/explain"), asked).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["basis"], "today's configuration");
    reply.body
}

/// The only object of an answer.
async fn one(world: &World, id: InstanceId, asked: &Value) -> Value {
    let answer = explained(world, id, asked).await;
    let objects = answer["objects"].as_array().unwrap();
    assert_eq!((objects.len(), &answer["notRead"]), (1, &Value::Null), "{answer}");
    objects[0].clone()
}

async fn decision(world: &World, id: InstanceId, object: &str) -> String {
    one(world, id, &json!({ "objectId": object })).await["decision"].as_str().unwrap().to_owned()
}

fn saying(subject: &str) -> Mail {
    Mail { subject: subject.to_owned(), ..Mail::default() }
}

#[tokio::test]
async fn each_mailbox_says_what_became_of_a_message() {
    for is_gmail in [true, false] {
        let world = World::new(491);
        let deliver = |subject: &str| match is_gmail {
            true => world.google.deliver(GMAIL_USER, saying(subject)),
            false => world.microsoft.deliver(OUTLOOK_USER, saying(subject)),
        };
        let old = deliver("Ancient");
        world.clock.advance(Duration::minutes(5));
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        world.clock.advance(Duration::minutes(5));
        assert_eq!(decision(&world, id, &old).await, "beforeBaseline");
        let mail = deliver("Quarterly");
        assert_eq!(decision(&world, id, &mail).await, "notPolledYet");
        let sent_at = world.now();
        world.poll(id).await;
        world.clock.advance(Duration::minutes(1));
        for asked in [
            json!({ "objectId": mail }),
            json!({ "subject": "Quarterly" }),
            json!({ "at": (sent_at + Duration::minutes(1)).to_rfc3339() }),
        ] {
            let told = one(&world, id, &asked).await;
            assert_eq!(
                (&told["objectId"], &told["decision"]),
                (&json!(mail), &json!("delivered")),
                "{asked}"
            );
            let event = world.get(&format!("/instances/events/{}", told["eventId"].as_str().unwrap())).await;
            assert_eq!(event["delivery"], "delivered");
        }
        let draft = match is_gmail {
            true => world.google.save_draft(GMAIL_USER, None, saying("Draft")).message_id,
            false => world.microsoft.save_draft(OUTLOOK_USER, None, saying("Draft")),
        };
        world.poll(id).await;
        assert_eq!(decision(&world, id, &draft).await, "draft");
        assert_eq!(decision(&world, id, "18c0ffee00000000").await, "notShown");
        let nothing = one(&world, id, &json!({ "subject": "Never" })).await;
        assert_eq!((&nothing["objectId"], &nothing["decision"]), (&Value::Null, &json!("notShown")));
    }
}

#[tokio::test]
async fn conditions_that_leave_it_out_are_named() {
    let world = World::new(492);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    let url = "/hubs/general/changed-messages?where=labelIds='STARRED'";
    body["configuration"]["event.poller.configuration"] =
        json!({ "changed-messages": { "url": url, "idField": "id" } });
    let id = world.create(&body).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(decision(&world, id, &mail).await, "outsideConditions");
}

#[tokio::test]
async fn a_callback_that_does_not_take_it_is_said() {
    let world = World::with_retry_delays(493, "60");
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(decision(&world, id, &mail).await, "retrying");
    world.pass(Duration::minutes(2)).await;
    assert_eq!(decision(&world, id, &mail).await, "queued");
}

/// Then the provider is not asked either.
#[tokio::test]
async fn what_stops_a_mailbox_stops_the_question() {
    let world = World::new(494);
    let id = world.create_gmail().await;
    world.google.push_fault(Fault {
        on: Route::History,
        kind: FaultKind::RateLimited { retry_after_s: Some(600) },
        times: 1,
    });
    world.poll(id).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.clear_requests();
    let told = one(&world, id, &json!({ "objectId": mail })).await;
    assert_eq!(told["decision"], "backingOff");
    assert!(told["at"].is_string());
    world.pass(Duration::minutes(11)).await;
    world.call("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
    world.google.clear_requests();
    let other = world.google.deliver(GMAIL_USER, Mail::default());
    assert_eq!(decision(&world, id, &other).await, "disabled");
    assert_eq!(world.google.requests(), []);
}

/// A limit that the question itself meets holds for polls.
#[tokio::test]
async fn a_limit_that_the_question_meets_holds_for_everybody() {
    let world = World::new(495);
    let id = world.create_gmail().await;
    world.google.push_fault(Fault {
        on: Route::List,
        kind: FaultKind::RateLimited { retry_after_s: Some(70) },
        times: 1,
    });
    let answer = explained(&world, id, &json!({ "subject": "x" })).await;
    assert!(answer["notRead"].as_str().unwrap().contains("429"), "{answer}");
    world.google.clear_requests();
    let polled = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert_eq!((polled.status, world.google.requests()), (429, vec![]));
}

#[tokio::test]
async fn it_is_noted_who_asked_and_nothing_else_is_kept_or_told() {
    let world = World::new(496);
    let id = world.create_gmail().await;
    world.google.deliver(GMAIL_USER, saying("Topsecret"));
    let answer = explained(&world, id, &json!({ "subject": "Topsecret" })).await;
    assert!(!answer.to_string().contains("Topsecret"), "{answer}");
    assert!(!world.dump().contains("Topsecret"));
    let audit = world.get("/organizations/1/audit").await;
    assert_eq!(
        (&audit[0]["action"], &audit[0]["after"]),
        (&json!("instance.explained"), &json!({ "by": "subject" }))
    );
}

#[tokio::test]
async fn only_who_sees_the_instance_asks_and_one_thing_at_a_time() {
    let world = World::new(497);
    let id = world.create_gmail().await;
    let path = format!("/instances/{id}/explain");
    for body in [
        json!({}),
        json!({ "subject": "a", "objectId": "b" }),
        json!({ "at": "yesterday" }),
        json!({ "subject": "x".repeat(999) }),
    ] {
        world.call("POST", &path, &body).await.assert_refused(400);
    }
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let own = format!("User world-user, Element {token}");
    assert_eq!(world.call_as(&own, "POST", &path, r#"{"objectId":"x"}"#).await.status, 200);
    world.admit_another("other-user", "other-organization").await;
    let other = "User other-user, Organization other-organization";
    world.call_as(other, "POST", &path, r#"{"objectId":"x"}"#).await.assert_refused(404);
}

#[tokio::test]
async fn what_was_gone_before_it_was_read_came_and_went() {
    let world = World::new(498);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    // It can't be read at first, and is gone when it is looked at again.
    world.google.poison(GMAIL_USER, &mail, FaultKind::ServerError { status: 500 });
    let other = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), other)]);
    let answer = explained(&world, id, &json!({ "objectId": mail })).await;
    assert_eq!(answer["objects"][0]["decision"], "waitingForContent", "{answer}");
    world.google.heal(GMAIL_USER, &mail);
    world.google.poison(GMAIL_USER, &mail, FaultKind::ServerError { status: 404 });
    world.pass(Duration::minutes(20)).await;
    assert_eq!(world.arrived(), []);
    assert_eq!(decision(&world, id, &mail).await, "cameAndWent");
}

#[tokio::test]
async fn what_is_asked_later_is_decided_under_the_configuration_of_that_day() {
    let world = World::new(499);
    let id = world.create_gmail().await;
    world.clock.advance(Duration::minutes(5));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_eq!(decision(&world, id, &mail).await, "notPolledYet");
    let url = "/hubs/general/changed-messages?where=labelIds='STARRED'";
    let entry = json!({ "changed-messages": { "url": url, "idField": "id" } });
    world.patch(id, &json!({ "configuration": { "event.poller.configuration": entry } })).await;
    assert_eq!(decision(&world, id, &mail).await, "outsideConditions");
}

/// Ten of a resource, whatever a subject finds; and where it was delivered, since when.
#[tokio::test]
async fn an_answer_is_bounded_and_has_times() {
    let world = World::new(500);
    let id = world.create_gmail().await;
    for _ in 0..15 {
        world.google.deliver(GMAIL_USER, saying("Many"));
    }
    world.poll(id).await;
    world.google.clear_requests();
    let answer = explained(&world, id, &json!({ "subject": "Many" })).await;
    let objects = answer["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 10, "{answer}");
    assert!(world.google.requests().len() <= 12, "{:?}", world.google.requests().len());
    for one in objects {
        assert_eq!(one["decision"], "delivered");
        assert!(["at", "arrivedAt", "lastCompletePoll"].iter().all(|time| one[*time].is_string()), "{one}");
    }
}

#[tokio::test]
async fn a_question_leaves_nothing_but_its_note() {
    let world = World::new(490);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, saying("Topsecret"));
    world.poll(id).await;
    let before = world.dump_beside_audit();
    for asked in
        [json!({ "subject": "Topsecret" }), json!({ "objectId": mail }), json!({ "objectId": "none" })]
    {
        explained(&world, id, &asked).await;
    }
    assert_eq!(world.dump_beside_audit(), before);
    let record = world.get("/organizations/1/audit").await;
    let notes = record.as_array().unwrap().iter().filter(|one| one["action"] == "instance.explained");
    assert_eq!(notes.count(), 3);
}

/// A user who sees their own instances asks about those alone; nobody asks without signing in.
#[tokio::test]
async fn who_may_not_read_a_mailbox_may_not_ask_about_it() {
    let world = World::new(489);
    let id = world.create_gmail().await;
    let admin = format!("Admin {}", crate::world::ADMIN_KEY);
    let body = json!({ "seesAll": false }).to_string();
    let member = world.call_as(&admin, "POST", "/organizations/1/users", &body).await.body;
    let member = format!("User {}, Organization world-organization", member["userSecret"].as_str().unwrap());
    let path = format!("/instances/{id}/explain");
    world.call_as(&member, "POST", &path, r#"{"objectId":"x"}"#).await.assert_refused(404);
    world.call_as("", "POST", &path, r#"{"objectId":"x"}"#).await.assert_refused(401);
}

/// An index leads to it, however much was sent since.
#[tokio::test]
async fn what_was_sent_before_a_thousand_others_says_when() {
    let world = World::new(499);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, saying("Long ago"));
    world.poll(id).await;
    for _ in 0..1_050 {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
    }
    let told = one(&world, id, &json!({ "objectId": mail })).await;
    assert_eq!(told["decision"], "delivered", "{told}");
    let event = world.get(&format!("/instances/events/{}", told["eventId"].as_str().unwrap())).await;
    assert!(event["providerData"].as_str().unwrap().contains(&mail));
    let lives = world.get(&format!("/instances/{id}/objects/{mail}/life")).await;
    assert_eq!((lives.as_array().unwrap().len(), &lives[0]["objectId"]), (1, &json!(mail)));
}
