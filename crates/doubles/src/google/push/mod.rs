//! Cloud Pub/Sub, as far as Gmail's notices need it: topics, subscriptions and what waits in them.

mod delivery;
mod service;
mod subscription;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::push::{DueQueue, Fate, Forgery, Log, Mishaps, SIGNERS, Way};
use delivery::PendingSend;

pub(super) use delivery::Parcel;
pub(super) use service::{ACCOUNT, Denial, key_file};
pub(super) use subscription::{Endpoint, Message, Subscription};

/// The project of the OAuth client.
pub(super) const PROJECT: &str = "double-project";

pub(super) struct Push {
    pub(super) rng: fastrand::Rng,
    pub(super) way: Way,
    pub(super) mishaps: Mishaps,
    pub(super) log: Log,
    /// Wakes whoever sends.
    pub(super) notify: Arc<Notify>,
    /// Wakes whoever pulls.
    pub(super) arrived: Arc<Notify>,
    /// By name, whether Gmail may publish to it.
    pub(super) topics: BTreeMap<String, bool>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// How long a pull waits for a message.
    pub(super) pull_wait_us: i64,
    /// Whether the service account's key is good, and whether it may pull.
    pub(super) is_key_good: bool,
    pub(super) may_pull: bool,
    pub(super) issuer: String,
    /// So many watches are refused as if another was just being made.
    pub(super) refused_watches_count: u32,
    /// Which key signs; the other one may be known from before.
    signer: usize,
    was_rotated: bool,
    tokens: BTreeMap<String, service::Token>,
    due: DueQueue<PendingSend>,
    message_count: u64,
}

impl Push {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            way: Way::sockets(),
            mishaps: Mishaps::new(seed.wrapping_add(1)),
            log: Log::default(),
            notify: Arc::default(),
            arrived: Arc::default(),
            topics: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            pull_wait_us: 0,
            is_key_good: true,
            may_pull: true,
            refused_watches_count: 0,
            issuer: "https://accounts.google.com".to_owned(),
            signer: 0,
            was_rotated: false,
            tokens: BTreeMap::new(),
            due: DueQueue::default(),
            message_count: 0,
        }
    }

    pub(super) fn next_us(&self) -> Option<i64> {
        self.due.next_us()
    }

    /// Whether Gmail may publish to a topic; none without it.
    pub(super) fn is_open(&self, topic: &str) -> Option<bool> {
        self.topics.get(topic).copied()
    }

    /// The key set that tokens are verified with.
    pub(super) fn key_set(&self) -> Value {
        let keys = SIGNERS.iter().enumerate().filter(|(index, _)| self.was_rotated || *index == self.signer);
        json!({ "keys": keys.map(|(_, key)| key.jwk()).collect::<Vec<Value>>() })
    }

    /// Another key signs from now on; the former one stays in the key set.
    pub(super) fn rotate(&mut self) {
        self.signer = (self.signer + 1) % SIGNERS.len();
        self.was_rotated = true;
    }

    /// Gmail says that a mailbox changed, to every subscription of a topic.
    pub(super) fn publish(&mut self, topic: &str, email: &str, history_id: u64, now_us: i64) {
        if self.is_open(topic) != Some(true) {
            return;
        }
        let Fate { copies_us, forgeries, is_replayed } = self.mishaps.draw();
        let data = json!({ "emailAddress": email, "historyId": history_id }).to_string();
        self.forget_idle(now_us);
        let names: Vec<String> = self.of_topic(topic);
        for name in names {
            for forgery in &forgeries {
                self.forge(&name, *forgery, &data, now_us);
            }
            if is_replayed {
                self.replay(&name, now_us);
            }
            let id = self.new_message_id();
            for copy_us in &copies_us {
                self.put(&name, &id, data.as_bytes(), now_us, now_us + copy_us);
            }
        }
        self.wake();
    }

    /// Deletes what nobody used for a month.
    pub(super) fn forget_idle(&mut self, now_us: i64) {
        self.subscriptions.retain(|_, known| !known.is_idle(now_us));
    }

    /// Sends the last request again.
    pub(super) fn repeat_last(&mut self, count: usize, now_us: i64) {
        let Some(last) = self.log.last() else { panic!("no request went out yet") };
        for _ in 0..count {
            self.due.push(now_us, PendingSend::Raw(last.clone().into()));
        }
        self.notify.notify_one();
    }

    fn of_topic(&self, topic: &str) -> Vec<String> {
        let own = self.subscriptions.iter().filter(|(_, known)| known.topic == topic);
        own.map(|(name, _)| name.clone()).collect()
    }

    fn wake(&self) {
        self.notify.notify_one();
        self.arrived.notify_waiters();
    }

    fn new_message_id(&mut self) -> String {
        self.message_count += 1;
        (8_000_000_000_000_000 + self.message_count * 7_919).to_string()
    }

    /// Puts a message into a subscription, to be had from then on.
    fn put(&mut self, name: &str, id: &str, data: &[u8], now_us: i64, available_us: i64) {
        let Some(subscription) = self.subscriptions.get_mut(name) else { return };
        let message = Message::new(id, STANDARD.encode(data), now_us, available_us);
        if subscription.endpoint.is_some() {
            self.due.push(available_us, PendingSend::Message(name.to_owned(), message.clone()));
        }
        subscription.put(message);
    }

    /// What a stranger could send. Into a subscription that is pulled from nobody comes without a right to publish, so that
    /// there it is only about nobody's mailbox, or nonsense.
    fn forge(&mut self, name: &str, forgery: Forgery, data: &str, now_us: i64) {
        let Some(endpoint) = self.subscriptions.get(name).map(|known| known.endpoint.clone()) else { return };
        let id = self.new_message_id();
        match endpoint {
            Some(endpoint) => {
                let outgoing = self.forged(name, &endpoint, forgery, &id, data, now_us);
                self.due.push(now_us, PendingSend::Raw(outgoing));
            }
            None if forgery == Forgery::Nonsense => {
                self.put(name, &id, b"{\"emailAddress\":", now_us, now_us)
            }
            None => {
                let data = json!({ "emailAddress": "nobody@else.example", "historyId": 1 }).to_string();
                self.put(name, &id, data.as_bytes(), now_us, now_us);
            }
        }
    }

    /// A former request, or a former message, once more.
    fn replay(&mut self, name: &str, now_us: i64) {
        let Some(subscription) = self.subscriptions.get(name) else { return };
        if subscription.endpoint.is_some() {
            if let Some(sent) = self.log.any(&mut self.rng) {
                self.due.push(now_us, PendingSend::Raw(sent.into()));
            }
        } else if let Some(former) = subscription.former.clone() {
            let data = STANDARD.decode(&former.data).unwrap_or_default();
            self.put(name, &former.id, &data, former.published_us, now_us);
        }
    }
}
