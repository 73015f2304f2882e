//! A record cut down to the fields that a client names.

use crate::outlook::normalise::entity::Entity;
use crate::outlook::normalise::field::raised;
use serde_json::{Map, Value};

/// The asked paths, each as segments in the record's spelling; none: the whole record.
pub(super) struct Paths {
    paths: Vec<Vec<String>>,
    roots: Vec<&'static str>,
}

impl Paths {
    /// The error is the broken rule.
    pub(super) fn of(entity: &Entity, fields: &[String]) -> Result<Self, String> {
        let mut found = Paths { paths: Vec::new(), roots: Vec::new() };
        for field in fields.iter().map(|field| field.trim()).filter(|field| !field.is_empty()) {
            let root = entity.root(field)?.name;
            if !found.roots.contains(&root) {
                found.roots.push(root);
            }
            let segments = field.split(['.', '/']).skip(1);
            // Elements of lists have no names: `ToRecipients[*].EmailAddress` goes through all of them.
            let rest = segments.map(|segment| raised(segment.split('[').next().unwrap_or(segment).trim()));
            found.paths.push(std::iter::once(raised(root)).chain(rest).collect());
        }
        Ok(found)
    }

    /// The `$select` for them, where any are named.
    pub(super) fn select(&self) -> Option<String> {
        (!self.roots.is_empty()).then(|| self.roots.join(","))
    }
}

/// What the paths lead to.
pub(super) fn cut(record: Value, paths: &Paths) -> Value {
    if paths.paths.is_empty() {
        return record;
    }
    kept(record, &paths.paths.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn kept(value: Value, paths: &[&[String]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value;
    }
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter_map(|(key, value)| {
                    let below: Vec<&[String]> = paths.iter().filter_map(|path| below(path, &key)).collect();
                    (!below.is_empty()).then(|| (key, kept(value, &below)))
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| kept(item, paths)).collect()),
        // A path that goes on where there is nothing more: what there is.
        other => other,
    }
}

fn below<'a>(path: &'a [String], key: &str) -> Option<&'a [String]> {
    let (first, rest) = path.split_first()?;
    first.eq_ignore_ascii_case(key).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::normalise::entity::MESSAGE;
    use serde_json::json;

    #[test]
    fn a_record_is_cut_down_to_the_asked_paths() {
        let fields = ["Id", "from.emailAddress.address", "ToRecipients[*].EmailAddress.Name", "subject"];
        let paths = Paths::of(&MESSAGE, &fields.map(str::to_owned)).ok().unwrap();
        assert_eq!(paths.select().as_deref(), Some("id,from,toRecipients,subject"));
        let person = json!({ "EmailAddress": { "Name": "n", "Address": "a@example.com" } });
        let record = json!({ "Id": "1", "IsRead": true, "Subject": null, "From": person, "ToRecipients": [person, person] });
        let name = json!({ "EmailAddress": { "Name": "n" } });
        assert_eq!(
            cut(record, &paths),
            json!({ "Id": "1", "Subject": null, "From": { "EmailAddress": { "Address": "a@example.com" } }, "ToRecipients": [name, name] })
        );
    }

    #[test]
    fn an_unknown_field_is_named() {
        let rule = Paths::of(&MESSAGE, &["Subject".to_owned(), "Nonsense.Deep".to_owned()]).err();
        assert_eq!(rule.as_deref(), Some("`Nonsense.Deep` is not a field of a message"));
    }
}
