//! Attempts: when the next one comes, and when there is none.

use super::{body, notify, objects, status, suspend, webhook_id, with_callback};
use crate::world::{GMAIL_USER, World, gmail_body};
use app::ports::{Vault as _, Written};
use chrono::Duration;
use doubles::{Answer, Received};
use serde_json::{Value, json};

/// Seconds between the attempts.
fn waits(received: &[Received]) -> Vec<i64> {
    received.windows(2).map(|pair| (pair[1].at_us - pair[0].at_us) / 1_000_000).collect()
}

/// Only the 15-minute poll runs beside the retries.
#[tokio::test]
async fn retries_come_at_the_policys_times_with_the_same_id_and_body() {
    let world = World::new(171);
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    notify(&world, id, 1).await;
    world.pass(Duration::hours(11)).await;
    let received = world.receiver.take();
    assert_eq!(waits(&received), [8, 64, 512, 4096, 32768]);
    for one in &received {
        assert_eq!((webhook_id(one), &one.body), (webhook_id(&received[0]), &received[0].body));
        assert_eq!(webhook_id(one), body(one)["message"]["eventId"]);
    }
    assert_eq!(status(&world, id).await, "suspended");
    world.pass(Duration::hours(48)).await;
    assert_eq!(world.receiver.take().len(), 0, "after the last one there is none");
}

#[tokio::test]
async fn a_success_ends_the_retries() {
    let world = World::new(172);
    let id = world.create_gmail().await;
    for status in [500, 404, 202] {
        world.receiver.answer_next(status);
    }
    notify(&world, id, 1).await;
    world.pass(Duration::hours(12)).await;
    let received = world.receiver.take();
    let answered: Vec<_> = received.iter().map(|one| one.answered).collect();
    assert_eq!(answered, [500, 404, 202]);
    assert_eq!(status(&world, id).await, "active");
}

/// A receiver that is busy may ask for more time than the policy gives, not for less.
#[tokio::test]
async fn a_busy_receiver_is_given_the_time_it_asks_for() {
    for code in [429, 503] {
        let world = World::new(173);
        let id = world.create_gmail().await;
        let busy = |seconds: &str| Answer {
            status: code,
            headers: vec![("retry-after".to_owned(), seconds.to_owned())],
            ..Answer::default()
        };
        for seconds in ["100", "1", "Sun, 22 Nov 2026 12:30:00 GMT"] {
            world.receiver.answer_with(busy(seconds));
        }
        notify(&world, id, 1).await;
        world.pass(Duration::hours(1)).await;
        let received = world.receiver.take();
        let (first, second) = (waits(&received)[0], waits(&received)[1]);
        assert!(
            (100..=400).contains(&first),
            "{first}: up to five minutes more, as others may be told the same"
        );
        assert_eq!(second, 64, "the policy's wait is longer");
        let until = chrono::DateTime::from_timestamp_micros(received[3].at_us).unwrap();
        let date = chrono::DateTime::parse_from_rfc3339("2026-11-22T12:30:00Z").unwrap().to_utc();
        assert!((date..date + Duration::minutes(5)).contains(&until), "a date is read too: {until}");
        assert_eq!(received.len(), 4);
    }
}

/// Another status with the same header does not count.
#[tokio::test]
async fn a_server_error_does_not_choose_the_time() {
    let world = World::new(174);
    let id = world.create_gmail().await;
    let headers = vec![("retry-after".to_owned(), "3000".to_owned())];
    world.receiver.answer_with(Answer { status: 500, headers, ..Answer::default() });
    notify(&world, id, 1).await;
    world.pass(Duration::minutes(1)).await;
    assert_eq!(waits(&world.receiver.take()), [8]);
}

/// A redirect could lead a signed body anywhere: it is a failed attempt.
#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new(175);
    let id = world.create_gmail().await;
    for code in [301, 302, 303, 307, 308] {
        world.receiver.answer_with(Answer::redirect(code, "http://callback.test/elsewhere"));
    }
    notify(&world, id, 1).await;
    world.pass(Duration::hours(12)).await;
    let received = world.receiver.take();
    assert!(received.iter().all(|one| one.path == "/hook"), "{received:?}");
    assert_eq!(waits(&received), [8, 64, 512, 4096, 32768]);
    assert_eq!(received[5].answered, 200);
}

#[tokio::test]
async fn a_callback_that_is_gone_suspends_at_once() {
    let world = World::new(176);
    let id = world.create_gmail().await;
    suspend(&world, id).await;
    let subscription = world.shown(id).await["subscription"].clone();
    assert!(subscription["reason"].as_str().unwrap().contains("410"), "{subscription}");
    let listed = world.get("/notifications/subscriptions").await;
    assert_eq!((&listed[0]["active"], &listed[0]["channel"]), (&json!(false), &json!("webhook")));
    world.pass(Duration::hours(12)).await;
    assert_eq!(world.receiver.take().len(), 0);
}

