//! Looking for one object: which read shows it, and how it stands to what is polled.

use crate::hub::Query;
use crate::outlook::descriptor::DESCRIPTOR;
use crate::outlook::normalise::conditions::is_cursor_bound;
use crate::outlook::normalise::entity::List;
use crate::sought::{RecordStanding, SOUGHT_RECORDS_MAX, Sought};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::ceql::{Expr, Op, Truth, Value};
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::resource::ResourceConfig;
use serde_json::Value as Json;

/// Folders and calendars, which have no dates, are looked for by their ids alone, and contacts not by a subject.
pub(in crate::outlook) fn query(
    resource: &ResourceConfig,
    sought: &Sought,
    now: DateTime<Utc>,
) -> Option<Query> {
    let read = resource.read_at(now, now).ok()?;
    let name = DESCRIPTOR.resource(&read.resource)?.name;
    let compare = |field: &str, op, value: String| Expr::Compare {
        field: field.to_owned(),
        op,
        value: Value::Text(value),
    };
    let condition = match sought {
        Sought::Object(id) => {
            return Some(Query { path: vec![name.to_owned(), id.clone()], ..Query::of(name) });
        }
        Sought::Subject(subject) if matches!(name, "messages" | "events") => {
            compare("Subject", Op::Eq, subject.clone())
        }
        Sought::Within(window) if matches!(name, "messages" | "events" | "contacts") => {
            let field = List::named(name)?.entity.came;
            let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
            Expr::And(vec![compare(field, Op::Ge, at(window.from)), compare(field, Op::Lt, at(window.to))])
        }
        Sought::Subject(_) | Sought::Within(_) => return None,
    };
    Some(Query { condition: Some(condition), page_size: Some(SOUGHT_RECORDS_MAX), ..Query::of(name) })
}

pub(in crate::outlook) fn standing(
    resource: &ResourceConfig,
    record: &Json,
    now: DateTime<Utc>,
) -> Option<RecordStanding> {
    let read = resource.read_at(now, now).ok()?;
    let entity = List::named(DESCRIPTOR.resource(&read.resource)?.name)?.entity;
    let conditions: Vec<Expr> = read.conditions.into_iter().filter(|one| !is_cursor_bound(one)).collect();
    let of_drafts = |field: &str| field.eq_ignore_ascii_case("isDraft");
    let speak_of_drafts = conditions.iter().flat_map(Expr::fields).any(of_drafts);
    let fields = record.as_object()?;
    let came = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(entity.came));
    let arrived_at = came.and_then(|(_, value)| value.as_str());
    Some(RecordStanding {
        object_id: record["Id"].as_str()?.to_owned(),
        arrived_at: arrived_at.and_then(|text| parse_rfc3339(text, Zone::UTC)),
        is_draft: entity.has_drafts && record["IsDraft"] == Json::Bool(true) && !speak_of_drafts,
        is_wanted: conditions.iter().all(|condition| condition.matches(record) != Truth::No),
    })
}

/// Of a message or an event; a contact and a folder have a name to be shown by, a calendar a name.
pub(in crate::outlook) fn subject(record: &Json) -> Option<&str> {
    let names = ["subject", "displayname", "name"];
    let fields = record.as_object()?;
    let mut found = names.iter().filter_map(|wanted| {
        let field = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        field.and_then(|(_, value)| value.as_str())
    });
    found.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_called_by_its_subject_or_its_name() {
        assert_eq!(subject(&json!({ "Id": "1", "Name": "n", "Subject": "Hi" })), Some("Hi"));
        assert_eq!(subject(&json!({ "id": "1", "displayName": "Inbox" })), Some("Inbox"));
        assert_eq!(subject(&json!({ "Id": "1", "Subject": null })), None);
    }
}
