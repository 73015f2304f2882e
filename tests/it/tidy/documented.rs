//! Public items say what they are for.

use super::{Tree, check, is_test, without_tests};
use std::collections::BTreeMap;

/// Percent of the public items, fields too, that have a doc comment, where readers begin.
const CORE_PERCENT_MIN: usize = 97;
/// And everywhere else.
const PERCENT_MIN: usize = 90;
/// Where readers begin: what is decided, what a connector is, and what hosts provide.
const CORE: [&str; 3] = ["crates/domain/", "crates/connectors/", "crates/app/src/ports/"];
/// What `pub` stands before, fields aside.
const ITEMS: [&str; 9] = ["async", "const", "enum", "fn", "static", "struct", "trait", "type", "union"];

#[test]
fn public_items_are_documented() {
    check(documented);
}

/// What is documented, of all, and where the others are.
#[derive(Default)]
struct Tally<'a> {
    count: usize,
    bare: Vec<(&'a str, usize, &'a str)>,
}

fn documented(tree: &Tree) -> Vec<String> {
    let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs") && !is_test(path)) {
        let Some(room) = room(path) else { continue };
        let tally = tallies.entry(room).or_default();
        let lines: Vec<&str> = without_tests(text).lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_public_item(line)) {
            tally.count += 1;
            if !has_doc(&lines[..index]) {
                tally.bare.push((path, index + 1, line.trim()));
            }
        }
    }
    let mut broken = Vec::new();
    for (room, tally) in tallies {
        let least = if CORE.contains(&room) { CORE_PERCENT_MIN } else { PERCENT_MIN };
        let documented_count = tally.count - tally.bare.len();
        if documented_count * 100 < tally.count * least {
            broken.push(format!(
                "{room}: {documented_count} of {} have a doc comment, not {least} %",
                tally.count
            ));
            broken.extend(tally.bare.iter().map(|(path, number, line)| format!("  {path}:{number}: {line}")));
        }
    }
    broken
}

/// The crate, or what is counted apart in it.
fn room(path: &str) -> Option<&str> {
    if let Some(core) = CORE.iter().find(|core| path.starts_with(**core)) {
        return Some(core);
    }
    let name = path.strip_prefix("crates/")?.split_once('/')?.0;
    Some(&path[..="crates/".len() + name.len()])
}

/// An item or a field that other crates may see, modules aside: their doc comment stands in their file.
fn is_public_item(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("pub ") else { return false };
    let first = rest.split([' ', '<', '(']).next().unwrap_or_default();
    ITEMS.contains(&first) || first.ends_with(':')
}

/// Attributes may stand between, on several lines.
fn has_doc(before: &[&str]) -> bool {
    let mut lines = before.iter().rev().map(|line| line.trim());
    while let Some(line) = lines.next() {
        match line {
            line if line.starts_with("///") => return true,
            line if line.starts_with("#[") => {}
            line if line.ends_with(")]") => {
                lines.by_ref().find(|line| line.starts_with("#["));
            }
            _ => return false,
        }
    }
    false
}

#[test]
fn an_item_without_a_doc_comment_is_found() {
    let found = |path: &str, text: &str| {
        documented(&[(path.to_owned(), text.to_owned())].into_iter().collect()).len()
    };
    let bare = "pub struct A {\n    pub b: u8,\n    c: u8,\n}\n\nimpl A {\n    pub async fn d() {}\n    fn e() {}\n}\npub mod f;\npub use g::H;\n";
    assert_eq!(found("crates/app/src/a.rs", bare), 1 + 3);
    assert_eq!(found("crates/app/src/tests.rs", bare), 0);
    let attributed = "/// A.\n#[derive(Debug)]\n#[error(\n    \"a\"\n)]\npub struct A;\n";
    assert_eq!(found("crates/domain/src/a.rs", attributed), 0);
    let nine_of_ten = format!("{}pub fn j() {{}}\n", "/// A.\npub fn a() {}\n".repeat(9));
    assert_eq!(found("crates/app/src/a.rs", &nine_of_ten), 0);
    assert_eq!(found("crates/app/src/ports/a.rs", &nine_of_ten), 2);
    assert_eq!(found("crates/domain/src/a.rs", &nine_of_ten), 2);
}
