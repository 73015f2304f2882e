//! What each thing that a mailbox does consumes. The cost model, `carillon cost`, multiplies these counts by prices: they
//! are compared with its file, and replace it where `CARILLON_COUNTS=write`.

use crate::budget::{Budget, now};
use crate::meter::{Units, stored_bytes};
use app::ports::{Instances as _, Job, Polls as _, Sessions as _, Written};
use aws::{Tick, TickLetter};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use conformance::sample::next_version;
use domain::ids::InstanceId;
use domain::push::Hint;
use domain::schedule::Timetable;
use domain::setting_keys::REFRESH_INTERVAL;
use scenarios::{Mailbox, Outside, PUBLIC_URL};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// So many looks that a poll which finds nothing of a hint asks for no other.
const LOOKS_NO_MORE: u8 = 9;
/// What a provider publishes to and pushes from, and who signs it.
const TOPIC: &str = "projects/double-project/topics/counts";
const SUBSCRIPTION: &str = "projects/double-project/subscriptions/counts";
const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";
/// Tries of a notice: those that follow each other within a second are dropped by the provider.
const NOTICES_COUNT_MAX: usize = 1_000;
/// By how much the bytes of one run may differ from those of another.
const STORED_TOLERANCE: f64 = 0.03;
/// Messages of a full mailbox.
const KNOWN_COUNT: u32 = 1_000;

/// What one of something consumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Consumed {
    write_units: f64,
    read_units: f64,
    queue_requests: u32,
    secret_requests: u32,
    provider_requests: f64,
}

/// What a mailbox does.
#[derive(Debug, Serialize)]
struct Counts {
    idle_poll: Consumed,
    heartbeat: Consumed,
    notification: Consumed,
    named_poll: Consumed,
    access_token: Consumed,
    tick_letter: Consumed,
    /// What is more where the refresh token that came along is stored.
    refresh_token: Consumed,
    push: Option<CountsOfPush>,
    stored: BytesCounted,
}

#[derive(Debug, Serialize)]
struct CountsOfPush {
    notice: Consumed,
    /// A grant that is renewed at a reminder.
    grant: Option<Consumed>,
    /// A watch that a poll renews.
    renewal: Option<Consumed>,
}

/// Bytes that are paid for as long as they are kept.
#[derive(Debug, Serialize)]
struct BytesCounted {
    /// All rows of a mailbox that was just connected.
    mailbox_bytes: usize,
    /// What a message of it adds, where each is remembered.
    known_bytes: f64,
    /// A delivered notification, with its entries in indexes.
    notification_bytes: usize,
    /// What leads to it by its object.
    search_bytes: usize,
}

impl Consumed {
    fn of(units: Units, asked: &[String], provider_requests: u64) -> Self {
        let count = |of: fn(&str) -> bool| asked.iter().filter(|one| of(one)).count() as u32;
        Consumed {
            write_units: units.write,
            read_units: units.read,
            // A message that is sent is also received and deleted.
            queue_requests: 3 * count(|one| one.starts_with("SendMessage")),
            secret_requests: count(|one| one.ends_with("SecretValue")),
            provider_requests: provider_requests as f64,
        }
    }

    fn and(self, more: Consumed) -> Self {
        Consumed {
            write_units: self.write_units + more.write_units,
            read_units: self.read_units + more.read_units,
            queue_requests: self.queue_requests + more.queue_requests,
            secret_requests: self.secret_requests + more.secret_requests,
            provider_requests: self.provider_requests + more.provider_requests,
        }
    }

    fn less(self, base: Consumed) -> Self {
        Consumed {
            write_units: self.write_units - base.write_units,
            read_units: self.read_units - base.read_units,
            queue_requests: self.queue_requests - base.queue_requests,
            secret_requests: self.secret_requests - base.secret_requests,
            provider_requests: self.provider_requests - base.provider_requests,
        }
    }
}

impl Consumed {
    fn mean(all: &[Consumed]) -> Self {
        let sum = all.iter().copied().fold(Consumed::default(), Consumed::and);
        let count = all.len() as u32;
        Consumed {
            write_units: sum.write_units / f64::from(count),
            read_units: sum.read_units / f64::from(count),
            queue_requests: sum.queue_requests / count,
            secret_requests: sum.secret_requests / count,
            provider_requests: sum.provider_requests / f64::from(count),
        }
    }
}

