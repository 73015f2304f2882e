//! Why an instance is not created or changed.

use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Error, ErrorKind};
use domain::invalid::{Invalid, in_words};

/// Why a sign-in changed nothing: whose it is has to be confirmed.
#[derive(Debug)]
pub(crate) struct OtherMailbox {
    /// Its address, where the provider told one.
    pub(crate) address: Option<String>,
    /// Sealed; given back it stands for the sign-in.
    pub(crate) confirmation: String,
}

/// Why a sign-in that came by a link changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotByLink {
    /// Somebody else was first.
    #[error("the link was used already")]
    Spent,
    /// Only somebody with an account changes the mailbox.
    #[error("the sign-in is to another mailbox than the link is for: sign in to that one")]
    OtherMailbox,
    /// The provider does not tell, or nothing is read.
    #[error("it can't be told whose mailbox this is, so that only a user can sign it in again")]
    Unknowable,
}

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
    /// The sign-in was another mailbox's, and that has to be confirmed.
    #[error(
        "the sign-in is to another mailbox than the instance has: confirm that it takes its place, or sign in to the former one"
    )]
    OtherMailbox(OtherMailbox),
    /// A sign-in that came by a link did not fit.
    #[error("{0}")]
    ByLink(NotByLink),
    /// What counts once came before, so that the code is not shown to the provider.
    #[error("`providerData.once`: came before: begin the sign-in again")]
    CameBefore,
    /// No such instance.
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
    pub(crate) fn rule(key: impl Into<String>, rule: impl Into<String>) -> Self {
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
        let is_unavailable =
            !matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unauthorized | ErrorKind::NotFound);
        Refusal::Provider { message: error.message, provider_message: error.provider_message, is_unavailable }
    }
}
