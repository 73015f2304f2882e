//! A write that was done and whose answer got lost: the SDK asks again and meets its own effect. Nobody may take
//! that for somebody else's.

use crate::store;
use crate::wire::Wire;
use app::ports::{Releases as _, Sessions as _, Written};
use conformance::mailbox::{Mailbox, yours};
use conformance::sample::{at, notification, session};
use domain::delivery::{SubscriptionStatus, Verdict};

#[tokio::test]
async fn a_commit_is_done_once() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3101).await;
    wire.lose_answer_to("TransactWriteItems");
    assert_eq!(mailbox.commit(vec![notification(mailbox.id, 10)]).await, Written::Done);
    assert_eq!(mailbox.outbox().await, [10]);
    let mut state = mailbox.state().await;
    assert_eq!(state.version, 1);
    state.version += 1;
    wire.lose_answer_to("UpdateItem");
    assert_eq!(mailbox.commit_state(state.clone(), Vec::new()).await, Written::Done, "a heartbeat");
    assert_eq!(mailbox.commit_state(state, Vec::new()).await, Written::Done, "the same once more");
}

#[tokio::test]
async fn a_claim_is_the_claimants() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::with(&store, 3110, &[10]).await;
    wire.lose_answer_to("UpdateItem");
    yours(mailbox.claim(10, 1, 0).await);
}

/// Or the next attempt would be nobody's to enqueue.
#[tokio::test]
async fn an_outcome_is_stored_by_who_stored_it() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::with(&store, 3120, &[10, 11]).await;
    yours(mailbox.claim(10, 1, 0).await);
    wire.lose_answer_to("UpdateItem");
    assert_eq!(mailbox.finish(10, 1, Verdict::Retry(at(20))).await, Written::Done);
    yours(mailbox.claim(11, 1, 0).await);
    wire.lose_answer_to("TransactWriteItems");
    assert_eq!(mailbox.finish(11, 1, Verdict::Suspend).await, Written::Done);
    assert_eq!(mailbox.subscription().await.generation, 1, "suspended once");
}

#[tokio::test]
async fn a_release_ends_once() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3130).await;
    mailbox.suspend().await;
    let generation = mailbox.begin(0).await.unwrap().generation;
    wire.lose_answer_to("UpdateItem");
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Done);
    assert_eq!(mailbox.status().await, SubscriptionStatus::Active);
}

#[tokio::test]
async fn a_session_is_stored_by_who_stored_it() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3140).await;
    wire.lose_answer_to("PutItem");
    assert_eq!(store.put_session(mailbox.id, &session(2)).await.unwrap(), Written::Done);
    let other = domain::token::Session { failures: 1, ..session(2) };
    assert_eq!(store.put_session(mailbox.id, &other).await.unwrap(), Written::Conflict);
}
