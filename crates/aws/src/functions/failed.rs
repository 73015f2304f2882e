//! Messages whose job failed: they come again within seconds, and later each time.
//!
//! Left alone, a message comes again after its queue's visibility time-out, which is minutes, because it has to
//! outlast the longest job. A fault that passes in a second must not cost that.

use crate::environment::{Environment, QueueAddress};
use crate::fault::{chain, fault};
use app::ports::Result;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry as Entry;
use std::collections::HashMap;

/// Pause after the first failure, seconds; it doubles with each.
const PAUSE_FIRST_S: u32 = 2;
/// Longest pause, seconds: what an outage held up goes on within so long of its end.
const PAUSE_S_MAX: u32 = 300;
/// Messages in one request.
const BATCH_COUNT_MAX: usize = 10;

/// The queues that messages come from.
pub(super) struct Sources {
    client: Client,
    queues: [QueueAddress; 2],
}

impl Sources {
    pub(super) fn new(client: Client, environment: &Environment) -> Self {
        Sources { client, queues: [environment.delivery_queue.clone(), environment.work_queue.clone()] }
    }

    /// Sets when these messages come again. Where that fails, they come after the visibility time-out.
    pub(super) async fn come_again(&self, failed: &[SqsMessage]) {
        let mut by_queue: HashMap<&str, Vec<&SqsMessage>> = HashMap::new();
        for message in failed {
            let arn = message.event_source_arn.as_deref().unwrap_or_default();
            by_queue.entry(arn).or_default().push(message);
        }
        for (arn, messages) in by_queue {
            let Some(queue) = self.queues.iter().find(|queue| queue.arn == arn) else { continue };
            for batch in messages.chunks(BATCH_COUNT_MAX) {
                if let Err(error) = self.set(&queue.url, batch).await {
                    tracing::warn!(error = chain(&error), "job.delayed");
                }
            }
        }
    }

    async fn set(&self, url: &str, messages: &[&SqsMessage]) -> Result<()> {
        const CONTEXT: &str = "set when failed jobs come again";
        let entry = |(number, message): (usize, &&SqsMessage)| {
            let pause_s = i32::try_from(spread(pause_s(received(message)))).unwrap_or(i32::MAX);
            let receipt = message.receipt_handle.clone().unwrap_or_default();
            Entry::builder()
                .id(number.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(pause_s)
                .build()
        };
        let entries: std::result::Result<Vec<Entry>, _> = messages.iter().enumerate().map(entry).collect();
        let entries = entries.map_err(|error| app::ports::PortError::new(CONTEXT, error))?;
        let request = self.client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        request.send().await.map_err(fault(CONTEXT)).map(drop)
    }
}

/// How often the message was received, this time included.
pub(super) fn received(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    count.unwrap_or(1)
}

fn pause_s(received: u32) -> u32 {
    let doublings = received.saturating_sub(1).min(16);
    (PAUSE_FIRST_S << doublings).min(PAUSE_S_MAX)
}

/// A quarter either way, so that what failed together does not come together; at least a second.
fn spread(pause_s: u32) -> u32 {
    let quarter = pause_s / 4;
    fastrand::u32(pause_s - quarter..=pause_s + quarter).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::script::Script;
    use serde_json::{Value, json};

    fn message(number: u32, queue: &QueueAddress, received: u32) -> SqsMessage {
        serde_json::from_value(json!({
            "messageId": format!("m{number}"), "receiptHandle": format!("r{number}"), "body": "{}",
            "eventSource": "aws:sqs", "eventSourceARN": queue.arn,
            "attributes": { "ApproximateReceiveCount": received.to_string() },
        }))
        .unwrap()
    }

    #[test]
    fn pauses_begin_with_seconds_and_end_at_minutes() {
        let pauses: Vec<u32> = (1..=10).map(pause_s).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause_s(0), 2);
        assert_eq!(pause_s(u32::MAX), 300);
        for _ in 0..100 {
            assert!((225..=375).contains(&spread(300)));
            assert!(spread(1) >= 1);
        }
    }

    #[tokio::test]
    async fn each_queue_is_told_once_when_its_messages_come_again() {
        let script = Script::new(&[(200, r#"{"Successful":[],"Failed":[]}"#)]);
        let environment = environment::tests::sample();
        let sources = Sources::new(Client::new(&script.config()), &environment);
        let (work, delivery) = (&environment.work_queue, &environment.delivery_queue);
        let other = QueueAddress { url: String::new(), arn: "arn:aws:sqs:x:1:other".to_owned() };
        let failed =
            [message(1, delivery, 1), message(2, work, 20), message(3, delivery, 3), message(4, &other, 1)];
        sources.come_again(&failed).await;
        let mut asked: Vec<Value> = script.asked().into_iter().map(|asked| asked.body).collect();
        asked.sort_by_key(|body| body["Entries"].as_array().unwrap().len());
        let receipts = |body: &Value| -> Vec<String> {
            let entries = body["Entries"].as_array().unwrap();
            entries.iter().map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(asked.len(), 2, "a queue that is not ours is left alone");
        let both = (receipts(&asked[0]), receipts(&asked[1]));
        assert_eq!(both, (vec!["r2".to_owned()], vec!["r1".to_owned(), "r3".to_owned()]));
        assert_eq!(asked[0]["QueueUrl"], work.url.as_str());
        let late = asked[0]["Entries"][0]["VisibilityTimeout"].as_i64().unwrap();
        assert!((225..=375).contains(&late));
    }

    #[tokio::test]
    async fn a_queue_that_does_not_answer_costs_nothing_but_time() {
        let script = Script::new(&[(500, "{}")]);
        let environment = environment::tests::sample();
        let sources = Sources::new(Client::new(&script.config()), &environment);
        sources.come_again(&[message(1, &environment.work_queue, 1)]).await;
        assert_eq!(script.operations().len(), 1);
    }
}
