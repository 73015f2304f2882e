//! Commits of polls: notifications and state, all or nothing.

use crate::mailbox::{Mailbox, ORGANIZATION};
use crate::sample::{RESOURCE, at, event, id, logged, notification};
use app::ports::{Claim, InstanceChange, LogPage, PollCommit, Progress, Store, Written};
use domain::ids::digest64;
use domain::retry_list::{RETRY_RECORDS_COUNT_MAX, RetryList};
use domain::state::ResourceState;
use serde_json::json;

/// Both are there afterwards, as they were given.
pub async fn a_commit_stores_notifications_and_state(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 401).await;
    let mut state = mailbox.state().await;
    state.version += 1;
    state.cursor = Some(json!({ "z": 1, "a": [2.5, null] }));
    let new = notification(mailbox.id, 10);
    assert_eq!(mailbox.commit_state(state.clone(), vec![new.clone()]).await, Written::Done);
    assert_eq!(mailbox.state().await, state);
    let stored = mailbox.notification(10).await;
    assert_eq!((stored.sequence, stored.name), (new.sequence, new.name));
    assert_eq!((stored.events, stored.body), (new.events, new.body));
    assert_eq!((stored.resource, stored.created_at), (new.resource, new.created_at));
    assert_eq!((stored.progress, stored.attempt, stored.round_start), (Progress::Pending, 1, 0));
    assert!(stored.attempts.is_empty() && stored.expires_at.is_none());
}

/// The second of two commits on the same version stores neither its state nor its notifications.
pub async fn the_loser_of_two_overlapping_polls_writes_nothing(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 410).await;
    let read = mailbox.state().await;
    let next = |cursor: u32| ResourceState {
        version: read.version + 1,
        cursor: Some(json!(cursor)),
        ..read.clone()
    };
    let first = mailbox.commit_state(next(1), vec![notification(mailbox.id, 10)]);
    assert_eq!(first.await, Written::Done);
    let second = mailbox.commit_state(next(2), vec![notification(mailbox.id, 11)]);
    assert_eq!(second.await, Written::Conflict);
    assert_eq!(mailbox.resource().await, Some((next(1), vec![10])));
    assert!(matches!(mailbox.claim(11, 1, 0).await, Claim::Gone), "its notification is not there");
}

/// Nothing is committed to a resource or an instance that is not there.
pub async fn a_commit_needs_its_resource(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 420).await;
    let unknown = ResourceState { version: 1, ..ResourceState::new("unknown", at(0)) };
    assert_eq!(mailbox.commit_state(unknown.clone(), Vec::new()).await, Written::Conflict);
    let commit = PollCommit {
        instance: id(421),
        organization_id: ORGANIZATION,
        state: unknown,
        notifications: Vec::new(),
        annex: Vec::new(),
        told: Vec::new(),
    };
    assert_eq!(store.commit_poll(&commit).await.unwrap(), Written::Gone);
}

/// A sequence names one notification of an instance: two resources that chose the same do not overwrite.
pub async fn a_sequence_is_taken_once(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 430, &[10]).await;
    let other = ResourceState::new("contacts", at(0));
    assert_eq!(mailbox.change(|change| change.put_states = vec![other.clone()]).await, Written::Done);
    let mut same = notification(mailbox.id, 10);
    same.body = "another".to_owned();
    let next = ResourceState { version: 1, ..other };
    let new = vec![notification(mailbox.id, 9), same];
    assert_eq!(mailbox.commit_state(next, new).await, Written::Conflict);
    assert_ne!(mailbox.notification(10).await.body, "another");
    let page = LogPage { before: None, limit: 10, pending_only: false };
    assert_eq!(store.notifications(mailbox.id, page).await.unwrap().rows.len(), 1, "all or nothing");
}

