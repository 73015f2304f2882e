//! Queues and schedules.

use crate::budget::Budget;
use crate::stack::stack;
use app::ports::{AttemptKey, Clock as _, Job, Polls as _, Queue as _, Schedule as _};
use aws::admin::Queues;
use chrono::{TimeDelta, Utc};
use domain::ids::{InstanceId, Sequence};
use domain::schedule::Timetable;
use system::SystemClock;

fn id(number: u32) -> InstanceId {
    InstanceId::parse(&number.to_string()).unwrap()
}

fn deliver(instance: u32, sequence: u64) -> Job {
    Job::Deliver(AttemptKey { instance: id(instance), sequence: Sequence(sequence), attempt: 1 })
}

fn body(job: Job) -> String {
    serde_json::to_string(&job).unwrap()
}

#[tokio::test]
async fn jobs_come_out_of_their_queues_with_their_group() {
    let stack = stack().await;
    let now = SystemClock.now();
    let jobs = [deliver(17, 5), Job::Release(id(18)), Job::Poll(id(17)), Job::Purge(id(19))];
    let sent: Vec<_> = jobs.iter().map(|job| (*job, now - TimeDelta::seconds(1))).collect();
    stack.queue().send(&sent).await.unwrap();
    let grouped = |job: Job| (body(job), job.instance().map(|id| id.to_string()));
    let mut delivery = stack.take(&stack.environment.delivery_queue.url, 2).await;
    delivery.sort();
    assert_eq!(delivery, [grouped(jobs[0]), grouped(jobs[1])]);
    let mut work = stack.take(&stack.environment.work_queue.url, 2).await;
    work.sort();
    assert_eq!(work, [grouped(jobs[2]), grouped(jobs[3])]);
}

/// What a callback did not take; and what it may take is its mailbox's own.
#[tokio::test]
async fn a_retry_takes_turns_with_its_organization() {
    let budget = Budget::start("turns").await;
    let queue = &budget.parts.environment.delivery_queue.url;
    let groups = async |count| {
        let taken = budget.parts.take(queue, count).await;
        let groups = taken.into_iter().map(|(_, group)| group.unwrap_or_default());
        groups.collect::<std::collections::BTreeSet<String>>()
    };
    budget.callback.fail(500);
    budget.mailbox.deliver();
    budget.poll().await;
    let row = budget.stack.store.mailbox(budget.id).await.unwrap().unwrap();
    let whose = row.instance.account.organization_id;
    assert_eq!(groups(1).await, [format!("of-{whose}")].into());
    budget.callback.heal();
    // More than a poll attempts itself.
    for _ in 0..40 {
        budget.mailbox.deliver();
    }
    budget.poll().await;
    assert_eq!(groups(4).await, [budget.id.to_string()].into());
}

#[tokio::test]
async fn a_delayed_job_does_not_come_early() {
    let stack = stack().await;
    let due_at = SystemClock.now() + TimeDelta::milliseconds(1_200);
    stack.queue().send(&[(deliver(17, 5), due_at)]).await.unwrap();
    assert_eq!(stack.take(&stack.environment.delivery_queue.url, 1).await.len(), 1);
    assert!(SystemClock.now() >= due_at);
}

#[tokio::test]
async fn what_is_due_late_becomes_a_schedule_once() {
    let stack = stack().await;
    let due_at = SystemClock.now() + TimeDelta::seconds(4_096);
    for _ in 0..2 {
        stack.queue().send(&[(deliver(17, 5), due_at)]).await.unwrap();
    }
    let found = stack.clients.scheduler.list_schedules().group_name(&stack.environment.schedule_group);
    let found = found.send().await.unwrap();
    let names: Vec<&str> = found.schedules().iter().filter_map(|schedule| schedule.name()).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("once-17-d-5-1-"), "{names:?}");
    assert_eq!(stack.schedules().list(None).await.unwrap().own, [], "it is no instance's schedule");
}

#[tokio::test]
async fn a_single_job_s_schedule_puts_it_into_its_queue_and_goes() {
    let stack = stack().await;
    let due_at = SystemClock.now() + TimeDelta::seconds(1);
    let queue = stack.environment.delivery_queue.clone();
    stack.schedules().once(&deliver(17, 5), due_at, &queue.arn).await.unwrap();
    let taken = stack.take(&queue.url, 1).await;
    assert_eq!(taken.first().map(|(body, _)| body.as_str()), Some(body(deliver(17, 5)).as_str()));
    assert!(SystemClock.now() >= due_at);
    let found = stack.clients.scheduler.list_schedules().group_name(&stack.environment.schedule_group);
    assert!(found.send().await.unwrap().schedules().is_empty());
}

#[tokio::test]
async fn a_schedule_is_made_changed_listed_and_removed() {
    let stack = stack().await;
    let schedules = stack.schedules();
    let one = id(17);
    assert_eq!(schedules.find(one).await.unwrap(), None);
    schedules.put(one, Timetable::new(one, 15), false).await.unwrap();
    assert_eq!(schedules.find(one).await.unwrap(), Some((900, false)));
    schedules.put(one, Timetable::new(one, 1), true).await.unwrap();
    assert_eq!(schedules.find(one).await.unwrap(), Some((60, true)));
    let aws::SchedulePage { own: listed, next, .. } = schedules.list(None).await.unwrap();
    assert_eq!(listed.iter().map(|one| (one.instance, one.is_enabled)).collect::<Vec<_>>(), [(one, true)]);
    assert!(listed[0].made_at.is_some() && next.is_none());
    schedules.remove(one).await.unwrap();
    schedules.remove(one).await.unwrap();
    assert_eq!(schedules.find(one).await.unwrap(), None);
}

#[tokio::test]
async fn dead_jobs_are_sent_again_and_the_unreadable_stays() {
    let stack = stack().await;
    let environment = &stack.environment;
    let queues = Queues::new(stack.clients.sqs.clone(), stack.queue(), environment);
    let put = async |text: String| {
        let request = stack.clients.sqs.send_message().queue_url(&environment.dead_letter_queue.url);
        request.message_body(text).send().await.unwrap();
    };
    for sequence in 0..12 {
        put(body(deliver(17, sequence))).await;
    }
    put(body(Job::Poll(id(18)))).await;
    put("not a job".to_owned()).await;
    let dead = async || queues.depths().await.unwrap()[2].clone();
    assert_eq!(dead().await.waiting_count, 14);
    let first = queues.redrive(5, Utc::now()).await.unwrap();
    assert!(first.sent_count <= 5 && first.is_more, "{first:?}");
    let second = queues.redrive(100, Utc::now()).await.unwrap();
    assert_eq!(first.sent_count + second.sent_count, 13);
    assert_eq!(first.unreadable_count + second.unreadable_count, 1);
    assert!(!second.is_more);
    let left = dead().await;
    assert_eq!(left.waiting_count + left.under_way_count.unwrap(), 1);
    assert_eq!(stack.take(&environment.delivery_queue.url, 12).await.len(), 12);
    assert_eq!(stack.take(&environment.work_queue.url, 1).await[0].0, body(Job::Poll(id(18))));
}