#[tokio::test]
async fn a_refused_address_suspends_at_once_and_is_told() {
    let world = World::new(177);
    let code = world.google.new_code(GMAIL_USER);
    let id = world.create(&with_callback(gmail_body(&code), "http://private.test/hook")).await;
    let mails = notify(&world, id, 1).await;
    let shown = world.shown(id).await;
    assert_eq!(shown["subscription"]["status"], "suspended");
    assert!(
        shown["subscription"]["reason"].as_str().unwrap().contains("refused"),
        "{}",
        shown["subscription"]
    );
    let log = world.get(&format!("/instances/{id}/events")).await;
    assert_eq!(log[0]["attempts"].as_array().unwrap().len(), 1);
    assert!(log[0]["attempts"][0]["error"].as_str().unwrap().contains("private"));
    // A better address is a reason to try again, at once.
    let better = json!({ "configuration": { "event.notification.callback.url": crate::world::CALLBACK } });
    world.patch(id, &better).await;
    let received = world.receiver.take();
    assert_eq!(received.iter().flat_map(objects).collect::<Vec<_>>(), mails);
    assert_eq!(status(&world, id).await, "active");
}

/// No answer at all is a failed attempt like any other.
#[tokio::test]
async fn a_host_that_does_not_answer_is_retried() {
    let world = World::new(178);
    let code = world.google.new_code(GMAIL_USER);
    let id = world.create(&with_callback(gmail_body(&code), "http://silent.test/hook")).await;
    notify(&world, id, 1).await;
    world.pass(Duration::minutes(2)).await;
    let log = world.get(&format!("/instances/{id}/events")).await;
    let attempts = log[0]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|one| one["status"] == Value::Null && one["error"].is_string()));
    assert_eq!((&log[0]["status"], &log[0]["delivery"]), (&json!("RECEIVED"), &json!("retry")));
    assert_eq!(status(&world, id).await, "active");
}

#[tokio::test]
async fn retries_survive_a_restart() {
    let mut world = World::new(179);
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    let mails = notify(&world, id, 1).await;
    for _ in 0..4 {
        world.restart();
        world.pass(Duration::minutes(3)).await;
    }
    world.restart();
    world.pass(Duration::hours(11)).await;
    let received = world.receiver.take();
    assert_eq!(waits(&received), [8, 64, 512, 4096, 32768]);
    assert!(received.iter().all(|one| objects(one) == mails && one.body == received[0].body));
}

/// A process that missed a retry's time makes up for it, once.
#[tokio::test]
async fn a_retry_that_was_due_while_nobody_ran_is_made_up_for() {
    let mut world = World::new(180);
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    let mails = notify(&world, id, 1).await;
    world.clock.advance(Duration::hours(5));
    world.restart();
    world.run_until_idle().await;
    let received = world.receiver.take();
    assert_eq!(received.len(), 2);
    assert_eq!(objects(&received[1]), mails);
}

/// What fails before the post costs no claim: the attempt is not left alone until that runs out.
#[tokio::test]
async fn secrets_that_can_not_be_read_hold_an_attempt_up_for_seconds() {
    let mut world = World::new(182);
    let id = world.create_gmail().await;
    let (secrets, version) = world.vault().read(id).await.unwrap().unwrap();
    world.vault().remove(id).await.unwrap();
    world.restart();
    let begun_at = world.now();
    let mails = notify(&world, id, 1).await;
    assert_eq!(world.receiver.take().len(), 0);
    assert_eq!(world.vault().write(id, &secrets, 1).await.unwrap(), Written::Done);
    assert_eq!(version, 1);
    world.pass(Duration::minutes(5)).await;
    let received = world.receiver.take();
    assert_eq!(received.iter().flat_map(objects).collect::<Vec<_>>(), mails);
    let waited_s = (received[0].at_us - begun_at.timestamp_micros()) / 1_000_000;
    assert!(waited_s < 10, "it took {waited_s} s");
}

#[tokio::test]
async fn the_event_log_shows_each_attempt() {
    let world = World::new(181);
    let id = world.create_gmail().await;
    let angry = Answer { status: 500, body: vec![b'x'; 10_000], ..Answer::default() };
    world.receiver.answer_with(angry);
    world.receiver.answer_next(404);
    let mails = notify(&world, id, 1).await;
    world.pass(Duration::minutes(5)).await;
    let log = world.get(&format!("/instances/{id}/events")).await;
    assert_eq!(log.as_array().unwrap().len(), 1);
    let record = &log[0];
    assert_eq!((&record["status"], &record["delivery"]), (&json!("NOTIFIED"), &json!("delivered")));
    let data: Value = serde_json::from_str(record["providerData"].as_str().unwrap()).unwrap();
    assert_eq!(data["message"]["events"][0]["objectId"], mails[0]);
    assert_eq!(data["message"]["eventId"], record["id"]);
    let attempts = record["attempts"].as_array().unwrap();
    let shown: Vec<_> = attempts.iter().map(|one| (one["number"].clone(), one["status"].clone())).collect();
    assert_eq!(shown, [(json!(1), json!(500)), (json!(2), json!(404)), (json!(3), json!(200))]);
    let answer = attempts[0]["answer"].as_str().unwrap();
    assert!((1..=256).contains(&answer.len()), "only the first bytes are kept: {}", answer.len());
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let own =
        world.call_as(&format!("User world-user, Element {token}"), "GET", "/instances/events", "").await;
    assert_eq!(own.body, log);
}
