//! The contacts, calendars and events of a mailbox.

use serde_json::{Map, Value, json};

use super::folder::random_id;
use super::kind::Type;
use super::mailbox::{Mailbox, change_key};
use super::noticed::Noticed;
use super::stored::{Attachment, StoredItem};

impl Mailbox {
    /// The calendar that is there from the start.
    pub(super) fn default_calendar(user_id: &str) -> StoredItem {
        let fields = json!({"name": "Calendar", "isDefaultCalendar": true, "isRemovable": false});
        StoredItem {
            id: format!("AQMkADcalendar{user_id}="),
            kind: Type::Calendar,
            change_key: format!("DQAAABYAAAcalendar{user_id}="),
            created_us: 0,
            modified_us: 0,
            calendar: None,
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    }

    pub(super) fn stored(&self, kind: Type, id: &str) -> Option<&StoredItem> {
        self.stored.iter().find(|stored| stored.kind == kind && stored.id == id)
    }

    pub(super) fn all_of(&self, kind: Type) -> impl Iterator<Item = &StoredItem> {
        self.stored.iter().filter(move |stored| stored.kind == kind)
    }

    /// The events of a calendar, or of the first one.
    pub(super) fn events_of(&self, calendar: Option<&str>) -> impl Iterator<Item = &StoredItem> {
        let first = self.all_of(Type::Calendar).next().map(|calendar| calendar.id.as_str());
        let calendar = calendar.or(first).map(str::to_owned);
        self.all_of(Type::Event).filter(move |event| event.calendar == calendar)
    }

    pub(super) fn store(
        &mut self,
        kind: Type,
        calendar: Option<&str>,
        fields: &Value,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> String {
        let first = self.all_of(Type::Calendar).next().map(|calendar| calendar.id.clone());
        let id = random_id("AAMkADhi", rng, 60);
        let stored = StoredItem {
            id: id.clone(),
            kind,
            change_key: change_key(rng),
            created_us: now_us,
            modified_us: now_us,
            calendar: (kind == Type::Event).then(|| calendar.map(str::to_owned).or(first)).flatten(),
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        };
        self.noticed.push(Noticed { kind, at_us: now_us, before: None, after: Some(stored.sight()) });
        self.stored.push(stored);
        id
    }

    /// Changes a contact, calendar or event; false without it.
    pub(super) fn change_stored(
        &mut self,
        id: &str,
        now_us: i64,
        rng: &mut fastrand::Rng,
        change: impl FnOnce(&mut Map<String, Value>, &mut Vec<Attachment>),
    ) -> bool {
        let Some(stored) = self.stored.iter_mut().find(|stored| stored.id == id) else { return false };
        let before = Some(stored.sight());
        change(&mut stored.fields, &mut stored.attachments);
        stored.modified_us = now_us.max(stored.modified_us);
        stored.change_key = change_key(rng);
        let after = Some(stored.sight());
        self.noticed.push(Noticed { kind: stored.kind, at_us: now_us, before, after });
        true
    }

    /// Removes it, and a calendar's events with it.
    pub(super) fn remove_stored(&mut self, id: &str, now_us: i64) -> bool {
        let (gone, kept) = std::mem::take(&mut self.stored)
            .into_iter()
            .partition::<Vec<_>, _>(|stored| stored.id == id || stored.calendar.as_deref() == Some(id));
        self.stored = kept;
        let noticed = gone.iter().map(|stored| Noticed {
            kind: stored.kind,
            at_us: now_us,
            before: Some(stored.sight()),
            after: None,
        });
        self.noticed.extend(noticed);
        !gone.is_empty()
    }
}
