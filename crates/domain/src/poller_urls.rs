//! `event.poller.urls`, the older form of a poller configuration.
//!
//! A line for each resource, its parts separated by `|`; or only names of resources, separated by `|` or line
//! breaks, which stand for the connector's own entries.

use crate::invalid::Invalid;
use crate::resource::{ENTRY_PREFIX, ResourceConfig};
use crate::setting_keys::{POLLER_URLS, RESOURCES_COUNT_MAX};
use serde_json::{Map, Value};

/// The parts of a line after the resource's name: where each one belongs.
const PARTS: [(Option<&str>, &str); 8] = [
    (None, "url"),
    (None, "xPath"),
    (Some(DATES), "updatedDateField"),
    (Some(DATES), "updatedDateFormat"),
    (Some(DATES), "updatedDateTimezone"),
    (Some(DATES), "createdDateField"),
    (Some(DATES), "createdDateFormat"),
    (Some(DATES), "createdDateTimezone"),
];
const DATES: &str = "datesConfiguration";
/// Errors reported at once: a list may be long, and wrong in each of its words.
const ERRORS_COUNT_MAX: usize = 20;

/// Reads the list. `entry` gives the connector's entry of a resource that is only named, as JSON text. Every error names
/// the line.
pub(crate) fn parse(
    list: &str,
    entry: &dyn Fn(&str) -> Option<&'static str>,
) -> Result<Vec<ResourceConfig>, Vec<Invalid>> {
    // Some stored values have their line breaks escaped.
    let list = list.replace("\\n", "\n");
    let mut resources: Vec<ResourceConfig> = Vec::new();
    let mut errors = Vec::new();
    for (number, key, value) in entries(&list, entry, &mut errors) {
        match ResourceConfig::parse(&key, &value) {
            Ok(resource) if resources.iter().any(|other| other.name == resource.name) => {
                errors.push(wrong(number, "names a resource that another line names too"));
            }
            Ok(resource) => resources.push(resource),
            Err(broken) => errors.extend(broken.iter().map(|broken| in_line(number, &key, broken))),
        }
        // One more than allowed is enough to say so.
        if resources.len() > RESOURCES_COUNT_MAX || errors.len() >= ERRORS_COUNT_MAX {
            break;
        }
    }
    errors.truncate(ERRORS_COUNT_MAX);
    if errors.is_empty() && !(1..=RESOURCES_COUNT_MAX).contains(&resources.len()) {
        let rule = format!("must have from 1 to {RESOURCES_COUNT_MAX} resources");
        errors.push(Invalid::new(POLLER_URLS, rule));
    }
    if errors.is_empty() { Ok(resources) } else { Err(errors) }
}

/// The list as the newer form has it, once it is known to be right.
pub fn as_json(list: &str, entry: &dyn Fn(&str) -> Option<&'static str>) -> String {
    let list = list.replace("\\n", "\n");
    let named = entries(&list, entry, &mut Vec::new()).into_iter().map(|(_, key, value)| (key, value));
    Value::Object(named.collect()).to_string()
}

/// Each resource with the number of its line and its entry as the newer form has it.
fn entries(
    list: &str,
    entry: &dyn Fn(&str) -> Option<&'static str>,
    errors: &mut Vec<Invalid>,
) -> Vec<(usize, String, Value)> {
    let mut entries = Vec::new();
    let lines = list.lines().enumerate().map(|(index, line)| (index + 1, line));
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        if errors.len() >= ERRORS_COUNT_MAX {
            break;
        }
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        // An address has a slash; the name of a resource that follows another one has none in front.
        let has_address = parts.get(1).is_some_and(|part| part.starts_with('/') || part.contains("${"));
        if has_address {
            if parts.len() > PARTS.len() + 1 {
                let rule = format!("has more than {} parts separated by `|`", PARTS.len() + 1);
                errors.push(wrong(number, &rule));
                continue;
            }
            entries.push((number, parts[0].to_owned(), spelled_out(&parts[1..])));
            continue;
        }
        for name in parts.iter().filter(|name| !name.is_empty()) {
            if errors.len() >= ERRORS_COUNT_MAX {
                break;
            }
            match entry(name.trim_start_matches('/')).and_then(|text| serde_json::from_str(text).ok()) {
                Some(value) => entries.push((number, (*name).to_owned(), value)),
                None => errors
                    .push(wrong(number, &format!("`{name}` needs a url: the connector has none for it"))),
            }
        }
    }
    entries
}

/// The parts of a line as an entry of the newer form.
fn spelled_out(parts: &[&str]) -> Value {
    let mut entry = Map::new();
    let mut dates = Map::new();
    for ((inside, name), part) in PARTS.iter().zip(parts).filter(|(_, part)| !part.is_empty()) {
        let object = if inside.is_some() { &mut dates } else { &mut entry };
        object.insert((*name).to_owned(), Value::from(*part));
    }
    if !dates.is_empty() {
        entry.insert(DATES.to_owned(), Value::Object(dates));
    }
    Value::Object(entry)
}

fn wrong(number: usize, rule: &str) -> Invalid {
    Invalid::new(POLLER_URLS, format!("line {number} {rule}"))
}

