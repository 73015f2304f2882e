//! What the receiver was told, held against what happened.

use super::cloud::HEALTH_PATH;
use super::traffic::Traffic;
use crate::world::{GMAIL_USER, OUTLOOK_USER, SIGNATURE_KEY, World};
use app::ports::{EventLog as _, LogPage};
use domain::ids::InstanceId;
use doubles::Received;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What says of a record that its content is not there.
const INCOMPLETE: &str = "carillonRecordIncomplete";

/// The resources that mail is polled as.
const GMAIL_MAIL: &str = "changed-messages";
const OUTLOOK_MAIL: &str = "messages";

/// What arrived.
#[derive(Default)]
pub(super) struct Ledger {
    /// By notification: its exact body, and how often it was posted.
    bodies: BTreeMap<String, (Vec<u8>, usize)>,
    /// Notifications that were taken with 200.
    taken: BTreeSet<String>,
    /// By event id: the notification that holds it.
    events: BTreeMap<String, String>,
}

/// One event that was taken.
struct TakenEvent {
    kind: String,
    object: String,
    record: Value,
    notification: String,
}

impl Ledger {
    /// Takes notifications in, and gives what came to the health address.
    pub(super) fn take(&mut self, world: &World) -> Vec<Received> {
        let is_letter = |received: &Received| received.path == HEALTH_PATH;
        let (letters, notifications) = world.receiver.take().into_iter().partition(is_letter);
        let notifications: Vec<Received> = notifications;
        for received in notifications {
            assert!(world.receiver.verify(SIGNATURE_KEY.as_bytes(), &received), "a signature is wrong");
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            let name = body["message"]["eventId"].as_str().unwrap().to_owned();
            assert_eq!(received.headers["elements-webhook-id"], name.as_str());
            let (known, count) = self.bodies.entry(name.clone()).or_insert((received.body.to_vec(), 0));
            assert_eq!(*known, received.body, "a redelivery has another body");
            *count += 1;
            if received.answered == 200 {
                self.taken.insert(name.clone());
            }
            for event in body["message"]["events"].as_array().unwrap() {
                let id = event["id"].as_str().unwrap().to_owned();
                let holder = self.events.entry(id).or_insert_with(|| name.clone());
                assert_eq!(*holder, name, "an event is in two notifications: {event}");
            }
        }
        letters
    }

