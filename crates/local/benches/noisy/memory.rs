//! Memory: an organization with long mails in many mailboxes, which sends the longest bodies that are taken.

use crate::process;
use crate::row::{Row, ms_since};
use crate::seen::{load, memory_mb};
use doubles::Mail;
use futures_util::future::join_all;
use scenarios::{Callback, Client, Mailbox, Organization, Outside, Platform as _, body};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Mailboxes of the noisy organization, which all get a long mail and are polled at once, again and again: as many as it has
/// places for polls.
const MAILBOXES_COUNT: usize = 48;
/// Doubles have to make the answers, too.
const MAIL_PACE: Duration = Duration::from_secs(4);
/// Of the text of one mail, which polls read as base64.
const MAIL_BYTES: usize = 3_000_000;
/// Clients that send bodies one after another: twice as many as an organization has bodies at once.
const SENDERS_COUNT: usize = 32;
const BODY_PACE: Duration = Duration::from_secs(1);
/// A little less than a body may have.
const BODY_BYTES: usize = 1_000_000;
const ROUNDS_COUNT: usize = 100;
const PACE: Duration = Duration::from_millis(100);
const CHANGE_MS_MAX: f64 = 2_000.0;
const MEMORY_MB_MAX: f64 = 512.0;

pub(crate) async fn rows() -> Vec<Row> {
    let platform = process::platform().await;
    let outside = platform.outside();
    let (noisy, quiet) = (Organization::new(&platform).await, Organization::new(&platform).await);
    let (mailbox, callback) = (Mailbox::gmail(outside, "quiet"), Callback::new(outside, "quiet"));
    let id = quiet.client.connect(&mailbox, &callback).await.id;
    let noise = Noise::prepared(outside, &noisy.client).await;
    println!("{MAILBOXES_COUNT} mailboxes with mails of {MAIL_BYTES} bytes, at load {}", load());
    let of_quiet = (&quiet.client, &mailbox, id, &callback);
    let _warm = see(of_quiet).await;
    let alone = see(of_quiet).await;
    let memory_alone = memory_mb(platform.process().id());
    noise.begin();
    let beside = see(of_quiet).await;
    let (mails, bodies) = noise.end();
    println!("the noisy organization had {mails} mails told and sent {bodies} bodies meanwhile");
    assert!(mails > MAILBOXES_COUNT && bodies > SENDERS_COUNT, "it was not noisy");
    let memory = (memory_alone as f64, memory_mb(platform.process().id()) as f64);
    let what = "change to callback beside long mails and bodies, ms";
    let mut rows = Vec::from(Row::percentiles(what, (&alone, &beside), CHANGE_MS_MAX));
    rows.push(Row::new("memory of the process at most, MB", memory, Some(MEMORY_MB_MAX)));
    rows
}

async fn see((client, mailbox, id, callback): (&Client, &Mailbox, u64, &Callback)) -> Vec<f64> {
    let mut changes = Vec::new();
    for _ in 0..ROUNDS_COUNT {
        let began = Instant::now();
        let told = mailbox.deliver();
        client.poll_well(id).await;
        callback.wait_for(&[told]).await;
        changes.push(ms_since(began));
        tokio::time::sleep(PACE).await;
    }
    changes
}

/// The noisy organization.
struct Noise {
    client: Client,
    mailboxes: Arc<Vec<(Mailbox, u64)>>,
    callback: Callback,
    is_over: Arc<AtomicBool>,
    bodies: Arc<AtomicUsize>,
}

impl Noise {
    async fn prepared(outside: &Outside, client: &Client) -> Self {
        let callback = Callback::new(outside, "noisy");
        let connected = (0..MAILBOXES_COUNT).map(async |n| {
            let mailbox = Mailbox::gmail(outside, &format!("noisy-{n}"));
            let mut body = body(&mailbox, &callback);
            body["configuration"]["event.poller.configuration"] = json!({
                "changed-messages": { "url": "/hubs/general/changed-messages?format=full", "idField": "id" },
            });
            let id = client.create(&body).await.id;
            (mailbox, id)
        });
        let mailboxes = Arc::new(join_all(connected).await);
        let client = client.clone();
        Noise { client, mailboxes, callback, is_over: Arc::default(), bodies: Arc::default() }
    }

    /// Until the end.
    fn begin(&self) {
        let text = "long ".repeat(MAIL_BYTES / 5);
        for n in 0..MAILBOXES_COUNT {
            let (client, mailboxes, text) = (self.client.clone(), self.mailboxes.clone(), text.clone());
            let is_over = self.is_over.clone();
            tokio::spawn(async move {
                let (mailbox, id) = &mailboxes[n];
                let path = format!("/instances/{id}/poll");
                while !is_over.load(Ordering::Relaxed) {
                    let mail = Mail { body: text.clone(), ..mailbox.mail() };
                    mailbox.double().receive(mailbox.address(), mail);
                    let _ = client.try_call("POST", &path, None).await;
                    tokio::time::sleep(MAIL_PACE).await;
                }
            });
        }
        let body = format!("{}{{}}", " ".repeat(BODY_BYTES));
        for _ in 0..SENDERS_COUNT {
            let (client, body) = (self.client.clone(), body.clone());
            let (is_over, bodies) = (self.is_over.clone(), self.bodies.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let _ = client.try_call("PATCH", "/accounts/settings", Some(body.clone())).await;
                    bodies.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(BODY_PACE).await;
                }
            });
        }
    }

    fn end(&self) -> (usize, usize) {
        self.is_over.store(true, Ordering::Relaxed);
        (self.callback.told_once().len(), self.bodies.load(Ordering::Relaxed))
    }
}
