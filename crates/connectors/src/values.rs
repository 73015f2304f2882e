//! What conditions compare fields to: a configuration that can never report anything is refused when it is saved.
//!
//! A condition that a provider does not apply is applied to the record, and there a date that is none is a text as any
//! other: it holds for all records or for none, by the luck of its first letters. Polls go on with whatever was stored
//! before this was looked at.

use chrono::{DateTime, TimeZone as _, Utc};
use domain::ceql::{Expr, Op, Value};
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::resource::ResourceConfig;

/// What a field holds, where that is more than text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// An instant.
    Date,
    /// True or false.
    Flag,
    /// A whole number.
    Number,
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// One of these words, as they are spelt here: lists are compared with what earlier ones let through.
    Spelt(&'static [&'static str]),
    /// An id: these are names that lead to an object at the provider, and are the id of none.
    Id(&'static [&'static str]),
}

impl Holds {
    /// The error is the broken rule.
    pub(crate) fn check(self, field: &str, value: &Value) -> Result<(), String> {
        let text = match value {
            Value::Null => return Ok(()),
            Value::Bool(flag) => flag.to_string(),
            Value::Text(text) | Value::Number(text) | Value::Bare(text) => text.clone(),
        };
        let fits = match self {
            Holds::Date => !matches!(value, Value::Bool(_) | Value::Number(_)) && date(value).is_some(),
            Holds::Flag => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            Holds::Number => text.parse::<i64>().is_ok(),
            Holds::Word(known) => is_among(known, &text),
            Holds::Spelt(known) => known.contains(&text.as_str()),
            Holds::Id(names) => !is_among(names, &text),
        };
        if fits { Ok(()) } else { Err(self.rule(field)) }
    }

    /// The rule, as shown to clients of the hub.
    pub(crate) fn rule(self, field: &str) -> String {
        match self {
            Holds::Date => format!("`{field}` compares to a date, as '2026-11-22T11:40:00Z'"),
            Holds::Flag => format!("`{field}` compares to true or false"),
            Holds::Number => format!("`{field}` compares to a whole number"),
            Holds::Word(known) | Holds::Spelt(known) => {
                format!("`{field}` compares to one of {}", known.join(", "))
            }
            Holds::Id(_) => format!("`{field}` compares to an id, as lists show it, and not to a name"),
        }
    }
}

fn is_among(words: &[&str], text: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn date(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Text(text) | Value::Bare(text) => parse_rfc3339(text, Zone::UTC),
        _ => None,
    }
}

