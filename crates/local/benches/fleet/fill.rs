//! Fills a data folder: one mailbox is connected as anybody would, and the rest are like it.

use crate::process::Process;
use app::ports::Clock as _;
use app::ports::{
    Gist, Instances as _, LookupHash, Mailbox as StoredMailbox, NewInstance, NewNotification, PollCommit,
    Polls as _, Written,
};
use app::sealing::{Lookup, Sealer};
use chrono::{DateTime, Duration, Utc};
use domain::envelope::{self, ReadableResource, Sender};
use domain::event::{Change, ChangeKind};
use domain::ids::{InstanceId, Sequence};
use domain::instance::{Instance, MailboxAddress, Validity};
use domain::state::ResourceState;
use futures_util::future::join_all;
use local::sqlite::{Db, SqliteStore};
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, body};
use serde_json::json;
use std::path::Path;
use system::{SystemClock, SystemEntropy};

const INSTANCES_COUNT: usize = 10_000;
const EVENTS_COUNT: usize = 1_000_000;
const RESOURCES: [&str; 3] = ["messages", "threads", "labels"];
/// Writes at once: they share a transaction.
const BATCH_COUNT: usize = 2_000;
/// The log goes back so far.
const DAYS: i64 = 7;
/// One instance in so many has a callback that takes nothing; what came last for it waits.
const SUSPENDED_EACH: usize = 50;
/// The share of rounds in which what comes for these waits.
const WAITING_ROUNDS: usize = 25;
/// An object of some events, a part of some subjects, a tag of a hundred instances.
pub(crate) const OBJECT: &str = "18c0000000012345";
pub(crate) const SUBJECT: &str = "ledger-99";
pub(crate) const TAG: &str = "team-7";
const INSTANCE_TOKEN: &str = "instance_token";

pub(crate) fn is_filled(folder: &Path) -> bool {
    folder.join("filled").exists()
}

pub(crate) async fn fill(outside: &Outside, folder: &Path) {
    let model = connected(outside, folder).await;
    let database = folder.join("carillon.db");
    let sealer = local::keys::open(folder, true, &SystemEntropy).unwrap();
    let store = SqliteStore::new(Db::open(&database).unwrap());
    let model = store.mailbox(model).await.unwrap().unwrap();
    let now = SystemClock.now();
    let fleet: Vec<Instance> = (0..INSTANCES_COUNT).map(|n| like(&model.instance, n, &sealer, now)).collect();
    for (batch, instances) in fleet.chunks(BATCH_COUNT).enumerate() {
        let news = instances
            .iter()
            .enumerate()
            .map(|(n, one)| new(&model, one, batch * BATCH_COUNT + n, &sealer, now));
        let writes =
            news.map(async |new| assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done));
        join_all(writes).await;
    }
    for round in 0..EVENTS_COUNT / INSTANCES_COUNT {
        for (batch, instances) in fleet.chunks(BATCH_COUNT).enumerate() {
            let first = batch * BATCH_COUNT;
            let commits = instances.iter().enumerate().map(|(n, one)| commit(one, first + n, round, now));
            let writes =
                commits.map(async |new| assert_eq!(store.commit_poll(&new).await.unwrap(), Written::Done));
            join_all(writes).await;
        }
    }
    drop(store);
    finish(&database, model.instance.id, now);
    std::fs::write(folder.join("filled"), "").unwrap();
}

async fn connected(outside: &Outside, folder: &Path) -> InstanceId {
    let process = Process::start(outside, folder, RETRY_DELAYS).await;
    let (mailbox, callback) = (Mailbox::gmail(outside, "model"), Callback::new(outside, "model"));
    let mut wanted = body(&mailbox, &callback);
    let configuration = wanted["configuration"].as_object_mut().unwrap();
    configuration.remove("event.poller.configuration");
    let urls = RESOURCES.map(|name| format!("{name}|/hubs/general/{name}")).join("\n");
    configuration.insert("event.poller.urls".to_owned(), urls.into());
    configuration.insert("event.poller.refresh_interval".to_owned(), "60".into());
    let id = process.client.create(&wanted).await.id;
    process.terminate().await;
    InstanceId::parse(&id.to_string()).unwrap()
}

fn like(model: &Instance, n: usize, sealer: &Sealer, now: DateTime<Utc>) -> Instance {
    let id = InstanceId::from_bytes(u32::try_from(1_000 + n * 200_000).unwrap().to_be_bytes());
    let mut one = model.clone();
    one.id = id;
    one.name = format!("mailbox-{n}@example.test");
    one.tags = vec![format!("team-{}", n % 100), "customer".to_owned()];
    one.token_sealed = sealer.seal(id, INSTANCE_TOKEN, token(n).as_bytes()).unwrap();
    one.created_at = now - Duration::days(30);
    one.version = 1;
    // The model's is sealed for the model.
    (one.address, one.address_key) = (MailboxAddress::Untold, None);
    match n % 100 {
        3 => one.validity = Validity::NeedsSignIn("invalid_grant: the grant was revoked".to_owned()),
        4 => one.disabled = true,
        _ => {}
    }
    one
}

fn token(n: usize) -> String {
    format!("bench-token-{n}")
}

