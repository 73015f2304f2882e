//! Many processes on one stack, each of which may die at any moment: nothing is lost, and nothing is new twice.

use crate::stack::stack_by;
use crate::wire::Wire;
use app::App;
use app::ports::{Accounts as _, Job, Polls as _};
use app::sealing::{DataKey, Lookup, Sealer};
use aws::Stack;
use axum::body::Body;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::{RetryPolicy, SubscriptionStatus};
use domain::ids::InstanceId;
use doubles::Application;
use http_body_util::BodyExt as _;
use scenarios::{Callback, Mailbox, Outside, ReceivedEvent};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use system::{CallbackAddresses, Egress};
use tower::ServiceExt as _;

const PROCESSES_COUNT: u64 = 4;
const MAILS_COUNT: usize = 40;
/// A message that nobody said anything of comes again after this, seconds.
const SEEN_AGAIN_AFTER_S: i32 = 3;

#[allow(clippy::disallowed_methods)] // the stack lives in real time
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// One process: its own memory, the same stack.
struct Process {
    stack: Stack,
    sqs: aws_sdk_sqs::Client,
    queues: [String; 2],
    /// As long as this is set, whatever it does may end in the middle.
    is_mortal: Arc<AtomicBool>,
}

impl Process {
    /// Does something, perhaps only half of it.
    async fn does(
        &self,
        random: &mut fastrand::Rng,
        doing: impl Future<Output = bool> + Send + 'static,
    ) -> bool {
        let running = tokio::spawn(doing);
        let death = running.abort_handle();
        if self.is_mortal.load(Ordering::SeqCst) && random.u8(..) < 100 {
            let in_ms = random.u64(0..50);
            tokio::spawn(async move {
                tokio::time::timeout(std::time::Duration::from_millis(in_ms), std::future::pending::<()>())
                    .await
                    .ok();
                death.abort();
            });
        }
        running.await.unwrap_or(false)
    }

    /// Works off what one look at both queues brings; a job that was not done comes again.
    async fn work(&self, random: &mut fastrand::Rng) {
        for url in &self.queues {
            let received = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let received = received.visibility_timeout(SEEN_AGAIN_AFTER_S).send().await.unwrap();
            for message in received.messages.unwrap_or_default() {
                let job: Job = serde_json::from_str(message.body().unwrap()).unwrap();
                let app = self.stack.app.clone();
                if self.does(random, run(app, job)).await {
                    let handle = message.receipt_handle().unwrap();
                    self.sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
                }
            }
        }
    }
}

async fn run(app: App, job: Job) -> bool {
    app.run(job, now() + Duration::seconds(20)).await.is_ok()
}

async fn create(app: &App, mailbox: &Mailbox, callback: &Callback) -> InstanceId {
    let application = Application {
        callback: callback.url(),
        signature_key: callback.signature_key(),
        interval_min: 15,
        name: "races",
        tag: "races",
    };
    let request = http::Request::post("/elements/api-v2/instances")
        .header("authorization", "User races, Organization races")
        .header("content-type", "application/json")
        .body(Body::from(application.body(mailbox.double(), &mailbox.code()).to_string()));
    let reply = app.router().oneshot(request.unwrap()).await.unwrap();
    let reply = reply.into_body().collect().await.unwrap().to_bytes();
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    InstanceId::parse(&reply["id"].to_string()).unwrap()
}

/// Polls, works off jobs and releases, until told to stop.
async fn live(process: Process, ids: Vec<InstanceId>, seed: u64, is_over: Arc<AtomicBool>) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !is_over.load(Ordering::SeqCst) {
        let id = ids[random.usize(..ids.len())];
        let job = match random.u8(..) {
            0..100 => Some(Job::Poll(id)),
            100..130 => Some(Job::Release(id)),
            _ => None,
        };
        if let Some(job) = job {
            let app = process.stack.app.clone();
            process.does(&mut random, run(app, job)).await;
        }
        process.work(&mut random).await;
    }
}

/// Hardly anything fails for good: what got lost would not be found by a release.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_die_at_any_moment_lose_and_repeat_nothing() {
    race("0,0,0,0,0,0,0").await;
}

/// Every tenth notification suspends the callback, and releases overlap with all else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_they_do_while_callbacks_are_suspended_and_released() {
    race("0").await;
}

async fn race(retry_delays: &str) {
    let outside = Outside::start().await;
    let parts = stack_by(&Wire::new(), &outside.variables()).await;
    let mut environment = parts.environment.clone();
    environment.app.retry_policy = RetryPolicy::parse(retry_delays).unwrap();
    environment.app.callback_timeout_ms = 1_000;
    let sealer = Arc::new(Sealer::new(&[1; 32], vec![DataKey { id: "1".to_owned(), bytes: [2; 32] }]));
    let is_mortal = Arc::new(AtomicBool::new(false));
    let process = || Process {
        stack: Stack::new(
            &environment,
            &parts.clients,
            Arc::new(Egress::new(CallbackAddresses::All)),
            sealer.clone(),
        ),
        sqs: parts.clients.sqs.clone(),
        queues: [environment.delivery_queue.url.clone(), environment.work_queue.url.clone()],
        is_mortal: is_mortal.clone(),
    };
    let first = process();
    let (user, organization) =
        (sealer.lookup_hash(Lookup::User, "races"), sealer.lookup_hash(Lookup::Organization, "races"));
    first.stack.store.add_organization(&organization, &user).await.unwrap();
    let mailboxes = Mailbox::each(&outside, "races");
    let callback = Callback::new(&outside, "races");
    let mut ids = Vec::new();
    for mailbox in &mailboxes {
        ids.push(create(&first.stack.app, mailbox, &callback).await);
    }

    is_mortal.store(true, Ordering::SeqCst);
    outside.receiver.set_failure_rate(0.3, 5);
    let is_over = Arc::new(AtomicBool::new(false));
    let living: Vec<_> = (0..PROCESSES_COUNT)
        .map(|seed| tokio::spawn(live(process(), ids.clone(), seed, is_over.clone())))
        .collect();
    let mut wanted: Vec<ReceivedEvent> = Vec::new();
    for _ in 0..MAILS_COUNT {
        for mailbox in &mailboxes {
            wanted.push(mailbox.deliver());
        }
        // As fast as callbacks come, so that polls and deliveries overlap.
        let posts = callback.posts().len();
        let _ =
            tokio::time::timeout(std::time::Duration::from_millis(300), callback.wait_for_posts(posts + 1))
                .await;
    }
    is_mortal.store(false, Ordering::SeqCst);
    outside.receiver.set_failure_rate(0.0, 0);
    scenarios::until("everything was told and nothing is left", async || {
        for id in &ids {
            let mailbox = first.stack.store.mailbox(*id).await.unwrap().unwrap();
            let pending = first.stack.store.undelivered_count(*id).await.unwrap();
            let is_left = mailbox.resources.iter().any(|row| !row.outbox.is_empty());
            if pending > 0 || is_left || mailbox.subscription.status != SubscriptionStatus::Active {
                return None;
            }
        }
        wanted.iter().all(|one| callback.told_once().contains(one)).then_some(())
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    for one in living {
        one.await.unwrap();
    }
    let (mut told, mut wanted) = (callback.told_once(), wanted);
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted, "an event has one id, however often it came");
}
