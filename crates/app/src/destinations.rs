//! Where a notification goes: the callback, the host's event bus, or both. What one of them has, it does not get
//! again while the other one is retried.

use crate::app::Inner;
use crate::ports::{Notification, Result};
use connectors::{HttpError, HttpRequest, HttpResponse, Method, Route};
use domain::delivery::{ANSWER_EXCERPT_BYTES_MAX, Answer, Reached};
use domain::instance::Instance;
use domain::invalid::text_boolean;
use domain::settings::{CALLBACK_URL, EVENT_BUS, SIGNATURE_KEY, given};
use domain::signature::{WEBHOOK_ID_HEADER, WEBHOOK_SIGNATURE_HEADER, sign};

/// A callback's answer is read this far, bytes; the rest is left.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What came of sending.
pub(crate) struct Sent {
    /// The callback's, where it failed or the bus did not; else the bus's failure.
    pub(crate) answer: Answer,
    /// The first bytes of the callback's answer.
    pub(crate) excerpt: String,
    pub(crate) reached: Reached,
}

/// Sends a notification to each destination that does not have it.
pub(crate) async fn send(app: &Inner, notification: &Notification, instance: &Instance) -> Result<Sent> {
    let mut sent = Sent { answer: Answer::Published, excerpt: String::new(), reached: notification.reached };
    let wants_bus = wants_bus(instance);
    // Without any destination the missing address is the failure.
    let wants_callback = given(&instance.configuration, CALLBACK_URL).is_some() || !wants_bus;
    if wants_callback && !sent.reached.callback {
        let request = request(app, notification, instance).await?;
        let answered = app.ports.http.send(request).await;
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

/// Whether notifications go to the bus.
pub(crate) fn wants_bus(instance: &Instance) -> bool {
    given(&instance.configuration, EVENT_BUS).and_then(text_boolean).unwrap_or(false)
}

async fn publish(app: &Inner, notification: &Notification) -> std::result::Result<(), Answer> {
    let Some(bus) = &app.ports.bus else {
        return Err(Answer::NoAnswer("there is no event bus here".to_owned()));
    };
    bus.publish(notification).await.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, notification.id = notification.name.id, "bus.refused");
        Answer::NoAnswer("the event bus did not take it".to_owned())
    })
}

async fn request(app: &Inner, notification: &Notification, instance: &Instance) -> Result<HttpRequest> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "carillon".to_owned()),
        (WEBHOOK_ID_HEADER, notification.name.event_id.clone()),
    ];
    if instance.secret_keys.iter().any(|key| key == SIGNATURE_KEY) {
        let secrets = app.secrets_of(instance).await?;
        if let Some(key) = secrets.get(SIGNATURE_KEY) {
            headers.push((WEBHOOK_SIGNATURE_HEADER, sign(key, notification.body.as_bytes())));
        }
    }
    Ok(HttpRequest {
        method: Method::Post,
        url: instance.configuration.get(CALLBACK_URL).cloned().unwrap_or_default(),
        headers,
        body: notification.body.clone().into(),
        timeout_ms: app.config.callback_timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Callback,
    })
}

fn read(
    answered: std::result::Result<HttpResponse, HttpError>,
    now: chrono::DateTime<chrono::Utc>,
) -> (Answer, String) {
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
