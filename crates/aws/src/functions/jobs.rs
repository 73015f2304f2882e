//! The functions `poll` and `deliver`: jobs that schedules and queues bring.

use super::failed::{Sources, received};
use super::host::{Entry, Host};
use super::lines;
use crate::fault::chain;
use crate::letter::{self, Letter};
use app::ports::{Clock as _, Job};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use system::SystemClock;
use tracing::Instrument as _;

/// Time of one poll, seconds.
const POLL_S: i64 = 60;
/// Tries of a job within one invocation, and the pause before the second, which doubles: most faults pass by then.
const TRIES_COUNT_MAX: u32 = 3;
const PAUSE_FIRST_MS: u64 = 200;
/// Time before the function's end for what a poll that reached its deadline still has to do, seconds.
const MARGIN_S: i64 = 5;

/// What brought the jobs.
#[derive(Debug)]
enum Event {
    /// A schedule, or a manual invocation.
    Letter(Letter),
    /// A queue.
    Batch(Vec<SqsMessage>),
    Unreadable,
}

/// Who brought a job: a schedule comes again by itself, a queue does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bringer {
    Schedule,
    Queue {
        /// How many times by now.
        received: u32,
    },
}

/// What went wrong with a job. Its cause is logged; Lambda and the queue only count.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(&'static str);

pub(super) async fn serve(host: Arc<Host>) -> anyhow::Result<()> {
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let (host, invocation) = (host.clone(), lines::invocation(&event.context));
        async move { handle(&host, event).await }.instrument(invocation)
    });
    Runtime::new(handler).run().await.map_err(anyhow::Error::from_boxed)
}

/// An error is a job that has to be run again: Lambda does, where a schedule brought it.
pub(super) async fn handle(host: &Host, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let deadline = deadline(SystemClock.now(), event.context.deadline);
    let entry = host.entry().await.map_err(|error| {
        tracing::error!(error = chain(&error), "host.failed");
        Failed("the host can't start")
    });
    let app = entry.as_ref().ok().map(|entry| entry.app.clone());
    let answer = work(host, Event::of(event.payload), entry, deadline).await;
    if let Some(app) = app {
        host.tell_sums(&app);
    }
    answer
}

async fn work(
    host: &Host,
    event: Event,
    entry: Result<Entry, Failed>,
    deadline: DateTime<Utc>,
) -> Result<Value, lambda_runtime::Error> {
    match (event, entry) {
        (Event::Letter(letter), Ok(entry)) => {
            isolated(run(entry, Bringer::Schedule, letter, deadline)).await?;
            Ok(Value::Null)
        }
        (Event::Batch(messages), Ok(entry)) => {
            let failed = batch(messages, |letter, received| {
                run(entry.clone(), Bringer::Queue { received }, letter, deadline)
            })
            .await;
            Ok(serde_json::to_value(put_back(host.sources(), failed).await)?)
        }
        (Event::Batch(messages), Err(_)) => {
            Ok(serde_json::to_value(put_back(host.sources(), messages).await)?)
        }
        (Event::Letter(_), Err(failed)) => Err(failed.into()),
        (Event::Unreadable, _) => Err(Failed("neither a job nor a batch of messages").into()),
    }
}

/// Names the messages that have to come again, and has them come soon.
async fn put_back(sources: &Sources, failed: Vec<SqsMessage>) -> SqsBatchResponse {
    if !failed.is_empty() {
        sources.come_again(&failed).await;
    }
    let mut response = SqsBatchResponse::default();
    for message in failed {
        response.add_failure(message.message_id.unwrap_or_default());
    }
    response
}

impl Event {
    fn of(payload: Value) -> Self {
        if payload.get("Records").is_some() {
            return match serde_json::from_value::<SqsEvent>(payload) {
                Ok(event) => Event::Batch(event.records),
                Err(_) => Event::Unreadable,
            };
        }
        Letter::of(payload).map_or(Event::Unreadable, Event::Letter)
    }
}

/// Runs a batch's jobs side by side; returns the messages that have to come again.
async fn batch<F>(messages: Vec<SqsMessage>, run: impl Fn(Letter, u32) -> F) -> Vec<SqsMessage>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let each = messages.into_iter().map(|message| {
        let letter = letter::read(message.body.as_deref().unwrap_or_default());
        let running = letter.map(|letter| isolated(run(letter, received(&message))));
        async move {
            let ran = match running {
                Some(running) => running.await,
                None => {
                    tracing::error!(message.id = message.message_id, "job.unreadable");
                    Err(Failed("not a job"))
                }
            };
            ran.is_err().then_some(message)
        }
    });
    join_all(each).await.into_iter().flatten().collect()
}

/// On a task of its own, so that a panic is this job's failure alone.
async fn isolated(running: impl Future<Output = Result<(), Failed>> + Send + 'static) -> Result<(), Failed> {
    match tokio::spawn(running).await {
        Ok(ran) => ran,
        Err(panic) => {
            tracing::error!(%panic, "job.panicked");
            Err(Failed("the job panicked"))
        }
    }
}

