//! Sessions: one poll at a time refreshes the token.

use crate::mailbox::Mailbox;
use crate::sample::{at, id, session};
use app::ports::{Store, Written};
use domain::token::Session;
use futures_util::future::join_all;

async fn stored(mailbox: &Mailbox<'_>) -> Session {
    mailbox.store.mailbox(mailbox.id).await.unwrap().expect("the mailbox is there").session
}

/// Who read before it has a conflict; the token and its version stay.
pub async fn a_lease_is_taken_once(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 301).await;
    let lease = async |leases, until_s| store.lease_session(mailbox.id, leases, at(until_s)).await.unwrap();
    assert_eq!(lease(1, 15).await, Written::Conflict, "none was taken yet");
    assert_eq!(lease(0, 15).await, Written::Done);
    assert_eq!(lease(0, 15).await, Written::Conflict, "another one was");
    let leased = Session { leases: 1, lease_until: Some(at(15)), ..session(1) };
    assert_eq!(stored(&mailbox).await, leased, "the token itself is untouched");
    let nobody = store.lease_session(id(302), 0, at(15)).await.unwrap();
    assert_eq!(nobody, Written::Gone);
}

/// Eight at once: one has it.
pub async fn a_race_for_the_lease_has_one_winner(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 310).await;
    let racers = (0..8).map(|_| store.lease_session(mailbox.id, 0, at(15)));
    let ended: Vec<Written> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().filter(|written| **written == Written::Done).count(), 1, "{ended:?}");
}

/// A poll that died with the lease holds up nobody for long; what it stores late does not end another's lease.
pub async fn an_expired_lease_is_taken_over(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 320).await;
    assert_eq!(store.lease_session(mailbox.id, 0, at(15)).await.unwrap(), Written::Done);
    assert!(!stored(&mailbox).await.is_leased(at(15)));
    assert_eq!(store.lease_session(mailbox.id, 1, at(30)).await.unwrap(), Written::Done);
    let late = Session { leases: 1, ..session(2) };
    assert_eq!(store.put_session(mailbox.id, &late).await.unwrap(), Written::Done);
    assert_eq!(stored(&mailbox).await, Session { leases: 2, lease_until: Some(at(30)), ..session(2) });
    let end = Session { leases: 2, ..session(3) };
    assert_eq!(store.put_session(mailbox.id, &end).await.unwrap(), Written::Done);
    assert_eq!(stored(&mailbox).await, end);
}

/// A wait is stored while somebody refreshes, by who read the session before the lease or under it: the lease stays. What then
/// comes of the refresh follows on it.
pub async fn who_stores_something_else_leaves_the_lease(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 335).await;
    let before = stored(&mailbox).await;
    assert_eq!(store.lease_session(mailbox.id, 0, at(15)).await.unwrap(), Written::Done);
    let waits = Session { backoff_until: Some(at(99)), version: 2, ..before };
    assert_eq!(store.put_session(mailbox.id, &waits).await.unwrap(), Written::Done);
    let leased = stored(&mailbox).await;
    assert_eq!(leased, Session { leases: 1, lease_until: Some(at(15)), ..waits });
    let waits = Session { backoff_until: Some(at(199)), version: 3, ..leased };
    assert_eq!(store.put_session(mailbox.id, &waits).await.unwrap(), Written::Done);
    assert_eq!(stored(&mailbox).await, waits);
    assert_eq!(store.lease_session(mailbox.id, 0, at(15)).await.unwrap(), Written::Conflict);
    let end = Session { leases: 1, ..session(4) };
    assert_eq!(store.put_session(mailbox.id, &end).await.unwrap(), Written::Done);
    assert_eq!(stored(&mailbox).await, end);
}

/// A new sign-in begins another session, of whoever read the former before the leases that were taken since: they are still
/// counted, and the last one holds. Otherwise who read before them would take one beside it.
pub async fn who_signs_in_anew_leaves_the_lease(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 345).await;
    assert_eq!(store.lease_session(mailbox.id, 0, at(15)).await.unwrap(), Written::Done);
    let ended = Session { leases: 1, ..session(2) };
    assert_eq!(store.put_session(mailbox.id, &ended).await.unwrap(), Written::Done);
    assert_eq!(store.lease_session(mailbox.id, 1, at(30)).await.unwrap(), Written::Done);
    let signed_in = mailbox.change(|change| change.session = Some(session(3))).await;
    assert_eq!(signed_in, Written::Done);
    assert_eq!(stored(&mailbox).await, Session { leases: 2, lease_until: Some(at(30)), ..session(3) });
    for leases in [0, 1] {
        assert_eq!(store.lease_session(mailbox.id, leases, at(30)).await.unwrap(), Written::Conflict);
    }
}

/// What is stored is what was given, if it follows on what was there.
pub async fn a_session_is_stored_on_the_version_it_follows(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 330).await;
    let next = Session { failures: 2, backoff_until: Some(at(99)), ..session(2) };
    assert_eq!(store.put_session(mailbox.id, &next).await.unwrap(), Written::Done);
    assert_eq!(store.put_session(mailbox.id, &session(2)).await.unwrap(), Written::Conflict);
    assert_eq!(store.put_session(mailbox.id, &session(4)).await.unwrap(), Written::Conflict);
    assert_eq!(stored(&mailbox).await, next);
    assert_eq!(store.put_session(id(331), &session(1)).await.unwrap(), Written::Gone);
}