/// A state with as many records as may wait is stored with a commit, read back, and small again without them.
pub async fn ten_thousand_records_wait_in_a_state(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 450).await;
    let read = mailbox.state().await;
    let record = |number: usize| {
        let id = format!("{:016x}", digest64(&[&number.to_be_bytes()]));
        let stub = json!({ "id": id, "threadId": id, "labelIds": ["UNREAD", "CATEGORY_PERSONAL", "INBOX"] });
        json!({ "object_id": id, "version": "7301002", "stub": stub, "tries": 1, "due_at": at(2) })
    };
    let records = (0..RETRY_RECORDS_COUNT_MAX).map(record).collect();
    let mut next = ResourceState { version: read.version + 1, ..read };
    next.retry_records = serde_json::from_value(serde_json::Value::Array(records)).unwrap();
    let commit = mailbox.commit_state(next.clone(), vec![notification(mailbox.id, 10)]);
    assert_eq!(commit.await, Written::Done);
    assert_eq!(mailbox.resource().await, Some((next.clone(), vec![10])));
    let fewer = ResourceState { version: next.version + 1, retry_records: RetryList::default(), ..next };
    assert_eq!(mailbox.commit_state(fewer.clone(), Vec::new()).await, Written::Done);
    assert_eq!(mailbox.resource().await, Some((fewer, vec![10])));
}

/// Parts are stored with the state or not at all, each replaces the one of its name, and they are the resource's.
pub async fn an_annex_goes_with_its_commit(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 460).await;
    assert_eq!(mailbox.annex(&["a"]).await, [None]);
    assert!(mailbox.annex(&[]).await.is_empty());
    let read = mailbox.state().await;
    let next = |version: u64| ResourceState { version, ..read.clone() };
    // What deflating does not make much smaller, and more than one row of other kinds takes.
    let large: String = (0..20_000_u64).map(|n| format!("{:016x}", digest64(&[&n.to_be_bytes()]))).collect();
    let first = read.version + 1;
    let new = vec![notification(mailbox.id, 10)];
    let parts = [("a", "1"), ("b/2", large.as_str()), ("c", "3")];
    assert_eq!(mailbox.commit_with(next(first), new, &parts).await, Written::Done);
    let stored = mailbox.annex(&["c", "none", "b/2", "a"]).await;
    assert_eq!(stored, [Some("3".to_owned()), None, Some(large), Some("1".to_owned())]);
    let refused = mailbox.commit_with(next(first), Vec::new(), &[("a", "lost"), ("d", "lost")]).await;
    assert_eq!(refused, Written::Conflict);
    assert_eq!(mailbox.annex(&["a", "d"]).await, [Some("1".to_owned()), None]);
    assert_eq!(mailbox.commit_with(next(first + 1), Vec::new(), &[("a", "2")]).await, Written::Done);
    assert_eq!(mailbox.annex(&["a", "c"]).await, [Some("2".to_owned()), Some("3".to_owned())]);
    let other = Mailbox::new(store, 461).await;
    assert_eq!(other.annex(&["a"]).await, [None], "instances are apart");
    let remove = |change: &mut InstanceChange| change.remove_resources = vec![RESOURCE.to_owned()];
    assert_eq!(mailbox.change(remove).await, Written::Done);
    assert_eq!(mailbox.annex(&["a", "b/2", "c"]).await, [None, None, None]);
}

/// The log knows the events of its notifications, delivered or only logged.
pub async fn events_are_logged(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 440).await;
    let mut several = notification(mailbox.id, 10);
    several.events = vec![event(mailbox.id, 1), event(mailbox.id, 2)];
    assert_eq!(mailbox.commit(vec![several, logged(mailbox.id, 3)]).await, Written::Done);
    let asked: Vec<_> = (1..=4).map(|number| event(mailbox.id, number)).collect();
    let known = store.logged_events(mailbox.id, &asked).await.unwrap();
    assert_eq!(known, asked[..3].iter().copied().collect());
    assert!(store.logged_events(mailbox.id, &[]).await.unwrap().is_empty());
    let other = Mailbox::new(store, 441).await;
    assert!(store.logged_events(other.id, &asked).await.unwrap().is_empty(), "instances are apart");
}
