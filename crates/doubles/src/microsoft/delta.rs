//! Delta queries over the messages of one folder.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::item::View;
use super::kind::Type;
use super::mailbox::{Change, Mailbox};
use super::{error, list};
use crate::call::Call;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 1000;

/// Where a round stands. A round without `since` is a first one, over the whole folder.
struct Position {
    generation: u64,
    since: Option<u64>,
    until: u64,
    offset: usize,
}

impl Position {
    fn token(&self) -> String {
        let since = self.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        format!("{}.{since}.{}.{}", self.generation, self.until, self.offset)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut fields = token.splitn(4, '.');
        let generation = fields.next()?.parse().ok()?;
        let since = match fields.next()? {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        Some(Self {
            generation,
            since,
            until: fields.next()?.parse().ok()?,
            offset: fields.next()?.parse().ok()?,
        })
    }
}

/// One page of `/me/mailFolders/{id}/messages/delta`.
pub(super) fn delta(mailbox: &Mailbox, folder: usize, call: &Call, repeats: bool, now_us: i64) -> Reply {
    let select = match call.param("$select").map(|text| list::parse_select(Type::Message, text)).transpose() {
        Ok(select) => select,
        Err(mistake) => return list::refuse(Type::Message, mistake),
    };
    let Some(position) = position(mailbox, call, now_us) else { return error::sync_state_not_found() };
    let view = list::view(call, select.as_deref());
    let rows = match position.since {
        None => first_round(mailbox, folder, view, now_us),
        Some(since) => later_round(mailbox, folder, view, since, position.until),
    };
    let Ok(top) = call.number("$top") else { return error::invalid_query("Invalid value for $top.") };
    let page_max = top.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let next = position.offset + page_max;
    let from = if repeats { position.offset.saturating_sub(1) } else { position.offset };
    let page: Vec<Value> = rows.iter().take(next).skip(from).cloned().collect();
    let mut body = Map::new();
    body.insert("value".to_owned(), page.into());
    if next < rows.len() {
        let next = Position { offset: next, ..position };
        body.insert("@odata.nextLink".to_owned(), link(call, "$skiptoken", &next).into());
    } else {
        let next = Position { since: Some(position.until), offset: 0, ..position };
        body.insert("@odata.deltaLink".to_owned(), link(call, "$deltatoken", &next).into());
    }
    Reply::json(200, &Value::Object(body))
}

/// `None` when the token, new or half used, is no longer known.
fn position(mailbox: &Mailbox, call: &Call, now_us: i64) -> Option<Position> {
    let visible = visible_until(mailbox, now_us);
    if let Some(token) = call.param("$skiptoken") {
        return Position::parse(token).filter(|position| is_known(mailbox, position));
    }
    if let Some(token) = call.param("$deltatoken") {
        let position = Position::parse(token).filter(|position| is_known(mailbox, position))?;
        return Some(Position { until: visible.max(position.until), ..position });
    }
    Some(Position { generation: mailbox.delta_generation, since: None, until: visible, offset: 0 })
}

fn is_known(mailbox: &Mailbox, position: &Position) -> bool {
    let oldest = mailbox.changes.front().map_or(0, |change| change.number - 1);
    position.generation == mailbox.delta_generation && position.since.is_none_or(|since| since >= oldest)
}

/// The last change before the first that lists do not see yet.
fn visible_until(mailbox: &Mailbox, now_us: i64) -> u64 {
    let hidden = mailbox.changes.iter().find(|change| change.visible_at_us > now_us);
    hidden.map_or(mailbox.change_count, |change| change.number - 1)
}

fn first_round(mailbox: &Mailbox, folder: usize, view: View<'_>, now_us: i64) -> Vec<Value> {
    let inside = mailbox.listed(now_us).filter(|(_, message)| message.folder == folder);
    inside.map(|(_, message)| message.render(mailbox.folder_id(folder), view)).collect()
}

fn later_round(mailbox: &Mailbox, folder: usize, view: View<'_>, since: u64, until: u64) -> Vec<Value> {
    let mut by_item: BTreeMap<u64, Vec<&Change>> = BTreeMap::new();
    let changes = mailbox.changes.iter();
    for change in changes.filter(|change| change.number > since && change.number <= until) {
        by_item.entry(change.key).or_default().push(change);
    }
    by_item.values().filter_map(|changes| row(mailbox, folder, view, changes)).collect()
}

/// What a folder tells of one message.
fn row(mailbox: &Mailbox, folder: usize, view: View<'_>, changes: &[&Change]) -> Option<Value> {
    let last_left = changes.iter().rev().find_map(|change| {
        let before = change.before.as_ref().filter(|before| before.folder == folder)?;
        let stays = change.after.as_ref().is_some_and(|after| after.folder == folder);
        (!stays).then_some((before, change.after.is_none()))
    });
    let present = changes.last()?.after.as_ref().filter(|after| after.folder == folder);
    // With immutable ids, a message that left and came back within one round is told as gone only.
    match (present, last_left) {
        (Some(message), None) => Some(message.render(mailbox.folder_id(folder), view)),
        (Some(message), Some(_)) if !view.immutable_ids => {
            Some(message.render(mailbox.folder_id(folder), view))
        }
        (_, Some((before, purged))) => {
            let reason = if purged { "deleted" } else { "changed" };
            Some(json!({"id": before.shown_id(view.immutable_ids), "@removed": {"reason": reason}}))
        }
        (None, None) => None,
    }
}

/// The same query with another token.
fn link(call: &Call, name: &str, position: &Position) -> String {
    let others = call.query().iter().filter(|(key, _)| key != "$skiptoken" && key != "$deltatoken");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair(name, &position.token());
    format!("{}{}?{}", call.origin(), call.uri.path(), query.finish())
}
