//! The owner's link: whoever has it signs in to their mailbox at the provider, without an account here
//! ([0060](../../../../docs/decisions/0060-the-owners-link.md)). Not to be confused with the link that signs a user in to
//! the console ([`crate::signing_in`]).

mod finish;
mod look;
mod make;

pub(crate) use finish::{SignedInByLink, finish};
pub(crate) use look::{LinkSeen, login, look};
pub(crate) use make::{LinkTerms, MadeLink, NewMailbox, for_instance, for_new};

use crate::context::Context;
use crate::instances::Refusal;
use crate::ports::PortError;
use crate::sealing::Lookup;
use crate::wrong_guesses::Network;
use domain::ids::InstanceId;
use domain::sign_in_link::{LinkKey, LinkStanding, StoredLink};
use std::net::IpAddr;

/// A token, bytes: an instance's number, a dot and 43 letters; nothing longer is looked for.
const TOKEN_BYTES_MAX: usize = 64;
/// Where browsers find the page of a link: the token stands in the query, which logs of requests leave out.
const PAGE: &str = "/link?key=";

/// Why a link leads nowhere.
pub(crate) enum NoLink {
    /// There is none of this token.
    Unknown,
    /// Whoever asks was wrong too often; seconds to wait.
    TooMany(u64),
    /// Somebody used it, or its time or tries are over.
    Over(LinkStanding),
    /// What it led to was refused.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for NoLink {
    fn from(error: E) -> Self {
        NoLink::Refused(error.into())
    }
}

/// A token and who shows it.
pub(crate) struct Shown<'a> {
    pub(crate) token: &'a str,
    /// Where they ask from, as far as the host knows.
    pub(crate) visitor: Option<IpAddr>,
}

/// What a token is found by. The instance in it says where to look; the hash is of all of it.
fn key_of(app: &Context, token: &str) -> Option<LinkKey> {
    let (instance, _) = token.split_once('.').filter(|_| token.len() <= TOKEN_BYTES_MAX)?;
    let hash = app.sealer.lookup_hash(Lookup::OwnersLink, token);
    Some(LinkKey { instance: InstanceId::parse(instance), hash })
}

/// The link of a token. Who is wrong too often is not looked for any more.
async fn find(app: &Context, shown: &Shown<'_>) -> Result<(LinkKey, StoredLink), NoLink> {
    let network = Network::of(shown.visitor);
    app.wrong_links.check(&network, app.now()).map_err(NoLink::TooMany)?;
    let found = match key_of(app, shown.token) {
        Some(key) => app.ports.store.link(&key).await?.map(|link| (key, link)),
        None => None,
    };
    found.ok_or_else(|| {
        app.wrong_links.count(network, app.now());
        NoLink::Unknown
    })
}

/// The same, if somebody may sign in by it.
async fn find_open(app: &Context, shown: &Shown<'_>) -> Result<(LinkKey, StoredLink), NoLink> {
    let (key, link) = find(app, shown).await?;
    match link.standing(app.now()) {
        LinkStanding::Open => Ok((key, link)),
        over => Err(NoLink::Over(over)),
    }
}

/// What a creation is sealed for: its own link.
fn field(key: &LinkKey) -> String {
    key.hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Purpose of the seal.
const PURPOSE: &str = "owner's link";

fn sealing(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new("sealing what a link stands for", error)
}
