//! House rules, checked on the tree as it stands.
//!
//! A rule is a function from the tree to what breaks it. Each rule has a broken sample below, so that none of
//! them can fall silent.

mod connectors;
mod counted;
mod documented;
mod errors;
mod locks;
mod names;
mod noticed;
mod rings;
mod shown;
mod storeys;
mod walks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Lines of a source file at the most, tests aside.
const FILE_LINES_MAX: usize = 500;
/// Nine of ten source files are not longer.
const FILE_LINES_P90_MAX: usize = 300;
/// Folders that hold no source.
const SKIPPED: [&str; 6] = [".git", ".carillon", ".aws-sam", "__pycache__", "node_modules", "target"];
/// What each crate may depend on; a crate that is not named here is a broken rule.
const ARROWS: [(&str, &[&str]); 17] = [
    ("domain", &[]),
    ("connectors", &["domain"]),
    ("app", &["connectors", "domain"]),
    ("system", &["app", "connectors"]),
    ("doubles", &[]),
    ("console", &[]),
    ("scenarios", &["doubles"]),
    ("conformance", &["app", "domain"]),
    ("aws", &["app", "connectors", "console", "domain", "system"]),
    ("api", &["aws"]),
    ("poll", &["aws"]),
    ("deliver", &["aws"]),
    ("download", &["aws"]),
    ("local", &["app", "aws", "connectors", "console", "domain", "system", "doubles"]),
    ("bench", &["connectors", "domain", "doubles", "local", "scenarios", "system"]),
    ("tests", &[]),
    ("deployed", &["local"]),
];
/// Crates that are Lambda functions.
const FUNCTIONS: [&str; 4] = ["api", "poll", "deliver", "download"];
/// What tests may use beside that.
const TEST_ARROWS: [(&str, &[&str]); 4] = [
    ("aws", &["conformance", "doubles", "scenarios"]),
    ("local", &["conformance", "scenarios"]),
    ("deployed", &["aws", "scenarios"]),
    ("tests", &["app", "conformance", "connectors", "domain", "doubles", "local", "system"]),
];
/// Dependencies that a feature switches on.
const OPTIONAL: [(&str, &str); 2] = [("local", "doubles"), ("local", "aws")];
/// Source that is the same for every provider.
const PROVIDER_FREE: [&str; 7] = [
    "crates/domain/src/",
    "crates/app/src/",
    "crates/system/src/",
    "crates/aws/src/",
    "crates/local/src/",
    "crates/console/src/",
    "crates/conformance/src/",
];
/// The demo shows two providers by name.
const DEMO: &str = "crates/local/src/demo/";
/// Where waiting is the business: the clock's adapter, the demo's pace, delays that a double is told to make, and the pace
/// of what is measured in real time.
const MAY_SLEEP: [&str; 4] =
    ["crates/system/src/clock.rs", DEMO, "crates/doubles/src/", "crates/local/benches/"];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "types"];

/// Text files by their path from the root, with `/`.
type Tree = BTreeMap<String, String>;
type Rule = fn(&Tree) -> Vec<String>;

#[test]
fn arrows_between_crates_run_down_only() {
    check(arrows);
}

#[test]
fn every_crate_inherits_the_lints() {
    check(lints);
}

#[test]
fn files_are_short() {
    check(sizes);
}

#[test]
fn providers_are_named_in_their_connectors_only() {
    check(provider_names);
}

#[test]
fn modules_have_names_that_say_something() {
    check(empty_names);
}

#[test]
fn tests_neither_sleep_nor_are_ignored() {
    check(sleeping_tests);
}

#[test]
fn forbidden_words_are_nowhere() {
    check(forbidden_words);
}

#[test]
fn links_lead_to_files() {
    check(links);
}

#[track_caller]
fn check(rule: Rule) {
    let tree = tree().unwrap_or_else(|error| panic!("the tree can't be read: {error}"));
    let mut broken = String::new();
    for found in rule(&tree) {
        let _ = write!(broken, "\n  {found}");
    }
    assert!(broken.is_empty(), "broken house rules:{broken}");
}

fn arrows(tree: &Tree) -> Vec<String> {
    let names: Vec<&str> = manifests(tree).map(|(name, _)| name).collect();
    let mut broken = Vec::new();
    for (name, manifest) in manifests(tree) {
        if !ARROWS.iter().any(|(known, _)| *known == name) {
            broken.push(format!("`{name}`: tidy.rs does not say what it may depend on"));
            continue;
        }
        for (section, dependency, line) in dependencies(manifest) {
            if !names.contains(&dependency) {
                continue;
            }
            let for_tests = section == "dev-dependencies" && allows(&TEST_ARROWS, name, dependency);
            if !for_tests && !allows(&ARROWS, name, dependency) {
                broken.push(format!("`{name}` must not depend on `{dependency}` ({section})"));
            }
            if section == "dependencies"
                && OPTIONAL.contains(&(name, dependency))
                && !line.contains("optional = true")
            {
                broken.push(format!("`{name}` must depend on `{dependency}` optionally"));
            }
        }
    }
    broken
}

