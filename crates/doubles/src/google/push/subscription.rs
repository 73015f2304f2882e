//! What waits in one subscription, and for whom.

use serde_json::{Value, json};

use crate::clock::{DAY_US, SECOND_US, iso_micros};

/// A message that nobody takes is kept so long.
pub(super) const RETENTION_US: i64 = 7 * DAY_US;
/// A subscription that nobody uses is deleted after this.
const IDLE_US: i64 = 31 * DAY_US;
const ACK_DEADLINE_S: i64 = 10;
/// Enough for a flood of notices; the oldest go.
const BACKLOG_MAX: usize = 20_000;
/// Documented.
const PULLED_COUNT_MAX: usize = 1000;

/// Where messages are pushed to, and as whom.
#[derive(Clone, Debug)]
pub(in crate::google) struct Endpoint {
    pub(in crate::google) url: String,
    pub(in crate::google) account: String,
    pub(in crate::google) audience: String,
}

#[derive(Clone, Debug)]
pub(in crate::google) struct Message {
    pub(in crate::google) id: String,
    /// In base64.
    pub(in crate::google) data: String,
    pub(in crate::google) published_us: i64,
    /// It can be had from then on: later than now while it is delayed, or somebody has it.
    available_us: i64,
    /// Whoever has it names it so.
    ack_id: Option<String>,
    pub(super) tries_count: u32,
}

impl Message {
    pub(super) fn new(id: &str, data: String, published_us: i64, available_us: i64) -> Self {
        Self { id: id.to_owned(), data, published_us, available_us, ack_id: None, tries_count: 0 }
    }

    pub(super) fn shown(&self) -> Value {
        let (id, at) = (&self.id, iso_micros(self.published_us));
        json!({ "data": self.data, "messageId": id, "message_id": id, "publishTime": at, "publish_time": at })
    }
}

#[derive(Clone, Debug)]
pub(in crate::google) struct Subscription {
    pub(in crate::google) topic: String,
    /// None where messages are pulled.
    pub(in crate::google) endpoint: Option<Endpoint>,
    pub(in crate::google) ack_deadline_s: i64,
    /// Whether it is kept although nobody uses it.
    pub(in crate::google) never_expires: bool,
    pub(in crate::google) used_us: i64,
    pub(in crate::google) backlog: Vec<Message>,
    /// The last one that was taken.
    pub(super) former: Option<Message>,
}

impl Subscription {
    pub(in crate::google) fn new(topic: &str, endpoint: Option<Endpoint>, now_us: i64) -> Self {
        Self {
            topic: topic.to_owned(),
            endpoint,
            ack_deadline_s: ACK_DEADLINE_S,
            never_expires: false,
            used_us: now_us,
            backlog: Vec::new(),
            former: None,
        }
    }

    pub(super) fn put(&mut self, message: Message) {
        if self.backlog.len() == BACKLOG_MAX {
            self.backlog.remove(0);
        }
        self.backlog.push(message);
    }

    /// Whether it is deleted because nobody used it.
    pub(super) fn is_idle(&self, now_us: i64) -> bool {
        !self.never_expires && now_us - self.used_us >= IDLE_US
    }

    /// When the next message can be had.
    pub(in crate::google) fn next_us(&self) -> Option<i64> {
        self.backlog.iter().map(|message| message.available_us).min()
    }

    /// Gives messages, for as long as the deadline lasts.
    pub(in crate::google) fn pull(
        &mut self,
        count_max: usize,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> Vec<Value> {
        self.used_us = now_us;
        self.backlog.retain(|message| now_us - message.published_us < RETENTION_US);
        let until_us = now_us + self.ack_deadline_s * SECOND_US;
        let mut pulled = Vec::new();
        let available = self.backlog.iter_mut().filter(|message| message.available_us <= now_us);
        for message in available.take(count_max.min(PULLED_COUNT_MAX)) {
            let ack_id: String = (0..60).map(|_| rng.alphanumeric()).collect();
            pulled.push(json!({ "ackId": ack_id, "message": message.shown() }));
            message.ack_id = Some(ack_id);
            message.available_us = until_us;
            message.tries_count += 1;
        }
        pulled
    }

    /// Forgets messages that somebody has, and still may have.
    pub(in crate::google) fn acknowledge(&mut self, ack_ids: &[&str], now_us: i64) {
        self.used_us = now_us;
        let is_done = |message: &Message| {
            message.available_us > now_us && message.ack_id.as_deref().is_some_and(|id| ack_ids.contains(&id))
        };
        if let Some(done) = self.backlog.iter().find(|message| is_done(message)) {
            self.former = Some(done.clone());
        }
        self.backlog.retain(|message| !is_done(message));
    }

    /// Messages that somebody has are somebody's for so long from now; 0 gives them back.
    pub(in crate::google) fn modify(&mut self, ack_ids: &[&str], seconds: i64, now_us: i64) {
        self.used_us = now_us;
        for message in &mut self.backlog {
            let is_held = message.available_us > now_us;
            if is_held && message.ack_id.as_deref().is_some_and(|id| ack_ids.contains(&id)) {
                message.available_us = now_us + seconds * SECOND_US;
            }
        }
    }
}
