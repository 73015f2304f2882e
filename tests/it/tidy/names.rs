//! A type's name says what it is where it is used.

use super::{Tree, check, sources};
use std::collections::BTreeMap;

/// Names that fit many things: of all types at most one has each of them, tests included.
const VAGUE_TYPE_NAMES: [&str; 41] = [
    "Arrived", "Asked", "By", "Due", "End", "Ended", "Ending", "Failing", "Found", "Given", "Held", "Kept",
    "Kind", "Known", "Listed", "Made", "Mark", "Named", "News", "Next", "Odd", "Page", "Part", "Place",
    "Posted", "Pushed", "Read", "Received", "Seen", "Sent", "Shared", "Shown", "Standing", "Stored",
    "Stretch", "Taken", "Told", "Waiting", "Wanted", "Watched", "Way",
];
/// What begins the declaration of a type.
const DECLARATIONS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

#[test]
fn vague_type_names_are_not_reused() {
    check(vague_type_names);
}

pub(super) fn vague_type_names(tree: &Tree) -> Vec<String> {
    let mut declared: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, text) in sources(tree) {
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = declared_type(line).filter(|name| VAGUE_TYPE_NAMES.contains(name)) {
                declared.entry(name).or_default().push(format!("{path}:{}", number + 1));
            }
        }
    }
    let reused = declared.into_iter().filter(|(_, places)| places.len() > 1);
    reused.map(|(name, places)| format!("types called `{name}`: {}", places.join(", "))).collect()
}

/// `pub(super) struct Page<T> {` declares `Page`.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| *word == "pub" || word.starts_with("pub("));
    let mut word = words.next()?;
    // `pub(in crate::api)` is two words.
    if word.ends_with(')') {
        word = words.next()?;
    }
    let name = DECLARATIONS.contains(&word).then(|| words.next())??;
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).next()
}
