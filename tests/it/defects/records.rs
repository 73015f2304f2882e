//! Records that can't be read while others can: told in full, in order, and in nobody's way.

use super::{assert_created, polled, with_poller};
use crate::world::{GMAIL_USER, World, gmail_body};
use app::ports::{PollCommit, Polls as _, Written};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::retry_list::RETRY_RECORDS_COUNT_MAX;
use doubles::{FaultKind, Mail, Route};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DOWN: FaultKind = FaultKind::ServerError { status: 503 };
/// What one message may be answered for good, though it is there.
const REFUSALS: [FaultKind; 2] = [FaultKind::Refused { status: 400 }, FaultKind::Refused { status: 403 }];

/// An event and its record, as a callback got them.
#[derive(Debug, PartialEq)]
struct DeliveredRecord {
    kind: String,
    id: String,
    record: Value,
}

impl DeliveredRecord {
    fn is_whole(&self) -> bool {
        self.record.get("carillonRecordIncomplete").is_none()
    }
}

/// What arrived since the last look, in the order of arrival.
fn told(world: &World) -> Vec<DeliveredRecord> {
    let mut told = Vec::new();
    for received in world.receiver.take() {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        let message = &body["message"];
        let records = message["raw"][message["raw"]["objectType"].as_str().unwrap()].as_array().unwrap();
        for (event, record) in message["events"].as_array().unwrap().iter().zip(records) {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            told.push(DeliveredRecord {
                kind: text("eventType"),
                id: text("objectId"),
                record: record.clone(),
            });
        }
    }
    told
}

/// Each of these was created once, with its content.
#[track_caller]
fn assert_whole(told: &[DeliveredRecord], expected: &[String]) {
    let hollow = told.iter().filter(|one| !one.is_whole()).count();
    assert_eq!(hollow, 0, "of {} are hollow", told.len());
    let pairs: Vec<_> = told.iter().map(|one| (one.kind.clone(), one.id.clone())).collect();
    assert_created(&pairs, expected);
}

fn deliver(world: &World, count: usize) -> Vec<String> {
    (0..count).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect()
}

async fn waiting(world: &World, id: InstanceId) -> u64 {
    world.shown(id).await["resources"][0]["recordsToRetry"].as_u64().unwrap()
}

/// A third of all reads failed for 25 s: a quarter of a thousand mails went out without content after one try.
#[tokio::test]
async fn an_outage_of_a_part_of_the_provider_sends_nothing_hollow() {
    let world = World::new(601);
    let id = world.create_gmail().await;
    let mut sent = Vec::new();
    world.google.set_fault_rate_on(Route::Get, 0.34, vec![DOWN]);
    for _ in 0..5 {
        sent.extend(deliver(&world, 200));
        world.poll(id).await;
        world.pass(Duration::seconds(5)).await;
    }
    world.google.clear_faults();
    world.pass(Duration::minutes(6)).await;
    assert_whole(&told(&world), &sent);
    assert_eq!(waiting(&world, id).await, 0);
}

#[tokio::test]
async fn messages_that_cannot_be_read_hold_up_nobody() {
    let world = World::new(602);
    let id = world.create_gmail().await;
    let bad = deliver(&world, 60);
    for one in &bad {
        world.google.poison(GMAIL_USER, one, DOWN);
    }
    let good = deliver(&world, 100);
    assert_created(&polled(&world, id).await, &good);
    assert_eq!(waiting(&world, id).await, 60);
    world.pass(Duration::minutes(30)).await;
    let later = deliver(&world, 1);
    assert_created(&polled(&world, id).await, &later);
    for one in &bad {
        world.google.heal(GMAIL_USER, one);
    }
    world.pass(Duration::minutes(6)).await;
    assert_whole(&told(&world), &bad);
}

/// No message could be read for an hour, and many came. They are not told hollow, and come soon afterwards.
#[tokio::test]
async fn what_an_outage_kept_back_is_read_within_minutes_of_its_end() {
    let world = World::new(603);
    let id = world.create_gmail().await;
    let mut sent = deliver(&world, 20);
    assert_created(&polled(&world, id).await, &sent);
    world.google.set_fault_rate_on(Route::Get, 1.0, vec![DOWN]);
    sent = deliver(&world, 1500);
    world.pass(Duration::hours(3)).await;
    assert_eq!(told(&world), [], "nothing says that it is the messages' fault");
    assert!(waiting(&world, id).await > 500);
    world.google.clear_faults();
    world.pass(Duration::minutes(16)).await;
    assert_whole(&told(&world), &sent);
}

