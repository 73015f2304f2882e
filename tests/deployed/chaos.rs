//! The stack while its functions are cut off, killed and doubled. `tests/deployed/stack` gives the functions a few
//! seconds and ends one of their processes every now and then; here is the traffic, and what must come of it.
#![allow(clippy::unwrap_used)] // a test that can not go on panics

#[allow(dead_code)] // what the other tests use of it
mod stack;

use scenarios::{Callback, Mailbox, Platform as _, ReceivedEvent, until};
use serde_json::{Value, json};
use stack::{Stack, platform};
use std::time::Duration;

/// Rounds of traffic, a second each: as long as processes are ended.
const ROUNDS_COUNT: usize = 40;
/// Mails of one round and mailbox at the most.
const MAILS_COUNT_MAX: usize = 6;
/// A burst that no function gets through before it is cut off.
const BURST_COUNT: usize = 300;
/// Every request to a provider takes so long, ms.
const SLOW_MS: u64 = 100;
/// A message comes again when its function could still be working on it: seconds.
const VISIBILITY_S: u32 = 6;
/// Rounds between two ticks of a mailbox that fire twice: all of the first have ended by then, also those that were killed and
/// came again.
const TICKS_APART_ROUNDS: usize = 20;
/// Receives until a message is a dead letter: more than any gets here.
const RECEIVES_COUNT_MAX: u32 = 200;
/// Requests at once: whoever has the lease makes three, and each other tick one, since what it looks for and the one message
/// that it finds come after each other and without a lease. Others are one that fires twice, and the instance's own, which
/// the emulator may fire in the same moment.
const IN_FLIGHT_MAX: usize = 3 + 2 + 1;

struct Watched {
    id: u64,
    mailbox: Mailbox,
    callback: Callback,
    wanted: Vec<ReceivedEvent>,
    /// The next round in which a tick may fire twice.
    next_tick_round: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_are_cut_off_killed_and_doubled_lose_and_repeat_nothing() {
    let stack = platform().await;
    stack.set_queues(VISIBILITY_S, RECEIVES_COUNT_MAX).await;
    let mut all = connected(&stack).await;
    stack.outside().slow_down(SLOW_MS);
    for watched in &mut all {
        let burst: Vec<ReceivedEvent> = (0..BURST_COUNT).map(|_| watched.mailbox.deliver()).collect();
        watched.wanted.extend(burst);
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for number in 0..ROUNDS_COUNT {
        seconds.tick().await;
        for watched in &mut all {
            round(&stack, watched, number).await;
        }
    }
    stack.outside().slow_down(0);
    for watched in &all {
        watched.callback.wait_for(&watched.wanted).await;
        assert_each_once(watched);
        assert_eq!(stack.client().get(&format!("/instances/{}", watched.id)).await["valid"], true);
        assert_one_poller(&watched.mailbox);
    }
    nothing_is_left(&stack, &all).await;
}

async fn connected(stack: &Stack) -> Vec<Watched> {
    let outside = stack.outside();
    let mut all = Vec::new();
    for mailbox in ["one", "two"].into_iter().flat_map(|name| Mailbox::each(outside, name)) {
        let callback = Callback::new(outside, &format!("{}-{}", mailbox.connector(), mailbox.address()));
        let id = stack.client().connect(&mailbox, &callback).await.id;
        all.push(Watched { id, mailbox, callback, wanted: Vec::new(), next_tick_round: 0 });
    }
    all
}

/// Some mail, and a poll that is asked for twice; now and then a schedule fires twice beside it.
async fn round(stack: &Stack, watched: &mut Watched, number: usize) {
    for _ in 0..fastrand::usize(0..=MAILS_COUNT_MAX) {
        watched.wanted.push(watched.mailbox.deliver());
    }
    let job = json!({ "Poll": watched.id });
    for _ in 0..fastrand::usize(0..=2) {
        stack.send(&stack.environment.work_queue, &job).await;
    }
    if number >= watched.next_tick_round && fastrand::u8(..) < 64 {
        stack.tick_twice(watched.id).await;
        watched.next_tick_round = number + TICKS_APART_ROUNDS;
    }
}

fn assert_one_poller(mailbox: &Mailbox) {
    let (connector, at_once) = (mailbox.connector(), mailbox.in_flight_peak());
    let reads = mailbox.message_reads_peak();
    let what = format!("{connector}: {at_once} requests at once, {reads} reads of messages");
    assert!(at_once <= IN_FLIGHT_MAX, "{what}");
}

/// However often a notification was posted: the same events under the same names, and none beside them.
fn assert_each_once(watched: &Watched) {
    let (mut told, mut wanted) = (watched.callback.told_once(), watched.wanted.clone());
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);
}

/// Left alone, the stack comes to a state in which an operator finds nothing to mend.
async fn nothing_is_left(stack: &Stack, all: &[Watched]) {
    let is_ours = |line: &Value| all.iter().any(|watched| line["instance"] == watched.id);
    until("a check finds nothing", async || {
        let found = stack.admin("check").await;
        (!found.iter().any(is_ours)).then_some(())
    })
    .await;
}
