//! Graph's change notifications: `/subscriptions`, and the notices that go out.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use super::mailbox::Mailbox;
use super::push::order::{self, Subscriber};
use super::push::{Batch, GrantedBy, Subscription};
use super::uuid::uuid;
use super::{Microsoft, World, error, graph};
use crate::call::Call;
use crate::clock::SECOND_US;
use crate::oauth::Grants;
use crate::push::{Outcome, Outgoing, Ring};
use crate::reply::Reply;

/// The handshake's answer has to be there within this.
const HANDSHAKE_US: i64 = 10 * SECOND_US;
/// Graph does not wait longer for the answer to a notice; one that took a tenth of it is too late all the same.
const NOTICE_TIMEOUT_US: i64 = 30 * SECOND_US;
/// Whose token a call carries.
struct Visitor<'a> {
    mailbox: &'a Mailbox,
    application: &'a str,
    scope: &'a str,
    token_until_us: i64,
}

impl Visitor<'_> {
    /// What the call asks for, if the token allows it.
    fn asked(&self, call: &Call, now_us: i64) -> Result<Subscription, Reply> {
        let subscriber = Subscriber {
            mailbox: self.mailbox,
            application: self.application,
            token_until_us: self.token_until_us,
            is_immutable: call.prefers("IdType", "ImmutableId"),
        };
        let asked = order::read(&body(call)?, &subscriber, now_us)?;
        match graph::is_allowed(self.scope, &["me", asked.watched.kind.collection()]) {
            true => Ok(asked),
            false => Err(error::access_denied()),
        }
    }
}

fn body(call: &Call) -> Result<Value, Reply> {
    let body: Option<Value> = serde_json::from_slice(&call.body).ok().filter(Value::is_object);
    body.ok_or_else(|| error::bad_request("Unable to read JSON request payload."))
}

impl Microsoft {
    /// `/subscriptions` and what is below it.
    pub(super) fn subscriptions(&self, path: &[&str], call: &Call) -> Reply {
        self.subscribed(path, call).unwrap_or_else(|refusal| refusal)
    }

    fn subscribed(&self, path: &[&str], call: &Call) -> Result<Reply, Reply> {
        let now_us = self.0.front.clock.now_us();
        let World { grants, mailboxes, push, .. } = &mut *self.world();
        let visitor = visitor(grants, mailboxes, call, now_us)?;
        let account = visitor.mailbox.email.as_str();
        let with_context = |mut shown: Value| {
            let context = format!("{}/v1.0/$metadata#subscriptions/$entity", call.origin());
            if let Some(shown) = shown.as_object_mut() {
                shown.shift_insert(0, "@odata.context".to_owned(), context.into());
            }
            shown
        };
        push.forget_expired(now_us);
        let own = |id: &str| {
            let mut known = push.subscriptions.iter();
            known
                .find(|known| known.account == account && known.id == id)
                .cloned()
                .ok_or_else(error::subscription_gone)
        };
        match (call.method.as_str(), path) {
            ("POST", []) => {
                let created = push.create(visitor.asked(call, now_us)?, now_us)?;
                Ok(Reply::json(201, &with_context(created.shown(true))))
            }
            ("GET", []) => {
                let own = push.subscriptions.iter().filter(|known| known.account == account);
                let value: Vec<Value> = own.map(|known| known.shown(false)).collect();
                let context = format!("{}/v1.0/$metadata#subscriptions", call.origin());
                Ok(Reply::json(200, &json!({ "@odata.context": context, "value": value })))
            }
            ("GET", [id]) => Ok(Reply::json(200, &with_context(own(id)?.shown(false)))),
            ("PATCH", [_]) | ("POST", [_, "reauthorize"]) if push.refuses_renewals => {
                Err(error::access_denied())
            }
            ("PATCH", [id]) => {
                let (known, changes) = (own(id)?, body(call)?);
                let (expires_us, url) = changed(&known, &changes, now_us)?;
                let (key, by) = ((account, *id), GrantedBy::Renewal);
                let renewed = push.renew(key, by, visitor.token_until_us, now_us, |known| {
                    known.expires_us = expires_us;
                    known.notification_url = url;
                })?;
                Ok(Reply::json(200, &with_context(renewed.shown(false))))
            }
            ("POST", [id, "reauthorize"]) => {
                let (key, by) = ((account, *id), GrantedBy::Reauthorization);
                push.renew(key, by, visitor.token_until_us, now_us, |_| {})?;
                Ok(Reply::text(204, "text/plain", ""))
            }
            ("DELETE", [id]) => {
                let id = own(id)?.id;
                push.subscriptions.retain(|known| known.id != id);
                Ok(Reply::text(204, "text/plain", ""))
            }
            _ => Err(error::no_such_path(call)),
        }
    }