/// Few enough that each is looked at all the time, for longer than a message may fail alone: none of them does.
#[tokio::test]
async fn an_outage_of_hours_is_the_fault_of_no_message() {
    let world = World::new(614);
    let id = world.create_gmail().await;
    let known = deliver(&world, 1);
    assert_created(&polled(&world, id).await, &known);
    world.google.set_fault_rate_on(Route::Get, 1.0, vec![DOWN]);
    let sent = deliver(&world, 5);
    world.pass(Duration::hours(6)).await;
    assert_eq!(told(&world), []);
    assert_eq!(waiting(&world, id).await, 5);
    world.google.clear_faults();
    world.pass(Duration::minutes(16)).await;
    assert_whole(&told(&world), &sent);
}

/// While all reads fail, the provider is asked less and less.
#[tokio::test]
async fn an_outage_is_not_made_worse() {
    let world = World::new(604);
    let id = world.create_gmail().await;
    deliver(&world, 300);
    world.google.set_fault_rate_on(Route::Get, 1.0, vec![DOWN]);
    world.poll(id).await;
    world.pass(Duration::hours(1)).await;
    world.google.clear_requests();
    world.pass(Duration::hours(1)).await;
    let count = world.google.requests().len();
    assert!(count < 600, "{count} requests in an hour in which none is answered");
}

/// One message is refused for good: the position passes it, whatever is read.
#[tokio::test]
async fn a_message_that_is_refused_alone_stops_nothing() {
    for refusal in REFUSALS {
        for url in ["/hubs/general/messages", "/hubs/general/threads?format=full"] {
            let world = World::new(605);
            let body = gmail_body(&world.google.new_code(GMAIL_USER));
            let poller = json!({ "mail": { "url": url, "idField": "id" } });
            let id = world.create(&with_poller(body, poller)).await;
            let sent = deliver(&world, 3);
            world.google.poison(GMAIL_USER, &sent[1], refusal);
            let others = [sent[0].clone(), sent[2].clone()];
            assert_created(&polled(&world, id).await, &others);
            let shown = world.shown(id).await;
            assert_eq!(shown["resources"][0]["failures"], 0, "{refusal:?} {url}");
            let later = deliver(&world, 1);
            assert_created(&polled(&world, id).await, &later);
            world.google.heal(GMAIL_USER, &sent[1]);
            world.pass(Duration::minutes(6)).await;
            assert_whole(&told(&world), &sent[1..2]);
        }
    }
}

/// Each may be as long as a mail may be: several at once would be held at once.
#[tokio::test]
async fn whole_mails_are_read_again_one_after_another_and_short_ones_side_by_side() {
    let looks = [("/hubs/general/messages?format=full", 1), ("/hubs/general/messages", 3)];
    for (url, at_once) in looks {
        let world = World::new(615);
        let body = gmail_body(&world.google.new_code(GMAIL_USER));
        let id = world.create(&with_poller(body, json!({ "mail": { "url": url, "idField": "id" } }))).await;
        let sent = deliver(&world, 8);
        for one in &sent {
            world.google.poison(GMAIL_USER, one, DOWN);
        }
        let later = deliver(&world, 1);
        assert_created(&polled(&world, id).await, &later);
        assert_eq!(waiting(&world, id).await, 8);
        for one in &sent {
            world.google.heal(GMAIL_USER, one);
        }
        world.pass(Duration::minutes(6)).await;
        assert_whole(&told(&world), &sent);
        assert_eq!(world.google.usage(GMAIL_USER).message_reads_peak, at_once, "{url}");
    }
}

