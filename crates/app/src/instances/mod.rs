//! Creating, changing and deleting instances.

mod backfill;
mod baseline;
mod change;
mod create;
mod credentials;
mod exchange;
mod switch;
mod trial;

pub(crate) use backfill::{Wanted, begin as begin_backfill};
pub(crate) use baseline::mailbox_digest;
pub(crate) use change::{Patch, change, try_change};
pub(crate) use create::{Creation, create, random_token, token_of, try_create};
pub(crate) use credentials::{SignInCode, settings};
pub(crate) use switch::{delete, now_needs_sign_in, release, resume, set_enabled};
pub(crate) use trial::Trial;

use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Error, Kind};
use domain::invalid::Invalid;

/// Why an instance was not created or changed. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request breaks rules.
    #[error("{}", in_words(.0))]
    Invalid(Vec<Invalid>),
    /// The provider did not take the code, token or application.
    #[error("{message}")]
    Provider {
        message: String,
        provider_message: Option<String>,
        /// The provider failed, rather than refused.
        is_unavailable: bool,
    },
    /// There is no such instance.
    #[error("no such instance")]
    NotFound,
    /// It can't be done as things stand.
    #[error("{0}")]
    NotNow(&'static str),
    /// Others changed it at the same time, again and again.
    #[error("the instance was changed by somebody else at the same time")]
    Conflict,
    /// Bookkeeping failed.
    #[error("a store failed")]
    Port(#[from] crate::ports::PortError),
}

impl Refusal {
    fn rule(key: impl Into<String>, rule: impl Into<String>) -> Self {
        Refusal::Invalid(vec![Invalid::new(key, rule)])
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Refusal::Provider {
            message: error.message,
            provider_message: error.provider_message,
            is_unavailable: error.kind == TokenErrorKind::Unavailable,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let is_unavailable = !matches!(error.kind, Kind::Rejected | Kind::Unauthorized | Kind::NotFound);
        Refusal::Provider { message: error.message, provider_message: error.provider_message, is_unavailable }
    }
}

/// All broken rules in one sentence.
pub(crate) fn in_words(errors: &[Invalid]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
