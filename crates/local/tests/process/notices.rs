//! Notices of providers over sockets: those that go wrong, and those of strangers.

use crate::process::{OneProcess, platform};
use crate::push::{pulled, topic};
use doubles::{Forgery, Mishap};
use scenarios::{Callback, Mailbox, PUBLIC_URL, Platform as _, body, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";
/// Looks in a row without a request to the provider, after which nothing that has begun goes on: three seconds.
const QUIET_LOOKS_COUNT: usize = 12;
/// Mails to each mailbox.
const ROUNDS_COUNT: usize = 10;

/// Items of an instance that is pushed to, and polled once in an hour.
fn pushed(mailbox: &Mailbox) -> Vec<(&'static str, String)> {
    let all =
        [("event.vendor.type", "webhooks".to_owned()), ("event.poller.refresh_interval", "60".to_owned())];
    let signed = [("event.vendor.push.topic", topic()), ("event.vendor.push.account", SENDER.to_owned())];
    let signed = signed.into_iter().filter(|_| mailbox.connector() == "gmail");
    all.into_iter().chain(signed).collect()
}

/// Connects a mailbox, and waits for its push.
async fn connect(
    platform: &OneProcess,
    mailbox: &Mailbox,
    callback: &Callback,
    items: Vec<(&'static str, String)>,
) -> u64 {
    let client = platform.client();
    let mut body = body(mailbox, callback);
    items.into_iter().for_each(|(item, value)| body["configuration"][item] = value.into());
    let id = client.create(&body).await.id;
    let path = format!("/instances/{id}");
    let is_active = async || client.get(&path).await["push"]["active"] == true;
    until("push is active", async || is_active().await.then_some(())).await;
    id
}

#[allow(clippy::disallowed_methods)] // the doubles live in real time here
fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Everybody's notices go wrong in the ways that the providers are known for, and in some that only strangers want.
fn upset(platform: &OneProcess) {
    let providers = &platform.outside().providers;
    for (mishap, probability) in [
        (Mishap::Dropped, 0.2),
        (Mishap::Doubled, 0.2),
        (Mishap::Late { us: 4_000_000 }, 0.1),
        (Mishap::Overtaken, 0.1),
        (Mishap::Replayed, 0.1),
        (Mishap::Forged(Forgery::Secret), 0.1),
        (Mishap::Forged(Forgery::Sender), 0.1),
        (Mishap::Forged(Forgery::Nonsense), 0.1),
    ] {
        providers.set_mishap_rate(mishap, probability);
    }
    providers.google.set_history_lag(3_000_000, 3_000_000, true);
}

/// A fifth of the notices is lost, a fifth doubled, a tenth seconds late, a tenth overtaken, some forged or replayed; history
/// is three seconds late. What gets through rings, the next poll of the timetable finds the rest, and all is told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_notices_on_their_way_nothing_is_lost_or_repeated() {
    let platform = platform().await;
    let (outside, client) = (platform.outside(), platform.client());
    let (google, route) = (&outside.providers.google, format!("{PUBLIC_URL}/push/gmail"));
    google.add_topic(&topic());
    google.add_push_subscription(
        "projects/double-project/subscriptions/pushed",
        &topic(),
        &route,
        SENDER,
        &route,
    );
    let callback = Callback::new(outside, "mishaps");
    let (mut mailboxes, mut ids) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let noticed = Mailbox::outlook(outside, &format!("noticed-{n}"));
        let signed = Mailbox::gmail(outside, &format!("signed-{n}"));
        let drawn = Mailbox::gmail(outside, &format!("drawn-{n}"));
        for (mailbox, items) in [(noticed, None), (signed, None), (drawn, Some(pulled(outside)))] {
            let items = items.unwrap_or_else(|| pushed(&mailbox));
            ids.push(connect(&platform, &mailbox, &callback, items).await);
            mailboxes.push(mailbox);
        }
    }
    upset(&platform);
    let mut sent = Vec::new();
    for _ in 0..ROUNDS_COUNT {
        let before = callback.posts().len();
        sent.extend(mailboxes.iter().map(Mailbox::deliver));
        callback.wait_for_posts(before + 1).await;
    }
    // What is due later than any delay reminds of a grant.
    let is_over = || outside.providers.next_notice_us().is_none_or(|at_us| at_us > now_us() + 60_000_000);
    until("the last notice has come", async || is_over().then_some(())).await;
    until("most is told by push", async || (callback.told().len() * 4 > sent.len() * 3).then_some(())).await;
    for id in &ids {
        client.poll_well(*id).await;
    }
    callback.wait_for(&sent).await;
    for id in &ids {
        client.poll_well(*id).await;
    }
    callback.assert_told(&sent);
    // What was forged and what was not are answered the same.
    let answers: BTreeSet<Option<u16>> =
        outside.providers.microsoft.sent().into_iter().chain(google.sent()).map(|sent| sent.status).collect();
    assert_eq!(answers, [Some(202)].into());
}

