//! What waits: suspended, disabled, released in order.

use super::{notify, objects, release, status, suspend, webhook_id, with_callback};
use crate::world::{GMAIL_USER, World, gmail_body};
use app::ports::{Job, Schedule as _, Vault as _, Written};
use chrono::Duration;
use domain::schedule::Timetable;
use doubles::{Mail, Received};
use serde_json::{Value, json};

const DELIVERIES: &str = "/notifications/subscriptions/deliveries";

/// A condition, percent-encoded.
fn where_is(condition: &str) -> String {
    let encoded: String = condition
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("{DELIVERIES}?where={encoded}")
}

fn all_objects(received: &[Received]) -> Vec<String> {
    received.iter().filter(|one| one.answered == 200).flat_map(objects).collect()
}

/// After the last retry the callback is suspended; what comes later waits with what failed, and with what was
/// still to be retried.
#[tokio::test]
async fn everything_waits_while_a_callback_is_suspended() {
    let world = World::with_retry_delays(191, "8,64");
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    let mut mails = notify(&world, id, 1).await;
    world.pass(Duration::seconds(60)).await;
    mails.extend(notify(&world, id, 1).await);
    world.pass(Duration::minutes(5)).await;
    assert_eq!(status(&world, id).await, "suspended");
    let before = world.receiver.take().len();
    assert!((4..=6).contains(&before), "{before}");
    mails.extend(notify(&world, id, 3).await);
    world.pass(Duration::hours(24)).await;
    assert_eq!(world.receiver.take().len(), 0);
    let queued = world.get(&where_is("channel='webhook' and status='queued'")).await;
    assert_eq!(queued.as_array().unwrap().len(), 5);
    world.receiver.set_default(200);
    assert_eq!(release(&world).await.as_array().unwrap().len(), 1);
    assert_eq!(all_objects(&world.receiver.take()), mails, "in the order of their commits");
    assert_eq!(status(&world, id).await, "active");
    let later = notify(&world, id, 1).await;
    assert_eq!(all_objects(&world.receiver.take()), later);
}

/// What fails before a post costs the release no lease: it goes on within seconds, and not when the lease runs out.
#[tokio::test]
async fn secrets_that_can_not_be_read_hold_a_release_up_for_seconds() {
    let mut world = World::new(199);
    let id = world.create_gmail().await;
    let mails = suspend(&world, id).await;
    let (secrets, _) = world.vault().read(id).await.unwrap().unwrap();
    world.vault().remove(id).await.unwrap();
    world.restart();
    world.receiver.take();
    let begun_at = world.now();
    release(&world).await;
    assert_eq!(world.receiver.take().len(), 0);
    assert_eq!(world.vault().write(id, &secrets, 1).await.unwrap(), Written::Done);
    world.pass(Duration::minutes(5)).await;
    let received = world.receiver.take();
    assert_eq!(all_objects(&received), mails);
    let waited_s = (received[0].at_us - begun_at.timestamp_micros()) / 1_000_000;
    assert!(waited_s < 15, "it took {waited_s} s");
}

/// The next one goes out only after the one before was taken, and a failure puts everything back.
#[tokio::test]
async fn a_release_that_fails_suspends_again_and_loses_no_place() {
    let world = World::new(192);
    let id = world.create_gmail().await;
    let mut mails = suspend(&world, id).await;
    mails.extend(notify(&world, id, 5).await);
    for status in [200, 200, 500] {
        world.receiver.answer_next(status);
    }
    release(&world).await;
    let first = world.receiver.take();
    assert_eq!(first.iter().map(|one| one.answered).collect::<Vec<_>>(), [200, 200, 500], "it stopped there");
    assert_eq!(status(&world, id).await, "suspended");
    world.pass(Duration::hours(12)).await;
    assert_eq!(world.receiver.take().len(), 0, "no retry on its own");
    release(&world).await;
    let second = world.receiver.take();
    assert_eq!(webhook_id(&second[0]), webhook_id(&first[2]));
    assert_eq!(second[0].body, first[2].body);
    let arrived: Vec<_> = all_objects(&first).into_iter().chain(all_objects(&second)).collect();
    assert_eq!(arrived, mails);
    assert_eq!(status(&world, id).await, "active");
}

/// What comes while a release is under way queues behind it, also when a second release is asked for.
#[tokio::test]
async fn new_notifications_queue_behind_a_release() {
    let world = World::new(193);
    let id = world.create_gmail().await;
    let mut mails = suspend(&world, id).await;
    mails.extend(notify(&world, id, 8).await);
    mails.push(world.google.deliver(GMAIL_USER, Mail::default()));
    let deadline = world.now() + Duration::seconds(60);
    let other = world.another_process();
    let third = world.another_process();
    let (released, polled, again) = futures_util::future::join3(
        world.app.run(Job::Release(id), deadline),
        other.poll(id, deadline),
        third.run(Job::Release(id), deadline),
    )
    .await;
    assert!(released.is_ok() && polled.is_ok() && again.is_ok());
    world.pass(Duration::minutes(3)).await;
    assert_eq!(all_objects(&world.receiver.take()), mails);
    assert_eq!(status(&world, id).await, "active");
}

