//! What the store does beside its port.

use crate::fixtures::{at, folder, id};
use app::ports::{
    AUDIT_DAYS, Accounts, Actor, AuditEntry, Callers as _, Instances as _, NewInstance, NewNotification,
    PollCommit, Polls as _, Vault, Written,
};
use domain::ids::{EventId, NotificationName, Sequence};
use domain::instance::Account;
use domain::retry_list::RetryRecord;
use domain::state::ResourceState;
use domain::token::Session;
use futures_util::FutureExt as _;
use local::sqlite::{Db, SqliteStore, SqliteVault};

fn account(organization_id: u32, account_id: u32, user_id: u32) -> Option<Account> {
    Some(Account { organization_id, account_id, user_id, sees_own_only: false })
}

#[tokio::test]
async fn accounts_are_found_by_the_hashes_of_their_secrets() {
    let store = SqliteStore::new(Db::in_memory().unwrap());
    let (user, organization) = ([1; 32], [2; 32]);
    assert_eq!(store.first_account().await.unwrap(), None);
    let first = store.ensure_account(user, organization).await.unwrap();
    assert_eq!(Some(first), account(1, 1, 1));
    assert_eq!(store.first_account().await.unwrap(), Some(first));
    assert_eq!(store.account(&user, None).await.unwrap(), Some(first));
    assert_eq!(store.account(&user, Some(&organization)).await.unwrap(), Some(first));
    assert_eq!(store.account(&user, Some(&user)).await.unwrap(), None, "another organization");
    assert_eq!(store.account(&organization, None).await.unwrap(), None);

    let colleague = store.add_organization(&organization, &[3; 32]).await.unwrap();
    assert_eq!(Some(colleague), account(1, 2, 2));
    assert_eq!(Some(store.add_organization(&[5; 32], &[4; 32]).await.unwrap()), account(2, 3, 3));
    assert!(store.add_organization(&organization, &user).await.is_err(), "the secret is in use");
    assert_eq!(store.account(&[4; 32], Some(&organization)).await.unwrap(), None);
}

#[tokio::test]
async fn new_secrets_replace_those_of_the_first_account() {
    let store = SqliteStore::new(Db::in_memory().unwrap());
    let first = store.ensure_account([1; 32], [2; 32]).await.unwrap();
    let other = store.add_organization(&[4; 32], &[3; 32]).await.unwrap();
    assert_eq!(store.ensure_account([1; 32], [2; 32]).await.unwrap(), first, "nothing new");
    assert_eq!(store.ensure_account([3; 32], [4; 32]).await.unwrap(), other, "known, though not the first");
    assert_eq!(store.ensure_account([9; 32], [2; 32]).await.unwrap(), first);
    assert_eq!(store.account(&[1; 32], None).await.unwrap(), None);
    assert_eq!(store.account(&[9; 32], Some(&[2; 32])).await.unwrap(), Some(first));
    assert_eq!(store.account(&[3; 32], Some(&[4; 32])).await.unwrap(), Some(other));
}

pub(crate) fn new_instance() -> NewInstance {
    let instance = serde_json::json!({
        "id": 1, "account": { "organization_id": 1, "account_id": 1, "user_id": 1 }, "connector": "mail",
        "name": "n", "tags": [], "configuration": {}, "secret_keys": [], "secrets_version": 0,
        "token_sealed": "", "external_authentication": "none", "created_at": at(0), "updated_at": at(0),
        "disabled": false, "validity": "Valid", "application_error": null, "mailbox_digest": "",
        "notices": [], "deleted_at": null, "version": 1
    });
    NewInstance {
        instance: serde_json::from_value(instance).unwrap(),
        token_hash: [0; 32],
        session: Session::default(),
        states: vec![ResourceState::new("messages", at(0))],
        audit: entry(0),
        spends: None,
    }
}

