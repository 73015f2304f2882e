//! What a poll and a delivery cost: requests to AWS and to the provider, counted.

use crate::stack::{self, stack_by};
use crate::wire::Wire;
use app::ports::{Accounts as _, AttemptKey, EventLog as _, Job, PollCommit, Polls as _, Written};
use app::sealing::{Lookup, Sealer};
use aws::{DataKeys, Stack};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use doubles::{Application, Way};
use http_body_util::BodyExt as _;
use scenarios::{Callback, Mailbox, Outside, PUBLIC_URL, ReceivedEvent};
use serde_json::{Value, json};
use std::sync::Arc;
use system::{CallbackAddresses, Egress};
use tower::ServiceExt as _;

pub(crate) struct Budget {
    pub(crate) outside: Outside,
    pub(crate) wire: Wire,
    pub(crate) stack: Stack,
    pub(crate) parts: stack::Stack,
    pub(crate) table: String,
    pub(crate) mailbox: Mailbox,
    pub(crate) callback: Callback,
    sealer: Arc<Sealer>,
    pub(crate) id: InstanceId,
}

#[allow(clippy::disallowed_methods)] // the stack lives in real time
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

impl Budget {
    /// A Gmail instance that has been polled before.
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_by(name, Mailbox::gmail, &json!({})).await
    }

    /// An instance of this mailbox, with more in its configuration, that has been polled before.
    pub(crate) async fn start_by(
        name: &str,
        mailbox: impl Fn(&Outside, &str) -> Mailbox,
        more: &Value,
    ) -> Self {
        Self::start_in(name, mailbox, more, "secrets-manager").await
    }

    /// The same, with refresh tokens kept there.
    pub(crate) async fn start_in(
        name: &str,
        mailbox: impl Fn(&Outside, &str) -> Mailbox,
        more: &Value,
        secrets: &str,
    ) -> Self {
        let outside = Outside::start().await;
        let wire = Wire::new();
        let public_url = ("CARILLON_PUBLIC_URL", PUBLIC_URL.to_owned());
        let storage = ("CARILLON_SECRET_STORAGE", secrets.to_owned());
        let variables: Vec<_> = outside.variables().into_iter().chain([public_url, storage]).collect();
        let parts = stack_by(&wire, &variables).await;
        let keys = DataKeys::read(&parts.clients.secrets, &parts.environment.data_key_secret).await.unwrap();
        let sealer = Arc::new(keys.sealer(now()));
        let stack = made(&parts, sealer.clone());
        let user = sealer.lookup_hash(Lookup::User, name);
        let organization = sealer.lookup_hash(Lookup::Organization, name);
        stack.store.add_organization(&organization, &user).await.unwrap();
        outside.providers.set_way(&Way::router(stack.app.router()));
        let mailbox = mailbox(&outside, name);
        let callback = Callback::new(&outside, name);
        let application = Application {
            callback: callback.url(),
            signature_key: callback.signature_key(),
            interval_min: 15,
            name,
            tag: name,
        };
        let mut body = application.body(mailbox.double(), &mailbox.code());
        body["configuration"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = http::Request::post("/elements/api-v2/instances")
            .header("authorization", format!("User {name}, Organization {name}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let reply = stack.app.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(reply.status(), 200);
        let reply = reply.into_body().collect().await.unwrap().to_bytes();
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        let id = InstanceId::parse(&reply["id"].to_string()).unwrap();
        let table = parts.environment.table.clone();
        let budget = Budget { outside, wire, stack, parts, table, mailbox, callback, sealer, id };
        budget.poll().await;
        budget
    }

    /// The same stack, set to so many mailboxes per tick.
    pub(crate) fn set_to(&self, mailboxes_per_tick: u32) -> Stack {
        let mut parts = self.parts.clone();
        parts.environment.mailboxes_per_tick = mailboxes_per_tick;
        made(&parts, self.sealer.clone())
    }

    /// Polls as the schedule does; what was asked of AWS, and how often the provider was.
    pub(crate) async fn poll(&self) -> (Vec<String>, u64) {
        self.wire.take();
        let before = self.mailbox.requests_count();
        self.stack.app.tick(self.id, now() + Duration::seconds(60)).await.unwrap();
        (self.wire.take(), self.mailbox.requests_count() - before)
    }

    /// What is asked of AWS until this has ended.
    pub(crate) async fn asked_by(&self, work: impl Future<Output = ()>) -> Vec<String> {
        self.wire.take();
        work.await;
        self.wire.take()
    }

    /// Runs the first job of the newest notification; what was asked of AWS.
    pub(crate) async fn deliver_newest(&self) -> Vec<String> {
        let job = self.job_of_newest().await;
        self.asked_by(async {
            self.stack.app.run(job, now() + Duration::seconds(20)).await.unwrap();
        })
        .await
    }

    /// The first job of the newest notification.
    pub(crate) async fn job_of_newest(&self) -> Job {
        let page = app::ports::LogPage { before: None, limit: 1, pending_only: false };
        let sequence = self.stack.store.notifications(self.id, page).await.unwrap().rows[0].sequence;
        Job::Deliver(AttemptKey { instance: self.id, sequence, attempt: 1 })
    }

    /// As if nothing had been written for so long.
    pub(crate) async fn age(&self, minutes: i64) {
        let mut rows = self.stack.store.mailbox(self.id).await.unwrap().unwrap().resources;
        let mut state = rows.remove(0).state;
        state.version += 1;
        state.written_at -= Duration::minutes(minutes);
        let commit = PollCommit {
            instance: self.id,
            organization_id: 1,
            state,
            notifications: Vec::new(),
            annex: Vec::new(),
            told: Vec::new(),
        };
        assert_eq!(self.stack.store.commit_poll(&commit).await.unwrap(), Written::Done);
    }

    /// The callback was told of these and of nothing else.
    pub(crate) fn assert_told(&self, wanted: &[ReceivedEvent]) {
        self.callback.assert_told(wanted);
    }

    /// What the newest post to the callback came with.
    pub(crate) fn headers_of_last_post(&self) -> http::HeaderMap {
        self.callback.posts().pop().unwrap().headers
    }

    /// Bytes of the rows that a poll reads, by sort key.
    pub(crate) async fn sizes(&self) -> Vec<(String, usize)> {
        let rows = self.rows(None, "pk", format!("I#{}", self.id)).await;
        rows.iter().map(|row| (row["sk"].as_s().unwrap().clone(), size(row))).collect()
    }

    /// A client of the table.
    pub(crate) fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.wire.config())
    }

    /// The rows of a partition, of the table or of an index.
    pub(crate) async fn rows(&self, index: Option<&str>, key: &str, partition: String) -> Vec<Row> {
        let query = self.client().query().table_name(&self.table).set_index_name(index.map(str::to_owned));
        let query = query.key_condition_expression(format!("{key} = :key"));
        let query = query.expression_attribute_values(":key", AttributeValue::S(partition));
        query.send().await.unwrap().items.unwrap_or_default()
    }
}

