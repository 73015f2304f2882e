//! The [`Queue`] port on SQS.
//!
//! Two standard queues: deliveries (`Deliver`, `Release`) and other work (`Poll`, `Purge`, `Settle`, `Bulk`, members of ticks). An instance
//! is a message group, and so are an organization's bulk actions, and what is sent to take turns (releases, retries, the rest of polls,
//! attempts at slow callbacks), so that none holds up the others. The message carries a delay of up to 900 s; a longer one is a schedule, whose message
//! has no group. Visibility timeouts are not used as delays, since messages in flight count against a limit
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
//!
//! Queues do not detect duplicates, so a job that already waits is doubled: attempts are claimed and polls meet
//! at the version of their state, so a doubled job changes nothing. A job may come late but never early, since an
//! attempt's due time is not checked again: waits are rounded up to whole seconds.

use crate::environment::{Environment, QueueAddress};
use crate::fault::{Fault, fault};
use crate::schedules::Schedules;
use crate::tick::{Members, TickLetter};
use app::ports::{Clock, Job, PortError, Queue, Result};
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Longest delay of a message, seconds,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
const DELAY_S_MAX: i64 = 900;
/// Maximum messages in one request,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.
const BATCH_COUNT_MAX: usize = 10;
/// Tries of messages that the queue did not take, and the wait before the second, which doubles.
const TRIES_COUNT_MAX: u32 = 4;
const AGAIN_FIRST_MS: u64 = 100;

/// The stack's queues, as those who send see them.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    schedules: Schedules,
    clock: Arc<dyn Clock>,
    delivery: QueueAddress,
    work: QueueAddress,
}

/// How a job gets to be late enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The message's own delay, seconds.
    Delay(i32),
    /// A schedule.
    Scheduled,
}

impl SqsQueue {
    /// The queues of the stack.
    pub fn new(
        client: Client,
        schedules: Schedules,
        environment: &Environment,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (delivery, work) = (environment.delivery_queue.clone(), environment.work_queue.clone());
        SqsQueue { client, schedules, clock, delivery, work }
    }

    fn queue_of(&self, job: &Job) -> &QueueAddress {
        match job {
            Job::Deliver(_) | Job::Release(_) | Job::Tell { .. } => &self.delivery,
            Job::Poll(_) | Job::Hinted { .. } | Job::Purge(_) | Job::Settle { .. } | Job::Bulk { .. } => {
                &self.work
            }
        }
    }

    /// Enqueues what ticks bring: work of the function `poll`.
    pub(crate) async fn send_tick_letters(&self, letters: &[TickLetter]) -> Result<()> {
        let entries = letters.iter().enumerate().map(|(number, letter)| {
            let (TickLetter::Tick(tick) | TickLetter::Members(Members { tick, .. })) = letter;
            entry(number, letter, tick.to_string(), 0)
        });
        self.send_all(&self.work.url, entries.collect::<Result<Vec<_>>>()?).await
    }

    /// Sends messages of one queue until it has taken them all.
    async fn send_all(&self, url: &str, mut left: Vec<SendMessageBatchRequestEntry>) -> Result<()> {
        let mut tried = 0;
        loop {
            let mut refused = Vec::new();
            for batch in left.chunks(BATCH_COUNT_MAX) {
                refused.extend(self.send_batch(url, batch).await?);
            }
            tried += 1;
            let Some(first) = refused.first() else { return Ok(()) };
            if tried == TRIES_COUNT_MAX || refused.iter().any(|entry| entry.sender_fault) {
                return Err(PortError::new("send jobs", Fault::of_code(&first.code)));
            }
            left.retain(|entry| refused.iter().any(|refused| refused.id == entry.id));
            self.clock.sleep(Duration::from_millis(AGAIN_FIRST_MS << (tried - 1))).await;
        }
    }

    /// Sends up to ten messages; returns what the queue did not take.
    async fn send_batch(
        &self,
        url: &str,
        batch: &[SendMessageBatchRequestEntry],
    ) -> Result<Vec<BatchResultErrorEntry>> {
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(batch.to_vec()));
        Ok(request.send().await.map_err(fault("send jobs"))?.failed)
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        self.send_grouped(jobs, group).await
    }

    async fn send_in_turn(&self, organization_id: u32, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        self.send_grouped(jobs, |_| format!("of-{organization_id}")).await
    }
}

impl SqsQueue {
    async fn send_grouped(
        &self,
        jobs: &[(Job, DateTime<Utc>)],
        group: impl Fn(&Job) -> String + Send + Sync,
    ) -> Result<()> {
        let now = self.clock.now();
        for queue in [&self.delivery, &self.work] {
            let mut entries = Vec::new();
            let theirs = jobs.iter().filter(|(job, _)| self.queue_of(job) == queue);
            for (number, (job, due_at)) in theirs.enumerate() {
                match wait(*due_at, now) {
                    Wait::Delay(delay_s) => entries.push(entry(number, job, group(job), delay_s)?),
                    Wait::Scheduled => self.schedules.once(job, *due_at, &queue.arn).await?,
                }
            }
            self.send_all(&queue.url, entries).await?;
        }
        Ok(())
    }
}

fn wait(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Wait {
    let left = (due_at - now).max(TimeDelta::zero());
    let seconds = left.num_seconds() + i64::from(left.subsec_nanos() > 0);
    match i32::try_from(seconds) {
        Ok(delay_s) if seconds <= DELAY_S_MAX => Wait::Delay(delay_s),
        _ => Wait::Scheduled,
    }
}

/// A letter as a message. Its id is its place in the call: no two of a request are the same.
fn entry(
    number: usize,
    letter: &impl Serialize,
    group: String,
    delay_s: i32,
) -> Result<SendMessageBatchRequestEntry> {
    let body = serde_json::to_string(letter).map_err(|error| PortError::new("send jobs", error))?;
    SendMessageBatchRequestEntry::builder()
        .id(number.to_string())
        .message_body(body)
        .delay_seconds(delay_s)
        .message_group_id(group)
        .build()
        .map_err(|error| PortError::new("send jobs", error))
}

/// Whose messages take turns with others'.
fn group(job: &Job) -> String {
    match job {
        Job::Bulk { organization_id, .. } => format!("bulk-{organization_id}"),
        Job::Tell { organization_id, instance: None, .. } => format!("tell-{organization_id}"),
        Job::Tell { instance: Some(id), .. } => format!("tell-to-{id}"),
        _ => job.instance().map(|id| id.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
