//! From CEQL to OData's `$filter`.

use super::entity::Entity;
use super::field::{Can, FieldKind, Path};
use crate::values::Holds;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::ceql::{Expr, Op, Value};
use domain::date_pattern::{Zone, parse_rfc3339};

/// The condition as a filter. The error is the broken rule, which names the field and the operator.
///
/// `least` is what the provider must be able to do with the fields beside the rest of the request.
pub(crate) fn odata(entity: &Entity, expr: &Expr, least: Can) -> Result<String, String> {
    let path = |field: &str, operator: &str| filterable(entity, field, operator, least);
    match expr {
        Expr::And(members) => joined(entity, members, " and ", least),
        Expr::Or(members) => joined(entity, members, " or ", least),
        Expr::Not(inner) => Ok(format!("not ({})", odata(entity, inner, least)?)),
        Expr::Compare { field, op, value } => compare(&path(field, &op.to_string())?, field, *op, value),
        Expr::Like { field, pattern } => like(&path(field, "LIKE")?, field, pattern),
        Expr::In { field, values } => {
            let path = path(field, "IN")?;
            let each: Result<Vec<String>, String> =
                values.iter().map(|value| compare(&path, field, Op::Eq, value)).collect();
            Ok(format!("({})", each?.join(" or ")))
        }
        Expr::IsNull { field, negated } => {
            let path = path(field, "IS NULL")?;
            match path.kind {
                FieldKind::Each(_) | FieldKind::Flag => Err(refused(field, "IS NULL")),
                _ => Ok(format!("{} {} null", path.text, if *negated { "ne" } else { "eq" })),
            }
        }
    }
}

fn joined(entity: &Entity, members: &[Expr], with: &str, least: Can) -> Result<String, String> {
    let members: Result<Vec<String>, String> =
        members.iter().map(|member| odata(entity, member, least)).collect();
    Ok(format!("({})", members?.join(with)))
}

fn filterable(entity: &Entity, field: &str, operator: &str, least: Can) -> Result<Path, String> {
    let path = entity.path(field)?;
    if path.can < least { Err(refused(field, operator)) } else { Ok(path) }
}

fn refused(field: &str, operator: &str) -> String {
    format!("the provider has no `{operator}` for `{field}`")
}

fn compare(path: &Path, field: &str, op: Op, value: &Value) -> Result<String, String> {
    if let FieldKind::Each(part) = path.kind {
        let each = if part.is_empty() { "x".to_owned() } else { format!("x/{part}") };
        let has =
            |value| Ok(format!("{}/any(x:{each} eq {})", path.text, literal(FieldKind::Text, field, value)?));
        return match (op, value) {
            (_, Value::Null) => Err(refused(field, "null")),
            (Op::Eq, value) => has(value),
            _ => Err(refused(field, &op.to_string())),
        };
    }
    let has_order = !matches!(path.kind, FieldKind::Flag) && *value != Value::Null;
    if !has_order && !matches!(op, Op::Eq | Op::Ne) {
        return Err(refused(field, &op.to_string()));
    }
    Ok(format!("{} {} {}", path.text, operator(op), literal(path.kind, field, value)?))
}

fn operator(op: Op) -> &'static str {
    match op {
        Op::Eq => "eq",
        Op::Ne => "ne",
        Op::Lt => "lt",
        Op::Gt => "gt",
        Op::Le => "le",
        Op::Ge => "ge",
    }
}

/// Dates, numbers and flags stand bare in OData, however they were quoted; texts in quotes, whatever they look like.
fn literal(kind: FieldKind, field: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Null => return Ok("null".to_owned()),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) | Value::Text(text) | Value::Bare(text) => text.clone(),
    };
    match kind {
        FieldKind::Date => Ok(instant(field, &text)?.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        FieldKind::ZonedDate => {
            Ok(quoted(&instant(field, &text)?.naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string()))
        }
        FieldKind::Flag => match text.to_ascii_lowercase().as_str() {
            flag @ ("true" | "false") => Ok(flag.to_owned()),
            _ => Err(Holds::Flag.rule(field)),
        },
        FieldKind::Number => match text.parse::<i64>() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(Holds::Number.rule(field)),
        },
        // What is no word is the provider's to refuse.
        FieldKind::Word(known) => {
            let known = known.iter().find(|word| word.eq_ignore_ascii_case(&text));
            Ok(quoted(known.copied().unwrap_or(&text)))
        }
        FieldKind::Text
        | FieldKind::FolderId
        | FieldKind::Parts(_)
        | FieldKind::Each(_)
        | FieldKind::Other => Ok(quoted(&text)),
    }
}

