//! One application's callback, and what arrives there.

use crate::outside::Outside;
use crate::wait::PATIENCE;
use doubles::{Answer, Received, Receiver};
use serde_json::Value;
use std::collections::BTreeMap;

/// One event as an application sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceivedEvent {
    /// Event type, as `CREATED`.
    pub kind: String,
    /// Id of the object.
    pub object: String,
}

impl ReceivedEvent {
    /// An event of this type about this object.
    pub fn new(kind: &str, object: impl Into<String>) -> Self {
        ReceivedEvent { kind: kind.to_owned(), object: object.into() }
    }
}

/// A path of the receiver that nobody else uses.
pub struct Callback {
    receiver: Receiver,
    path: String,
    url: String,
    signature_key: String,
}

impl Callback {
    /// A callback of its own path and signature key.
    pub fn new(outside: &Outside, name: &str) -> Self {
        let path = format!("/{name}");
        Callback {
            receiver: outside.receiver.clone(),
            url: outside.callback_url(&path),
            path,
            signature_key: format!("signature key of {name}"),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its notifications are signed with.
    pub fn signature_key(&self) -> &str {
        &self.signature_key
    }

    /// Answers everything with this status.
    pub fn fail(&self, status: u16) {
        self.receiver.fail_path(&self.path, status);
    }

    /// Takes what comes, and answers nothing for a day.
    pub fn fall_silent(&self) {
        self.receiver.answer_path(&self.path, Answer { delay_ms: 86_400_000, ..Answer::status(200) });
    }

    /// Answers 200 again.
    pub fn heal(&self) {
        self.receiver.heal_path(&self.path);
    }

    /// Everything that was posted here, oldest first.
    pub fn posts(&self) -> Vec<Received> {
        self.receiver.received().into_iter().filter(|received| received.path == self.path).collect()
    }

    /// Waits until as much was posted here.
    pub async fn wait_for_posts(&self, count: usize) -> Vec<Received> {
        let waited = tokio::time::timeout(PATIENCE, self.posts_from(count)).await;
        waited.unwrap_or_else(|_| panic!("{} of {count} posts came to {}", self.posts().len(), self.path))
    }

    /// Waits until each of these was told here.
    pub async fn wait_for(&self, wanted: &[ReceivedEvent]) {
        let all_told = async {
            let mut posts_count = 0;
            while !wanted.iter().all(|one| self.told().contains(one)) {
                posts_count = self.posts_from(posts_count + 1).await.len();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, all_told).await;
        assert!(waited.is_ok(), "at {} came {:?} of {wanted:?}", self.path, self.told());
    }

    async fn posts_from(&self, count: usize) -> Vec<Received> {
        loop {
            let (all_count, posts) = (self.receiver.received().len(), self.posts());
            if posts.len() >= count {
                return posts;
            }
            self.receiver.wait_for(all_count + 1).await;
        }
    }

    /// What was told here, in order, as often as it was; a post that was not answered 200 tells nothing. Checked
    /// on the way: signatures, names, and that an event is always in the same notification.
    pub fn told(&self) -> Vec<ReceivedEvent> {
        self.events().into_iter().map(|(_, told)| told).collect()
    }

    /// The same, each event once, however often it came.
    pub fn told_once(&self) -> Vec<ReceivedEvent> {
        let by_id: BTreeMap<String, ReceivedEvent> = self.events().into_iter().collect();
        by_id.into_values().collect()
    }

    fn events(&self) -> Vec<(String, ReceivedEvent)> {
        assert_eq!(self.receiver.dropped_count(), 0);
        let mut holders = BTreeMap::new();
        let mut events = Vec::new();
        for received in self.posts() {
            assert!(self.receiver.verify(self.signature_key.as_bytes(), &received), "a signature is wrong");
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            let name = body["message"]["eventId"].as_str().unwrap();
            assert_eq!(received.headers["elements-webhook-id"], name);
            for event in body["message"]["events"].as_array().unwrap() {
                let text = |key: &str| event[key].as_str().unwrap().to_owned();
                let holder = holders.entry(text("id")).or_insert_with(|| name.to_owned());
                assert_eq!(holder, name, "an event is in two notifications");
                if received.answered == 200 {
                    events.push((text("id"), ReceivedEvent::new(&text("eventType"), text("objectId"))));
                }
            }
        }
        events
    }

    /// Exactly these were told, each once, in whatever order.
    pub fn assert_told(&self, wanted: &[ReceivedEvent]) {
        let (mut told, mut wanted) = (self.told(), wanted.to_vec());
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted, "at {}", self.path);
    }
}
