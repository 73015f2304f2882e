//! A record of the event log: what is in it, where its delivery stands, and why, in words.

use crate::time;
use crate::ui::Mark;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Created,
    Retry,
    Queued,
    Delivered,
    Dropped,
    Logged,
}

impl Delivery {
    pub(crate) const ALL: [Delivery; 6] = [
        Delivery::Created,
        Delivery::Retry,
        Delivery::Queued,
        Delivery::Delivered,
        Delivery::Dropped,
        Delivery::Logged,
    ];

    pub(crate) fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.key() == text).unwrap_or(Delivery::Created)
    }

    /// In the interface's words.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Delivery::Created => "created",
            Delivery::Retry => "retry",
            Delivery::Queued => "queued",
            Delivery::Delivered => "delivered",
            Delivery::Dropped => "dropped",
            Delivery::Logged => "logged",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Delivery::Created => "On its way",
            Delivery::Retry => "To be tried again",
            Delivery::Queued => "Queued",
            Delivery::Delivered => "Delivered",
            Delivery::Dropped => "Dropped",
            Delivery::Logged => "Only logged",
        }
    }

    pub(crate) fn mark(self) -> Mark {
        match self {
            Delivery::Created => Mark::Waiting,
            Delivery::Retry => Mark::Warning,
            Delivery::Queued => Mark::Ask,
            Delivery::Delivered => Mark::Good,
            Delivery::Dropped => Mark::Bad,
            Delivery::Logged => Mark::Off,
        }
    }

    /// Whether it may be delivered again.
    pub(crate) fn is_repeatable(self) -> bool {
        !matches!(self, Delivery::Dropped | Delivery::Logged)
    }
}

/// One change in a notification.
pub(crate) struct Change {
    pub(crate) kind: String,
    pub(crate) object: String,
    pub(crate) resource: String,
    pub(crate) at: Option<DateTime<Utc>>,
}

/// A record with its body, read once.
pub(crate) struct Event<'a> {
    record: &'a Value,
    /// The callback's body; null where it is none that can be read.
    pub(crate) body: Value,
}

impl<'a> Event<'a> {
    pub(crate) fn of(record: &'a Value) -> Self {
        Event { record, body: serde_json::from_str(raw(record)).unwrap_or_default() }
    }

