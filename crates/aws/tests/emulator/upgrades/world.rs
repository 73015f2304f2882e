//! A stack of a test's own that serves its interface, and runs its jobs when it is told to.

use super::kept::{self, KeptTable};
use crate::budget::now;
use crate::stack::{self, stack_by};
use crate::wire::Wire;
use app::ports::{EventLog as _, Job, LogPage, Polls as _, UserSession, UserSessions as _, Vault as _};
use async_trait::async_trait;
use aws::{DataKeys, QueueAddress, Stack};
use aws_sdk_dynamodb::Client as Table;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Duration;
use connectors::{Http, HttpError, HttpRequest, HttpResponse};
use domain::ids::InstanceId;
use domain::settings::OAUTH_REFRESH_TOKEN;
use doubles::Way;
use scenarios::{Callback, Client, Instance, Mailbox, Outside, PUBLIC_URL, body};
use serde_json::{Value, json};
use std::sync::Arc;
use system::{CallbackAddresses, Egress};

pub(super) const ADMIN_KEY: &str = "administrators-key-of-a-kept-table-of-the-tests";
/// Secrets that every stack of a test has.
pub(super) const USER: &str = "first-user";
const ORGANIZATION: &str = "first-organization";
/// Where callbacks go by their configuration: they are led to the test's receiver.
pub(super) const RECEIVER: &str = "http://receiver.example";
/// Times that the queues are asked for more.
const ROUNDS_COUNT_MAX: usize = 20;

pub(super) struct World {
    pub(super) outside: Outside,
    pub(super) stack: Stack,
    pub(super) client: Client,
    parts: stack::Stack,
}

/// Leads callbacks to the receiver, which is at another port each time.
struct Led {
    egress: Egress,
    receiver: String,
}

#[async_trait]
impl Http for Led {
    async fn send(&self, mut request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        request.url = request.url.replacen(RECEIVER, &self.receiver, 1);
        self.egress.send(request).await
    }
}

fn id(number: u64) -> InstanceId {
    InstanceId::parse(&number.to_string()).unwrap()
}

async fn made(parts: &stack::Stack, outside: &Outside) -> Stack {
    let keys = DataKeys::read(&parts.clients.secrets, &parts.environment.data_key_secret).await.unwrap();
    let receiver = Callback::new(outside, "").url().trim_end_matches('/').to_owned();
    let http = Led { egress: Egress::new(CallbackAddresses::All), receiver };
    Stack::new(&parts.environment, &parts.clients, Arc::new(http), Arc::new(keys.sealer(now())))
}

