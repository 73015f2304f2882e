//! Gmail positions that expired: caught up with, and told.

use super::{assert_all, assert_created, polled, with_poller};
use crate::world::{GMAIL_USER, World, gmail_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// Requests for history that were answered 404.
fn too_old_count(world: &World) -> usize {
    let requests = world.google.requests();
    requests.iter().filter(|line| line.target.contains("/history?") && line.status == 404).count()
}

/// A few clients took the 404 for an expired position as the end of the account: marked it broken, and asked
/// the user to sign in again.
#[tokio::test]
async fn an_expired_position_is_not_fatal() {
    let world = World::new(31);
    let id = world.create_gmail().await;
    world.clock.advance(Duration::minutes(5));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.expire_history(GMAIL_USER);
    assert_created(&polled(&world, id).await, &[mail]);
    let shown = world.shown(id).await;
    assert_eq!((&shown["valid"], &shown["disabled"]), (&Value::from(true), &Value::from(false)));
    assert_eq!(shown["resources"][0]["failures"], 0);
    assert_eq!(shown["resources"][0]["error"], Value::Null);
    let next = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[next]);
}

/// A sync engine took its new position from the newest message. A message's own position may be too old
/// itself: each full listing ended in the next 404.
#[tokio::test]
async fn the_new_position_is_not_taken_from_a_message() {
    let world = World::new(32);
    let id = world.create_gmail().await;
    for _ in 0..5 {
        world.google.deliver(GMAIL_USER, Mail::default());
    }
    polled(&world, id).await;
    // The mailbox goes on without new messages, then everything before is forgotten.
    let mail = world.google.messages(GMAIL_USER)[0].id.clone();
    world.google.add_label(GMAIL_USER, &mail, "STARRED");
    world.google.purge(GMAIL_USER, &mail);
    world.google.expire_history(GMAIL_USER);
    world.google.clear_requests();
    world.pass(Duration::hours(3)).await;
    assert_eq!(too_old_count(&world), 1, "one position expired, once");
    assert_eq!(world.shown(id).await["resources"][0]["failures"], 0);
}

/// What happened to a mailbox while nobody looked.
struct Missed {
    known: Vec<String>,
    new: Vec<String>,
}

/// Mail known before the gap; in the gap new mail, also in spam and trash, and old mail changed and deleted.
async fn miss(world: &World, id: InstanceId) -> Missed {
    let google = &world.google;
    let known: Vec<_> = (0..6).map(|_| google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(world, id).await, &known);
    world.clock.advance(Duration::hours(2));
    let mut new: Vec<_> = (0..250).map(|_| google.deliver(GMAIL_USER, Mail::default())).collect();
    google.spam(GMAIL_USER, &new[3]);
    google.trash(GMAIL_USER, &new[4]);
    google.remove_label(GMAIL_USER, &new[5], "UNREAD");
    new.push(google.send(GMAIL_USER, Mail::default()));
    google.save_draft(GMAIL_USER, None, Mail::default());
    google.purge(GMAIL_USER, &known[0]);
    google.expire_history(GMAIL_USER);
    Missed { known, new }
}

/// A backup tool's way back after an expired position left out spam and trash, and skipped what changed while
/// it was at it. Here all mail of the gap is reported once, and the gap is said: deletions in it may be missing.
#[tokio::test]
async fn mail_of_the_gap_is_reported_once_with_spam_and_trash() {
    let world = World::new(33);
    let id = world.create_gmail().await;
    let missed = miss(&world, id).await;
    assert_created(&polled(&world, id).await, &missed.new);
    world.google.remove_label(GMAIL_USER, &missed.known[1], "UNREAD");
    let after = polled(&world, id).await;
    assert_eq!(after, [("UPDATED".to_owned(), missed.known[1].clone())]);
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.arrived(), []);
}