impl Budget {
    /// Polls read something else in turn, by their number on the timetable: from now on it is this one's of four.
    async fn take_turn(&self, turn: u64) {
        let mut next = next_version(&self.stack.store.instance(self.id).await.unwrap().unwrap());
        let is_its = |minutes: &u32| {
            let table = Timetable::new(self.id, *minutes);
            [0, 300].iter().all(|seconds| table.number_at(now() + Duration::seconds(*seconds)) % 4 == turn)
        };
        let minutes = (15..=99).find(is_its).expect("some interval");
        next.instance.configuration.insert(REFRESH_INTERVAL.to_owned(), minutes.to_string());
        assert_eq!(self.stack.store.change_instance(&next).await.unwrap(), Written::Done);
    }

    async fn idle(&self) -> Consumed {
        let mut turns = [Consumed::default(); 4];
        for (turn, consumed) in turns.iter_mut().enumerate() {
            self.take_turn(turn as u64).await;
            *consumed = self.polled().await;
        }
        Consumed::mean(&turns)
    }

    /// A mail that a poll finds which does not count the folders, with what the next one that does makes of it.
    async fn found_without_counts(&self, [counting, other]: [Consumed; 2], named_poll: Consumed) -> Consumed {
        self.take_turn(1).await;
        self.mailbox.deliver();
        let found = self.polled().await.less(other);
        self.take_turn(0).await;
        found.and(self.polled().await.less(counting).less(named_poll))
    }

    /// The refresh token was stored so long ago that a new one is stored.
    async fn refresh_token_ages(&self) {
        let mut session = self.stack.store.mailbox(self.id).await.unwrap().unwrap().session;
        session.refresh_kept_at = None;
        session.version += 1;
        assert_eq!(self.stack.store.put_session(self.id, &session).await.unwrap(), Written::Done);
    }

    /// Rows of the table whose partition begins so: how many, and their bytes.
    async fn rows_below(&self, partition: &str, sort: &str) -> (usize, usize) {
        let mut pages = self.client().scan().table_name(&self.table).into_paginator().items().send();
        let (mut count, mut bytes) = (0, 0);
        while let Some(row) = pages.next().await {
            let row: Value =
                row.unwrap().iter().map(|(name, value)| (name.clone(), on_the_wire(value))).collect();
            let begins = |name: &str, with: &str| row[name]["S"].as_str().unwrap().starts_with(with);
            if begins("pk", partition) && begins("sk", sort) {
                (count, bytes) = (count + 1, bytes + stored_bytes(&row));
            }
        }
        (count, bytes)
    }

    /// What is stored, after at least one notification.
    async fn stored(&self, known_bytes: f64) -> BytesCounted {
        let (notifications, notification_bytes) = self.rows_below("N#", "").await;
        let (_, search_bytes) = self.rows_below("J#", "").await;
        let (_, requests_bytes) = self.rows_below("Q#", "").await;
        let (_, all) = self.rows_below("", "").await;
        BytesCounted {
            mailbox_bytes: all - notification_bytes - search_bytes - requests_bytes,
            known_bytes,
            notification_bytes: notification_bytes / notifications,
            search_bytes: search_bytes / notifications,
        }
    }

    async fn polled(&self) -> Consumed {
        self.wire.take_units();
        let (asked, provider_requests) = self.poll().await;
        Consumed::of(self.wire.take_units(), &asked, provider_requests)
    }

    /// What rings.
    async fn rung(&self, ring: impl Fn()) -> Consumed {
        self.wire.take_units();
        let asked = self.asked_by(async {
            ring();
            while self.outside.providers.send_notice().await {}
        });
        let asked = asked.await;
        Consumed::of(self.wire.take_units(), &asked, 0)
    }

    /// The job that this leads to.
    async fn hinted(&self, hint: Hint) -> Consumed {
        self.wire.take_units();
        let before = self.mailbox.requests_count();
        let asked = self.asked_by(async {
            let job = Job::Hinted { instance: self.id, hint };
            self.stack.app.run(job, now() + Duration::seconds(20)).await.unwrap();
        });
        let asked = asked.await;
        Consumed::of(self.wire.take_units(), &asked, self.mailbox.requests_count() - before)
    }
}

