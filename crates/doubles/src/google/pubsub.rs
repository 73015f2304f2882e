//! Pub/Sub over HTTP: pulling, acknowledging, the key set, and the requests that push.

use std::pin::pin;
use std::time::Duration;

use serde_json::{Value, json};

use super::push::{Parcel, Push, Subscription};
use super::{Google, World, error};
use crate::call::Call;
use crate::push::{Outcome, Ring};
use crate::reply::Reply;

/// Seconds of a deadline at the most; 0 gives a message back.
const DEADLINE_S_MAX: i64 = 600;

impl Google {
    /// `/v1/projects/{project}/subscriptions/{subscription}[:verb]`.
    pub(super) fn pubsub(&self, call: &Call) -> Reply {
        let now_us = self.0.front.clock.now_us();
        let push = &mut self.world().push;
        subscribed(push, call, now_us).unwrap_or_else(|refusal| refusal)
    }

    /// The key set of tokens that push messages carry.
    pub(super) fn key_set(&self) -> Reply {
        let reply = Reply::json(200, &self.world().push.key_set());
        reply.with_header(http::header::CACHE_CONTROL, "public, max-age=21600, must-revalidate, no-transform")
    }

    /// Lets a pull wait for a message, in real time.
    pub(super) async fn wait_for_message(&self, call: &Call) {
        let arrived = std::sync::Arc::clone(&self.world().push.arrived);
        let began_us = self.0.front.clock.now_us();
        loop {
            let mut notified = pin!(arrived.notified());
            notified.as_mut().enable();
            let now_us = self.0.front.clock.now_us();
            let wait_us = {
                let push = &mut self.world().push;
                let end_us = began_us + push.pull_wait_us;
                let Ok((_, subscription, "pull")) = place(push, call, now_us) else { return };
                end_us.min(subscription.next_us().unwrap_or(end_us)) - now_us
            };
            if wait_us <= 0 {
                return;
            }
            let wait = Duration::from_micros(wait_us.unsigned_abs());
            let _ = tokio::time::timeout(wait, notified).await;
        }
    }

    /// The next request that is due, as what sends it.
    pub(crate) fn next_ring(&self) -> Option<Ring> {
        let now_us = self.0.front.clock.now_us();
        let parcel = self.world().push.take(now_us)?;
        let google = self.clone();
        Some(Box::pin(async move { google.send_parcel(parcel).await }))
    }

    async fn send_parcel(&self, parcel: Parcel) {
        let (clock, way) = (&self.0.front.clock, self.world().push.way.clone());
        let outcome: Outcome = way.post(clock, parcel.outgoing.clone(), parcel.timeout_us).await;
        let World { push, .. } = &mut *self.world();
        push.settle(parcel, &outcome, clock.now_us());
    }
}

/// The subscription that a call is about, with its name, and what to do with it.
fn place<'a, 'b>(
    push: &'a mut Push,
    call: &'b Call,
    now_us: i64,
) -> Result<(String, &'a mut Subscription, &'b str), Reply> {
    push.admit(call.bearer(), now_us).map_err(|denial| match denial {
        super::push::Denial::Unauthorized => error::unauthorized(),
        super::push::Denial::Forbidden => error::forbidden("User not authorized to perform this action."),
    })?;
    push.forget_idle(now_us);
    let path = call.uri.path().trim_start_matches("/v1/");
    let (name, verb) = path.split_once(':').unwrap_or((path, ""));
    let short = name.rsplit('/').next().unwrap_or_default();
    match push.subscriptions.get_mut(name) {
        Some(subscription) => Ok((name.to_owned(), subscription, verb)),
        None => Err(error::not_found_with(&format!("Resource not found (resource={short})."))),
    }
}

fn subscribed(push: &mut Push, call: &Call, now_us: i64) -> Result<Reply, Reply> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let ack_ids: Vec<&str> =
        body["ackIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rng = push.rng.fork();
    let (name, subscription, verb) = place(push, call, now_us)?;
    match (call.method.as_str(), verb) {
        ("GET", "") => Ok(Reply::json(200, &shown(&name, subscription))),
        ("POST", "pull") => {
            let count_max = body["maxMessages"].as_u64().and_then(|count| usize::try_from(count).ok());
            let Some(count_max) = count_max.filter(|count| *count > 0) else {
                return Err(error::invalid_argument("You have passed an invalid argument (maxMessages)."));
            };
            if subscription.endpoint.is_some() {
                let message = "This method is not supported for this subscription type.";
                return Err(error::api(400, "global", "failedPrecondition", message));
            }
            let pulled = subscription.pull(count_max, now_us, &mut rng);
            Ok(Reply::json(
                200,
                &if pulled.is_empty() { json!({}) } else { json!({ "receivedMessages": pulled }) },
            ))
        }
        ("POST", "acknowledge" | "modifyAckDeadline") if ack_ids.is_empty() => {
            Err(error::invalid_argument("No ack ids specified."))
        }
        ("POST", "acknowledge") => {
            subscription.acknowledge(&ack_ids, now_us);
            Ok(Reply::json(200, &json!({})))
        }
        ("POST", "modifyAckDeadline") => {
            let seconds = body["ackDeadlineSeconds"].as_i64().unwrap_or(-1);
            if !(0..=DEADLINE_S_MAX).contains(&seconds) {
                return Err(error::invalid_argument("Invalid ack deadline given."));
            }
            subscription.modify(&ack_ids, seconds, now_us);
            push.arrived.notify_waiters();
            Ok(Reply::json(200, &json!({})))
        }
        _ => Err(error::no_such_path()),
    }
}

fn shown(name: &str, subscription: &Subscription) -> Value {
    let push = match &subscription.endpoint {
        None => json!({}),
        Some(endpoint) => json!({
            "pushEndpoint": endpoint.url,
            "oidcToken": { "serviceAccountEmail": endpoint.account, "audience": endpoint.audience },
        }),
    };
    json!({
        "name": name,
        "topic": subscription.topic,
        "pushConfig": push,
        "ackDeadlineSeconds": subscription.ack_deadline_s,
        "messageRetentionDuration": "604800s",
        "expirationPolicy": if subscription.never_expires { json!({}) } else { json!({ "ttl": "2678400s" }) },
        "state": "ACTIVE",
    })
}
