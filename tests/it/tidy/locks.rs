//! The fuzzers are a workspace of their own: its list of crates follows the product's.

use super::{Tree, check, dependencies};
use std::collections::BTreeSet;

/// What the fuzzers read with.
const FUZZED: [&str; 4] = ["app", "connectors", "console", "domain"];
const LOCK: &str = "fuzz/Cargo.lock";

#[test]
fn the_fuzzers_know_the_crates_of_what_they_fuzz() {
    check(fuzzed_crates);
}

/// The fuzzers are built with `--locked`: a crate that their list lacks ends a run that was long under way.
fn fuzzed_crates(tree: &Tree) -> Vec<String> {
    let text = |path: &str| tree.get(path).map_or("", String::as_str);
    let mut broken = Vec::new();
    for fuzzed in FUZZED {
        let manifest = format!("crates/{fuzzed}/Cargo.toml");
        let wanted =
            dependencies(text(&manifest)).into_iter().filter(|(section, ..)| *section == "dependencies");
        let wanted: BTreeSet<&str> = wanted.map(|(_, name, _)| name).collect();
        match locked(text(LOCK), fuzzed) {
            None => broken.push(format!("{LOCK} does not list `{fuzzed}`")),
            Some(locked) => {
                broken.extend(wanted.symmetric_difference(&locked).map(|name| {
                    format!("`{name}`: `cargo update -w` in fuzz/ brings {LOCK} up to {manifest}")
                }))
            }
        }
    }
    broken
}

/// What the list says that a crate depends on, whatever the versions.
fn locked<'a>(lock: &'a str, name: &str) -> Option<BTreeSet<&'a str>> {
    let (_, rest) = lock.split_once(&format!("\nname = \"{name}\"\n"))?;
    let package = rest.split("[[package]]").next().unwrap_or(rest);
    let quoted = package.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    Some(quoted.filter_map(|dependency| dependency.split(' ').next()).collect())
}

#[test]
fn a_crate_that_the_fuzzers_lack_is_found() {
    let broken = |manifest: &str, lock: &str| {
        let mut listed = "[[package]]\nname = \"url\"\ndependencies = [\n \"idna\",\n]\n".to_owned();
        let mut tree = Tree::new();
        for fuzzed in FUZZED {
            let (manifest, lock) = if fuzzed == "domain" { (manifest, lock) } else { ("", "") };
            let manifest = format!("[dependencies]\n{manifest}[dev-dependencies]\nexpect-test = \"1\"\n");
            tree.insert(format!("crates/{fuzzed}/Cargo.toml"), manifest);
            listed += &format!("\n[[package]]\nname = \"{fuzzed}\"\ndependencies = [\n{lock}]\n");
        }
        tree.insert(LOCK.to_owned(), listed);
        fuzzed_crates(&tree).len()
    };
    assert_eq!(broken("serde = \"1\"\nurl.workspace = true\n", " \"serde\",\n"), 1);
    assert_eq!(broken("serde = \"1\"\n", " \"serde 1.0.2\",\n"), 0);
    assert_eq!(fuzzed_crates(&Tree::new()).len(), FUZZED.len());
}
