//! What the stack counts in its logs is what the code writes there.

use super::connectors::TEMPLATE;
use super::{Tree, check, sources};

#[test]
fn what_the_stack_counts_is_logged() {
    check(counted);
}

/// Each word that a filter looks for is a text of the code.
fn counted(tree: &Tree) -> Vec<String> {
    let template = tree.get(TEMPLATE).map_or("", String::as_str);
    let is_written = |word: &str| {
        let literal = format!("\"{word}\"");
        sources(tree).any(|(path, text)| path.starts_with("crates/") && text.contains(&literal))
    };
    let patterns = template.lines().filter_map(|line| line.trim().strip_prefix("FilterPattern: "));
    let mut words: Vec<&str> = patterns.flat_map(|pattern| pattern.split('"').skip(1).step_by(2)).collect();
    words.sort_unstable();
    words.dedup();
    let missing = words.into_iter().filter(|word| *word != "*" && !is_written(word));
    missing.map(|word| format!("{TEMPLATE} counts lines with `{word}`, which nothing writes")).collect()
}

#[test]
fn a_line_that_nothing_writes_is_found() {
    let broken = |pattern: &str| {
        let mut tree = Tree::new();
        tree.insert(TEMPLATE.to_owned(), format!("  FilterPattern: '{pattern}'\n"));
        tree.insert("crates/app/src/a.rs".to_owned(), "info!(to = \"nobody\", \"a.done\");".to_owned());
        counted(&tree).len()
    };
    assert_eq!(broken(r#"{ ($.message = "a.done") && ($.to = "nobody") && ($.error = "*") }"#), 0);
    assert_eq!(broken(r#"{ ($.message = "a.lost") && ($.to = "somebody") }"#), 2);
}
