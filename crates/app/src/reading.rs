//! Reading a mailbox for a client, through its instance.

use crate::app::Inner;
use crate::ports::PortError;
use crate::tokens::{Holder, NoToken};
use chrono::{DateTime, Utc};
use connectors::hub::{Answer, Query, ReadError};
use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Call, Connector, Kind};
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::schedule::backoff;
use domain::token::Session;
use std::sync::Arc;

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
pub(crate) enum Wish<'a> {
    Read(&'a Query),
    Ping,
}

/// Asks the provider; a refused token is refreshed and the request made again, once. `None` answers a ping.
pub(crate) async fn ask(app: &Inner, instance: &Instance, wish: Wish<'_>) -> Result<Option<Answer>, Failure> {
    let (connector, _) = app.understood(instance)?;
    let mailbox = app.ports.store.mailbox(instance.id).await?.ok_or(Failure::Gone)?;
    let mut session = mailbox.session;
    let now = app.now();
    if let Some(until) = session.backoff_until.filter(|until| *until > now) {
        return Err(Failure::BackingOff { until });
    }
    for refused in [false, true] {
        let token = token(app, instance, connector, &mut session, refused).await?;
        match ask_with(app, connector, &token, &wish).await {
            Err(ReadError::Provider(error)) if error.kind == Kind::Unauthorized && !refused => {}
            Err(ReadError::Provider(error)) if error.kind == Kind::RateLimited => {
                back_off(app, instance.id, &mut session, error.retry_after_s).await?;
                return Err(Failure::Read(error.into()));
            }
            Err(error) => return Err(Failure::Read(error)),
            Ok(answer) => return Ok(answer),
        }
    }
    let refused = connectors::Error::new(Kind::Unauthorized, "the provider refuses the access token");
    Err(Failure::Read(refused.into()))
}

async fn token(
    app: &Inner,
    instance: &Instance,
    connector: &Arc<dyn Connector>,
    session: &mut Session,
    refused: bool,
) -> Result<String, Failure> {
    let holder = Holder::of(instance, connector);
    app.access_token(&holder, session, refused).await.map_err(|error| match error {
        NoToken::Refused(error) => Failure::NoToken(error),
        NoToken::Waiting => Failure::Refreshing,
        NoToken::Port(error) => Failure::Port(error),
    })
}

async fn ask_with(
    app: &Inner,
    connector: &Arc<dyn Connector>,
    access_token: &str,
    wish: &Wish<'_>,
) -> Result<Option<Answer>, ReadError> {
    let call = Call {
        http: app.ports.http.as_ref(),
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        access_token,
        now: app.now(),
        timeout_ms: app.config.provider_timeout_ms,
    };
    match wish {
        Wish::Read(query) => connector.read(&call, query).await.map(Some),
        Wish::Ping => Ok(connector.ping(&call).await.map(|()| None)?),
    }
}

/// What the provider asked for holds for polls too: it counts what comes while it limits.
async fn back_off(
    app: &Inner,
    id: InstanceId,
    session: &mut Session,
    retry_after_s: Option<u64>,
) -> Result<(), PortError> {
    let until = app.now() + backoff(1, retry_after_s, u64::from(id.get()));
    let next = Session { backoff_until: Some(until), version: session.version + 1, ..session.clone() };
    app.replace_session(id, session, next).await
}

/// Whether a person has to sign in again before this works.
pub(crate) fn needs_sign_in(error: &TokenError) -> bool {
    error.kind == TokenErrorKind::InvalidGrant
}
