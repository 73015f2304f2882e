//! What was told comes up once more, on another way than before, while its delivery is still under way or is asked for
//! again: the same event id came under a new webhook id and with other bytes (`pollDate`).

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{FaultKind, Mail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DOWN: FaultKind = FaultKind::ServerError { status: 503 };

/// Every webhook id and body that an event came with, and how often it came.
type SentCopies = (BTreeSet<(String, Vec<u8>)>, usize);

/// All that was posted, taken or not.
#[derive(Default)]
struct PostedEvents {
    /// By event id.
    events: BTreeMap<String, SentCopies>,
    objects: BTreeSet<String>,
}

impl PostedEvents {
    fn take(&mut self, world: &World) {
        for received in world.receiver.take() {
            let webhook = received.headers["elements-webhook-id"].to_str().unwrap().to_owned();
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            for event in body["message"]["events"].as_array().unwrap() {
                let (told, count) = self.events.entry(event["id"].as_str().unwrap().to_owned()).or_default();
                told.insert((webhook.clone(), received.body.to_vec()));
                *count += 1;
                self.objects.insert(event["objectId"].as_str().unwrap().to_owned());
            }
        }
    }

    /// Each of these was told in one way, however often.
    #[track_caller]
    fn assert_told_in_one_way(&self, expected: &[String], what: &str) {
        for (event, (told, _)) in &self.events {
            let webhooks: Vec<_> = told.iter().map(|(webhook, _)| webhook).collect();
            assert_eq!(told.len(), 1, "{what}: event {event} came under {webhooks:?}");
        }
        assert_eq!(self.objects, expected.iter().cloned().collect(), "{what}");
        assert_eq!(self.events.len(), expected.len(), "{what}: an object has more events than its creation");
        assert!(self.events.values().any(|(_, count)| *count > 1), "{what}: nothing was delivered again");
    }

    /// Asks for every notification once more.
    async fn redeliver(&self, world: &World, id: InstanceId) {
        let told = self.events.values().flat_map(|(told, _)| told);
        let webhooks: BTreeSet<&String> = told.map(|(webhook, _)| webhook).collect();
        for webhook in webhooks {
            let path = format!("/instances/{id}/events/{webhook}/retry");
            assert_eq!(world.call("POST", &path, &Value::Null).await.status, 200);
        }
        world.run_until_idle().await;
    }
}

async fn backfill(world: &World, id: InstanceId) {
    let from = world.now() - Duration::days(1);
    let body = json!({ "from": from.to_rfc3339() });
    let reply = world.call("POST", &format!("/instances/{id}/backfill"), &body).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    world.run_until_idle().await;
}

/// The receiver takes nothing yet when the mail is listed again beside newer mail: by a catch-up, or by a backfill.
#[tokio::test]
async fn what_is_listed_again_while_its_delivery_is_retried_has_the_same_words() {
    for (is_gmail, is_backfill) in [(true, false), (true, true), (false, true)] {
        let what = format!("gmail: {is_gmail}, backfill: {is_backfill}");
        let world = World::new(621);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let deliver = || match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        world.receiver.set_default(503);
        let mut sent = vec![deliver(), deliver()];
        let mut posted = PostedEvents::default();
        world.poll(id).await;
        posted.take(&world);
        world.clock.advance(Duration::seconds(61));
        sent.push(deliver());
        match is_backfill {
            true => backfill(&world, id).await,
            false => world.google.expire_history(GMAIL_USER),
        }
        world.poll(id).await;
        world.receiver.set_default(200);
        world.pass(Duration::hours(1)).await;
        posted.take(&world);
        posted.redeliver(&world, id).await;
        posted.take(&world);
        posted.assert_told_in_one_way(&sent, &what);
    }
}

/// Two ways wait to read the same mail again, and both can at last: each would tell of it, minutes apart.
#[tokio::test]
async fn what_two_ways_wait_for_is_told_in_the_words_of_the_first() {
    let world = World::new(622);
    let id = world.create_gmail().await;
    let sent: Vec<_> = (0..3).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    world.google.poison(GMAIL_USER, &sent[1], DOWN);
    world.receiver.set_default(503);
    let mut posted = PostedEvents::default();
    world.poll(id).await;
    posted.take(&world);
    world.clock.advance(Duration::minutes(1));
    backfill(&world, id).await;
    world.google.heal(GMAIL_USER, &sent[1]);
    world.pass(Duration::minutes(6)).await;
    world.receiver.set_default(200);
    world.pass(Duration::hours(3)).await;
    posted.take(&world);
    posted.redeliver(&world, id).await;
    posted.take(&world);
    posted.assert_told_in_one_way(&sent, "a walk's and a backfill's");
}
