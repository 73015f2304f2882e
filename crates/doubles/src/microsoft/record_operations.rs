//! What a person does to contacts, calendars, events and folders.

use serde_json::Value;

use super::Microsoft;
use super::folder;
use super::kind::Type;
use super::stored::Attachment;
use crate::mail::Mail;

/// More operations by account, as those on messages. Fields are as Graph spells them.
///
/// # Panics
/// All of them panic on an account that was not added.
impl Microsoft {
    /// Adds a contact and gives its id.
    pub fn add_contact(&self, email: &str, fields: &Value) -> String {
        self.store(email, Type::Contact, None, fields)
    }

    /// Adds a contact to a folder of contacts and gives its id.
    pub fn add_contact_to(&self, email: &str, folder: &str, fields: &Value) -> String {
        self.store(email, Type::Contact, Some(folder), fields)
    }

    /// Adds a folder of contacts below another, or below the first one, and gives its id.
    pub fn add_contact_folder(&self, email: &str, parent: Option<&str>, name: &str) -> String {
        self.store(email, Type::ContactFolder, parent, &serde_json::json!({"displayName": name}))
    }

    /// Adds a calendar and gives its id; each mailbox has one from the start.
    pub fn add_calendar(&self, email: &str, name: &str) -> String {
        self.store(email, Type::Calendar, None, &serde_json::json!({"name": name}))
    }

    /// Adds an event to a calendar, or to the first one, and gives its id.
    pub fn add_event(&self, email: &str, calendar: Option<&str>, fields: &Value) -> String {
        self.store(email, Type::Event, calendar, fields)
    }

    /// Sets fields of a contact, calendar or event, which gives it a new change key and modification time. This and
    /// the following give false without such an object.
    pub fn change_record(&self, email: &str, id: &str, changes: &Value) -> bool {
        let now_us = self.now_us();
        let changes = changes.as_object().cloned().unwrap_or_default();
        self.with(email, |mailbox, rng| {
            mailbox.change_stored(id, now_us, rng, |stored| stored.fields.extend(changes))
        })
    }

    /// Moves a contact to another folder of contacts, or an event to another calendar; it keeps its id.
    pub fn move_record(&self, email: &str, id: &str, container: &str) -> bool {
        let now_us = self.now_us();
        self.with(email, |mailbox, rng| {
            mailbox.change_stored(id, now_us, rng, |stored| stored.container = Some(container.to_owned()))
        })
    }

    /// Deletes a contact, calendar, event or folder of contacts for good, with what it holds.
    pub fn delete_record(&self, email: &str, id: &str) -> bool {
        let now_us = self.now_us();
        self.with(email, |mailbox, _| mailbox.remove_stored(id, now_us))
    }

    /// Attaches a file to an event.
    pub fn attach(&self, email: &str, event: &str, attachment: Attachment) -> bool {
        let now_us = self.now_us();
        self.with(email, |mailbox, rng| {
            mailbox.change_stored(event, now_us, rng, |event| event.attachments.push(attachment))
        })
    }

    /// A mail with files comes in, unread.
    pub fn deliver_with(&self, email: &str, mail: Mail, attachments: Vec<Attachment>) -> String {
        self.add(email, mail, folder::INBOX, |message| message.attachments = attachments)
    }

    /// Adds a folder below another, by well-known name or id; gives its id, or none without that other.
    pub fn add_child_folder(&self, email: &str, parent: &str, display_name: &str) -> Option<String> {
        self.with(email, |mailbox, rng| {
            let parent = mailbox.folder(parent)?;
            Some(mailbox.add_folder(Some(parent), display_name, rng))
        })
    }

    /// Gives a folder another name.
    pub fn rename_folder(&self, email: &str, id: &str, display_name: &str) -> bool {
        self.with(email, |mailbox, _| {
            let Some(folder) = mailbox.folder(id).and_then(|index| mailbox.folders.get_mut(index)) else {
                return false;
            };
            folder.display_name = display_name.to_owned();
            mailbox.record_changes.note(Type::Folder, &folder.id, None);
            true
        })
    }

    /// Moves a folder below another; `None` is the top.
    pub fn move_folder(&self, email: &str, id: &str, parent: Option<&str>) -> bool {
        self.with(email, |mailbox, _| {
            let (Some(index), parent) = (mailbox.folder(id), parent.map(|parent| mailbox.folder(parent)))
            else {
                return false;
            };
            match (parent, mailbox.folders.get_mut(index)) {
                (Some(None), _) | (_, None) => false,
                (parent, Some(folder)) => {
                    folder.parent = parent.flatten();
                    mailbox.record_changes.note(Type::Folder, &folder.id, None);
                    true
                }
            }
        })
    }

    /// Deletes a folder for good, with the folders below it and all their messages.
    pub fn delete_folder(&self, email: &str, id: &str) -> bool {
        let now_us = self.now_us();
        self.with(email, |mailbox, rng| {
            let Some(index) = mailbox.folder(id) else { return false };
            let gone = mailbox.remove_folder(index);
            let inside = mailbox.current().filter(|message| gone.contains(&message.folder));
            let ids: Vec<String> = inside.map(|message| message.immutable_id.clone()).collect();
            for id in ids {
                mailbox.purge(&id, now_us, rng);
            }
            true
        })
    }

    fn store(&self, email: &str, kind: Type, calendar: Option<&str>, fields: &Value) -> String {
        let now_us = self.now_us();
        self.with(email, |mailbox, rng| mailbox.store(kind, calendar, fields, now_us, rng))
    }

    fn now_us(&self) -> i64 {
        self.0.front.clock.now_us()
    }
}
