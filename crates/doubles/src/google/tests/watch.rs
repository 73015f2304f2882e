use super::pubsub::{MAIL, PULL, Pull};
use super::*;
use crate::probe::START_US;
use http::Method;
use serde_json::{Value, json};

const DAY_S: i64 = 86_400;

#[tokio::test]
async fn a_watch_tells_at_once_and_then_of_every_change() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    let pull = Pull::new(&world).await;
    let first = world.google.current_history_id(ADA);
    let watched = world.watch(&json!({"topicName": MAIL})).await;
    assert_eq!(watched.status, 200, "{}", watched.text());
    let expires_ms = START_US / 1000 + 7 * DAY_S * 1000;
    assert_eq!(watched.json()["expiration"], expires_ms.to_string());
    assert_eq!(watched.json()["historyId"], first.to_string());
    assert_eq!(pull.told().await, [first]);
    world.time.advance_s(1);
    world.google.deliver(ADA, mail("one"));
    assert_eq!(pull.told().await, [world.google.current_history_id(ADA)]);
    // The second of a second is dropped.
    world.google.deliver(ADA, mail("two"));
    assert_eq!(pull.told().await, [0; 0]);
    world.time.advance_s(1);
    world.google.deliver(ADA, mail("three"));
    assert_eq!(pull.told().await.len(), 1);
    assert_eq!(world.caller.send(Method::POST, &format!("{ME}/stop"), Vec::new()).await.status, 204);
    world.time.advance_s(1);
    world.google.deliver(ADA, mail("four"));
    assert_eq!(pull.told().await, [0; 0]);
}

#[tokio::test]
async fn a_mailbox_has_one_topic_for_a_project() {
    let world = world().await;
    let status = async |topic: &str| {
        let got = world.watch(&json!({"topicName": topic})).await;
        let message = got.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        (got.status, message)
    };
    assert_eq!(status("projects/others/topics/mail").await.0, 400);
    assert_eq!(status(MAIL).await.0, 404);
    world.google.set_topic_open(MAIL, false);
    let (refused, message) = status(MAIL).await;
    assert_eq!(refused, 403);
    assert!(message.contains("not authorized"), "{message}");
    world.google.add_topic(MAIL);
    world.google.add_topic("projects/double-project/topics/other");
    assert_eq!(status(MAIL).await.0, 200);
    let (twin, message) = status("projects/double-project/topics/other").await;
    assert_eq!(twin, 400);
    assert!(message.starts_with("Only one user push notification client allowed per developer"), "{message}");
    world.google.refuse_watches(1);
    assert_eq!(status(MAIL).await.0, 400, "another renewal is under way");
    world.time.advance_s(DAY_S);
    assert_eq!(world.google.watch_of(ADA), Some((MAIL.to_owned(), START_US + 7 * DAY_S * 1_000_000)));
    let world = world.signed_in_again().await;
    let renewed = world.watch(&json!({"topicName": MAIL})).await;
    assert_eq!(renewed.status, 200, "the same topic renews: {}", renewed.text());
    assert_eq!(world.google.watch_of(ADA), Some((MAIL.to_owned(), START_US + 8 * DAY_S * 1_000_000)));
    world.time.advance_s(7 * DAY_S);
    assert_eq!(world.google.watch_of(ADA), None);
    let world = world.signed_in_again().await;
    let other = world.watch(&json!({"topicName": "projects/double-project/topics/other"})).await;
    assert_eq!(other.status, 200, "an ended watch holds nothing");
}

#[tokio::test]
async fn labels_say_which_changes_are_told() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    let pull = Pull::new(&world).await;
    let told = async |behavior: &str| {
        let body = json!({"topicName": MAIL, "labelIds": ["STARRED"], "labelFilterBehavior": behavior});
        assert_eq!(world.watch(&body).await.status, 200);
        pull.told().await;
        world.time.advance_s(1);
        let id = world.google.deliver(ADA, mail("one"));
        let delivered = pull.told().await.len();
        world.time.advance_s(1);
        world.google.add_label(ADA, &id, "STARRED");
        (delivered, pull.told().await.len())
    };
    assert_eq!(told("include").await, (0, 1));
    assert_eq!(told("exclude").await, (1, 0));
}

#[tokio::test]
async fn a_watch_can_be_lost() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    let pull = Pull::new(&world).await;
    world.watch(&json!({"topicName": MAIL})).await;
    pull.told().await;
    world.google.steal_watch(ADA, None);
    world.time.advance_s(1);
    world.google.deliver(ADA, mail("one"));
    assert_eq!((pull.told().await, world.google.watch_of(ADA)), (vec![], None));
}

impl World {
    pub(super) async fn watch(&self, body: &Value) -> crate::probe::Got {
        self.caller.send(Method::POST, &format!("{ME}/watch"), body.to_string().into_bytes()).await
    }

    async fn signed_in_again(self) -> Self {
        let caller = Caller::new(self.google.router()).with_token(&access_token(&self.google, ADA).await);
        World { caller, ..self }
    }
}
