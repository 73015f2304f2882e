//! The Gmail API below `/gmail/v1/users/{me}`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::history::{self, Options};
use super::mailbox::{Mailbox, Message};
use super::{error, messages};
use crate::call::Call;
use crate::oauth::Consent;
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

/// Answers a call of an account that was let in. `path` is what follows the user.
pub(super) fn answer(
    mailbox: &mut Mailbox,
    consent: &Consent,
    path: &[&str],
    call: &Call,
    options: Options,
) -> Reply {
    let Some(units) = cost(path) else { return error::no_such_path() };
    mailbox.units += units;
    let metadata_only = is_metadata_only(&consent.scope);
    match path {
        ["profile"] => profile(mailbox),
        ["history"] => history::list(mailbox, call, options),
        ["messages"] if metadata_only && call.param("q").is_some() => {
            error::forbidden("Metadata scope does not support 'q' parameter")
        }
        ["messages"] => messages::list(mailbox, call),
        ["messages", id] => messages::get(mailbox, id, call, !metadata_only),
        ["labels"] => labels(mailbox),
        ["threads"] => threads(mailbox),
        ["threads", id] => thread(mailbox, id, call),
        ["drafts"] => drafts(mailbox),
        ["drafts", id] => draft(mailbox, id, call),
        _ => error::no_such_path(),
    }
}

/// Quota units of a call, as priced for projects from May 2026 on.
fn cost(path: &[&str]) -> Option<u64> {
    match path {
        ["profile"] | ["labels"] => Some(1),
        ["history"] => Some(2),
        ["messages"] | ["drafts"] => Some(5),
        ["threads"] => Some(10),
        ["messages", _] | ["drafts", _] => Some(20),
        ["threads", _] => Some(40),
        _ => None,
    }
}

fn is_metadata_only(scope: &str) -> bool {
    let may_read = |scope: &str| {
        scope.ends_with("gmail.readonly")
            || scope.ends_with("gmail.modify")
            || scope == "https://mail.google.com/"
    };
    scope.split(' ').any(|scope| scope.ends_with("gmail.metadata")) && !scope.split(' ').any(may_read)
}

fn profile(mailbox: &Mailbox) -> Reply {
    Reply::json(
        200,
        &json!({
            "emailAddress": mailbox.email,
            "messagesTotal": mailbox.messages.len(),
            "threadsTotal": by_thread(mailbox).len(),
            "historyId": mailbox.history_id.to_string(),
        }),
    )
}

fn labels(mailbox: &Mailbox) -> Reply {
    let system = SYSTEM_LABELS.iter().map(|id| json!({"id": id, "name": id, "type": "system"}));
    let user = mailbox.labels.iter();
    let user = user.map(|id| json!({"id": id, "name": id.trim_start_matches("Label_"), "type": "user"}));
    Reply::json(200, &json!({"labels": system.chain(user).collect::<Vec<Value>>()}))
}

fn by_thread(mailbox: &Mailbox) -> BTreeMap<&str, Vec<&Message>> {
    let mut threads: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
    for message in mailbox.messages.values() {
        threads.entry(&message.thread_id).or_default().push(message);
    }
    threads
}

fn threads(mailbox: &Mailbox) -> Reply {
    let threads = by_thread(mailbox);
    let entries = threads.iter().rev().map(|(id, messages)| {
        let history_id = messages.iter().map(|message| message.history_id).max().unwrap_or_default();
        json!({"id": id, "historyId": history_id.to_string()})
    });
    // One page is enough for a demo; real lists have pages of 100.
    let page: Vec<Value> = entries.take(100).collect();
    Reply::json(200, &json!({"threads": page, "resultSizeEstimate": threads.len()}))
}

fn thread(mailbox: &Mailbox, id: &str, call: &Call) -> Reply {
    let threads = by_thread(mailbox);
    let Some(messages) = threads.get(id) else { return error::not_found() };
    let format = call.param("format").unwrap_or("full");
    let rendered = messages.iter().filter_map(|message| messages::render(message, format, &[]));
    let history_id = messages.iter().map(|message| message.history_id).max().unwrap_or_default();
    let messages: Vec<Value> = rendered.collect();
    Reply::json(200, &json!({"id": id, "historyId": history_id.to_string(), "messages": messages}))
}

fn drafts(mailbox: &Mailbox) -> Reply {
    let entries = mailbox.drafts.iter().filter_map(|(id, message_id)| {
        let message = mailbox.messages.get(message_id)?;
        Some(json!({"id": id, "message": {"id": message.id, "threadId": message.thread_id}}))
    });
    let drafts: Vec<Value> = entries.collect();
    Reply::json(200, &json!({"drafts": drafts, "resultSizeEstimate": mailbox.drafts.len()}))
}

fn draft(mailbox: &Mailbox, id: &str, call: &Call) -> Reply {
    let message = mailbox.drafts.get(id).and_then(|message_id| mailbox.messages.get(message_id));
    let format = call.param("format").unwrap_or("full");
    match message.and_then(|message| messages::render(message, format, &[])) {
        Some(message) => Reply::json(200, &json!({"id": id, "message": message})),
        None => error::not_found(),
    }
}
