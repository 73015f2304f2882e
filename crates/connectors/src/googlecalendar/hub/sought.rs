//! Looking for one event: which read shows it, and how it stands to what is polled.

use crate::googlecalendar::normalise::conditions::Conditions;
use crate::hub::Query;
use crate::lenient;
use crate::sought::{RecordStanding, SOUGHT_RECORDS_MAX, Sought};
use chrono::{DateTime, Utc};
use domain::ceql::{Expr, Op, Value};
use domain::resource::ResourceConfig;
use serde_json::Value as Json;

/// The name of the only resource.
const EVENTS: &str = "events";

/// The provider filters by the last change, and only from a time on.
pub(in crate::googlecalendar) fn query(sought: &Sought) -> Option<Query> {
    let compare = |field: &str, op, value: String| Expr::Compare {
        field: field.to_owned(),
        op,
        value: Value::Text(value),
    };
    let condition = match sought {
        Sought::Object(id) => {
            return Some(Query { path: vec![EVENTS.to_owned(), id.clone()], ..Query::of(EVENTS) });
        }
        Sought::Subject(subject) => compare("q", Op::Eq, subject.clone()),
        Sought::Within(window) => compare("updated", Op::Ge, window.from.to_rfc3339()),
    };
    Some(Query { condition: Some(condition), page_size: Some(SOUGHT_RECORDS_MAX), ..Query::of(EVENTS) })
}

pub(in crate::googlecalendar) fn standing(
    resource: &ResourceConfig,
    record: &Json,
    now: DateTime<Utc>,
) -> Option<RecordStanding> {
    let at = DateTime::parse_from_rfc3339(record["created"].as_str().unwrap_or_default());
    Some(RecordStanding {
        object_id: lenient::id_of(record)?.to_owned(),
        arrived_at: at.ok().map(|at| at.to_utc()),
        is_draft: false,
        is_wanted: Conditions::of(resource, now).ok()?.allow(record),
    })
}

/// Its title.
pub(in crate::googlecalendar) fn subject(record: &Json) -> Option<&str> {
    record["summary"].as_str()
}
