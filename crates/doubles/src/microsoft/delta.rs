//! Delta queries: the messages of a folder, the contacts of one, the events of a window, the folders.

use serde_json::{Map, Value};

use super::delta_rows::{self, DeltaMoves};
use super::kind::Type;
use super::mailbox::Mailbox;
use super::{error, list};
use crate::call::Call;
use crate::reply::Reply;

pub(super) use super::delta_rows::DeltaOf;

/// Characters of a token: Graph's have about so many, none of which is like another's.
const TOKEN_LENGTH: usize = 172;
const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 1000;

/// What is wrong with deltas.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeltaFaults {
    /// Whether a row at the border of two pages comes on both.
    pub(super) repeats: bool,
    pub(super) moves: DeltaMoves,
}

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
        let meant = format!("{}.{since}.{}.{}.", self.generation, self.until, self.offset);
        let mut random = fastrand::Rng::with_seed(self.until.wrapping_mul(31) + self.offset as u64);
        let rest = (meant.len()..TOKEN_LENGTH).map(|_| random.alphanumeric());
        meant.chars().chain(rest).collect()
    }

    fn parse(token: &str) -> Option<Self> {
        let mut fields = token.splitn(5, '.');
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

/// One page.
pub(super) fn delta(
    mailbox: &Mailbox,
    of: DeltaOf<'_>,
    call: &Call,
    faults: DeltaFaults,
    now_us: i64,
) -> Reply {
    let kind = of.kind();
    if kind == Type::Event && call.param("$select").is_some() {
        return error::invalid_query("The query parameter '$select' is not supported.");
    }
    let select = match call.param("$select").map(|text| list::parse_select(kind, text)).transpose() {
        Ok(select) => select,
        Err(mistake) => return list::refuse(kind, mistake),
    };
    let Some(position) = position(mailbox, kind, call, now_us) else {
        return error::sync_state_not_found(link(call, "$deltatoken", ""));
    };
    let view = list::view(call, select.as_deref());
    let rows = match position.since {
        None => delta_rows::first(mailbox, of, view, now_us),
        Some(since) => delta_rows::later(mailbox, of, view, faults.moves, (since, position.until), now_us),
    };
    let Ok(top) = call.number("$top") else { return error::invalid_query("Invalid value for $top.") };
    let preferred = call.preference("odata.maxpagesize").and_then(|size| size.parse().ok());
    let page_max = preferred.or(top).unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let next = position.offset + page_max;
    let from = if faults.repeats { position.offset.saturating_sub(1) } else { position.offset };
    let page: Vec<Value> = rows.iter().take(next).skip(from).cloned().collect();
    let mut body = Map::new();
    body.insert("value".to_owned(), page.into());
    if next < rows.len() {
        let next = Position { offset: next, ..position };
        body.insert("@odata.nextLink".to_owned(), link(call, "$skiptoken", &next.token()).into());
    } else {
        let next = Position { since: Some(position.until), offset: 0, ..position };
        body.insert("@odata.deltaLink".to_owned(), link(call, "$deltatoken", &next.token()).into());
    }
    Reply::json(200, &Value::Object(body))
}

/// `None` when the token, new or half used, is no longer known.
fn position(mailbox: &Mailbox, kind: Type, call: &Call, now_us: i64) -> Option<Position> {
    let visible = visible_until(mailbox, kind, now_us);
    let known = |token: &str| Position::parse(token).filter(|position| is_known(mailbox, kind, position));
    if let Some(token) = call.param("$skiptoken") {
        return known(token);
    }
    // An empty token begins anew.
    if let Some(token) = call.param("$deltatoken").filter(|token| !token.is_empty()) {
        let position = known(token)?;
        return Some(Position { until: visible.max(position.until), ..position });
    }
    Some(Position { generation: mailbox.delta_generation, since: None, until: visible, offset: 0 })
}

fn is_known(mailbox: &Mailbox, kind: Type, position: &Position) -> bool {
    let first = match kind {
        Type::Message => mailbox.changes.front().map(|change| change.number),
        _ => mailbox.record_changes.latest.front().map(|change| change.number),
    };
    let oldest = first.map_or(0, |number| number - 1);
    position.generation == mailbox.delta_generation && position.since.is_none_or(|since| since >= oldest)
}

/// The last change before the first that lists do not see yet.
fn visible_until(mailbox: &Mailbox, kind: Type, now_us: i64) -> u64 {
    if kind != Type::Message {
        return mailbox.record_changes.count;
    }
    let hidden = mailbox.changes.iter().find(|change| change.visible_at_us > now_us);
    hidden.map_or(mailbox.change_count, |change| change.number - 1)
}

/// The same query with another token.
fn link(call: &Call, name: &str, token: &str) -> String {
    let others = call.query().iter().filter(|(key, _)| key != "$skiptoken" && key != "$deltatoken");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair(name, token);
    format!("{}{}?{}", call.origin(), call.uri.path(), query.finish())
}
