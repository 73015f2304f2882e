//! Reading a mailbox for a client, through its instance.

use crate::audit::{self, By};
use crate::context::Context;
use crate::instances;
use crate::ports::PortError;
use crate::read_gate::Gate;
use crate::shares::READ_BYTES_MAX;
use crate::tokens::{Holder, NoToken};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use connectors::hub::{Answer, Content, Query, ReadError};
use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Call, Connector, Error, ErrorKind};
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::schedule::backoff;
use domain::token::Session;
use serde_json::json;
use std::sync::Arc;

/// What is said of [`Failure::TooMany`].
pub(crate) const TOO_MANY: &str = "too many reads of the organization's mailboxes are under way";

/// Why nothing was read.
pub(crate) enum Failure {
    /// The request, or the provider.
    Read(ReadError),
    /// The provider gives no access token.
    NoToken(TokenError),
    /// A poll refreshes the token just now, and takes its time.
    Refreshing,
    /// The provider wants to be left alone until then.
    BackingOff {
        until: DateTime<Utc>,
    },
    /// Of the organization as many are under way, and wait, as may be.
    TooMany,
    /// What the provider answers is too much for one page.
    TooLong,
    /// The instance was deleted meanwhile.
    Gone,
    Port(PortError),
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Failure::Port(error)
    }
}

/// What a client wants of the provider.
#[async_trait]
pub(crate) trait Wish: Sync {
    type Answer: Send;

    async fn of(&self, connector: &dyn Connector, call: &Call<'_>) -> Result<Self::Answer, ReadError>;
}

/// A page of a list, or one object.
pub(crate) struct Read<'a>(pub(crate) &'a Query);

/// A content, by its path below the hub.
pub(crate) struct Open<'a>(pub(crate) &'a [String]);

/// The least that shows whether the mailbox answers.
pub(crate) struct Ping;

#[async_trait]
impl Wish for Read<'_> {
    type Answer = Answer;

    async fn of(&self, connector: &dyn Connector, call: &Call<'_>) -> Result<Answer, ReadError> {
        connector.read(call, self.0).await
    }
}

#[async_trait]
impl Wish for Open<'_> {
    type Answer = Content;

    async fn of(&self, connector: &dyn Connector, call: &Call<'_>) -> Result<Content, ReadError> {
        connector.content(call, self.0).await
    }
}

#[async_trait]
impl Wish for Ping {
    type Answer = ();

    async fn of(&self, connector: &dyn Connector, call: &Call<'_>) -> Result<(), ReadError> {
        Ok(connector.ping(call).await?)
    }
}

/// Who reads which mailbox, and what kind of thing; not which.
pub(crate) async fn note(app: &Context, by: &By, instance: &Instance, what: &str) -> Result<(), PortError> {
    let documents = (None, Some(json!({ "read": what })));
    let subject = audit::subject(instance.id);
    let entry = by.entry(app, instance.account.organization_id, "mailbox.read", subject, documents);
    app.ports.accounts.note(&entry).await
}

/// Asks the provider; a refused token is refreshed and the request made again, once.
pub(crate) async fn ask<W: Wish>(app: &Context, instance: &Instance, wish: W) -> Result<W::Answer, Failure> {
    let (connector, _) = instances::understood(app, instance)?;
    let mailbox = app.ports.store.mailbox(instance.id).await?.ok_or(Failure::Gone)?;
    let place = app.read_shares.enter(instance.account.organization_id).await;
    let _place = place.ok_or(Failure::TooMany)?;
    let gate = Gate::of(app, &mailbox).within(READ_BYTES_MAX);
    let mut session = mailbox.session;
    let backoff_until = session.backoff_until.filter(|until| *until > app.now());
    if let Some(until) = gate.waits_until().max(backoff_until) {
        return Err(Failure::BackingOff { until });
    }
    let mut before = None;
    for is_last in [false, true] {
        let token = token(app, instance, connector, &mut session, before.as_deref()).await?;
        let answer = ask_with(&gate, connector.as_ref(), &token, &wish).await;
        if gate.is_used_up() {
            return Err(Failure::TooLong);
        }
        match answer {
            Err(ReadError::Provider(error)) if error.kind == ErrorKind::Unauthorized && !is_last => {
                before = Some(token);
            }
            Err(ReadError::Provider(error)) => {
                return Err(failed(&gate, instance.id, &mut session, error).await?);
            }
            Err(error) => return Err(Failure::Read(error)),
            Ok(answer) => {
                gate.lane.read_answered();
                return Ok(answer);
            }
        }
    }
    let refused = connectors::Error::new(ErrorKind::Unauthorized, "the provider refuses the access token");
    Err(Failure::Read(refused.into()))
}

async fn token(
    app: &Context,
    instance: &Instance,
    connector: &Arc<dyn Connector>,
    session: &mut Session,
    refused: Option<&str>,
) -> Result<String, Failure> {
    let holder = Holder::of(instance, connector);
    app.access_token(&holder, session, refused).await.map_err(|error| match error {
        NoToken::Refused(error) => Failure::NoToken(error),
        NoToken::Waiting => Failure::Refreshing,
        NoToken::Port(error) => Failure::Port(error),
    })
}

async fn ask_with<W: Wish>(
    gate: &Gate<'_>,
    connector: &dyn Connector,
    credential: &str,
    wish: &W,
) -> Result<W::Answer, ReadError> {
    let app = gate.app;
    let call = Call {
        http: gate,
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        credential,
        now: app.now(),
        timeout_ms: app.config.provider_timeout_ms,
        scratch: None,
        archive: None,
    };
    wish.of(connector, &call).await
}

/// A Retry-After holds for everybody who would ask for this mailbox: the provider counts what comes while it limits.
/// Without one there were only too many requests at once, and reads give way.
async fn failed(
    gate: &Gate<'_>,
    id: InstanceId,
    session: &mut Session,
    mut error: Error,
) -> Result<Failure, PortError> {
    let (app, now) = (gate.app, gate.app.now());
    match (error.kind, error.retry_after_s) {
        (ErrorKind::Halted, _) => {
            let until = gate.waits_until().unwrap_or(now + Duration::seconds(1));
            return Ok(Failure::BackingOff { until });
        }
        (ErrorKind::RateLimited | ErrorKind::Unavailable, Some(_)) => {
            let until = now + backoff(1, error.pause(), u64::from(id.get()));
            gate.lane.limit(until, now);
            app.hold_off(id, session, until).await?;
        }
        (ErrorKind::RateLimited, None) => {
            let from = gate.lane.read_refused(now, u64::from(id.get()));
            error.retry_after_s = u64::try_from((from - now).num_milliseconds().max(0) / 1000 + 1).ok();
        }
        _ => {}
    }
    Ok(Failure::Read(error.into()))
}

/// Whether a person has to sign in again before this works.
pub(crate) fn needs_sign_in(error: &TokenError) -> bool {
    error.kind == TokenErrorKind::InvalidGrant
}
