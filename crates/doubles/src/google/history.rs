//! `users.history.list`.

use serde_json::{Map, Value, json};

use super::error;
use super::mailbox::{Mailbox, Record, Touched};
use crate::call::Call;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;
/// Records below the one asked from that a careless server sends along.
const OLD_RECORDS_MAX: usize = 3;

/// Oddities of the real API that can be switched on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Every other page has a token and no history.
    pub(super) empty_pages: bool,
    /// Messages inside a record carry their labels.
    pub(super) labels: bool,
    /// First pages begin with a few records up to the one asked from.
    pub(super) old_records: bool,
}

/// Where a page starts: after a record, and whether the empty page before it was sent.
struct Position {
    after: u64,
    was_empty: bool,
}

impl Position {
    fn token(&self) -> String {
        format!("{:020}{}", self.after, u8::from(self.was_empty))
    }

    fn parse(token: &str) -> Option<Self> {
        let (after, was_empty) = token.split_at_checked(20)?;
        Some(Self { after: after.parse().ok()?, was_empty: was_empty == "1" })
    }
}

pub(super) fn list(mailbox: &Mailbox, call: &Call, options: Options, now_us: i64) -> Reply {
    let position = match start(mailbox, call) {
        Ok(position) => position,
        Err(reply) => return reply,
    };
    let page_max = match call.number("maxResults") {
        Ok(number) => number.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
        Err(text) => return error::invalid_argument(&format!("Invalid value at 'max_results', \"{text}\"")),
    };
    let wanted = match HistoryFilter::read(call) {
        Ok(wanted) => wanted,
        Err(text) => {
            return error::invalid_argument(&format!("Invalid value at 'history_types', \"{text}\""));
        }
    };
    let begins = mailbox.history.partition_point(|record| record.id <= position.after);
    let has_old = options.old_records && call.param("pageToken").is_none();
    let begins = begins.saturating_sub(if has_old { OLD_RECORDS_MAX } else { 0 });
    let mut records = mailbox.history.range(begins..).filter(|record| record.visible_at_us <= now_us);
    let mut page: Vec<(u64, Value)> = Vec::new();
    let mut has_more = false;
    for record in &mut records {
        let Some(value) = wanted.render(record, options.labels) else { continue };
        has_more = page.len() == page_max;
        if has_more {
            break;
        }
        page.push((record.id, value));
    }
    render(mailbox, &position, page, has_more, options)
}

fn start(mailbox: &Mailbox, call: &Call) -> Result<Position, Reply> {
    let Some(start) = call.param("startHistoryId") else {
        return Err(error::invalid_argument("Missing required parameter: startHistoryId"));
    };
    let Ok(after) = start.parse::<u64>() else {
        let message = format!("Invalid value at 'start_history_id' (TYPE_UINT64), \"{start}\"");
        return Err(error::invalid_argument(&message));
    };
    let position = match call.param("pageToken") {
        Some(token) => Position::parse(token).ok_or_else(|| error::invalid_argument("Invalid pageToken"))?,
        None => Position { after, was_empty: false },
    };
    if position.after < mailbox.oldest_id || position.after > mailbox.history_id {
        return Err(error::not_found());
    }
    Ok(position)
}

fn render(
    mailbox: &Mailbox,
    position: &Position,
    page: Vec<(u64, Value)>,
    has_more: bool,
    options: Options,
) -> Reply {
    let mut body = Map::new();
    let last = page.last().map(|(id, _)| *id);
    if options.empty_pages && !page.is_empty() && !position.was_empty {
        let next = Position { after: position.after, was_empty: true };
        body.insert("nextPageToken".to_owned(), next.token().into());
    } else if let Some(after) = last {
        body.insert("history".to_owned(), page.into_iter().map(|(_, value)| value).collect());
        if has_more {
            let next = Position { after, was_empty: false };
            body.insert("nextPageToken".to_owned(), next.token().into());
        }
    }
    // It counts what is not shown yet.
    body.insert("historyId".to_owned(), mailbox.history_id.to_string().into());
    Reply::json(200, &Value::Object(body))
}

/// The parts of records a caller asks for.
struct HistoryFilter<'a> {
    types: Vec<&'a str>,
    label: Option<&'a str>,
}

impl<'a> HistoryFilter<'a> {
    fn read(call: &'a Call) -> Result<Self, &'a str> {
        let types = call.params("historyTypes");
        let known = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];
        match types.iter().find(|name| !known.contains(name)) {
            Some(unknown) => Err(unknown),
            None => Ok(Self { types, label: call.param("labelId") }),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.types.is_empty() || self.types.contains(&name)
    }

    /// The record as JSON; `None` when nothing of it is asked for.
    fn render(&self, record: &Record, with_labels: bool) -> Option<Value> {
        let mut body = json!({"id": record.id.to_string(), "messages": []});
        for touched in record.touched.iter().filter(|touched| self.wants_message(touched)) {
            self.add(touched, with_labels, &mut body);
        }
        let has_part = body.as_object().is_some_and(|body| body.len() > 2);
        has_part.then_some(body)
    }

    fn wants_message(&self, touched: &Touched) -> bool {
        let mut labels = touched.labels.iter().chain(&touched.labels_added).chain(&touched.labels_removed);
        self.label.is_none_or(|label| labels.any(|known| known == label))
    }

    fn add(&self, touched: &Touched, with_labels: bool, body: &mut Value) {
        let mut message = json!({"id": touched.message_id, "threadId": touched.thread_id});
        push(body, "messages", message.clone());
        if with_labels && !touched.labels.is_empty() {
            message["labelIds"] = json!(touched.labels);
        }
        let parts = [
            ("messageAdded", "messagesAdded", touched.added, None),
            ("messageDeleted", "messagesDeleted", touched.deleted, None),
            ("labelAdded", "labelsAdded", !touched.labels_added.is_empty(), Some(&touched.labels_added)),
            (
                "labelRemoved",
                "labelsRemoved",
                !touched.labels_removed.is_empty(),
                Some(&touched.labels_removed),
            ),
        ];
        for (name, key, present, labels) in parts {
            if present && self.wants(name) {
                let entry = match labels {
                    None => json!({"message": message}),
                    Some(labels) => json!({"message": message, "labelIds": labels}),
                };
                push(body, key, entry);
            }
        }
    }
}

fn push(body: &mut Value, key: &str, entry: Value) {
    match body[key].as_array_mut() {
        Some(entries) => entries.push(entry),
        None => body[key] = json!([entry]),
    }
}
