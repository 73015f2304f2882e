//! The contacts, calendars and events of a mailbox.

use serde_json::{Value, json};

use super::folder::random_id;
use super::kind::Type;
use super::mailbox::{Mailbox, change_key};
use super::noticed::Noticed;
use super::stored::StoredItem;

const DEFAULT_CONTACTS: &str = "AQMkADcontacts=";

impl Mailbox {
    /// The folder of contacts that is there from the start; lists of folders do not show it.
    pub(super) fn default_contacts() -> StoredItem {
        let fields = json!({"displayName": "Contacts"});
        StoredItem {
            id: DEFAULT_CONTACTS.to_owned(),
            kind: Type::ContactFolder,
            change_key: String::new(),
            created_us: 0,
            modified_us: 0,
            container: None,
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    }

    /// The calendar that is there from the start.
    pub(super) fn default_calendar(user_id: &str) -> StoredItem {
        let fields = json!({"name": "Calendar", "isDefaultCalendar": true, "isRemovable": false});
        StoredItem {
            id: format!("AQMkADcalendar{user_id}="),
            kind: Type::Calendar,
            change_key: format!("DQAAABYAAAcalendar{user_id}="),
            created_us: 0,
            modified_us: 0,
            container: None,
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
        self.all_of(Type::Event).filter(move |event| event.container == calendar)
    }

    /// The id of a folder of contacts, by id or well-known name.
    pub(super) fn contact_folder(&self, id: &str) -> Option<&str> {
        let id = if id.eq_ignore_ascii_case("contacts") { DEFAULT_CONTACTS } else { id };
        self.stored(Type::ContactFolder, id).map(|folder| folder.id.as_str())
    }

    /// The contacts or folders of contacts below a folder, or the default one.
    pub(super) fn below(&self, kind: Type, folder: Option<&str>) -> impl Iterator<Item = &StoredItem> {
        let folder = folder.unwrap_or(DEFAULT_CONTACTS).to_owned();
        self.all_of(kind).filter(move |stored| stored.container.as_deref() == Some(&folder))
    }

    pub(super) fn store(
        &mut self,
        kind: Type,
        container: Option<&str>,
        fields: &Value,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> String {
        let default = match kind {
            Type::Event => self.all_of(Type::Calendar).next().map(|calendar| calendar.id.clone()),
            Type::Contact | Type::ContactFolder => Some(DEFAULT_CONTACTS.to_owned()),
            _ => None,
        };
        let id = random_id("AAMkADhi", rng, 60);
        let stored = StoredItem {
            id: id.clone(),
            kind,
            change_key: change_key(rng),
            created_us: now_us,
            modified_us: now_us,
            container: container.map(str::to_owned).or(default),
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        };
        self.noticed.push(Noticed { kind, at_us: now_us, before: None, after: Some(stored.sight()) });
        self.record_changes.note(kind, &id, None);
        self.stored.push(stored);
        id
    }

    /// Changes a contact, calendar or event; false without it.
    pub(super) fn change_stored(
        &mut self,
        id: &str,
        now_us: i64,
        rng: &mut fastrand::Rng,
        change: impl FnOnce(&mut StoredItem),
    ) -> bool {
        let Some(stored) = self.stored.iter_mut().find(|stored| stored.id == id) else { return false };
        let before = Some(stored.sight());
        self.record_changes.note(stored.kind, id, Some(stored.clone()));
        change(stored);
        stored.modified_us = now_us.max(stored.modified_us);
        stored.change_key = change_key(rng);
        let after = Some(stored.sight());
        self.noticed.push(Noticed { kind: stored.kind, at_us: now_us, before, after });
        true
    }

    /// Removes it, and what it holds with it.
    pub(super) fn remove_stored(&mut self, id: &str, now_us: i64) -> bool {
        let mut ids = vec![id.to_owned()];
        let mut next = 0;
        while let Some(container) = ids.get(next).cloned() {
            let inside = self.stored.iter().filter(|stored| stored.container.as_ref() == Some(&container));
            ids.extend(inside.map(|stored| stored.id.clone()));
            next += 1;
        }
        let (gone, kept) = std::mem::take(&mut self.stored)
            .into_iter()
            .partition::<Vec<_>, _>(|stored| ids.contains(&stored.id));
        self.stored = kept;
        for stored in &gone {
            self.record_changes.note(stored.kind, &stored.id, Some(stored.clone()));
        }
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