#[tokio::test]
async fn a_gap_is_told_by_the_instance_and_by_the_event_log() {
    let world = World::new(34);
    let id = world.create_gmail().await;
    let before = world.now();
    miss(&world, id).await;
    polled(&world, id).await;
    let shown = world.shown(id).await;
    let gaps = shown["resources"][0]["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let at = |key: &str| gaps[0][key].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!(at("from") >= before - Duration::seconds(1) && at("to") - at("from") >= Duration::hours(2));
    assert!(gaps[0]["reason"].as_str().unwrap().contains("deletions"), "{gaps:?}");
    let log = world.get(&format!("/instances/{id}/events?pageSize=200")).await;
    let told: Vec<_> = log.as_array().unwrap().iter().filter(|one| one["delivery"] == "logged").collect();
    assert_eq!(told.len(), 1);
    let data: Value = serde_json::from_str(told[0]["providerData"].as_str().unwrap()).unwrap();
    assert_eq!(data["gap"]["resource"], "changed-messages");
    assert_eq!(told[0]["attempts"], Value::Array(vec![]), "it is logged, not delivered");
}

/// The way back takes several polls, and the provider forgets the pinned position meanwhile.
#[tokio::test]
async fn a_position_that_expires_during_the_catch_up_is_caught_up_too() {
    let world = World::new(35);
    let id = world.create_gmail().await;
    let mut missed = miss(&world, id).await;
    for round in 0..3 {
        // A deadline this near ends the poll after one step.
        world.app.poll(id, world.now() + Duration::milliseconds(5_100)).await.unwrap();
        missed.new.push(world.google.deliver(GMAIL_USER, Mail::default()));
        if round != 1 {
            world.google.expire_history(GMAIL_USER);
        }
    }
    world.run_until_idle().await;
    let mut arrived = world.arrived();
    arrived.extend(polled(&world, id).await);
    assert_created(&arrived, &missed.new);
}

/// Mail that came in after the position was pinned is both in the listing and in the history that follows.
#[tokio::test]
async fn mail_that_arrives_during_the_catch_up_is_reported_once() {
    let world = World::new(36);
    let id = world.create_gmail().await;
    let mut missed = miss(&world, id).await;
    for _ in 0..6 {
        world.app.poll(id, world.now() + Duration::milliseconds(5_100)).await.unwrap();
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        world.google.remove_label(GMAIL_USER, &mail, "UNREAD");
        missed.new.push(mail);
    }
    world.run_until_idle().await;
    let mut arrived = world.arrived();
    arrived.extend(polled(&world, id).await);
    arrived.retain(|(kind, _)| kind != "UPDATED");
    assert_created(&arrived, &missed.new);
}

/// A process that died on the way back began a full listing again, or skipped the rest of it.
#[tokio::test]
async fn a_crash_during_the_catch_up_loses_nothing() {
    for passages in (1..60).step_by(7) {
        let mut world = World::new(37);
        let id = world.create_gmail().await;
        let missed = miss(&world, id).await;
        world.gate.die_after(passages);
        let deadline = world.now() + Duration::seconds(20);
        assert!(world.gate.run(world.app.poll(id, deadline)).await.is_none(), "it died");
        world.restart();
        world.pass(Duration::minutes(16)).await;
        assert_created(&world.arrived(), &missed.new);
    }
}

/// The host keeps its log for a day, and the gap is longer: what the log has forgotten was known all the same.
#[tokio::test]
async fn known_mail_is_not_created_again_when_the_log_has_forgotten_it() {
    let world = World::with_variables(38, &[("CARILLON_RETENTION_DAYS", "1")]);
    let id = world.create_gmail().await;
    let known: Vec<_> = (0..3).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &known);
    world.clock.advance(Duration::days(3));
    world.store.retention(world.now(), 1000).await.unwrap();
    let new = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.remove_label(GMAIL_USER, &known[0], "UNREAD");
    world.google.expire_history(GMAIL_USER);
    let told = polled(&world, id).await;
    let of = |kind: &str| -> Vec<(String, String)> {
        told.iter().filter(|(other, _)| other == kind).cloned().collect()
    };
    assert_created(&of("CREATED"), &[new]);
    assert_all(&of("UPDATED"), "UPDATED", &known[..1]);
}

/// Mail from before the baseline that is relabelled between the pin and the listing stands in both.
#[tokio::test]
async fn a_change_that_is_listed_is_not_told_again_by_the_history_behind_it() {
    for name in ["changed-messages", "threads"] {
        let world = World::new(39);
        let old = world.google.deliver(GMAIL_USER, Mail::default());
        let body = gmail_body(&world.google.new_code(GMAIL_USER));
        let poller = json!({ name: { "url": format!("/hubs/general/{name}"), "idField": "id" } });
        let id = world.create(&with_poller(body, poller)).await;
        world.clock.advance(Duration::hours(1));
        world.google.add_label(GMAIL_USER, &old, "STARRED");
        world.google.expire_history(GMAIL_USER);
        // A deadline this near ends the poll after one step: the position is pinned.
        world.app.poll(id, world.now() + Duration::milliseconds(2)).await.unwrap();
        world.google.remove_label(GMAIL_USER, &old, "UNREAD");
        world.run_until_idle().await;
        assert_all(&world.arrived(), "UPDATED", std::slice::from_ref(&old));
        world.pass(Duration::hours(1)).await;
        assert_eq!(world.arrived(), [], "{name}");
    }
}
