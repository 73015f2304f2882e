//! Connectors are alike, and whatever lists providers follows them.

use super::{DEMO, Tree, check, has_word, sources};
use std::collections::BTreeSet;

/// The stack.
pub(super) const TEMPLATE: &str = "infra/template.yaml";
/// The variable that may name any provider's address.
const PROVIDER_URLS: &str = "CARILLON_PROVIDER_URLS";
/// Where connectors have their folders.
const CONNECTORS: &str = "crates/connectors/src/";
/// Every connector has these, as a file or as a folder of that name, and nothing beside them: whoever has read one
/// has read all.
pub(super) const CONNECTOR_ROOMS: [&str; 9] =
    ["descriptor", "api", "cursor", "poll", "recover", "backfill", "hub", "normalise", "error"];
/// Only where the provider gives notice of changes, and where a second lane finds what the first does not show.
const CONNECTOR_ROOMS_OPTIONAL: [&str; 2] = ["push", "lane"];
/// Its own files.
pub(super) const CONNECTOR_FILES: [&str; 2] = ["mod.rs", "README.md"];

#[test]
fn the_template_leads_to_the_providers_that_there_are() {
    check(template_addresses);
}

#[test]
fn nothing_lists_connectors_that_need_not() {
    check(connector_lists);
}

#[test]
fn connectors_have_the_same_files() {
    check(connector_files);
}

/// Tests of one connector name it; those of all take them from the registry, or from the doubles'. A line that names two
/// is a list that the next connector would have to be added to.
pub(super) fn connector_lists(tree: &Tree) -> Vec<String> {
    let connectors = connectors_of(tree);
    let is_bound = |path: &str| {
        let may = [CONNECTORS, "crates/doubles/", DEMO].iter().any(|folder| path.starts_with(folder));
        (path.starts_with("crates/") || path.starts_with("tests/deployed/")) && !may
    };
    let mut broken = Vec::new();
    for (path, text) in sources(tree).filter(|(path, _)| is_bound(path)) {
        for (number, line) in text.lines().enumerate() {
            // `outlook` is on the wire `outlookemail`.
            let names = |folder: &str| keys().any(|key| key.starts_with(folder) && has_word(line, key));
            let named = connectors.iter().filter(|folder| has_word(line, folder) || names(folder)).count();
            if named > 1 && !line.trim_start().starts_with("//") {
                broken.push(format!("{path}:{} lists connectors: {}", number + 1, line.trim()));
            }
        }
    }
    broken
}

/// What providers are called: their connectors' folders and keys, and the variables that lead to them (`CARILLON_GRAPH_API_URL`).
pub(super) fn providers(tree: &Tree) -> BTreeSet<String> {
    let folders = connectors_of(tree).into_iter().map(str::to_owned);
    let variables = variables().into_iter().filter_map(|name| name.split('_').nth(1).map(str::to_lowercase));
    folders.chain(keys().map(str::to_owned)).chain(variables).collect()
}

/// What connectors are called on the wire.
fn keys() -> impl Iterator<Item = &'static str> {
    connectors::registry().iter().map(|one| one.descriptor().key).collect::<Vec<_>>().into_iter()
}

/// The variables that lead to providers.
fn variables() -> BTreeSet<&'static str> {
    let registry = connectors::registry();
    registry.iter().flat_map(|one| one.descriptor().endpoints()).map(|endpoint| endpoint.variable).collect()
}

/// A parameter of the template's own for a provider's address leads to a variable that a connector has, in the functions
/// and for their operator; any other variable can stand in the list of all.
pub(super) fn template_addresses(tree: &Tree) -> Vec<String> {
    let template = tree.get(TEMPLATE).map_or("", String::as_str);
    let parameters = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let is_address =
        |name: &&str| ["AuthUrl", "TokenUrl", "ApiUrl"].iter().any(|end| name.ends_with(end) && name != end);
    // An output has the interface's own address.
    let own = parameters.filter(is_address).map(|name| (name, variable_of(name)));
    let mut broken = Vec::new();
    for (parameter, variable) in own.chain([("ProviderUrls", PROVIDER_URLS.to_owned())]) {
        if variable != PROVIDER_URLS && !variables().contains(variable.as_str()) {
            broken.push(format!("{TEMPLATE}: `{parameter}` is the address of no provider"));
        }
        for line in [format!("{variable}: !Ref {parameter}"), format!("!Sub \"{variable}=${{{parameter}}}\"")]
        {
            if !template.contains(&line) {
                broken.push(format!("{TEMPLATE} does not say `{line}`"));
            }
        }
    }
    broken
}

/// `GmailApiUrl` gives `CARILLON_GMAIL_API_URL`.
fn variable_of(parameter: &str) -> String {
    let mut variable = "CARILLON".to_owned();
    for letter in parameter.chars() {
        if letter.is_ascii_uppercase() {
            variable.push('_');
        }
        variable.push(letter.to_ascii_uppercase());
    }
    variable
}

/// The folders of connectors.
fn connectors_of(tree: &Tree) -> Vec<&str> {
    let inside = tree.keys().filter_map(|path| path.strip_prefix(CONNECTORS)?.split_once('/'));
    // A folder of another module has its file beside it.
    let inside = inside.filter(|(folder, _)| !tree.contains_key(&format!("{CONNECTORS}{folder}.rs")));
    let mut connectors: Vec<&str> = inside.map(|(connector, _)| connector).collect();
    connectors.dedup();
    connectors
}

pub(super) fn connector_files(tree: &Tree) -> Vec<String> {
    let connectors = connectors_of(tree);
    let registry = tree.get(&format!("{CONNECTORS}registry.rs")).map_or("", String::as_str);
    let mut broken = Vec::new();
    for connector in connectors {
        let folder = format!("{CONNECTORS}{connector}/");
        let inside = tree.keys().filter_map(|path| path.strip_prefix(&folder));
        let mut parts: Vec<&str> = inside.map(|path| path.split('/').next().unwrap_or(path)).collect();
        parts.dedup();
        for file in CONNECTOR_FILES.iter().filter(|file| !parts.contains(file)) {
            broken.push(format!("the connector `{connector}` has no {file}"));
        }
        for room in CONNECTOR_ROOMS {
            let is_there = parts.iter().any(|part| part.strip_suffix(".rs").unwrap_or(part) == room);
            if !is_there {
                broken.push(format!("the connector `{connector}` has neither {room}.rs nor {room}/"));
            }
        }
        let is_known = |part: &str| {
            let room = part.strip_suffix(".rs").unwrap_or(part);
            CONNECTOR_FILES.contains(&part)
                || CONNECTOR_ROOMS.contains(&room)
                || CONNECTOR_ROOMS_OPTIONAL.contains(&room)
                || room == "tests"
        };
        for part in parts.iter().filter(|part| !is_known(part)) {
            broken.push(format!("{folder}{part} belongs into one of the rooms that every connector has"));
        }
        if !registry.contains(&format!("{connector}::")) {
            broken.push(format!("the connector `{connector}` is not in registry.rs"));
        }
    }
    broken
}