fn allows(arrows: &[(&str, &[&str])], from: &str, to: &str) -> bool {
    arrows.iter().any(|(name, targets)| *name == from && targets.contains(&to))
}

/// Sections of dependencies: section, name, line.
fn dependencies(manifest: &str) -> Vec<(&str, &str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            // `[target.'…'.dependencies]` counts as `dependencies`, `[dependencies.x]` as a line of it.
            section = "";
            for kind in ["dev-dependencies", "build-dependencies", "dependencies"] {
                let header = header.trim_end_matches(']');
                if header == kind || header.ends_with(&format!(".{kind}")) {
                    section = kind;
                    break;
                }
                if let Some(name) = header.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')) {
                    found.push((kind, name, line));
                    break;
                }
            }
        } else if !section.is_empty() && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or(line);
            found.push((section, name, line));
        }
    }
    found
}

fn lints(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    let mut demand = |path: &str, wanted: &str| {
        let text = tree.get(path).map_or("", String::as_str);
        if !text.contains(wanted) {
            broken.push(format!("{path} must say `{}`", wanted.replace('\n', "` and `")));
        }
    };
    demand("clippy.toml", "too-many-lines-threshold = 70");
    for lint in ["unsafe_code = \"forbid\"", "too_many_lines = \"warn\"", "disallowed_methods = \"warn\""] {
        demand("Cargo.toml", lint);
    }
    let crates: Vec<String> = manifests(tree).map(|(name, _)| manifest_path(name)).collect();
    for path in crates {
        demand(&path, "[lints]\nworkspace = true");
    }
    // Nobody excuses a function from its length.
    let excuse = concat!("clippy::too_many", "_lines");
    broken.extend(lines_with(tree, |path| path.ends_with(".rs"), excuse));
    broken
}

fn sizes(tree: &Tree) -> Vec<String> {
    let mut sizes: Vec<(usize, &str)> = tree
        .iter()
        .filter(|(path, _)| path.starts_with("crates/") && path.ends_with(".rs") && !is_test(path))
        .map(|(path, text)| (without_tests(text).lines().count(), path.as_str()))
        .collect();
    sizes.sort_unstable();
    let Some(last) = sizes.len().checked_sub(1) else { return Vec::new() };
    let (median, p90) = (sizes[last / 2].0, sizes[last * 9 / 10].0);
    let mut broken: Vec<String> = sizes
        .iter()
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, path)| format!("{path} has {lines} lines, more than {FILE_LINES_MAX}"))
        .collect();
    if p90 > FILE_LINES_P90_MAX {
        broken.push(format!("one file in ten is longer than {p90} lines, {FILE_LINES_P90_MAX} is the most"));
    }
    if !broken.is_empty() {
        broken.push(format!("(lines of a file: median {median}, p90 {p90}, longest {})", sizes[last].0));
    }
    broken
}

fn provider_names(tree: &Tree) -> Vec<String> {
    let providers = connectors::providers(tree);
    let mut broken = Vec::new();
    for (path, text) in sources(tree) {
        let is_free = PROVIDER_FREE.iter().any(|folder| path.starts_with(folder)) && !path.starts_with(DEMO);
        if !is_free || is_test(path) {
            continue;
        }
        for (number, line) in without_tests(text).lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if let Some(name) = providers.iter().find(|name| !is_comment && has_word(line, name)) {
                broken.push(format!("{path}:{} names the provider `{name}`", number + 1));
            }
        }
    }
    broken
}

/// Whether a line has the word, also as a part of a name; not inside another word, as in `paragraph` or `graphic`.
fn has_word(line: &str, word: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let begins_hump = line[at..].starts_with(|c: char| c.is_ascii_uppercase());
        let goes_on = line[at + word.len()..].starts_with(|c: char| c.is_ascii_lowercase());
        !goes_on && (begins_hump || !lower[..at].ends_with(|c: char| c.is_ascii_lowercase()))
    })
}

