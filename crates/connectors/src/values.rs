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
        };
        if fits { Ok(()) } else { Err(self.rule(field)) }
    }

    /// The rule, as shown to clients of the hub.
    pub(crate) fn rule(self, field: &str) -> String {
        match self {
            Holds::Date => format!("`{field}` compares to a date, as '2026-11-22T11:40:00Z'"),
            Holds::Flag => format!("`{field}` compares to true or false"),
            Holds::Number => format!("`{field}` compares to a whole number"),
        }
    }
}

fn date(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Text(text) | Value::Bare(text) => parse_rfc3339(text, Zone::UTC),
        _ => None,
    }
}

/// Checks what the conditions of a configuration compare fields to; `held` says what a field holds, `is_replaced` which
/// conditions the position takes the place of. The error is the broken rule.
pub(crate) fn check(
    resource: &ResourceConfig,
    held: impl Fn(&str) -> Option<Holds>,
    is_replaced: impl Fn(&Expr) -> bool,
) -> Result<(), String> {
    for now in moments() {
        let told = resource.read_at(now, now)?.conditions;
        let meant = resource.read_as_utc(now, now)?.conditions;
        for (told, meant) in told.iter().zip(&meant).filter(|(told, _)| !is_replaced(told)) {
            let (mut told_values, mut meant_values) = (Vec::new(), Vec::new());
            collect(told, &mut told_values);
            collect(meant, &mut meant_values);
            for ((field, value), (_, meant)) in told_values.into_iter().zip(meant_values) {
                let Some(held) = held(field) else { continue };
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
            "Sent" => Some(Holds::Date),
            "Read" => Some(Holds::Flag),
            "Size" => Some(Holds::Number),
            _ => None,
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
