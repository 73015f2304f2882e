//! Where an instance starts to watch.

use super::Refusal;
use super::mailbox_address::{self, KeptAddress};
use crate::context::Context;
use crate::ports::PortError;
use chrono::{DateTime, Utc};
use connectors::oauth::Tokens;
use connectors::{Baseline, Call, Connector, Error, ErrorKind, Http, Polling};
use domain::ids::hash_of;
use domain::instance::Instance;
use domain::resource::ResourceConfig;
use domain::schedule::backoff;
use domain::settings::Settings;
use domain::state::ResourceState;
use std::sync::Arc;

/// Baselines of resources, and whose mailbox it is.
pub(super) struct Baselines {
    pub(super) states: Vec<ResourceState>,
    /// Digest of the mailbox's identity; empty if the provider did not give one.
    pub(super) mailbox_digest: String,
    /// Its address, if the provider told it.
    pub(super) address: Option<String>,
    /// Some could not be taken for a passing reason: a job takes them.
    pub(super) is_incomplete: bool,
}

impl Baselines {
    /// Of nothing.
    pub(super) fn none() -> Self {
        Baselines { states: Vec::new(), mailbox_digest: String::new(), address: None, is_incomplete: false }
    }

    /// The provider answered, so that it told the address if it ever does.
    fn is_answered(&self) -> bool {
        self.states.iter().any(|state| state.cursor.is_some())
    }

    /// The address to keep for an instance, which may have been learnt in the sign-in already.
    pub(super) fn address(
        &self,
        app: &Context,
        instance: &Instance,
        tokens: Option<&Tokens>,
    ) -> Result<KeptAddress, PortError> {
        let told = tokens.and_then(|tokens| tokens.address.as_ref()).or(self.address.as_ref());
        match told.is_some() || self.is_answered() {
            true => mailbox_address::kept(app, instance, told.map(String::as_str)),
            false => Ok(KeptAddress::default()),
        }
    }
}

/// Takes the baseline of each resource. A passing failure leaves the state without one; a refusal refuses.
pub(super) async fn take(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (http, credential): (&dyn Http, &str),
    resources: &[&ResourceConfig],
    deadline: DateTime<Utc>,
) -> Result<Baselines, Refusal> {
    let mut baselines = Baselines::none();
    for resource in resources {
        let now = app.now();
        let state = ResourceState { version: 1, ..ResourceState::new(&resource.name, now) };
        match within(app, deadline, one(app, connector, (http, credential), resource)).await {
            Ok(Baseline { cursor, identity, address }) => {
                if let Some(identity) = identity {
                    baselines.mailbox_digest = mailbox_digest(&identity);
                }
                baselines.address = address.or(baselines.address);
                baselines.states.push(state.with_baseline(cursor, now));
            }
            Err(error) if is_passing(error.kind) => {
                baselines.is_incomplete = true;
                let until = now + backoff(1, error.pause(), 0);
                baselines.states.push(state.failed(error.message, until, now));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(baselines)
}

/// A read that ends by the deadline, or fails for a passing reason.
async fn within<T>(
    app: &Context,
    deadline: DateTime<Utc>,
    read: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let left = (deadline - app.now()).to_std().unwrap_or_default();
    let late = || Error::new(ErrorKind::Unavailable, "the provider took too long");
    tokio::time::timeout(left, read).await.unwrap_or_else(|_| Err(late()))
}

async fn one(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (http, credential): (&dyn Http, &str),
    resource: &ResourceConfig,
) -> Result<Baseline, Error> {
    let call = Call {
        http,
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        credential,
        now: app.now(),
        timeout_ms: app.config.provider_timeout_ms,
        scratch: None,
        archive: None,
    };
    connector.baseline(&call, resource).await
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Malformed | ErrorKind::Halted)
}

/// Whether two entries read the same thing, so that a position in one is a position in the other.
///
/// A snapshot holds what its conditions let through: under others it would tell of objects that came and went, though
/// they did not.
pub(super) fn is_same(
    connector: &Arc<dyn Connector>,
    one: &ResourceConfig,
    other: &ResourceConfig,
    now: DateTime<Utc>,
) -> bool {
    let (Ok(old), Ok(new)) = (one.read_at(now, now), other.read_at(now, now)) else { return false };
    let known = connector.descriptor().resource(&new.resource);
    let is_snapshot = known.is_some_and(|known| known.polling == Polling::Snapshots);
    one.name == other.name
        && old.resource == new.resource
        && (!is_snapshot || old.conditions == new.conditions)
}

/// A digest of the mailbox's identity is enough to notice another one.
pub(crate) fn mailbox_digest(identity: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(&hash_of(&[b"mailbox", identity.as_bytes()])[..16])
}

/// The resources of these settings.
pub(super) fn all(settings: &Settings) -> Vec<&ResourceConfig> {
    settings.resources.iter().collect()
}
