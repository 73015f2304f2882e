//! Push by Gmail's watch, which publishes to a topic of Pub/Sub in the project of the OAuth client.
//!
//! <https://developers.google.com/workspace/gmail/api/guides/push>

use super::Gmail;
use super::cursor::{Cursor, HistoryId};
use super::descriptor::{DESCRIPTOR, KEYS, PUBSUB};
use super::error::classify;
use crate::error::{Error, ErrorKind};
use crate::google::{self, id_token, pubsub, service_account};
use crate::http::{Http, HttpResponse};
use crate::push::{
    Addressee, Arrival, Forged, Notice, NoticeKind, Proof, PullSource, Pulled, Push, PushRequest,
    WatchRequest,
};
use crate::{Call, Endpoint, values};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::digest64;
use domain::invalid::Invalid;
use domain::push::{Target, Watch};
use domain::resource::ResourceConfig;
use domain::settings::{PUSH_ACCOUNT, PUSH_KEY, PUSH_SUBSCRIPTION, PUSH_TOPIC, PushSettings};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a watch of another topic is refused with, and one that is renewed twice at a time.
const ANOTHER_CLIENT: &str = "Only one user push notification client allowed per developer";

#[async_trait]
impl Push for Gmail {
    fn check(&self, settings: &PushSettings, key: Option<&str>) -> Vec<Invalid> {
        let mut errors = Vec::new();
        let mut refuse = |key: &str, rule: &str| errors.push(Invalid::new(key, rule));
        if settings.topic.as_deref().is_some_and(|topic| !is_name(topic, "topics")) {
            refuse(PUSH_TOPIC, "must be as `projects/my-project/topics/my-topic`");
        }
        if settings.subscription.as_deref().is_some_and(|name| !is_name(name, "subscriptions")) {
            refuse(PUSH_SUBSCRIPTION, "must be as `projects/my-project/subscriptions/my-subscription`");
        }
        if settings.account.as_deref().is_some_and(|account| !account.contains('@')) {
            refuse(PUSH_ACCOUNT, "must be the e-mail address of a service account");
        }
        match (settings.subscription.is_some(), key) {
            (true, None) => refuse(PUSH_KEY, "is required with `event.vendor.push.subscription`"),
            (_, Some(key)) => {
                if let Err(rule) = service_account::Key::read(key) {
                    refuse(PUSH_KEY, rule);
                }
            }
            (false, None) => {}
        }
        errors
    }

    fn targets(&self, settings: &PushSettings, resources: &[ResourceConfig]) -> Result<Vec<Target>, String> {
        let Some(topic) = &settings.topic else {
            return Err(format!("`{PUSH_TOPIC}` is not given: the topic that Google publishes to"));
        };
        if settings.subscription.is_none() && settings.account.is_none() {
            return Err(format!(
                "neither `{PUSH_SUBSCRIPTION}`, to pull from, nor `{PUSH_ACCOUNT}`, which signs what is pushed, is given"
            ));
        }
        Ok(vec![Target { name: topic.clone(), parts: labels(resources) }])
    }

    fn needs_public_url(&self, settings: &PushSettings) -> bool {
        settings.subscription.is_none()
    }

    async fn watch(&self, call: &Call<'_>, request: &WatchRequest<'_>) -> Result<Watch, Error> {
        match begin(call, request).await {
            Err(error) if error.kind == ErrorKind::ObjectRefused => {
                // Of another topic, which was ours before, or of somebody who took it from us.
                stop(call).await?;
                begin(call, request).await
            }
            begun => begun,
        }
    }

    async fn unwatch(&self, call: &Call<'_>, _watch: &Watch) -> Result<(), Error> {
        stop(call).await
    }

    fn has_one_watch(&self) -> bool {
        true
    }

    fn read(&self, request: &PushRequest<'_>) -> Arrival {
        let token = request.authorization.and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let proof = token.map_or(Proof::None, |(_, token)| Proof::Token(token.trim().to_owned()));
        let delivery = serde_json::from_slice::<pubsub::Delivery>(request.body).ok();
        match delivery.and_then(|delivery| notice(&delivery.message, proof)) {
            Some(notice) => Arrival::Notices(vec![notice]),
            None => Arrival::Unreadable,
        }
    }