fn new(model: &StoredMailbox, one: &Instance, n: usize, sealer: &Sealer, now: DateTime<Utc>) -> NewInstance {
    let token_hash: LookupHash = sealer.lookup_hash(Lookup::InstanceToken, &token(n));
    let states = model.resources.iter().map(|row| ResourceState {
        version: 1,
        last_success_at: Some(now - Duration::seconds(i64::try_from(n % 1_500).unwrap())),
        failures: if n % 100 == 5 { 4 } else { 0 },
        ..row.state.clone()
    });
    let audit = app::ports::AuditEntry {
        id: format!("bench-{n}"),
        organization_id: one.account.organization_id,
        at: now,
        actor: app::ports::Actor::User { user_id: one.account.user_id },
        action: "instance.created".to_owned(),
        subject: format!("instances/{}", one.id),
        fields: Vec::new(),
        before: None,
        after: None,
        sealed: None,
    };
    NewInstance {
        instance: one.clone(),
        token_hash,
        session: model.session.clone(),
        states: states.collect(),
        audit,
        spends: None,
    }
}

/// One notification of one event, in the order of time over all instances.
fn commit(one: &Instance, n: usize, round: usize, now: DateTime<Utc>) -> PollCommit {
    let index = round * INSTANCES_COUNT + n;
    let rounds = EVENTS_COUNT / INSTANCES_COUNT;
    let age_us =
        Duration::days(DAYS).num_microseconds().unwrap() as f64 * (1.0 - index as f64 / EVENTS_COUNT as f64);
    let at = now - Duration::microseconds(age_us as i64 + 60_000_000);
    let resource = RESOURCES[usize::from(index % 10 == 9) * 2 + usize::from(index % 10 == 8)];
    let sender = Sender {
        instance: one.id,
        connector: &one.connector,
        hub: "general",
        account_id: one.account.account_id,
        organization_id: one.account.organization_id,
        user_id: one.account.user_id,
        name: &one.name,
        tags: &one.tags,
    };
    let change = change(index, n, at);
    let gist = Gist { kinds: vec![change.kind], subjects: Some(subject(index, n).to_lowercase()) };
    let read = ReadableResource { key: resource, path: resource, fields: &[] };
    let built = envelope::build(&sender, read, &[change], at, 100_000).remove(0);
    let waits = n % SUSPENDED_EACH == 7 && round + WAITING_ROUNDS >= rounds;
    let notification = NewNotification {
        sequence: Sequence(u64::try_from(at.timestamp_micros()).unwrap()),
        name: built.name,
        resource: resource.to_owned(),
        events: built.events,
        objects: built.objects,
        gist: Some(gist),
        body: built.body,
        created_at: at,
        sighting: None,
        deliver: waits,
        expires_at: (!waits).then(|| now + Duration::days(30)),
        claimed_until: None,
    };
    let success = now - Duration::seconds(i64::try_from(n % 1_500).unwrap());
    let before = versions_before(n, round, resource);
    let state = ResourceState {
        version: before + 2,
        last_success_at: Some(success),
        failures: if n % 100 == 5 { 4 } else { 0 },
        ..ResourceState::new(resource, at).with_baseline(json!({ "historyId": index }), success)
    };
    PollCommit {
        instance: one.id,
        organization_id: one.account.organization_id,
        state,
        notifications: vec![notification],
        annex: Vec::new(),
        told: Vec::new(),
    }
}

/// Commits of a resource so far.
fn versions_before(n: usize, round: usize, resource: &str) -> u64 {
    let of = |round: usize| {
        let index = round * INSTANCES_COUNT + n;
        RESOURCES[usize::from(index % 10 == 9) * 2 + usize::from(index % 10 == 8)]
    };
    (0..round).filter(|earlier| of(*earlier) == resource).count() as u64
}

fn change(index: usize, n: usize, at: DateTime<Utc>) -> Change {
    let object_id = format!("18c{index:013}");
    let record = json!({
        "id": object_id, "threadId": object_id, "labelIds": ["INBOX", "UNREAD"],
        "snippet": "Dear all, please find attached what was agreed upon on Thursday. ".repeat(3),
        "payload": { "mimeType": "text/plain", "headers": [
            { "name": "From", "value": "somebody@example.test" },
            { "name": "To", "value": format!("mailbox-{n}@example.test") },
            { "name": "Subject", "value": subject(index, n) },
            { "name": "Date", "value": at.to_rfc2822() },
        ] },
        "sizeEstimate": 4_321, "internalDate": at.timestamp_millis().to_string(),
    });
    let kind = match index {
        _ if index % 5_000 == 4_999 => ChangeKind::Deleted,
        _ if index % 20 == 19 => ChangeKind::Updated,
        _ => ChangeKind::Created,
    };
    Change {
        object_id,
        shown_id: None,
        kind,
        version: index.to_string(),
        at: Some(at),
        record,
        recheck: false,
        again: false,
    }
}

fn subject(index: usize, n: usize) -> String {
    format!("Invoice {index}, ledger-{}", n % 100)
}

/// What went out did: an attempt each, in one statement.
fn finish(database: &Path, model: InstanceId, now: DateTime<Utc>) {
    let connection = rusqlite::Connection::open(database).unwrap();
    let attempt =
        json!([{ "number": 1, "at": now, "duration_ms": 83, "status": 200, "error": null, "answer": "ok" }]);
    connection
        .execute(
            "UPDATE notifications SET progress = 'delivered', attempts = ?1 WHERE progress = 'logged'",
            [attempt.to_string()],
        )
        .unwrap();
    // The model makes way: a list by last success has room for ten thousand.
    connection.execute("UPDATE instances SET deleted = 1 WHERE id = ?1", [model.get()]).unwrap();
    // Nothing is polled while it is measured.
    for table in ["outbox", "schedules", "jobs"] {
        connection.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    let suspend =
        "UPDATE subscriptions SET status = 'suspended', reason = 'the last attempt was answered with 500'
         WHERE instance_id IN (SELECT DISTINCT instance_id FROM notifications WHERE progress = 'pending')";
    connection.execute(suspend, []).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
}
