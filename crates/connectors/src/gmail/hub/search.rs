//! From `where` to Gmail's search language and `labelIds`.
//!
//! Gmail finds words: `subject = 'Invoice'` finds every subject with that word in it, as the search box does.

use chrono::{DateTime, Utc};
use domain::ceql::{Expr, Op, Value};
use domain::date_pattern::{Zone, parse_rfc3339};
use serde_json::Value as Json;

/// Fields whose bounds are Gmail's `after:` and `before:`.
pub(super) const DATE_FIELDS: [&str; 3] = ["internalDate", "date", "receivedDate"];
/// Fields, and the search operators that find words in them.
const WORDS: [(&str, &str); 9] = [
    ("from", "from"),
    ("to", "to"),
    ("cc", "cc"),
    ("bcc", "bcc"),
    ("subject", "subject"),
    ("filename", "filename"),
    ("list", "list"),
    ("deliveredTo", "deliveredto"),
    ("rfc822msgid", "rfc822msgid"),
];
/// Epoch milliseconds below this would lie in 1973: such a number is seconds.
const MILLIS_MIN: i64 = 100_000_000_000;

/// What a list is asked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Search {
    /// Terms of `q`, all of which must hold.
    pub(super) terms: Vec<String>,
    pub(super) label_ids: Vec<String>,
    /// Bounds that `q` only knows to the second.
    pub(super) bounds: Vec<Bound>,
}

/// A bound on the time a message came in.
#[derive(Debug, PartialEq)]
pub(super) struct Bound {
    op: Op,
    at: DateTime<Utc>,
}

impl Bound {
    fn is_lower(&self) -> bool {
        matches!(self.op, Op::Gt | Op::Ge)
    }
}

impl Search {
    /// Takes the conjuncts of a `where`; the error is the broken rule. `is_all`: no term comes after them.
    pub(super) fn of(conjuncts: Vec<Expr>, is_all: bool) -> Result<Self, String> {
        let mut search = Search::default();
        let is_alone = is_all && conjuncts.len() == 1;
        for conjunct in &conjuncts {
            search.take(conjunct, is_alone)?;
        }
        Ok(search)
    }

    fn take(&mut self, conjunct: &Expr, is_alone: bool) -> Result<(), String> {
        match conjunct {
            // Alone it needs no parentheses, and stays as it was written.
            Expr::Compare { field, op: Op::Eq, value } if is_alone && is(field, "q") => {
                self.terms.push(text(value).to_owned());
            }
            Expr::Compare { field, op: Op::Eq, value } if is(field, "labelIds") => {
                self.label_ids.push(text(value).to_owned());
            }
            Expr::In { field, values } if is(field, "labelIds") && values.len() == 1 => {
                self.label_ids.push(text(&values[0]).to_owned());
            }
            Expr::Compare { field, op, value } if is_date(field) => {
                let bound = bound(field, *op, value)?;
                self.terms.push(moment(&bound, 1));
                self.bounds.push(bound);
            }
            other => self.terms.push(term(other)?),
        }
        Ok(())
    }

    /// Whether it says from when on.
    pub(super) fn has_lower_bound(&self) -> bool {
        let says_so = |term: &String| ["after:", "newer:", "newer_than:"].iter().any(|op| term.contains(op));
        self.bounds.iter().any(Bound::is_lower) || self.terms.iter().any(says_so)
    }

    /// Whether a message that was found lies within the bounds exactly.
    pub(super) fn allows(&self, message: &Json) -> bool {
        let Some(at) = crate::gmail::normalise::internal_date(message) else { return true };
        self.bounds.iter().all(|bound| match bound.op {
            Op::Gt => at > bound.at,
            Op::Ge => at >= bound.at,
            Op::Lt => at < bound.at,
            _ => at <= bound.at,
        })
    }

    pub(super) fn q(&self) -> Option<String> {
        (!self.terms.is_empty()).then(|| self.terms.join(" "))
    }
}

/// One term: a word with its operator, a group, or the negation of one.
fn term(condition: &Expr) -> Result<String, String> {
    match condition {
        Expr::And(members) => group('(', members, ')'),
        Expr::Or(members) => group('{', members, '}'),
        Expr::Not(inner) => term(inner).map(negated),
        Expr::Compare { field, op, value } => compare(field, *op, value),
        Expr::Like { field, pattern } => like(field, pattern),
        Expr::In { field, values } => {
            let terms: Result<Vec<_>, _> = values.iter().map(|value| compare(field, Op::Eq, value)).collect();
            terms.map(
                |terms| if terms.len() == 1 { terms.concat() } else { format!("{{{}}}", terms.join(" ")) },
            )
        }
        Expr::IsNull { field, negated } => {
            Err(refused(field, if *negated { "IS NOT NULL" } else { "IS NULL" }))
        }
    }
}

