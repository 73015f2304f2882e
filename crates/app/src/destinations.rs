//! Where a notification goes: the callback, the host's event bus, or both. What one of them has, it does not get
//! again while the other one is retried.

use crate::context::Context;
use crate::ports::{Notification, PortError, Result, Secrets};
use chrono::{DateTime, Duration, Utc};
use connectors::{HttpError, HttpRequest, HttpResponse, Method, Route};
use domain::callback;
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::delivery::{ANSWER_EXCERPT_BYTES_MAX, Answer, Reached};
use domain::instance::Instance;
use domain::invalid::text_boolean;
use domain::settings::{
    BASIC_PASSWORD, CALLBACK_HEADERS, CALLBACK_URL, EVENT_BUS, Items, SIGNATURE_KEY, SIGNATURE_PREVIOUS_KEY,
    SIGNATURE_PREVIOUS_UNTIL, given,
};
use domain::signature::{
    STANDARD_ID_HEADER, STANDARD_SIGNATURE_HEADER, STANDARD_TIMESTAMP_HEADER, WEBHOOK_ID_HEADER,
    WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TEST_HEADER, sign, sign_standard,
};
use domain::trace::{TRACEPARENT_HEADER, TraceId, traceparent};
use std::error::Error as _;
use std::sync::Arc;

/// A callback's answer is read this far, bytes; the rest is left.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How far the clocks of two processes may be apart, seconds.
const CLOCKS_S: i64 = 5;

/// The outcome of sending.
pub(crate) struct SendOutcome {
    /// The callback's, where it failed or the bus did not; else the bus's failure.
    pub(crate) answer: Answer,
    /// The first bytes of the callback's answer.
    pub(crate) excerpt: String,
    /// The cause of the callback's failure, for the log alone.
    pub(crate) cause: Option<String>,
    pub(crate) reached: Reached,
}

/// Sends a notification that is claimed until then to each destination that does not have it.
pub(crate) async fn send(
    app: &Context,
    notification: &Notification,
    instance: &Instance,
    claimed_until: DateTime<Utc>,
) -> Result<SendOutcome> {
    let mut sent = SendOutcome {
        answer: Answer::Published,
        excerpt: String::new(),
        cause: None,
        reached: notification.reached,
    };
    let wants_bus = wants_bus(instance);
    // Without any destination the missing address is the failure.
    let wants_callback = given(&instance.configuration, CALLBACK_URL).is_some() || !wants_bus;
    if wants_callback && !sent.reached.callback {
        let answered = post(app, notification, instance, claimed_until).await?;
        sent.cause = answered.as_ref().err().and_then(|error| error.source()).map(ToString::to_string);
        (sent.answer, sent.excerpt) = read(answered, app.now());
        sent.reached.callback = matches!(sent.answer, Answer::Status { code: 200..=299, .. });
    }
    let is_failed = wants_callback && !sent.reached.callback;
    if wants_bus && !sent.reached.bus {
        match publish(app, notification).await {
            Ok(()) => sent.reached.bus = true,
            Err(failure) if !is_failed => sent.answer = failure,
            Err(_) => {}
        }
    }
    Ok(sent)
}

/// Time for a callback's answer.
pub(crate) fn timeout(app: &Context) -> Duration {
    Duration::milliseconds(i64::try_from(app.config.callback_timeout_ms).unwrap_or(i64::MAX / 2))
}

/// Whether a post that begins now is over before a claim ends, whoever's clock says so.
pub(crate) fn has_time(app: &Context, claimed_until: DateTime<Utc>) -> bool {
    app.now() + timeout(app) + Duration::seconds(CLOCKS_S) <= claimed_until
}

/// Whether notifications go to the bus.
pub(crate) fn wants_bus(instance: &Instance) -> bool {
    given(&instance.configuration, EVENT_BUS).and_then(text_boolean).unwrap_or(false)
}

async fn publish(app: &Context, notification: &Notification) -> std::result::Result<(), Answer> {
    let Some(bus) = &app.ports.bus else {
        return Err(Answer::NoAnswer("there is no event bus here".to_owned()));
    };
    bus.publish(notification).await.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, event.id = notification.name.event_id, "bus.refused");
        Answer::NoAnswer("the event bus did not take it".to_owned())
    })
}

/// The secrets that a callback needs.
const CALLBACK_SECRETS: [&str; 4] = [SIGNATURE_KEY, CALLBACK_HEADERS, BASIC_PASSWORD, CALLBACK_URL];

/// What says that this is ours; an owner's own header of the same name takes its place.
const USER_AGENT: (&str, &str) = ("user-agent", "carillon");