fn empty_names(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in sources(tree) {
        let says_nothing = |part: &str| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"));
        if path.split('/').any(says_nothing) {
            broken.push(format!("{path}: the name says nothing"));
        }
        for (number, line) in text.lines().enumerate() {
            let declared = line.split_once("mod ").filter(|(before, _)| !before.contains(['/', '"']));
            let name = declared.map(|(_, name)| name.trim_end_matches([' ', '{', ';']));
            if name.is_some_and(says_nothing) {
                broken.push(format!("{path}:{}: the module's name says nothing", number + 1));
            }
        }
    }
    broken
}

fn sleeping_tests(tree: &Tree) -> Vec<String> {
    let is_rust = |path: &str| path.ends_with(".rs");
    let mut broken = lines_with(tree, is_rust, concat!("#[", "ignore"));
    for pause in [concat!("thread", "::sleep"), concat!("time", "::sleep")] {
        let is_bound = |path: &str| is_rust(path) && !MAY_SLEEP.iter().any(|free| path.starts_with(free));
        broken.extend(lines_with(tree, is_bound, pause));
        for (path, text) in sources(tree).filter(|(path, _)| path.starts_with("crates/doubles/")) {
            let tests = if is_test(path) { text } else { &text[without_tests(text).len()..] };
            if tests.contains(pause) {
                broken.push(format!("{path}: a test has `{pause}`"));
            }
        }
    }
    broken
}

fn forbidden_words(tree: &Tree) -> Vec<String> {
    let words = [
        concat!("sha", "red/"),
        concat!("arti", "factory"),
        concat!("FIX", "ME"),
        concat!("/ho", "me/"),
        concat!("/wo", "rk/"),
        concat!("registry", "+http://"),
    ];
    let mut broken: Vec<String> = words.iter().flat_map(|word| lines_with(tree, |_| true, word)).collect();
    let to_do = concat!("TO", "DO");
    for found in lines_with(tree, |_| true, to_do) {
        // The reason follows a colon and is a sentence, not a word.
        let reason = found.rsplit_once(to_do).map_or("", |(_, rest)| rest);
        let has_reason = reason.strip_prefix(": ").is_some_and(|reason| reason.split(' ').count() >= 4);
        if !has_reason {
            broken.push(format!("{found} (without a reason)"));
        }
    }
    broken
}

fn links(tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (_, rest) in text.match_indices("](").map(|(at, found)| (at, &text[at + found.len()..])) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let wanted = joined(Path::new(path).parent().unwrap_or(Path::new("")), file);
            let folder = format!("{wanted}/");
            if !tree.contains_key(&wanted) && !tree.keys().any(|known| known.starts_with(&folder)) {
                broken.push(format!("{path} links to {target}, which is not there"));
            }
        }
    }
    broken
}

/// `docs` and `../README.md` give `README.md`.
fn joined(folder: &Path, link: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in folder.join(link).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

/// Crates with their manifests, by name; the fuzzer is a workspace of its own.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.iter().filter(|(path, _)| !path.starts_with("fuzz/")).filter_map(|(path, text)| {
        let folder = path.strip_suffix("/Cargo.toml")?;
        let tops = ["crates/", "functions/", "tests/"];
        let inner = tops.into_iter().find_map(|top| folder.strip_prefix(top));
        let name = inner.unwrap_or(folder);
        Some((name, text.as_str()))
    })
}

fn manifest_path(name: &str) -> String {
    match name {
        "tests" => "tests/Cargo.toml".to_owned(),
        "deployed" => "tests/deployed/Cargo.toml".to_owned(),
        name if FUNCTIONS.contains(&name) => format!("functions/{name}/Cargo.toml"),
        name => format!("crates/{name}/Cargo.toml"),
    }
}

fn sources(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(path, text)| (path.as_str(), text.as_str()))
}

fn lines_with(tree: &Tree, wanted: impl Fn(&str) -> bool, word: &str) -> Vec<String> {
    let files = tree.iter().filter(|(path, _)| wanted(path));
    let found = files.flat_map(|(path, text)| {
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains(word));
        lines.map(move |(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
    });
    found.collect()
}

/// Files that are tests as a whole.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// A file without the block of tests at its end.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..=at])
}

/// The tree that this file stands in.
fn tree() -> io::Result<Tree> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tree = Tree::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
                folders.push(path);
            } else if kind.is_file() && name != ".git" {
                // A second working tree has a file of that name.
                let relative = path.strip_prefix(&root).unwrap_or(&path).components();
                let relative: Vec<_> = relative.map(|part| part.as_os_str().to_string_lossy()).collect();
                // What is not text has no words.
                tree.insert(relative.join("/"), String::from_utf8(fs::read(&path)?).unwrap_or_default());
            }
        }
    }
    assert!(tree.contains_key("Cargo.toml") && tree.len() > 100, "the tree was not found");
    Ok(tree)
}
