//! Which part of what was read is answered: fields of a record, and a page of a list that is read whole.

use crate::gmail::poll::snapshots;
use crate::hub::{Order, PAGE_RECORDS_MAX, PageWanted, Query, ReadError, Records};
use domain::ceql::Truth;
use domain::field_path::FieldPath;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// Maximum fields asked for, and their length: a query is short.
const FIELDS_COUNT_MAX: usize = 200;

/// `fields`: top-level names and dotted paths. None of them: the whole record.
pub(super) struct Fields<'a>(Vec<Vec<&'a str>>);

impl<'a> Fields<'a> {
    pub(super) fn parse(fields: &'a [String]) -> Result<Self, ReadError> {
        if fields.len() > FIELDS_COUNT_MAX {
            return Err(ReadError::rule("fields", format!("has more than {FIELDS_COUNT_MAX} fields")));
        }
        let fields = fields.iter().map(|field| field.trim()).filter(|field| !field.is_empty());
        Ok(Fields(fields.map(|field| field.split('.').collect()).collect()))
    }

    /// Whether nothing but these top-level fields is asked for.
    pub(super) fn are_among(&self, known: &[&str]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|path| matches!(path[..], [field] if known.contains(&field)))
    }

    /// What a record has of them; what it does not have is absent.
    pub(super) fn of(&self, record: Value) -> Value {
        if self.0.is_empty() {
            return record;
        }
        let paths: Vec<&[&str]> = self.0.iter().map(Vec::as_slice).collect();
        project(&record, &paths).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// A list is projected entry by entry, so that `payload.headers.name` names what it says.
fn project(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter_map(|(key, value)| {
                let below: Vec<&[&str]> =
                    paths.iter().filter(|path| path[0] == key).map(|path| &path[1..]).collect();
                let kept = match below.iter().any(|path| path.is_empty()) {
                    true => Some(value.clone()),
                    false if below.is_empty() => None,
                    false => project(value, &below),
                };
                kept.map(|value| (key.clone(), value))
            });
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(items.iter().filter_map(|item| project(item, paths)).collect()),
        _ => None,
    }
}

/// A page of a list that is here whole: filtered, sorted and cut by us.
pub(super) fn of_all(records: Vec<Value>, known: &[&str], query: &Query) -> Result<Records, ReadError> {
    let fields = Fields::parse(&query.fields)?;
    let mut records = records;
    if let Some(condition) = &query.condition {
        snapshots::check_fields(condition, known).map_err(|rule| ReadError::rule("where", rule))?;
        records.retain(|record| condition.matches(record) == Truth::Yes);
    }
    sort(&mut records, &query.order_by)?;
    let total = records.len();
    let (from, size) = place(query)?;
    let rest = records.into_iter().skip(from).take(size);
    let page: Vec<Value> = rest.map(|record| fields.of(record)).collect();
    let to = from.saturating_add(size);
    let next = (to < total).then(|| json!({ "from": to, "size": size }));
    Ok(Records { records: page, next, total: Some(total as u64) })
}

fn place(query: &Query) -> Result<(usize, usize), ReadError> {
    let size = |size: u64| usize::try_from(size.clamp(1, u64::from(PAGE_RECORDS_MAX))).unwrap_or(1);
    let asked = query.page_size.map(u64::from);
    match &query.page {
        PageWanted::Number(number) => {
            let size = size(asked.unwrap_or(u64::from(PAGE_RECORDS_MAX)));
            let before = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
            Ok((before.saturating_mul(size), size))
        }
        PageWanted::After(place) => match (place["from"].as_u64(), place["size"].as_u64()) {
            (Some(from), Some(former)) => {
                Ok((usize::try_from(from).unwrap_or(usize::MAX), size(asked.unwrap_or(former))))
            }
            _ => Err(ReadError::rule("nextPage", "is not a page of this list")),
        },
    }
}

fn sort(records: &mut [Value], order_by: &[Order]) -> Result<(), ReadError> {
    let mut keys = Vec::new();
    for order in order_by {
        let path = FieldPath::parse(&order.field)
            .map_err(|error| ReadError::rule("orderBy", format!("`{}`: {error}", order.field)))?;
        keys.push((path, order.is_descending));
    }
    records.sort_by(|one, other| {
        let by_key = keys.iter().map(|(path, is_descending)| {
            let order = compare(path.get(one), path.get(other));
            if *is_descending { order.reverse() } else { order }
        });
        by_key.fold(Ordering::Equal, Ordering::then)
    });
    Ok(())
}

/// Numbers as numbers, texts without regard to case; what is missing comes last.
fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(one), Some(other)) => text(one).cmp(&text(other)),
        (one, other) => one.is_none().cmp(&other.is_none()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(fields: &[&str], expect: Expect) {
        let record = json!({
            "id": "1", "payload": { "mimeType": "text/plain", "headers": [
                { "name": "Subject", "value": "x" }, { "name": "To", "value": "y" }
            ] }
        });
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        expect.assert_eq(&Fields::parse(&fields).unwrap().of(record).to_string());
    }

    #[test]
    fn fields_are_names_and_paths() {
        check(&["id", "none"], expect![[r#"{"id":"1"}"#]]);
        check(
            &["payload.headers.name", " id"],
            expect![[r#"{"id":"1","payload":{"headers":[{"name":"Subject"},{"name":"To"}]}}"#]],
        );
        check(
            &["payload.mimeType", "payload.mimeType.x"],
            expect![[r#"{"payload":{"mimeType":"text/plain"}}"#]],
        );
        check(&["id.x"], expect!["{}"]);
        check(
            &[""],
            expect![[
                r#"{"id":"1","payload":{"mimeType":"text/plain","headers":[{"name":"Subject","value":"x"},{"name":"To","value":"y"}]}}"#
            ]],
        );
    }
}
