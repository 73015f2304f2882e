//! What the local queue does beside its port.

use crate::fixtures::{at, folder, id};
use app::ports::{AttemptKey, Job, Queue};
use chrono::{DateTime, Utc};
use domain::ids::Sequence;
use local::jobs::{Class, Jobs, TakenJob, Went};
use local::sqlite::Db;

fn deliver(instance: u32, sequence: u64) -> Job {
    Job::Deliver(AttemptKey { instance: id(instance), sequence: Sequence(sequence), attempt: 1 })
}

async fn take(jobs: &Jobs, now: DateTime<Utc>) -> Option<TakenJob> {
    jobs.take_due(now, Class::Deliver).await.unwrap()
}

async fn jobs() -> Jobs {
    Jobs::open(Db::in_memory().unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_waited_or_was_under_way_is_due_after_closing() {
    let (_folder, path) = folder();
    {
        let jobs = Jobs::open(Db::open(&path).unwrap()).await.unwrap();
        let sent = [(deliver(1, 10), at(0)), (deliver(1, 11), at(50)), (Job::Poll(id(1)), at(0))];
        jobs.send(&sent).await.unwrap();
        assert_eq!(take(&jobs, at(0)).await.map(|taken| taken.job), Some(deliver(1, 10)));
        let poll = jobs.take_due(at(0), Class::Other).await.unwrap().unwrap();
        jobs.send(&[(Job::Poll(id(1)), at(90))]).await.unwrap();
        assert_eq!(poll.job, Job::Poll(id(1)));
    }
    let jobs = Jobs::open(Db::open(&path).unwrap()).await.unwrap();
    let first = take(&jobs, at(0)).await.unwrap();
    assert_eq!(first.job, deliver(1, 10));
    jobs.done(&first, Went::Well, at(0)).await.unwrap();
    assert_eq!(take(&jobs, at(49)).await, None);
    assert_eq!(jobs.next_due(Class::Deliver), Some(at(50)));
    assert_eq!(take(&jobs, at(50)).await.map(|taken| taken.job), Some(deliver(1, 11)));
    let poll = jobs.take_due(at(0), Class::Other).await.unwrap();
    assert_eq!(poll.map(|taken| taken.job), Some(Job::Poll(id(1))), "it had not come to its end");
}

#[tokio::test]
async fn a_backlog_is_worked_off_in_order() {
    let jobs = jobs().await;
    // Sent backwards: the table and the memory have to agree on what comes first.
    let sent: Vec<_> = (0..2500).rev().map(|n| (deliver(1, n), at(n as i64))).collect();
    for some in sent.chunks(100) {
        jobs.send(some).await.unwrap();
    }
    let mut order = Vec::new();
    while let Some(taken) = take(&jobs, at(10_000)).await {
        jobs.done(&taken, Went::Well, at(10_000)).await.unwrap();
        order.push(taken.job);
    }
    assert_eq!(order, (0..2500).map(|n| deliver(1, n)).collect::<Vec<_>>());
    assert_eq!(jobs.waiting_count().await.unwrap(), 0);
    assert_eq!(jobs.next_due(Class::Deliver), None);
}

#[tokio::test]
async fn failures_wait_longer_and_longer_and_end_among_the_dead() {
    let jobs = jobs().await;
    jobs.send(&[(deliver(1, 10), at(0))]).await.unwrap();
    let mut now = at(0);
    let mut waits = Vec::new();
    while let Some(taken) = take(&jobs, now).await {
        let failures = jobs.failed(&taken, now).await.unwrap();
        assert_eq!((failures.count as usize, failures.is_last), (waits.len() + 1, waits.len() == 24));
        let Some(next) = jobs.next_due(Class::Deliver) else { break };
        waits.push((next - now).num_seconds());
        now = next;
    }
    assert_eq!(waits[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(waits.len(), 24, "the 25th failure is the last");
    assert_eq!((jobs.waiting_count().await.unwrap(), jobs.dead_count().await.unwrap()), (0, 1));
    jobs.send(&[(deliver(1, 10), now)]).await.unwrap();
    assert!(take(&jobs, now).await.is_some(), "sent again, it begins anew");
}

#[tokio::test]
async fn when_the_clock_was_set_back_the_table_and_the_memory_agree() {
    let (_folder, path) = folder();
    let sent = [(deliver(1, 10), at(3_605)), (deliver(2, 10), at(10)), (deliver(3, 10), at(20))];
    {
        let jobs = Jobs::open(Db::open(&path).unwrap()).await.unwrap();
        jobs.send(&sent).await.unwrap();
        jobs.set_back(chrono::Duration::hours(1), at(15)).await.unwrap();
        assert_eq!(jobs.next_due(Class::Deliver), Some(at(10)));
        assert_eq!(take(&jobs, at(14)).await.map(|taken| taken.job), Some(deliver(2, 10)));
        assert_eq!(jobs.next_due(Class::Deliver), Some(at(15)));
    }
    let jobs = Jobs::open(Db::open(&path).unwrap()).await.unwrap();
    let mut taken = Vec::new();
    while let Some(one) = take(&jobs, at(15)).await {
        taken.push(one.due_at);
    }
    taken.sort();
    assert_eq!(taken, [at(10), at(15), at(15)]);
}

#[tokio::test]
async fn whoever_waits_is_woken_by_what_is_sent_or_done() {
    let jobs = jobs().await;
    assert_eq!(jobs.next_due(Class::Deliver), None);
    let due = [(deliver(1, 10), at(5))];
    let (_, sent) = tokio::join!(jobs.changed(Class::Deliver), jobs.send(&due));
    sent.unwrap();
    assert_eq!(jobs.next_due(Class::Deliver), Some(at(5)));
    let taken = take(&jobs, at(5)).await.unwrap();
    jobs.done(&taken, Went::Well, at(5)).await.unwrap();
    jobs.changed(Class::Deliver).await;
    assert_eq!(jobs.next_due(Class::Deliver), None);
}