/// Every job may run again, so a fault that passes within the invocation is waited for.
async fn run(entry: Entry, by: Bringer, letter: Letter, deadline: DateTime<Utc>) -> Result<(), Failed> {
    let id = letter.instance().map(domain::ids::InstanceId::get);
    for round in 1.. {
        let ran = match (by, letter.clone()) {
            (Bringer::Schedule, Letter::Job(Job::Poll(id))) => {
                entry.ticks.tick_of_own(id, deadline).await.map(drop)
            }
            (_, Letter::Job(job)) => entry.app.run(job, deadline).await.map(drop),
            (Bringer::Schedule, Letter::Tick(letter)) => entry.ticks.run(letter, 1, deadline).await,
            (Bringer::Queue { received }, Letter::Tick(letter)) => {
                entry.ticks.run(letter, received, deadline).await
            }
        };
        let Err(error) = ran else { return Ok(()) };
        let most = PAUSE_FIRST_MS << round;
        let pause = Duration::from_millis(fastrand::u64(most / 2..=most));
        if round == TRIES_COUNT_MAX || SystemClock.now() + pause >= deadline {
            tracing::error!(instance.id = id, error = chain(&error), "job.failed");
            return Err(Failed(error.context));
        }
        tracing::warn!(instance.id = id, error = chain(&error), "job.retried");
        SystemClock.sleep(pause).await;
    }
    Err(Failed("a job did not end"))
}

/// Until when a poll may go on: a minute, and not into the function's end (epoch ms).
fn deadline(now: DateTime<Utc>, function_ends_ms: u64) -> DateTime<Utc> {
    let longest = now + TimeDelta::seconds(POLL_S);
    let ends_at = i64::try_from(function_ends_ms).ok().and_then(DateTime::from_timestamp_millis);
    ends_at.map_or(longest, |ends_at| longest.min(ends_at - TimeDelta::seconds(MARGIN_S)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::InstanceId;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn id(number: u32) -> InstanceId {
        InstanceId::parse(&number.to_string()).unwrap()
    }

    fn records(bodies: &[&str]) -> Value {
        let record = |(n, body): (usize, &&str)| {
            json!({ "messageId": format!("m{n}"), "body": body, "eventSource": "aws:sqs",
                "attributes": { "ApproximateReceiveCount": "1", "MessageGroupId": "17" } })
        };
        json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
    }

    async fn failures<F>(bodies: &[&str], run: impl Fn(Letter) -> F) -> Value
    where
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        let Event::Batch(messages) = Event::of(records(bodies)) else { panic!("not a batch") };
        let script = crate::script::Script::new(&[(200, r#"{"Successful":[],"Failed":[]}"#)]);
        let client = aws_sdk_sqs::Client::new(&script.config());
        let sources = Sources::new(client, &crate::environment::tests::sample());
        serde_json::to_value(put_back(&sources, batch(messages, |letter, _| run(letter)).await).await)
            .unwrap()
    }

    #[test]
    fn a_schedule_brings_a_job_and_a_queue_a_batch() {
        assert!(
            matches!(Event::of(json!({ "Poll": 17 })), Event::Letter(Letter::Job(Job::Poll(instance))) if instance == id(17))
        );
        let Event::Batch(messages) = Event::of(records(&[r#"{"Release":17}"#])) else {
            panic!("not a batch")
        };
        assert_eq!(messages.len(), 1);
        for strange in
            [json!(null), json!({}), json!({ "Poll": 0 }), json!({ "Fly": 1 }), json!({ "Records": 1 })]
        {
            // An id of zero is invalid, and never written.
            assert!(!matches!(Event::of(strange), Event::Batch(_)));
        }
    }

    #[tokio::test]
    async fn only_what_failed_comes_again() {
        let bodies = [r#"{"Poll":1}"#, "not a job", r#"{"Poll":3}"#, r#"{"Poll":4}"#, r#"{"Poll":5}"#];
        let answer = failures(&bodies, |letter| async move {
            match letter.instance().map(InstanceId::get).unwrap_or_default() {
                3 => Err(Failed("it failed")),
                4 => panic!("it panicked"),
                _ => Ok(()),
            }
        });
        let failed =
            json!([{ "itemIdentifier": "m1" }, { "itemIdentifier": "m2" }, { "itemIdentifier": "m3" }]);
        assert_eq!(answer.await["batchItemFailures"], failed);
    }

    #[tokio::test]
    async fn jobs_of_a_batch_run_side_by_side() {
        let barrier = Arc::new(tokio::sync::Barrier::new(10));
        let bodies = [r#"{"Poll":1}"#; 10];
        let answer = failures(&bodies, |_| {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
                Ok(())
            }
        });
        assert_eq!(answer.await["batchItemFailures"], json!([]));
    }

    #[test]
    fn a_poll_ends_before_the_function() {
        let ms = |seconds| u64::try_from(at(seconds).timestamp_millis()).unwrap();
        assert_eq!(deadline(at(0), ms(75)), at(60));
        assert_eq!(deadline(at(0), ms(30)), at(25));
        assert_eq!(deadline(at(0), u64::MAX), at(60));
    }
}
