//! One poller of a mailbox at a time, and no wish to poll is lost.

use crate::mailbox::Mailbox;
use crate::sample::{at, id, new_instance, session};
use app::ports::{PollEnded, Poller, Store, Written};
use domain::token::Session;
use futures_util::future::join_all;

/// How long the leases of these cases hold, s.
const LEASE_S: i64 = 75;

async fn poller(mailbox: &Mailbox<'_>) -> Poller {
    mailbox.store.mailbox(mailbox.id).await.unwrap().expect("the mailbox is there").poller
}

async fn begin(mailbox: &Mailbox<'_>, fence: u64, now_s: i64) -> Written {
    mailbox.store.begin_poll(mailbox.id, fence, at(now_s), at(now_s + LEASE_S)).await.unwrap()
}

async fn ask_again(mailbox: &Mailbox<'_>, fence: u64, now_s: i64) -> Written {
    mailbox.store.ask_again(mailbox.id, fence, at(now_s)).await.unwrap()
}

async fn end(mailbox: &Mailbox<'_>, fence: u64) -> PollEnded {
    mailbox.store.end_poll(mailbox.id, fence).await.unwrap()
}

/// Who read before the lease was taken has a conflict, and so has who comes while it is held.
pub async fn a_mailbox_has_one_poller(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 340).await;
    assert_eq!(poller(&mailbox).await, Poller::default(), "a new mailbox has none");
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Conflict, "the fence went up");
    assert_eq!(begin(&mailbox, 1, LEASE_S - 1).await, Written::Conflict, "the lease holds");
    assert_eq!(poller(&mailbox).await, Poller { fence: 1, until: Some(at(LEASE_S)), again: false });
    assert_eq!(end(&mailbox, 1).await, PollEnded::Quiet);
    assert_eq!(poller(&mailbox).await, Poller { fence: 2, until: None, again: false });
    assert_eq!(begin(&mailbox, 0, 1).await, Written::Conflict, "what was read before the last lease is old");
    assert_eq!(begin(&mailbox, 2, 1).await, Written::Done);
    let nobody = Mailbox::nobody(store, 341);
    assert_eq!(begin(&nobody, 0, 0).await, Written::Gone);
    assert_eq!(ask_again(&nobody, 0, 0).await, Written::Gone);
    assert_eq!(end(&nobody, 0).await, PollEnded::Lost);
}

/// Eight at once: one has it.
pub async fn a_race_for_a_mailbox_has_one_winner(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 350).await;
    for fence in [0, 2, 4] {
        let racers = (0..8).map(|_| store.begin_poll(mailbox.id, fence, at(0), at(LEASE_S)));
        let ended: Vec<Written> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(ended.iter().filter(|written| **written == Written::Done).count(), 1, "{ended:?}");
        assert_eq!(end(&mailbox, fence + 1).await, PollEnded::Quiet);
    }
}

/// Who read the row when a lease was over, and not given back, does not know what its holder stored on its last steps.
pub async fn what_was_read_before_a_lease_was_given_back_is_old(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 365).await;
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    let read = poller(&mailbox).await;
    assert!(!read.is_leased(at(LEASE_S)));
    assert_eq!(end(&mailbox, 1).await, PollEnded::Quiet);
    assert_eq!(begin(&mailbox, read.fence, LEASE_S + 1).await, Written::Conflict);
    assert_eq!(begin(&mailbox, poller(&mailbox).await.fence, LEASE_S + 1).await, Written::Done);
}

/// A holder that died gives way after its time, and one that was only slow changes nothing of the next one's lease.
pub async fn a_dead_poller_is_followed_and_has_no_say(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 360).await;
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    assert_eq!(ask_again(&mailbox, 1, 10).await, Written::Done);
    assert_eq!(begin(&mailbox, 1, LEASE_S).await, Written::Done);
    let next = Poller { fence: 2, until: Some(at(2 * LEASE_S)), again: false };
    assert_eq!(poller(&mailbox).await, next, "whoever follows looks anyway: the mark is cleared");
    assert_eq!(end(&mailbox, 1).await, PollEnded::Lost);
    assert_eq!(ask_again(&mailbox, 1, LEASE_S).await, Written::Conflict);
    assert_eq!(poller(&mailbox).await, next);
    // One that outlived its lease, and that nobody followed, still gives it back.
    assert_eq!(ask_again(&mailbox, 2, LEASE_S + 1).await, Written::Done);
    assert_eq!(end(&mailbox, 2).await, PollEnded::Again);
}

/// The mark is found when the lease is given back, and stays for whoever comes next. There is none without a lease.
pub async fn another_look_is_asked_of_the_holder(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 370).await;
    assert_eq!(ask_again(&mailbox, 0, 0).await, Written::Conflict, "nobody polls");
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    for _ in 0..2 {
        assert_eq!(ask_again(&mailbox, 1, 5).await, Written::Done);
    }
    assert_eq!(ask_again(&mailbox, 1, LEASE_S).await, Written::Conflict, "its time is over");
    assert_eq!(poller(&mailbox).await, Poller { fence: 1, until: Some(at(LEASE_S)), again: true });
    assert_eq!(end(&mailbox, 1).await, PollEnded::Again);
    assert_eq!(end(&mailbox, 1).await, PollEnded::Again, "a repeated answer is the same");
    assert_eq!(poller(&mailbox).await, Poller { fence: 2, until: None, again: true });
    for fence in [1, 2] {
        assert_eq!(ask_again(&mailbox, fence, 6).await, Written::Conflict);
    }
    assert_eq!(begin(&mailbox, 2, 7).await, Written::Done);
    assert_eq!(end(&mailbox, 1).await, PollEnded::Lost, "somebody else has it since");
    assert_eq!(end(&mailbox, 3).await, PollEnded::Quiet, "the next lease begins without a mark");
}

/// Nothing is made anew for a deleted instance, before its rows are removed or after; a new one of the same id begins
/// from the start.
pub async fn nobody_polls_what_is_deleted(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 380).await;
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    mailbox.delete().await;
    assert_eq!(ask_again(&mailbox, 1, 1).await, Written::Gone);
    end(&mailbox, 1).await;
    assert_eq!(begin(&mailbox, 1, 2).await, Written::Gone);
    assert!(!store.purge_instance(mailbox.id, 100).await.unwrap().1);
    for fence in [0, 1] {
        assert_eq!(begin(&mailbox, fence, 3).await, Written::Gone);
        assert_eq!(end(&mailbox, fence).await, PollEnded::Lost);
    }
    assert!(store.mailbox(mailbox.id).await.unwrap().is_none());
    assert_eq!(store.insert_instance(&new_instance(id(380))).await.unwrap(), Written::Done);
    assert_eq!(poller(&mailbox).await, Poller::default());
}

/// Tokens, commits, changes, suspensions and releases go on while somebody polls.
pub async fn what_else_is_written_leaves_the_lease_alone(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 390).await;
    assert_eq!(begin(&mailbox, 0, 0).await, Written::Done);
    assert_eq!(ask_again(&mailbox, 1, 1).await, Written::Done);
    assert_eq!(store.lease_session(mailbox.id, 0, at(15)).await.unwrap(), Written::Done);
    assert_eq!(
        store.put_session(mailbox.id, &Session { leases: 1, ..session(2) }).await.unwrap(),
        Written::Done
    );
    mailbox.add(&[10]).await;
    mailbox.suspend().await;
    assert!(mailbox.begin(2).await.is_some());
    assert_eq!(poller(&mailbox).await, Poller { fence: 1, until: Some(at(LEASE_S)), again: true });
}
