//! The fuzzers are a workspace of their own: its list of crates follows the product's.

use super::{Tree, check, dependencies};
use std::collections::BTreeSet;

/// What the fuzzers read with.
const MANIFEST: &str = "crates/domain/Cargo.toml";
const LOCK: &str = "fuzz/Cargo.lock";

#[test]
fn the_fuzzers_know_the_crates_of_what_they_fuzz() {
    check(fuzzed_crates);
}

/// The fuzzers are built with `--locked`: a crate that their list lacks ends a run that was long under way.
fn fuzzed_crates(tree: &Tree) -> Vec<String> {
    let text = |path: &str| tree.get(path).map_or("", String::as_str);
    let wanted = dependencies(text(MANIFEST)).into_iter().filter(|(section, ..)| *section == "dependencies");
    let wanted: BTreeSet<&str> = wanted.map(|(_, name, _)| name).collect();
    let Some(locked) = locked(text(LOCK)) else { return vec![format!("{LOCK} does not list `domain`")] };
    let differ = wanted.symmetric_difference(&locked);
    differ
        .map(|name| format!("`{name}`: `cargo update -w` in fuzz/ brings {LOCK} up to {MANIFEST}"))
        .collect()
}

/// What the list says that `domain` depends on, whatever the versions.
fn locked(lock: &str) -> Option<BTreeSet<&str>> {
    let (_, rest) = lock.split_once("\nname = \"domain\"\n")?;
    let package = rest.split("[[package]]").next().unwrap_or(rest);
    let quoted = package.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    Some(quoted.filter_map(|dependency| dependency.split(' ').next()).collect())
}

#[test]
fn a_crate_that_the_fuzzers_lack_is_found() {
    let broken = |manifest: &str, lock: &str| {
        let lock = format!(
            "[[package]]\nname = \"domain\"\nversion = \"1\"\ndependencies = [\n{lock}]\n\n[[package]]\nname = \"url\"\ndependencies = [\n \"idna\",\n]\n"
        );
        let manifest = format!("[dependencies]\n{manifest}[dev-dependencies]\nexpect-test = \"1\"\n");
        let tree = [(MANIFEST.to_owned(), manifest), (LOCK.to_owned(), lock)];
        fuzzed_crates(&tree.into_iter().collect()).len()
    };
    assert_eq!(broken("serde = \"1\"\nurl.workspace = true\n", " \"serde\",\n"), 1);
    assert_eq!(broken("serde = \"1\"\n", " \"serde 1.0.2\",\n"), 0);
    assert_eq!(fuzzed_crates(&Tree::new()).len(), 1);
}