/// A rule about an entry, reported with its line.
fn in_line(number: usize, key: &str, broken: &Invalid) -> Invalid {
    let field = broken.key.strip_prefix(ENTRY_PREFIX).and_then(|rest| rest.strip_prefix(key));
    match field.map(|field| field.trim_start_matches('.')) {
        None | Some("") => wrong(number, &format!("has a resource that {}", broken.rule)),
        Some(field) => wrong(number, &format!("has a `{field}` that breaks a rule: {}", broken.rule)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn entry(name: &str) -> Option<&'static str> {
        match name {
            "messages" => Some(r#"{"url":"/hubs/general/messages","idField":"Id"}"#),
            "contacts" => Some(r#"{"url":"/hubs/general/contacts"}"#),
            _ => None,
        }
    }

    #[track_caller]
    fn check(list: &str, expect: Expect) {
        let at = chrono::DateTime::from_timestamp(0, 0).unwrap();
        let shown = match parse(list, &entry) {
            Ok(resources) => {
                let line = |one: &ResourceConfig| {
                    let read = one.read_at(at, at).unwrap();
                    let conditions: Vec<String> = read.conditions.iter().map(ToString::to_string).collect();
                    let date = |field: &Option<crate::resource::DateField>| {
                        field.as_ref().map_or("-".to_owned(), |field| {
                            let pattern = field.pattern.as_ref().map(ToString::to_string);
                            format!("{} as {} in {}", field.path, pattern.unwrap_or_default(), field.zone)
                        })
                    };
                    let conditions = conditions.join("; ");
                    format!("{} [{conditions}] {} / {}", one.name, date(&one.updated), date(&one.created))
                };
                resources.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn a_line_for_each_resource() {
        check(
            "contacts|/hubs/general/contacts?where=changed>='${date:yyyy-MM-dd}'|/list|changed|yyyy-MM-dd|EST|made|milliseconds|GMT\n\n/messages|/messages",
            expect![[r#"
                contacts [changed >= '1970-01-01'] changed as yyyy-MM-dd in EST / made as milliseconds in GMT
                messages [] - / -"#]],
        );
    }

    #[test]
    fn names_alone_stand_for_the_connectors_entries() {
        check(
            "messages|contacts",
            expect![[r#"
            messages [] - / -
            contacts [] - / -"#]],
        );
        check(
            "messages\ncontacts\n",
            expect![[r#"
            messages [] - / -
            contacts [] - / -"#]],
        );
        check(
            "/messages\\ncontacts",
            expect![[r#"
            messages [] - / -
            contacts [] - / -"#]],
        );
    }

    #[test]
    fn the_list_is_the_newer_form_in_other_words() {
        let line = "contacts|/contacts?where=a>'${date}'|/list|changed|yyyy|EST\\nmessages";
        let json = r#"{
            "contacts": { "url": "/contacts?where=a>'${date}'", "xPath": "/list", "datesConfiguration": {
                "updatedDateField": "changed", "updatedDateFormat": "yyyy", "updatedDateTimezone": "EST" } },
            "messages": { "url": "/hubs/general/messages", "idField": "Id" }
        }"#;
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(read(&as_json(line, &entry)), read(json));
    }

    #[test]
    fn errors_name_the_line_and_the_rule() {
        check(
            "messages\nfolders|contacts\nevents|/events?since=${gmtDate}\na b|/a||x|QQ|nowhere|||\nb|/b|||||||||",
            expect![[r#"
                `event.poller.urls`: line 2 `folders` needs a url: the connector has none for it
                `event.poller.urls`: line 5 has more than 9 parts separated by `|`
                `event.poller.urls`: line 3 has a `url` that breaks a rule: the template at byte 14 must have the form ${gmtDate:FORMAT}
                `event.poller.urls`: line 4 has a resource that is not a resource name (letters, digits, `-`, `_`, `.`, `/`, at most 128 bytes)
                `event.poller.urls`: line 4 has a `datesConfiguration.updatedDateFormat` that breaks a rule: `Q` at byte 0 is not a letter of date patterns; put text in single quotes
                `event.poller.urls`: line 4 has a `datesConfiguration.updatedDateTimezone` that breaks a rule: `nowhere` is not a time zone: use GMT, a region such as America/Denver, an offset such as -08:00, or a three-letter id such as PST"#]],
        );
        check(
            "messages|messages",
            expect!["`event.poller.urls`: line 1 names a resource that another line names too"],
        );
        check(" | ", expect!["`event.poller.urls`: must have from 1 to 20 resources"]);
        check(
            &"a|/a\n".repeat(3),
            expect![[r#"
            `event.poller.urls`: line 2 names a resource that another line names too
            `event.poller.urls`: line 3 names a resource that another line names too"#]],
        );
        for word in ["x|", "x\n", "b|/b|||||||||\n", "x|/${\n"] {
            assert_eq!(
                parse(&word.repeat(1000), &entry).err().map(|errors| errors.len()),
                Some(20),
                "{word}"
            );
        }
        let many: Vec<String> = (0..21).map(|n| format!("a{n}|/a")).collect();
        check(&many.join("\n"), expect!["`event.poller.urls`: must have from 1 to 20 resources"]);
    }
}