/// Checks what the conditions of a configuration compare fields to; `held` says what a field holds, or the rule that it is
/// compared by a part, `is_replaced` which conditions the position takes the place of. The error is the broken rule.
pub(crate) fn check(
    resource: &ResourceConfig,
    held: impl Fn(&str) -> Result<Option<Holds>, String>,
    is_replaced: impl Fn(&Expr) -> bool,
) -> Result<(), String> {
    for now in moments() {
        let told = resource.read_at(now, now)?.conditions;
        let meant = resource.read_as_utc(now, now)?.conditions;
        for (told, meant) in told.iter().zip(&meant).filter(|(told, _)| !is_replaced(told)) {
            let mut patterns = Vec::new();
            likened(told, &mut patterns);
            for field in patterns {
                held(field).map_err(|rule| format!("where: {rule}"))?;
            }
            let (mut told_values, mut meant_values) = (Vec::new(), Vec::new());
            collect(told, &mut told_values);
            collect(meant, &mut meant_values);
            for ((field, value), (_, meant)) in told_values.into_iter().zip(meant_values) {
                if *value == Value::Null {
                    continue;
                }
                let Some(held) = held(field).map_err(|rule| format!("where: {rule}"))? else { continue };
                held.check(field, value).map_err(|rule| format!("where: {rule}"))?;
                if held == Holds::Date && date(value) != date(meant) {
                    return Err(format!(
                        "where: `{field}` compares to a local time that does not say its zone, and would be read as UTC: \
                         use ${{gmtDate:…}}, or add XXX to the format"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// At the ends of days in winter and summer a local time is another day than UTC's, whatever the zone.
fn moments() -> impl Iterator<Item = DateTime<Utc>> {
    let of = |(month, hour, minute)| Utc.with_ymd_and_hms(2026, month, 10, hour, minute, 30).single();
    [(1, 0, 0), (1, 23, 59), (7, 0, 0), (7, 23, 59)].into_iter().filter_map(of)
}

fn collect<'a>(expr: &'a Expr, values: &mut Vec<(&'a str, &'a Value)>) {
    match expr {
        Expr::And(members) | Expr::Or(members) => members.iter().for_each(|one| collect(one, values)),
        Expr::Not(inner) => collect(inner, values),
        Expr::Compare { field, value, .. } => values.push((field, value)),
        Expr::In { field, values: each } => values.extend(each.iter().map(|value| (field.as_str(), value))),
        Expr::Like { .. } | Expr::IsNull { .. } => {}
    }
}

/// The fields that have to look like something.
fn likened<'a>(expr: &'a Expr, fields: &mut Vec<&'a str>) {
    match expr {
        Expr::And(members) | Expr::Or(members) => members.iter().for_each(|one| likened(one, fields)),
        Expr::Not(inner) => likened(inner, fields),
        Expr::Like { field, .. } => fields.push(field),
        Expr::Compare { .. } | Expr::In { .. } | Expr::IsNull { .. } => {}
    }
}

/// The same, as far as it looks at fields of words in a record: providers know them in any case. What has to be there is
/// looked for without minding it; what excludes a record stays exact, so that none is excluded that was not.
pub(crate) fn in_any_case(condition: Expr, is_of_words: &dyn Fn(&str) -> bool) -> Expr {
    let each = |members: Vec<Expr>| members.into_iter().map(|one| in_any_case(one, is_of_words)).collect();
    match condition {
        Expr::And(members) => Expr::And(each(members)),
        Expr::Or(members) => Expr::Or(each(members)),
        Expr::In { field, values } if is_of_words(&field) => {
            let one = |value| Expr::Compare { field: field.clone(), op: Op::Eq, value };
            Expr::Or(each(values.into_iter().map(one).collect()))
        }
        Expr::Compare { field, op: Op::Eq, value: Value::Text(text) | Value::Bare(text) }
            if is_of_words(&field) && !text.contains('%') =>
        {
            Expr::Like { field, pattern: text }
        }
        other => other,
    }
}

/// The values that a field is compared to, as texts.
pub(crate) fn texts_of<'a>(conditions: &'a [Expr], wanted: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    conditions.iter().for_each(|condition| collect(condition, &mut values));
    let of = |(field, value): (&str, &'a Value)| match value {
        Value::Text(text) | Value::Bare(text) if field.eq_ignore_ascii_case(wanted) => Some(text.as_str()),
        _ => None,
    };
    values.into_iter().filter_map(of).collect()
}

/// The values one of which a field must have, where a condition that stands alone says so; empty where none does.
pub(crate) fn required<'a>(conditions: &'a [Expr], wanted: &str) -> Vec<&'a str> {
    let text = |value: &'a Value| match value {
        Value::Text(text) | Value::Bare(text) => Some(text.as_str()),
        _ => None,
    };
    let values = |condition: &'a Expr| match condition {
        Expr::Compare { field, op: Op::Eq, value } if field.eq_ignore_ascii_case(wanted) => {
            Some(vec![text(value)?])
        }
        Expr::In { field, values } if field.eq_ignore_ascii_case(wanted) => values.iter().map(text).collect(),
        _ => None,
    };
    conditions.iter().find_map(values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_field_must_be_is_told_by_conditions_that_stand_alone() {
        let required_of = |condition: &str| {
            let entry = json!({ "url": format!("/messages?where={condition}") });
            let resource = ResourceConfig::parse("messages", &entry).unwrap();
            let never = DateTime::UNIX_EPOCH;
            required(&resource.read_at(never, never).unwrap().conditions, "labelIds").join(" ")
        };
        assert_eq!(required_of("labelIds='INBOX'"), "INBOX");
        assert_eq!(required_of("threadId='t' AND LABELIDS IN ('SENT', 'INBOX')"), "SENT INBOX");
        assert_eq!(required_of("labelIds='INBOX' OR threadId='t'"), "");
        assert_eq!(required_of("NOT labelIds='INBOX'"), "");
        assert_eq!(required_of("labelIds!='INBOX'"), "");
    }

    #[track_caller]
    fn check_where(condition: &str, expected: Result<(), &str>) {
        let entry = json!({ "url": format!("/messages?where={condition}") });
        let resource = ResourceConfig::parse("messages", &entry).unwrap();
        let held = |field: &str| match field {
            "Sent" => Ok(Some(Holds::Date)),
            "Read" => Ok(Some(Holds::Flag)),
            "Size" => Ok(Some(Holds::Number)),
            "Weight" => Ok(Some(Holds::Word(&["light", "heavy"]))),
            "Folder" => Ok(Some(Holds::Id(&["inbox"]))),
            "Author" => Err("`Author` must name `Author.Name`".to_owned()),
            _ => Ok(None),
        };
        let found = check(&resource, held, |_| false);
        assert_eq!(found.as_ref().copied().map_err(String::as_str), expected, "{condition}");
    }

    const DATE: Result<(), &str> = Err("where: `Sent` compares to a date, as '2026-11-22T11:40:00Z'");
    const LOCAL: Result<(), &str> = Err(
        "where: `Sent` compares to a local time that does not say its zone, and would be read as UTC: use ${gmtDate:…}, or add XXX to the format",
    );

    #[test]
    fn a_date_is_compared_to_a_date() {
        for fine in ["'2026-11-22'", "2026-11-22T11:40:00+01:00", "'2026-11-22 11:40'", "null"] {
            check_where(&format!("Sent >= {fine}"), Ok(()));
        }
        check_where("Sent >= '${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND NOT Sent IN ('2026-11-22')", Ok(()));
        for odd in
            ["yesterday", "22.11.2026", "${gmtDate:dd MMM yyyy hh:mm a}", "${gmtDate:yyyyMMdd'T'HHmmss'Z'}"]
        {
            check_where(&format!("Sent >= '{odd}'"), DATE);
        }
        check_where("Sent >= ${epoch}", DATE);
        check_where("Name = 'x' OR NOT Sent IN ('2026-11-22', 'x')", DATE);
        check_where("Sent LIKE '2026-11%' AND Name = 'yesterday' AND Sent IS NOT NULL", Ok(()));
    }

    #[test]
    fn a_flag_and_a_number_are_compared_to_their_like() {
        for (fine, odd) in
            [("Read = 'TRUE'", "Read = 0"), ("Read != false", "Read = 'No'"), ("Size > 7", "Size = 'x'")]
        {
            check_where(fine, Ok(()));
            let field = odd.split(' ').next().unwrap();
            let rule = if field == "Size" { "a whole number" } else { "true or false" };
            check_where(odd, Err(&format!("where: `{field}` compares to {rule}")));
        }
    }

    #[test]
    fn a_word_is_a_known_one_and_an_id_no_name() {
        for fine in
            ["Weight = 'Heavy'", "Weight IN ('light', 'HEAVY')", "Weight LIKE 'x%'", "Folder = 'AAMk'"]
        {
            check_where(fine, Ok(()));
        }
        let word = Err("where: `Weight` compares to one of light, heavy");
        check_where("Weight = 'schwer'", word);
        check_where("Name = 'x' OR NOT Weight IN ('light', 7)", word);
        let id = Err("where: `Folder` compares to an id, as lists show it, and not to a name");
        check_where("Folder = 'Inbox'", id);
    }

    #[test]
    fn what_has_parts_is_compared_by_one_of_them() {
        let rule = Err("where: `Author` must name `Author.Name`");
        for odd in
            ["Author = 'Ada'", "NOT Author IN ('Ada')", "Author LIKE '%Ada%'", "Name = 'x' OR Author > 7"]
        {
            check_where(odd, rule);
        }
        check_where("Author IS NOT NULL AND Author != null AND Author.Name = 'Ada'", Ok(()));
    }

    #[test]
    fn a_local_time_says_its_zone() {
        for odd in [
            "${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ss}",
            "${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ss'Z'}",
            "${nowTimeZone:PST:yyyy-MM-dd}",
            "${dateTimeZone:Europe/London:yyyy-MM-dd HH:mm}",
        ] {
            check_where(&format!("Sent >= '{odd}'"), LOCAL);
        }
        for fine in
            ["${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ssXXX}", "${dateTimeZone:GMT:yyyy-MM-dd}"]
        {
            check_where(&format!("Sent >= '{fine}'"), Ok(()));
        }
        check_where("Name LIKE '${dateTimeZone:PST:yyyy-MM-dd}%'", Ok(()));
    }
}