/// Posts the notification to the callback.
async fn post(
    app: &Context,
    notification: &Notification,
    instance: &Instance,
    claimed_until: DateTime<Utc>,
) -> Result<std::result::Result<HttpResponse, HttpError>> {
    // A callback without any of them costs no look at the vault.
    let secrets = match instance.secret_keys.iter().any(|key| CALLBACK_SECRETS.contains(&key.as_str())) {
        true => app.secrets.of(instance).await?,
        false => Arc::default(),
    };
    let named = (notification.name.event_id.as_str(), notification.body.as_str());
    let bounds = (app.now(), app.config.callback_timeout_ms);
    let own = callback::headers(&instance.configuration, &secrets);
    let mut request = request(&instance.configuration, &secrets, &own, named, bounds, Kind::Event);
    if own.iter().all(|(name, _)| name != TRACEPARENT_HEADER) {
        let event_id = &notification.name.event_id;
        let is_sampled = app.is_sampled(TraceId::of_notification(event_id));
        let value = traceparent(event_id, notification.attempt, is_sampled);
        request.headers.push((TRACEPARENT_HEADER, value));
    }
    // A process may have been stopped since it claimed: the attempt must not be somebody else's before the answer.
    if !has_time(app, claimed_until) {
        return Err(PortError::new("posting a notification", "its claim may run out before an answer"));
    }
    Ok(app.ports.http.send(request).await)
}

/// What a callback is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What happened.
    Event,
    /// What somebody sends to see whether it arrives.
    Test,
}

/// The request that brings a body to a callback, signed for this time, with the headers that its owner adds.
pub(crate) fn request<'a>(
    plain: &Items,
    secrets: &Secrets,
    own: &'a [(String, String)],
    named: (&str, &str),
    (now, timeout_ms): (DateTime<Utc>, u64),
    kind: Kind,
) -> HttpRequest<'a> {
    let mut headers: Vec<(&str, String)> =
        vec![("content-type", "application/json".to_owned()), (WEBHOOK_ID_HEADER, named.0.to_owned())];
    if kind == Kind::Test {
        headers.push((WEBHOOK_TEST_HEADER, "true".to_owned()));
    }
    headers.extend(signatures(plain, secrets, named, now));
    if own.iter().all(|(name, _)| name != USER_AGENT.0) {
        headers.push((USER_AGENT.0, USER_AGENT.1.to_owned()));
    }
    headers.extend(own.iter().map(|(name, value)| (name.as_str(), value.clone())));
    HttpRequest {
        method: Method::Post,
        url: callback::target(plain, secrets),
        headers,
        body: named.1.to_owned().into(),
        timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Callback,
    }
}

/// The headers that sign a body; none without a key.
fn signatures(
    plain: &Items,
    secrets: &Secrets,
    (id, body): (&str, &str),
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let Some(key) = secrets.get(SIGNATURE_KEY) else { return Vec::new() };
    let until = given(plain, SIGNATURE_PREVIOUS_UNTIL).and_then(|until| parse_rfc3339(until, Zone::UTC));
    let former = secrets.get(SIGNATURE_PREVIOUS_KEY).filter(|_| until.is_some_and(|until| now < until));
    let keys: Vec<&str> = std::iter::once(key).chain(former).map(String::as_str).collect();
    let (timestamp_s, body) = (now.timestamp(), body.as_bytes());
    vec![
        (WEBHOOK_SIGNATURE_HEADER, sign(key, body)),
        (STANDARD_ID_HEADER, id.to_owned()),
        (STANDARD_TIMESTAMP_HEADER, timestamp_s.to_string()),
        (STANDARD_SIGNATURE_HEADER, sign_standard(&keys, id, timestamp_s, body)),
    ]
}

fn read(answered: std::result::Result<HttpResponse, HttpError>, now: DateTime<Utc>) -> (Answer, String) {
    match answered {
        Ok(response) => {
            let retry_after_s = response.retry_after_s(now);
            let bytes = &response.body[..response.body.len().min(ANSWER_EXCERPT_BYTES_MAX)];
            let excerpt = String::from_utf8_lossy(bytes).into_owned();
            (Answer::Status { code: response.status, retry_after_s }, excerpt)
        }
        Err(HttpError::RefusedAddress) => (Answer::RefusedAddress, String::new()),
        Err(error) => (Answer::NoAnswer(error.to_string()), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(pairs: &[(&str, &str)]) -> Items {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_former_key_signs_until_its_time() {
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        let plain = items(&[(SIGNATURE_PREVIOUS_UNTIL, "2026-11-22T12:00:01Z")]);
        let secrets = items(&[(SIGNATURE_KEY, "new"), (SIGNATURE_PREVIOUS_KEY, "old")]);
        let signed = |now| signatures(&plain, &secrets, ("id", "{}"), now);
        let second = now + chrono::Duration::seconds(1);
        let both = sign_standard(&["new", "old"], "id", now.timestamp(), b"{}");
        let one = sign_standard(&["new"], "id", second.timestamp(), b"{}");
        assert_eq!(
            signed(now),
            [
                ("elements-webhook-signature", sign("new", b"{}")),
                ("webhook-id", "id".to_owned()),
                ("webhook-timestamp", "1795348800".to_owned()),
                ("webhook-signature", both),
            ]
        );
        assert_eq!(signed(second)[3], ("webhook-signature", one));
        assert!(signatures(&plain, &Secrets::new(), ("id", "{}"), now).is_empty());
    }
}
