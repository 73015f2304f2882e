//! Pages that say what holds name the tests that show it.

use super::{Tree, check};
use std::collections::BTreeSet;

/// The pages.
const PAGES: [&str; 3] = ["docs/backups.md", "docs/reliability.md", "docs/security.md"];

#[test]
fn what_is_said_to_be_shown_is_shown() {
    check(shown);
}

fn shown(tree: &Tree) -> Vec<String> {
    let names = names(tree);
    let is_there = |name: &str| match name.split_once('…') {
        None => names.contains(name),
        Some((begin, end)) => names.iter().any(|one| one.starts_with(begin) && one.ends_with(end)),
    };
    let pages = PAGES.iter().filter_map(|page| Some((page, tree.get(*page)?)));
    let named = pages.flat_map(|(page, text)| spans(text).map(move |span| (page, span)));
    let missing = named.filter(|(_, span)| is_a_test(span) && !is_there(last(span)));
    missing.map(|(page, span)| format!("{page} names `{span}`, which is no test and no module")).collect()
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Paths, and names of several words: variables and columns have fewer.
fn is_a_test(span: &str) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*…".contains(c);
    span.chars().all(is_name) && (span.contains("::") || span.matches('_').count() > 1)
}

/// The last name of a path; of `push::accepted::*` the module.
fn last(span: &str) -> &str {
    let path = span.strip_suffix("::*").unwrap_or(span);
    path.rsplit("::").next().unwrap_or(path)
}

/// Functions and modules.
fn names(tree: &Tree) -> BTreeSet<&str> {
    let sources = tree.iter().filter(|(path, _)| path.ends_with(".rs"));
    sources.flat_map(|(path, text)| functions(text).chain(modules(path))).collect()
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next())
}

fn modules(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part))
}

#[test]
fn a_name_that_no_test_has_is_found() {
    let broken = |page: &str| {
        let test = ("tests/it/doors.rs", "#[test]\nfn strangers_stay_outside() {}\n");
        let files = [test, ("docs/security.md", page)];
        shown(&files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()).len()
    };
    for fine in
        ["`strangers_stay_outside`", "`doors::strangers_…`", "`doors::*`", "`user_id` and `RetryAfter`", ""]
    {
        assert_eq!(broken(fine), 0, "{fine}");
    }
    for stale in ["`strangers_come_in`", "`doors::strangers_come…`", "`windows::*`"] {
        assert_eq!(broken(stale), 1, "{stale}");
    }
}
