//! Files of a crate refer to each other in one direction only.
//!
//! Whoever reads one file of a ring has to read all of them. A module and its parent may refer to each other, and so may
//! two files that are one thought; but an arrow between such two counts in every larger ring. What a file only passes on
//! (`pub use`) is taken to be where it is defined.

use super::{Tree, check, is_test, without_tests};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs that are one thought: a walk and its second look at a stretch, a list and its narrower self, an object's kind
/// and its fields, a form and what fills it.
const ONE_THOUGHT: [(&str, &str); 9] = [
    ("crates/app/src/admin/check.rs", "crates/app/src/admin/examine.rs"),
    ("crates/connectors/src/outlook/normalise/entity.rs", "crates/connectors/src/outlook/normalise/field.rs"),
    ("crates/connectors/src/outlook/poll/again.rs", "crates/connectors/src/outlook/poll/walk.rs"),
    ("crates/connectors/src/outlook/poll/narrow.rs", "crates/connectors/src/outlook/poll/pages.rs"),
    ("crates/console/src/connecting/filled.rs", "crates/console/src/connecting/polling.rs"),
    ("crates/console/src/connecting/view.rs", "crates/console/src/connecting/view_polling.rs"),
    ("crates/doubles/src/google/labels.rs", "crates/doubles/src/google/mailbox.rs"),
    ("crates/local/src/sqlite/store/instances.rs", "crates/local/src/sqlite/store/retention.rs"),
    ("crates/scenarios/src/client.rs", "crates/scenarios/src/document.rs"),
];
/// Names that are passed on so often are passed on in a ring.
const HOPS_MAX: usize = 8;

#[test]
fn no_files_refer_to_each_other_in_a_ring() {
    check(rings);
}

#[test]
fn pairs_that_are_one_thought_are_pairs() {
    check(lone);
}

fn lone(tree: &Tree) -> Vec<String> {
    let is_lone = |(one, other): &&(&str, &str)| {
        let folder = one.split_once("/src/").map_or("", |(folder, _)| folder);
        let house = House::of(tree, &format!("{folder}/src/"));
        let paths = house.paths();
        let refers = |from, to| paths.get(from).is_some_and(|targets: &BTreeSet<&str>| targets.contains(to));
        !refers(*one, *other) || !refers(*other, *one)
    };
    let lone = ONE_THOUGHT.iter().filter(is_lone);
    lone.map(|(one, other)| format!("{one} and {other} are no pair: take them off the list")).collect()
}

fn rings(tree: &Tree) -> Vec<String> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    folders.extend(tree.keys().filter_map(|path| path.rsplit_once("/src/")).map(|(folder, _)| folder));
    let mut broken = Vec::new();
    for folder in
        folders.iter().filter(|folder| folder.starts_with("crates/") || folder.starts_with("functions/"))
    {
        let house = House::of(tree, &format!("{folder}/src/"));
        for ring in house.rings() {
            let files: Vec<&str> = ring.iter().map(|module| house.rooms[*module].path).collect();
            let arrows = house.arrows_within(&ring).join("\n      ");
            broken.push(format!("{} refer to each other:\n      {arrows}", files.join(", ")));
        }
    }
    broken
}

/// Where a module is: `["poll", "gate"]`; the root is empty.
type Module = Vec<String>;

/// Each file with those that it refers to, and by which names.
type Arrows<'a> = BTreeMap<&'a Module, BTreeMap<&'a Module, BTreeSet<&'a str>>>;

/// One file of a crate.
struct Room<'a> {
    path: &'a str,
    text: String,
    /// What it names, with the name it has here: from `use`, and from paths in the text.
    named: Vec<UsedPath>,
    defined: BTreeSet<String>,
}

struct UsedPath {
    path: Vec<String>,
    here: String,
    is_in_use: bool,
    is_passed_on: bool,
}

/// The files of one crate.
pub(super) struct House<'a> {
    rooms: BTreeMap<Module, Room<'a>>,
}

