//! What push of the release program is worth: how soon a change is told, and what becomes of it when notices go wrong.
//!
//! `cargo bench -p local --bench push` prints one line each, in about four minutes, and fails where a mark is missed. All
//! of it goes over sockets, in real time: half of the instances are Outlook's, whose notices come by themselves, and half
//! are Gmail's, whose notices are signed. Each has a mailbox of its own, and is polled once an hour besides.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

#[allow(dead_code)]
#[path = "../tests/process/process.rs"]
mod process;

use doubles::Mishap;
use scenarios::{Callback, Mailbox, Outside, PUBLIC_URL, Platform as _, body, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const INSTANCES_COUNT: usize = 500;
/// Between two mails, all mailboxes together.
const PACE: Duration = Duration::from_millis(20);
/// From the notice to the callback, 95th percentile.
const LATENCY_MS_MAX: f64 = 3_000.0;
const STORM_COUNT: usize = 10_000;
/// Polls that a storm may lead to.
const STORM_POLLS_MAX: u64 = 8;
/// Longer than the latest notice, and than the looks after it.
const SETTLED: Duration = Duration::from_secs(110);

const TOPIC: &str = "projects/double-project/topics/bench";
const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";

struct Bench<'a> {
    outside: &'a Outside,
    client: &'a scenarios::Client,
    connected: Vec<(Mailbox, u64)>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let platform = process::platform().await;
    let (outside, client) = (platform.outside(), platform.client());
    let google = &outside.providers.google;
    let route = format!("{PUBLIC_URL}/push/gmail");
    google.add_topic(TOPIC);
    google.add_push_subscription(
        "projects/double-project/subscriptions/bench",
        TOPIC,
        &route,
        SENDER,
        &route,
    );
    let callback = Callback::new(outside, "push");
    let mut connected = Vec::new();
    for n in 0..INSTANCES_COUNT {
        let mailbox = match n % 2 {
            0 => Mailbox::outlook(outside, &format!("mailbox-{n}")),
            _ => Mailbox::gmail(outside, &format!("mailbox-{n}")),
        };
        let instance = client.create(&pushed(&mailbox, &callback)).await.id;
        connected.push((mailbox, instance));
    }
    let bench = Bench { outside, client, connected };
    for (_, id) in &bench.connected {
        until("push is active", async || bench.is_active(*id).await.then_some(())).await;
    }
    println!("{INSTANCES_COUNT} instances, at load {}", load());
    let latencies = bench.mail_to(|_| true).await;
    told("change to callback", &latencies);
    bench.storm().await;
    bench.mishaps().await;
    assert!(percentile(&latencies, 95) <= LATENCY_MS_MAX, "change to callback missed its mark");
}

fn pushed(mailbox: &Mailbox, callback: &Callback) -> Value {
    let mut body = body(mailbox, callback);
    let items = body["configuration"].as_object_mut().unwrap();
    items.insert("event.vendor.type".to_owned(), "webhooks".into());
    items.insert("event.poller.refresh_interval".to_owned(), "60".into());
    if mailbox.connector() == "gmail" {
        items.insert("event.vendor.push.topic".to_owned(), TOPIC.into());
        items.insert("event.vendor.push.account".to_owned(), SENDER.into());
    }
    body
}

