//! What the configured `where` means for polls: a filter for the provider, and conditions on the record itself.

use super::Row;
use super::entity::Entity;
use super::field::{Can, FieldKind, root};
use super::filter::odata;
use crate::values::in_any_case;
use domain::ceql::{Expr, Op, Truth};

const CURSOR_FIELD: &str = "lastModifiedDateTime";

/// Conditions on an object, all of which must hold.
pub(crate) struct Conditions {
    filter: String,
    on_record: Vec<Expr>,
    /// Both: the provider's part, too.
    all: Vec<Expr>,
    roots: Vec<String>,
}

impl Conditions {
    /// Takes the conjuncts of a `where`; the error is the broken rule. Without a word on what the provider must be
    /// able to do with a field to filter by it, all of them are applied to the record.
    pub(crate) fn parse(
        entity: &Entity,
        conjuncts: Vec<Expr>,
        by_provider: Option<Can>,
    ) -> Result<Self, String> {
        let mut filters = Vec::new();
        let mut on_record = Vec::new();
        let mut all = Vec::new();
        let mut roots: Vec<String> = Vec::new();
        for conjunct in conjuncts {
            if is_cursor_bound(&conjunct) {
                continue;
            }
            for field in conjunct.fields() {
                let name = entity.root(field).map_err(|rule| format!("where: {rule}"))?.name;
                if name == CURSOR_FIELD && !matches!(conjunct, Expr::Compare { .. }) {
                    return Err(format!(
                        "where: `{field}` must stand alone between ANDs, because polls go by it"
                    ));
                }
                if !roots.iter().any(|known| known == name) {
                    roots.push(name.to_owned());
                }
            }
            all.push(conjunct.clone());
            // What the provider can't do beside the order of the walk, the record is asked.
            match by_provider.map(|least| odata(entity, &conjunct, least)) {
                Some(Ok(filter)) => filters.push(filter),
                // A list without dates is compared with what the same words let through before.
                _ if by_provider.is_none() => on_record.push(conjunct),
                _ => on_record.push(in_any_case(conjunct, &|field| is_of_words(entity, field))),
            }
        }
        Ok(Conditions { filter: filters.join(" and "), on_record, all, roots })
    }

    /// The provider's part, to stand behind the walk's own bound.
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// The fields that conditions look at.
    pub(crate) fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The configuration says itself which drafts it wants.
    pub(crate) fn speak_of_drafts(&self) -> bool {
        self.roots.iter().any(|root| root == "isDraft")
    }

    /// Whether a row is reported. A field that the record lacks does not exclude it.
    pub(crate) fn allow(&self, row: &Row) -> bool {
        let holds = self.on_record.iter().all(|condition| condition.matches(&row.object) != Truth::No);
        holds && row.is_readable() && !row.is_suppressed(self)
    }

    /// The same of a row that the provider has not filtered.
    pub(crate) fn name(&self, row: &Row) -> bool {
        self.all.iter().all(|condition| condition.matches(&row.object) != Truth::No) && self.allow(row)
    }
}

fn is_of_words(entity: &Entity, field: &str) -> bool {
    entity.path(field).is_ok_and(|path| matches!(path.kind, FieldKind::Each("") | FieldKind::Word(_)))
}

/// A lower bound on the walk's own field: the position replaces it.
pub(crate) fn is_cursor_bound(expr: &Expr) -> bool {
    matches!(expr, Expr::Compare { field, op: Op::Gt | Op::Ge, .. } if root(field).eq_ignore_ascii_case(CURSOR_FIELD))
}

#[cfg(test)]
mod tests {
    use super::super::entity::MESSAGE;
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(filter: &str, expect: Expect) {
        let shown = match Conditions::parse(
            &MESSAGE,
            domain::ceql::parse(filter).unwrap().conjuncts(),
            Some(Can::Walk),
        ) {
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

    /// Excluding stays exact: more is reported than was, and nothing less.
    #[test]
    fn a_category_is_the_same_in_any_case() {
        check(
            "Categories = 'red category' AND (Categories IN ('a', 'b') OR Subject = 'X') AND Categories = '100%'",
            expect![
                " | Categories LIKE 'red category'; (Categories LIKE 'a' OR Categories LIKE 'b') OR Subject = 'X'; Categories = '100%'"
            ],
        );
        check(
            "Categories != 'Red' AND NOT Categories = 'Blue' AND Importance = 'HIGH'",
            expect!["importance eq 'high' | Categories != 'Red'; NOT Categories = 'Blue'"],
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
