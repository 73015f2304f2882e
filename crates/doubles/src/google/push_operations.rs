//! What a test does to topics, subscriptions and watches, and sees of them.

use super::push::{self, Endpoint, Subscription};
use super::{Google, World};
use crate::push::{Mishap, SentNotice, Way};

/// Push: who watches, what waits in Pub/Sub, how messages go out, and what goes wrong with them.
///
/// Names are whole ones, such as `projects/double-project/topics/mail`.
impl Google {
    /// The project that topics have to be in: the OAuth client's.
    pub const PROJECT: &'static str = push::PROJECT;

    /// Makes a topic that Gmail may publish to.
    pub fn add_topic(&self, topic: &str) {
        self.set_topic_open(topic, true);
    }

    /// Whether Gmail may publish to a topic.
    pub fn set_topic_open(&self, topic: &str, on: bool) {
        self.world().push.topics.insert(topic.to_owned(), on);
    }

    /// Makes a subscription of a topic that is pulled from. A former one of that name goes, with what is in it.
    pub fn add_pull_subscription(&self, name: &str, topic: &str) {
        self.subscribe(name, topic, None);
    }

    /// Makes a subscription of a topic that is pushed to an address, with a token that says that it comes from this account
    /// and is meant for this audience.
    pub fn add_push_subscription(&self, name: &str, topic: &str, url: &str, account: &str, audience: &str) {
        let (url, account, audience) = (url.to_owned(), account.to_owned(), audience.to_owned());
        self.subscribe(name, topic, Some(Endpoint { url, account, audience }));
    }

    fn subscribe(&self, name: &str, topic: &str, endpoint: Option<Endpoint>) {
        let now_us = self.0.front.clock.now_us();
        let subscription = Subscription::new(topic, endpoint, now_us);
        self.world().push.subscriptions.insert(name.to_owned(), subscription);
    }

    /// Deletes a subscription with what is in it.
    pub fn delete_subscription(&self, name: &str) {
        self.world().push.subscriptions.remove(name);
    }

    /// Whether a subscription is kept that nobody uses for 31 days; it is not at first.
    ///
    /// # Panics
    /// Without the subscription.
    pub fn set_never_expires(&self, name: &str, on: bool) {
        self.with_subscription(name, |subscription| subscription.never_expires = on);
    }

    /// How long a pulled message is left to whoever has it; 10 s at first.
    ///
    /// # Panics
    /// Without the subscription.
    pub fn set_ack_deadline_s(&self, name: &str, seconds: i64) {
        self.with_subscription(name, |subscription| subscription.ack_deadline_s = seconds);
    }

    /// How many messages of a subscription nobody acknowledged yet.
    ///
    /// # Panics
    /// Without the subscription.
    pub fn backlog_count(&self, name: &str) -> usize {
        self.with_subscription(name, |subscription| subscription.backlog.len())
    }

    fn with_subscription<R>(&self, name: &str, f: impl FnOnce(&mut Subscription) -> R) -> R {
        let World { push, .. } = &mut *self.world();
        match push.subscriptions.get_mut(name) {
            Some(subscription) => f(subscription),
            None => panic!("no subscription {name}"),
        }
    }

    /// How long a pull waits for a message, microseconds, in real time; not at all at first.
    pub fn set_pull_wait_us(&self, wait_us: i64) {
        self.world().push.pull_wait_us = wait_us;
    }

    /// The key file of the service account that may pull, as Google's console gives it out.
    pub fn service_account_key(&self) -> String {
        push::key_file().to_string()
    }

    /// The service account of that key.
    pub fn service_account(&self) -> &'static str {
        push::ACCOUNT
    }

    /// Whether the service account's key gets tokens; it does at first.
    pub fn set_service_account_key_good(&self, on: bool) {
        self.world().push.is_key_good = on;
    }

    /// Whether the service account may pull; it may at first.
    pub fn set_may_pull(&self, on: bool) {
        self.world().push.may_pull = on;
    }

    /// Another key signs tokens from now on; the key set has both.
    pub fn rotate_keys(&self) {
        self.world().push.rotate();
    }

    /// How tokens spell their issuer: with `https://` at first.
    pub fn set_issuer(&self, issuer: &str) {
        self.world().push.issuer = issuer.to_owned();
    }

    /// The topic that a mailbox is watched for, and until when, microseconds since the Unix epoch.
    pub fn watch_of(&self, email: &str) -> Option<(String, i64)> {
        let now_us = self.0.front.clock.now_us();
        self.change(email, |mailbox, _| {
            let live = mailbox.watch.as_ref().filter(|watch| now_us < watch.expires_us);
            live.map(|watch| (watch.topic.clone(), watch.expires_us))
        })
    }

    /// The next watches are refused as those are that cross another one of the same mailbox, renewals too.
    pub fn refuse_watches(&self, count: u32) {
        self.world().push.refused_watches_count = count;
    }

    /// The watch of a mailbox ends before its time, or goes to another topic, as when another program takes it.
    pub fn steal_watch(&self, email: &str, topic: Option<&str>) {
        self.change(email, |mailbox, _| match (topic, &mut mailbox.watch) {
            (Some(topic), Some(watch)) => watch.topic = topic.to_owned(),
            (_, watch) => *watch = None,
        });
    }

    /// Where messages that are pushed lead; over sockets at first.
    pub fn set_way(&self, way: Way) {
        self.world().push.way = way;
    }

    /// The last 10,000 requests that pushed messages, oldest first.
    pub fn sent(&self) -> Vec<SentNotice> {
        self.world().push.log.all()
    }

    /// The next notice of a mailbox goes wrong in this way; several calls queue up.
    pub fn push_mishap(&self, mishap: Mishap) {
        self.world().push.mishaps.push(mishap);
    }

    /// Makes each notice go wrong in this way with a probability, whatever else goes wrong with it.
    pub fn set_mishap_rate(&self, mishap: Mishap, probability: f64) {
        self.world().push.mishaps.set_rate(mishap, probability);
    }

    /// The last request goes out again, so many times at once: a storm of notices.
    ///
    /// # Panics
    /// If none went out yet.
    pub fn repeat_last(&self, count: usize) {
        let now_us = self.0.front.clock.now_us();
        self.world().push.repeat_last(count, now_us);
    }

    /// Nothing goes wrong with notices any more.
    pub fn clear_mishaps(&self) {
        self.world().push.mishaps.clear();
    }

    /// Waits until there may be something new to send.
    pub(crate) async fn noticed(&self) {
        let notify = std::sync::Arc::clone(&self.world().push.notify);
        notify.notified().await;
    }

    pub(crate) fn next_ring_us(&self) -> Option<i64> {
        self.world().push.next_us()
    }
}
