//! Sessions: one poll at a time refreshes the token.

use crate::mailbox::Mailbox;
use crate::sample::{at, id, session};
use app::ports::{Store, Written};
use domain::token::Session;
use futures_util::future::join_all;

async fn stored(mailbox: &Mailbox<'_>) -> Session {
    mailbox.store.mailbox(mailbox.id).await.unwrap().expect("the mailbox is there").session
}

/// The winner's version goes up; who read before it has a conflict, and so has who comes while it holds.
pub async fn a_lease_is_taken_once(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 301).await;
    let lease = async |version, now_s| {
        store.lease_session(mailbox.id, version, at(now_s), at(now_s + 15)).await.unwrap()
    };
    assert_eq!(lease(1, 0).await, Written::Done);
    assert_eq!(lease(1, 0).await, Written::Conflict, "the version went up");
    assert_eq!(lease(2, 14).await, Written::Conflict, "the lease holds");
    let leased = Session { version: 2, lease_until: Some(at(15)), ..session(1) };
    assert_eq!(stored(&mailbox).await, leased, "the token itself is untouched");
    let nobody = store.lease_session(id(302), 1, at(0), at(15)).await.unwrap();
    assert_eq!(nobody, Written::Gone);
}

/// Eight at once: one has it.
pub async fn a_race_for_the_lease_has_one_winner(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 310).await;
    let racers = (0..8).map(|_| store.lease_session(mailbox.id, 1, at(0), at(15)));
    let ended: Vec<Written> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().filter(|written| **written == Written::Done).count(), 1, "{ended:?}");
}

/// A poll that died with the lease holds up nobody for long.
pub async fn an_expired_lease_is_taken_over(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 320).await;
    assert_eq!(store.lease_session(mailbox.id, 1, at(0), at(15)).await.unwrap(), Written::Done);
    assert_eq!(store.lease_session(mailbox.id, 2, at(15), at(30)).await.unwrap(), Written::Done);
    let late = store.put_session(mailbox.id, &session(3)).await.unwrap();
    assert_eq!(late, Written::Conflict, "the first holder stores nothing any more");
    assert_eq!(store.put_session(mailbox.id, &session(4)).await.unwrap(), Written::Done);
}

/// What is stored is what was given, if it follows on what was there.
pub async fn a_session_is_stored_on_the_version_it_follows(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 330).await;
    assert_eq!(store.lease_session(mailbox.id, 1, at(0), at(15)).await.unwrap(), Written::Done);
    let next = Session { failures: 2, backoff_until: Some(at(99)), ..session(3) };
    assert_eq!(store.put_session(mailbox.id, &next).await.unwrap(), Written::Done);
    assert_eq!(store.put_session(mailbox.id, &session(3)).await.unwrap(), Written::Conflict);
    assert_eq!(store.put_session(mailbox.id, &session(5)).await.unwrap(), Written::Conflict);
    assert_eq!(stored(&mailbox).await, next, "stored without the lease");
    assert_eq!(store.put_session(id(331), &session(1)).await.unwrap(), Written::Gone);
}