impl<'a> House<'a> {
    pub(super) fn of(tree: &'a Tree, src: &str) -> Self {
        let mut rooms = BTreeMap::new();
        for (path, text) in tree.iter().filter(|(path, _)| !is_test(path)) {
            let Some(inside) = path.strip_prefix(src).and_then(|inside| inside.strip_suffix(".rs")) else {
                continue;
            };
            let mut module: Module = inside.split('/').map(str::to_owned).collect();
            // A program beside a library is a crate of its own.
            let is_root =
                inside == "lib" || (inside == "main" && !tree.contains_key(&format!("{src}lib.rs")));
            if is_root || module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let text = without_comments(without_tests(text));
            let (named, defined) = (named(&text), defined(&text));
            rooms.insert(module, Room { path, text: without_uses(&text), named, defined });
        }
        House { rooms }
    }

    /// Each file with those that it refers to, by what.
    fn arrows(&self) -> Arrows<'_> {
        let mut arrows: Arrows<'_> = BTreeMap::new();
        for (module, room) in &self.rooms {
            for named in &room.named {
                if named.is_passed_on && !is_used(&room.text, &named.here) {
                    continue;
                }
                let Some(path) = self.absolute(module, &named.path) else { continue };
                // A module that is only named: what is used of it stands in the text.
                if named.is_in_use && self.rooms.contains_key(&path) {
                    continue;
                }
                let Some(to) = self.room_of(&path, 0).filter(|to| *to != module) else { continue };
                arrows.entry(module).or_default().entry(to).or_default().insert(&named.here);
            }
        }
        arrows
    }

    /// Each file's path with those of the files that it refers to.
    pub(super) fn paths(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let path = |module: &Module| self.rooms[module].path;
        let mut paths: BTreeMap<&str, BTreeSet<&str>> =
            self.rooms.keys().map(|module| (path(module), BTreeSet::new())).collect();
        for (from, targets) in self.arrows() {
            paths.entry(path(from)).or_default().extend(targets.keys().map(|to| path(to)));
        }
        paths
    }

    /// A path from the crate's root; `None` where it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let mut base = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                if !self.rooms.contains_key(&base) {
                    base = self.imported(module, child)?;
                    rest = &path[1..];
                } else {
                    base.pop();
                }
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// What a name stands for that a file has from its `use` lines.
    fn imported(&self, module: &Module, name: &str) -> Option<Vec<String>> {
        let room = self.rooms.get(module)?;
        let named = room.named.iter().find(|named| named.is_in_use && named.here == name)?;
        // A name without a path would be its own origin.
        if named.path.first().is_none_or(|first| first == name) {
            None
        } else {
            self.absolute(module, &named.path)
        }
    }

    /// The file in which the thing of this path is defined.
    fn room_of(&self, path: &[String], hops: usize) -> Option<&Module> {
        let length = (0..=path.len()).rev().find(|length| self.rooms.contains_key(&path[..*length]))?;
        let (module, room) = self.rooms.get_key_value(&path[..length])?;
        let Some(name) = path.get(length).filter(|name| !room.defined.contains(*name) && hops < HOPS_MAX)
        else {
            return Some(module);
        };
        let Some(named) = room.named.iter().find(|named| named.here == *name && named.path.len() > 1) else {
            return Some(module);
        };
        let Some(mut further) = self.absolute(module, &named.path) else { return Some(module) };
        further.extend(path[length + 1..].iter().cloned());
        self.room_of(&further, hops + 1)
    }

    /// Files that lie on rings together. A module and its parent, or two files that are one thought, may be a ring of
    /// two; an arrow between them counts in every larger one.
    fn rings(&self) -> Vec<Vec<&Module>> {
        let arrows = self.arrows();
        let mut ringed: Arrows<'_> = BTreeMap::new();
        for (from, targets) in &arrows {
            for (to, names) in targets {
                let is_pair = arrows.get(to).is_some_and(|back| back.contains_key(from));
                if (is_pair && !self.may_be_pair(from, to))
                    || reach_but(&arrows, to, Some(from)).contains(from)
                {
                    ringed.entry(from).or_default().insert(to, names.clone());
                }
            }
        }
        let mut left: BTreeSet<&Module> = ringed.keys().copied().collect();
        let mut rings = Vec::new();
        while let Some(module) = left.first().copied() {
            let ring: Vec<&Module> = reach(&ringed, module)
                .into_iter()
                .filter(|other| reach(&ringed, other).contains(module))
                .collect();
            left.retain(|other| !ring.contains(other));
            rings.push(ring);
        }
        rings
    }

    /// A module and its parent, or two files that are one thought.
    fn may_be_pair(&self, one: &Module, other: &Module) -> bool {
        let (one_path, other_path) = (self.rooms[one].path, self.rooms[other].path);
        is_parent(one, other)
            || is_parent(other, one)
            || ONE_THOUGHT.contains(&(one_path, other_path))
            || ONE_THOUGHT.contains(&(other_path, one_path))
    }

    fn arrows_within(&self, ring: &[&Module]) -> Vec<String> {
        let arrows = self.arrows();
        let mut told = Vec::new();
        for from in ring {
            for (to, names) in arrows.get(*from).into_iter().flatten().filter(|(to, _)| ring.contains(to)) {
                let names: Vec<&str> = names.iter().copied().collect();
                told.push(format!(
                    "{} -> {}: {}",
                    self.rooms[*from].path,
                    self.rooms[*to].path,
                    names.join(", ")
                ));
            }
        }
        told
    }
}