impl Bench<'_> {
    async fn is_active(&self, id: u64) -> bool {
        self.client.get(&format!("/instances/{id}")).await["push"]["active"] == true
    }

    /// A mail to each of these mailboxes; how long it takes each to be told, ms.
    async fn mail_to(&self, wanted: impl Fn(usize) -> bool) -> Vec<f64> {
        self.outside.receiver.take();
        let mut sent = BTreeMap::new();
        for (n, (mailbox, _)) in self.connected.iter().enumerate() {
            if wanted(n) {
                sent.insert(mailbox.deliver().object, now_us());
                tokio::time::sleep(PACE).await;
            }
        }
        self.outside.receiver.wait_for(sent.len()).await;
        let arrived = self.arrived();
        sent.iter().map(|(object, sent_us)| (arrived[object][0] - sent_us) as f64 / 1000.0).collect()
    }

    /// When each object was told, microseconds, as often as it was.
    fn arrived(&self) -> BTreeMap<String, Vec<i64>> {
        let mut arrived: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for received in self.outside.receiver.received() {
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            for event in body["message"]["events"].as_array().unwrap() {
                let object = event["objectId"].as_str().unwrap().to_owned();
                arrived.entry(object).or_default().push(received.at_us);
            }
        }
        arrived
    }

    /// Ten thousand notices of one mailbox, as fast as they are taken, while others get mail.
    async fn storm(&self) {
        let (mailbox, _) = &self.connected[0];
        let known = &self.outside.providers.microsoft.subscriptions_of(mailbox.address())[0];
        let one = json!({
            "subscriptionId": known["id"], "clientState": known["clientState"], "changeType": "updated",
        });
        let requests = mailbox.requests_count();
        let stranger = self.client.authorized("");
        let began = Instant::now();
        let storm = async {
            for _ in 0..STORM_COUNT / 100 {
                let body = json!({ "value": vec![&one; 100] }).to_string();
                assert_eq!(stranger.post_at("/push/outlookemail", &body).await.status, 202);
            }
            began.elapsed()
        };
        let (took, latencies) = tokio::join!(storm, self.mail_to(|n| n > 0 && n % 5 == 0));
        tokio::time::sleep(Duration::from_secs(30)).await;
        let polls = mailbox.requests_count() - requests;
        println!("storm of {STORM_COUNT} notices, {:.1} s   {polls:>6} polls", took.as_secs_f64());
        told("others meanwhile", &latencies);
        assert!(polls <= STORM_POLLS_MAX, "a storm made {polls} polls");
        assert!(percentile(&latencies, 95) <= LATENCY_MS_MAX, "a storm held others up");
    }

    /// A fifth of the notices is lost, a fifth doubled, a tenth a minute late, a tenth overtaken; Gmail's history shows
    /// what is told three seconds late.
    async fn mishaps(&self) {
        let providers = &self.outside.providers;
        for (mishap, probability) in [
            (Mishap::Dropped, 0.2),
            (Mishap::Doubled, 0.2),
            (Mishap::Late { us: 60_000_000 }, 0.1),
            (Mishap::Overtaken, 0.1),
        ] {
            providers.set_mishap_rate(mishap, probability);
        }
        providers.google.set_history_lag(3_000_000, 3_000_000, true);
        self.outside.receiver.take();
        let mut sent = Vec::new();
        for _ in 0..2 {
            for (mailbox, _) in &self.connected {
                sent.push(mailbox.deliver().object);
                tokio::time::sleep(PACE).await;
            }
        }
        tokio::time::sleep(SETTLED).await;
        let noticed = self.arrived().len();
        // What the timetable would do within the hour.
        for (_, id) in &self.connected {
            self.client.poll_well(*id).await;
        }
        until("all is told", async || (self.arrived().len() >= sent.len()).then_some(())).await;
        let arrived = self.arrived();
        let lost = sent.iter().filter(|object| !arrived.contains_key(*object)).count();
        let repeated = arrived.values().filter(|times| times.len() > 1).count();
        println!("notices that go wrong       {:>6} mails, {noticed} told before the next poll", sent.len());
        println!("                            {lost:>6} lost, {repeated} repeated");
        assert_eq!((lost, repeated), (0, 0));
    }
}

#[allow(clippy::disallowed_methods)] // the doubles live in real time here
fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().to_owned()
}

fn percentile(latencies: &[f64], percent: usize) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn told(what: &str, latencies: &[f64]) {
    let at = |percent| percentile(latencies, percent);
    println!("{what:<26}  {:>6.0} ms median, {:.0} ms p95, {:.0} ms p99", at(50), at(95), at(99));
}
