//! How transitions are told: letters to an organization, or to an instance's callback.

use crate::health_ledger::{HealthEventId, HealthFact};
use crate::ids::InstanceId;
use crate::schedule::set_back;
use chrono::{DateTime, Duration, DurationRound as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

    /// Of one by itself: it came too late for its letter, or is told with no others.
    pub fn alone(member: &HealthMember, base: Option<&str>, now: DateTime<Utc>) -> Self {
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
    if let Some(mailbox) = &first.fact.connected {
        data["again"] = json!(mailbox.again);
        data["name"] = json!(mailbox.name);
        data["tags"] = json!(mailbox.tags);
    }
    if let Some(link) = link {
        data["link"] = json!(link);
    }
    json!({ "type": transition.text(), "timestamp": text(at), "data": data }).to_string()
}

#[cfg(test)]
mod tests;