#[tokio::test]
async fn a_message_that_is_refused_alone_stops_no_catch_up_and_no_backfill() {
    for refusal in REFUSALS {
        let world = World::new(606);
        let id = world.create_gmail().await;
        world.pass(Duration::hours(1)).await;
        let missed = deliver(&world, 3);
        world.google.poison(GMAIL_USER, &missed[1], refusal);
        world.google.expire_history(GMAIL_USER);
        assert_created(&polled(&world, id).await, &[missed[0].clone(), missed[2].clone()]);
        let later = deliver(&world, 1);
        assert_created(&polled(&world, id).await, &later);
        world.google.heal(GMAIL_USER, &missed[1]);
        world.pass(Duration::minutes(16)).await;
        assert_whole(&told(&world), &missed[1..2]);
    }
    for refusal in REFUSALS {
        let world = World::new(607);
        let old = deliver(&world, 3);
        world.google.poison(GMAIL_USER, &old[1], refusal);
        world.clock.advance(Duration::hours(1));
        let id = world.create_gmail().await;
        let from = world.now() - Duration::days(1);
        let path = format!("/instances/{id}/backfill");
        let reply = world.call("POST", &path, &json!({ "from": from.to_rfc3339() })).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        world.run_until_idle().await;
        let status = async || {
            world.get(&format!("{path}/{}", reply.body["id"].as_str().unwrap())).await["status"].clone()
        };
        assert_created(&world.arrived(), &[old[0].clone(), old[2].clone()]);
        assert_eq!(status().await, "running", "one is still to come");
        world.google.heal(GMAIL_USER, &old[1]);
        world.pass(Duration::minutes(16)).await;
        assert_whole(&told(&world), &old[1..2]);
        assert_eq!(status().await, "done");
    }
}

/// What is refused for the mailbox as a whole is no fault of its messages: they stay where they are.
#[tokio::test]
async fn a_refusal_of_the_mailbox_passes_no_message() {
    let world = World::new(608);
    let id = world.create_gmail().await;
    let sent = deliver(&world, 5);
    world.google.set_fault_rate_on(Route::Get, 1.0, vec![FaultKind::Forbidden]);
    world.pass(Duration::hours(6)).await;
    let shown = world.shown(id).await;
    let resource = &shown["resources"][0];
    assert!(resource["failures"].as_u64().unwrap() > 3, "{resource}");
    assert_eq!(resource["recordsToRetry"], 0);
    world.google.clear_faults();
    world.pass(Duration::minutes(20)).await;
    assert_whole(&told(&world), &sent);
}

/// A created mail waits to be read; it is read and labelled by its owner meanwhile.
#[tokio::test]
async fn no_update_overtakes_a_creation_that_waits() {
    let world = World::new(609);
    let id = world.create_gmail().await;
    let sent = deliver(&world, 3);
    world.google.poison(GMAIL_USER, &sent[1], DOWN);
    assert_created(&polled(&world, id).await, &[sent[0].clone(), sent[2].clone()]);
    world.google.add_label(GMAIL_USER, &sent[1], "STARRED");
    world.google.add_label(GMAIL_USER, &sent[0], "STARRED");
    assert_eq!(polled(&world, id).await, [("UPDATED".to_owned(), sent[0].clone())]);
    world.google.heal(GMAIL_USER, &sent[1]);
    world.pass(Duration::minutes(6)).await;
    let created = told(&world);
    assert_whole(&created, &sent[1..2]);
    assert!(created[0].record["labelIds"].as_array().unwrap().contains(&json!("STARRED")), "{created:?}");
    world.google.remove_label(GMAIL_USER, &sent[1], "STARRED");
    assert_eq!(polled(&world, id).await, [("UPDATED".to_owned(), sent[1].clone())], "from now on as usual");
}

/// It came, could not be read, and went: whether that is noticed by history or by reading it again.
#[tokio::test]
async fn what_went_before_its_creation_was_told_is_not_told_at_all() {
    for is_noticed_first in [false, true] {
        let world = World::new(610);
        let id = world.create_gmail().await;
        let sent = deliver(&world, 2);
        world.google.poison(GMAIL_USER, &sent[1], DOWN);
        assert_created(&polled(&world, id).await, &sent[..1]);
        if is_noticed_first {
            world.google.poison(GMAIL_USER, &sent[1], FaultKind::NotFound);
            world.pass(Duration::minutes(6)).await;
            assert_eq!(waiting(&world, id).await, 0, "nobody waits for what is gone");
        }
        world.google.purge(GMAIL_USER, &sent[1]);
        world.pass(Duration::hours(5)).await;
        assert_eq!(told(&world), [], "{is_noticed_first}");
    }
}

