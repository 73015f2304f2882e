//! One organization's slow callbacks, and what others have of the process.

use crate::process::Process;
use futures_util::future::join_all;
use rusqlite::Connection;
use scenarios::{Callback, Mailbox, Outside};
use serde_json::json;
use std::time::Duration;

/// More than there are places for polls, which releases once took.
const RELEASING_COUNT: usize = 70;
/// Less than a callback may take to answer, 30 s.
const SOON: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_to_callbacks_that_do_not_answer_take_no_poll_its_place() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    // One attempt, and the subscription is suspended.
    let process = Process::start(&outside, folder.path(), "").await;
    let (silent, living) = (Callback::new(&outside, "silent"), Callback::new(&outside, "living"));
    silent.fail(500);
    let mailboxes: Vec<Mailbox> =
        (0..RELEASING_COUNT).map(|n| Mailbox::gmail(&outside, &format!("releasing-{n}"))).collect();
    join_all(mailboxes.iter().map(async |mailbox| {
        let id = process.client.connect(mailbox, &silent).await.id;
        mailbox.deliver();
        process.client.poll_well(id).await;
    }))
    .await;
    let before = silent.wait_for_posts(RELEASING_COUNT).await.len();
    scenarios::until("all are suspended", async || {
        let listed = process.client.list("/notifications/subscriptions").await;
        listed.iter().all(|one| one["status"] == "suspended").then_some(())
    })
    .await;
    silent.fall_silent();
    process.client.done("PUT", "/notifications/subscriptions/deliveries", &json!({})).await;
    silent.wait_for_posts(before + 16).await;

    let mailbox = Mailbox::gmail(&outside, "living");
    let id = process.client.connect(&mailbox, &living).await.id;
    let told = mailbox.deliver();
    let job = "INSERT INTO jobs (job, class, instance_id, due_at_us, failures)
         VALUES (json_object('Poll', ?1), 'other', ?1, 0, 0)";
    Connection::open(folder.path().join("carillon.db")).unwrap().execute(job, [id]).unwrap();
    let arrived = tokio::time::timeout(SOON, living.wait_for(&[told])).await;
    assert!(arrived.is_ok(), "a poll had to wait for releases");
    process.kill().await;
}
