//! A write that was done and whose answer got lost: the SDK asks again and meets its own effect. Nobody may take
//! that for somebody else's.

use crate::stack::stack_by;
use crate::wire::Wire;
use crate::{limits, store, vault};
use app::ports::{Releases as _, Sessions as _, UserSession, UserSessions as _, Vault as _, Written};
use aws::SecretStorage;
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

/// Parts that stayed would be there for ever.
#[tokio::test]
async fn what_is_delivered_expires_with_its_parts() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3160).await;
    let mut large = notification(mailbox.id, 10);
    large.body = limits::noise(1, 1_000_000);
    assert_eq!(mailbox.commit(vec![large]).await, Written::Done);
    yours(mailbox.claim(10, 1, 0).await);
    wire.lose_answer_to("UpdateItem");
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    let parts = limits::rows(&wire, format!("B#{}", mailbox.id)).await;
    assert_eq!(parts.iter().map(|part| part.contains_key("expires")).collect::<Vec<_>>(), [true; 3]);
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

/// Or the callback would wait until the lease of nobody ends.
#[tokio::test]
async fn a_release_is_begun_by_who_began_it() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3150).await;
    mailbox.suspend().await;
    let before = mailbox.subscription().await.generation;
    wire.lose_answer_to("UpdateItem");
    let begun = mailbox.begin(0).await.expect("it is ours");
    assert_eq!((begun.generation, begun.status), (before + 1, SubscriptionStatus::Releasing));
    assert_eq!(mailbox.begin(0).await, None, "another's");
}

/// Or a sign-in would be refused that nobody else has had.
#[tokio::test]
async fn what_counts_once_is_taken_by_who_took_it() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let once = token();
    wire.lose_answer_to("PutItem");
    assert!(store.take_once(&once, at(60)).await.unwrap());
    assert!(!store.take_once(&once, at(60)).await.unwrap(), "by nobody else");
}

/// Or a link would be spent without anybody signed in.
#[tokio::test]
async fn a_user_session_is_begun_and_ended_by_who_did_it() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let (link, user_session) = (token(), user_session());
    wire.lose_answer_to("PutItem");
    store.begin_session(&link, &user_session).await.unwrap();
    assert!(store.begin_session(&link, &UserSession { user: [9; 32], ..user_session }).await.is_err());
    wire.lose_answer_to("PutItem");
    assert_eq!(store.end_session(&link, at(1)).await.unwrap(), Some(user_session));
    assert_eq!(store.end_session(&link, at(1)).await.unwrap(), None, "by nobody else");
    assert_eq!(store.user_session(&link, at(1)).await.unwrap(), None);
}

/// Or an instance being created would take another id, and leave secrets that nobody names.
#[tokio::test]
async fn secrets_are_stored_by_who_stored_them() {
    for storage in [SecretStorage::Sealed, SecretStorage::SecretsManager] {
        let wire = Wire::new();
        let vault = vault::vault(&stack_by(&wire, &[]).await.with_storage(storage));
        let id = vault::id();
        let write =
            async |value: &str, version| vault.write(id, &vault::secrets(value), version).await.unwrap();
        for version in 1..=2 {
            wire.lose_answer_to("UpdateItem");
            assert_eq!(write("ours", version).await, Written::Done);
            assert_eq!(write("another's", version).await, Written::Conflict);
        }
        assert_eq!(vault.read(id).await.unwrap(), Some((vault::secrets("ours"), 2)));
    }
}

/// The last of two writes, which says where the secrets are.
#[tokio::test]
async fn where_secrets_are_is_said_by_who_said_it() {
    let wire = Wire::new();
    let vault = vault::vault(&stack_by(&wire, &[]).await.with_storage(SecretStorage::SecretsManager));
    let id = vault::id();
    wire.lose_answer_after("UpdateItem", 1);
    assert_eq!(vault.write(id, &vault::secrets("ours"), 1).await.unwrap(), Written::Done);
    assert_eq!(vault.read(id).await.unwrap(), Some((vault::secrets("ours"), 1)));
}

fn token() -> [u8; 32] {
    std::array::from_fn(|_| fastrand::u8(..))
}

fn user_session() -> UserSession {
    UserSession { user: [1; 32], organization: [2; 32], expires_at: at(3_600) }
}
