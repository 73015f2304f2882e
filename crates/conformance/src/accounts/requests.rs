//! How much an organization asks.

use super::Harness;
use crate::sample::at;
use app::ports::Counted;
use futures_util::future::join_all;

/// Each minute begins anew, and organizations are apart, and so is what is counted.
pub async fn are_counted_by_minute_and_organization(host: &dyn Harness) {
    let minute = at(0).timestamp() / 60;
    let count_of = async |what, organization_id, minute| {
        host.accounts().count_request(organization_id, what, minute).await.unwrap()
    };
    let count = async |organization_id, minute| count_of(Counted::Requests, organization_id, minute).await;
    for expected in 1..=3 {
        assert_eq!(count(62_001, minute).await, expected);
    }
    assert_eq!(count(62_002, minute).await, 1);
    assert_eq!(count(62_001, minute + 1).await, 1);
    assert_eq!(count(62_001, minute).await, 4, "one that came at the end of its minute");
    assert_eq!(count(62_001, minute + 1).await, 2);
    assert_eq!(count_of(Counted::TestEvents, 62_001, minute).await, 1);
    assert_eq!(count_of(Counted::TestEvents, 62_001, minute).await, 2);
    assert_eq!(count(62_001, minute).await, 5);
    for what in
        [Counted::Administration, Counted::RequestsOf { user_id: 1 }, Counted::RequestsOf { user_id: 2 }]
    {
        assert_eq!(count_of(what, 62_001, minute).await, 1, "{what:?}");
    }
    assert_eq!(count_of(Counted::RequestsOf { user_id: 2 }, 62_001, minute).await, 2);
}

/// Each has a place of its own.
pub async fn are_counted_exactly_when_many_come_at_once(host: &dyn Harness) {
    let minute = at(0).timestamp() / 60;
    let accounts = host.accounts();
    let counted = (0..20).map(|_| accounts.count_request(62_011, Counted::TestEvents, minute));
    let counted = join_all(counted).await;
    let mut counted: Vec<u32> = counted.into_iter().map(Result::unwrap).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=20).collect::<Vec<_>>());
}
