//! `users.messages.list` and `users.messages.get`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::error;
use super::mailbox::{Mailbox, Message};
use super::query::Query;
use crate::call::Call;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;
const SNIPPET_CHARS_MAX: usize = 200;

/// Newest first. A page token holds the place after the last entry, so that pages do not overlap.
pub(super) fn list(mailbox: &Mailbox, call: &Call) -> Reply {
    let page_max = match call.number("maxResults") {
        Ok(number) => number.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
        Err(text) => return error::invalid_argument(&format!("Invalid value at 'max_results', \"{text}\"")),
    };
    let before = match call.param("pageToken").map(parse_token) {
        Some(None) => return error::invalid_argument("Invalid pageToken"),
        Some(Some(position)) => Some(position),
        None => None,
    };
    let selected = select(mailbox, call);
    let rest: Vec<_> = selected
        .iter()
        .filter(|message| before.as_ref().is_none_or(|before| key(message) < *before))
        .collect();
    let page: Vec<_> = rest.iter().take(page_max).collect();
    let mut body = json!({"resultSizeEstimate": selected.len()});
    if !page.is_empty() {
        let entries = page.iter().map(|message| json!({"id": message.id, "threadId": message.thread_id}));
        body["messages"] = entries.collect();
    }
    if rest.len() > page_max
        && let Some(last) = page.last()
    {
        body["nextPageToken"] = token(last).into();
    }
    Reply::json(200, &body)
}

fn select<'a>(mailbox: &'a Mailbox, call: &Call) -> Vec<&'a Message> {
    let query = Query::parse(call.param("q").unwrap_or_default());
    let labels = call.params("labelIds");
    let everywhere = call.param("includeSpamTrash") == Some("true")
        || query.reaches_spam_and_trash()
        || labels.iter().any(|label| matches!(*label, "SPAM" | "TRASH"));
    let has = |message: &Message, label: &str| message.labels.iter().any(|known| known == label);
    let selected = mailbox.messages.values().filter(|message| {
        (everywhere || !(has(message, "SPAM") || has(message, "TRASH")))
            && labels.iter().all(|label| has(message, label))
            && query.matches(message)
    });
    let mut selected: Vec<_> = selected.collect();
    selected.sort_by_key(|message| std::cmp::Reverse(key(message)));
    selected
}

fn key(message: &Message) -> (i64, String) {
    (message.internal_date_us, message.id.clone())
}

fn token(message: &Message) -> String {
    format!("{}.{}", message.internal_date_us, message.id)
}

fn parse_token(token: &str) -> Option<(i64, String)> {
    let (date_us, id) = token.split_once('.')?;
    Some((date_us.parse().ok()?, id.to_owned()))
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

/// A message in one of the four formats; `None` when there is no such format.
pub(super) fn render(message: &Message, format: &str, names: &[&str]) -> Option<Value> {
    let mail = &message.mail;
    let mut body = json!({
        "id": message.id,
        "threadId": message.thread_id,
        "labelIds": message.labels,
        "snippet": mail.preview(SNIPPET_CHARS_MAX),
        "sizeEstimate": mail.size_bytes(),
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
            body["payload"] = json!({"mimeType": "text/plain", "headers": headers(message, names)});
        }
        "full" => {
            let data = URL_SAFE.encode(&mail.body);
            body["payload"] = json!({
                "partId": "",
                "mimeType": "text/plain",
                "filename": "",
                "headers": headers(message, &[]),
                "body": {"size": mail.body.len(), "data": data},
            });
        }
        "raw" => body["raw"] = URL_SAFE.encode(mail.raw(&message.id, message.internal_date_us)).into(),
        _ => return None,
    }
    Some(body)
}

/// All headers, or only those named.
fn headers(message: &Message, names: &[&str]) -> Value {
    let all = message.mail.all_headers(&message.id, message.internal_date_us).into_iter();
    let wanted = all
        .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    wanted.map(|(name, value)| json!({"name": name, "value": value})).collect()
}
