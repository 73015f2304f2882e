//! One message as Graph shows it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::kind::Type;
use super::noticed::Sight;
use super::stored::Attachment;
use crate::clock::iso_seconds;
use crate::mail::{Address, Mail, parse_addresses};

const PREVIEW_CHARS_MAX: usize = 255;

/// A message at one moment.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Stays over moves.
    pub(super) immutable_id: String,
    /// Changes with a move.
    pub(super) id: String,
    /// Index of the folder in its mailbox.
    pub(super) folder: usize,
    pub(super) change_key: String,
    pub(super) created_us: i64,
    pub(super) modified_us: i64,
    pub(super) received_us: i64,
    pub(super) sent_us: i64,
    pub(super) is_read: bool,
    pub(super) is_draft: bool,
    pub(super) is_flagged: bool,
    pub(super) categories: Vec<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) conversation_id: String,
    pub(super) mail: Arc<Mail>,
}

/// How a caller wants messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) immutable_ids: bool,
    pub(super) text_body: bool,
    /// Whether `@odata` context and etags are in it.
    pub(super) metadata: bool,
    /// The selected properties; all of the usual ones without a selection.
    pub(super) select: Option<&'a [String]>,
}

/// Properties that are there only when selected.
const ON_SELECT_ONLY: [&str; 2] = ["internetMessageHeaders", "uniqueBody"];

impl Message {
    /// As a notice shows it.
    pub(super) fn sight(&self) -> Sight {
        Sight {
            id: self.id.clone(),
            immutable_id: self.immutable_id.clone(),
            change_key: self.change_key.clone(),
            folder: Some(self.folder),
        }
    }

    pub(super) fn from(&self) -> Option<Address> {
        parse_addresses(&self.mail.from).into_iter().next()
    }

    pub(super) fn internet_message_id(&self) -> String {
        self.mail.message_id(&self.immutable_id)
    }

    pub(super) fn flag_status(&self) -> &'static str {
        if self.is_flagged { "flagged" } else { "notFlagged" }
    }

    /// Pictures in the text do not count.
    pub(super) fn has_attachments(&self) -> bool {
        self.attachments.iter().any(|attachment| !attachment.is_inline)
    }

    pub(super) fn shown_id(&self, immutable: bool) -> &str {
        if immutable { &self.immutable_id } else { &self.id }
    }

    /// The message as JSON, `@odata.etag` and id first.
    pub(super) fn render(&self, folder_id: &str, view: View<'_>) -> Value {
        let mut shown = Map::new();
        if view.metadata {
            shown.insert("@odata.etag".to_owned(), format!("W/\"{}\"", self.change_key).into());
        }
        for name in Type::Message.properties() {
            let wanted = match view.select {
                Some(select) => *name == "id" || select.iter().any(|selected| selected == name),
                None => !ON_SELECT_ONLY.contains(name),
            };
            if wanted {
                shown.insert((*name).to_owned(), self.property(name, folder_id, view));
            }
        }
        Value::Object(shown)
    }

    fn property(&self, name: &str, folder_id: &str, view: View<'_>) -> Value {
        match name {
            "id" => self.shown_id(view.immutable_ids).into(),
            "createdDateTime" => iso_seconds(self.created_us).into(),
            "lastModifiedDateTime" => iso_seconds(self.modified_us).into(),
            "receivedDateTime" => iso_seconds(self.received_us).into(),
            "sentDateTime" => iso_seconds(self.sent_us).into(),
            "changeKey" => self.change_key.as_str().into(),
            "categories" => json!(self.categories),
            "hasAttachments" => self.has_attachments().into(),
            "isDeliveryReceiptRequested" | "isReadReceiptRequested" => false.into(),
            "internetMessageId" => self.internet_message_id().into(),
            "internetMessageHeaders" => self.headers(),
            "subject" => self.mail.subject.as_str().into(),
            "bodyPreview" => self.mail.preview(PREVIEW_CHARS_MAX).into(),
            "importance" => "normal".into(),
            "parentFolderId" => folder_id.into(),
            "conversationId" => self.conversation_id.as_str().into(),
            "conversationIndex" => "AQHZ".into(),
            "isRead" => self.is_read.into(),
            "isDraft" => self.is_draft.into(),
            "webLink" => format!("https://outlook.office365.com/owa/?ItemID={}", self.id).into(),
            "inferenceClassification" => "focused".into(),
            "body" | "uniqueBody" => self.body(view.text_body),
            "sender" | "from" => self.from().map_or(Value::Null, recipient),
            "toRecipients" => recipients(&self.mail.to),
            "ccRecipients" => recipients(self.mail.header("cc").unwrap_or_default()),
            "bccRecipients" => recipients(""),
            "replyTo" => recipients(self.mail.header("reply-to").unwrap_or_default()),
            "flag" => json!({"flagStatus": self.flag_status()}),
            _ => Value::Null,
        }
    }

    fn headers(&self) -> Value {
        let headers = self.mail.all_headers(&self.immutable_id, self.sent_us).into_iter();
        headers.map(|(name, value)| json!({"name": name, "value": value})).collect()
    }

    fn body(&self, text: bool) -> Value {
        if text {
            return json!({"contentType": "text", "content": self.mail.body});
        }
        let escaped = self.mail.body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({"contentType": "html", "content": format!("<html><body>{escaped}</body></html>")})
    }
}

fn recipient(address: Address) -> Value {
    json!({"emailAddress": {"name": address.name, "address": address.address}})
}

fn recipients(list: &str) -> Value {
    parse_addresses(list).into_iter().map(recipient).collect()
}
