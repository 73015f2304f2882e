//! What the configured `where` means for polls: a filter for the provider, and what only the record can tell.

use super::fields::{known, root};
use super::normalize::Row;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::ceql::{Expr, Op, Truth, Value};

/// Fields the provider filters by, together with the order the walk needs.
const FILTERABLE: [&str; 13] = [
    "receivedDateTime",
    "sentDateTime",
    "createdDateTime",
    "lastModifiedDateTime",
    "isRead",
    "isDraft",
    "hasAttachments",
    "importance",
    "subject",
    "from",
    "sender",
    "conversationId",
    "inferenceClassification",
];
const CURSOR_FIELD: &str = "lastModifiedDateTime";

/// Conditions on a message, all of which must hold.
pub(super) struct Conditions {
    filter: String,
    on_record: Vec<Expr>,
    roots: Vec<String>,
}

impl Conditions {
    /// Takes the conjuncts of a `where`; the error is the broken rule.
    pub(super) fn parse(conjuncts: Vec<Expr>) -> Result<Self, String> {
        let mut filters = Vec::new();
        let mut on_record = Vec::new();
        let mut roots: Vec<String> = Vec::new();
        for conjunct in conjuncts {
            if is_cursor_bound(&conjunct) {
                continue;
            }
            for field in conjunct.fields() {
                let name = known(root(field))
                    .ok_or_else(|| format!("where: `{field}` is not a field of a message"))?;
                if name == CURSOR_FIELD && !matches!(conjunct, Expr::Compare { .. }) {
                    return Err(format!(
                        "where: `{field}` must stand alone between ANDs, because polls go by it"
                    ));
                }
                if !roots.iter().any(|known| known == name) {
                    roots.push(name.to_owned());
                }
            }
            match odata(&conjunct) {
                Some(filter) => filters.push(filter),
                None => on_record.push(conjunct),
            }
        }
        Ok(Conditions { filter: filters.join(" and "), on_record, roots })
    }

    /// The provider's part, to stand behind the walk's own bound.
    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// The fields that conditions look at.
    pub(super) fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The configuration says itself which drafts it wants.
    pub(super) fn speak_of_drafts(&self) -> bool {
        self.roots.iter().any(|root| root == "isDraft")
    }

    /// Whether a row is reported. What the record does not tell does not hold it back.
    pub(super) fn allow(&self, row: &Row) -> bool {
        let holds = self.on_record.iter().all(|condition| condition.matches(&row.message) != Truth::No);
        holds && !row.is_suppressed(self)
    }
}

/// A lower bound on the walk's own field: the position replaces it.
fn is_cursor_bound(expr: &Expr) -> bool {
    matches!(expr, Expr::Compare { field, op: Op::Gt | Op::Ge, .. } if known(field) == Some(CURSOR_FIELD))
}

/// The condition as an OData filter; `None` where the provider has none for it.
fn odata(expr: &Expr) -> Option<String> {
    match expr {
        Expr::And(members) => joined(members, " and "),
        Expr::Or(members) => joined(members, " or "),
        Expr::Not(inner) => Some(format!("not ({})", odata(inner)?)),
        Expr::Compare { field, op, value } => {
            Some(format!("{} {} {}", path(field)?, operator(*op), literal(value)?))
        }
        Expr::Like { field, pattern } => like(&path(field)?, pattern),
        Expr::In { field, values } => {
            let path = path(field)?;
            let each: Option<Vec<String>> =
                values.iter().map(|value| Some(format!("{path} eq {}", literal(value)?))).collect();
            Some(format!("({})", each?.join(" or ")))
        }
        Expr::IsNull { field, negated } => {
            Some(format!("{} {} null", path(field)?, if *negated { "ne" } else { "eq" }))
        }
    }
}

fn joined(members: &[Expr], with: &str) -> Option<String> {
    let members: Option<Vec<String>> = members.iter().map(odata).collect();
    Some(format!("({})", members?.join(with)))
}

/// `From.EmailAddress.Address` as `from/emailAddress/address`.
fn path(field: &str) -> Option<String> {
    FILTERABLE.contains(&known(root(field))?).then(|| {
        let lowered = field.split(['.', '/']).map(|segment| {
            let mut chars = segment.chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        });
        lowered.collect::<Vec<String>>().join("/")
    })
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

/// Dates and booleans stand bare in OData, however the configuration quoted them.
fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(digits) => Some(digits.clone()),
        Value::Null => Some("null".to_owned()),
        Value::Text(text) | Value::Bare(text) => Some(match DateTime::parse_from_rfc3339(text) {
            Ok(at) => at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Err(_) if text == "true" || text == "false" => text.clone(),
            Err(_) => quoted(text),
        }),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `%x%` and `x%` have functions; other patterns are left to the record.
fn like(path: &str, pattern: &str) -> Option<String> {
    let inner = pattern.strip_suffix('%')?;
    let (function, text) = match inner.strip_prefix('%') {
        Some(text) => ("contains", text),
        None => ("startswith", inner),
    };
    (!text.is_empty() && !text.contains('%')).then(|| format!("{function}({path},{})", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(filter: &str, expect: Expect) {
        let shown = match Conditions::parse(domain::ceql::parse(filter).unwrap().conjuncts()) {
            Ok(conditions) => {
                let on_record: Vec<String> = conditions.on_record.iter().map(ToString::to_string).collect();
                format!("{} | {}", conditions.filter, on_record.join("; "))
            }
            Err(rule) => rule,
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn the_lower_bound_is_the_cursors_and_the_rest_is_passed_on() {
        check("LastModifiedDateTime>='2026-11-22T11:40:00Z'", expect![" | "]);
        check(
            "LastModifiedDateTime >= '2026-11-22T11:40:00Z' AND IsRead = false AND ReceivedDateTime >= '2026-01-01T00:00:00+01:00'",
            expect!["isRead eq false and receivedDateTime ge 2025-12-31T23:00:00Z | "],
        );
        check(
            "lastModifiedDateTime <= '2026-11-22T12:00:00Z'",
            expect!["lastModifiedDateTime le 2026-11-22T12:00:00Z | "],
        );
        check(
            "(Importance = 'high' OR From.EmailAddress.Address IN ('a''b@example.com', 'c')) AND Subject LIKE '%x%'",
            expect![
                "(importance eq 'high' or (from/emailAddress/address eq 'a''b@example.com' or from/emailAddress/address eq 'c')) and contains(subject,'x') | "
            ],
        );
    }

    #[test]
    fn what_the_provider_cannot_filter_is_applied_to_the_record() {
        check(
            "ParentFolderId = 'f' AND Subject LIKE 'a%b'",
            expect![" | ParentFolderId = 'f'; Subject LIKE 'a%b'"],
        );
    }

    #[test]
    fn what_nobody_can_do_is_refused() {
        check("Nonsense = 1", expect!["where: `Nonsense` is not a field of a message"]);
        check(
            "LastModifiedDateTime >= '2026-11-22T11:40:00Z' OR IsRead = false",
            expect!["where: `LastModifiedDateTime` must stand alone between ANDs, because polls go by it"],
        );
    }
}
