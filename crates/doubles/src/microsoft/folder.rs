//! The folders of a mailbox.

use serde_json::{Value, json};

use super::error;
use super::mailbox::Mailbox;
use crate::call::Call;
use crate::reply::Reply;

#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// The same with and without immutable ids.
    pub(super) id: String,
    /// A name that stands for the id in addresses; folders a person made have none.
    pub(super) well_known: Option<&'static str>,
    pub(super) display_name: String,
}

pub(super) const INBOX: usize = 0;
pub(super) const DRAFTS: usize = 1;
pub(super) const SENT_ITEMS: usize = 2;
pub(super) const DELETED_ITEMS: usize = 3;
const WELL_KNOWN: [(&str, &str); 7] = [
    ("inbox", "Inbox"),
    ("drafts", "Drafts"),
    ("sentitems", "Sent Items"),
    ("deleteditems", "Deleted Items"),
    ("junkemail", "Junk Email"),
    ("archive", "Archive"),
    ("outbox", "Outbox"),
];
const PAGE_DEFAULT: usize = 10;

/// The folders every mailbox has.
pub(super) fn well_known(rng: &mut fastrand::Rng) -> Vec<Folder> {
    let folder = |(name, display_name): &(&'static str, &str)| Folder {
        id: random_id("AQMkAD", rng, 50),
        well_known: Some(name),
        display_name: (*display_name).to_owned(),
    };
    WELL_KNOWN.iter().map(folder).collect()
}

pub(super) fn random_id(prefix: &str, rng: &mut fastrand::Rng, length: usize) -> String {
    let random = (0..length).map(|_| rng.alphanumeric());
    format!("{prefix}{}=", random.collect::<String>())
}

impl Folder {
    /// The well-known name, or the display name of a folder without one.
    pub(super) fn name(&self) -> &str {
        self.well_known.unwrap_or(&self.display_name)
    }
}

impl Mailbox {
    /// The folder with an id or a well-known name.
    pub(super) fn folder(&self, id: &str) -> Option<usize> {
        self.folders.iter().position(|folder| {
            folder.id == id || folder.well_known.is_some_and(|name| name.eq_ignore_ascii_case(id))
        })
    }

    pub(super) fn folder_id(&self, index: usize) -> &str {
        self.folders.get(index).map_or("", |folder| &folder.id)
    }
}

/// `/me/mailFolders`.
pub(super) fn list(mailbox: &Mailbox, call: &Call, now_us: i64) -> Reply {
    let number = |name, default| call.number(name).map(|number| number.unwrap_or(default));
    let (Ok(top), Ok(skip)) = (number("$top", PAGE_DEFAULT), number("$skip", 0)) else {
        return error::invalid_query("Invalid value for $top or $skip.");
    };
    let indexes = (0..mailbox.folders.len()).skip(skip).take(top);
    let page: Vec<Value> = indexes.map(|index| render(mailbox, index, now_us)).collect();
    let mut body = json!({"value": page});
    if skip + top < mailbox.folders.len() && top > 0 {
        let path = call.uri.path();
        let next = format!("{}{path}?$top={top}&$skip={}", call.origin(), skip + top);
        body["@odata.nextLink"] = next.into();
    }
    Reply::json(200, &body)
}

/// `/me/mailFolders/{id}`.
pub(super) fn get(mailbox: &Mailbox, id: &str, now_us: i64) -> Reply {
    match mailbox.folder(id) {
        Some(index) => Reply::json(200, &render(mailbox, index, now_us)),
        None => error::item_not_found(),
    }
}

fn render(mailbox: &Mailbox, index: usize, now_us: i64) -> Value {
    let inside = || mailbox.listed(now_us).filter(|(_, message)| message.folder == index);
    let name = mailbox.folders.get(index).map_or("", |folder| &folder.display_name);
    json!({
        "id": mailbox.folder_id(index),
        "displayName": name,
        "parentFolderId": "AQMkADroot=",
        "childFolderCount": 0,
        "unreadItemCount": inside().filter(|(_, message)| !message.is_read).count(),
        "totalItemCount": inside().count(),
        "isHidden": false,
    })
}
