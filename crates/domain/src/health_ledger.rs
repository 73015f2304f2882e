//! What was told of an instance's connection: each transition once.
//!
//! An instance's row keeps what was told ([`HealthLedger`]). Whoever reads the row with its resources and its callback
//! compares, and writes the difference: a crash in between leaves a difference, which the next one finds.

use crate::ids::{InstanceId, hash_of};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest reason that is told, characters.
const REASON_CHARS_MAX: usize = 300;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transition {
    /// Its owner has to sign in again.
    #[serde(rename = "mailbox.needs_sign_in")]
    NeedsSignIn,
    /// It is tried, and was not read for three intervals.
    #[serde(rename = "mailbox.failing")]
    Failing,
    /// It is read again.
    #[serde(rename = "mailbox.recovered")]
    Recovered,
    /// Changes of an interval may be missing.
    #[serde(rename = "mailbox.gap")]
    Gap,
    /// The provider's notices come no longer.
    #[serde(rename = "mailbox.push_lost")]
    PushLost,
    /// Its owner signed in by a link: the answer to whoever made that.
    #[serde(rename = "mailbox.connected")]
    Connected,
    /// The callback takes nothing any more.
    #[serde(rename = "callback.suspended")]
    Suspended,
    /// The callback has everything that had waited.
    #[serde(rename = "callback.resumed")]
    Resumed,
}

impl Transition {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Transition::NeedsSignIn => "mailbox.needs_sign_in",
            Transition::Failing => "mailbox.failing",
            Transition::Recovered => "mailbox.recovered",
            Transition::Gap => "mailbox.gap",
            Transition::PushLost => "mailbox.push_lost",
            Transition::Connected => "mailbox.connected",
            Transition::Suspended => "callback.suspended",
            Transition::Resumed => "callback.resumed",
        }
    }
}

/// What holds for a while, and is told when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// See [`Transition::NeedsSignIn`].
    NeedsSignIn,
    /// See [`Transition::Failing`].
    Failing,
    /// See [`Transition::PushLost`].
    PushLost,
    /// See [`Transition::Suspended`].
    Suspended,
}

impl Condition {
    /// What its beginning is told as.
    pub fn begins(self) -> Transition {
        match self {
            Condition::NeedsSignIn => Transition::NeedsSignIn,
            Condition::Failing => Transition::Failing,
            Condition::PushLost => Transition::PushLost,
            Condition::Suspended => Transition::Suspended,
        }
    }
}

/// A condition that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCondition {
    /// Since when, as far as it is known.
    pub since: DateTime<Utc>,
    /// Why, in words.
    pub reason: String,
}

/// The mailbox that somebody signed in to by a link, as its maker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedMailbox {
    /// It was connected before.
    pub again: bool,
    /// Name of the instance.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// One transition, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFact {
    /// Names it.
    pub id: HealthEventId,
    /// What happened.
    pub transition: Transition,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// Since when that holds which it is about.
    pub since: DateTime<Utc>,
    /// Why, in words.
    pub reason: String,
    /// Of [`Transition::Connected`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<ConnectedMailbox>,
}

impl HealthFact {
    /// Of an instance's next version: the same transition of the same version has the same id. `which` tells apart what
    /// would be the same.
    pub(crate) fn new(
        (instance, version): (InstanceId, u64),
        (transition, which): (Transition, &str),
        at: DateTime<Utc>,
        OpenCondition { since, reason }: OpenCondition,
    ) -> Self {
        let number = instance.get().to_be_bytes();
        let parts = [&number[..], transition.text().as_bytes(), which.as_bytes(), &version.to_be_bytes()];
        let id = HealthEventId::of(at, &parts);
        let reason = reason.chars().take(REASON_CHARS_MAX).collect();
        HealthFact { id, transition, at, since, reason, connected: None }
    }
}

/// Names a stored health event within its organization, and orders them by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HealthEventId(pub(crate) u128);

impl HealthEventId {
    /// The id of what these parts tell apart, at a time.
    pub(crate) fn of(at: DateTime<Utc>, parts: &[&[u8]]) -> Self {
        let hash = hash_of(parts);
        let mut low = [0; 8];
        low.copy_from_slice(&hash[..8]);
        HealthEventId(HealthEventId::first_at(at).0 | u128::from(u64::from_be_bytes(low)))
    }

    /// The lowest there is at a time.
    #[must_use]
    pub fn first_at(at: DateTime<Utc>) -> Self {
        HealthEventId(u128::from(u64::try_from(at.timestamp_micros()).unwrap_or(0)) << 64)
    }

    /// Another one that follows from it.
    pub(crate) fn derived(self, purpose: &str) -> Self {
        let low = hash_of(&[purpose.as_bytes(), &self.0.to_be_bytes()]);
        let mut bytes = self.0.to_be_bytes();
        bytes[8..].copy_from_slice(&low[..8]);
        HealthEventId(u128::from_be_bytes(bytes))
    }

    pub(crate) fn low(self) -> u64 {
        (self.0 & u128::from(u64::MAX)) as u64
    }
}

impl std::fmt::Display for HealthEventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<HealthEventId> for String {
    fn from(id: HealthEventId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for HealthEventId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(HealthEventId)
    }
}

/// What was told of an instance, and what waits to be handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthLedger {
    /// What holds and was told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<Condition, OpenCondition>,
    /// Of each resource, the end of the last gap that was told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) gaps: BTreeMap<String, DateTime<Utc>>,
    /// Notices came: that they come no longer is news.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) had_push: bool,
    /// Written with what it follows from, taken out once it is handed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<HealthFact>,
}

impl HealthLedger {
    /// Nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == HealthLedger::default()
    }

    /// Adds that an owner signed in by a link, to the row that says so.
    pub fn note_connected(
        &mut self,
        (instance, version): (InstanceId, u64),
        mailbox: ConnectedMailbox,
        at: DateTime<Utc>,
    ) {
        let reason = if mailbox.again { "its owner signed in again" } else { "its owner connected it" };
        let open = OpenCondition { since: at, reason: format!("{reason} by a link") };
        let fact = HealthFact::new((instance, version), (Transition::Connected, ""), at, open);
        self.pending.push(HealthFact { connected: Some(mailbox), ..fact });
    }

    /// The same after everything was handed over.
    #[must_use]
    pub fn handed_over(&self) -> Self {
        HealthLedger { pending: Vec::new(), ..self.clone() }
    }
}