#[tokio::test]
async fn when_the_clock_was_set_back_nothing_waits_longer_than_it_was_meant_to() {
    let store = SqliteStore::new(Db::in_memory().unwrap());
    let mut new = new_instance();
    new.session.backoff_until = Some(at(3_605));
    new.session.lease_until = Some(at(50));
    let state = &mut new.states[0];
    (state.backoff_until, state.looks.paused_until) = (Some(at(3_700)), Some(at(200)));
    let record = |n: usize, due_s: i64| {
        let record = serde_json::json!({
            "object_id": n.to_string(), "version": "1", "stub": {}, "tries": 1, "due_at": at(due_s)
        });
        serde_json::from_value::<RetryRecord>(record).unwrap()
    };
    // More than are stored as they are.
    (0..100).for_each(|n| state.retry_records.add(record(n, 3_800)));
    let instance = new.instance.id;
    store.insert_instance(&new).await.unwrap();
    store.set_back(chrono::Duration::hours(1), at(100)).await.unwrap();
    let mailbox = store.mailbox(instance).await.unwrap().unwrap();
    let (session, state) = (&mailbox.session, &mailbox.resources[0].state);
    assert_eq!((session.backoff_until, session.lease_until), (Some(at(100)), Some(at(50))));
    assert_eq!((state.backoff_until, state.looks.paused_until), (Some(at(100)), Some(at(100))));
    assert_eq!(state.retry_records.next_due(), Some(at(200)));
    assert_eq!(state.retry_records.records().len(), 100);
}

fn entry(at_s: i64) -> AuditEntry {
    AuditEntry {
        id: format!("entry at {at_s}"),
        organization_id: 1,
        at: at(at_s),
        actor: Actor::Carillon,
        action: "instance.created".to_owned(),
        subject: "instances/1".to_owned(),
        fields: Vec::new(),
        before: None,
        after: None,
        sealed: None,
    }
}

/// Pending ones, and ones that are only logged until a time.
pub(crate) fn commit(version: u64, sequences: std::ops::Range<u64>, expires_s: Option<i64>) -> PollCommit {
    let notification = |sequence: u64| {
        let events = vec![EventId::of_creation(id(1), "messages", &sequence.to_string())];
        NewNotification {
            sequence: Sequence(sequence),
            name: NotificationName::of(id(1), &events),
            resource: "messages".to_owned(),
            events,
            objects: Vec::new(),
            gist: None,
            body: "x".repeat(20_000),
            created_at: at(0),
            sighting: None,
            deliver: expires_s.is_none(),
            expires_at: expires_s.map(at),
            claimed_until: None,
        }
    };
    let state = ResourceState { version, ..ResourceState::new("messages", at(0)) };
    PollCommit {
        instance: id(1),
        organization_id: 1,
        state,
        notifications: sequences.map(notification).collect(),
        annex: Vec::new(),
        told: Vec::new(),
    }
}

#[tokio::test]
async fn retention_deletes_what_expired_in_bounded_steps_and_gives_the_space_back() {
    let (_folder, path) = folder();
    let db = Db::open(&path).unwrap();
    let store = SqliteStore::new(db.clone());
    store.insert_instance(&new_instance()).await.unwrap();
    for commit in [commit(1, 0..100, Some(10)), commit(2, 100..110, Some(20)), commit(3, 110..113, None)] {
        assert_eq!(store.commit_poll(&commit).await.unwrap(), Written::Done);
    }
    let pages = async || -> u64 {
        db.read("count pages", |conn| conn.query_row("PRAGMA page_count", [], |row| row.get(0)))
            .await
            .unwrap()
    };
    let before = pages().await;
    assert_eq!(store.retention(at(9), 1000).await.unwrap(), 0);
    assert_eq!(store.retention(at(10), 60).await.unwrap(), 60);
    assert_eq!(store.retention(at(10), 60).await.unwrap(), 40);
    assert_eq!(store.retention(at(10), 60).await.unwrap(), 0);
    assert!(pages().await < before / 2, "{} of {before} pages are left", pages().await);
    let events: Vec<EventId> =
        [5, 105, 111].map(|n| EventId::of_creation(id(1), "messages", &n.to_string())).into();
    let logged = store.logged_events(id(1), &events).await.unwrap();
    assert_eq!(logged, events[1..].iter().copied().collect());
    assert_eq!(store.retention(at(1_000_000), 1000).await.unwrap(), 10, "what is pending does not expire");
    assert_eq!(store.undelivered_count().await.unwrap(), 3);
}

