//! Google Calendar, as any double is driven, and what only calendars have.

use serde_json::{Value, json};

use super::store::Calendar;
use crate::double::{Double, Happening, served};
use crate::google::{Google, World};
use crate::mail::Mail;
use crate::odd::Corruption;

const SCOPE: &str = "https://www.googleapis.com/auth/calendar.readonly";

const YEAR_US: i64 = 365 * 86_400 * 1_000_000;

/// What ids are made of.
const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuv";

/// The calendars of a Google double's accounts.
#[derive(Clone)]
pub struct GoogleCalendar(Google);

/// Operations by account.
///
/// # Panics
/// All of them panic on an account that was not added: that is a mistake in the test, not a case of it.
impl GoogleCalendar {
    /// Those of this Google.
    pub fn of(google: &Google) -> Self {
        Self(google.clone())
    }

    /// Adds an event with these fields; gives its id.
    pub fn add(&self, email: &str, fields: &Value) -> String {
        self.add_at(email, fields, 0)
    }

    /// The same, as long before or after now.
    fn add_at(&self, email: &str, fields: &Value, after_us: i64) -> String {
        self.with(email, |calendar, rng, now_us| {
            let id: String = (0..26).map(|_| char::from(LETTERS[rng.usize(..LETTERS.len())])).collect();
            calendar.put(&id, fields.clone(), now_us + after_us);
            id
        })
    }

    /// Changes an event; false without one.
    pub fn change(&self, email: &str, id: &str, fields: &Value) -> bool {
        self.with(email, |calendar, _, now_us| calendar.change(id, fields, now_us))
    }

    /// Changes one day of a series; gives the exception's id.
    pub fn change_day(&self, email: &str, series: &str, day: &str, fields: &Value) -> String {
        self.with(email, |calendar, _, now_us| {
            let id = exception_id(series, day);
            let mut whole = json!({
                "recurringEventId": series,
                "originalStartTime": { "dateTime": format!("{day}T09:00:00Z"), "timeZone": "Europe/Berlin" },
            });
            for (key, value) in fields.as_object().into_iter().flatten() {
                whole[key] = value.clone();
            }
            calendar.put(&id, whole, now_us);
            id
        })
    }

    /// Cancels one day of a series, changed before or not; gives the exception's id.
    pub fn cancel_day(&self, email: &str, series: &str, day: &str) -> String {
        let id = exception_id(series, day);
        if !self.with(email, |calendar, _, _| calendar.events.contains_key(&id)) {
            self.change_day(email, series, day, &json!({}));
        }
        self.cancel(email, &id);
        id
    }

    /// Deletes an event, or a whole series; false without one.
    pub fn cancel(&self, email: &str, id: &str) -> bool {
        self.with(email, |calendar, _, now_us| calendar.cancel(id, now_us))
    }

    /// Takes an event out without a trace, as what is purged while a sync token is worth nothing.
    pub fn vanish(&self, email: &str, id: &str) {
        self.with(email, |calendar, _, _| calendar.events.remove(id));
    }

    /// Each page of a list that holds this event fails, and so does reading it; `None` heals it.
    pub fn corrupt(&self, email: &str, id: &str, corruption: impl Into<Option<Corruption>>) {
        self.with(email, |calendar, _, _| match corruption.into() {
            Some(corruption) => calendar.corrupt.insert(id.to_owned(), corruption),
            None => calendar.corrupt.remove(id),
        });
    }

    fn with<R>(&self, email: &str, f: impl FnOnce(&mut Calendar, &mut fastrand::Rng, i64) -> R) -> R {
        let now_us = self.0.0.front.clock.now_us();
        let World { rng, mailboxes, calendars, .. } = &mut *self.0.world();
        assert!(mailboxes.contains_key(email), "no account {email}");
        f(calendars.entry(email.to_owned()).or_default(), rng, now_us)
    }
}

/// As Google makes ids of exceptions: the series', and the day.
fn exception_id(series: &str, day: &str) -> String {
    format!("{series}_{}T090000Z", day.replace('-', ""))
}

impl Double for GoogleCalendar {
    served!(Google, |calendar| &calendar.0);

    fn connector(&self) -> &'static str {
        "googlecalendar"
    }

    fn server(&self) -> &'static str {
        "google"
    }

    fn addresses(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("CARILLON_GOOGLE_AUTH_URL", "/o/oauth2/v2/auth"),
            ("CARILLON_GOOGLE_TOKEN_URL", "/token"),
            ("CARILLON_GOOGLE_CALENDAR_API_URL", "/calendar/v3"),
        ]
    }

    fn poller(&self) -> Value {
        json!({ "events": { "url": "/hubs/general/events", "idField": "id" } })
    }

    fn new_code(&self, email: &str) -> String {
        self.0.new_code_with(email, SCOPE)
    }

    fn receive(&self, email: &str, mail: Mail) -> Happening {
        let fields = json!({
            "summary": mail.subject,
            "description": mail.body,
            "start": { "dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin" },
            "end": { "dateTime": "2026-12-01T11:00:00+01:00", "timeZone": "Europe/Berlin" },
        });
        Happening::new("new event", "CREATED", self.add(email, &fields))
    }

    fn look_at(&self, email: &str, id: &str) -> Happening {
        self.change(email, id, &json!({ "attendees": [{ "self": true, "responseStatus": "accepted" }] }));
        Happening::new("accepted", "UPDATED", id)
    }

    fn mark(&self, email: &str, id: &str) -> Happening {
        self.change(email, id, &json!({ "colorId": "11" }));
        Happening::new("given a colour", "UPDATED", id)
    }

    fn remove(&self, email: &str, id: &str) -> Happening {
        self.cancel(email, id);
        Happening::new("deleted", "DELETED", id)
    }

    fn import_old(&self, email: &str, mail: Mail) -> String {
        let day = json!({ "date": "2025-12-01" });
        self.add_at(email, &json!({ "summary": mail.subject, "start": day, "end": day }), -YEAR_US)
    }

    fn expire_positions(&self, email: &str) -> bool {
        self.with(email, |calendar, _, _| {
            // As a change of access rights: every token from before is worth nothing.
            calendar.changes += 1;
            calendar.expired_before = calendar.changes;
        });
        true
    }
}
