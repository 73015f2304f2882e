//! Queues, a table, schedules and secrets of a run's own.

use crate::table;
use crate::wire::Wire;
use aws::{Clients, Environment};
use serde_json::json;
use std::sync::Arc;

/// What each test makes for itself: connections belong to a test's runtime.
#[derive(Clone)]
pub(crate) struct Stack {
    pub(crate) environment: Environment,
    pub(crate) clients: Clients,
}

impl Stack {
    /// The stack with another storage of secrets.
    pub(crate) fn with_storage(mut self, storage: aws::SecretStorage) -> Self {
        self.environment.secret_storage = storage;
        self
    }

    pub(crate) fn schedules(&self) -> aws::Schedules {
        aws::Schedules::new(self.clients.scheduler.clone(), &self.environment, Arc::new(system::SystemClock))
    }

    pub(crate) fn queue(&self) -> aws::SqsQueue {
        let clock = Arc::new(system::SystemClock);
        aws::SqsQueue::new(self.clients.sqs.clone(), self.schedules(), &self.environment, clock)
    }

    /// Bodies of messages, as many as are wanted; those that are received are gone. Waits for them.
    pub(crate) async fn take(&self, url: &str, count: usize) -> Vec<(String, Option<String>)> {
        let mut taken = Vec::new();
        // Each waits up to five seconds: half a minute.
        for _ in 0..6 {
            let request = self.clients.sqs.receive_message().queue_url(url).wait_time_seconds(5);
            let request = request.max_number_of_messages(10);
            let request = request.message_system_attribute_names("All".into());
            for message in request.send().await.unwrap().messages.unwrap_or_default() {
                let group = message.attributes().and_then(|all| all.get(&"MessageGroupId".into())).cloned();
                let handle = message.receipt_handle().unwrap();
                self.clients.sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
                taken.push((message.body.unwrap(), group));
            }
            if taken.len() >= count {
                break;
            }
        }
        taken
    }
}

/// A stack of the test's own: nothing of it is shared with another test.
pub(crate) async fn stack() -> Stack {
    stack_by(&Wire::new(), &[]).await
}

/// The same, reached in this way and with more variables.
pub(crate) async fn stack_by(wire: &Wire, more: &[(&'static str, String)]) -> Stack {
    let clients = Clients::new(&wire.config());
    let name = format!("test{}", fastrand::u32(..));
    let queue = async |kind: &str| {
        let made = clients.sqs.create_queue().queue_name(format!("{name}-{kind}")).send().await.unwrap();
        made.queue_url.unwrap()
    };
    let secret = async |kind: &str, value: String| {
        let made = clients.secrets.create_secret().name(format!("{name}/{kind}")).secret_string(value);
        made.send().await.unwrap().arn.unwrap()
    };
    clients.scheduler.create_schedule_group().name(&name).send().await.unwrap();
    clients.events.create_event_bus().name(&name).send().await.unwrap();
    let data_key = json!({ "id": "1", "key": "k".repeat(43) }).to_string();
    let given = [
        ("CARILLON_TABLE", table::make(clients.dynamodb.clone()).await),
        ("CARILLON_DELIVERY_QUEUE_URL", queue("delivery").await),
        ("CARILLON_WORK_QUEUE_URL", queue("work").await),
        ("CARILLON_DEAD_LETTER_QUEUE_URL", queue("dead").await),
        ("CARILLON_SCHEDULE_GROUP", name.clone()),
        ("CARILLON_SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/schedules".to_owned()),
        ("CARILLON_POLL_FUNCTION_ARN", "arn:aws:lambda:us-east-1:000000000000:function:poll".to_owned()),
        ("CARILLON_SECRET_PREFIX", format!("{name}/instance/")),
        ("CARILLON_DATA_KEY_SECRET", secret("data-key", data_key).await),
        ("CARILLON_FIRST_ORGANIZATION_SECRET", secret("organization", "first-organization".to_owned()).await),
        ("CARILLON_FIRST_USER_SECRET", secret("user", "first-user".to_owned()).await),
        ("CARILLON_EVENT_BUS", name.clone()),
    ];
    let find = |name: &str| {
        let found = given.iter().chain(more).find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    };
    Stack { environment: Environment::read(find).unwrap(), clients }
}