fn group(open: char, members: &[Expr], close: char) -> Result<String, String> {
    let terms: Result<Vec<_>, _> = members.iter().map(term).collect();
    terms.map(|terms| format!("{open}{}{close}", terms.join(" ")))
}

fn negated(term: String) -> String {
    match term.strip_prefix('-') {
        Some(plain) => plain.to_owned(),
        None => format!("-{term}"),
    }
}

fn compare(field: &str, op: Op, value: &Value) -> Result<String, String> {
    if is_date(field) {
        return bound(field, op, value).map(|bound| moment(&bound, 0));
    }
    if is(field, "sizeEstimate") || is(field, "size") {
        return size(field, op, value);
    }
    let term = match op {
        Op::Eq | Op::Ne => {
            equal(field, text(value)).map_err(|reason| reason.unwrap_or_else(|| refused(field, op)))?
        }
        _ => return Err(refused(field, op)),
    };
    Ok(if op == Op::Ne { negated(term) } else { term })
}

/// The term for a field that has a value; the error may have its own reason.
fn equal(field: &str, value: &str) -> Result<String, Option<String>> {
    if value.trim().is_empty() {
        return Err(Some(format!("Gmail can't search `{field}` for an empty text")));
    }
    if let Some((_, operator)) = WORDS.iter().find(|(name, _)| is(field, name)) {
        return Ok(format!("{operator}:{}", word(value)));
    }
    let is_true = domain::invalid::text_boolean(value);
    match field.to_ascii_lowercase().as_str() {
        "q" => Ok(format!("({value})")),
        "has" => Ok(format!("has:{}", word(value))),
        "attachment" | "hasattachment" | "hasattachments" => match is_true {
            Some(true) => Ok("has:attachment".to_owned()),
            Some(false) => Ok("-has:attachment".to_owned()),
            None => Err(Some(format!("`{field}` is true or false"))),
        },
        // Search wants a label's name, in which a hyphen stands for what else separates words.
        "label" => Ok(format!("label:{}", word(&value.replace([' ', '/', '&', '(', ')'], "-")))),
        "labelids" => system_label(value).map(str::to_owned).ok_or_else(|| {
            Some(
                "Gmail's search knows a label of one's own by its name: `labelIds` with its id can only be joined with \
                 AND, `label` with its name anywhere"
                    .to_owned(),
            )
        }),
        _ => Err(None),
    }
}

/// A label that Gmail has by itself, as search finds it.
fn system_label(id: &str) -> Option<&'static str> {
    Some(match id.to_ascii_uppercase().as_str() {
        "INBOX" => "in:inbox",
        "SENT" => "in:sent",
        "DRAFT" => "in:drafts",
        "SPAM" => "in:spam",
        "TRASH" => "in:trash",
        "CHAT" => "in:chats",
        "SCHEDULED" => "in:scheduled",
        "UNREAD" => "is:unread",
        "STARRED" => "is:starred",
        "IMPORTANT" => "is:important",
        "CATEGORY_PERSONAL" => "category:primary",
        "CATEGORY_SOCIAL" => "category:social",
        "CATEGORY_PROMOTIONS" => "category:promotions",
        "CATEGORY_UPDATES" => "category:updates",
        "CATEGORY_FORUMS" => "category:forums",
        _ => return None,
    })
}

fn like(field: &str, pattern: &str) -> Result<String, String> {
    if !WORDS.iter().any(|(name, _)| is(field, name)) {
        return Err(refused(field, "LIKE"));
    }
    let inner = pattern.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    match inner.filter(|inner| !inner.contains('%')) {
        Some(inner) => equal(field, inner).map_err(|reason| reason.unwrap_or_else(|| refused(field, "LIKE"))),
        None => Err(format!("Gmail matches words anywhere in `{field}`: only LIKE '%words%' is possible")),
    }
}

fn size(field: &str, op: Op, value: &Value) -> Result<String, String> {
    let bytes: u64 =
        text(value).parse().map_err(|_| format!("`{field}` is compared to a number of bytes"))?;
    match op {
        Op::Gt | Op::Ge => Ok(format!("larger:{bytes}")),
        Op::Lt | Op::Le => Ok(format!("smaller:{bytes}")),
        Op::Eq | Op::Ne => Err(refused(field, op)),
    }
}

fn bound(field: &str, op: Op, value: &Value) -> Result<Bound, String> {
    if matches!(op, Op::Eq | Op::Ne) {
        return Err(refused(field, op));
    }
    let text = text(value);
    let at = match text.parse::<i64>() {
        Ok(millis) if millis.abs() >= MILLIS_MIN => DateTime::from_timestamp_millis(millis),
        Ok(seconds) => DateTime::from_timestamp(seconds, 0),
        Err(_) => parse_rfc3339(text, Zone::UTC),
    };
    match at {
        Some(at) => Ok(Bound { op, at }),
        None => Err(format!(
            "`{field}` is compared to a date, as in 2026-01-31T12:00:00Z, or to epoch milliseconds"
        )),
    }
}

