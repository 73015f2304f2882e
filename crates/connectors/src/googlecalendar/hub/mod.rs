//! Reads for clients: a page of the calendar's events, or one of them.

pub(super) mod sought;

use super::api::{self, PAGE_SIZE, PAGE_SIZE_MAX};
use super::descriptor::DESCRIPTOR;
use super::normalise::conditions::unknown;
use super::normalise::cut;
use crate::Call;
use crate::hub::{Answer, PageWanted, Query, ReadError, Records};
use crate::values::Holds;
use domain::ceql::{Expr, Op, Value as Given};
use serde_json::Value;

/// Pages that are passed over at the most to come to one that is asked for by its number.
const PAGES_PASSED_MAX: u32 = 20;

/// Answers one read.
pub(super) async fn read(call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
    let [name, below @ ..] = query.path.as_slice() else { return Err(ReadError::NoResource) };
    DESCRIPTOR.resource(name).ok_or(ReadError::NoResource)?;
    if let Some(field) = unknown(query.fields.iter().map(String::as_str)) {
        return Err(ReadError::rule("fields", format!("`{field}` is not a field of an event")));
    }
    match below {
        [] => list(call, query).await.map(Answer::Many),
        [id] => Ok(Answer::One(cut(api::event(call, id).await?, &query.fields))),
        _ => Err(ReadError::NoResource),
    }
}

async fn list(call: &Call<'_>, query: &Query) -> Result<Records, ReadError> {
    let size = query.page_size.unwrap_or(PAGE_SIZE).min(PAGE_SIZE_MAX);
    let mut parameters = vec![("maxResults", size.to_string())];
    parameters.extend(filter(query.condition.clone())?);
    parameters.extend(order(query)?);
    let mut token = match &query.page {
        PageWanted::Number(_) => None,
        PageWanted::After(Value::String(token)) => Some(token.clone()),
        PageWanted::After(_) => {
            return Err(ReadError::rule("nextPage", "is not a token issued by a page of this list"));
        }
    };
    let passed = if let PageWanted::Number(number) = query.page { number.saturating_sub(1) } else { 0 };
    if passed > PAGES_PASSED_MAX {
        let rule = format!("must be at most {}: go on with `nextPage`", PAGES_PASSED_MAX + 1);
        return Err(ReadError::rule("page", rule));
    }
    for _ in 0..passed {
        token =
            page(call, &parameters, token.as_deref(), &[("fields", "nextPageToken")]).await?.next_page_token;
        if token.is_none() {
            return Ok(Records::default());
        }
    }
    let page = page(call, &parameters, token.as_deref(), &[]).await?;
    let records = page.items.into_iter().map(|record| cut(record, &query.fields)).collect();
    Ok(Records { records, next: page.next_page_token.map(Value::String), total: None })
}

async fn page(
    call: &Call<'_>,
    parameters: &[(&str, String)],
    token: Option<&str>,
    more: &[(&str, &str)],
) -> Result<api::EventsPage, ReadError> {
    let mut query: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    query.extend(token.map(|token| ("pageToken", token)));
    query.extend(more);
    Ok(api::events(call, &query).await?)
}

/// The provider's own filter for a condition; what it has none for is refused.
fn filter(condition: Option<Expr>) -> Result<Vec<(&'static str, String)>, ReadError> {
    let conjuncts = condition.map(Expr::conjuncts).unwrap_or_default();
    conjuncts.into_iter().map(parameter).collect()
}

fn parameter(condition: Expr) -> Result<(&'static str, String), ReadError> {
    let Expr::Compare { field, op, value } = &condition else { return Err(no_filter(&condition)) };
    let name = match (field.to_ascii_lowercase().as_str(), op) {
        ("q", Op::Eq) => "q",
        ("icaluid", Op::Eq) => "iCalUID",
        ("updated", Op::Ge) => "updatedMin",
        // The API's bounds leave events out that only touch them.
        ("end" | "end.datetime", Op::Gt) => "timeMin",
        ("start" | "start.datetime", Op::Lt) => "timeMax",
        _ => return Err(no_filter(&condition)),
    };
    if name.ends_with("Min") || name.ends_with("Max") {
        Holds::Date.check(field, value).map_err(|rule| ReadError::rule("where", rule))?;
    }
    match value {
        Given::Text(text) | Given::Bare(text) => Ok((name, text.clone())),
        _ => Err(no_filter(&condition)),
    }
}

fn no_filter(condition: &Expr) -> ReadError {
    let field = condition.fields().first().map_or_else(String::new, |field| (*field).to_owned());
    let rule = format!(
        "there is no filter of this form on `{field}`: only `q` and `iCalUID` with =, `updated` with >=, `end` with > and \
         `start` with <"
    );
    ReadError::rule("where", rule)
}

fn order(query: &Query) -> Result<Option<(&'static str, String)>, ReadError> {
    match query.order_by.as_slice() {
        [] => Ok(None),
        [one] if one.field.eq_ignore_ascii_case("updated") && !one.is_descending => {
            Ok(Some(("orderBy", "updated".to_owned())))
        }
        _ => Err(ReadError::rule("orderBy", "can only be `updated`, ascending")),
    }
}
