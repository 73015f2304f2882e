//! The configuration of one polled resource: an entry of `event.poller.configuration`.

use crate::ceql::{self, Expr};
use crate::date_pattern::{DatePattern, Zone, parse_rfc3339};
use crate::field_path::FieldPath;
use crate::invalid::{self, Invalid};
use crate::template::{Template, Times};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Longest url of a resource, bytes.
const URL_BYTES_MAX: usize = 4096;
/// Largest page size that a configuration may ask for.
const PAGE_SIZE_MAX: u64 = 10_000;
/// Longest `pollDelay` and `createdCheckTolerance`, seconds: a day.
const SECONDS_MAX: u64 = 86_400;

/// How the keys of rules about an entry begin.
pub(crate) const ENTRY_PREFIX: &str = "event.poller.configuration.";

/// What to poll, checked.
///
/// Keys that nothing here knows are accepted without a word, as the original does: configurations carry keys of
/// newer connectors. So are `metadata`, and `xPath`, the place of the list in a wrapped answer: ours are plain lists.
#[derive(Debug, Clone)]
pub struct ResourceConfig {
    /// The configured key without a leading slash: `objectType` and the key inside `raw`.
    pub name: String,
    /// Where records have their id; the connector's own field where it is not given.
    pub id_field: Option<FieldPath>,
    /// Where records have the date of their last change.
    pub updated: Option<DateField>,
    /// Where records have the date of their creation.
    pub created: Option<DateField>,
    /// Records that did not change after the last poll are left out.
    pub filter_by_updated_date: bool,
    /// Records changed after the poll began wait for the next poll.
    pub filter_by_current_date: bool,
    /// Seconds between creation and change within which a record counts as created.
    pub created_check_tolerance_s: u32,
    /// Records a page.
    pub page_size: Option<u32>,
    /// Seconds by which templates look further back, and polls by dates as far as the connector bounds it.
    pub poll_delay_s: u32,
    template: Template,
}

/// One dated field of a record.
#[derive(Debug, Clone)]
pub struct DateField {
    /// Where it is.
    pub path: FieldPath,
    /// How it is written; RFC 3339 and its relatives where it is not given.
    pub pattern: Option<DatePattern>,
    /// The zone of values that name none.
    pub zone: Zone,
}

impl DateField {
    /// The field's value in a record.
    pub fn read(&self, record: &Value) -> Option<DateTime<Utc>> {
        let value = self.path.get(record)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        match &self.pattern {
            Some(pattern) => pattern.parse_date(&text, self.zone).ok(),
            None => parse_rfc3339(&text, self.zone),
        }
    }
}

/// A configured url after its templates are expanded: what to read from the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct HubRead {
    /// The resource's name in the path.
    pub resource: String,
    /// The parts of `where` that must all hold.
    pub conditions: Vec<Expr>,
    /// `fields`, split.
    pub fields: Vec<String>,
    /// Other parameters, as given.
    pub parameters: Vec<(String, String)>,
}

impl ResourceConfig {
    /// Checks one entry. All that is wrong with it is reported at once.
    ///
    /// # Errors
    /// Each broken rule, with its key.
    pub fn parse(key: &str, value: &Value) -> Result<Self, Vec<Invalid>> {
        let at = |field: &str| format!("{ENTRY_PREFIX}{key}{field}");
        let Some(object) = value.as_object() else {
            return Err(vec![Invalid::new(at(""), "must be an object with at least `url`")]);
        };
        let mut errors = Vec::new();
        let mut fields = Fields { object, prefix: at("."), errors: &mut errors };
        let name = resource_name(key);
        if name.is_none() {
            fields.errors.push(Invalid::new(
                at(""),
                "is not a resource name (letters, digits, `-`, `_`, `.`, `/`, at most 128 bytes)",
            ));
        }
        let template = fields.template();
        let id_field = fields.path("idField");
        let dates = fields.dates();
        let updated = fields.date(&dates, "updated");
        let created = fields.date(&dates, "created");
        let filter_by_current_date = fields.boolean("filterByCurrentDate").unwrap_or(false);
        // The documentation once spells it in another way.
        let filter_by_updated_date = fields
            .boolean("filterByUpdatedDate")
            .or_else(|| object.get("filterByUpdateDate").and_then(invalid::boolean));
        let created_check_tolerance_s = fields.number("createdCheckTolerance", SECONDS_MAX).unwrap_or(0);
        let page_size = fields.number("pageSize", PAGE_SIZE_MAX).filter(|size| *size > 0);
        let poll_delay_s = fields.number("pollDelay", SECONDS_MAX).unwrap_or(0);
        match (name, template) {
            (Some(name), Some(template)) if errors.is_empty() => Ok(ResourceConfig {
                name,
                id_field,
                updated,
                created,
                filter_by_updated_date: filter_by_updated_date.unwrap_or(true),
                filter_by_current_date,
                created_check_tolerance_s,
                page_size,
                poll_delay_s,
                template,
            }),
            _ => Err(errors),
        }
    }

