//! `users.labels`: Google's own and those that a person made.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error;
use super::mailbox::{Mailbox, Message};
use crate::reply::Reply;

const SYSTEM_LABELS: [&str; 15] = [
    "CHAT",
    "SENT",
    "INBOX",
    "IMPORTANT",
    "TRASH",
    "DRAFT",
    "SPAM",
    "STARRED",
    "UNREAD",
    "SCHEDULED",
    "CATEGORY_PERSONAL",
    "CATEGORY_SOCIAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_UPDATES",
    "CATEGORY_FORUMS",
];

/// A label that a person made.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) id: String,
    pub(super) name: String,
    /// Text and background, which only a single label shows.
    pub(super) color: Option<(String, String)>,
}

/// Labels come all at once, without colours and counts.
pub(super) fn list(mailbox: &Mailbox) -> Reply {
    let system = SYSTEM_LABELS.iter().map(|id| system_label(id));
    let own = mailbox.labels.iter().map(own_label);
    Reply::json(200, &json!({"labels": system.chain(own).collect::<Vec<Value>>()}))
}

pub(super) fn get(mailbox: &Mailbox, id: &str) -> Reply {
    let own = mailbox.labels.iter().find(|label| label.id == id);
    let mut label = match (own, SYSTEM_LABELS.iter().find(|known| **known == id)) {
        (Some(own), _) => own_label(own),
        (None, Some(id)) => system_label(id),
        (None, None) => return error::not_found(),
    };
    if let Some((text, background)) = own.and_then(|label| label.color.as_ref()) {
        label["color"] = json!({"textColor": text, "backgroundColor": background});
    }
    let with = |message: &&Message| message.labels.iter().any(|label| label == id);
    let messages: Vec<&Message> = mailbox.messages.values().filter(with).collect();
    let unread = || messages.iter().filter(|message| message.labels.iter().any(|label| label == "UNREAD"));
    label["messagesTotal"] = messages.len().into();
    label["messagesUnread"] = unread().count().into();
    label["threadsTotal"] = threads_count(messages.iter().copied()).into();
    label["threadsUnread"] = threads_count(unread().copied()).into();
    Reply::json(200, &label)
}

fn threads_count<'a>(messages: impl Iterator<Item = &'a Message>) -> usize {
    messages.map(|message| message.thread_id.as_str()).collect::<BTreeSet<_>>().len()
}

fn system_label(id: &str) -> Value {
    let mut label = json!({"id": id, "name": id, "type": "system"});
    if id == "CHAT" || id.starts_with("CATEGORY_") {
        label["messageListVisibility"] = "hide".into();
        label["labelListVisibility"] = "labelHide".into();
    }
    label
}

fn own_label(label: &Label) -> Value {
    json!({
        "id": label.id, "name": label.name, "type": "user",
        "messageListVisibility": "show", "labelListVisibility": "labelShow",
    })
}

/// What a search means by a label: Google's own by another word here and there, the others by their names.
pub(super) fn searched(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "drafts" => "DRAFT".to_owned(),
        "chats" => "CHAT".to_owned(),
        _ => value.to_ascii_uppercase(),
    }
}

/// Whether a message has the label of a search. In names, a hyphen stands for whatever separates words.
pub(super) fn has(message: &Message, wanted: &str, labels: &[Label]) -> bool {
    let hyphened = |name: &str| name.replace([' ', '/', '&', '(', ')'], "-");
    let is_wanted = |id: &String| {
        let own = labels.iter().find(|label| label.id == *id);
        id.eq_ignore_ascii_case(wanted)
            || own.is_some_and(|label| hyphened(&label.name).eq_ignore_ascii_case(&hyphened(wanted)))
    };
    message.labels.iter().any(is_wanted)
}
