//! What becomes of an instance's connection, and whom it is told: each transition once.
//!
//! An instance's row keeps what was told ([`HealthLedger`]). Whoever reads the row with its resources and its callback
//! compares, and writes the difference: a crash in between leaves a difference, which the next one finds.

use crate::delivery::{Subscription, SubscriptionStatus};
use crate::health::Vitals;
use crate::ids::{InstanceId, hash_of};
use crate::instance::{Instance, Validity};
use crate::schedule::set_back;
use crate::state::{ResourceState, frozen_after};
use chrono::{DateTime, Duration, DurationRound as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Transitions of an instance that wait to be handed over; more wait in the rows that they follow from.
const PENDING_COUNT_MAX: usize = 40;
/// Longest reason that is told, characters.
const REASON_CHARS_MAX: usize = 300;
/// Longer words with a digit are ids and times of one request: no part of a cause.
const CAUSE_WORD_CHARS_MAX: usize = 7;
/// Events of one organization with one cause are told together, by this time, minutes.
const TOGETHER_MIN: i64 = 1;
/// How long after that time the summary is made, seconds: processes' clocks differ.
const SUMMARY_AFTER_S: i64 = 5;
/// How long rows are kept that are done with, days; of what was given up, for longer.
const KEPT_DAYS: i64 = 7;
const GIVEN_UP_KEPT_DAYS: i64 = 30;
/// Instances that a summary names.
pub const NAMED_COUNT_MAX: usize = 100;
/// Events that a summary is known to hold: eight bytes each, within what a row takes.
const HELD_COUNT_MAX: usize = 30_000;

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

/// What the rows say of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It holds.
    Holds(OpenCondition),
    /// It does not.
    Over,
    /// Nothing can be said, or nothing is decided yet.
    Unknown,
    /// There is nothing any more that it could hold of: its end is not told.
    Moot,
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
}

/// Names a stored health event within its organization, and orders them by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HealthEventId(u128);

impl HealthEventId {
    /// The id of what these parts tell apart, at a time.
    fn of(at: DateTime<Utc>, parts: &[&[u8]]) -> Self {
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
    fn derived(self, purpose: &str) -> Self {
        let low = hash_of(&[purpose.as_bytes(), &self.0.to_be_bytes()]);
        let mut bytes = self.0.to_be_bytes();
        bytes[8..].copy_from_slice(&low[..8]);
        HealthEventId(u128::from_be_bytes(bytes))
    }

    fn low(self) -> u64 {
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
    gaps: BTreeMap<String, DateTime<Utc>>,
    /// Written with what it follows from, taken out once it is handed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<HealthFact>,
}

impl HealthLedger {
    /// Nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == HealthLedger::default()
    }

    /// The same after everything was handed over.
    #[must_use]
    pub fn handed_over(&self) -> Self {
        HealthLedger { pending: Vec::new(), ..self.clone() }
    }
}

/// All that an instance's rows say of its connection, and what follows for what was told.
pub struct HealthReading<'a> {
    instance: &'a Instance,
    states: Vec<&'a ResourceState>,
    conditions: [(Condition, Reading); 4],
}

impl<'a> HealthReading<'a> {
    /// Of these rows. What is known of push comes from elsewhere.
    pub fn of(
        instance: &'a Instance,
        subscription: &Subscription,
        states: impl Iterator<Item = &'a ResourceState>,
        push: Reading,
        now: DateTime<Utc>,
    ) -> Self {
        let states: Vec<_> = states.filter(|state| !crate::backfill::is_row(&state.resource)).collect();
        let conditions = [
            (Condition::NeedsSignIn, needs_sign_in(instance, now)),
            (Condition::Failing, failing(instance, &states, now)),
            (Condition::PushLost, push),
            (Condition::Suspended, suspended(instance, subscription, now)),
        ];
        HealthReading { instance, states, conditions }
    }