/// Whatever they post, strangers get one answer, to the byte; nothing is polled, and nobody is said to have rung.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_one_answer_and_ring_nobody() {
    let platform = platform().await;
    let (outside, client) = (platform.outside(), platform.client());
    let (mailbox, callback) = (Mailbox::outlook(outside, "strangers"), Callback::new(outside, "strangers"));
    let id = connect(&platform, &mailbox, &callback, pushed(&mailbox)).await;
    let known = &outside.providers.microsoft.subscriptions_of(mailbox.address())[0];
    let state = known["clientState"].as_str().unwrap();
    let (named, hash) = state.rsplit_once('.').unwrap();
    // As long as the true one, and of the same letters.
    let guessed = format!("{named}.{}{}", if hash.starts_with('A') { 'B' } else { 'A' }, &hash[1..]);
    let notice = |id: &Value, state: &str| {
        json!({ "value": [{ "subscriptionId": id, "clientState": state, "changeType": "created" }] })
            .to_string()
    };
    let bodies = [
        notice(&known["id"], "forged"),
        notice(&known["id"], &guessed),
        notice(&json!("unknown"), "guess"),
        json!({ "value": [{ "subscriptionId": known["id"], "lifecycleEvent": "subscriptionRemoved" }] })
            .to_string(),
        json!({ "value": vec![json!({ "subscriptionId": "x", "clientState": "y" }); 5_000] }).to_string(),
        "{\"value\": [".to_owned(),
        "\u{0}\u{ffff}".to_owned(),
        String::new(),
        // More than is read: not so much more that it is still being sent when it is answered.
        "x".repeat(530_000),
    ];
    // Those that the new watch leads to.
    let (mut asked, mut same_count) = (0, 0);
    let mut is_quiet = || {
        let now = mailbox.requests_count();
        same_count = if now == asked { same_count + 1 } else { 0 };
        asked = now;
        same_count >= QUIET_LOOKS_COUNT
    };
    until("the first polls are over", async || is_quiet().then_some(())).await;
    let asked = mailbox.requests_count();
    let mut answers = BTreeSet::new();
    let signed = Mailbox::gmail(outside, "strangers");
    let routes = [&mailbox, &signed].map(|mailbox| format!("/push/{}", mailbox.connector()));
    let with_query = format!("{}?validationtoken=a", routes[0]);
    for path in routes.iter().chain([&with_query]) {
        for (body, authorization) in bodies.iter().zip(["", "Bearer a.b.c", "Basic x"].into_iter().cycle()) {
            let mut answer = client.authorized(authorization).post_at(path, body).await;
            for volatile in ["date", "elements-request-id", "connection"] {
                answer.headers.remove(volatile);
            }
            answers.insert(format!("{} {:?} {}", answer.status, answer.headers, answer.body));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().starts_with("202 "), "{answers:?}");
    assert_eq!(client.get(&format!("/instances/{id}")).await["push"]["lastHintAt"], Value::Null);
    assert_eq!(mailbox.requests_count(), asked, "a stranger made us ask");
    let wanted = [mailbox.deliver()];
    callback.wait_for(&wanted).await;
    callback.assert_told(&wanted);
}
