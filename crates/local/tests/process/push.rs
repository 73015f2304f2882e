//! Notices that are pulled by a serving process.

use crate::process::Process;
use doubles::Google;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, body};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Far less than the hour between two polls.
const SOON: Duration = Duration::from_secs(15);
/// More than a notice takes that somebody took and did not acknowledge, and less than a pull waits.
const REDELIVERED: Duration = Duration::from_secs(30);
/// Google publishes no more than one notice of a mailbox in a second.
const NOTICE_EVERY: Duration = Duration::from_millis(1_500);
/// Longer than a process may take to stop: a pull is under way all the time.
const PULL_WAIT_US: i64 = 60_000_000;

pub(crate) fn topic() -> String {
    format!("projects/{}/topics/mail", Google::PROJECT)
}

fn subscription() -> String {
    format!("projects/{}/subscriptions/pull", Google::PROJECT)
}

/// Items of an instance that pulls, and is polled once an hour.
pub(crate) fn pulled(outside: &Outside) -> Vec<(&'static str, String)> {
    let google = &outside.providers.google;
    google.add_topic(&topic());
    google.add_pull_subscription(&subscription(), &topic());
    google.set_pull_wait_us(PULL_WAIT_US);
    vec![
        ("event.vendor.type", "webhooks".to_owned()),
        ("event.poller.refresh_interval", "60".to_owned()),
        ("event.vendor.push.topic", topic()),
        ("event.vendor.push.subscription", subscription()),
        ("event.vendor.push.key", google.service_account_key()),
    ]
}

async fn connect(outside: &Outside, process: &Process, mailbox: &Mailbox, callback: &Callback) -> u64 {
    let mut body = body(mailbox, callback);
    for (item, value) in pulled(outside) {
        body["configuration"][item] = Value::from(value);
    }
    let id = process.client.create(&body).await.id;
    process.client.poll_well(id).await;
    assert_eq!(shown(process, id).await["push"]["active"], true);
    id
}

async fn shown(process: &Process, id: u64) -> Value {
    process.client.done("GET", &format!("/instances/{id}"), &json!({})).await
}

/// Mail comes in, a notice rings, and nobody asks for a poll. One that keeps the watch may tell the first mail.
async fn rings(process: &Process, id: u64, mailbox: &Mailbox, callback: &Callback) {
    let (began, told) = (Instant::now(), mailbox.deliver());
    let mut last = began;
    scenarios::until("mail is told by a notice", async || {
        // Google drops a notice that follows another within a second: the next one tells of both.
        if last.elapsed() > NOTICE_EVERY {
            mailbox.deliver();
            last = Instant::now();
        }
        let shown = shown(process, id).await;
        let has_rung = shown["push"]["lastHintAt"].is_string()
            && shown["resources"][0]["lastPush"]["latencyMilliseconds"].is_u64();
        (has_rung && callback.told().contains(&told)).then_some(())
    })
    .await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pulled_notice_rings_within_seconds_before_and_after_a_restart() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "pulled"), Callback::new(&outside, "pulled"));
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let id = connect(&outside, &process, &mailbox, &callback).await;
    rings(&process, id, &mailbox, &callback).await;
    process.terminate().await;
    let mut meanwhile = Vec::new();
    scenarios::until("a notice waits at the provider", async || {
        meanwhile.push(mailbox.deliver());
        (outside.providers.google.backlog_count(&subscription()) > 0).then_some(())
    })
    .await;
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let began = Instant::now();
    callback.wait_for(&meanwhile).await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
    rings(&process, id, &mailbox, &callback).await;
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_fails_is_told_once_without_the_key_and_tried_until_it_works() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "refused"), Callback::new(&outside, "refused"));
    let (folder, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let process = Process::start_logged(&outside, folder.path(), log.path()).await;
    let google = &outside.providers.google;
    google.set_may_pull(false);
    let id = connect(&outside, &process, &mailbox, &callback).await;
    let logged = || std::fs::read_to_string(log.path()).unwrap();
    scenarios::until("the failure is logged", async || logged().contains("pull.failed").then_some(())).await;
    let waiting = mailbox.deliver();
    google.set_may_pull(true);
    callback.wait_for(&[waiting]).await;
    rings(&process, id, &mailbox, &callback).await;
    process.terminate().await;
    assert_eq!(logged().matches("pull.failed").count(), 1);
    assert_eq!(logged().matches("pull.recovered").count(), 1);
    assert!(!logged().contains("PRIVATE KEY"));
}

/// A pull waits for a minute, if nothing comes. One whose key was replaced takes nothing from the one with the new key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_whose_key_was_replaced_takes_no_notice() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "rekeyed"), Callback::new(&outside, "rekeyed"));
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let id = connect(&outside, &process, &mailbox, &callback).await;
    rings(&process, id, &mailbox, &callback).await;
    // To us it is another; to the provider it is the same.
    let key = outside.providers.google.service_account_key().replacen('{', "{ ", 1);
    let replaced = json!({ "configuration": { "event.vendor.push.key": key } });
    process.client.done("PATCH", &format!("/instances/{id}"), &replaced).await;
    let backlog = || outside.providers.google.backlog_count(&subscription());
    scenarios::until("all that was published is taken", async || (backlog() == 0).then_some(())).await;
    scenarios::until("a notice is published", async || {
        let told = mailbox.deliver();
        (backlog() > 0).then_some(told)
    })
    .await;
    let (began, wanted) = (Instant::now(), callback.told().len() + 1);
    scenarios::until("it is told", async || (callback.told().len() >= wanted).then_some(())).await;
    assert!(began.elapsed() < REDELIVERED, "it took {} s", began.elapsed().as_secs());
    process.terminate().await;
}
