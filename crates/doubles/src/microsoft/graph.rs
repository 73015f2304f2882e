//! Which path of Graph shows what.

use serde_json::json;

use super::delta::{self, DeltaFaults, DeltaOf};
use super::kind::Type;
use super::mailbox::Mailbox;
use super::stored::{Attachment, AttachmentKind, StoredItem, instant_us};
use super::{error, folders, list, stored};
use crate::call::Call;
use crate::content::content_of;
use crate::reply::Reply;

/// Whether a scope covers a path. Mail is not asked about: every scope of the tests has it.
pub(super) fn is_allowed(scope: &str, path: &[&str]) -> bool {
    match path {
        ["me", "contacts" | "contactFolders", ..] => scope.contains("Contacts."),
        ["me", "calendar" | "calendars" | "calendarView" | "events", ..] => scope.contains("Calendars."),
        _ => true,
    }
}

/// A look at one mailbox.
pub(super) struct Reader<'a> {
    pub(super) mailbox: &'a Mailbox,
    pub(super) now_us: i64,
    pub(super) deltas: DeltaFaults,
}

impl Reader<'_> {
    pub(super) fn answer(&self, path: &[&str], call: &Call) -> Reply {
        let Reader { mailbox, now_us, .. } = *self;
        match path {
            ["me"] => me(mailbox),
            ["me", "messages"] => list::messages(mailbox, None, call, now_us),
            ["me", "messages", id] => list::message(mailbox, id, call),
            ["me", "messages", id, "$value"] => match mailbox.get(id) {
                None => error::item_not_found(),
                Some(message) => bytes("text/plain", message.mail.raw(id, message.received_us).into_bytes()),
            },
            ["me", "messages", id, "attachments", rest @ ..] => match mailbox.get(id) {
                None => error::item_not_found(),
                Some(message) => {
                    self.attachments((&message.id, message.modified_us), &message.attachments, rest, call)
                }
            },
            ["me", "mailFolders"] => self.folders(None, call),
            ["me", "mailFolders", "delta"] => self.delta(DeltaOf::Folders, call),
            ["me", "mailFolders", id, rest @ ..] => match mailbox.folder(id) {
                None => error::item_not_found(),
                Some(folder) => self.folder(folder, rest, call),
            },
            ["me", "contacts"] => self.contacts("contacts", &["contacts"], call),
            ["me", "contacts", "delta"] => self.contacts("contacts", &["contacts", "delta"], call),
            ["me", "contactFolders"] => self.contacts("contacts", &["childFolders"], call),
            ["me", "contactFolders", id, rest @ ..] => self.contacts(id, rest, call),
            ["me", "calendarView" | "calendar", rest @ ..] if rest.last() == Some(&"delta") => {
                self.events_delta(mailbox.all_of(Type::Calendar).next(), call)
            }
            ["me", "calendars", id, "calendarView", "delta"] => {
                self.events_delta(mailbox.stored(Type::Calendar, id), call)
            }
            ["me", "calendars"] => self.stored(Type::Calendar, mailbox.all_of(Type::Calendar), call),
            ["me", "calendars", id, "events"] => match mailbox.stored(Type::Calendar, id) {
                None => error::item_not_found(),
                Some(_) => self.stored(Type::Event, mailbox.events_of(Some(id)), call),
            },
            ["me", "events"] => self.stored(Type::Event, mailbox.events_of(None), call),
            ["me", "contacts", id] => self.one(Type::Contact, id, call),
            ["me", "calendars", id] => self.one(Type::Calendar, id, call),
            ["me", "events", id] => self.one(Type::Event, id, call),
            ["me", "events", id, "attachments", rest @ ..] => match mailbox.stored(Type::Event, id) {
                None => error::item_not_found(),
                Some(event) => {
                    self.attachments((id, event.record().modified_us), &event.attachments, rest, call)
                }
            },
            _ => error::no_such_path(call),
        }
    }

    fn folder(&self, folder: usize, rest: &[&str], call: &Call) -> Reply {
        let Reader { mailbox, now_us, .. } = *self;
        match rest {
            [] => list::record(mailbox, Type::Folder, folders::record(mailbox, folder, now_us), call),
            ["childFolders"] => self.folders(Some(folder), call),
            ["messages"] => list::messages(mailbox, Some(folder), call, now_us),
            ["messages", "delta"] => self.delta(DeltaOf::Messages(folder), call),
            ["messages", id] if mailbox.get(id).is_some_and(|found| found.folder == folder) => {
                list::message(mailbox, id, call)
            }
            ["messages", _] => error::item_not_found(),
            _ => error::no_such_path(call),
        }
    }

    fn delta(&self, of: DeltaOf<'_>, call: &Call) -> Reply {
        delta::delta(self.mailbox, of, call, self.deltas, self.now_us)
    }

    /// What is in a folder of contacts.
    fn contacts(&self, folder: &str, rest: &[&str], call: &Call) -> Reply {
        let mailbox = self.mailbox;
        let Some(folder) = mailbox.contact_folder(folder) else { return error::item_not_found() };
        match rest {
            [] => self.one(Type::ContactFolder, folder, call),
            ["contacts"] => self.stored(Type::Contact, mailbox.below(Type::Contact, Some(folder)), call),
            ["contacts", "delta"] => self.delta(DeltaOf::Contacts(folder), call),
            ["childFolders"] => {
                let below = mailbox.below(Type::ContactFolder, Some(folder));
                self.stored(Type::ContactFolder, below, call)
            }
            _ => error::no_such_path(call),
        }
    }

    /// The events of a window of a calendar, as the address bounds it.
    fn events_delta(&self, calendar: Option<&StoredItem>, call: &Call) -> Reply {
        let Some(calendar) = calendar else { return error::item_not_found() };
        let at = |name: &str| call.param(name).and_then(instant_us);
        match (at("startDateTime"), at("endDateTime")) {
            (Some(from_us), Some(to_us)) => {
                self.delta(DeltaOf::Events { calendar: &calendar.id, from_us, to_us }, call)
            }
            _ => error::invalid_query("This request requires a time window."),
        }
    }

    /// All of them, one, or what one holds. Their owner is told by its id, and when it changed.
    fn attachments(
        &self,
        owner: (&str, i64),
        attachments: &[Attachment],
        rest: &[&str],
        call: &Call,
    ) -> Reply {
        let mut records = stored::attachments(owner.0, attachments, owner.1);
        let index = rest.first().and_then(|id| stored::index_of(owner.0, id));
        let found = index.and_then(|index| Some((index, attachments.get(index)?)));
        match (rest, found) {
            ([], _) => list::records(self.mailbox, Type::Attachment, records, call),
            ([_], Some((index, _))) => {
                list::record(self.mailbox, Type::Attachment, Some(records.swap_remove(index)), call)
            }
            ([_, "$value"], Some((_, file))) if file.kind == AttachmentKind::Reference => {
                error::error(405, "ErrorInvalidRequest", "A reference attachment has no content.")
            }
            ([_, "$value"], Some((_, file))) => {
                bytes("application/octet-stream", content_of(usize::try_from(file.size_bytes).unwrap_or(0)))
            }
            ([_] | [_, "$value"], None) => error::item_not_found(),
            _ => error::no_such_path(call),
        }
    }

    fn folders(&self, parent: Option<usize>, call: &Call) -> Reply {
        let with_hidden = call.param("includeHiddenFolders") == Some("true");
        let found = folders::records(self.mailbox, parent, with_hidden, self.now_us);
        list::records(self.mailbox, Type::Folder, found, call)
    }

    fn stored<'a>(&self, kind: Type, stored: impl Iterator<Item = &'a StoredItem>, call: &Call) -> Reply {
        list::records(self.mailbox, kind, stored.map(StoredItem::record).collect(), call)
    }

    fn one(&self, kind: Type, id: &str, call: &Call) -> Reply {
        list::record(self.mailbox, kind, self.mailbox.stored(kind, id).map(StoredItem::record), call)
    }
}

fn bytes(media_type: &str, body: Vec<u8>) -> Reply {
    Reply { body, ..Reply::text(200, media_type, "") }
}

fn me(mailbox: &Mailbox) -> Reply {
    let name = mailbox.email.split('@').next().unwrap_or_default();
    let body = json!({
        "id": mailbox.user_id,
        "displayName": name,
        "mail": mailbox.email,
        "userPrincipalName": mailbox.email,
    });
    Reply::json(200, &body)
}
