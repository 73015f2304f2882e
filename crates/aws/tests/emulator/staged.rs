//! Notifications that are written before their commit: what names them, and who sees them otherwise.

use crate::store;
use crate::wire::Wire;
use app::ports::{
    Attempts as _, Claimant, EventLog as _, Instances as _, LogKey, LogPage, NewNotification,
    OrganizationLog as _, Polls as _, Written,
};
use conformance::mailbox::{CLAIM_S, Mailbox, yours};
use conformance::sample::{at, event};
use conformance::store::committed_claims::{claimed, listed, search_of};
use domain::delivery::Verdict;

/// Of a poll that lost: the state was another one by then.
async fn lose(mailbox: &Mailbox<'_>, new: NewNotification) {
    let state = mailbox.state().await;
    let late = domain::state::ResourceState { version: state.version + 7, ..state };
    assert_eq!(mailbox.commit_state(late, vec![new]).await, Written::Conflict);
}

#[tokio::test]
async fn what_no_outbox_names_is_nobodys() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::with(&store, 3201, &[10]).await;
    for lost in [11, 12, 13] {
        lose(&mailbox, claimed(mailbox.id, lost)).await;
    }
    assert_eq!(mailbox.commit(vec![claimed(mailbox.id, 14)]).await, Written::Done);
    assert_eq!(listed(&mailbox, false).await, [14, 10]);
    let page = LogPage { before: None, limit: 2, pending_only: false };
    assert_eq!(store.notifications(mailbox.id, page).await.unwrap().rows.len(), 2, "a page is filled");
    assert_eq!(listed(&mailbox, true).await, [10, 14]);
    assert_eq!(store.logged_events(mailbox.id, &[event(mailbox.id, 12)]).await.unwrap().len(), 0);
    let all = search_of(LogKey::All, &mailbox);
    let found = store.search_log(mailbox.organization_id, &all).await.unwrap();
    assert_eq!(found.marks.len(), 2);
    let object = search_of(LogKey::Object("object 12".to_owned()), &mailbox);
    let found = store.search_log(mailbox.organization_id, &object).await.unwrap();
    assert!(found.marks.is_empty());
    mailbox.delete().await;
    let (undelivered, is_more) = store.purge_instance(mailbox.id, 100).await.unwrap();
    assert_eq!((undelivered, is_more), (2, false), "what was lost is no loss");
}

/// Another poll gave out the same sequence: its body stays, and so does the first one's.
#[tokio::test]
async fn what_is_staged_is_not_overwritten() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::new(&store, 3210).await;
    assert_eq!(mailbox.commit(vec![claimed(mailbox.id, 10)]).await, Written::Done);
    let other = NewNotification { body: "{}".to_owned(), ..claimed(mailbox.id, 10) };
    assert_eq!(mailbox.commit(vec![other.clone()]).await, Written::Conflict);
    assert_eq!(mailbox.notification(10).await.body, claimed(mailbox.id, 10).body);
    yours(mailbox.claim_by(Claimant::Committer, 10, 1, 0).await);
    mailbox.finish_by(Claimant::Committer, 10, 1, Verdict::Delivered).await;
    assert_eq!(mailbox.commit(vec![other]).await, Written::Conflict, "nor what was published");
    assert_eq!(mailbox.notification(10).await.body, claimed(mailbox.id, 10).body);
}

/// The process that committed it died: what takes it out of the outbox leaves it in the log, and to a job.
#[tokio::test]
async fn what_leaves_the_outbox_is_one_of_the_logs() {
    let store = store::store(&Wire::new()).await;
    let mailbox = Mailbox::new(&store, 3220).await;
    assert_eq!(mailbox.commit(vec![claimed(mailbox.id, 10)]).await, Written::Done);
    mailbox.clear(&[10]).await;
    assert_eq!((listed(&mailbox, false).await, listed(&mailbox, true).await), (vec![10], vec![10]));
    let name = claimed(mailbox.id, 10).name.event_id;
    let found = store.notification_of(mailbox.organization_id, &name).await.unwrap();
    assert_eq!(found.unwrap().expires_at, None, "it is kept until it is delivered");
    yours(mailbox.claim(10, 1, CLAIM_S).await);
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    assert!(listed(&mailbox, true).await.is_empty());
}

#[tokio::test]
async fn an_answer_that_got_lost_changes_nothing() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let mailbox = Mailbox::new(&store, 3230).await;
    for (sequence, operation) in [(10, "PutItem"), (11, "UpdateItem")] {
        wire.lose_answer_to(operation);
        assert_eq!(mailbox.commit(vec![claimed(mailbox.id, sequence)]).await, Written::Done, "{operation}");
    }
    assert_eq!(mailbox.outbox().await, [10, 11]);
    yours(mailbox.claim_by(Claimant::Committer, 10, 1, 0).await);
    wire.lose_answer_to("UpdateItem");
    let retry = Verdict::Retry(at(20));
    assert_eq!(mailbox.finish_by(Claimant::Committer, 10, 1, retry).await, Written::Done);
    assert_eq!(listed(&mailbox, true).await, [10, 11]);
    store.unclaim_attempt(mailbox.key(11, 1), at(CLAIM_S)).await.unwrap();
    wire.lose_answer_to("UpdateItem");
    yours(mailbox.claim(11, 1, 1).await);
}
