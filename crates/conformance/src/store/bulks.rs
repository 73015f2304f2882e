//! Bulk actions, and how many of an organization run.

use crate::sample::{at, entry, id};
use app::ports::{Store, Written};
use domain::bulk::{Bulk, BulkAction, BulkId, BulkOutcome, BulkPosition, BulkStatus, BulkTally};
use domain::ids::InstanceId;
use domain::instance::Account;
use futures_util::future::join_all;

/// How many may run in these cases.
const RUNNING_MAX: u32 = 2;

fn bulk(organization_id: u32, number: u16) -> Bulk {
    Bulk {
        id: BulkId::new(at(i64::from(number)), number),
        account: Account { organization_id, account_id: 1, user_id: 1, sees_own_only: false },
        asked_at: at(0),
        action: BulkAction::Tag { add: vec!["Ünïcode".to_owned()], remove: Vec::new() },
        selection: serde_json::json!({ "filter": {} }),
        selected: 3,
        instances: 3,
        status: BulkStatus::Running,
        position: BulkPosition::default(),
        tally: BulkTally::default(),
        leased_until: None,
        updated_at: at(0),
        ended_at: None,
        version: 1,
    }
}

fn targets() -> Vec<InstanceId> {
    [1, 70_000, InstanceId::MAX.get()].map(id).to_vec()
}

async fn insert(store: &dyn Store, one: &Bulk) -> Written {
    let entry = entry(one.account.organization_id, 0, &format!("begun {}", one.id));
    store.insert_bulk(one, &targets(), RUNNING_MAX, &entry).await.unwrap()
}

/// The next version, one further.
fn further(one: &Bulk) -> Bulk {
    let mut next = Bulk { version: one.version + 1, leased_until: Some(at(9)), ..one.clone() };
    next.position.finished += 1;
    next.tally.add(id(7), None, BulkOutcome::Skipped("it is so already".to_owned()));
    next
}

fn ended(one: &Bulk) -> Bulk {
    Bulk { version: one.version + 1, ..one.clone() }.ended(BulkStatus::Done, at(60))
}

/// What was stored is read back, with the instances that it is about, by its own organization alone.
pub async fn a_bulk_is_read_back_with_its_instances(store: &dyn Store) {
    let one = bulk(65_001, 1);
    assert_eq!(insert(store, &one).await, Written::Done);
    assert_eq!(store.bulk(65_001, one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.bulk_targets(65_001, one.id).await.unwrap(), targets());
    assert_eq!(store.bulk(65_002, one.id).await.unwrap(), None);
    assert_eq!(store.bulk_targets(65_002, one.id).await.unwrap(), []);
}

/// They are listed newest first, page by page.
pub async fn are_listed_newest_first(store: &dyn Store) {
    let mut all = Vec::new();
    for number in 1..=5 {
        let one = bulk(65_010, number);
        assert_eq!(insert(store, &one).await, Written::Done);
        let one = ended(&one);
        assert_eq!(store.end_bulk(&one, None).await.unwrap(), Written::Done);
        all.insert(0, one);
    }
    assert_eq!(store.bulks(65_010, None, 2).await.unwrap().rows, all[..2]);
    assert_eq!(store.bulks(65_010, Some(all[1].id), 9).await.unwrap().rows, all[2..]);
    assert_eq!(store.bulks(65_011, None, 9).await.unwrap().rows, []);
}

/// Whoever changes an older version changes nothing.
pub async fn a_change_follows_the_version_that_was_read(store: &dyn Store) {
    let one = bulk(65_020, 1);
    insert(store, &one).await;
    let next = further(&one);
    assert_eq!(store.change_bulk(&next).await.unwrap(), Written::Done);
    let late = Bulk { leased_until: None, ..further(&one) };
    assert_eq!(store.change_bulk(&late).await.unwrap(), Written::Conflict);
    assert_eq!(store.end_bulk(&ended(&one), None).await.unwrap(), Written::Conflict);
    assert_eq!(store.bulk(65_020, one.id).await.unwrap(), Some(next));
    let nowhere = further(&bulk(65_020, 9));
    assert_eq!(store.change_bulk(&nowhere).await.unwrap(), Written::Conflict);
}

/// One that has ended has no instances any more, ends once, and may still be told of.
pub async fn an_end_comes_once(store: &dyn Store) {
    let one = bulk(65_030, 1);
    insert(store, &one).await;
    let over = ended(&one);
    let note = entry(65_030, 60, "ended");
    assert_eq!(store.end_bulk(&over, Some(&note)).await.unwrap(), Written::Done);
    assert_eq!(store.bulk_targets(65_030, one.id).await.unwrap(), []);
    assert_eq!(store.end_bulk(&ended(&over), None).await.unwrap(), Written::Conflict);
    let told = further(&over);
    assert_eq!(store.change_bulk(&told).await.unwrap(), Written::Done);
    assert_eq!(store.bulk(65_030, one.id).await.unwrap(), Some(told));
}

/// So many run at once, whoever asks at the same time; one that has ended makes room for one.
pub async fn so_many_run_at_once(store: &dyn Store) {
    let all: Vec<Bulk> = (1..=6).map(|number| bulk(65_040, number)).collect();
    let written = join_all(all.iter().map(|one| insert(store, one))).await;
    let is_done = |written: &&Written| **written == Written::Done;
    assert_eq!(written.iter().filter(is_done).count(), RUNNING_MAX as usize);
    let running = all.iter().zip(&written).find(|(_, written)| is_done(written)).unwrap().0;
    assert_eq!(store.end_bulk(&ended(running), None).await.unwrap(), Written::Done);
    assert_eq!(insert(store, &bulk(65_040, 7)).await, Written::Done);
    assert_eq!(insert(store, &bulk(65_040, 8)).await, Written::Conflict);
    assert_eq!(insert(store, &bulk(65_041, 8)).await, Written::Done, "another's count for themselves");
}
