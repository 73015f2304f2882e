//! What the interface says of itself.

use crate::document::{BASE_PATH, Operation};
use crate::organization::text;
use crate::{Callback, Client, Mailbox, Organization, Platform, Reply, until, with};
use serde_json::{Value, json};

/// A parameter that is needed unless another takes its place.
const NEEDED_BUT_FOR_ANOTHER: &str = "apiKey";

/// What stands for the parameters of paths: everything of one mailbox that was told of one message.
struct PathIds {
    organization: String,
    account: String,
    instance: String,
    event: String,
    number: String,
    subscription: String,
    backfill: String,
    bulk: String,
    message: String,
}

impl PathIds {
    async fn of(client: &Client, organization: u64, instance: u64, message: &str) -> Self {
        let path = format!("/instances/{instance}");
        let event = until("the log has the event", async || {
            client.list("/instances/events").await.into_iter().next()
        })
        .await;
        let from = text(&client.get(&path).await, "createdDate");
        let backfill = client.done("POST", &format!("{path}/backfill"), &json!({ "from": from })).await;
        let tag = json!({ "action": "tag", "ids": [instance], "addTags": ["Described"] });
        let bulk = text(&client.done("POST", "/instances/bulk", &tag).await, "id");
        let application = json!({ "name": "mail", "connector": "gmail", "apiKey": "k", "apiSecret": "s" });
        client.done("POST", "/applications", &application).await;
        let users = client.list(&format!("/organizations/{organization}/users")).await;
        PathIds {
            organization: organization.to_string(),
            account: users[0]["accountId"].to_string(),
            instance: instance.to_string(),
            event: text(&event, "id"),
            number: event["notificationId"].to_string(),
            subscription: client.get(&path).await["subscriptionId"].to_string(),
            backfill: text(&backfill, "id"),
            bulk,
            message: message.to_owned(),
        }
    }

    fn filled(&self, template: &str) -> String {
        let id = match template.trim_start_matches(BASE_PATH).split('/').nth(1) {
            Some("organizations") => &self.organization,
            Some("accounts") => &self.account,
            _ => &self.instance,
        };
        let known = [
            ("{id}", id.as_str()),
            ("{element}", "gmail"),
            ("{event}", &self.event),
            ("{number}", &self.number),
            ("{subscription}", &self.subscription),
            ("{backfill}", &self.backfill),
            ("{bulk}", &self.bulk),
            ("{item}", "event.poller.refresh_interval"),
            ("{hub}", "general"),
            ("{resource}", "messages"),
            ("{object}", &self.message),
            ("{child}", "attachments"),
            ("{part}", "1"),
            ("{name}", "mail"),
            ("{rest}", "anything/at/all"),
        ];
        let path = known.iter().fold(template.to_owned(), |path, (name, value)| path.replace(name, value));
        assert!(!path.contains('{'), "{template} has a parameter that nobody knows");
        path
    }
}

/// A call of an operation with these parameters, each at the value that the document shows.
async fn ask(client: &Client, path: &str, parameters: &[&Value]) -> Reply {
    let shown = |parameter: &Value| match &parameter["example"] {
        Value::String(text) => text.clone(),
        Value::Array(items) => items[0].as_str().unwrap().to_owned(),
        other => other.to_string(),
    };
    let pairs: Vec<(String, String)> = parameters.iter().map(|one| (text(one, "name"), shown(one))).collect();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.call_at("GET", &with(path, &pairs), &Value::Null).await
}

fn is_required(parameter: &Value) -> bool {
    parameter["required"] == true
}

/// All that can be read is read, bare and with each of its parameters, and answered as it is described. No list of
/// calls stands here: a new one is read without a change, unless its path has a parameter that nobody knows.
pub async fn every_reading_call_answers_as_it_is_described(platform: &dyn Platform) {
    let outside = platform.outside();
    let Organization { client, id: organization, .. } = Organization::new(platform).await;
    let (mailbox, callback) = (Mailbox::gmail(outside, "described"), Callback::new(outside, "described"));
    let instance = client.connect(&mailbox, &callback).await;
    let message = mailbox.deliver();
    outside.providers.google.attach(
        mailbox.address(),
        &message.object,
        "report.pdf",
        "application/pdf",
        4_096,
    );
    client.poll_well(instance.id).await;
    callback.wait_for(std::slice::from_ref(&message)).await;
    let known = PathIds::of(&client, organization, instance.id, &message.object).await;
    let all = format!("{}, Element {}", client.authorization(), instance.token);
    let all = client.authorized(&all);
    let reads: Vec<Operation<'_>> =
        client.document().await.operations().filter(|one| one.method == "get").collect();
    assert!(reads.len() > 40, "only {} calls are described", reads.len());
    let mut refused = Vec::new();
    for operation in reads {
        let path = known.filled(operation.path);
        let (required, others): (Vec<&Value>, Vec<&Value>) =
            operation.parameters().partition(|one| is_required(one) || one["name"] == NEEDED_BUT_FOR_ANOTHER);
        let reply = ask(&all, &path, &required).await;
        if reply.status != 200 {
            reply.refused(reply.status);
            refused.push((operation.path.trim_start_matches(BASE_PATH), reply.status));
        }
        for parameter in others {
            let reply = ask(&all, &path, &[&required[..], &[parameter]].concat()).await;
            assert!(reply.status < 500, "{path} with {}: {}", parameter["name"], reply.body);
        }
    }
    // It wants the administrator.
    assert_eq!(refused, [("/organizations", 403)]);
}

/// Callbacks of others that point here are taken, and nothing follows; nobody needs to be known for that, nor to see
/// that the service is up.
pub async fn callbacks_that_point_here_are_taken(platform: &dyn Platform) {
    let stranger = platform.client().authorized("");
    for path in ["/events", "/events/", "/events/gmail", "/events/gmail/and/more"] {
        for method in ["GET", "POST"] {
            stranger.done(method, path, &json!({ "message": "whatever" })).await;
        }
    }
    assert_eq!(stranger.call_at("GET", "/health", &Value::Null).await.body["status"], "ok");
    stranger.refused("GET", "/instances", &Value::Null, 401).await;
}