/// Of a mailbox of this provider.
async fn counts_of(name: &str, mailbox: impl Fn(&Outside, &str) -> Mailbox, secrets: &str) -> Counts {
    let budget = Budget::start_in(name, mailbox, &json!({}), secrets).await;
    let mean_poll = budget.idle().await;
    budget.take_turn(1).await;
    let idle_without_counts = budget.polled().await;
    // Of Outlook, one that counts the folders.
    budget.take_turn(0).await;
    let idle_poll = budget.polled().await;
    budget.age(61).await;
    let heartbeat = budget.polled().await.less(idle_poll);
    budget.mailbox.deliver();
    // With what a process reads once.
    budget.polled().await;
    budget.mailbox.deliver();
    let at_once = budget.polled().await.less(idle_poll);
    let named_poll = budget.polled().await.less(idle_poll);
    // Two of four polls count; what others find is looked at by the next that does.
    let later = budget.found_without_counts([idle_poll, idle_without_counts], named_poll).await;
    let notification = Consumed::mean(&[at_once, later]);
    let idle = budget.polled().await;
    budget.token_ends().await;
    let access_token = budget.polled().await.less(idle);
    budget.token_ends().await;
    budget.refresh_token_ages().await;
    let refresh_token = budget.polled().await.less(idle).less(access_token);
    let stored = budget.stored(0.0).await;
    let tick_letter = handed_out(&budget).await;
    Counts {
        idle_poll: mean_poll,
        heartbeat,
        notification,
        named_poll,
        access_token,
        tick_letter,
        refresh_token,
        push: None,
        stored,
    }
}

/// A tick that hands out 25 members, in one letter.
async fn handed_out(budget: &Budget) -> Consumed {
    let stack = budget.set_to(25);
    let tick = Tick::of(Timetable { interval_s: 900, phase_s: 0 });
    for number in 1..=25_u32 {
        let id = InstanceId::from_bytes(number.to_be_bytes());
        stack.store.join_tick(id, tick, now()).await.unwrap();
    }
    budget.wire.take_units();
    let asked = budget.asked_by(async { stack.ticks.run(TickLetter::Tick(tick), 1, now()).await.unwrap() });
    let asked = asked.await;
    Consumed::of(budget.wire.take_units(), &asked, 0)
}

/// What each message of a mailbox adds that remembers them all.
async fn known_bytes(secrets: &str) -> f64 {
    let full = |outside: &Outside, name: &str| {
        let mailbox = Mailbox::outlook(outside, name);
        (0..KNOWN_COUNT).for_each(|_| drop(mailbox.deliver()));
        mailbox
    };
    let budget = Budget::start_in("counts-known", full, &json!({}), secrets).await;
    // Until its first rounds are over.
    for _ in 0..5 {
        budget.poll().await;
    }
    let (parts, bytes) = budget.rows_below("B#", "A#messages#known/").await;
    assert!(parts > 0, "it remembers them");
    bytes as f64 / f64::from(KNOWN_COUNT)
}

pub(crate) fn on_the_wire(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes.as_ref()) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        other => panic!("{other:?}"),
    }
}

/// A notice with the poll that it leads to, which finds nothing.
async fn notice(budget: &Budget) -> Consumed {
    let mut rung = Consumed::default();
    for _ in 0..NOTICES_COUNT_MAX {
        rung = budget.rung(|| drop(budget.mailbox.deliver())).await;
        budget.polled().await;
        if rung.write_units > 0.0 {
            break;
        }
    }
    assert!(rung.write_units > 0.0, "it never rang");
    rung.and(budget.hinted(Hint { at: now(), position: None, looks: LOOKS_NO_MORE }).await)
}

/// A reminder with the renewal of its grant, which comes with a token.
async fn grant(budget: &Budget) -> Consumed {
    let microsoft = &budget.outside.providers.microsoft;
    budget.token_ends().await;
    budget.polled().await;
    budget.grant_ends().await;
    let reminder = || microsoft.tell_subscriptions(budget.mailbox.address(), "reauthorizationRequired");
    let rung = budget.rung(reminder).await;
    rung.and(budget.hinted(Hint::to_keep_watches(now())).await)
}

