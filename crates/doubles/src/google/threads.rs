//! `users.threads` and `users.drafts`: what messages are gathered in.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::mailbox::{Mailbox, Message};
use super::{error, messages, page};
use crate::call::Call;
use crate::reply::Reply;

pub(super) fn by_thread(mailbox: &Mailbox) -> BTreeMap<&str, Vec<&Message>> {
    let mut threads: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
    for message in mailbox.messages.values() {
        threads.entry(&message.thread_id).or_default().push(message);
    }
    threads
}

/// A thread is listed if one of its messages is; it stands where its newest message does.
pub(super) fn list(mailbox: &Mailbox, call: &Call, now_us: i64) -> Reply {
    let threads = by_thread(mailbox);
    let mut found: BTreeMap<&str, ()> = BTreeMap::new();
    for message in messages::select(mailbox, call, now_us) {
        found.insert(&message.thread_id, ());
    }
    let entries = found.into_keys().filter_map(|id| {
        let newest = threads.get(id)?.iter().max_by_key(|message| messages::key(message))?;
        let entry = json!({
            "id": id, "snippet": messages::snippet(newest), "historyId": history_id(threads.get(id)?),
        });
        Some(((newest.internal_date_us, id.to_owned()), entry))
    });
    match page::take(call, entries.collect()) {
        Ok(page) => page::reply("threads", page),
        Err(reply) => reply,
    }
}

/// A thread has no raw form.
pub(super) fn get(mailbox: &Mailbox, id: &str, call: &Call, may_read_body: bool) -> Reply {
    let threads = by_thread(mailbox);
    let Some(of_thread) = threads.get(id) else { return error::not_found() };
    let format = call.param("format").unwrap_or("full");
    if !may_read_body && format == "full" {
        return error::forbidden("Metadata scope doesn't allow format FULL");
    }
    let names = call.params("metadataHeaders");
    let shown = of_thread.iter().map(|message| messages::render(message, format, &names));
    match shown.collect::<Option<Vec<Value>>>().filter(|_| !format.eq_ignore_ascii_case("raw")) {
        Some(shown) => {
            Reply::json(200, &json!({"id": id, "historyId": history_id(of_thread), "messages": shown}))
        }
        None => error::invalid_argument(&format!("Invalid value at 'format', \"{format}\"")),
    }
}

fn history_id(messages: &[&Message]) -> String {
    messages.iter().map(|message| message.history_id).max().unwrap_or_default().to_string()
}

pub(super) fn drafts(mailbox: &Mailbox, call: &Call, now_us: i64) -> Reply {
    let selected = messages::select(mailbox, call, now_us);
    let selected: HashMap<&str, _> = selected.iter().map(|message| (message.id.as_str(), message)).collect();
    let entries = mailbox.drafts.iter().filter_map(|(id, message_id)| {
        let message = selected.get(message_id.as_str())?;
        let entry = json!({"id": id, "message": {"id": message.id, "threadId": message.thread_id}});
        Some((messages::key(message), entry))
    });
    match page::take(call, entries.collect()) {
        Ok(page) => page::reply("drafts", page),
        Err(reply) => reply,
    }
}

pub(super) fn draft(mailbox: &Mailbox, id: &str, call: &Call) -> Reply {
    let message = mailbox.drafts.get(id).and_then(|message_id| mailbox.messages.get(message_id));
    let format = call.param("format").unwrap_or("full");
    match message.map(|message| messages::render(message, format, &[])) {
        Some(Some(message)) => Reply::json(200, &json!({"id": id, "message": message})),
        Some(None) => error::invalid_argument(&format!("Invalid value at 'format', \"{format}\"")),
        None => error::not_found(),
    }
}
