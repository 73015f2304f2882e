//! The walks that ARCHITECTURE.md lists are short, and are those of the code.
//!
//! What a text can't show is left to its reader: whether a file that is set aside here carries values only.

use super::rings::House;
use super::{Tree, check};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = "ARCHITECTURE.md";
const SRC: &str = "crates/app/src/";
/// Hosts call it, with a tick or with a job that was enqueued: nothing below refers to it.
const ROOF: &str = "app.rs";

/// A walk, as the page's table has it.
struct Walk {
    name: &'static str,
    files_max: usize,
    /// What its first file has.
    begins: &'static str,
    /// The call that it leads to.
    ends: &'static str,
}

const WALKS: [Walk; 3] = [
    Walk {
        name: "`POST /instances` to the row",
        files_max: 8,
        begins: "post(\"createInstance\"",
        ends: ".insert_instance(",
    },
    Walk { name: "a tick to the commit", files_max: 14, begins: "fn tick(", ends: ".commit_poll(" },
    Walk { name: "a commit to the callback", files_max: 7, begins: ".commit_poll(", ends: ".http.send(" },
];

/// What files of the walks refer to beside the walks, and why no walk leads through it.
const ASIDE: [(&str, &str); 39] = [
    ("api/", "what handlers are given and answer, and other routes"),
    ("audit.rs", "entries that a row is stored with"),
    ("bulk", "another job"),
    ("census.rs", "what operators ask for"),
    ("clients.rs", "what a context holds"),
    ("config.rs", "values"),
    ("context.rs", "what every use case stands on"),
    ("health.rs", "what is told beside"),
    ("health_letters.rs", "another job"),
    ("hinted.rs", "another job"),
    ("instances/by_link.rs", "for those who follow a link"),
    ("instances/change.rs", "another request"),
    ("instances/kept_token.rs", "another request"),
    ("instances/login_terms.rs", "for those who follow a link"),
    ("instances/mailbox_address.rs", "what a row keeps"),
    ("instances/patch.rs", "another request's body"),
    ("instances/refusal.rs", "nothing is refused"),
    ("instances/stored.rs", "what a row says"),
    ("instances/switch.rs", "other requests"),
    ("instances/tags.rs", "another request"),
    ("poll/backfill.rs", "after the resources of a poll"),
    ("poll/follow_up.rs", "after the commits of a poll"),
    ("poll/push.rs", "for those who ask for push"),
    ("poll/report.rs", "values"),
    ("poll/archive.rs", "for connectors that look again at what was reported"),
    ("ports", "what the walks leave by"),
    ("push", "for those who ask for push"),
    ("purge.rs", "another job"),
    ("shares.rs", "what a context holds"),
    ("refused_call.rs", "what is logged"),
    ("release.rs", "another job"),
    ("sealing.rs", "values"),
    ("signals/", "what a context holds"),
    ("signing_in.rs", "for clients that have a sign-in count once"),
    ("traffic.rs", "what a context holds"),
    ("unreadable.rs", "how failures are told"),
    ("wrong_guesses.rs", "what a context holds"),
    ("slow_callbacks.rs", "what a context holds"),
    ("wrong_secrets.rs", "what a context holds"),
];

#[test]
fn walks_are_short_and_as_they_are_listed() {
    check(walks);
}

fn walks(tree: &Tree) -> Vec<String> {
    let page = tree.get(PAGE).map_or("", String::as_str);
    let house = House::of(tree, SRC);
    let inside = |path| str::strip_prefix(path, SRC).unwrap_or(path);
    let house: BTreeMap<&str, BTreeSet<&str>> = house
        .paths()
        .into_iter()
        .map(|(from, targets)| (inside(from), targets.into_iter().map(inside).collect()))
        .collect();
    let lists: Vec<Vec<&str>> = WALKS.iter().map(|walk| listed(page, walk.name)).collect();
    let mut broken = Vec::new();
    for (walk, files) in WALKS.iter().zip(&lists) {
        let wrong = wrong(tree, &house, walk, files);
        broken.extend(wrong.into_iter().map(|wrong| format!("{PAGE}: {}: {wrong}", walk.name)));
    }
    let walked: BTreeSet<&str> = lists.concat().into_iter().collect();
    for from in &walked {
        let is_known =
            |to: &&&str| walked.contains(**to) || ASIDE.iter().any(|(path, _)| to.starts_with(path));
        for to in house.get(from).into_iter().flatten().filter(|to| !is_known(to)) {
            broken
                .push(format!("{PAGE}: `{from}` refers to `{to}`, which is neither on a walk nor set aside"));
        }
    }
    broken
}