fn instant(field: &str, text: &str) -> Result<DateTime<Utc>, String> {
    parse_rfc3339(text, Zone::UTC).ok_or_else(|| Holds::Date.rule(field))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `%x%` and `x%` have functions, and what has no `%` is equality.
fn like(path: &Path, field: &str, pattern: &str) -> Result<String, String> {
    if !matches!(path.kind, FieldKind::Text | FieldKind::Word(_) | FieldKind::FolderId) {
        return Err(refused(field, "LIKE"));
    }
    let Some(inner) = pattern.strip_suffix('%') else {
        return match pattern.contains('%') {
            true => Err(unlike(field)),
            false => Ok(format!("{} eq {}", path.text, quoted(pattern))),
        };
    };
    let (function, text) = match inner.strip_prefix('%') {
        Some(text) => ("contains", text),
        None => ("startswith", inner),
    };
    if text.is_empty() || text.contains('%') {
        return Err(unlike(field));
    }
    Ok(format!("{function}({},{})", path.text, quoted(text)))
}

fn unlike(field: &str) -> String {
    format!("the provider has `LIKE` for `{field}` only with patterns such as '%x%' and 'x%'")
}

#[cfg(test)]
mod tests {
    use super::super::entity::{CONTACT, EVENT, MESSAGE};
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(entity: &Entity, condition: &str, expected: Expect) {
        let filter = odata(entity, &domain::ceql::parse(condition).unwrap(), Can::Filter);
        expected.assert_eq(&filter.unwrap_or_else(|rule| format!("refused: {rule}")));
    }

    #[test]
    fn conditions_become_filters() {
        check(
            &MESSAGE,
            "ReceivedDateTime >= '2026-01-01T00:00:00+01:00' AND NOT (IsRead = 'true' OR Subject LIKE 'Re:%')",
            expect![
                "(receivedDateTime ge 2025-12-31T23:00:00Z and not ((isRead eq true or startswith(subject,'Re:'))))"
            ],
        );
        check(
            &MESSAGE,
            "From.EmailAddress.Address IN ('a''b@example.com', 'c') AND Subject LIKE '%x%' AND Categories = 'Red'",
            expect![
                "((from/emailAddress/address eq 'a''b@example.com' or from/emailAddress/address eq 'c') and contains(subject,'x') and categories/any(x:x eq 'Red'))"
            ],
        );
        check(
            &CONTACT,
            "EmailAddresses.Address = 'a@example.com' AND CompanyName IS NOT NULL AND Birthday < '1990-01-01'",
            expect![
                "(emailAddresses/any(x:x/address eq 'a@example.com') and companyName ne null and birthday lt 1990-01-01T00:00:00Z)"
            ],
        );
        check(
            &EVENT,
            "Start.DateTime >= '2026-11-22T13:00:00+01:00'",
            expect!["start/dateTime ge '2026-11-22T12:00:00'"],
        );
    }

    #[test]
    fn texts_stay_texts_whatever_they_look_like() {
        check(
            &MESSAGE,
            "Subject = true OR Subject = '2026-11-22T11:40:00Z' OR Subject = 7",
            expect!["(subject eq 'true' or subject eq '2026-11-22T11:40:00Z' or subject eq '7')"],
        );
    }

    #[test]
    fn what_the_provider_cannot_do_is_refused_by_field_and_operator() {
        check(&MESSAGE, "Nonsense = 1", expect!["refused: `Nonsense` is not a field of a message"]);
        check(
            &MESSAGE,
            "ParentFolderId = 'f'",
            expect!["refused: the provider has no `=` for `ParentFolderId`"],
        );
        check(
            &MESSAGE,
            "Subject LIKE '%x'",
            expect![
                "refused: the provider has `LIKE` for `Subject` only with patterns such as '%x%' and 'x%'"
            ],
        );
        check(
            &MESSAGE,
            "ReceivedDateTime LIKE '2026%'",
            expect!["refused: the provider has no `LIKE` for `ReceivedDateTime`"],
        );
        check(&MESSAGE, "IsRead > true", expect!["refused: the provider has no `>` for `IsRead`"]);
        check(&MESSAGE, "IsRead = 'maybe'", expect!["refused: `IsRead` compares to true or false"]);
        check(&MESSAGE, "Categories != 'Red'", expect!["refused: the provider has no `!=` for `Categories`"]);
        check(
            &MESSAGE,
            "ReceivedDateTime >= 'yesterday'",
            expect!["refused: `ReceivedDateTime` compares to a date, as '2026-11-22T11:40:00Z'"],
        );
    }
}
