//! What is larger than an item, than a transaction, than a page.

use crate::store;
use crate::table;
use crate::wire::Wire;
use app::ports::{
    Claim, EventLog as _, Instances as _, LogPage, OrganizationLog as _, OrganizationPage, Polls as _,
    Written,
};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use conformance::mailbox::{Mailbox, yours};
use conformance::sample::{new_instance, notification, outcome};
use domain::delivery::Verdict;
use domain::ids::InstanceId;
use serde_json::json;
use std::collections::HashMap;

/// What deflating does not make much smaller.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.alphanumeric()).collect()
}

/// Items of a partition.
async fn count(wire: &Wire, pk: String) -> usize {
    rows(wire, pk).await.len()
}

pub(crate) async fn rows(wire: &Wire, pk: String) -> Vec<HashMap<String, AttributeValue>> {
    let client = Client::new(&wire.config());
    let table = table::name(&client).await;
    let query = client.query().table_name(table).key_condition_expression("pk = :pk");
    let answer = query.expression_attribute_values(":pk", AttributeValue::S(pk)).send().await.unwrap();
    answer.items().to_vec()
}

/// Seven and a half million bytes that do not compress well, in one commit.
#[tokio::test]
async fn a_commit_takes_more_than_a_transaction() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::new(&store, 3001).await;
    let new: Vec<_> = (1..=25)
        .map(|sequence| {
            let mut new = notification(mailbox.id, sequence);
            new.body = noise(sequence, 300_000);
            new
        })
        .collect();
    assert_eq!(mailbox.commit(new.clone()).await, Written::Done);
    for one in &new {
        let (claimed, _) = yours(mailbox.claim(one.sequence.0, 1, 0).await);
        assert!(claimed.body == one.body, "{:?} is not what was stored", one.sequence);
    }
    let page = LogPage { before: None, limit: 25, pending_only: false };
    assert_eq!(store.notifications(mailbox.id, page).await.unwrap().rows.len(), 25);
}

/// The parts live and go with their notification.
#[tokio::test]
async fn a_body_larger_than_an_item_comes_back_and_goes_with_its_instance() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3010).await;
    let mut new = notification(mailbox.id, 10);
    new.body = noise(1, 1_000_000);
    assert_eq!(mailbox.commit(vec![new.clone()]).await, Written::Done);
    assert_eq!(count(&wire, format!("B#{}", mailbox.id)).await, 3);
    let (claimed, _) = yours(mailbox.claim(10, 1, 0).await);
    assert!(claimed.body == new.body);
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    assert!(mailbox.notification(10).await.body == new.body, "the log has it until it expires");
    mailbox.delete().await;
    assert_eq!(store.purge_instance(mailbox.id, 100).await.unwrap(), (0, false));
    for partition in ["B", "N", "I"] {
        assert_eq!(count(&wire, format!("{partition}#{}", mailbox.id)).await, 0, "{partition}");
    }
}

/// As after somebody marked fifty thousand messages as read, or where a poll compares snapshots.
#[tokio::test]
async fn a_state_larger_than_an_item_comes_back_and_leaves_nothing_behind() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3020).await;
    let mut state = mailbox.state().await;
    // The largest is what a snapshot of a hundred thousand objects takes.
    for (round, length) in [(1, 800_000), (2, 5_000_000), (3, 500_000), (4, 100)] {
        state.version += 1;
        state.cursor = Some(json!({ "memory": noise(round, length) }));
        assert_eq!(mailbox.commit_state(state.clone(), Vec::new()).await, Written::Done);
        assert!(mailbox.state().await == state, "round {round}");
    }
    state.version += 1;
    state.cursor = Some(json!({ "memory": noise(5, 400_000) }));
    assert_eq!(mailbox.commit_state(state.clone(), Vec::new()).await, Written::Done);
    assert_eq!(count(&wire, format!("B#{}", mailbox.id)).await, 1, "only the present state's part is left");
    assert!(mailbox.state().await == state);
}

/// A page is filled from what lies behind the lines of deleted instances, over as many looks as that takes.
#[tokio::test]
async fn a_log_goes_back_behind_deleted_instances() {
    let store = store::store(&Wire::new()).await;
    let (living, deleted) = (Mailbox::of(&store, 3060, 3060).await, Mailbox::of(&store, 3060, 3061).await);
    living.add(&[1, 2]).await;
    deleted.add(&(10..40).collect::<Vec<u64>>()).await;
    deleted.delete().await;
    let page = OrganizationPage { before: None, from: None, limit: 2 };
    let log = async || {
        let lines = store.organization_log(3060, page).await.unwrap().rows;
        lines.iter().map(|line| line.mark.sequence.0).collect::<Vec<u64>>()
    };
    conformance::wait::until_equal(log, vec![2, 1]).await;
}

/// Ids of all shards, in order, over pages.
#[tokio::test]
async fn a_list_goes_over_all_shards_in_order() {
    let store = store::store(&Wire::new()).await;
    let mut ids: Vec<u32> = (0..20).map(|n| 0x0123_4567 + n * 0x0600_0000).collect();
    for number in &ids {
        let mut new = new_instance(InstanceId::from_bytes(number.to_be_bytes()));
        new.instance.account.organization_id = 3030;
        assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done);
    }
    ids.sort_unstable();
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = store.instances(3030, after, 3).await.unwrap().rows;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page.iter().map(|instance| instance.id.get()));
    }
    assert_eq!(listed, ids);
}

/// More than one transaction takes is an error, and nothing is stored.
#[tokio::test]
async fn too_many_notifications_are_refused_whole() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::new(&store, 3040).await;
    let mut state = mailbox.state().await;
    state.version += 1;
    let commit = app::ports::PollCommit {
        instance: mailbox.id,
        organization_id: 1,
        state,
        notifications: (1..=100).map(|sequence| notification(mailbox.id, sequence)).collect(),
        annex: Vec::new(),
        told: Vec::new(),
    };
    assert!(store.commit_poll(&commit).await.is_err());
    assert!(matches!(mailbox.claim(1, 1, 0).await, Claim::Gone));
}

/// A notification remembers its last attempts, however often it is delivered again.
#[tokio::test]
async fn attempts_are_remembered_up_to_a_limit() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::with(&store, 3050, &[10]).await;
    for attempt in 1..=60 {
        mailbox.attempt(10, attempt, Verdict::Retry(outcome(attempt, Verdict::Delivered).attempt.at)).await;
    }
    let stored = mailbox.notification(10).await;
    let numbers: Vec<u32> = stored.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (11..=60).collect::<Vec<_>>());
}
