//! The event log, what became of events, how many there were, and the notifications they were told in.

mod analytics;
mod deliveries;
mod life;
mod log;

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Three notifications of each of two instances, a minute between them: created, updated, deleted.
struct TwoLogs {
    gmail: InstanceId,
    outlook: InstanceId,
    /// The object of the Gmail instance.
    mail: String,
    began_at: DateTime<Utc>,
}

async fn told(world: &World) -> TwoLogs {
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let began_at = world.now();
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let other = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    for step in 0..3 {
        world.clock.advance(Duration::minutes(1));
        match step {
            1 => assert!(
                world.google.trash(GMAIL_USER, &mail) && world.microsoft.mark_read(OUTLOOK_USER, &other)
            ),
            2 => assert!(world.google.purge(GMAIL_USER, &mail) && world.microsoft.flag(OUTLOOK_USER, &other)),
            _ => {}
        }
        world.poll(gmail).await;
        world.poll(outlook).await;
    }
    world.clock.advance(Duration::minutes(1));
    TwoLogs { gmail, outlook, mail, began_at }
}

/// The kinds of events in a record of the log.
fn kinds(record: &Value) -> Vec<String> {
    let body: Value = serde_json::from_str(record["providerData"].as_str().unwrap()).unwrap();
    let events = body["message"]["events"].as_array().unwrap();
    events.iter().map(|event| event["eventType"].as_str().unwrap().to_owned()).collect()
}

/// The ids of the records of a list.
fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The list in pages of this size, put together; every page but the last is full.
async fn paged(world: &World, path: &str, size: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut next = format!("{path}{sign}pageSize={size}");
    for _ in 0..100 {
        let reply = world.call("GET", &next, &Value::Null).await;
        assert_eq!(reply.status, 200, "{next}: {}", reply.body);
        let page = reply.body.as_array().unwrap().clone();
        assert_eq!(reply.headers["elements-returned-count"], page.len().to_string());
        all.extend(page.clone());
        let Some(token) = reply.headers.get("elements-next-page-token") else { return all };
        assert_eq!(page.len(), size, "only the last page is short");
        next = format!("{path}{sign}pageSize={size}&nextPage={}", token.to_str().unwrap());
    }
    panic!("{path} has no last page");
}

fn dates(list: &[Value]) -> Vec<&Value> {
    list.iter().map(|one| &one["eventDate"]).collect()
}

/// A path that is refused, with these words.
async fn assert_bad(world: &World, path: &str, words: &[&str]) {
    let reply = world.call("GET", path, &Value::Null).await;
    reply.assert_refused(400);
    let message = reply.body["message"].as_str().unwrap();
    assert!(words.iter().all(|word| message.contains(word)), "{path}: {message}");
}

fn instance_ids(list: &[Value]) -> Vec<Value> {
    list.iter().map(|one| json!(one["instanceId"])).collect()
}