fn made(parts: &stack::Stack, sealer: Arc<Sealer>) -> Stack {
    let http = Arc::new(Egress::new(CallbackAddresses::All));
    Stack::new(&parts.environment, &parts.clients, http, sealer)
}

pub(crate) type Row = std::collections::HashMap<String, AttributeValue>;

pub(crate) fn size(row: &Row) -> usize {
    let size = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number.len() / 2 + 2,
        other => panic!("{other:?}"),
    };
    row.iter().map(|(name, value)| name.len() + size(value)).sum()
}

/// One query, one provider request, and nothing else: no write, no secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_poll_is_one_query_and_one_provider_request() {
    let budget = Budget::start("budget-idle").await;
    for _ in 0..3 {
        let (asked, provider) = budget.poll().await;
        assert_eq!((asked.as_slice(), provider), (["Query".to_owned()].as_slice(), 1));
    }
}

/// An hour after the last write one plain write, of one write unit; the query stays within two read units.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_is_one_write_unit() {
    let budget = Budget::start("budget-heartbeat").await;
    budget.age(59).await;
    assert_eq!(budget.poll().await.0, ["Query"], "not for so long yet");
    budget.age(2).await;
    let (asked, provider) = budget.poll().await;
    assert_eq!(asked, ["Query", "UpdateItem"]);
    assert_eq!(provider, 1);
    let (asked, _) = budget.poll().await;
    assert_eq!(asked, ["Query"], "the next one is idle again");
    let sizes = budget.sizes().await;
    let state = sizes.iter().find(|(sk, _)| sk.starts_with("R#")).unwrap();
    assert!(state.1 <= 1024, "{sizes:?}");
    assert!(sizes.iter().map(|(_, bytes)| bytes).sum::<usize>() <= 8192, "{sizes:?}");
}

/// A mail: read, staged, what leads to it by its object, committed with its claim; then looked at, posted and
/// stored. No lease, no message and no transaction. The outbox goes on naming it, so that the next poll looks whether it was
/// delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_three_writes_and_its_delivery_one() {
    let budget = Budget::start("budget-mail").await;
    let cold = ["BatchGetItem", "GetItem", "GetSecretValue", "BatchGetItem", "UpdateItem"];
    let warm = ["BatchGetItem", "BatchGetItem", "UpdateItem"];
    let mut told = Vec::new();
    for (looks, delivery) in [(&[][..], cold.as_slice()), (&["BatchGetItem"], &warm)] {
        told.push(budget.mailbox.deliver());
        let (asked, provider) = budget.poll().await;
        let commits = ["PutItem", "BatchWriteItem", "UpdateItem"];
        assert_eq!(asked, [&["Query"][..], looks, &commits, delivery].concat());
        assert_eq!(provider, 2, "the history and the message");
        assert_eq!(
            budget.deliver_newest().await,
            ["BatchGetItem"],
            "a job that comes all the same costs a read"
        );
    }
    budget.callback.assert_told(&told);
    assert_eq!(budget.callback.posts().len(), 2);
}

/// What the organization's log adds to a mail: two index rows of one write unit each, without the body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_is_one_small_row_in_each_index_of_the_log() {
    let budget = Budget::start("budget-log").await;
    budget.mailbox.deliver();
    budget.poll().await;
    let stored = budget.rows(None, "pk", format!("N#{}", budget.id)).await;
    assert_eq!(stored.len(), 1);
    assert!(size(&stored[0]) <= 2048, "{}", size(&stored[0]));
    let log = stored[0]["log_of"].as_s().unwrap();
    let line = ["events_count", "log_at", "log_of", "num", "pk", "progress", "sk"];
    let keys = ["log_of", "name", "pk", "sk"];
    for (index, wanted) in [("by-organization", line.as_slice()), ("by-event", keys.as_slice())] {
        let rows = budget.rows(Some(index), "log_of", log.clone()).await;
        assert_eq!(rows.len(), 1, "{index}");
        let mut names: Vec<&str> = rows[0].keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, wanted, "{index}");
        assert!(size(&rows[0]) <= 512, "{index}: {}", size(&rows[0]));
    }
}
