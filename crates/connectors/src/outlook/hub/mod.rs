//! Reads for clients: a page of a list, or one object.

pub(super) mod content;
mod cut;
pub(super) mod next;
mod place;
pub(super) mod sought;

use super::api;
use super::normalise::entity::{Entity, List};
use super::normalise::field::{Can, FieldKind, Path};
use super::normalise::filter::odata;
use super::normalise::selection::{PAGE_SIZE, PAGE_SIZE_MAX, usual};
use super::normalise::{Nulls, pascal};
use crate::Call;
use crate::error::Error;
use crate::hub::{Answer, PageWanted, Query, ReadError, Records};
use cut::{Paths, cut};
use domain::ceql::Expr;
use next::Repeated;
use place::HubTarget;
use serde_json::Value;

/// Before anything that a mailbox holds.
const LONG_AGO: &str = "1900-01-01T00:00:00Z";

pub(super) async fn read(call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
    let place = HubTarget::of(&query.path)?;
    let entity = place.list.entity;
    let paths = Paths::of(entity, &query.fields).map_err(|rule| ReadError::rule("fields", rule))?;
    let select = paths.select().unwrap_or_else(|| usual(entity));
    if place.is_object {
        refuse_list_parameters(query)?;
        let url = api::url(call, &place.path, &[("$select", &select)]);
        let object = api::object(call, entity, &url).await?;
        return Ok(Answer::One(cut(pascal(&object, Nulls::Keep), &paths)));
    }
    // A token that holds its whole query stands alone: what else came with it does not matter.
    let (order, filter) = match &query.page {
        PageWanted::After(Value::String(_)) => (Vec::new(), None),
        _ => {
            let order = order(entity, query)?;
            let filter = filter(entity, query, &order)?;
            (order, filter)
        }
    };
    let repeated = Repeated { select: &select, filter: filter.as_deref() };
    let request = match &query.page {
        PageWanted::Number(number) => first_request(place.list, query, *number, &order, &repeated),
        PageWanted::After(value) => next::request(entity, value, &repeated)?,
    };
    let request: Vec<(&str, &str)> =
        request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let page = api::page(call, entity, &api::url(call, &place.path, &request)).await?;
    let records = page.value.iter().filter(|row| row.is_object());
    let sent = request.iter().find(|(name, _)| *name == "$filter").map(|(_, filter)| *filter);
    let repeated = Repeated { filter: sent, ..repeated };
    Ok(Answer::Many(Records {
        records: records.map(|row| cut(pascal(row, Nulls::Keep), &paths)).collect(),
        next: page.next_link.map(|link| next::of(&link, &repeated)).transpose()?,
        total: page.count.and_then(|count| u64::try_from(count).ok()),
    }))
}

/// The least that shows whether the mailbox answers.
pub(super) async fn ping(call: &Call<'_>) -> Result<(), Error> {
    let url = api::url(call, "mailFolders/inbox", &[("$select", "id")]);
    api::object(call, &super::normalise::entity::FOLDER, &url).await.map(|_: Value| ())
}

fn refuse_list_parameters(query: &Query) -> Result<(), ReadError> {
    let rule = "is for lists, not for one object";
    match query {
        Query { condition: Some(_), .. } => Err(ReadError::rule("where", rule)),
        Query { order_by, .. } if !order_by.is_empty() => Err(ReadError::rule("orderBy", rule)),
        _ => Ok(()),
    }
}

/// The parameters of a page that is named by its number.
fn first_request(
    list: &List,
    query: &Query,
    number: u32,
    order: &[(Path, bool)],
    repeated: &Repeated<'_>,
) -> Vec<(String, String)> {
    let mut request = Vec::new();
    let mut add = |name: &str, value: String| request.push((name.to_owned(), value));
    if let Some(filter) = repeated.filter {
        add("$filter", filter.to_owned());
    }
    if !order.is_empty() {
        let entry = |(path, is_descending): &(Path, bool)| {
            format!("{}{}", path.text, if *is_descending { " desc" } else { "" })
        };
        add("$orderby", order.iter().map(entry).collect::<Vec<_>>().join(","));
    }
    let size = query.page_size.and_then(|size| usize::try_from(size).ok());
    let size = size.unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE_MAX);
    let skip = u64::from(number.saturating_sub(1)) * size as u64;
    if list.entity.is_paged {
        add("$top", size.to_string());
    }
    if skip > 0 {
        add("$skip", skip.to_string());
    }
    add("$select", repeated.select.to_owned());
    if list.is_counted {
        add("$count", "true".to_owned());
    }
    request
}

fn order(entity: &Entity, query: &Query) -> Result<Vec<(Path, bool)>, ReadError> {
    let read = |order: &crate::hub::Order| {
        let path = entity.path(&order.field).map_err(|rule| ReadError::rule("orderBy", rule))?;
        match path.can {
            Can::Sort => Ok((path, order.is_descending)),
            _ => Err(ReadError::rule("orderBy", format!("the provider can't order by `{}`", order.field))),
        }
    };
    query.order_by.iter().map(read).collect()
}

/// The `$filter`, which begins with the ordered properties where the provider wants that.
fn filter(entity: &Entity, query: &Query, order: &[(Path, bool)]) -> Result<Option<String>, ReadError> {
    let Some(condition) = &query.condition else { return Ok(None) };
    let mut conjuncts = condition.clone().conjuncts();
    let mut parts = Vec::new();
    let as_filter =
        |expr: &Expr| odata(entity, expr, Can::Filter).map_err(|rule| ReadError::rule("where", rule));
    for (path, _) in order.iter().filter(|_| entity.order_leads_filter) {
        match conjuncts.iter().position(|expr| is_about(entity, expr, path)) {
            Some(position) => parts.push(as_filter(&conjuncts.remove(position))?),
            None if path.kind == FieldKind::Date => parts.push(format!("{} ge {LONG_AGO}", path.text)),
            None => {
                let field = super::normalise::field::raised(&path.text).replace('/', ".");
                let rule = format!(
                    "the provider orders by `{field}` beside a `where` only if that has a condition on `{field}` alone"
                );
                return Err(ReadError::rule("orderBy", rule));
            }
        }
    }
    for expr in &conjuncts {
        parts.push(as_filter(expr)?);
    }
    Ok(Some(parts.join(" and ")))
}

/// Whether a condition is about this path and nothing else.
fn is_about(entity: &Entity, expr: &Expr, path: &Path) -> bool {
    expr.fields().iter().all(|field| entity.path(field).is_ok_and(|found| found.text == path.text))
}
