//! The folders of a mailbox, as they are found, changed and shown.

use serde_json::json;

use super::folder::{Folder, random_id};
use super::kind::Type;
use super::mailbox::Mailbox;
use super::record::Record;

/// What is above the top folders.
const ROOT_ID: &str = "AQMkADroot=";

impl Mailbox {
    /// The folder with an id or a well-known name.
    pub(super) fn folder(&self, id: &str) -> Option<usize> {
        self.folders.iter().position(|folder| {
            !folder.is_deleted
                && (folder.id == id || folder.well_known.is_some_and(|name| name.eq_ignore_ascii_case(id)))
        })
    }

    pub(super) fn add_folder(
        &mut self,
        parent: Option<usize>,
        display_name: &str,
        rng: &mut fastrand::Rng,
    ) -> String {
        let id = random_id("AQMkAD", rng, 50);
        self.folders.push(Folder {
            id: id.clone(),
            well_known: None,
            display_name: display_name.to_owned(),
            parent,
            is_hidden: false,
            is_deleted: false,
        });
        self.record_changes.note(Type::Folder, &id, None);
        id
    }

    /// Removes a folder and all below it; gives their indexes.
    pub(super) fn remove_folder(&mut self, index: usize) -> Vec<usize> {
        let mut gone = vec![index];
        let mut next = 0;
        while let Some(parent) = gone.get(next).copied() {
            let below = self.folders.iter().enumerate().filter(|(_, folder)| folder.parent == Some(parent));
            let below: Vec<usize> =
                below.map(|(index, _)| index).filter(|index| !gone.contains(index)).collect();
            gone.extend(below);
            next += 1;
        }
        for index in &gone {
            if let Some(folder) = self.folders.get_mut(*index) {
                folder.is_deleted = true;
                self.record_changes.note(Type::Folder, &folder.id, None);
            }
        }
        gone
    }

    pub(super) fn folder_id(&self, index: usize) -> &str {
        self.folders.get(index).map_or("", |folder| &folder.id)
    }
}

/// The folders below another, or at the top.
pub(super) fn records(
    mailbox: &Mailbox,
    parent: Option<usize>,
    with_hidden: bool,
    now_us: i64,
) -> Vec<Record> {
    let here =
        |folder: &Folder| !folder.is_deleted && folder.parent == parent && (with_hidden || !folder.is_hidden);
    let indexes = mailbox.folders.iter().enumerate().filter(|(_, folder)| here(folder));
    indexes.filter_map(|(index, _)| record(mailbox, index, now_us)).collect()
}

pub(super) fn record(mailbox: &Mailbox, index: usize, now_us: i64) -> Option<Record> {
    let folder = mailbox.folders.get(index)?;
    let inside = || mailbox.listed(now_us).filter(|(_, message)| message.folder == index);
    let below = |other: &&Folder| other.parent == Some(index) && !other.is_deleted;
    let fields = json!({
        "id": folder.id,
        "displayName": folder.display_name,
        "parentFolderId": folder.parent.map_or(ROOT_ID, |parent| mailbox.folder_id(parent)),
        "childFolderCount": mailbox.folders.iter().filter(below).count(),
        "unreadItemCount": inside().filter(|(_, message)| !message.is_read).count(),
        "totalItemCount": inside().count(),
        "sizeInBytes": inside().map(|(_, message)| message.mail.size_bytes()).sum::<usize>(),
        "isHidden": folder.is_hidden,
    });
    let fields = fields.as_object()?.clone();
    Some(Record { kind: Type::Folder, created_us: 0, modified_us: 0, fields })
}
