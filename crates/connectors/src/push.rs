//! Push: notices of a provider that something changed.
//!
//! A notice only says "look now", and no poll relies on its content: changes follow from the position alone, so that a
//! notice that is lost, late, doubled or forged costs time and no event.

use crate::{Call, Endpoint, Error, Http};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::invalid::Invalid;
use domain::push::{Demand, Target, Watch};
use domain::resource::ResourceConfig;
use domain::settings::PushSettings;
use serde_json::Value;
use std::collections::BTreeSet;

/// How a provider is asked for notices, and how they are read.
///
/// # Errors
/// [`Error`], whose [`ErrorKind`](crate::ErrorKind) says what the caller does. `targets` says in words for the owner why
/// nothing can be watched, and `signer` why a token is not believed.
#[async_trait]
pub trait Push: Send + Sync {
    /// Checks what is being saved. The key is a secret, and none is in any error.
    fn check(&self, settings: &PushSettings, key: Option<&str>) -> Vec<Invalid>;

    /// What to watch for these resources; or why nothing can be watched, in words for the owner.
    fn targets(&self, settings: &PushSettings, resources: &[ResourceConfig]) -> Result<Vec<Target>, String>;

    /// Notices come to our public address, and without one there are none.
    fn needs_public_url(&self, settings: &PushSettings) -> bool;

    /// Asks for notices, or renews what was asked for. What a provider has of ours already is taken over; what it does
    /// not have any more is made anew.
    async fn watch(&self, call: &Call<'_>, request: &WatchRequest<'_>) -> Result<Watch, Error>;

    /// Ends a watch; one that is not there any more has ended.
    async fn unwatch(&self, call: &Call<'_>, watch: &Watch) -> Result<(), Error>;

    /// An application has one watch of a mailbox, whatever it watches: who ends any ends it.
    fn has_one_watch(&self) -> bool {
        false
    }

    /// No notice comes after the access token that a watch was made or renewed with has ended, until it is renewed with
    /// another.
    fn ends_with_token(&self) -> bool {
        false
    }

    /// Reads a request to the connector's push route. Nothing in it is believed yet.
    fn read(&self, request: &PushRequest<'_>) -> Arrival;

    /// Where the keys are that requests are signed with, as a JSON text; `None` where they are not signed.
    fn keys(&self) -> Option<&'static Endpoint> {
        None
    }

    /// The account that signed this token for this audience, by these keys.
    fn signer(
        &self,
        _token: &str,
        _keys: &Value,
        _audience: &str,
        _now: DateTime<Utc>,
    ) -> Result<String, Forged> {
        Err(Forged::Wrong)
    }

    /// Where notices are pulled from; `None`: they come by themselves.
    fn source(&self, _settings: &PushSettings, _key: Option<&str>) -> Option<PullSource> {
        None
    }

    /// Gets an access token for pulling, with the account's key, and for how many seconds it is good.
    async fn pull_token(
        &self,
        _http: &dyn Http,
        _url: &str,
        _key: &str,
        _now: DateTime<Utc>,
    ) -> Result<(String, u32), Error> {
        Err(Error::new(crate::ErrorKind::Rejected, "there is nothing to pull from"))
    }

    /// Pulls what is there; waits a while if there is nothing.
    async fn pull(&self, _call: &Call<'_>, _subscription: &str) -> Result<Vec<Pulled>, Error> {
        Ok(Vec::new())
    }

    /// Says that these need not come again.
    async fn acknowledge(
        &self,
        _call: &Call<'_>,
        _subscription: &str,
        _receipts: &[String],
    ) -> Result<(), Error> {
        Ok(())
    }

    /// The addresses of pulling: for tokens, and for notices.
    fn pull_endpoints(&self) -> Option<(&'static Endpoint, &'static Endpoint)> {
        None
    }

    /// Whether a position has passed what a hint names: then nothing of it is still to come. `None`: it is of a resource
    /// that is polled otherwise.
    fn covers(&self, _cursor: &Value, _position: u64) -> Option<bool> {
        None
    }
}

/// What a provider is asked for.
pub struct WatchRequest<'a> {
    /// What to watch.
    pub target: &'a str,
    /// The parts to report; empty: everything.
    pub parts: &'a BTreeSet<String>,
    /// Our address for its notices, where we have one.
    pub address: Option<&'a str>,
    /// What its notices have to bring back to be believed: at most 128 characters that can't be guessed.
    pub secret: &'a str,
    /// What there is already, if it may still be there.
    pub known: Option<&'a Watch>,
}

/// A request to a push route.
pub struct PushRequest<'a> {
    /// The query of its address, undecoded.
    pub query: &'a str,
    /// Its `Authorization` header.
    pub authorization: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

/// What a request to a push route is.
#[derive(Debug, PartialEq)]
pub enum Arrival {
    /// The provider asks whether we are there, and wants this text back.
    Handshake(String),
    /// Notices, perhaps none.
    Notices(Vec<Notice>),
    /// Nothing that the provider would send.
    Unreadable,
}

/// One notice. No `Debug` but of what is no secret.
#[derive(PartialEq)]
pub struct Notice {
    /// Whose mailbox it speaks of.
    pub addressee: Addressee,
    /// What it is to be believed by.
    pub proof: Proof,
    /// [`Watch::state`] of the watch that it comes of, where it says so.
    pub watch: Option<Value>,
    /// What it says.
    pub news: NoticeKind,
    /// The provider's position that it names.
    pub position: Option<u64>,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice")
            .field("news", &self.news)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Whose mailbox a notice speaks of.
#[derive(Clone, PartialEq, Eq)]
pub enum Addressee {
    /// The one that [`WatchRequest::secret`] was made for, which the proof is.
    OfSecret,
    /// The mailbox of this identity, as [`crate::Baseline::identity`] has it.
    Identity(String),
}

/// What a notice is to be believed by.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// It brings back the secret.
    Secret(String),
    /// The request is signed.
    Token(String),
    /// It was pulled from where only the provider publishes.
    Pulled,
    /// It has none.
    None,
}

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something changed, or may have.
    Changed,
    /// The watch demands something, or is gone.
    Demands(Demand),
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forged {
    /// It names a key that is not among those given: they may be older than it.
    UnknownKey,
    /// It is not one of the provider's for us, or its time is over.
    Wrong,
}

/// Where notices are pulled from. Who has the same subscription and the same key shares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PullSource {
    /// The subscription, as the provider names it.
    pub subscription: String,
    /// Digest of the key.
    pub key_digest: u64,
}

/// A notice that was pulled.
#[derive(Debug)]
pub struct Pulled {
    /// What it is acknowledged by.
    pub receipt: String,
    /// The notice; `None` where it can't be read, and is of no use to anybody.
    pub notice: Option<Notice>,
}