fn is_parent(parent: &Module, child: &Module) -> bool {
    child.split_last().is_some_and(|(_, rest)| rest == *parent)
}

/// Whatever can be reached from a file, itself included.
fn reach<'a>(arrows: &Arrows<'a>, from: &'a Module) -> BTreeSet<&'a Module> {
    reach_but(arrows, from, None)
}

/// Whatever can be reached from a file, but for one arrow of its own.
fn reach_but<'a>(
    arrows: &Arrows<'a>,
    from: &'a Module,
    not_at_once: Option<&Module>,
) -> BTreeSet<&'a Module> {
    let targets = |at: &Module| arrows.get(at).into_iter().flat_map(BTreeMap::keys).copied();
    let mut reached = BTreeSet::from([from]);
    let mut left: Vec<&Module> = targets(from).filter(|to| Some(*to) != not_at_once).collect();
    while let Some(at) = left.pop() {
        if reached.insert(at) {
            left.extend(targets(at));
        }
    }
    reached
}

/// Without `//` comments, without what stands between quotes, and without how far something is visible.
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or(line);
        // `pub(in path) Value`: the path says who sees it, and refers to nothing.
        let mut parts = code.split("pub(in ");
        let head = parts.next().into_iter();
        let code: String =
            head.chain(parts.map(|part| part.split_once(") ").map_or(part, |(_, rest)| rest))).collect();
        kept.extend(code.split('"').step_by(2));
        kept.push('\n');
    }
    kept
}

/// The parts of `use …;` lines, and the rest.
fn uses(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut statement: Option<(bool, String)> = None;
    for line in text.lines() {
        if statement.is_none() {
            let trimmed = line.trim_start();
            let is_passed_on = trimmed.starts_with("pub");
            let rest = if is_passed_on {
                trimmed.split_once(" use ").filter(|(head, _)| is_visibility(head))
            } else {
                None
            };
            let begun = rest.map(|(_, rest)| rest).or(trimmed.strip_prefix("use "));
            statement = begun.map(|begun| (is_passed_on, begun.to_owned()));
        } else if let Some((_, begun)) = &mut statement {
            begun.push_str(line.trim());
        }
        if let Some((is_passed_on, whole)) = statement.take_if(|(_, whole)| whole.trim_end().ends_with(';')) {
            found.push((is_passed_on, whole.trim_end().trim_end_matches(';').to_owned()));
        }
    }
    found
}

fn is_visibility(head: &str) -> bool {
    head == "pub" || (head.starts_with("pub(") && head.ends_with(')'))
}

fn without_uses(text: &str) -> String {
    let mut kept = String::new();
    let mut is_in_use = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let begins = trimmed.starts_with("use ")
            || trimmed.split_once(" use ").is_some_and(|(head, _)| is_visibility(head));
        is_in_use |= begins;
        if !is_in_use {
            kept.push_str(line);
            kept.push('\n');
        }
        is_in_use &= !line.trim_end().ends_with(';');
    }
    kept
}

fn named(text: &str) -> Vec<UsedPath> {
    let mut named = Vec::new();
    for (is_passed_on, tree) in uses(text) {
        expand(&tree, &[], is_passed_on, &mut named);
    }
    let rest = without_uses(text);
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in rest.split(|c: char| !is_part(c)).filter(|word| word.contains("::")) {
        let path: Vec<String> = word.split("::").map(str::to_owned).collect();
        let here = path.last().cloned().unwrap_or_default();
        if path.iter().all(|part| !part.is_empty() && !part.contains(':')) {
            named.push(UsedPath { path, here, is_in_use: false, is_passed_on: false });
        }
    }
    named
}

