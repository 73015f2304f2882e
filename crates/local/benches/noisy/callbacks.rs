//! Callbacks and requests: an organization with 500 callbacks that are dead or slow, which asks more than it may.

use crate::process;
use crate::row::{Row, ms_since};
use crate::seen::load;
use doubles::Answer;
use futures_util::future::join_all;
use scenarios::{Callback, Client, Mailbox, Organization, Outside, Platform as _};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Half of them never answer, half of them do after [`SLOW_MS`].
const CALLBACKS_COUNT: usize = 500;
const SLOW_MS: u64 = 8_000;
/// An organization's requests of a minute, and what the noisy one makes of them.
const PER_MINUTE: &str = "2000";
const FLOOD_PACE: Duration = Duration::from_millis(5);
/// Between two mails of the noisy organization.
const MAIL_PACE: Duration = Duration::from_millis(50);
/// So many that the noise passes its limit meanwhile.
const ROUNDS_COUNT: usize = 150;
/// A quiet organization's 95th percentile beside the noise, ms.
const CHANGE_MS_MAX: f64 = 1_000.0;
const REQUEST_MS_MAX: f64 = 250.0;

/// What the quiet organization sees, ms.
struct QuietView {
    changes: Vec<f64>,
    requests: Vec<f64>,
}

pub(crate) async fn rows() -> Vec<Row> {
    let platform = process::platform_with(&[("CARILLON_REQUESTS_PER_MINUTE", PER_MINUTE)]).await;
    let outside = platform.outside();
    let (noisy, quiet) = (Organization::new(&platform).await, Organization::new(&platform).await);
    let callback = Callback::new(outside, "quiet");
    let mailbox = Mailbox::gmail(outside, "quiet");
    let id = quiet.client.connect(&mailbox, &callback).await.id;
    let noise = Noise::prepared(outside, &noisy.client).await;
    println!("{CALLBACKS_COUNT} callbacks, at load {}", load());
    let _warm = see(&quiet.client, (&mailbox, id), &callback).await;
    let alone = see(&quiet.client, (&mailbox, id), &callback).await;
    noise.begin().await;
    let beside = see(&quiet.client, (&mailbox, id), &callback).await;
    let (asked, refused) = noise.end();
    println!("the noisy organization made {asked} requests, of which {refused} were refused with 429");
    assert!(refused > 0, "it asked no more than it may");
    let changes = (&alone.changes[..], &beside.changes[..]);
    let requests = (&alone.requests[..], &beside.requests[..]);
    let mut rows = Vec::from(Row::percentiles("change to callback, ms", changes, CHANGE_MS_MAX));
    rows.extend(Row::percentiles("`GET /instances`, ms", requests, REQUEST_MS_MAX));
    rows
}

async fn see(client: &Client, (mailbox, id): (&Mailbox, u64), callback: &Callback) -> QuietView {
    let mut seen = QuietView { changes: Vec::new(), requests: Vec::new() };
    for _ in 0..ROUNDS_COUNT {
        let began = Instant::now();
        let told = mailbox.deliver();
        client.poll_well(id).await;
        callback.wait_for(&[told]).await;
        seen.changes.push(ms_since(began));
        let began = Instant::now();
        client.get("/instances").await;
        seen.requests.push(ms_since(began));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    seen
}

/// The noisy organization's mailboxes, and what it does.
struct Noise {
    client: Client,
    mailboxes: Arc<Vec<(Mailbox, u64)>>,
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    silent: Callback,
}

impl Noise {
    async fn prepared(outside: &Outside, client: &Client) -> Self {
        let (silent, slow) = (Callback::new(outside, "silent"), Callback::new(outside, "slow"));
        silent.fall_silent();
        let path = slow.url().splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
        outside.receiver.answer_path(&path, Answer { delay_ms: SLOW_MS, ..Answer::status(200) });
        let mut mailboxes = Vec::new();
        for n in 0..CALLBACKS_COUNT {
            let mailbox = Mailbox::gmail(outside, &format!("noisy-{n}"));
            let id = client.connect(&mailbox, if n % 2 == 0 { &silent } else { &slow }).await.id;
            mailboxes.push((mailbox, id));
        }
        Noise {
            client: client.authorized(client.authorization()),
            mailboxes: Arc::new(mailboxes),
            is_over: Arc::default(),
            asked: Arc::default(),
            refused: Arc::default(),
            silent,
        }
    }

    /// Each callback has something to answer; then mail and requests come until the end.
    async fn begin(&self) {
        let polls = self.mailboxes.iter().map(async |(mailbox, id)| {
            mailbox.deliver();
            self.client.poll_well(*id).await;
        });
        join_all(polls).await;
        self.silent.wait_for_posts(90).await;
        let flood = (self.client.authorized(self.client.authorization()), self.is_over.clone());
        let (asked, refused) = (self.asked.clone(), self.refused.clone());
        tokio::spawn(async move {
            let (client, is_over) = flood;
            let client = Arc::new(client);
            while !is_over.load(Ordering::Relaxed) {
                let (client, asked, refused) = (client.clone(), asked.clone(), refused.clone());
                tokio::spawn(async move {
                    let reply = client.try_call("GET", "/elements", None).await;
                    asked.fetch_add(1, Ordering::Relaxed);
                    let is_refused = reply.is_some_and(|reply| reply.status == 429);
                    refused.fetch_add(u64::from(is_refused), Ordering::Relaxed);
                });
                tokio::time::sleep(FLOOD_PACE).await;
            }
        });
        let (client, is_over) = (self.client.authorized(self.client.authorization()), self.is_over.clone());
        let mailboxes = self.mailboxes.clone();
        tokio::spawn(async move {
            for (mailbox, id) in mailboxes.iter().cycle() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                mailbox.deliver();
                let path = format!("/instances/{id}/poll");
                let _ = client.try_call("POST", &path, Some(Value::Null.to_string())).await;
                tokio::time::sleep(MAIL_PACE).await;
            }
        });
    }

    fn end(&self) -> (u64, u64) {
        self.is_over.store(true, Ordering::Relaxed);
        (self.asked.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}