    /// Expands the templates for a poll that looks back to `since`, and reads the result.
    ///
    /// # Errors
    /// A rule in words; a configuration that was accepted gives none, whatever the times.
    pub fn read_at(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<HubRead, String> {
        HubRead::parse(&self.template.expand(&self.times(since, now)))
    }

    /// The same as if all its templates printed UTC. Where that gives another time, a template prints a local time
    /// without its zone, which is ambiguous.
    ///
    /// # Errors
    /// As of [`ResourceConfig::read_at`].
    pub fn read_as_utc(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<HubRead, String> {
        HubRead::parse(&self.template.expand_as_utc(&self.times(since, now)))
    }

    fn times(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Times<'_> {
        let since = since - chrono::Duration::seconds(i64::from(self.poll_delay_s));
        Times { since, now, default_format: self.updated.as_ref().and_then(|field| field.pattern.as_ref()) }
    }
}

/// What [`ResourceConfig::parse`] ignores and saving an entry reports: such values are in
/// configurations that were stored before anything looked at them.
pub(crate) fn check(key: &str, value: &Value) -> Vec<Invalid> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let mut errors = Vec::new();
    let mut fields = Fields { object, prefix: format!("{ENTRY_PREFIX}{key}."), errors: &mut errors };
    let _ = fields.text(object, "xPath", "xPath");
    let _ = fields.boolean("filterByUpdateDate");
    for beside in ["updatedDateTimezone", "createdDateTimezone"] {
        let text = fields.text(object, beside, beside);
        if let Some(Err(error)) = text.as_deref().map(Zone::parse) {
            fields.wrong(beside, error.to_string());
        }
    }
    errors
}

/// The configured key as a name: one leading slash is dropped.
fn resource_name(key: &str) -> Option<String> {
    let name = key.trim().strip_prefix('/').unwrap_or(key.trim());
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
    // These two are fields of `raw` beside the records.
    let reserved = name == "pollDate" || name == "objectType";
    (!name.is_empty() && name.len() <= 128 && name.chars().all(allowed) && !reserved).then(|| name.to_owned())
}

/// Reads the fields of one entry and gathers what is wrong with them.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: String,
    errors: &'a mut Vec<Invalid>,
}