/// A worker that died in the middle of a release: the rest goes on with the next, in order, and nothing waits
/// for somebody to ask again.
#[tokio::test]
async fn a_release_that_a_crash_cut_short_goes_on() {
    for passages in (0..40).step_by(3) {
        let mut world = World::new(194);
        let id = world.create_gmail().await;
        let mut mails = suspend(&world, id).await;
        mails.extend(notify(&world, id, 4).await);
        let reply = world.call("PUT", &where_is("status='queued'"), &Value::Null).await;
        assert_eq!(reply.status, 200);
        world.gate.die_after(passages);
        world.gate.run(world.run_until_idle()).await;
        world.restart();
        world.pass(Duration::minutes(20)).await;
        let mut arrived = all_objects(&world.receiver.take());
        // The one under way at the crash may come twice: it could not be known that it was taken.
        arrived.dedup();
        assert_eq!(arrived, mails, "died at {passages}");
        assert_eq!(status(&world, id).await, "active");
    }
}

#[tokio::test]
async fn a_disabled_instance_keeps_what_is_undelivered_until_it_is_enabled() {
    let world = World::new(195);
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    let mut mails = notify(&world, id, 3).await;
    let enabled = format!("/instances/{id}/enabled");
    assert_eq!(world.call("DELETE", &enabled, &Value::Null).await.status, 200);
    world.receiver.set_default(200);
    world.receiver.take();
    world.pass(Duration::hours(24)).await;
    assert_eq!(world.receiver.take().len(), 0);
    let queued = world.get(&where_is("status='queued'")).await;
    assert_eq!(queued.as_array().unwrap().len(), 3);
    release(&world).await;
    assert_eq!(world.receiver.take().len(), 0, "disabled is disabled");
    mails.push(world.google.deliver(GMAIL_USER, Mail::default()));
    assert_eq!(world.call("PUT", &enabled, &Value::Null).await.status, 200);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(all_objects(&world.receiver.take()), mails);
    assert_eq!(status(&world, id).await, "active");
}

/// The condition chooses whose deliveries are listed and released.
#[tokio::test]
async fn deliveries_are_listed_and_released_by_callback() {
    let world = World::new(196);
    let first = world.create_gmail().await;
    let other = "http://callback.test/other?key=1";
    let second = world.create(&with_callback(gmail_body(&world.google.new_code(GMAIL_USER)), other)).await;
    world.receiver.set_default(410);
    let mails = notify(&world, first, 2).await;
    world.poll(second).await;
    assert_eq!(
        (status(&world, first).await, status(&world, second).await),
        (json!("suspended"), json!("suspended"))
    );
    let all = world.get(&where_is("channel='webhook' and status='queued'")).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let of_other = where_is(&format!("channel='webhook' and status='queued' and config.url='{other}'"));
    let listed = world.get(&of_other).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["instanceId"], second.get());
    assert_eq!((&listed[0]["status"], &listed[0]["config"]["url"]), (&json!("queued"), &json!(other)));
    assert!(listed[0]["notificationId"].is_u64() && listed[0]["subscriptionId"].is_u64());
    assert_eq!(world.get(&where_is("channel='email'")).await, json!([]));
    let wrong = world.call("GET", &where_is("channel='webhook"), &Value::Null).await;
    assert_eq!(wrong.status, 400);
    world.receiver.set_default(200);
    world.receiver.take();
    let released = world.call("PUT", &of_other, &Value::Null).await;
    assert_eq!(released.body.as_array().unwrap().len(), 1);
    world.run_until_idle().await;
    let received = world.receiver.take();
    assert!(received.iter().all(|one| one.path == "/other?key=1"));
    let arrived = all_objects(&received);
    assert_eq!(arrived, mails);
    assert_eq!(
        (status(&world, first).await, status(&world, second).await),
        (json!("suspended"), json!("active"))
    );
}

/// Undelivered notifications have no time of their own: they are still there after weeks.
#[tokio::test]
async fn what_is_undelivered_is_kept_however_long_it_waits() {
    let world = World::new(197);
    let id = world.create_gmail().await;
    let delivered = notify(&world, id, 1).await;
    world.receiver.take();
    let mails = suspend(&world, id).await;
    world.timers.put(id, Timetable::new(id, 15), false).await.unwrap();
    world.pass(Duration::days(30)).await;
    world.store.retention(world.now(), 100).await.unwrap();
    let log = world.get(&format!("/instances/{id}/events")).await;
    let shown = log.to_string();
    assert!(shown.contains(&mails[0]) && !shown.contains(&delivered[0]), "{shown}");
    release(&world).await;
    assert_eq!(all_objects(&world.receiver.take()), mails);
}

/// Delivering again is no way around a suspension: it takes its place in the queue.
#[tokio::test]
async fn a_delivery_that_is_asked_for_again_waits_with_the_others() {
    let world = World::new(198);
    let id = world.create_gmail().await;
    let delivered = notify(&world, id, 1).await;
    let first = world.receiver.take();
    let mails = suspend(&world, id).await;
    let path = format!("/instances/{id}/events/{}/retry", webhook_id(&first[0]));
    assert_eq!(world.call("POST", &path, &Value::Null).await.status, 200);
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.receiver.take().len(), 0);
    release(&world).await;
    let received = world.receiver.take();
    assert_eq!(all_objects(&received), [delivered, mails].concat());
    assert_eq!(received[0].body, first[0].body);
    assert_eq!(status(&world, id).await, "active");
}