    pub(crate) fn id(&self) -> &'a str {
        self.record["id"].as_str().unwrap_or_default()
    }

    pub(crate) fn instance(&self) -> u64 {
        self.record["instanceId"].as_u64().unwrap_or_default()
    }

    pub(crate) fn resource(&self) -> &'a str {
        self.record["objectType"].as_str().unwrap_or_default()
    }

    /// The life of each event in it, where the interface told it.
    pub(crate) fn lives(&self) -> &'a [Value] {
        self.record["lives"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Exactly as it is posted.
    pub(crate) fn raw(&self) -> &'a str {
        raw(self.record)
    }

    pub(crate) fn text(&self, field: &str) -> &'a str {
        self.record[field].as_str().unwrap_or_default()
    }

    /// The notification's number, as its callback has it.
    pub(crate) fn number(&self) -> String {
        match &self.record["notificationId"] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        }
    }

    pub(crate) fn created_at(&self) -> Option<DateTime<Utc>> {
        time::read(self.record["eventDate"].as_str())
    }

    pub(crate) fn next_attempt(&self) -> Option<DateTime<Utc>> {
        time::read(self.record["nextAttempt"].as_str())
    }

    pub(crate) fn delivery(&self) -> Delivery {
        Delivery::parse(self.text("delivery"))
    }

    pub(crate) fn attempts(&self) -> &'a [Value] {
        self.record["attempts"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        let events = self.body["message"]["events"].as_array();
        let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
        let change = |one: &Value| Change {
            kind: text(one, "eventType"),
            object: text(one, "objectId"),
            resource: text(one, "objectType"),
            at: time::read(one["date"].as_str()),
        };
        events.into_iter().flatten().map(change).collect()
    }

    /// By what the provider has the change's object. Callbacks may name it by another field of its record.
    pub(crate) fn provider_id<'c>(&'c self, change: &'c Change) -> &'c str {
        let records = self.body["message"]["raw"][&change.resource].as_array();
        let names = |record: &&Value| {
            record.as_object().is_some_and(|all| all.values().any(|one| *one == change.object))
        };
        let record = records.into_iter().flatten().find(names);
        let id = record.and_then(|record| record["id"].as_str().or(record["Id"].as_str()));
        id.unwrap_or(&change.object)
    }

    /// What its first record is called, where it is called something.
    pub(crate) fn subject(&self) -> Option<&'a str> {
        self.record["subject"].as_str().filter(|text| !text.trim().is_empty())
    }

    /// What it is called in a list: what its first record is called, else what it tells.
    pub(crate) fn heading(&self) -> String {
        let others = self.changes().len().saturating_sub(1);
        match (self.subject(), others) {
            (Some(subject), 0) => subject.to_owned(),
            (Some(subject), _) => format!("{subject} and {others} more"),
            (None, _) => self.counts(),
        }
    }

    /// "2 created, 1 deleted".
    pub(crate) fn counts(&self) -> String {
        let changes = self.changes();
        let count = |kind: &str| changes.iter().filter(|change| change.kind == kind).count();
        let told: Vec<String> = [("CREATED", "created"), ("UPDATED", "updated"), ("DELETED", "deleted")]
            .into_iter()
            .map(|(kind, word)| (count(kind), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        match (told.is_empty(), changes.len()) {
            (true, 0) => "no event".to_owned(),
            (true, count) => format!("{count} of another type"),
            (false, _) => told.join(", "),
        }
    }

    /// From the event to the receiver's first good answer, ms; nothing where there is none. What was delivered again
    /// later, because somebody asked, was not late.
    pub(crate) fn latency_ms(&self) -> Option<i64> {
        let is_good =
            |one: &&Value| one["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
        // A bus answers with no status.
        let delivered = || self.attempts().last().filter(|_| self.delivery() == Delivery::Delivered);
        let good = self.attempts().iter().find(is_good).or_else(delivered)?;
        let (at, created_at) = (time::read(good["date"].as_str())?, self.created_at()?);
        let took_ms = good["durationMs"].as_i64().unwrap_or(0);
        Some(((at - created_at).num_milliseconds() + took_ms).max(0))
    }

    /// Why it is where it is. `suspension` is the subscription's reason, where the instance still has one.
    pub(crate) fn why(&self, instance: &Value, suspension: Option<&str>, now: DateTime<Utc>) -> String {
        let last = self.attempts().last();
        let answered = last.map(answered).unwrap_or_default();
        match self.delivery() {
            Delivery::Delivered => {
                let count = self.attempts().len();
                match self.attempts().iter().rev().nth(1) {
                    None => format!("Delivered: the first attempt {answered}."),
                    Some(before) => {
                        let before = self::answered(before);
                        format!("Delivered: attempt {count} {answered}; the one before {before}.")
                    }
                }
            }
            Delivery::Created | Delivery::Retry if instance["disabled"] == true => {
                "Waiting: the instance is disabled, and nothing is delivered until it is enabled.".to_owned()
            }
            Delivery::Created => "On its way: the first attempt was not made yet.".to_owned(),
            Delivery::Retry => {
                let number = self.attempts().len();
                let next = match self.next_attempt() {
                    Some(at) if at > now => format!("in {}", time::span((at - now).num_seconds())),
                    _ => "now".to_owned(),
                };
                format!("Attempt {number} {answered}. It is tried again {next}.")
            }
            Delivery::Queued => match suspension {
                Some(reason) => format!("Queued: the callback is suspended since {reason}. Release it here."),
                None => "Queued: what is older is delivered first.".to_owned(),
            },
            Delivery::Dropped => "Dropped: the instance was deleted before it was delivered.".to_owned(),
            Delivery::Logged => {
                "Only logged: it was never to be delivered, so no callback was asked.".to_owned()
            }
        }
    }
}

fn raw(record: &Value) -> &str {
    record["providerData"].as_str().unwrap_or_default()
}

/// What an attempt met, as the end of a sentence.
fn answered(attempt: &Value) -> String {
    match (attempt["status"].as_u64(), attempt["error"].as_str()) {
        (Some(status), _) => format!("was answered {status}"),
        (None, Some(error)) => format!("had no answer: {error}"),
        (None, None) => "was taken".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn why(delivery: &str, attempts: Value, suspension: Option<&str>) -> String {
        let record = json!({ "delivery": delivery, "attempts": attempts, "eventDate": "2026-11-22T12:00:00Z",
                             "nextAttempt": "2026-11-22T12:00:08Z", "providerData": "not JSON" });
        let now = time::read(Some("2026-11-22T12:00:01Z")).unwrap();
        Event::of(&record).why(&json!({}), suspension, now)
    }

    #[test]
    fn each_place_has_its_reason() {
        let refused = json!([{ "status": 503, "durationMs": 3, "date": "2026-11-22T12:00:00.500Z" }]);
        assert_eq!(why("created", json!([]), None), "On its way: the first attempt was not made yet.");
        assert_eq!(why("retry", refused, None), "Attempt 1 was answered 503. It is tried again in 7 s.");
        let silent = json!([{ "status": null, "error": "timed out" }]);
        assert_eq!(
            why("retry", silent, None),
            "Attempt 1 had no answer: timed out. It is tried again in 7 s."
        );
        assert_eq!(
            why("queued", json!([]), Some("the last attempt was answered 500")),
            "Queued: the callback is suspended since the last attempt was answered 500. Release it here."
        );
        assert!(
            why("delivered", json!([{ "status": 200 }]), None).contains("the first attempt was answered")
        );
        let second = json!([{ "status": 503 }, { "status": 200 }]);
        assert_eq!(
            why("delivered", second, None),
            "Delivered: attempt 2 was answered 200; the one before was answered 503."
        );
        assert!(why("dropped", json!([]), None).contains("deleted"));
    }

    #[test]
    fn what_can_not_be_read_has_no_events() {
        let record = json!({ "providerData": "not JSON", "delivery": "delivered", "attempts": [] });
        let event = Event::of(&record);
        assert_eq!((event.counts().as_str(), event.latency_ms()), ("no event", None));
        let body =
            json!({ "message": { "events": [{ "eventType": "CREATED" }, { "eventType": "DELETED" }] } });
        let record = json!({ "providerData": body.to_string() });
        assert_eq!(Event::of(&record).counts(), "1 created, 1 deleted");
    }

    #[test]
    fn an_object_is_the_provider_s_by_its_record() {
        let body = json!({ "message": {
            "events": [{ "objectType": "messages", "objectId": "<a@b>" }, { "objectType": "messages", "objectId": "m2" }],
            "raw": { "messages": [{ "Id": "m1", "InternetMessageId": "<a@b>" }, { "Id": "m2" }] },
        } });
        let record = json!({ "providerData": body.to_string() });
        let event = Event::of(&record);
        let ids: Vec<String> = event.changes().iter().map(|one| event.provider_id(one).to_owned()).collect();
        assert_eq!(ids, ["m1", "m2"]);
    }

    #[test]
    fn latency_ends_with_the_first_good_answer() {
        let record = json!({ "eventDate": "2026-11-22T12:00:00Z", "delivery": "delivered", "attempts": [
            { "status": 503, "date": "2026-11-22T12:00:00.100Z", "durationMs": 5 },
            { "status": 200, "date": "2026-11-22T12:00:08.100Z", "durationMs": 20 },
            { "status": 200, "date": "2026-11-22T12:02:08.100Z", "durationMs": 30 },
        ] });
        assert_eq!(Event::of(&record).latency_ms(), Some(8_120));
    }
}
