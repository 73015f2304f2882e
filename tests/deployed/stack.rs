//! The stack under test, as the variables of `tests/deployed/stack` describe it.

use async_trait::async_trait;
use aws::{Clients, Environment, QueueAddress};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target as ScheduleTarget,
};
use aws_sdk_sqs::types::QueueAttributeName;
use chrono::{Duration, Utc};
use scenarios::{Client, Outside, Platform, until};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::sync::mpsc;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// A stack that is deployed, with this process as its outside.
pub(crate) struct Stack {
    pub(crate) environment: Environment,
    pub(crate) aws: Clients,
    client: Client,
    admin_key: String,
}

pub(crate) async fn platform() -> Stack {
    let environment = Environment::read(variable).unwrap();
    let aws = Clients::for_an_operator(&environment).await;
    let given = |name| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
    let client = Client::new(
        &given("CARILLON_TEST_API_URL"),
        &given("CARILLON_TEST_USER_SECRET"),
        &given("CARILLON_TEST_ORGANIZATION_SECRET"),
    );
    outside();
    let stack = Stack { environment, aws, client, admin_key: given("CARILLON_TEST_ADMIN_KEY") };
    static HURRIED: OnceCell<()> = OnceCell::const_new();
    HURRIED.get_or_init(|| stack.hurry()).await;
    stack
}

#[allow(clippy::disallowed_methods)] // the one place that reads where the stack is
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The doubles, on a runtime that outlives every test's.
fn outside() -> &'static Outside {
    static OUTSIDE: OnceLock<Outside> = OnceLock::new();
    OUTSIDE.get_or_init(|| {
        let addresses = variable("CARILLON_TEST_LISTEN").unwrap_or_default();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            Runtime::new().unwrap().block_on(async move {
                let addresses = addresses.split_whitespace().filter_map(|one| one.split_once('='));
                let outside = Outside::start_at(&addresses.collect()).await;
                outside.lead_to(&variable("CARILLON_TEST_API_URL").unwrap_or_default());
                sender.send(outside).unwrap();
                std::future::pending::<()>().await;
            });
        });
        receiver.recv().unwrap()
    })
}

/// After so many seconds a message that failed comes back, and after so many failures it is a dead letter. The
/// template's own figures make that an hour. Longer than the claim of an attempt: a message that comes back while
/// the attempt is claimed is done, and another one comes at the end of the claim.
const VISIBILITY_S: u32 = 50;
const RECEIVES_COUNT_MAX: u32 = 2;

impl Stack {
    async fn hurry(&self) {
        self.set_queues(VISIBILITY_S, RECEIVES_COUNT_MAX).await;
    }

    /// After so many seconds a message that is not done with comes again, and so many times.
    pub(crate) async fn set_queues(&self, visibility_s: u32, receives_count_max: u32) {
        let redrive = json!({
            "deadLetterTargetArn": self.environment.dead_letter_queue.arn,
            "maxReceiveCount": receives_count_max,
        });
        for queue in [&self.environment.delivery_queue, &self.environment.work_queue] {
            let request = self.aws.sqs.set_queue_attributes().queue_url(&queue.url);
            let request = request.attributes(QueueAttributeName::VisibilityTimeout, visibility_s.to_string());
            let request = request.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
            request.send().await.unwrap();
        }
    }

    /// Sends a message as it is.
    pub(crate) async fn send(&self, queue: &QueueAddress, body: &Value) {
        let request = self.aws.sqs.send_message().queue_url(&queue.url).message_body(body.to_string());
        request.send().await.unwrap();
    }

    /// Bodies in a queue, without taking them.
    pub(crate) async fn look_into(&self, queue_url: &str) -> Vec<String> {
        let request = self.aws.sqs.receive_message().queue_url(queue_url);
        let received = request.max_number_of_messages(10).visibility_timeout(0).send().await.unwrap();
        let messages = received.messages.unwrap_or_default().into_iter();
        messages.map(|one| one.body.unwrap()).collect()
    }

    /// What `carillon admin --aws` prints, as JSON lines.
    pub(crate) async fn admin(&self, words: &str) -> Vec<Value> {
        let mut command = tokio::process::Command::new(variable("CARILLON_TEST_PROGRAM").unwrap());
        command.args(["admin", "--aws", "--json"]).args(words.split(' '));
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Schedules a poll of an instance, once, at that time.
    async fn schedule_poll(&self, instance: u64, at: chrono::DateTime<Utc>) -> String {
        let name = format!("test-{instance}-{:08x}", fastrand::u32(..));
        let target = ScheduleTarget::builder()
            .arn(&self.environment.poll_function_arn)
            .role_arn(&self.environment.schedule_role_arn)
            .input(json!({ "Poll": instance }).to_string());
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
        let request = self.aws.scheduler.create_schedule().name(&name);
        let request = request.group_name(&self.environment.schedule_group).target(target.build().unwrap());
        let request = request.schedule_expression(format!("at({})", at.format("%Y-%m-%dT%H:%M:%S")));
        let request = request.flexible_time_window(window.build().unwrap());
        request.action_after_completion(ActionAfterCompletion::Delete).send().await.unwrap();
        name
    }

    /// Two schedules of the same moment, without a wait for them.
    pub(crate) async fn tick_twice(&self, instance: u64) -> [String; 2] {
        #[allow(clippy::disallowed_methods)] // the stack lives in real time
        let at = Utc::now() + Duration::seconds(1);
        [self.schedule_poll(instance, at).await, self.schedule_poll(instance, at).await]
    }

    async fn has_any_schedule(&self, names: &[String]) -> bool {
        for name in names {
            if self.has_schedule(name).await {
                return true;
            }
        }
        false
    }

    async fn has_schedule(&self, name: &str) -> bool {
        let request = self.aws.scheduler.get_schedule().group_name(&self.environment.schedule_group);
        match request.name(name).send().await {
            Ok(_) => true,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                false
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(crate) fn secret_of(&self, instance: u64) -> String {
        format!("{}{instance}", self.environment.secret_prefix)
    }

    async fn has_secret(&self, instance: u64) -> bool {
        let request = self.aws.secrets.get_secret_value().secret_id(self.secret_of(instance));
        match request.send().await {
            Ok(_) => true,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                false
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Sort keys of a partition.
    pub(crate) async fn keys(&self, partition: &str) -> Vec<String> {
        let request = self.aws.dynamodb.query().table_name(&self.environment.table);
        let request = request.key_condition_expression("pk = :pk");
        let request = request.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let rows = request.consistent_read(true).send().await.unwrap().items.unwrap_or_default();
        rows.iter().map(|row| row["sk"].as_s().unwrap().clone()).collect()
    }
}

#[async_trait(?Send)]
impl Platform for Stack {
    fn outside(&self) -> &Outside {
        outside()
    }

    fn client(&self) -> &Client {
        &self.client
    }

    fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// Two schedules of the same moment.
    async fn start_twice(&self, instance: u64) {
        let names = self.tick_twice(instance).await;
        until("schedules of the test fire", async || (!self.has_any_schedule(&names).await).then_some(()))
            .await;
    }

    async fn leftovers(&self, instance: u64) -> Vec<String> {
        let mut found = Vec::new();
        if self.has_schedule(&instance.to_string()).await {
            found.push("its schedule".to_owned());
        }
        if self.has_secret(instance).await {
            found.push("its secret".to_owned());
        }
        for partition in [format!("I#{instance}"), format!("N#{instance}"), format!("B#{instance}")] {
            let keys = self.keys(&partition).await;
            found.extend(keys.into_iter().map(|key| format!("the row {partition} {key}")));
        }
        found
    }
}