impl Fields<'_> {
    fn wrong(&mut self, field: &str, rule: impl Into<String>) {
        self.errors.push(Invalid::new(format!("{}{field}", self.prefix), rule));
    }

    /// A text; empty and null count as absent.
    fn text(&mut self, object: &Map<String, Value>, field: &str, shown: &str) -> Option<String> {
        match object.get(field)? {
            Value::Null => None,
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => {
                self.wrong(shown, "must be a text");
                None
            }
        }
    }

    fn template(&mut self) -> Option<Template> {
        let object = self.object;
        let Some(url) = self.text(object, "url", "url") else {
            self.wrong("url", "is required");
            return None;
        };
        if url.len() > URL_BYTES_MAX {
            self.wrong("url", format!("is longer than {URL_BYTES_MAX} bytes"));
            return None;
        }
        Template::parse(&url).map_err(|error| self.wrong("url", error.to_string())).ok()
    }

    fn path(&mut self, field: &str) -> Option<FieldPath> {
        let object = self.object;
        let text = self.text(object, field, field)?;
        FieldPath::parse(&text).map_err(|error| self.wrong(field, error.to_string())).ok()
    }

    /// `datesConfiguration`; empty where it is not given.
    fn dates(&mut self) -> Map<String, Value> {
        match self.object.get("datesConfiguration") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(dates)) => dates.clone(),
            Some(_) => {
                self.wrong("datesConfiguration", "must be an object");
                Map::new()
            }
        }
    }

    /// Reads `<kind>DateField/Format/Timezone` or, as one documentation page has it, `<kind>AtField/…`. An older page
    /// has the zone beside `datesConfiguration`.
    fn date(&mut self, dates: &Map<String, Value>, kind: &str) -> Option<DateField> {
        let mut read = |part: &str| {
            [format!("{kind}Date{part}"), format!("{kind}At{part}")].into_iter().find_map(|field| {
                let shown = format!("datesConfiguration.{field}");
                self.text(dates, &field, &shown).map(|text| (shown, text))
            })
        };
        let (path, pattern, zone) = (read("Field"), read("Format"), read("Timezone"));
        let beside = self.object.get(&format!("{kind}DateTimezone")).and_then(Value::as_str);
        let beside = beside.and_then(|text| Zone::parse(text.trim()).ok()).unwrap_or(Zone::UTC);
        let pattern = pattern.and_then(|(shown, text)| {
            DatePattern::parse(&text).map_err(|error| self.wrong(&shown, error.to_string())).ok()
        });
        let zone = zone.map_or(Some(beside), |(shown, text)| {
            Zone::parse(&text).map_err(|error| self.wrong(&shown, error.to_string())).ok()
        });
        let path = path.and_then(|(shown, text)| {
            FieldPath::parse(&text).map_err(|error| self.wrong(&shown, error.to_string())).ok()
        })?;
        Some(DateField { path, pattern, zone: zone? })
    }

    fn boolean(&mut self, field: &str) -> Option<bool> {
        let value = self.object.get(field)?;
        match value {
            Value::Null => None,
            value => invalid::boolean(value).or_else(|| {
                self.wrong(field, "must be true or false");
                None
            }),
        }
    }

    fn number(&mut self, field: &str, max: u64) -> Option<u32> {
        let value = self.object.get(field)?;
        let number = match value {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if number <= max => u32::try_from(number).ok(),
            _ => {
                self.wrong(field, format!("must be a whole number from 0 to {max}"));
                None
            }
        }
    }
}

