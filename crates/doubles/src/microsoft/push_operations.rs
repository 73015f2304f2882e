//! What a test does to subscriptions, and sees of them.

use serde_json::Value;

use super::Microsoft;
use crate::push::{Mishap, SentNotice, Way};

/// Push: what is subscribed, how notices go out, and what goes wrong with them.
impl Microsoft {
    /// Where notices and handshakes lead; over sockets at first.
    pub fn set_way(&self, way: Way) {
        self.world().push.way = way;
    }

    /// The subscriptions of an account, each as Graph shows it, with its `clientState`.
    pub fn subscriptions_of(&self, email: &str) -> Vec<Value> {
        let now_us = self.0.front.clock.now_us();
        self.world().push.of(email, now_us)
    }

    /// The last 10,000 requests that went out with notices, oldest first.
    pub fn sent(&self) -> Vec<SentNotice> {
        self.world().push.log.all()
    }

    /// Notices go out so long after their change, drawn between the two; at once at first.
    pub fn set_notice_delay_us(&self, least_us: i64, most_us: i64) {
        self.world().push.delay_us = (least_us, most_us);
    }

    /// Whether a subscription pauses when the access token ends that made or renewed it last; it does at first.
    pub fn set_grants_end(&self, on: bool) {
        self.world().push.grants_end = on;
    }

    /// Whether renewals, of a subscription and of its grant, are refused with 403; they are not at first.
    pub fn refuse_renewals(&self, on: bool) {
        self.world().push.refuses_renewals = on;
    }

    /// Whether a second subscription to the same resource and change types is refused with 409, as is documented; it is at
    /// first. Users report since late 2025 that Graph makes both.
    pub fn set_refuse_twins(&self, on: bool) {
        self.world().push.refuses_twins = on;
    }

    /// The subscriptions of an account end, as after a change of its password; their owner is told, or is not.
    pub fn remove_subscriptions(&self, email: &str, is_told: bool) {
        let now_us = self.0.front.clock.now_us();
        self.world().push.remove(email, is_told, now_us);
    }

    /// Sends a lifecycle notice to each subscription of an account: `reauthorizationRequired`, `missed`, or whatever.
    pub fn tell_subscriptions(&self, email: &str, event: &str) {
        let now_us = self.0.front.clock.now_us();
        self.world().push.tell_all(email, event, now_us);
    }

    /// The next notice of a change goes wrong in this way; several calls queue up.
    pub fn push_mishap(&self, mishap: Mishap) {
        self.world().push.mishaps.push(mishap);
    }

    /// Makes each notice of a change go wrong in this way with a probability, whatever else goes wrong with it.
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