/// Two hours of failing alone are enough. What was told without its content is completed when it can be.
#[tokio::test]
async fn what_was_told_without_its_content_is_updated_with_it() {
    let world = World::new(611);
    let id = world.create_gmail().await;
    let sent = deliver(&world, 2);
    world.google.poison(GMAIL_USER, &sent[1], DOWN);
    assert_created(&polled(&world, id).await, &sent[..1]);
    world.pass(Duration::minutes(115)).await;
    assert_eq!(told(&world), []);
    world.google.add_label(GMAIL_USER, &sent[1], "STARRED");
    world.pass(Duration::minutes(35)).await;
    let created = told(&world);
    assert_eq!((created.len(), created[0].kind.as_str(), created[0].is_whole()), (1, "CREATED", false));
    assert!(created[0].record["labelIds"].as_array().unwrap().contains(&json!("STARRED")), "the newest");
    world.pass(Duration::days(2)).await;
    assert_eq!(told(&world), []);
    world.google.heal(GMAIL_USER, &sent[1]);
    world.pass(Duration::minutes(76)).await;
    let updated = told(&world);
    assert_eq!((updated.len(), updated[0].kind.as_str(), updated[0].is_whole()), (1, "UPDATED", true));
    assert_eq!(updated[0].record["id"], json!(sent[1]));
    assert!(updated[0].record.get("payload").is_some(), "with its content: {updated:?}");
    world.pass(Duration::days(1)).await;
    assert_eq!(told(&world), []);
}

/// Ten thousand records wait already: what can't be read then stays where it is, and nothing is told hollow.
#[tokio::test]
async fn a_full_list_stops_the_position() {
    let world = World::new(612);
    let id = world.create_gmail().await;
    let mailbox = world.store.mailbox(id).await.unwrap().unwrap();
    let mut state = mailbox.resources[0].state.clone();
    let organization_id = mailbox.instance.account.organization_id;
    let due = (world.now() + Duration::hours(1)).to_rfc3339();
    let record = |n: usize| json!({ "object_id": format!("old{n}"), "version": "1", "stub": {}, "tries": 1, "due_at": due });
    let records: Vec<Value> = (0..RETRY_RECORDS_COUNT_MAX).map(record).collect();
    state.retry_records = serde_json::from_value(Value::Array(records)).unwrap();
    state.version += 1;
    let commit = PollCommit {
        instance: id,
        organization_id,
        state,
        notifications: Vec::new(),
        annex: Vec::new(),
        told: Vec::new(),
    };
    assert_eq!(world.store.commit_poll(&commit).await.unwrap(), Written::Done);
    let sent = deliver(&world, 3);
    world.google.poison(GMAIL_USER, &sent[1], DOWN);
    assert_eq!(polled(&world, id).await, []);
    assert_eq!(waiting(&world, id).await, RETRY_RECORDS_COUNT_MAX as u64);
    // Nobody knows the old ones any more, and the list has room again.
    world.pass(Duration::minutes(76)).await;
    assert_created(&world.arrived(), &[sent[0].clone(), sent[2].clone()]);
    assert_eq!(waiting(&world, id).await, 1);
    world.google.heal(GMAIL_USER, &sent[1]);
    world.pass(Duration::minutes(6)).await;
    assert_whole(&told(&world), &sent[1..2]);
}

/// One record of history speaks of more messages than a transaction takes, and the process dies within it.
#[tokio::test]
async fn a_step_that_is_larger_than_a_transaction_is_told_once() {
    for passages in [18, 24, 30, 36] {
        let mut world = World::new(613);
        let id = world.create_gmail().await;
        let sent = deliver(&world, 620);
        let ids: Vec<&str> = sent.iter().map(String::as_str).collect();
        assert_created(&polled(&world, id).await, &sent);
        world.google.modify_all(GMAIL_USER, &ids, &["STARRED"], &[]);
        world.gate.die_after(passages);
        let deadline = world.now() + Duration::seconds(20);
        let _ = world.gate.run(world.app.poll(id, deadline)).await;
        world.restart();
        world.pass(Duration::minutes(16)).await;
        let mut counts = BTreeMap::new();
        for one in told(&world) {
            assert_eq!(one.kind, "UPDATED");
            *counts.entry(one.id).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), sent.len(), "{passages}");
        assert!(counts.values().all(|count| *count == 1), "{passages}");
    }
}
