//! Lists: filter, order, pages.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::error;
use super::filter::{Filter, Mistake, property};
use super::item::View;
use super::kind::Type;
use super::mailbox::Mailbox;
use super::property::Property;
use super::record::Record;
use super::row::Row;
use crate::call::Call;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 1000;

struct Options {
    filter: Option<Filter>,
    order: Vec<(Property, bool)>,
    top: usize,
    skip: usize,
    select: Option<Vec<String>>,
    count: bool,
}

/// `/me/messages`, or the messages of a folder.
pub(super) fn messages(mailbox: &Mailbox, folder: Option<usize>, call: &Call, now_us: i64) -> Reply {
    let listed = mailbox.listed(now_us).map(|(_, message)| message.as_ref());
    let found = listed.filter(|message| folder.is_none_or(|folder| message.folder == folder));
    // Over the whole mailbox a filtered count is not known; folders do count.
    let is_counted = folder.is_some() || call.param("$filter").is_none();
    list(mailbox, Type::Message, found.map(Row::Message).collect(), is_counted, call)
}

/// A list of anything else.
pub(super) fn records(mailbox: &Mailbox, kind: Type, records: Vec<Record>, call: &Call) -> Reply {
    list(mailbox, kind, records.into_iter().map(Row::Record).collect(), true, call)
}

fn list(mailbox: &Mailbox, kind: Type, rows: Vec<Row<'_>>, is_counted: bool, call: &Call) -> Reply {
    let options = match options(kind, call) {
        Ok(options) => options,
        Err(reply) => return reply,
    };
    let found = select(kind, rows, &options);
    let view = view(call, options.select.as_deref());
    let mut body = Map::new();
    if view.metadata {
        body.insert("@odata.context".to_owned(), context(call, mailbox, kind).into());
    }
    if options.count {
        let count = if is_counted { found.len().into() } else { Value::from(-1) };
        body.insert("@odata.count".to_owned(), count);
    }
    let page = found.iter().skip(options.skip).take(options.top);
    let ids: Vec<&str> = page.clone().map(Row::id).collect();
    if let Some(failure) = mailbox.odd.failure(&ids, options.select.as_deref()) {
        return failure;
    }
    body.insert("value".to_owned(), page.map(|row| render(row, mailbox, view)).collect());
    let next = options.skip + options.top;
    if next < found.len() {
        body.insert("@odata.nextLink".to_owned(), next_link(call, next).into());
    }
    Reply::json(200, &Value::Object(body))
}

fn render(row: &Row<'_>, mailbox: &Mailbox, view: View<'_>) -> Value {
    let shown = match row {
        Row::Message(message) => message.render(mailbox.folder_id(message.folder), view),
        Row::Record(record) => record.render(view.metadata, view.select),
    };
    mailbox.odd.shown(row.id(), shown)
}

/// `/me/messages/{id}`.
pub(super) fn message(mailbox: &Mailbox, id: &str, call: &Call) -> Reply {
    get(mailbox, Type::Message, mailbox.get(id).map(|message| Row::Message(message)), call)
}

/// One object of any other kind, if there is one.
pub(super) fn record(mailbox: &Mailbox, kind: Type, record: Option<Record>, call: &Call) -> Reply {
    get(mailbox, kind, record.map(Row::Record), call)
}

fn get(mailbox: &Mailbox, kind: Type, row: Option<Row<'_>>, call: &Call) -> Reply {
    let select = match call.param("$select").map(|text| parse_select(kind, text)).transpose() {
        Ok(select) => select,
        Err(mistake) => return refuse(kind, mistake),
    };
    let Some(row) = row else { return error::item_not_found() };
    let view = view(call, select.as_deref());
    let mut body = render(&row, mailbox, view);
    if let (true, Some(object)) = (view.metadata, body.as_object_mut()) {
        let context = format!("{}/$entity", context(call, mailbox, kind));
        object.shift_insert(0, "@odata.context".to_owned(), context.into());
    }
    Reply::json(200, &body)
}

pub(super) fn view<'a>(call: &Call, select: Option<&'a [String]>) -> View<'a> {
    let accept = call.header("accept").unwrap_or_default().to_ascii_lowercase();
    View {
        immutable_ids: call.prefers("IdType", "ImmutableId"),
        text_body: call.prefers("outlook.body-content-type", "text"),
        metadata: !accept.replace(' ', "").contains("odata.metadata=none"),
        select,
    }
}