/// A poll that renews the watch.
async fn renewal(budget: &Budget) -> Consumed {
    let idle = budget.polled().await;
    budget.watch_is_due().await;
    budget.polled().await.less(idle)
}

/// Notices of subscriptions, whose grants end with their tokens.
async fn counts_by_subscription(secrets: &str) -> CountsOfPush {
    let pushed = json!({ "event.vendor.type": "webhooks", "event.poller.refresh_interval": "60" });
    let budget = Budget::start_in("counts-push", Mailbox::outlook, &pushed, secrets).await;
    budget.take_turn(1).await;
    CountsOfPush { notice: notice(&budget).await, grant: Some(grant(&budget).await), renewal: None }
}

/// Notices by a topic, whose watch is renewed once a day.
async fn counts_by_topic(secrets: &str) -> CountsOfPush {
    let pushed = json!({
        "event.vendor.type": "webhooks",
        "event.poller.refresh_interval": "60",
        "event.vendor.push.topic": TOPIC,
        "event.vendor.push.account": SENDER,
    });
    let watched = |outside: &Outside, name: &str| {
        let (google, url) = (&outside.providers.google, format!("{PUBLIC_URL}/push/gmail"));
        google.add_topic(TOPIC);
        google.add_push_subscription(SUBSCRIPTION, TOPIC, &url, SENDER, &url);
        Mailbox::gmail(outside, name)
    };
    let budget = Budget::start_in("counts-topic", watched, &pushed, secrets).await;
    CountsOfPush { notice: notice(&budget).await, grant: None, renewal: Some(renewal(&budget).await) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_model_knows_what_is_consumed() {
    let mut counts = BTreeMap::new();
    for secrets in ["sealed", "secrets-manager"] {
        let mut gmail = counts_of("counts-gmail", Mailbox::gmail, secrets).await;
        gmail.push = Some(counts_by_topic(secrets).await);
        let mut outlook = counts_of("counts-outlook", Mailbox::outlook, secrets).await;
        outlook.push = Some(counts_by_subscription(secrets).await);
        outlook.stored.known_bytes = known_bytes(secrets).await;
        let mut by_connector = BTreeMap::from([("gmail", gmail)]);
        by_connector.insert("outlookemail", outlook);
        counts.insert(secrets, by_connector);
    }
    let counted = format!("{}\n", serde_json::to_string_pretty(&counts).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/cost/counts.json");
    #[allow(clippy::disallowed_methods)] // whether to write is said to the test alone
    if std::env::var("CARILLON_COUNTS").is_ok_and(|value| value == "write") {
        std::fs::write(&file, &counted).unwrap();
    }
    let known: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let differ = differences(&known, &serde_json::to_value(&counts).unwrap(), 0.0);
    let how = "CARILLON_COUNTS=write writes what is counted";
    assert!(differ.is_empty(), "infra/cost/counts.json: {how}\n{}", differ.join("\n"));
}

/// What is not as it is known. Tokens, ids and times are not of the same length each time, so that bytes may differ a little.
fn differences(known: &Value, counted: &Value, tolerance: f64) -> Vec<String> {
    let (Some(known), Some(counted)) = (known.as_object(), counted.as_object()) else {
        let numbers = known.as_f64().zip(counted.as_f64());
        let is_near = numbers.is_some_and(|(known, counted)| (known - counted).abs() <= known * tolerance);
        return if is_near || known == counted { vec![] } else { vec![format!("{known}, not {counted}")] };
    };
    let names: BTreeSet<&String> = known.keys().chain(counted.keys()).collect();
    let of = |object: &serde_json::Map<String, Value>, name| object.get(name).cloned().unwrap_or_default();
    let below = names.into_iter().flat_map(|name| {
        let tolerance = if name == "stored" { STORED_TOLERANCE } else { tolerance };
        let below = differences(&of(known, name), &of(counted, name), tolerance);
        below.into_iter().map(move |what| format!("{name}: {what}"))
    });
    below.collect()
}
