//! Push of mailboxes: what is watched for whom, and the hints that came.

use crate::sample::{at, id};
use app::ports::{Store, Written};
use chrono::{DateTime, Utc};
use domain::push::{Hints, Member, PushKey, PushState, Target};
use futures_util::future::join_all;

fn key(case: u32) -> PushKey {
    PushKey(format!("mailbox-{case}"))
}

fn state(version: u64, members: &[u32]) -> PushState {
    let target = Target { name: "messages".to_owned(), parts: ["INBOX".to_owned()].into() };
    let member = Member { application: "a".to_owned(), targets: vec![target], signer: None };
    let members = members.iter().map(|number| (id(*number), member.clone())).collect();
    let mut state = PushState { members, version, ..PushState::default() };
    state.watched_mut("a", "messages", at(0)).failure = Some("the provider answered 403".to_owned());
    state
}

/// Far ahead by any clock, also that of a table that forgets by itself.
fn kept() -> DateTime<Utc> {
    at(1_000_000_000)
}

/// The loser of two writers writes nothing, and reads what the winner wrote.
pub async fn a_state_is_stored_on_the_version_it_follows(store: &dyn Store) {
    let key = key(901);
    assert_eq!(store.push_state(&key).await.unwrap(), None);
    assert_eq!(store.put_push_state(&key, 1, &state(2, &[1]), kept()).await.unwrap(), Written::Conflict);
    assert_eq!(store.put_push_state(&key, 0, &state(1, &[1]), kept()).await.unwrap(), Written::Done);
    assert_eq!(store.put_push_state(&key, 0, &state(1, &[2]), kept()).await.unwrap(), Written::Conflict);
    assert_eq!(store.put_push_state(&key, 1, &state(2, &[1, 2]), kept()).await.unwrap(), Written::Done);
    let stored = store.push_state(&key).await.unwrap();
    assert_eq!(stored, Some((state(2, &[1, 2]), Hints::default())));
}

/// Of eight who join at once one is first; the others read again.
pub async fn a_race_for_a_state_has_one_winner(store: &dyn Store) {
    let key = key(902);
    let states: Vec<PushState> = (1..=8).map(|number| state(1, &[number])).collect();
    let racers = states.iter().map(|state| store.put_push_state(&key, 0, state, kept()));
    let ended: Vec<Written> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().filter(|written| **written == Written::Done).count(), 1, "{ended:?}");
}

/// Whoever changed it since is not forgotten.
pub async fn a_state_is_removed_as_it_was_read(store: &dyn Store) {
    let key = key(903);
    assert_eq!(store.remove_push_state(&key, 1).await.unwrap(), Written::Gone);
    store.put_push_state(&key, 0, &state(1, &[]), kept()).await.unwrap();
    store.put_push_state(&key, 1, &state(2, &[1]), kept()).await.unwrap();
    assert_eq!(store.remove_push_state(&key, 1).await.unwrap(), Written::Conflict);
    assert_eq!(store.remove_push_state(&key, 2).await.unwrap(), Written::Done);
    assert_eq!(store.push_state(&key).await.unwrap(), None);
}

/// Whoever read an earlier one does not write over one that was made anew meanwhile.
pub async fn a_state_that_was_made_anew_is_another(store: &dyn Store) {
    let key = key(906);
    store.put_push_state(&key, 0, &state(70, &[1]), kept()).await.unwrap();
    assert_eq!(store.remove_push_state(&key, 70).await.unwrap(), Written::Done);
    assert_eq!(store.put_push_state(&key, 0, &state(90, &[2]), kept()).await.unwrap(), Written::Done);
    assert_eq!(store.put_push_state(&key, 70, &state(71, &[1, 3]), kept()).await.unwrap(), Written::Conflict);
    assert_eq!(store.remove_push_state(&key, 70).await.unwrap(), Written::Conflict);
    assert_eq!(store.push_state(&key).await.unwrap(), Some((state(90, &[2]), Hints::default())));
}

/// Hints leave the state alone, and a change of the state leaves the hints.
pub async fn hints_are_beside_the_state(store: &dyn Store) {
    let key = key(904);
    let (due, first) = Hints::default().take(at(10), None, &[id(1)], &[id(1), id(2)]);
    assert_eq!(due, [(id(1), at(10))]);
    assert_eq!(store.put_hints(&key, &Hints::default(), &first).await.unwrap(), Written::Gone);
    store.put_push_state(&key, 0, &state(1, &[1]), kept()).await.unwrap();
    assert_eq!(store.put_hints(&key, &Hints::default(), &first).await.unwrap(), Written::Done);
    let (_, second) = first.take(at(11), Some(7), &[id(2)], &[id(1), id(2)]);
    assert_eq!(store.put_hints(&key, &Hints::default(), &second).await.unwrap(), Written::Conflict);
    assert_eq!(store.put_push_state(&key, 1, &state(2, &[2]), kept()).await.unwrap(), Written::Done);
    assert_eq!(store.push_state(&key).await.unwrap(), Some((state(2, &[2]), first.clone())));
    assert_eq!(store.put_hints(&key, &first, &second).await.unwrap(), Written::Done);
    assert_eq!(store.push_state(&key).await.unwrap(), Some((state(2, &[2]), second)));
}

/// Of eight hints at once one leads to a poll.
pub async fn a_race_of_hints_has_one_winner(store: &dyn Store) {
    let key = key(905);
    store.put_push_state(&key, 0, &state(1, &[1]), kept()).await.unwrap();
    // Each of its own moment: who comes first is seen.
    let hints: Vec<Hints> =
        (0..8).map(|second| Hints::default().take(at(second), None, &[id(1)], &[id(1)]).1).collect();
    let none = Hints::default();
    let racers = hints.iter().map(|next| store.put_hints(&key, &none, next));
    let ended: Vec<Written> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().filter(|written| **written == Written::Done).count(), 1, "{ended:?}");
}