    /// The ledger of the instance's next version; `None` if nothing is to be told or taken back. What does not fit waits:
    /// the rows say it still when there is room.
    pub fn next(&self, now: DateTime<Utc>) -> Option<HealthLedger> {
        let before = &self.instance.health;
        if before.pending.len() + self.conditions.len() > PENDING_COUNT_MAX {
            return None;
        }
        let mut next = before.clone();
        let mut facts: Vec<(Transition, String, OpenCondition)> = Vec::new();
        for (condition, reading) in &self.conditions {
            match (reading, next.open.get(condition)) {
                (Reading::Holds(open), None) => {
                    next.open.insert(*condition, open.clone());
                    facts.push((condition.begins(), String::new(), open.clone()));
                }
                (Reading::Over | Reading::Moot, Some(_)) => {
                    let was = next.open.remove(condition);
                    let ends = (*reading == Reading::Over).then(|| ends(*condition, &next)).flatten();
                    facts.extend(was.zip(ends).map(|(was, ends)| (ends, String::new(), was)));
                }
                _ => {}
            }
        }
        for state in &self.states {
            let told = next.gaps.get(&state.resource).copied();
            for gap in state.gaps.iter().filter(|gap| told.is_none_or(|told| told < gap.to)) {
                if before.pending.len() + facts.len() == PENDING_COUNT_MAX {
                    break;
                }
                next.gaps.insert(state.resource.clone(), gap.to);
                let reason = format!("{}: {}", state.resource, gap.reason);
                let which = format!("{} {}", state.resource, gap.to.timestamp_micros());
                facts.push((Transition::Gap, which, OpenCondition { since: gap.from, reason }));
            }
        }
        next.gaps.retain(|resource, _| self.states.iter().any(|state| state.resource == *resource));
        let version = self.instance.version + 1;
        for (transition, which, OpenCondition { since, reason }) in facts {
            let number = self.instance.id.get().to_be_bytes();
            let parts = [&number[..], transition.text().as_bytes(), which.as_bytes(), &version.to_be_bytes()];
            let id = HealthEventId::of(now, &parts);
            let reason = reason.chars().take(REASON_CHARS_MAX).collect();
            next.pending.push(HealthFact { id, transition, at: now, since, reason });
        }
        (next != *before).then_some(next)
    }
}

/// What the end of a condition is told as, if it is: a mailbox has recovered when none of its own holds any more.
fn ends(condition: Condition, left: &HealthLedger) -> Option<Transition> {
    let holds = |condition| left.open.contains_key(&condition);
    match condition {
        Condition::NeedsSignIn | Condition::Failing => {
            (!holds(Condition::NeedsSignIn) && !holds(Condition::Failing)).then_some(Transition::Recovered)
        }
        Condition::PushLost => None,
        Condition::Suspended => Some(Transition::Resumed),
    }
}

fn needs_sign_in(instance: &Instance, now: DateTime<Utc>) -> Reading {
    match &instance.validity {
        Validity::NeedsSignIn(reason) => Reading::Holds(OpenCondition { since: now, reason: reason.clone() }),
        Validity::Valid => Reading::Over,
    }
}

/// A resource fails, and its last success is older than what counts as frozen. It is over when each was read since.
fn failing(instance: &Instance, states: &[&ResourceState], now: DateTime<Utc>) -> Reading {
    let vitals = Vitals::of(instance, SubscriptionStatus::Active, states.iter().copied());
    if !vitals.is_polled {
        return Reading::Moot;
    }
    if instance.disabled || !instance.is_valid() {
        return Reading::Unknown;
    }
    let last =
        |state: &ResourceState| state.last_success_at.or(state.baseline_at).unwrap_or(instance.created_at);
    let is_failing =
        |state: &&&ResourceState| state.failures > 0 && now - last(state) > frozen_after(vitals.interval_s);
    let failing = states.iter().filter(is_failing);
    if let Some(worst) = failing.min_by_key(|state| last(state)) {
        let reason = worst.last_error.clone().unwrap_or_else(|| "it can't be read".to_owned());
        return Reading::Holds(OpenCondition { since: last(worst), reason });
    }
    let since = instance.health.open.get(&Condition::Failing).map(|open| open.since);
    let is_read = |state: &&ResourceState| {
        state.failures == 0 && state.last_success_at.is_some_and(|at| since.is_none_or(|since| at > since))
    };
    if states.iter().all(is_read) { Reading::Over } else { Reading::Unknown }
}