    pub(super) fn attempts_max(&self) -> usize {
        self.bodies.values().map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// Some notification that arrived, and whose it is.
    pub(super) fn any(&self, random: &mut fastrand::Rng) -> Option<(u64, String)> {
        let (name, (body, _)) = self.bodies.iter().nth(random.usize(0..self.bodies.len().max(1)))?;
        let body: Value = serde_json::from_slice(body).unwrap();
        Some((body["message"]["instanceId"].as_u64()?, name.clone()))
    }

    /// What was told of a resource.
    fn told(&self, resource: &str) -> Vec<TakenEvent> {
        let mut told = Vec::new();
        for name in &self.taken {
            let body: Value = serde_json::from_slice(&self.bodies[name].0).unwrap();
            let message = &body["message"];
            if message["raw"]["objectType"] != resource {
                continue;
            }
            let records = &message["raw"][message["raw"]["objectType"].as_str().unwrap()];
            for (event, record) in
                message["events"].as_array().unwrap().iter().zip(records.as_array().unwrap())
            {
                told.push(TakenEvent {
                    kind: event["eventType"].as_str().unwrap().to_owned(),
                    object: event["objectId"].as_str().unwrap().to_owned(),
                    record: record.clone(),
                    notification: name.clone(),
                });
            }
        }
        let is_hollow = |one: &TakenEvent| one.record.get(INCOMPLETE).is_some();
        assert!(!told.iter().any(is_hollow), "a record went out without its content");
        told
    }

    /// What was told of a resource, in the order in which it was committed: the poll's date may be of a clock that is
    /// behind.
    async fn committed(&self, world: &World, id: InstanceId, resource: &str) -> Vec<TakenEvent> {
        let page = LogPage { before: None, limit: usize::MAX, pending_only: false };
        let newest_first = world.store.notifications(id, page).await.unwrap().rows;
        let at =
            |told: &TakenEvent| newest_first.iter().rposition(|one| one.name.event_id == told.notification);
        let mut told = self.told(resource);
        told.sort_by_key(|one| std::cmp::Reverse(at(one)));
        told
    }

    /// Whether the receiver has taken the creation of this object.
    pub(super) fn is_told(&self, object: &str) -> bool {
        let told = |resource| created(&self.told(resource), object) > 0;
        told(GMAIL_MAIL) || told(OUTLOOK_MAIL)
    }

    /// The events of a resource, each as its type and its object.
    pub(super) fn events_of(&self, resource: &str) -> Vec<(String, String)> {
        self.told(resource).into_iter().map(|one| (one.kind, one.object)).collect()
    }

    pub(super) async fn check(
        &self,
        world: &World,
        traffic: &Traffic,
        gmail: InstanceId,
        outlook: InstanceId,
    ) {
        assert_eq!(self.taken.len(), self.bodies.len(), "a notification was never taken");
        check_gmail(world, traffic, &self.committed(world, gmail, GMAIL_MAIL).await);
        check_outlook(world, traffic, &self.committed(world, outlook, OUTLOOK_MAIL).await);
    }
}

fn created(told: &[TakenEvent], object: &str) -> usize {
    told.iter().filter(|one| one.object == object && one.kind == "CREATED").count()
}

fn check_gmail(world: &World, traffic: &Traffic, told: &[TakenEvent]) {
    for id in &traffic.gmail {
        assert_eq!(created(told, id), 1, "Gmail message {id} told {} times as created", created(told, id));
    }
    for id in &traffic.old {
        assert!(
            created(told, id) <= usize::from(traffic.is_backfilled),
            "old Gmail message {id} told as created"
        );
    }
    for id in &traffic.draft_ids {
        assert!(!told.iter().any(|one| one.object == *id), "draft {id} was told");
    }
    for id in &traffic.gmail_purged {
        let deleted = told.iter().any(|one| one.object == *id && one.kind == "DELETED");
        let is_open = created(told, id) == 1 && !deleted;
        assert!(!is_open || traffic.gap, "the deletion of Gmail message {id} was not told");
        assert!(created(told, id) <= 1);
    }
    if traffic.gap {
        return;
    }
    for message in world.google.messages(GMAIL_USER) {
        let Some(last) = told.iter().rfind(|one| one.object == message.id) else { continue };
        let labels = |value: &Value| {
            value
                .as_array()
                .map(|all| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>())
        };
        let now: BTreeSet<String> = message.labels.iter().cloned().collect();
        assert_eq!(
            labels(&last.record["labelIds"]),
            Some(now),
            "the last labels of {} were not told",
            message.id
        );
    }
}

fn check_outlook(world: &World, traffic: &Traffic, told: &[TakenEvent]) {
    let mut states = BTreeSet::new();
    for one in told.iter().filter(|one| one.kind != "DELETED") {
        let state = (one.object.clone(), one.record["ChangeKey"].as_str().unwrap().to_owned());
        // Of what was there before, a backfill tells the creation beside the updates that polls told.
        let is_past = one.kind == "CREATED" && traffic.is_backfilled && traffic.old.contains(&one.object);
        assert!(states.insert(state) || is_past, "a state of Outlook message {} was told twice", one.object);
    }
    for id in &traffic.outlook {
        assert_eq!(created(told, id), 1, "Outlook message {id} told {} times as created", created(told, id));
    }
    for id in traffic.old.iter().chain(&traffic.outlook_purged) {
        let may_be_told = traffic.is_backfilled || traffic.outlook_purged.contains(id);
        assert!(created(told, id) <= usize::from(may_be_told));
    }
    let mut deleted = BTreeSet::new();
    for one in told.iter().filter(|one| one.kind == "DELETED") {
        assert!(deleted.insert(&one.object), "the deletion of {} was told twice", one.object);
        assert!(
            traffic.outlook_purged.contains(&one.object),
            "{} is there and was told as deleted",
            one.object
        );
    }
    for message in world.microsoft.messages(OUTLOOK_USER) {
        if traffic.outlook.contains(&message.id) {
            let state = (message.id.clone(), message.change_key.clone());
            assert!(states.contains(&state), "the last state of Outlook message {} was not told", message.id);
        }
    }
}
