//! One organization's slow callbacks and bodies, and what others have of the process.

use crate::process::{OneProcess, Process, platform};
use futures_util::future::join_all;
use rusqlite::Connection;
use scenarios::{Callback, Client, Mailbox, Organization, Outside};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// More than there are places for polls, which releases once took.
const RELEASING_COUNT: usize = 70;
/// What all bodies that arrive may hold together.
const BODIES_BYTES: usize = 64 * 1024 * 1024;
/// Long enough for all of them to arrive, and less than they have time for.
const ARRIVING: Duration = Duration::from_secs(4);
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

/// Clients that send these heads, and a body each that they do not end.
fn half_sent(platform: &OneProcess, heads: &[String], bytes_count: usize) -> JoinSet<()> {
    let body = Arc::new(vec![b' '; bytes_count]);
    let mut clients = JoinSet::new();
    for head in heads.iter().cycle().take(2 * BODIES_BYTES / bytes_count) {
        let (address, body) = (platform.process().address().to_owned(), body.clone());
        let head = format!("{head}host: localhost\r\ncontent-length: {}\r\n\r\n", bytes_count + 1);
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Who is refused may be hung up on.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
            std::future::pending::<()>().await;
        });
    }
    clients
}

/// Whoever is known sends bodies, and each is taken.
async fn assert_takes_bodies(client: &Client) {
    let text = format!("{}{{}}", " ".repeat(500_000));
    let began = Instant::now();
    while began.elapsed() < ARRIVING {
        let reply = client.try_call("PATCH", "/accounts/settings", Some(text.clone())).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_one_organization_does_not_end_leave_room_for_those_of_another() {
    let platform = platform().await;
    let (greedy, quiet) = (Organization::new(&platform).await, Organization::new(&platform).await);
    let authorization = greedy.client.authorization();
    let head = format!("POST /elements/api-v2/instances HTTP/1.1\r\nauthorization: {authorization}\r\n");
    let _clients = half_sent(&platform, &[head], 400_000);
    assert_takes_bodies(&quiet.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_strangers_do_not_end_leave_room_for_those_of_who_is_known() {
    let platform = platform().await;
    let known = Organization::new(&platform).await;
    let paths = ["/push/gmail", "/elements/api-v2/sessions/link"];
    let heads = paths.map(|path| format!("POST {path} HTTP/1.1\r\n"));
    let _clients = half_sent(&platform, &heads, 500_000);
    assert_takes_bodies(&known.client).await;
}
