//! Releases: an organization that lets many long queues go at once, to a callback that takes its time, and the short one
//! of another.

use crate::process;
use crate::row::{Row, ms_since};
use crate::seen::load;
use doubles::Answer;
use futures_util::future::join_all;
use scenarios::{Callback, Client, Mailbox, Organization, Outside, Platform as _, until};
use serde_json::json;
use std::time::Instant;

/// As many as there are places for releases.
const RELEASING_COUNT: usize = 64;
/// Mails behind the one that suspended it. Ten go into one notification.
const QUEUED_COUNT: usize = 150;
const NOTIFICATIONS_COUNT: usize = RELEASING_COUNT * QUEUED_COUNT / 10;
/// So that the noise lasts as long as the rounds.
const SLOW_MS: u64 = 1_500;
/// Of the quiet one.
const SHORT_COUNT: usize = 30;
const ROUNDS_COUNT: usize = 20;
const RELEASED_MS_MAX: f64 = 1_000.0;

pub(crate) async fn rows() -> Vec<Row> {
    // One attempt, and the subscription is suspended.
    let platform = process::platform_with(&[("CARILLON_RETRY_DELAYS", "")]).await;
    let outside = platform.outside();
    let (noisy, quiet) = (Organization::new(&platform).await, Organization::new(&platform).await);
    let quiet = Short::new(outside, &quiet.client).await;
    let noise = Callback::new(outside, "noisy");
    fill(outside, &noisy.client, &noise).await;
    println!("{NOTIFICATIONS_COUNT} notifications in {RELEASING_COUNT} queues, at load {}", load());
    let _warm = quiet.released().await;
    let alone = quiet.rounds(|| false).await;
    let answer = Answer { delay_ms: SLOW_MS, ..Answer::status(200) };
    outside.receiver.answer_path("/noisy", answer);
    outside.receiver.take();
    release(&noisy.client).await;
    noise.wait_for_posts(16).await;
    let released = || noise.posts().len();
    let beside = quiet.rounds(|| released() == NOTIFICATIONS_COUNT).await;
    println!("the noisy organization had {} of its notifications released meanwhile", released());
    let what = format!("release of {SHORT_COUNT} changes beside long queues, ms");
    Row::percentiles(&what, (&alone, &beside), RELEASED_MS_MAX).into()
}

/// Suspends as many as there are places for releases, each with a long queue.
async fn fill(outside: &Outside, client: &Client, callback: &Callback) {
    callback.fail(500);
    let mailboxes = (0..RELEASING_COUNT).map(|n| Mailbox::gmail(outside, &format!("noisy-{n}")));
    join_all(mailboxes.map(async |mailbox| {
        let id = client.connect(&mailbox, callback).await.id;
        (0..QUEUED_COUNT).for_each(|_| drop(mailbox.deliver()));
        client.poll_well(id).await;
    }))
    .await;
    wait_until_all(client, "suspended").await;
}

async fn release(client: &Client) {
    client.done("PUT", "/notifications/subscriptions/deliveries", &json!({})).await;
}

async fn wait_until_all(client: &Client, status: &str) {
    until("all subscriptions are as they should be", async || {
        let listed = client.list("/notifications/subscriptions").await;
        listed.iter().all(|one| one["status"] == status).then_some(())
    })
    .await;
}

/// A queue that is short, again and again.
struct Short<'a> {
    client: &'a Client,
    mailbox: Mailbox,
    callback: Callback,
    id: u64,
}

impl<'a> Short<'a> {
    async fn new(outside: &Outside, client: &'a Client) -> Self {
        let (mailbox, callback) = (Mailbox::gmail(outside, "quiet"), Callback::new(outside, "quiet"));
        let id = client.connect(&mailbox, &callback).await.id;
        Short { client, mailbox, callback, id }
    }

    /// So many, or until the noise is over.
    async fn rounds(&self, is_over: impl Fn() -> bool) -> Vec<f64> {
        let mut all = Vec::new();
        while all.len() < ROUNDS_COUNT && !is_over() {
            all.push(self.released().await);
        }
        all
    }

    /// From the request to the last notification, ms.
    async fn released(&self) -> f64 {
        self.callback.fail(500);
        let queued: Vec<_> = (0..SHORT_COUNT).map(|_| self.mailbox.deliver()).collect();
        self.client.poll_well(self.id).await;
        wait_until_all(self.client, "suspended").await;
        self.callback.heal();
        let began = Instant::now();
        release(self.client).await;
        self.callback.wait_for(&queued).await;
        let took = ms_since(began);
        wait_until_all(self.client, "active").await;
        took
    }
}
