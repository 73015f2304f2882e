//! What the configured `where` means for polls.
//!
//! History has no filter, so conditions are applied to what history has of a message: its id, thread and
//! labels. Lower bounds on dates are the position's business and drop out; everything else is refused when
//! the configuration is saved.

use domain::ceql::{Expr, Op, Truth, Value};
use serde_json::Value as Json;

/// Fields of a message that every history record has.
const FIELDS: [&str; 3] = ["id", "threadId", "labelIds"];
/// Fields whose lower bounds the position replaces.
const DATE_FIELDS: [&str; 4] = ["internalDate", "date", "receivedDate", "updated"];

/// Conditions on a message, all of which must hold.
#[derive(Debug)]
pub(crate) struct Conditions(Vec<Expr>);

impl Conditions {
    /// Takes the conjuncts of a `where`; the error is the broken rule.
    pub(crate) fn parse(conjuncts: Vec<Expr>) -> Result<Self, String> {
        let mut kept = Vec::new();
        for conjunct in conjuncts {
            match &conjunct {
                Expr::Compare { field, op: Op::Eq, value: Value::Text(search) } if field == "q" => {
                    kept.extend(search_terms(search)?);
                }
                Expr::Compare { field, op: Op::Gt | Op::Ge, .. } if is_one_of(&DATE_FIELDS, field) => {}
                _ => {
                    if let Some(field) =
                        conjunct.fields().into_iter().find(|field| !is_one_of(&FIELDS, field))
                    {
                        return Err(format!(
                            "where: Gmail's history can't be filtered by `{field}`, only by id, threadId, labelIds, \
                             and q with in:, is:, label: and after:"
                        ));
                    }
                    kept.push(conjunct);
                }
            }
        }
        Ok(Conditions(kept))
    }

    /// Whether a message passes. A field that the record lacks does not exclude it: a change too many is
    /// better than one too few.
    pub(crate) fn allow(&self, message: &Json) -> bool {
        self.0.iter().all(|condition| condition.matches(message) != Truth::No)
    }
}

fn is_one_of(names: &[&str], field: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(field))
}

/// Gmail's search language, as far as labels can answer it.
fn search_terms(search: &str) -> Result<Vec<Expr>, String> {
    let mut conditions = Vec::new();
    for term in search.split_whitespace() {
        let (negated, plain) = match term.strip_prefix('-') {
            Some(plain) => (true, plain),
            None => (false, term),
        };
        let (name, value) = plain.split_once(':').unwrap_or(("", plain));
        match name.to_ascii_lowercase().as_str() {
            "after" | "newer" | "newer_than" if !negated => {}
            "in" | "is" | "label" => {
                let label = system_label(value).ok_or_else(|| refused(term))?;
                let op = if negated { Op::Ne } else { Op::Eq };
                conditions.push(Expr::Compare {
                    field: "labelIds".to_owned(),
                    op,
                    value: Value::Text(label.to_owned()),
                });
            }
            _ => return Err(refused(term)),
        }
    }
    Ok(conditions)
}

fn refused(term: &str) -> String {
    let term: String = term.chars().take(60).collect();
    format!(
        "where: Gmail's history can't be searched for `{term}`, only for labels (in:, is:, label:) and after:"
    )
}

fn system_label(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "inbox" => "INBOX",
        "sent" => "SENT",
        "spam" => "SPAM",
        "trash" => "TRASH",
        "unread" => "UNREAD",
        "starred" => "STARRED",
        "important" => "IMPORTANT",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    #[track_caller]
    fn check(filter: &str, expect: Expect) {
        let parsed = domain::ceql::parse(filter).unwrap().conjuncts();
        let shown = match Conditions::parse(parsed) {
            Ok(conditions) => conditions.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
            Err(rule) => rule,
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn date_bounds_drop_out_and_labels_stay() {
        check(
            "q='in:inbox -is:unread after:1795000000'",
            expect!["labelIds = 'INBOX' | labelIds != 'UNREAD'"],
        );
        check("internalDate >= '2026-01-01' AND labelIds IN ('A','B')", expect!["labelIds IN ('A', 'B')"]);
        check("labelIds='A' OR threadId='t'", expect!["labelIds = 'A' OR threadId = 't'"]);
    }

    #[test]
    fn what_history_cannot_answer_is_refused() {
        check(
            "q='subject:x'",
            expect![
                "where: Gmail's history can't be searched for `subject:x`, only for labels (in:, is:, label:) and after:"
            ],
        );
        check(
            "snippet LIKE '%x%'",
            expect![
                "where: Gmail's history can't be filtered by `snippet`, only by id, threadId, labelIds, and q with in:, is:, label: and after:"
            ],
        );
    }

    #[test]
    fn a_record_without_labels_passes() {
        let conditions =
            Conditions::parse(domain::ceql::parse("labelIds='INBOX'").unwrap().conjuncts()).unwrap();
        assert!(conditions.allow(&json!({ "id": "1" })));
        assert!(conditions.allow(&json!({ "id": "1", "labelIds": ["UNREAD", "INBOX"] })));
        assert!(!conditions.allow(&json!({ "id": "1", "labelIds": ["SENT"] })));
    }
}
