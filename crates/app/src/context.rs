//! The floor: what every use case stands on, put together once by the host. It knows no use case.

use crate::clients::Clients;
use crate::config::Config;
use crate::heard::Heard;
use crate::kept_fleet::KeptFleet;
use crate::last_reads::LastReads;
use crate::locks::Locks;
use crate::ports::{
    Accounts, Bus, Clock, Entropy, Http, Places, Queue, Schedule, Spans, Store, UserSessions, Vault,
};
use crate::refused_call::ToldRefusals;
use crate::sealing::Sealer;
use crate::secrets::SecretsCache;
use crate::shares::{BODIES_OF_ORGANIZATION, POLLS_OF_ORGANIZATION, READS_OF_ORGANIZATION, Shares};
use crate::signals::Signals;
use crate::slow_callbacks::SlowCallbacks;
use crate::traffic::Traffic;
use crate::wrong_guesses::{Network, WrongGuesses};
use crate::wrong_secrets::WrongSecrets;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use chrono::{DateTime, Duration, Utc};
use connectors::{Connector, Descriptor};
use domain::trace::{Span, TraceId};
use std::sync::{Arc, Weak};
use tokio::sync::Semaphore;

/// What is about to leave the event log is not relied on, minutes: a poll takes time, and hosts' clocks differ.
const LOG_MARGIN_MIN: i64 = 60;
/// Wrong tokens of links of one address in a minute: a person who mistypes one tries a few times.
const WRONG_LINKS_PER_MINUTE: u32 = 30;
/// Long bodies of strangers that arrive at once: providers send some dozens of notices together now and then.
const LONG_STRANGERS_MAX: usize = 16;

/// The adapters.
#[derive(Clone)]
pub struct Ports {
    /// Configuration, state and notifications.
    pub store: Arc<dyn Store>,
    /// Organizations, users and settings.
    pub accounts: Arc<dyn Accounts>,
    /// Who is signed in.
    pub sessions: Arc<dyn UserSessions>,
    /// Secrets of the mailboxes.
    pub vault: Arc<dyn Vault>,
    /// When mailboxes are polled.
    pub schedule: Arc<dyn Schedule>,
    /// Jobs.
    pub queue: Arc<dyn Queue>,
    /// Where the queue is in the process.
    pub places: Option<Arc<dyn Places>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Requests to providers and callbacks.
    pub http: Arc<dyn Http>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where the host has one.
    pub bus: Option<Arc<dyn Bus>>,
    /// Where somebody traces.
    pub spans: Option<Arc<dyn Spans>>,
}

/// The adapters, the configuration, and what a process remembers.
pub(crate) struct Context {
    /// For work that continues when its caller is gone.
    pub(crate) itself: Weak<Context>,
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) secrets: SecretsCache,
    pub(crate) clients: Clients,
    pub(crate) locks: Locks,
    pub(crate) traffic: Traffic,
    pub(crate) heard: Heard,
    pub(crate) kept_fleet: KeptFleet,
    pub(crate) last_reads: LastReads,
    pub(crate) read_shares: Shares,
    pub(crate) poll_shares: Shares,
    pub(crate) body_shares: Shares,
    /// Places for what strangers send that is long.
    pub(crate) long_strangers: Semaphore,
    pub(crate) wrong_links: WrongGuesses<Network>,
    pub(crate) wrong_secrets: WrongSecrets,
    pub(crate) signals: Signals,
    pub(crate) slow_callbacks: SlowCallbacks,
}

impl Context {
    pub(crate) fn new(
        ports: Ports,
        sealer: Arc<Sealer>,
        config: Config,
        connectors: Vec<Arc<dyn Connector>>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|itself| Context {
            itself: itself.clone(),
            secrets: SecretsCache::before(ports.vault.clone()),
            clients: Clients::before(ports.store.clone(), sealer.clone()),
            signals: Signals::new(connectors.iter().map(|connector| connector.descriptor().key)),
            read_shares: Shares::of(READS_OF_ORGANIZATION, &ports.clock),
            poll_shares: Shares::of(POLLS_OF_ORGANIZATION, &ports.clock),
            body_shares: Shares::of(BODIES_OF_ORGANIZATION, &ports.clock),
            ports,
            config,
            sealer,
            connectors,
            locks: Locks::default(),
            traffic: Traffic::default(),
            heard: Heard::default(),
            kept_fleet: KeptFleet::default(),
            last_reads: LastReads::default(),
            long_strangers: Semaphore::new(LONG_STRANGERS_MAX),
            wrong_links: WrongGuesses::at_most(WRONG_LINKS_PER_MINUTE),
            wrong_secrets: WrongSecrets::default(),
            slow_callbacks: SlowCallbacks::default(),
        })
    }

    /// 32 random bytes: 44 characters that end in `=`.
    pub(crate) fn random_token(&self) -> String {
        let mut bytes = [0; 32];
        self.ports.entropy.fill(&mut bytes);
        URL_SAFE.encode(bytes)
    }

    /// The way to a connector's provider, without an instance's share and pauses.
    pub(crate) fn to_provider(&self, of: &Descriptor) -> ToldRefusals<'_> {
        ToldRefusals { http: self.ports.http.as_ref(), connector: of.key }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    /// Whether whoever goes on with this trace should trace too. Where nobody exports spans, the log has them.
    pub(crate) fn is_sampled(&self, trace: TraceId) -> bool {
        self.ports.spans.as_ref().is_none_or(|spans| spans.keeps(trace))
    }

    /// Hands on what belongs to this trace; it is not made where nobody keeps it.
    pub(crate) fn traced(&self, trace: TraceId, span: impl FnOnce() -> Span) {
        if let Some(spans) = self.ports.spans.as_ref().filter(|spans| spans.keeps(trace)) {
            spans.ended(span());
        }
    }

    /// Since when the event log holds everything reported.
    pub(crate) fn log_since(&self) -> DateTime<Utc> {
        self.now() - self.config.retention + Duration::minutes(LOG_MARGIN_MIN)
    }

    pub(crate) fn connector(&self, key_or_id: &str) -> Option<&Arc<dyn Connector>> {
        self.connectors.iter().find(|connector| {
            let descriptor = connector.descriptor();
            descriptor.key == key_or_id || descriptor.id.to_string() == key_or_id
        })
    }
}
