//! `users.messages.list` and `users.messages.get`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

use super::mailbox::{Mailbox, Message};
use super::query::Query;
use super::{error, page};
use crate::call::Call;
use crate::content::content_of;
use crate::reply::Reply;

const SNIPPET_CHARS_MAX: usize = 200;
const ATTACHMENT_PREFIX: &str = "ANGjdJ";

pub(super) fn list(mailbox: &Mailbox, call: &Call, now_us: i64) -> Reply {
    let selected = select(mailbox, call, now_us).into_iter();
    let entries = selected.map(|message| {
        let entry = json!({"id": message.id, "threadId": message.thread_id});
        (key(message), entry)
    });
    match page::take(call, entries.collect()) {
        Ok(page) => page::reply("messages", page),
        Err(reply) => reply,
    }
}

/// The messages that a list's parameters ask for.
pub(super) fn select<'a>(mailbox: &'a Mailbox, call: &Call, now_us: i64) -> Vec<&'a Message> {
    let query = Query::parse(call.param("q").unwrap_or_default(), now_us);
    let labels = call.params("labelIds");
    let everywhere = call.param("includeSpamTrash") == Some("true")
        || query.reaches_spam_and_trash()
        || labels.iter().any(|label| matches!(*label, "SPAM" | "TRASH"));
    let has = |message: &Message, label: &str| message.labels.iter().any(|known| known == label);
    let selected = mailbox.messages.values().filter(|message| {
        (everywhere || !(has(message, "SPAM") || has(message, "TRASH")))
            && labels.iter().all(|label| has(message, label))
            && query.matches(message, &mailbox.labels)
    });
    selected.collect()
}

/// Where a message stands in a list.
pub(super) fn key(message: &Message) -> page::SortKey {
    (message.internal_date_us, message.id.clone())
}

pub(super) fn snippet(message: &Message) -> String {
    message.mail.preview(SNIPPET_CHARS_MAX)
}

pub(super) fn get(mailbox: &Mailbox, id: &str, call: &Call, may_read_body: bool) -> Reply {
    let Some(message) = mailbox.messages.get(id) else { return error::not_found() };
    let format = call.param("format").unwrap_or("full");
    if !may_read_body && matches!(format, "full" | "raw") {
        return error::forbidden("Metadata scope doesn't allow format FULL");
    }
    let names = call.params("metadataHeaders");
    match render(message, format, &names) {
        Some(body) => Reply::json(200, &body),
        None => error::invalid_argument(&format!("Invalid value at 'format', \"{format}\"")),
    }
}

/// What an attachment holds, under any of the ids that it had in answers.
pub(super) fn attachment(mailbox: &Mailbox, id: &str, attachment: &str) -> Reply {
    let Some(message) = mailbox.messages.get(id) else { return error::not_found() };
    let begin = format!("{ATTACHMENT_PREFIX}{id}-");
    let number =
        attachment.strip_prefix(&begin).and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
    match number.and_then(|number| message.attachments.get(number.checked_sub(1)?)) {
        Some(file) => {
            let data = URL_SAFE.encode(content_of(file.size_bytes));
            Reply::json(200, &json!({"size": file.size_bytes, "data": data}))
        }
        None => error::invalid_argument("Invalid attachment token"),
    }
}

/// A message in one of the four formats; `None` when there is no such format.
pub(super) fn render(message: &Message, format: &str, names: &[&str]) -> Option<Value> {
    let mut body = json!({
        "id": message.id,
        "threadId": message.thread_id,
        "labelIds": message.labels,
        "snippet": snippet(message),
        "sizeEstimate": message.size_bytes(),
        "historyId": message.history_id.to_string(),
        "internalDate": (message.internal_date_us / 1000).to_string(),
    });
    // A message without labels has no such key.
    if message.labels.is_empty()
        && let Some(object) = body.as_object_mut()
    {
        object.shift_remove("labelIds");
    }
    match format.to_ascii_lowercase().as_str() {
        "minimal" => {}
        "metadata" => {
            body["payload"] = json!({"mimeType": mime_type(message), "headers": headers(message, names)});
        }
        "full" => body["payload"] = payload(message),
        "raw" => {
            body["raw"] = URL_SAFE.encode(message.mail.raw(&message.id, message.internal_date_us)).into()
        }
        _ => return None,
    }
    Some(body)
}

fn mime_type(message: &Message) -> &'static str {
    if message.attachments.is_empty() { "text/plain" } else { "multipart/mixed" }
}

/// The text alone, or as the first of several parts: the others have their content elsewhere.
fn payload(message: &Message) -> Value {
    let data = URL_SAFE.encode(&message.mail.body);
    let body = json!({"size": message.mail.body.len(), "data": data});
    let mut payload = json!({
        "partId": "",
        "mimeType": mime_type(message),
        "filename": "",
        "headers": headers(message, &[]),
        "body": body,
    });
    if message.attachments.is_empty() {
        return payload;
    }
    let text = json!({"partId": "0", "mimeType": "text/plain", "filename": "", "headers": [], "body": body});
    let others = message.attachments.iter().enumerate().map(|(index, attachment)| {
        let disposition = format!("attachment; filename=\"{}\"", attachment.filename);
        json!({
            "partId": (index + 1).to_string(),
            "mimeType": attachment.mime_type,
            "filename": attachment.filename,
            "headers": [{"name": "Content-Disposition", "value": disposition}],
            "body": {"attachmentId": attachment_id(&message.id, index + 1), "size": attachment.size_bytes},
        })
    });
    payload["body"] = json!({"size": 0});
    payload["parts"] = std::iter::once(text).chain(others).collect();
    payload
}

/// Another one in each answer, as Google's are.
fn attachment_id(message: &str, number: usize) -> String {
    static ANSWERS: AtomicU64 = AtomicU64::new(0);
    format!("{ATTACHMENT_PREFIX}{message}-{number}-{}", ANSWERS.fetch_add(1, Ordering::Relaxed))
}

/// All headers, or only those named.
fn headers(message: &Message, names: &[&str]) -> Value {
    let all = message.mail.all_headers(&message.id, message.internal_date_us).into_iter();
    let wanted = all
        .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    wanted.map(|(name, value)| json!({"name": name, "value": value})).collect()
}