fn suspended(instance: &Instance, subscription: &Subscription, now: DateTime<Utc>) -> Reading {
    match subscription.status {
        _ if instance.disabled => Reading::Unknown,
        SubscriptionStatus::Suspended => {
            let reason = subscription.reason.clone().unwrap_or_else(|| "it takes nothing".to_owned());
            Reading::Holds(OpenCondition { since: now, reason })
        }
        // It is over when nothing waits any more.
        SubscriptionStatus::Releasing => Reading::Unknown,
        SubscriptionStatus::Active => Reading::Over,
    }
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipient {
    /// The organization's health address.
    Organization,
    /// The callback of the instance.
    Callback(InstanceId),
}

/// How far a letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LetterProgress {
    /// It is tried.
    Pending,
    /// It arrived.
    Delivered,
    /// All attempts are used up, or there is no address any more.
    GivenUp,
}

/// A transition that is told with others of its organization, of the same cause and minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthMember {
    /// Whose instance it is.
    pub organization_id: u32,
    /// The instance.
    pub instance: InstanceId,
    /// Key of its connector.
    pub connector: String,
    /// The letter that it is told by.
    pub letter: HealthEventId,
    /// What happened.
    pub fact: HealthFact,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthLetter {
    /// Whose it is.
    pub organization_id: u32,
    /// The same on every attempt, as `webhook-id`.
    pub id: HealthEventId,
    /// To whom.
    pub to: Recipient,
    /// The exact bytes of every attempt; `None` while it is being closed.
    pub body: Option<String>,
    /// What it is known to hold, in short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<u64>,
    /// How far it is.
    pub progress: LetterProgress,
    /// Number of the next attempt, or of the one under way.
    pub attempt: u32,
    /// When that is due.
    pub due_at: DateTime<Utc>,
    /// Somebody is at it until then.
    pub claimed_until: Option<DateTime<Utc>>,
    /// How the last attempt ended, in words.
    pub last: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Goes up with each change.
    pub version: u64,
}

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HealthRow {
    /// One of those that a letter is made of.
    Member(HealthMember),
    /// A letter.
    Letter(HealthLetter),
}

impl HealthRow {
    /// Whose it is, and what it is called.
    pub fn key(&self) -> (u32, HealthEventId) {
        match self {
            HealthRow::Member(member) => (member.organization_id, member.fact.id),
            HealthRow::Letter(letter) => (letter.organization_id, letter.id),
        }
    }

    /// When it goes; `None` while it is to be delivered.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            HealthRow::Member(member) => Some(member.fact.at + Duration::days(KEPT_DAYS)),
            HealthRow::Letter(letter) => match letter.progress {
                LetterProgress::Pending => None,
                LetterProgress::Delivered => Some(letter.created_at + Duration::days(KEPT_DAYS)),
                LetterProgress::GivenUp => Some(letter.created_at + Duration::days(GIVEN_UP_KEPT_DAYS)),
            },
        }
    }

    /// A member never changes.
    pub fn version(&self) -> u64 {
        match self {
            HealthRow::Member(_) => 1,
            HealthRow::Letter(letter) => letter.version,
        }
    }
}

impl HealthLetter {
    /// One that nobody tried yet.
    fn new(
        organization_id: u32,
        id: HealthEventId,
        to: Recipient,
        body: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        HealthLetter {
            organization_id,
            id,
            to,
            body,
            held: Vec::new(),
            progress: LetterProgress::Pending,
            attempt: 1,
            due_at: now,
            claimed_until: None,
            last: None,
            created_at: now,
            version: 1,
        }
    }

    /// To an instance's own callback.
    pub fn to_callback(member: &HealthMember, base: Option<&str>, now: DateTime<Utc>) -> Self {
        let body = body(std::slice::from_ref(member), base);
        let id = member.fact.id.derived("callback");
        Self::new(member.organization_id, id, Recipient::Callback(member.instance), Some(body), now)
    }