    fn keys(&self) -> Option<&'static Endpoint> {
        Some(&KEYS)
    }

    fn signer(
        &self,
        token: &str,
        keys: &Value,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Forged> {
        id_token::signer(token, keys, audience, now)
    }

    fn source(&self, settings: &PushSettings, key: Option<&str>) -> Option<PullSource> {
        let subscription = settings.subscription.clone()?;
        Some(PullSource { subscription, key_digest: digest64(&[key?.as_bytes()]) })
    }

    async fn pull_token(
        &self,
        http: &dyn Http,
        url: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<(String, u32), Error> {
        let key = service_account::Key::read(key).map_err(|rule| {
            Error::new(ErrorKind::Rejected, format!("the stored key of the service account {rule}"))
        })?;
        key.token(http, url, pubsub::SCOPE, now).await
    }

    async fn pull(&self, call: &Call<'_>, subscription: &str) -> Result<Vec<Pulled>, Error> {
        let received = pubsub::pull(call, subscription).await?;
        let pulled = |one: pubsub::PulledMessage| Pulled {
            notice: notice(&one.message, Proof::Pulled),
            receipt: one.ack_id,
        };
        Ok(received.into_iter().map(pulled).collect())
    }

    async fn acknowledge(
        &self,
        call: &Call<'_>,
        subscription: &str,
        receipts: &[String],
    ) -> Result<(), Error> {
        pubsub::acknowledge(call, subscription, receipts).await
    }

    fn pull_endpoints(&self) -> Option<(&'static Endpoint, &'static Endpoint)> {
        Some((DESCRIPTOR.authentication.token()?, &PUBSUB))
    }

    fn covers(&self, cursor: &Value, position: u64) -> Option<bool> {
        Cursor::from_value(cursor).ok().map(|cursor| cursor.has_taken(HistoryId(position.into())))
    }
}

/// Whether it is `projects/…/<kind>/…`.
fn is_name(text: &str, kind: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+%:".contains(&byte))
    };
    matches!(parts.as_slice(), ["projects", project, found, name] if *found == kind && is_word(project) && is_word(name))
}

/// The labels that all polled messages have one of, as the conditions say; none where they do not.
fn labels(resources: &[ResourceConfig]) -> BTreeSet<String> {
    let never = DateTime::UNIX_EPOCH;
    let mut labels = BTreeSet::new();
    for resource in resources {
        let Ok(read) = resource.read_at(never, never) else { return BTreeSet::new() };
        let own = values::required(&read.conditions, "labelIds");
        if own.is_empty() {
            return BTreeSet::new();
        }
        labels.extend(own.into_iter().map(str::to_owned));
    }
    labels
}

async fn begin(call: &Call<'_>, request: &WatchRequest<'_>) -> Result<Watch, Error> {
    let mut body = json!({ "topicName": request.target });
    if !request.parts.is_empty() {
        body["labelIds"] = request.parts.iter().cloned().collect();
        body["labelFilterBehavior"] = "include".into();
    }
    let reply = google::post(call, "gmail/v1/users/me/watch", &body, of_watch).await?;
    let until = match &reply["expiration"] {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    };
    let until = until.and_then(DateTime::from_timestamp_millis);
    let until = until.ok_or_else(|| Error::malformed("watch", "it has no expiration"))?;
    Ok(Watch { state: json!({ "topic": request.target }), until })
}

/// Google tells by its text alone that a watch stands in the way: what is refused is this watch, and nothing else.
fn of_watch(response: &HttpResponse, now: DateTime<Utc>) -> Error {
    let mut error = classify(response, now);
    if response.status == 400 && String::from_utf8_lossy(&response.body).contains(ANOTHER_CLIENT) {
        error.kind = ErrorKind::ObjectRefused;
    }
    error
}

async fn stop(call: &Call<'_>) -> Result<(), Error> {
    google::post(call, "gmail/v1/users/me/stop", &json!({}), classify).await.map(drop)
}

fn notice(message: &pubsub::Message, proof: Proof) -> Option<Notice> {
    let document = message.document()?;
    let position = match &document["historyId"] {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    Some(Notice {
        addressee: Addressee::Identity(document["emailAddress"].as_str()?.to_ascii_lowercase()),
        proof,
        watch: None,
        news: NoticeKind::Changed,
        position,
    })
}
