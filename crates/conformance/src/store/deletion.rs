//! Deletion: one write ends everything, and the rows go a bounded number at a time.

use crate::mailbox::Mailbox;
use crate::sample::{at, event, logged, new_instance, next_version, notification, session, token_hash};
use app::ports::{Claim, LogPage, Store, Written};
use domain::delivery::Verdict;

/// From the deletion on, token, polls, deliveries and changes end without effect.
pub async fn a_deleted_instance_takes_nothing(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 201, &[10, 11]).await;
    let state = mailbox.state().await;
    mailbox.claim(10, 1, 0).await;
    mailbox.delete().await;
    let id = mailbox.id;
    assert!(store.instance_by_token(&token_hash(id)).await.unwrap().is_none());
    assert!(mailbox.instance().await.deleted_at.is_some(), "its rows are still there");
    let next = domain::state::ResourceState { version: state.version + 1, ..state };
    assert_eq!(mailbox.commit_state(next, vec![notification(id, 12)]).await, Written::Gone);
    assert!(matches!(mailbox.claim(11, 1, 0).await, Claim::Gone));
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Gone);
    assert_eq!(store.lease_session(id, 0, at(60)).await.unwrap(), Written::Gone);
    assert_eq!(store.put_session(id, &session(2)).await.unwrap(), Written::Gone);
    assert!(mailbox.begin(0).await.is_none());
    assert!(store.reopen(id, mailbox.key(11, 1).sequence, at(0)).await.unwrap().is_none());
    let change = next_version(&mailbox.instance().await);
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Gone);
}

/// Each call removes so many notifications; the last removes the rest of the rows, and the id is free again.
pub async fn a_purge_is_bounded_and_counts_what_was_undelivered(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 210, &[10, 11, 12, 13]).await;
    assert_eq!(mailbox.commit(vec![logged(mailbox.id, 14)]).await, Written::Done);
    mailbox.attempt(10, 1, Verdict::Delivered).await;
    mailbox.delete().await;
    let mut undelivered = 0;
    let mut calls = 0;
    loop {
        calls += 1;
        let (dropped, is_more) = store.purge_instance(mailbox.id, 2).await.unwrap();
        assert!(dropped <= 2, "no more than the limit in one call");
        undelivered += dropped;
        if !is_more {
            break;
        }
        assert!(calls < 10, "it comes to an end");
    }
    assert_eq!(undelivered, 3, "of five, one was delivered and one only logged");
    assert!(calls >= 3, "five notifications, two a call");
    assert!(store.instance(mailbox.id).await.unwrap().is_none());
    assert!(store.mailbox(mailbox.id).await.unwrap().is_none());
    let page = LogPage { before: None, limit: 10, pending_only: false };
    assert!(store.notifications(mailbox.id, page).await.unwrap().rows.is_empty());
    assert!(store.logged_events(mailbox.id, &[event(mailbox.id, 11)]).await.unwrap().is_empty());
    assert_eq!(store.purge_instance(mailbox.id, 2).await.unwrap(), (0, false), "again: nothing to do");
    assert_eq!(store.insert_instance(&new_instance(mailbox.id)).await.unwrap(), Written::Done);
    assert!(mailbox.outbox().await.is_empty(), "nothing of the former one is left");
}

/// Only what is deleted is purged.
pub async fn a_purge_leaves_living_instances_alone(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 220, &[10]).await;
    assert_eq!(store.purge_instance(mailbox.id, 100).await.unwrap(), (0, false));
    assert_eq!(mailbox.outbox().await, [10]);
    assert_eq!(mailbox.notification(10).await.sequence.0, 10);
}
