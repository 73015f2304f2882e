//! `crates/app` has a floor, use cases between, and a roof; the interface calls use cases and no port.

use super::rings::House;
use super::{Tree, check};

const SRC: &str = "crates/app/src/";
/// What every use case stands on: ports, configuration, and what a process remembers.
const FLOOR: [&str; 17] = [
    "clients.rs",
    "config.rs",
    "context.rs",
    "heard.rs",
    "kept_fleet.rs",
    "last_reads.rs",
    "locks.rs",
    "ports",
    "refused_call.rs",
    "sealing.rs",
    "secrets.rs",
    "shares.rs",
    "signals/",
    "slow_callbacks.rs",
    "traffic.rs",
    "wrong_guesses.rs",
    "wrong_secrets.rs",
];
/// What hosts call: the facade with its entries for operators, and the interface.
const ROOF: [&str; 4] = ["lib.rs", "app.rs", "admin/mod.rs", API];
const API: &str = "api/";

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Storey {
    Floor,
    UseCase,
    Roof,
}

#[test]
fn what_is_below_does_not_refer_to_what_is_above() {
    check(storeys);
}

#[test]
fn the_interface_calls_no_port() {
    check(port_calls);
}

fn storey(path: &str) -> Storey {
    let inside = path.strip_prefix(SRC).unwrap_or(path);
    match inside {
        _ if FLOOR.iter().any(|part| inside.starts_with(part)) => Storey::Floor,
        _ if ROOF.iter().any(|part| inside.starts_with(part)) => Storey::Roof,
        _ => Storey::UseCase,
    }
}

fn storeys(tree: &Tree) -> Vec<String> {
    let house = House::of(tree, SRC);
    let arrows =
        house.paths().into_iter().flat_map(|(from, targets)| targets.into_iter().map(move |to| (from, to)));
    arrows
        .filter(|(from, to)| storey(from) < storey(to))
        .map(|(from, to)| format!("`{from}` refers to `{to}`, which stands above it"))
        .collect()
}

/// Adapters are reached by `Context::ports` alone; types of the ports may be named.
fn port_calls(tree: &Tree) -> Vec<String> {
    let api = format!("{SRC}{API}");
    let lines = tree.iter().filter(|(path, _)| path.starts_with(&api)).flat_map(|(path, text)| {
        text.lines().enumerate().map(move |(number, line)| (path, number + 1, line))
    });
    lines
        .filter(|(_, _, line)| {
            let code = line.split("//").next().unwrap_or(line).replace("crate::ports", "");
            code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "ports")
        })
        .map(|(path, number, _)| format!("{path}:{number}: the interface calls use cases, not ports"))
        .collect()
}

#[test]
fn what_stands_in_the_wrong_storey_is_found() {
    let broken = |rule: fn(&Tree) -> Vec<String>, files: &[(&str, &str)]| {
        rule(&files.iter().map(|(path, text)| (format!("{SRC}{path}"), (*text).to_owned())).collect()).len()
    };
    let (context, case, api) = (
        ("context.rs", "pub struct Context;\n"),
        ("purge.rs", "use crate::context::Context;\npub fn purge(_: Context) {}\n"),
        ("api/mod.rs", "use crate::purge;\npub struct Api;\nfn call() { purge::purge(it) }\n"),
    );
    assert_eq!(broken(storeys, &[context, case, api]), 0);
    assert_eq!(broken(storeys, &[("context.rs", "use crate::purge::P;\n"), case]), 1);
    assert_eq!(broken(storeys, &[context, ("purge.rs", "use crate::api::Api;\n"), api]), 1);
    assert_eq!(broken(port_calls, &[context, case, api]), 0);
    assert_eq!(broken(port_calls, &[("api/a.rs", "use crate::ports::Job; // of ports\n")]), 0);
    for call in ["    app.ports.store.account()", "    let Context { ports, .. } = app;"] {
        assert_eq!(broken(port_calls, &[("api/a.rs", call)]), 1, "{call}");
    }
}
