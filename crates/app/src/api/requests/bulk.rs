//! One action on many instances.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use crate::api::query::time;
use chrono::{DateTime, Utc};
use domain::bulk::{BulkAction, RetryKind};
use domain::ids::InstanceId;
use domain::instance::without_markup;
use domain::setting_keys::MASK;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Ids in one request; whoever means more names them by a filter.
const IDS_COUNT_MAX: usize = 1_000;
/// Resources that a backfill names.
const RESOURCES_COUNT_MAX: usize = 20;
/// Longest filter, bytes: it is kept with what was asked for.
const FILTER_BYTES_MAX: usize = 4_096;
/// What can be done.
const ACTIONS: [&str; 7] = ["enable", "disable", "delete", "tag", "release", "retry", "backfill"];
/// Parameters of the list of instances that a filter has.
const FILTER_KEYS: [&str; 7] =
    ["status", "connector", "application", "tags", "searchText", "mailbox", "waiting"];

/// One action on the instances that are named now: later ones are not among them. Either `ids` or `filter`.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "action": "disable", "filter": { "status": ["failing"], "tags": ["Docs"] } }))]
pub(in crate::api) struct BulkRequest {
    #[schemars(extend("enum" = ACTIONS))]
    action: String,
    /// Ids of instances.
    #[schemars(with = "Option<Vec<u32>>", length(max = 1000))]
    pub(in crate::api) ids: Option<Vec<InstanceId>>,
    /// Parameters of the list of instances, as they stand there: `status`, `connector`, `application`, `tags`,
    /// `searchText`, `mailbox`, `waiting`; those with more than one value as a list. Empty: all. An address is not kept.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(in crate::api) filter: Option<Vec<(String, String)>>,
    /// The filter, or how many ids there are.
    #[schemars(skip)]
    pub(in crate::api) given: Value,
    /// What the preview said would be done: where it is another number by now, nothing is (409).
    pub(in crate::api) expected: Option<u64>,
    /// Of `tag`: to be there afterwards.
    #[schemars(with = "Option<Vec<String>>", length(max = 50))]
    add_tags: Vec<String>,
    /// Of `tag`: not to be there afterwards.
    #[schemars(with = "Option<Vec<String>>", length(max = 50))]
    remove_tags: Vec<String>,
    /// Of `retry` and `backfill`: the beginning of the window. Of `release`: only callbacks that something of the window
    /// waits for; all of their queue is released. RFC 3339, or milliseconds since the Unix epoch as a text.
    #[schemars(with = "Option<String>")]
    from: Option<DateTime<Utc>>,
    /// The end of the window; default: now.
    #[schemars(with = "Option<String>")]
    to: Option<DateTime<Utc>>,
    /// Of `retry`: `delivered`, `undelivered`; default: both. What is queued is released instead.
    #[schemars(with = "Option<Vec<String>>")]
    deliveries: BTreeSet<RetryKind>,
    /// Of `backfill`: names of polled resources; default: all.
    #[schemars(with = "Option<Vec<String>>", length(max = 20))]
    resources: Vec<String>,
}

impl Request for BulkRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let (ids, filter) = (ids(object)?, filter(object)?);
        let given = match (&ids, &filter) {
            (Some(ids), None) => json!({ "ids": ids.len() }),
            (None, Some(_)) => json!({ "filter": kept(&object["filter"]) }),
            _ => {
                return Err(ApiError::bad(
                    "one of `ids` and `filter` is needed; an empty `filter` means all",
                ));
            }
        };
        Ok(BulkRequest {
            action: body::text(object, "action")?.unwrap_or_default(),
            ids,
            filter,
            given,
            expected: expected(object)?,
            add_tags: tags(object, "addTags")?,
            remove_tags: tags(object, "removeTags")?,
            from: at(object, "from")?,
            to: at(object, "to")?,
            deliveries: deliveries(object)?,
            resources: texts(object, "resources", RESOURCES_COUNT_MAX)?.unwrap_or_default(),
        })
    }
}

impl BulkRequest {
    /// What is to be done. What comes after now is no part of it.
    pub(in crate::api) fn action(&self, now: DateTime<Utc>) -> Result<BulkAction, ApiError> {
        Ok(match self.action.as_str() {
            "enable" => BulkAction::Enable,
            "disable" => BulkAction::Disable,
            "delete" => BulkAction::Delete,
            "tag" if self.add_tags.is_empty() && self.remove_tags.is_empty() => {
                return Err(ApiError::rule("addTags", "or `removeTags` is required"));
            }
            "tag" => BulkAction::Tag { add: self.add_tags.clone(), remove: self.remove_tags.clone() },
            "release" => BulkAction::Release { from: self.from, to: self.to },
            "retry" => {
                let (from, to) = self.window(now)?;
                BulkAction::Retry { from, to, of: self.deliveries.clone() }
            }
            "backfill" => {
                let (from, to) = self.window(now)?;
                BulkAction::Backfill { from, to, resources: self.resources.clone() }
            }
            _ => return Err(ApiError::rule("action", &format!("must be of {}", ACTIONS.join(", ")))),
        })
    }