pub(super) fn parse_select(kind: Type, text: &str) -> Result<Vec<String>, Mistake> {
    let names = text.split(',').map(str::trim);
    let check = |name: &str| match kind.properties().contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(Mistake::Property(name.to_owned())),
    };
    names.map(check).collect()
}

pub(super) fn refuse(kind: Type, mistake: Mistake) -> Reply {
    match mistake {
        Mistake::Syntax(text) => error::invalid_query(&format!(
            "The query specified in the URI is not valid. Syntax error at '{text}'."
        )),
        Mistake::Property(name) => {
            let kind = kind.name();
            let message =
                format!("Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.");
            error::bad_request(&message)
        }
        Mistake::Type(name) => {
            let message = format!("A binary operator with incompatible types was detected, at '{name}'.");
            error::bad_request(&message)
        }
    }
}

fn context(call: &Call, mailbox: &Mailbox, kind: Type) -> String {
    let user = mailbox.email.replace('@', "%40");
    format!("{}/v1.0/$metadata#users('{user}')/{}", call.origin(), kind.collection())
}

fn options(kind: Type, call: &Call) -> Result<Options, Reply> {
    let known = ["$filter", "$orderby", "$top", "$skip", "$select", "$count"];
    let unknown =
        call.query().iter().find(|(name, _)| name.starts_with('$') && !known.contains(&name.as_str()));
    if let Some((name, _)) = unknown {
        return Err(error::invalid_query(&format!("The query parameter '{name}' is not supported.")));
    }
    let number = |name: &str, default| match call.number(name) {
        Ok(number) => Ok(number.unwrap_or(default)),
        Err(text) => Err(error::invalid_query(&format!("Invalid value '{text}' for {name} query option."))),
    };
    let refused = |mistake| refuse(kind, mistake);
    let options = Options {
        filter: call.param("$filter").map(|text| Filter::parse(kind, text)).transpose().map_err(refused)?,
        order: call
            .param("$orderby")
            .map(|text| parse_order(kind, text))
            .transpose()
            .map_err(refused)?
            .unwrap_or_default(),
        top: number("$top", PAGE_DEFAULT)?,
        skip: number("$skip", 0)?,
        select: call.param("$select").map(|text| parse_select(kind, text)).transpose().map_err(refused)?,
        count: call.param("$count") == Some("true"),
    };
    if !(1..=PAGE_MAX).contains(&options.top) {
        return Err(error::invalid_query("Invalid value for $top: it has to be between 1 and 1000."));
    }
    // Only mail is known to be so particular.
    if kind == Type::Message && !is_efficient(&options) {
        return Err(error::inefficient_filter());
    }
    Ok(options)
}

/// With both a filter and an order, the filter has to start with the properties of the order, in that order.
fn is_efficient(options: &Options) -> bool {
    let Some(filter) = &options.filter else { return true };
    let ordered: Vec<_> = options.order.iter().map(|(property, _)| *property).collect();
    filter.properties().starts_with(&ordered)
}

fn parse_order(kind: Type, text: &str) -> Result<Vec<(Property, bool)>, Mistake> {
    let order = text.split(',').map(|entry| {
        let mut words = entry.split_whitespace();
        let property = property(kind, words.next().unwrap_or_default())?;
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(Mistake::Syntax(entry.to_owned())),
        };
        Ok((property, descending))
    });
    order.collect()
}

fn select<'a>(kind: Type, rows: Vec<Row<'a>>, options: &Options) -> Vec<Row<'a>> {
    let mut found = rows;
    found.retain(|row| options.filter.as_ref().is_none_or(|filter| filter.matches(row)));
    let newest_first = [(Property::Received, true)];
    let order =
        if options.order.is_empty() && kind == Type::Message { &newest_first[..] } else { &options.order };
    found.sort_by(|left, right| compare(left, right, order));
    found
}

fn compare(left: &Row<'_>, right: &Row<'_>, order: &[(Property, bool)]) -> Ordering {
    let each = order.iter().map(|(property, descending)| {
        let ordering = property.of(left).cmp(&property.of(right));
        if *descending { ordering.reverse() } else { ordering }
    });
    each.fold(Ordering::Equal, Ordering::then)
}

/// The same query from another place on. Nothing holds the list still between two pages.
fn next_link(call: &Call, skip: usize) -> String {
    let others = call.query().iter().filter(|(name, _)| name != "$skip");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair("$skip", &skip.to_string());
    format!("{}{}?{}", call.origin(), call.uri.path(), query.finish())
}
