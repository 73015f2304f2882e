//! Looking for one message: which read shows it, and how it stands to what is polled.

use crate::gmail::descriptor::DESCRIPTOR;
use crate::gmail::normalise::conditions::Conditions;
use crate::gmail::normalise::internal_date;
use crate::hub::Query;
use crate::lenient;
use crate::sought::{RecordStanding, SOUGHT_RECORDS_MAX, Sought};
use chrono::{DateTime, Utc};
use domain::ceql::{Expr, Op, Value};
use domain::resource::ResourceConfig;
use serde_json::Value as Json;

/// Labels, threads and drafts are looked for by their ids alone.
pub(in crate::gmail) fn query(
    resource: &ResourceConfig,
    sought: &Sought,
    now: DateTime<Utc>,
) -> Option<Query> {
    let read = resource.read_at(now, now).ok()?;
    let name = DESCRIPTOR.resource(&read.resource)?.name;
    let is_messages = is_messages(name);
    let name = if is_messages { "messages" } else { name };
    let compare = |field: &str, op, value: String| Expr::Compare {
        field: field.to_owned(),
        op,
        value: Value::Text(value),
    };
    let condition = match sought {
        Sought::Object(id) => {
            let path = vec![name.to_owned(), id.clone()];
            let parameters = is_messages.then(|| ("format".to_owned(), "minimal".to_owned()));
            return Some(Query { path, parameters: parameters.into_iter().collect(), ..Query::of(name) });
        }
        _ if !is_messages => return None,
        Sought::Subject(subject) => compare("subject", Op::Eq, subject.clone()),
        Sought::Within(window) => Expr::And(vec![
            compare("internalDate", Op::Ge, window.from.to_rfc3339()),
            compare("internalDate", Op::Lt, window.to.to_rfc3339()),
        ]),
    };
    Some(Query {
        condition: Some(condition),
        page_size: Some(SOUGHT_RECORDS_MAX),
        parameters: vec![("includeSpamTrash".to_owned(), "true".to_owned())],
        ..Query::of(name)
    })
}

pub(in crate::gmail) fn standing(
    resource: &ResourceConfig,
    record: &Json,
    now: DateTime<Utc>,
) -> Option<RecordStanding> {
    let read = resource.read_at(now, now).ok()?;
    let name = DESCRIPTOR.resource(&read.resource)?.name;
    let labels = record["labelIds"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Conditions of what has no history were checked when they were saved, and have no labels to go by.
    let is_wanted = !is_messages(name) || Conditions::parse(read.conditions).ok()?.allow(record);
    Some(RecordStanding {
        object_id: lenient::id_of(record)?.to_owned(),
        arrived_at: internal_date(record),
        is_draft: is_messages(name) && labels.iter().any(|label| label == "DRAFT"),
        is_wanted,
    })
}

/// Of a message, of a draft's, or of the first one of a thread; a label has a name.
pub(in crate::gmail) fn subject(record: &Json) -> Option<&str> {
    let messages = [record, &record["message"], &record["messages"][0]];
    let mut headers =
        messages.into_iter().filter_map(|message| message["payload"]["headers"].as_array()).flatten();
    let is_subject = |name: &str| name.eq_ignore_ascii_case("subject");
    let header = headers.find(|header| header["name"].as_str().is_some_and(is_subject));
    header.map_or(&record["name"], |header| &header["value"]).as_str()
}

fn is_messages(name: &str) -> bool {
    matches!(name, "messages" | "changed-messages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_called_by_its_subject_or_its_name() {
        let message = json!({ "payload": { "headers": [{ "name": "From", "value": "a" }, { "name": "SUBJECT", "value": "Hi" }] } });
        assert_eq!(subject(&message), Some("Hi"));
        assert_eq!(subject(&json!({ "message": message })), Some("Hi"), "a draft");
        assert_eq!(subject(&json!({ "messages": [message] })), Some("Hi"), "a thread");
        assert_eq!(subject(&json!({ "name": "Label_1" })), Some("Label_1"));
        assert_eq!(subject(&json!({ "id": "1", "labelIds": [] })), None);
    }
}