    /// Asks the addresses of a subscription whether they want it, before it is made or changed; gives the refusal.
    pub(super) async fn handshake(&self, path: &[&str], call: &Call) -> Option<Reply> {
        let addresses = self.addresses_to_ask(path, call)?;
        for address in addresses {
            if let Err(refusal) = self.ask(&address).await {
                return Some(refusal);
            }
        }
        None
    }

    /// None where nobody is asked, or the call is refused anyway.
    fn addresses_to_ask(&self, path: &[&str], call: &Call) -> Option<Vec<String>> {
        let now_us = self.0.front.clock.now_us();
        let World { grants, mailboxes, push, .. } = &mut *self.world();
        let visitor = visitor(grants, mailboxes, call, now_us).ok()?;
        match (call.method.as_str(), path) {
            ("POST", []) => {
                let asked = visitor.asked(call, now_us).ok()?;
                push.check(&asked, now_us).ok()?;
                Some([Some(asked.notification_url), asked.lifecycle_url].into_iter().flatten().collect())
            }
            ("PATCH", [_]) => {
                let url = body(call).ok()?["notificationUrl"].as_str()?.to_owned();
                order::address(&url).is_ok().then(|| vec![url])
            }
            _ => None,
        }
    }

    async fn ask(&self, address: &str) -> Result<(), Reply> {
        let refused = |text: &str| {
            let message = format!("Subscription validation request {text}");
            Err(error::error(400, "ValidationError", &message))
        };
        let (way, id) = {
            let push = &mut self.world().push;
            (push.way.clone(), uuid(&mut push.rng))
        };
        let token =
            format!("Validation: Testing client application reachability for subscription Request-Id: {id}");
        let Ok(mut url) = address.parse::<Url>() else { return refused("failed.") };
        url.query_pairs_mut().append_pair("validationToken", &token);
        let mut outgoing = Outgoing::json(url.as_str(), &Value::Null);
        let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
        outgoing.headers.insert(http::header::CONTENT_TYPE, plain);
        outgoing.body = bytes::Bytes::new();
        let Outcome { response, .. } = way.post(&self.0.front.clock, outgoing, HANDSHAKE_US).await;
        let Some(response) = response else { return refused("timed out.") };
        if response.status() != 200 {
            return refused(&format!("failed. HTTP status code is {}.", response.status().as_u16()));
        }
        let content_type = response.headers().get(http::header::CONTENT_TYPE);
        let is_plain = content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
        match is_plain && response.body() == token.as_bytes() {
            true => Ok(()),
            false => refused("failed. Response must exactly match validationToken query parameter."),
        }
    }

    /// The next request that is due, as what sends it.
    pub(crate) fn next_ring(&self) -> Option<Ring> {
        let now_us = self.0.front.clock.now_us();
        let batch = self.world().push.take(now_us)?;
        let microsoft = self.clone();
        Some(Box::pin(async move { microsoft.send_batch(batch).await }))
    }

    async fn send_batch(&self, batch: Batch) {
        let (clock, way) = (&self.0.front.clock, self.world().push.way.clone());
        let outcome = way.post(clock, batch.outgoing.clone(), NOTICE_TIMEOUT_US).await;
        self.world().push.settle(batch, &outcome, clock.now_us());
    }
}

fn visitor<'a>(
    grants: &'a Grants,
    mailboxes: &'a BTreeMap<String, Mailbox>,
    call: &Call,
    now_us: i64,
) -> Result<Visitor<'a>, Reply> {
    let access = grants.access_until(call.bearer(), now_us).ok_or_else(error::unauthorized)?;
    let (consent, token_until_us) = access;
    let mailbox = mailboxes.get(&consent.account).ok_or_else(error::unauthorized)?;
    Ok(Visitor { mailbox, application: grants.client_id(), scope: &consent.scope, token_until_us })
}

/// The end and the address that a change asks for. The lifecycle address can't be changed.
fn changed(known: &Subscription, changes: &Value, now_us: i64) -> Result<(i64, String), Reply> {
    if !changes["lifecycleNotificationUrl"].is_null() {
        return Err(order::invalid(
            "lifecycleNotificationUrl can only be set when the subscription is created.",
        ));
    }
    let expires_us = match changes["expirationDateTime"].as_str() {
        Some(text) => order::expiry_us(text, now_us)?,
        None => known.expires_us,
    };
    let url = match changes["notificationUrl"].as_str() {
        Some(url) => order::address(url)?,
        None => known.notification_url.clone(),
    };
    Ok((expires_us, url))
}