/// A step may have hundreds: as many rows, read on the writer's connection, would keep it waiting.
#[tokio::test]
async fn many_events_are_looked_up_by_a_thread_that_reads() {
    let (_folder, path) = folder();
    let db = Db::open(&path).unwrap();
    let store = SqliteStore::new(db.clone());
    let mut busy = Vec::new();
    for _ in 0..2 {
        let (begin, begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let db = db.clone();
        let wait = move |_: &_| {
            let _ = (begin.send(()), ended.recv());
            Ok(())
        };
        tokio::spawn(async move { db.read("wait", wait).await });
        begun.await.unwrap();
        busy.push(end);
    }
    let events: Vec<EventId> =
        (0..11).map(|n| EventId::of_creation(id(1), "messages", &n.to_string())).collect();
    let few = store.logged_events(id(1), &events[..10]).now_or_never().expect("it is looked up at once");
    assert!(few.unwrap().is_empty());
    let mut many = store.logged_events(id(1), &events);
    assert!((&mut many).now_or_never().is_none(), "it waits for a thread");
    drop(busy);
    assert!(many.await.unwrap().is_empty());
}

#[tokio::test]
async fn retention_deletes_audit_entries_after_their_time() {
    let store = SqliteStore::new(Db::in_memory().unwrap());
    for at_s in [10, 20, 30] {
        store.note(&entry(at_s)).await.unwrap();
    }
    let over = |at_s: i64| at(at_s) + chrono::Duration::days(AUDIT_DAYS);
    assert_eq!(store.retention(over(9), 1000).await.unwrap(), 0);
    assert_eq!(store.retention(over(20), 1).await.unwrap(), 1, "in bounded steps");
    assert_eq!(store.retention(over(20), 1).await.unwrap(), 1);
    assert_eq!(store.retention(over(20), 1).await.unwrap(), 0);
    assert_eq!(store.audit(1, None, 10).await.unwrap().rows, [entry(30)]);
}

/// The environment says whose secrets they are: not those of whoever came second.
#[tokio::test]
async fn given_secrets_bring_a_removed_first_user_back() {
    let store = SqliteStore::new(Db::in_memory().unwrap());
    let first = store.ensure_account([1; 32], [2; 32]).await.unwrap();
    let second = store.add_user(1, &[3; 32], true).await.unwrap();
    assert!(store.remove_user(1, first.user_id, None).await.unwrap());
    assert_eq!(store.first_account().await.unwrap(), second, "somebody is there who may call");
    assert_eq!(store.ensure_account([1; 32], [2; 32]).await.unwrap(), first);
    assert_eq!(store.account(&[1; 32], Some(&[2; 32])).await.unwrap(), Some(first));
    assert_eq!(store.account(&[3; 32], None).await.unwrap(), second);
}

#[tokio::test]
async fn everything_is_there_after_closing() {
    let (_folder, path) = folder();
    let secrets = [("key".to_owned(), "value".to_owned())].into();
    let vault = |db| SqliteVault::new(db, crate::fixtures::sealer());
    {
        let db = Db::open(&path).unwrap();
        let store = SqliteStore::new(db.clone());
        store.insert_instance(&new_instance()).await.unwrap();
        store.commit_poll(&commit(1, 10..12, None)).await.unwrap();
        vault(db).write(id(1), &secrets, 1).await.unwrap();
    }
    let db = Db::open(&path).unwrap();
    let mailbox = SqliteStore::new(db.clone()).mailbox(id(1)).await.unwrap().unwrap();
    assert_eq!(mailbox.resources[0].outbox, [Sequence(10), Sequence(11)]);
    assert_eq!(vault(db).read(id(1)).await.unwrap(), Some((secrets, 1)));
}

#[tokio::test]
async fn secrets_do_not_stand_in_the_files() {
    let (_folder, path) = folder();
    let db = Db::open(&path).unwrap();
    let secrets = [("a-telling-key".to_owned(), "a-secret-value".to_owned())].into();
    SqliteVault::new(db.clone(), crate::fixtures::sealer()).write(id(1), &secrets, 1).await.unwrap();
    drop(db);
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in ["a-telling-key", "a-secret-value"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}