impl World {
    pub(super) async fn start() -> Self {
        let outside = Outside::start().await;
        let given = [
            ("CARILLON_PUBLIC_URL", PUBLIC_URL),
            ("CARILLON_SECRET_STORAGE", "sealed"),
            ("CARILLON_MAILBOXES_PER_TICK", "25"),
            // The first retry comes while the test runs, the second does not.
            ("CARILLON_RETRY_DELAYS", "1,600"),
        ];
        let given = given.map(|(name, value)| (name, value.to_owned()));
        let variables: Vec<_> = outside.variables().into_iter().chain(given).collect();
        let mut parts = stack_by(&Wire::new(), &variables).await;
        parts.environment.app = parts.environment.app_with_admin_key(ADMIN_KEY).unwrap();
        let stack = made(&parts, &outside).await;
        outside.providers.set_way(&Way::router(stack.app.router()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(doubles::serve(listener, stack.app.router()));
        World { outside, stack, client: Client::new(&base, USER, ORGANIZATION), parts }
    }

    pub(super) fn administrator(&self) -> Client {
        self.client.authorized(&format!("Admin {ADMIN_KEY}"))
    }

    pub(super) fn dynamodb(&self) -> Table {
        self.parts.clients.dynamodb.clone()
    }

    pub(super) fn table(&self) -> &str {
        &self.parts.environment.table
    }

    pub(super) async fn items(&self) -> Vec<Value> {
        kept::items(&self.parts.clients.dynamodb, self.table()).await
    }

    pub(super) async fn load(&self, kept: &KeptTable) {
        for item in kept.items_at(now().timestamp()) {
            let put = self.parts.clients.dynamodb.put_item().table_name(self.table());
            put.set_item(Some(item)).send().await.unwrap();
        }
    }

    pub(super) async fn format(&self) -> Option<String> {
        let text = || AttributeValue::S("FORMAT".to_owned());
        let get = self.parts.clients.dynamodb.get_item().table_name(self.table()).key("pk", text());
        let item = get.key("sk", text()).send().await.unwrap().item?;
        item["format_number"].as_n().ok().cloned()
    }

    /// A mailbox whose callback is a path of its name; Outlook's has push and the stored application.
    pub(super) async fn connect(&self, name: &str, mailbox: &Mailbox) -> Instance {
        let mut wanted = body(mailbox, &Callback::new(&self.outside, name));
        wanted["name"] = json!(name);
        let configuration = wanted["configuration"].as_object_mut().unwrap();
        configuration
            .insert("event.notification.callback.url".to_owned(), json!(format!("{RECEIVER}/{name}")));
        configuration.insert("oauth.callback.url".to_owned(), json!(format!("{PUBLIC_URL}/oauth/callback")));
        if mailbox.connector() == "outlookemail" {
            configuration.insert("event.vendor.type".to_owned(), json!("webhooks"));
            configuration.insert("oauth.application".to_owned(), json!("mail"));
            configuration.retain(|key, _| !key.starts_with("oauth.api."));
        }
        self.client.create(&wanted).await
    }

    /// What a link is made for that brings a mailbox.
    pub(super) fn wanted_by_link(&self, mailbox: &Mailbox) -> Value {
        let mut wanted = body(mailbox, &Callback::new(&self.outside, "linked"));
        wanted["configuration"]["oauth.callback.url"] = json!(format!("{PUBLIC_URL}/oauth/callback"));
        wanted["configuration"]["event.notification.callback.url"] = json!(format!("{RECEIVER}/linked"));
        wanted.as_object_mut().unwrap().remove("providerData");
        wanted
    }

    /// The provider knows the grant as it did then.
    pub(super) async fn accept_grant(&self, number: u64, mailbox: &Mailbox) {
        let (secrets, _) = self.stack.vault.read(id(number)).await.unwrap().unwrap();
        let (token, providers) = (&secrets[OAUTH_REFRESH_TOKEN], &self.outside.providers);
        match mailbox.connector() {
            "gmail" => providers.google.accept_refresh_token(mailbox.address(), token),
            _ => providers.microsoft.accept_refresh_token(mailbox.address(), token),
        }
    }

    /// Ends when that is so, or after so many polls with what they lead to.
    pub(super) async fn polled_until(&self, number: u64, polls_count: usize, is_so: impl Fn() -> bool) {
        for _ in 0..polls_count {
            self.stack.app.tick(id(number), now() + Duration::seconds(60)).await.unwrap();
            self.work().await;
            if is_so() {
                return;
            }
        }
    }

    /// Polls until so many notifications wait; runs no job.
    pub(super) async fn polled_until_waiting(&self, number: u64, polls_count: usize, count: usize) {
        for _ in 0..polls_count {
            self.stack.app.tick(id(number), now() + Duration::seconds(60)).await.unwrap();
            if self.waiting(number).await.len() >= count {
                return;
            }
        }
    }

    /// A poll whose process dies once it has committed: no queue takes its jobs.
    pub(super) async fn poll_and_die(&self, number: u64) {
        let mut parts = self.parts.clone();
        let QueueAddress { url, .. } = &mut parts.environment.delivery_queue;
        url.push_str("-gone");
        let dying = made(&parts, &self.outside).await;
        // What became of it is in the table.
        drop(dying.app.tick(id(number), now() + Duration::seconds(60)).await);
        let rows = self.stack.store.mailbox(id(number)).await.unwrap().unwrap().resources;
        assert!(rows.iter().any(|row| !row.outbox.is_empty()), "it left something in the outbox");
    }

    /// Undelivered notifications: names and bytes.
    pub(super) async fn waiting(&self, number: u64) -> Vec<Value> {
        let page = LogPage { before: None, limit: 100, pending_only: true };
        let rows = self.stack.store.notifications(id(number), page).await.unwrap().rows;
        rows.iter().map(|one| kept::notification(&one.name.event_id, &one.body)).collect()
    }

    /// Runs the jobs that wait, and those that they lead to.
    pub(super) async fn work(&self) {
        for _ in 0..ROUNDS_COUNT_MAX {
            let jobs = self.jobs().await;
            if jobs.is_empty() {
                return;
            }
            self.run_all(&jobs).await;
        }
    }

    pub(super) async fn run_all(&self, jobs: &[String]) {
        for job in jobs {
            let job: Job = serde_json::from_str(job).unwrap();
            self.stack.app.run(job, now() + Duration::seconds(30)).await.unwrap();
        }
    }

    /// All that the queues hold, which is gone from there.
    pub(super) async fn jobs_left(&self) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..ROUNDS_COUNT_MAX {
            let jobs = self.jobs().await;
            if jobs.is_empty() {
                break;
            }
            all.extend(jobs);
        }
        all.sort();
        all
    }

    /// What comes out of either queue within two seconds.
    async fn jobs(&self) -> Vec<String> {
        let environment = &self.parts.environment;
        let (work, delivery) = (&environment.work_queue.url, &environment.delivery_queue.url);
        let (mut jobs, more) = tokio::join!(self.received(work), self.received(delivery));
        jobs.extend(more);
        jobs
    }

    async fn received(&self, url: &str) -> Vec<String> {
        let sqs = &self.parts.clients.sqs;
        let request = sqs.receive_message().queue_url(url).wait_time_seconds(2).max_number_of_messages(10);
        let mut bodies = Vec::new();
        for message in request.send().await.unwrap().messages.unwrap_or_default() {
            let handle = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
            bodies.push(message.body.unwrap());
        }
        bodies
    }

    pub(super) async fn leave_sessions(&self, token: [u8; 32], spent: [u8; 32]) {
        // Until the kept file is of no more use.
        let expires_at = chrono::DateTime::from_timestamp(4_000_000_000, 0).unwrap();
        let session = UserSession { user: [1; 32], organization: [2; 32], expires_at };
        self.stack.store.begin_session(&token, &session).await.unwrap();
        assert!(self.stack.store.take_once(&spent, expires_at).await.unwrap());
    }

    pub(super) async fn assert_sessions(&self, token: [u8; 32], spent: [u8; 32]) {
        let session = self.stack.store.user_session(&token, now()).await.unwrap().unwrap();
        assert_eq!((session.user, session.organization), ([1; 32], [2; 32]));
        let is_first = self.stack.store.take_once(&spent, session.expires_at).await.unwrap();
        assert!(!is_first, "it counts once");
    }
}