    /// Of one that came too late for its letter.
    pub fn late(member: &HealthMember, base: Option<&str>, now: DateTime<Utc>) -> Self {
        let body = body(std::slice::from_ref(member), base);
        let id = member.fact.id.derived("late");
        Self::new(member.organization_id, id, Recipient::Organization, Some(body), now)
    }

    /// Takes no more members from now on, and is to be written.
    pub fn closing(organization_id: u32, id: HealthEventId, now: DateTime<Utc>) -> Self {
        Self::new(organization_id, id, Recipient::Organization, None, now)
    }

    /// Written of these, in the order of their ids.
    #[must_use]
    pub fn written(&self, members: &[HealthMember], base: Option<&str>) -> Self {
        HealthLetter {
            body: Some(body(members, base)),
            held: members.iter().take(HELD_COUNT_MAX).map(|member| member.fact.id.low()).collect(),
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// The clock was set back by so much: its next version waits no longer than it was meant to.
    pub fn set_back(&mut self, by: Duration, now: DateTime<Utc>) {
        set_back(&mut self.due_at, by, now);
        self.claimed_until.iter_mut().for_each(|until| set_back(until, by, now));
        self.version += 1;
    }

    /// Whether it tells this.
    pub fn holds(&self, fact: &HealthFact) -> bool {
        self.held.contains(&fact.id.low())
    }
}

/// The letter that a transition is told by with others, and when that is written.
pub fn letter_of(organization_id: u32, connector: &str, fact: &HealthFact) -> (HealthEventId, DateTime<Utc>) {
    let begun = fact.at.duration_trunc(Duration::minutes(TOGETHER_MIN)).unwrap_or(fact.at);
    let ends = begun + Duration::minutes(TOGETHER_MIN);
    let (number, cause) = (organization_id.to_be_bytes(), cause(&fact.reason));
    let parts = [&number[..], connector.as_bytes(), fact.transition.text().as_bytes(), cause.as_bytes()];
    (HealthEventId::of(ends, &parts), ends + Duration::seconds(SUMMARY_AFTER_S))
}

/// Between which ids the members of a letter are.
pub fn members_of(letter: HealthEventId) -> (HealthEventId, HealthEventId) {
    let minute = Duration::minutes(TOGETHER_MIN).num_microseconds().unwrap_or(0).unsigned_abs();
    let before = letter.0 >> 64;
    (HealthEventId(before.saturating_sub(u128::from(minute)) << 64), HealthEventId(before << 64))
}

/// What of a reason is the same for all that it strikes.
fn cause(reason: &str) -> String {
    let is_own = |word: &&str| {
        word.chars().count() <= CAUSE_WORD_CHARS_MAX || !word.chars().any(|c| c.is_ascii_digit())
    };
    reason.split_whitespace().filter(is_own).collect::<Vec<_>>().join(" ")
}

/// The body, in the form of Standard Webhooks.
fn body(members: &[HealthMember], base: Option<&str>) -> String {
    let Some(first) = members.first() else { return Value::Null.to_string() };
    let HealthFact { transition, at, since, reason, .. } = &first.fact;
    let text = |at: &DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let since = members.iter().map(|member| member.fact.since).min().unwrap_or(*since);
    let mut data = json!({ "connector": first.connector, "reason": reason, "since": text(&since) });
    let link = match members {
        [one] => {
            data["instanceId"] = json!(one.instance);
            base.map(|base| format!("{base}/instances/{}", one.instance))
        }
        many => {
            data["count"] = json!(many.len());
            let named = many.iter().take(NAMED_COUNT_MAX).map(|member| member.instance);
            data["instanceIds"] = named.collect::<Vec<_>>().into_iter().map(|id| json!(id)).collect();
            base.map(|base| format!("{base}/instances"))
        }
    };
    if let Some(link) = link {
        data["link"] = json!(link);
    }
    json!({ "type": transition.text(), "timestamp": text(at), "data": data }).to_string()
}

#[cfg(test)]
mod tests;