/// The files in the row of this name.
fn listed<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let rows =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_prefix(name)?.strip_prefix(" |"));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect()
}

fn wrong(tree: &Tree, house: &BTreeMap<&str, BTreeSet<&str>>, walk: &Walk, files: &[&str]) -> Vec<String> {
    let has = |file: &str, text| tree.get(&format!("{SRC}{file}")).is_some_and(|code| code.contains(text));
    let mut wrong = Vec::new();
    if files.len() > walk.files_max {
        wrong.push(format!("{} files, at most {}", files.len(), walk.files_max));
    }
    if !files.first().is_some_and(|first| has(first, walk.begins)) {
        wrong.push(format!("it does not begin with `{}`", walk.begins));
    }
    if !files.iter().any(|file| has(file, walk.ends)) {
        wrong.push(format!("it does not lead to `{}`", walk.ends));
    }
    for (place, file) in files.iter().enumerate() {
        let before = &files[..place];
        if !house.contains_key(file) {
            wrong.push(format!("there is no `{file}`"));
        } else if before.contains(file) {
            wrong.push(format!("`{file}` is listed twice"));
        } else if place > 0
            && *file != ROOF
            && !before.iter().any(|from| house.get(from).is_some_and(|targets| targets.contains(file)))
        {
            wrong.push(format!("nothing before `{file}` refers to it"));
        }
    }
    wrong
}

#[test]
fn a_walk_that_is_not_the_codes_is_found() {
    let row = |name: &str, files: &[&str]| format!("| {name} | 9 | `{}` |\n", files.join("`, `"));
    let others = row(WALKS[0].name, &["r.rs"]) + &row(WALKS[1].name, &["app.rs", "c.rs"]);
    let code = [
        ("r.rs", "fn r() { post(\"createInstance\"); store.insert_instance(new) }\n"),
        ("app.rs", "use crate::c;\nfn tick() { c::c() }\n"),
        ("c.rs", "use crate::d;\npub fn c() { store.commit_poll(all); d::d() }\n"),
        ("d.rs", "pub fn d() { ports.http.send(it) }\n"),
        ("e.rs", "pub fn e() {}\n"),
    ];
    let broken = |files: &[&str], more: &[(&str, &str)]| {
        let mut tree = Tree::from([(PAGE.to_owned(), others.clone() + &row(WALKS[2].name, files))]);
        let code = code.iter().chain(more).map(|(path, text)| (format!("{SRC}{path}"), (*text).to_owned()));
        tree.extend(code);
        walks(&tree)
    };
    assert_eq!(broken(&["c.rs", "d.rs"], &[]), Vec::<String>::new());
    // Hosts call the roof.
    assert_eq!(broken(&["c.rs", "app.rs", "d.rs"], &[]), Vec::<String>::new());
    let one = |files: &[&str], more: &[(&str, &str)], wrong: &str| {
        let broken = broken(files, more);
        assert!(broken.len() == 1 && broken[0].contains(wrong), "{wrong}: {broken:?}");
    };
    one(&["c.rs", "d.rs", "d.rs"], &[], "`d.rs` is listed twice");
    one(&["c.rs", "d.rs", "f.rs"], &[], "there is no `f.rs`");
    one(&["c.rs", "d.rs", "e.rs"], &[], "nothing before `e.rs` refers to it");
    one(&["d.rs"], &[], "it does not begin with `.commit_poll(`");
    let elsewhere = ("d.rs", "use crate::e;\npub fn d() { e::e() }\n");
    one(&["c.rs", "d.rs", "e.rs"], &[elsewhere], "it does not lead to `.http.send(`");
    let further = ("d.rs", "use crate::e;\npub fn d() { ports.http.send(e::e()) }\n");
    one(&["c.rs", "d.rs"], &[further], "`d.rs` refers to `e.rs`");
    let aside = ("d.rs", "use crate::ports::P;\npub fn d() { ports.http.send(P) }\n");
    assert_eq!(broken(&["c.rs", "d.rs"], &[aside, ("ports.rs", "pub struct P;\n")]), Vec::<String>::new());
    let long: Vec<String> = (0..7).map(|number| format!("l{number}.rs")).collect();
    let first: String = long.iter().map(|file| format!("use crate::{}::L;\n", &file[..2])).collect();
    let first = ("c.rs", &*(first + "pub fn c() { store.commit_poll(all); ports.http.send(it) }\n"));
    let more: Vec<(&str, &str)> =
        long.iter().map(|file| (&**file, "pub struct L;\n")).chain([first]).collect();
    let files: Vec<&str> = ["c.rs"].into_iter().chain(long.iter().map(String::as_str)).collect();
    one(&files, &more, "8 files, at most 7");
}
