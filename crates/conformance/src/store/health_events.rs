//! Health events: letters, and the transitions that they are made of.

use crate::sample::{at, id};
use app::ports::{Store, Written};
use domain::health_ledger::{ConnectedMailbox, HealthEventId, HealthFact, Transition};
use domain::health_letter::{HealthLetter, HealthMember, HealthRow, LetterProgress, letter_of};
use futures_util::future::join_all;

/// A transition of one instance, seconds after the beginning.
fn member(organization_id: u32, instance: u32, seconds: i64) -> HealthMember {
    let letter = HealthEventId::first_at(at(seconds));
    let fact = HealthFact {
        id: letter,
        transition: Transition::Failing,
        at: at(seconds),
        since: at(0),
        reason: "Ünïcode".to_owned(),
        connected: Some(ConnectedMailbox { again: true, name: "Sales".to_owned(), tags: Vec::new() }),
    };
    let (letter, _) = letter_of(organization_id, "mail", &fact);
    HealthMember { organization_id, instance: id(instance), connector: "mail".to_owned(), letter, fact }
}

fn letter(organization_id: u32, seconds: i64) -> HealthLetter {
    HealthLetter::closing(organization_id, member(organization_id, 1, seconds).letter, at(seconds))
}

/// An id is taken once, and what has it is read back by its own organization alone.
pub async fn an_id_is_taken_once(store: &dyn Store) {
    let row = HealthRow::Letter(letter(66_001, 1));
    let (organization_id, id) = row.key();
    assert_eq!(store.health_row(organization_id, id).await.unwrap(), None);
    assert_eq!(store.insert_health_row(&row).await.unwrap(), Written::Done);
    assert_eq!(store.insert_health_row(&row).await.unwrap(), Written::Conflict);
    assert_eq!(store.health_row(organization_id, id).await.unwrap(), Some(row.clone()));
    assert_eq!(store.health_row(organization_id + 1, id).await.unwrap(), None);
}

/// Of those who change a letter at once one does, and what became of it is read back.
pub async fn a_letter_follows_the_version_that_was_read(store: &dyn Store) {
    let closing = letter(66_002, 1);
    assert_eq!(
        store.change_health_row(&HealthRow::Letter(closing.clone())).await.unwrap(),
        Written::Conflict
    );
    store.insert_health_row(&HealthRow::Letter(closing.clone())).await.unwrap();
    let members = [member(66_002, 1, 1), member(66_002, 70_000, 2)];
    let written = closing.written(&members, Some("https://x.example"));
    let tried: Vec<HealthRow> =
        (0..4).map(|attempt| HealthRow::Letter(HealthLetter { attempt, ..written.clone() })).collect();
    let ended = join_all(tried.iter().map(|row| store.change_health_row(row))).await;
    let done = ended.iter().filter(|one| matches!(one, Ok(Written::Done))).count();
    assert_eq!(done, 1, "{ended:?}");
    let Some(HealthRow::Letter(stored)) = store.health_row(66_002, closing.id).await.unwrap() else {
        panic!("no letter")
    };
    assert_eq!((stored.version, &stored.body), (2, &written.body));
    assert!(members.iter().all(|member| stored.holds(&member.fact)));
    let delivered = HealthLetter { progress: LetterProgress::Delivered, version: 3, ..stored };
    assert_eq!(store.change_health_row(&HealthRow::Letter(delivered)).await.unwrap(), Written::Done);
}

/// A range begins with its first id and ends before its last one.
pub async fn are_listed_in_their_order(store: &dyn Store) {
    for seconds in [3, 1, 2, 4] {
        store.insert_health_row(&HealthRow::Member(member(66_003, 7, seconds))).await.unwrap();
    }
    store.insert_health_row(&HealthRow::Member(member(66_004, 8, 2))).await.unwrap();
    let first_at = |seconds| HealthEventId::first_at(at(seconds));
    let listed = async |from, to, limit| {
        let rows = store.health_rows(66_003, first_at(from), first_at(to), limit).await.unwrap();
        let second = |row: HealthRow| match row {
            HealthRow::Member(member) => (member.fact.at - at(0)).num_seconds(),
            HealthRow::Letter(_) => -1,
        };
        rows.into_iter().map(second).collect::<Vec<_>>()
    };
    assert_eq!(listed(1, 4, 10).await, [1, 2, 3]);
    assert_eq!(listed(2, 9, 2).await, [2, 3]);
    assert_eq!(listed(5, 9, 10).await, [0; 0]);
    assert_eq!(listed(1, 4, 0).await, [0; 0]);
}