/// Whole seconds that leave nothing out; `margin_s` where the bound is looked at again.
fn moment(bound: &Bound, margin_s: i64) -> String {
    let second = bound.at.timestamp();
    match bound.is_lower() {
        true => format!("after:{}", second - margin_s),
        false => format!("before:{}", second + 1 + margin_s),
    }
}

/// A value that search takes as one piece, whatever is in it.
fn word(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "@._+-".contains(c);
    let value = value.trim();
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    // A quote can't be written inside quotes.
    let clean: String = value.chars().map(|c| if c == '"' || c.is_control() { ' ' } else { c }).collect();
    format!("\"{}\"", clean.trim())
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) | Value::Number(text) | Value::Bare(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Null => "",
    }
}

fn is(field: &str, name: &str) -> bool {
    field.eq_ignore_ascii_case(name)
}

fn is_date(field: &str) -> bool {
    DATE_FIELDS.iter().any(|name| is(field, name))
}

fn refused(field: &str, op: impl std::fmt::Display) -> String {
    format!("Gmail can't search `{field}` with `{op}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(filter: &str, expect: Expect) {
        let shown = match Search::of(domain::ceql::parse(filter).unwrap().conjuncts(), true) {
            Ok(search) => format!("{} {:?}", search.q().unwrap_or_default(), search.label_ids),
            Err(rule) => rule,
        };
        expect.assert_eq(&shown);
    }

    #[test]
    fn what_gmail_searches_is_passed_on() {
        check("q='subject:x OR \"a b\"'", expect![[r#"subject:x OR "a b" []"#]]);
        check("q='a OR b' AND from='ada@x.example'", expect!["(a OR b) from:ada@x.example []"]);
        check("subject LIKE '%new invoice%'", expect![[r#"subject:"new invoice" []"#]]);
        check("subject = 'a\"b' AND to != 'x'", expect![[r#"subject:"a b" -to:x []"#]]);
        check("from IN ('a@x','b@x')", expect!["{from:a@x from:b@x} []"]);
        check("from NOT IN ('a@x','b@x')", expect!["-{from:a@x from:b@x} []"]);
        check("from='a' OR (to='b' AND NOT subject='c')", expect!["{from:a (to:b -subject:c)} []"]);
        check("NOT (from != 'a')", expect!["from:a []"]);
        check("hasAttachment = true AND NOT has='drive'", expect!["has:attachment -has:drive []"]);
        check("attachment = 'false' AND sizeEstimate > 100", expect!["-has:attachment larger:100 []"]);
    }

    #[test]
    fn labels_go_by_id_where_all_must_hold_and_by_search_elsewhere() {
        check("labelIds='INBOX' AND labelIds IN ('Label_7')", expect![[r#" ["INBOX", "Label_7"]"#]]);
        check("labelIds='INBOX' OR labelIds='STARRED'", expect!["{in:inbox is:starred} []"]);
        check("labelIds != 'UNREAD' AND label='My mail/x'", expect!["-is:unread label:My-mail-x []"]);
        check(
            "labelIds != 'Label_7'",
            expect![
                "Gmail's search knows a label of one's own by its name: `labelIds` with its id can only be joined with AND, `label` with its name anywhere"
            ],
        );
    }

    #[test]
    fn dates_are_searched_by_seconds_and_looked_at_again() {
        check(
            "internalDate >= '2026-11-22T11:40:00.500Z' AND date < 1795351200000",
            expect!["after:1795347599 before:1795351202 []"],
        );
        check("from='a' OR date > '2026-11-22'", expect!["{from:a after:1795305600} []"]);
        let bounds = domain::ceql::parse("internalDate > '2026-11-22T11:40:00.500Z'").unwrap();
        let search = Search::of(vec![bounds], true).unwrap();
        assert!(search.allows(&serde_json::json!({ "internalDate": "1795347600501" })));
        assert!(!search.allows(&serde_json::json!({ "internalDate": "1795347600500" })));
        assert!(search.has_lower_bound());
    }

    #[test]
    fn what_gmail_cannot_do_is_named() {
        check("snippet LIKE '%x%'", expect!["Gmail can't search `snippet` with `LIKE`"]);
        check("threadId = 'x'", expect!["Gmail can't search `threadId` with `=`"]);
        check("subject > 'x'", expect!["Gmail can't search `subject` with `>`"]);
        check(
            "subject LIKE 'x%'",
            expect!["Gmail matches words anywhere in `subject`: only LIKE '%words%' is possible"],
        );
        check("subject IS NULL", expect!["Gmail can't search `subject` with `IS NULL`"]);
        check("date = '2026-11-22'", expect!["Gmail can't search `date` with `=`"]);
        check(
            "date > 'soon'",
            expect!["`date` is compared to a date, as in 2026-01-31T12:00:00Z, or to epoch milliseconds"],
        );
        check("from = ''", expect!["Gmail can't search `from` for an empty text"]);
    }
}