/// `a::{b, c::D as E}` gives two.
fn expand(tree: &str, before: &[String], is_passed_on: bool, named: &mut Vec<UsedPath>) {
    let tree = tree.trim();
    if let Some((head, inner)) = tree.split_once('{') {
        let mut path = before.to_vec();
        path.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        let (mut depth, mut from) = (0, 0);
        for (at, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inner[from..at], &path, is_passed_on, named);
                    from = at + 1;
                }
                _ => {}
            }
        }
        return expand(&inner[from..], &path, is_passed_on, named);
    }
    let (path, renamed) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut whole = before.to_vec();
    whole.extend(path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    if whole.len() > before.len() {
        // `self` is the module itself.
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        let here = match renamed.trim() {
            "" => whole.last().cloned().unwrap_or_default(),
            renamed => renamed.to_owned(),
        };
        named.push(UsedPath { path: whole, here, is_in_use: true, is_passed_on });
    }
}

fn defined(text: &str) -> BTreeSet<String> {
    const WORDS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    words.windows(2).filter(|pair| WORDS.contains(&pair[0])).map(|pair| pair[1].to_owned()).collect()
}

/// Whether a type that is passed on is used here, too. Functions are often called as their module is.
fn is_used(text: &str, name: &str) -> bool {
    let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
    is_type && text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
}

#[test]
fn a_ring_is_found() {
    let broken = |files: &[(&str, &str)]| {
        let tree = files.iter().map(|(path, text)| (format!("crates/x/src/{path}"), (*text).to_owned()));
        rings(&tree.collect()).len()
    };
    let root = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n");
    let (a, b) = (
        ("a.rs", "use crate::b::B;\npub struct A;\n"),
        ("b.rs", "use super::c::{self, C};\npub struct B;\n"),
    );
    assert_eq!(broken(&[root, a, b, ("c.rs", "pub struct C;\n")]), 0);
    assert_eq!(
        broken(&[
            root,
            a,
            b,
            ("c.rs", "// crate::a::A\npub struct C;\n#[cfg(test)]\nmod tests {\n use crate::A; }\n")
        ]),
        0
    );
    assert_eq!(broken(&[root, a, b, ("c.rs", "use crate::{\n    a::A,\n};\npub struct C;\n")]), 1);
    // By what the root passes on, by a path in the text, and by two files alone.
    assert_eq!(broken(&[root, a, b, ("c.rs", "use crate::A;\npub struct C;\n")]), 1);
    let program = ("main.rs", "fn main() {}\n");
    assert_eq!(broken(&[root, program, a, b, ("c.rs", "use crate::A;\npub struct C;\n")]), 1);
    assert_eq!(broken(&[root, a, b, ("c.rs", "pub struct C(crate::a::A);\n")]), 1);
    assert_eq!(broken(&[root, a, ("b.rs", "pub struct B(super::a::A);\n")]), 1);
    // By a function that another file passes on, called as its module's.
    let through = ("b.rs", "use crate::c;\npub fn b() { c::f() }\n");
    let passing = ("c.rs", "pub(crate) use crate::a::f;\n");
    assert_eq!(broken(&[root, ("a.rs", "use crate::b;\npub fn f() { b::b() }\n"), through, passing]), 1);
    // A module and its parent.
    let parent = ("a/mod.rs", "mod d;\npub struct A(d::D);\npub struct B;\n");
    assert_eq!(broken(&[root, parent, ("a/d.rs", "use super::B;\npub struct D(B);\n")]), 0);
    let (d, e) =
        (("a/d.rs", "use super::B;\npub struct D(B);\n"), ("a/e.rs", "use super::B;\npub struct E(B);\n"));
    let with_both = ("a/mod.rs", "mod d;\nmod e;\npub struct A(d::D, e::E);\npub struct B;\n");
    assert_eq!(broken(&[root, with_both, d, e]), 0);
    // But no way leads through the parent back to a sibling.
    let further = ("a/d.rs", "use super::e::E;\npub struct D(E);\n");
    assert_eq!(broken(&[root, parent, further, e]), 1);
    assert_eq!(broken(&[root, with_both, further, e]), 1);
    let ring = [("a/d.rs", "use super::e::E;\npub struct D;\n"), ("a/e.rs", "use super::d::D;\n")];
    assert_eq!(broken(&[root, parent, ring[0], ring[1]]), 1);
}
