//! A test of a callback: one event that is marked as a test, sent and signed like every other, before anything is stored
//! or at any time after. It is sent once; what came of it goes to whoever asked and to nowhere else.

use super::{Refusal, credentials};
use crate::access;
use crate::audit::By;
use crate::context::Context;
use crate::destinations;
use crate::ports::{Counted, Secrets};
use connectors::HttpError;
use domain::address::is_plain_http;
use domain::callback;
use domain::envelope::{self, Sender};
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};
use domain::invalid::Invalid;
use domain::settings::{self, CALLBACK_URL, Items, SIGNATURE_KEY, given};
use serde_json::json;
use std::sync::Arc;

/// Keys of what belongs to a callback begin so.
const OF_CALLBACKS: &str = "event.notification.";
/// Whoever waits for the answer sits before a page, ms.
const TIMEOUT_MS: u64 = 10_000;
/// What the audit record calls it.
const TESTED: &str = "callback.tested";
/// Tests of an organization in a minute: a person tries again and again, a program that tests addresses of others gets
/// nowhere.
const TESTS_PER_MINUTE: u32 = 10;

/// What a test is sent to.
pub(crate) enum TestTarget {
    /// The callback of an instance, as it is configured.
    Stored(Box<Instance>),
    /// What is not stored yet.
    Given(Items),
}

/// How it went. The body of the answer is left out: a test must not read what only the callback's owner may read.
pub(crate) struct TestedCallback {
    pub(crate) event_id: String,
    pub(crate) status: Option<u16>,
    /// Why there was no answer.
    pub(crate) error: Option<String>,
    pub(crate) took_ms: u64,
    pub(crate) is_signed: bool,
}

/// Why no test was sent.
pub(crate) enum NotTested {
    Refused(Refusal),
    /// Seconds to wait.
    TooMany(u64),
}

impl<E: Into<Refusal>> From<E> for NotTested {
    fn from(error: E) -> Self {
        NotTested::Refused(error.into())
    }
}

/// Sends one test.
pub(crate) async fn send_test(
    app: &Context,
    by: &By,
    account: Account,
    target: TestTarget,
) -> Result<TestedCallback, NotTested> {
    let now = app.now();
    let (plain, secrets) = match &target {
        TestTarget::Stored(instance) => (instance.configuration.clone(), app.secrets.of(instance).await?),
        TestTarget::Given(items) => {
            let (plain, secrets) = credentials::split(items.clone(), &Secrets::new(), None, now)?;
            (plain, Arc::new(secrets))
        }
    };
    check(app, &plain, &secrets)?;
    let organization_id = account.organization_id;
    let waits = access::too_many(app, organization_id, Counted::TestEvents, TESTS_PER_MINUTE).await?;
    if let Some(wait_s) = waits {
        return Err(NotTested::TooMany(wait_s));
    }
    let event_id = format!("test-{}", by.request_id);
    let told = json!({ "callback": given(&plain, CALLBACK_URL), "eventId": event_id });
    let (entry, id) = match &target {
        TestTarget::Stored(instance) => (by.about(app, TESTED, instance, &told)?, Some(instance.id)),
        TestTarget::Given(_) => {
            (by.entry(app, organization_id, TESTED, "callbacks".to_owned(), (None, Some(told))), None)
        }
    };
    // Before it is sent: whoever sends tests to others must not go unnoted.
    app.ports.accounts.note(&entry).await?;
    let body = body(app, account, (&target, id), &event_id);
    let own = callback::headers(&plain, &secrets);
    let (named, bounds) = ((event_id.as_str(), body.as_str()), (now, TIMEOUT_MS));
    let request = destinations::request(&plain, &secrets, &own, named, bounds, destinations::Kind::Test);
    let answered = tokio::time::timeout(wait(), app.ports.http.send(request)).await;
    let took = app.now() - now;
    let (status, error) = match answered {
        Ok(Ok(response)) => (Some(response.status), None),
        Ok(Err(HttpError::RefusedAddress)) => {
            (None, Some("the address is not allowed: it is not public".to_owned()))
        }
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some("it took too long".to_owned())),
    };
    let took_ms = u64::try_from(took.num_milliseconds()).unwrap_or(0);
    tracing::info!(status, took_ms, "callback.tested");
    Ok(TestedCallback { event_id, status, error, took_ms, is_signed: secrets.contains_key(SIGNATURE_KEY) })
}

/// The way there has its own limit; this one also ends what does not keep it.
fn wait() -> std::time::Duration {
    std::time::Duration::from_millis(TIMEOUT_MS + 1_000)
}

/// The rules of a callback, as of every instance.
fn check(app: &Context, plain: &Items, secrets: &Secrets) -> Result<(), Refusal> {
    let mut errors: Vec<Invalid> = settings::check(plain, secrets);
    errors.retain(|error| error.key.starts_with(OF_CALLBACKS));
    match given(plain, CALLBACK_URL) {
        None => errors.push(Invalid::new(CALLBACK_URL, "is required")),
        Some(url) if app.config.require_https_callbacks && is_plain_http(url) => {
            errors.push(Invalid::new(CALLBACK_URL, "must be an https address"));
        }
        Some(_) => {}
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

fn body(
    app: &Context,
    account: Account,
    (target, id): (&TestTarget, Option<InstanceId>),
    event_id: &str,
) -> String {
    let (connector, name, tags) = match target {
        TestTarget::Stored(instance) => {
            (instance.connector.as_str(), instance.name.as_str(), instance.tags.as_slice())
        }
        TestTarget::Given(_) => ("test", "Test", &[][..]),
    };
    let hub = app.connector(connector).map_or("general", |connector| connector.descriptor().hub);
    let sender = Sender {
        instance: id.unwrap_or_else(|| InstanceId::from_bytes([0; 4])),
        connector,
        hub,
        account_id: account.account_id,
        organization_id: account.organization_id,
        user_id: account.user_id,
        name,
        tags,
    };
    envelope::test(&sender, event_id, app.now())
}
