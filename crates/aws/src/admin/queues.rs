//! The stack's queues, as an operator sees them.

use crate::environment::{Environment, QueueAddress};
use crate::fault::fault;
use crate::letter::{self, Letter};
use crate::queue::SqsQueue;
use crate::tick::TickLetter;
use app::ports::{Depth, Job, PortError, Queue as _, Redriven, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;

/// Maximum messages that one request gives,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>.
const BATCH_COUNT_MAX: usize = 10;
/// How long a received message stays hidden, seconds: one that is left where it is does not come again in the
/// same redrive, unless that takes longer.
const HIDDEN_S: i32 = 300;
/// A short wait asks all of a queue's servers, so that an empty answer means an empty queue.
const WAIT_S: i32 = 1;
/// Messages that are left where they are, in one redrive: beyond them it ends.
const UNREADABLE_COUNT_MAX: u64 = 1_000;

/// The three queues.
#[derive(Clone)]
pub struct Queues {
    client: Client,
    queue: SqsQueue,
    delivery: QueueAddress,
    work: QueueAddress,
    dead_letters: QueueAddress,
}

impl Queues {
    /// The queues that the environment names; jobs are sent again through `queue`.
    pub fn new(client: Client, queue: SqsQueue, environment: &Environment) -> Self {
        Queues {
            client,
            queue,
            delivery: environment.delivery_queue.clone(),
            work: environment.work_queue.clone(),
            dead_letters: environment.dead_letter_queue.clone(),
        }
    }

    /// How much is in each. SQS counts approximately, and does not report the oldest.
    pub async fn depths(&self) -> Result<Vec<Depth>> {
        let queues = [&self.delivery, &self.work, &self.dead_letters];
        try_join_all(queues.map(|queue| self.depth(queue))).await
    }

    async fn depth(&self, queue: &QueueAddress) -> Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as UnderWay,
        };
        const CONTEXT: &str = "read a queue's depth";
        let request = self.client.get_queue_attributes().queue_url(&queue.url);
        let request = request.attribute_names(Waiting).attribute_names(Delayed).attribute_names(UnderWay);
        let found = request.send().await.map_err(fault(CONTEXT))?;
        let count = |name: QueueAttributeName| {
            let number = found.attributes().and_then(|all| all.get(&name)?.parse().ok());
            number.ok_or_else(|| PortError::new(CONTEXT, "a number is missing"))
        };
        Ok(Depth {
            queue: queue.name().to_owned(),
            waiting_count: count(Waiting)?,
            delayed_count: count(Delayed)?,
            under_way_count: Some(count(UnderWay)?),
            oldest_at: None,
        })
    }

    /// Sends at most `limit` dead jobs again: each is sent before it is deleted. What is no job of ours stays.
    pub async fn redrive(&self, limit: usize, now: DateTime<Utc>) -> Result<Redriven> {
        let mut done = Redriven::default();
        loop {
            let left = limit.saturating_sub(usize::try_from(done.sent_count).unwrap_or(usize::MAX));
            if left == 0 || done.unreadable_count >= UNREADABLE_COUNT_MAX {
                done.is_more = true;
                return Ok(done);
            }
            let messages = self.receive(left.min(BATCH_COUNT_MAX)).await?;
            if messages.is_empty() {
                return Ok(done);
            }
            let (letters, read): (Vec<Letter>, Vec<&Message>) =
                messages.iter().filter_map(|message| Some((letter::read(message.body()?)?, message))).unzip();
            done.unreadable_count += (messages.len() - read.len()) as u64;
            if letters.is_empty() {
                continue;
            }
            done.sent_count += letters.len() as u64;
            self.send(letters, now).await?;
            self.delete(&read).await?;
        }
    }

    async fn send(&self, letters: Vec<Letter>, now: DateTime<Utc>) -> Result<()> {
        let (mut jobs, mut ticks): (Vec<(Job, DateTime<Utc>)>, Vec<TickLetter>) = (Vec::new(), Vec::new());
        for letter in letters {
            match letter {
                Letter::Job(job) => jobs.push((job, now)),
                Letter::Tick(letter) => ticks.push(letter),
            }
        }
        self.queue.send(&jobs).await?;
        self.queue.send_tick_letters(&ticks).await
    }

    async fn receive(&self, count: usize) -> Result<Vec<Message>> {
        let request = self.client.receive_message().queue_url(&self.dead_letters.url);
        let request = request.max_number_of_messages(i32::try_from(count).unwrap_or(1));
        let request = request.visibility_timeout(HIDDEN_S).wait_time_seconds(WAIT_S);
        Ok(request.send().await.map_err(fault("receive dead jobs"))?.messages.unwrap_or_default())
    }

    /// What is not deleted comes again, and its job is then doubled: harmless.
    async fn delete(&self, messages: &[&Message]) -> Result<()> {
        const CONTEXT: &str = "remove dead jobs";
        let entries = messages.iter().enumerate().map(|(number, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .build()
                .map_err(|error| PortError::new(CONTEXT, error))
        });
        let entries = entries.collect::<Result<Vec<_>>>()?;
        let request = self.client.delete_message_batch().queue_url(&self.dead_letters.url);
        request.set_entries(Some(entries)).send().await.map(drop).map_err(fault(CONTEXT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::schedules::Schedules;
    use crate::script::{Script, StoppedClock};
    use app::ports::Clock as _;
    use std::sync::Arc;

    fn queues(script: &Script) -> Queues {
        let (config, environment) = (script.config(), environment::tests::sample());
        let clock = Arc::new(StoppedClock::default());
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        let schedules = Schedules::new(scheduler, &environment, clock.clone());
        let client = Client::new(&config);
        let queue = SqsQueue::new(client.clone(), schedules, &environment, clock);
        Queues::new(client, queue, &environment)
    }

    async fn redrive(script: &Script, limit: usize) -> Result<Redriven> {
        queues(script).redrive(limit, StoppedClock::default().now()).await
    }

    const TAKEN: (u16, &str) = (200, r#"{"Successful":[],"Failed":[]}"#);
    const EMPTY: (u16, &str) = (200, "{}");
    const TWO: (u16, &str) = (
        200,
        r#"{"Messages":[{"Body":"{\"Poll\":17}","ReceiptHandle":"r1"},{"Body":"what","ReceiptHandle":"r2"}]}"#,
    );

    #[tokio::test]
    async fn a_job_is_sent_before_it_is_removed_and_the_rest_stays() {
        let script = Script::new(&[TWO, TAKEN, TAKEN, EMPTY]);
        let done = redrive(&script, 100).await.unwrap();
        assert_eq!(done, Redriven { sent_count: 1, unreadable_count: 1, is_more: false });
        let asked = script.asked();
        assert_eq!(
            script.operations(),
            ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch", "ReceiveMessage"]
        );
        assert!(asked[1].body["QueueUrl"].as_str().unwrap().ends_with("stack-work"));
        let removed = asked[2].body["Entries"].as_array().unwrap();
        assert_eq!(removed.len(), 1);
        assert_eq!(removed[0]["ReceiptHandle"], "r1");
    }

    #[tokio::test]
    async fn a_redrive_is_bounded() {
        let script = Script::new(&[TWO, TAKEN, TAKEN]);
        let done = redrive(&script, 1).await.unwrap();
        assert!(done.is_more);
        assert_eq!(script.asked()[0].body["MaxNumberOfMessages"], 1);
        assert_eq!(script.asked().len(), 3);
        let script = Script::new(&[(200, r#"{"Messages":[{"Body":"what","ReceiptHandle":"r"}]}"#)]);
        let done = redrive(&script, 5).await.unwrap();
        assert_eq!(done.sent_count, 0);
        assert_eq!(script.asked().len() as u64, UNREADABLE_COUNT_MAX, "also where nothing can be sent");
    }

    #[tokio::test]
    async fn what_could_not_be_sent_is_not_removed() {
        let script = Script::new(&[TWO, (500, "{}")]);
        assert!(redrive(&script, 10).await.is_err());
        assert_eq!(script.operations(), ["ReceiveMessage", "SendMessageBatch"]);
    }

    #[tokio::test]
    async fn depths_are_told_of_each_queue() {
        let attributes = r#"{"Attributes":{"ApproximateNumberOfMessages":"3",
            "ApproximateNumberOfMessagesDelayed":"2","ApproximateNumberOfMessagesNotVisible":"1"}}"#;
        let script = Script::new(&[(200, attributes)]);
        let depths = queues(&script).depths().await.unwrap();
        let names: Vec<&str> = depths.iter().map(|depth| depth.queue.as_str()).collect();
        assert_eq!(names, ["stack-delivery", "stack-work", "stack-dead"]);
        assert_eq!((depths[0].waiting_count, depths[0].delayed_count), (3, 2));
        assert_eq!((depths[0].under_way_count, depths[0].oldest_at), (Some(1), None));
    }
}