impl HubRead {
    /// Reads `/hubs/<hub>/<resource>?where=…&fields=…`, or a bare `/<resource>`.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (path, query) = url.trim().split_once('?').unwrap_or((url.trim(), ""));
        let mut read =
            HubRead { resource: resource_of(path)?, conditions: vec![], fields: vec![], parameters: vec![] };
        for pair in query.split('&').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` has no `=`"))?;
            let value = decoded(value.trim());
            match name.trim() {
                "where" => {
                    read.conditions = ceql::parse(&value).map_err(|e| format!("where: {e}"))?.conjuncts()
                }
                "fields" => read.fields = value.split(',').map(|f| f.trim().to_owned()).collect(),
                other => read.parameters.push((other.to_owned(), value)),
            }
        }
        Ok(read)
    }

    /// The value of another parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn resource_of(path: &str) -> Result<String, String> {
    let path = path.trim().trim_start_matches('/').trim_end_matches('/');
    let resource = match path.strip_prefix("hubs/") {
        Some(rest) => rest.split_once('/').map_or("", |(_hub, resource)| resource),
        None => path,
    };
    match resource {
        "" => Err("must name a resource, as in `/hubs/general/messages`".to_owned()),
        resource => Ok(resource.to_owned()),
    }
}

/// Percent-decodes a value that looks encoded. One with raw spaces or comparison signs was pasted as
/// it is: there `%` is LIKE's.
fn decoded(value: &str) -> String {
    if value.contains([' ', '<', '>', '"', '\n']) || !value.contains('%') {
        return value.to_owned();
    }
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[i], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use expect_test::{Expect, expect};
    use serde_json::json;

    #[track_caller]
    fn check(key: &str, value: Value, expect: Expect) {
        let since = Utc.with_ymd_and_hms(2026, 11, 22, 11, 40, 0).unwrap();
        let shown = match ResourceConfig::parse(key, &value) {
            Ok(config) => match config.read_at(since, since) {
                Ok(read) => format!(
                    "{} reads {} where [{}] fields {:?}",
                    config.name,
                    read.resource,
                    read.conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    read.fields
                ),
                Err(rule) => format!("url: {rule}"),
            },
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn the_sample_with_a_pasted_line_break() {
        check(
            "messages",
            json!({
                "url": "/hubs/general/messages?where=LastModifiedDateTime>=\n'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
                "idField": "Id",
                "datesConfiguration": { "updatedAtField": "LastModifiedDateTime", "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'", "updatedAtTimezone": "GMT" }
            }),
            expect![
                "messages reads messages where [LastModifiedDateTime >= '2026-11-22T11:40:00Z'] fields []"
            ],
        );
    }

    #[test]
    fn the_sample_with_a_leading_slash_and_a_typo() {
        check(
            "/changed-messages",
            json!({ "url": "/hubs/general/changed-message", "idField": "id" }),
            expect!["changed-messages reads changed-message where [] fields []"],
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        check(
            "bad key!",
            json!({ "url": "", "pageSize": -1, "filterByCurrentDate": "maybe", "idField": 7, "datesConfiguration": [] }),
            expect![[r#"
                `event.poller.configuration.bad key!`: is not a resource name (letters, digits, `-`, `_`, `.`, `/`, at most 128 bytes)
                `event.poller.configuration.bad key!.url`: is required
                `event.poller.configuration.bad key!.idField`: must be a text
                `event.poller.configuration.bad key!.datesConfiguration`: must be an object
                `event.poller.configuration.bad key!.filterByCurrentDate`: must be true or false
                `event.poller.configuration.bad key!.pageSize`: must be a whole number from 0 to 10000"#]],
        );
    }

    #[test]
    fn encoded_and_raw_queries_are_read() {
        check(
            "messages",
            json!({ "url": " messages?where=Subject%20LIKE%20'x%25'&fields=Id, Subject" }),
            expect![[r#"messages reads messages where [Subject LIKE 'x%'] fields ["Id", "Subject"]"#]],
        );
        check(
            "messages",
            json!({ "url": "/messages?where=Subject LIKE '%de%'" }),
            expect!["messages reads messages where [Subject LIKE '%de%'] fields []"],
        );
    }

    #[test]
    fn what_was_stored_before_it_was_checked_is_read_and_refused_only_when_it_is_saved() {
        let stored = json!({
            "url": "/messages", "xPath": 7, "updatedDateTimezone": "nowhere", "createdDateTimezone": [],
            "filterByUpdateDate": "maybe", "datesConfiguration": { "updatedDateField": "a" },
        });
        let config = ResourceConfig::parse("messages", &stored).unwrap();
        assert!(config.filter_by_updated_date);
        assert_eq!(config.updated.unwrap().zone, Zone::UTC);
        let told: Vec<String> = super::check("messages", &stored).iter().map(ToString::to_string).collect();
        expect![[r#"
            `event.poller.configuration.messages.xPath`: must be a text
            `event.poller.configuration.messages.filterByUpdateDate`: must be true or false
            `event.poller.configuration.messages.updatedDateTimezone`: `nowhere` is not a time zone: use GMT, a region such as America/Denver, an offset such as -08:00, or a three-letter id such as PST
            `event.poller.configuration.messages.createdDateTimezone`: must be a text"#]].assert_eq(&told.join("\n"));
        let fine = json!({ "url": "/messages", "xPath": "/list", "updatedDateTimezone": "EST" });
        assert!(super::check("messages", &fine).is_empty());
    }

    #[test]
    fn every_documented_key_is_taken() {
        let parse = |value: Value| ResourceConfig::parse("messages", &value).unwrap();
        let all = parse(json!({
            "url": "/messages", "idField": "@.@id", "filterByUpdatedDate": "false", "filterByCurrentDate": true,
            "datesConfiguration": { "updatedDateField": "a['b c']", "updatedDateFormat": "yyyy-MM-dd HH:mm" },
            "createdCheckTolerance": "5", "pageSize": 200, "pollDelay": 30, "updatedDateTimezone": "EST",
            "xPath": "/list", "metadata": { "a": 1 }, "somethingNew": [],
        }));
        assert!(!all.filter_by_updated_date && all.filter_by_current_date);
        assert_eq!((all.created_check_tolerance_s, all.page_size, all.poll_delay_s), (5, Some(200), 30));
        let date = all.updated.unwrap().read(&json!({ "a": { "b c": "2026-11-22 12:00" } })).unwrap();
        assert_eq!(date, Utc.with_ymd_and_hms(2026, 11, 22, 17, 0, 0).unwrap());
        assert!(parse(json!({ "url": "/messages" })).filter_by_updated_date);
        assert!(!parse(json!({ "url": "/messages", "filterByUpdateDate": false })).filter_by_updated_date);
    }
}