    fn window(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
        let from = self.from.ok_or_else(|| ApiError::rule("from", "is required"))?;
        let to = self.to.map_or(now, |to| to.min(now));
        match from < to {
            true => Ok((from, to)),
            false => Err(ApiError::rule("to", "must be after `from`, which must not lie ahead")),
        }
    }
}

fn at(object: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    body::text(object, name)?.filter(|text| !text.is_empty()).map(|text| time(name, &text)).transpose()
}

fn tags(object: &Map<String, Value>, name: &str) -> Result<Vec<String>, ApiError> {
    let mut alone = Map::new();
    alone.extend(object.get(name).map(|tags| ("tags".to_owned(), tags.clone())));
    let tags = body::tags(&alone).map_err(|_| ApiError::rule(name, "must be a list of at most 50 texts"))?;
    let plain = tags.iter().flatten().map(|tag| without_markup(tag)).filter(|tag| !tag.is_empty());
    Ok(plain.collect())
}

fn deliveries(object: &Map<String, Value>) -> Result<BTreeSet<RetryKind>, ApiError> {
    let both = || vec!["delivered".to_owned(), "undelivered".to_owned()];
    let named = texts(object, "deliveries", 2)?.filter(|named| !named.is_empty()).unwrap_or_else(both);
    let kind = |text: String| match text.as_str() {
        "delivered" => Ok(RetryKind::Delivered),
        "undelivered" => Ok(RetryKind::Undelivered),
        _ => Err(ApiError::rule("deliveries", "must be `delivered`, `undelivered` or both")),
    };
    named.into_iter().map(kind).collect()
}

fn texts(object: &Map<String, Value>, name: &str, count_max: usize) -> Result<Option<Vec<String>>, ApiError> {
    let rule = || ApiError::rule(name, &format!("must be a list of at most {count_max} texts"));
    let list = match object.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) if list.len() <= count_max => list,
        Some(_) => return Err(rule()),
    };
    let texts = list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    texts.ok_or_else(rule).map(Some)
}

fn ids(object: &Map<String, Value>) -> Result<Option<Vec<InstanceId>>, ApiError> {
    let rule = || ApiError::rule("ids", &format!("must be a list of 1 to {IDS_COUNT_MAX} instances' ids"));
    let list = match object.get("ids") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) if (1..=IDS_COUNT_MAX).contains(&list.len()) => list,
        Some(_) => return Err(rule()),
    };
    let id = |id: &Value| InstanceId::parse(&id.as_u64()?.to_string());
    let ids: BTreeSet<InstanceId> = list.iter().map(id).collect::<Option<_>>().ok_or_else(rule)?;
    Ok(Some(ids.into_iter().collect()))
}

/// What stays of a filter in the record of what was done: no address.
fn kept(filter: &Value) -> Value {
    let mut kept = filter.clone();
    if let Some(address) = kept.get_mut("mailbox") {
        *address = MASK.into();
    }
    kept
}

/// As the query of the list, so that both mean the same.
fn filter(object: &Map<String, Value>) -> Result<Option<Vec<(String, String)>>, ApiError> {
    let filter = match object.get("filter") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(filter)) => filter,
        Some(_) => return Err(ApiError::rule("filter", "must be an object")),
    };
    if Value::Object(filter.clone()).to_string().len() > FILTER_BYTES_MAX {
        return Err(ApiError::rule("filter", &format!("must be at most {FILTER_BYTES_MAX} bytes")));
    }
    let mut pairs = Vec::new();
    for (key, value) in filter {
        if !FILTER_KEYS.contains(&key.as_str()) {
            let rule = format!("`{key}` is none of {}", FILTER_KEYS.join(", "));
            return Err(ApiError::rule("filter", &rule));
        }
        let is_list = matches!(key.as_str(), "status" | "tags");
        let values = match value {
            Value::Array(values) if is_list => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(flag) => flag.to_string(),
                _ => {
                    return Err(ApiError::rule(
                        "filter",
                        &format!("`{key}` must be a text, or a list of them"),
                    ));
                }
            };
            pairs.push((if is_list { format!("{key}[]") } else { key.clone() }, text));
        }
    }
    Ok(Some(pairs))
}

fn expected(object: &Map<String, Value>) -> Result<Option<u64>, ApiError> {
    match object.get("expected") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).ok_or_else(|| ApiError::rule("expected", "must be a whole number"))
        }
    }
}
