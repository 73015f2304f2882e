//! Each rule notices what breaks it, and lets pass what does not.

use super::connectors::{CONNECTOR_ROOMS, connector_files, connector_lists, template_addresses};
use super::names::vague_type_names;
use super::*;

/// A rule finds what is broken in a tree of these files, so often.
#[track_caller]
fn finds(rule: Rule, files: &[(&str, &str)], count: usize) {
    let tree = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let broken = rule(&tree);
    assert_eq!(broken.len(), count, "{broken:#?}");
}

#[test]
fn a_wrong_arrow_is_found() {
    let domain = ("crates/domain/Cargo.toml", "[package]\n");
    let up =
        "[dependencies]\nlocal.workspace = true\nserde = \"1\"\n[dev-dependencies]\nlocal = { path = \"\" }";
    finds(arrows, &[domain, ("crates/app/Cargo.toml", up), ("crates/local/Cargo.toml", "")], 2);
    let table =
        "[target.'cfg(unix)'.dependencies]\ndomain.workspace = true\n[dependencies.domain]\npath = \"\"";
    finds(arrows, &[domain, ("crates/system/Cargo.toml", table)], 2);
    finds(arrows, &[domain, ("crates/more/Cargo.toml", "")], 1);
    let linked = "[dependencies]\ndoubles.workspace = true";
    finds(arrows, &[("crates/doubles/Cargo.toml", ""), ("crates/local/Cargo.toml", linked)], 1);
    finds(arrows, &[domain, ("crates/connectors/Cargo.toml", "[dependencies]\ndomain.workspace = true")], 0);
}

#[test]
fn a_missing_lint_is_found() {
    finds(lints, &[("crates/app/Cargo.toml", "[lints]\n[dependencies]\n")], 5);
    let excused = concat!("#[allow(clippy::too_many", "_lines)]");
    finds(lints, &[("crates/app/src/lib.rs", excused)], 5);
}

#[test]
fn a_long_file_is_found() {
    let lines = |count: usize| "a line\n".repeat(count);
    let long = lines(501);
    // Too long itself, the length of one in ten, and the figures.
    finds(sizes, &[("crates/app/src/long.rs", &long)], 3);
    finds(sizes, &[("crates/app/src/tests.rs", &long), ("tests/it/main.rs", &long)], 0);
    let tested = format!("{}\n#[cfg(test)]\nmod tests {{\n{}}}\n", lines(200), lines(400));
    finds(sizes, &[("crates/app/src/tested.rs", &tested)], 0);
    finds(sizes, &[("crates/app/src/one.rs", &lines(301))], 2);
}

#[test]
fn a_provider_out_of_place_is_found() {
    let named = "let a = \"gmail\";\n// Google\nstruct IsOutlook;\nlet paragraph = graphic;\n\n#[cfg(test)]\nmod tests {\n\"graph\"\n}";
    let connector = ("crates/connectors/src/outlook/mod.rs", "");
    finds(provider_names, &[("crates/app/src/lib.rs", named), connector], 2);
    finds(
        provider_names,
        &[("crates/connectors/src/gmail/mod.rs", named), ("crates/local/src/demo/a.rs", named)],
        0,
    );
}

#[test]
fn a_list_of_connectors_is_found() {
    let connectors = ["gmail", "outlook"].map(|name| format!("crates/connectors/src/{name}/mod.rs"));
    let of = |path| [(connectors[0].as_str(), ""), (connectors[1].as_str(), ""), (path, LIST)];
    const LIST: &str = "let all = [Mailbox::gmail(), Mailbox::outlook()];\n// Gmail and Outlook\nlet one = \"gmail\";\n[\"gmail\", \"outlookemail\"]";
    finds(connector_lists, &of("crates/scenarios/src/a.rs"), 2);
    finds(connector_lists, &of("crates/local/tests/a.rs"), 2);
    finds(connector_lists, &of("crates/doubles/src/a.rs"), 0);
    finds(connector_lists, &of("crates/local/src/demo/a.rs"), 0);
}

#[test]
fn an_empty_name_is_found() {
    finds(empty_names, &[("crates/app/src/utils.rs", ""), ("crates/app/src/types/mod.rs", "")], 2);
    finds(
        empty_names,
        &[("crates/app/src/lib.rs", "pub(crate) mod helpers;\n    mod common {\nmod commonly;")],
        2,
    );
}

#[test]
fn a_second_type_of_a_vague_name_is_found() {
    let first =
        ("crates/app/src/a.rs", "pub(in crate::api) struct Page<T> {\n// struct Page\nstruct PageRequest;");
    let second = ("tests/it/b.rs", "    type Page = u32;\nenum Kind {");
    finds(vague_type_names, &[first, second], 1);
    let declared =
        ["pub enum Page {", "pub(crate) trait Page: Send {", "struct Page(u32);", "pub type Page<'a> = u8;"];
    for again in declared {
        finds(vague_type_names, &[first, ("crates/aws/src/b.rs", again)], 1);
    }
    finds(vague_type_names, &[first, ("crates/aws/src/b.rs", "let struct_of = Page; // type Page")], 0);
}

#[test]
fn a_sleeping_test_is_found() {
    let sleeps =
        concat!("tokio::time", "::sleep(x).await;\nstd::thread", "::sleep(x);\n#[", "ignore = \"slow\"]");
    finds(sleeping_tests, &[("tests/it/a.rs", sleeps)], 3);
    finds(sleeping_tests, &[("crates/local/src/demo/a.rs", concat!("time", "::sleep(x)"))], 0);
    finds(sleeping_tests, &[("crates/doubles/src/a/tests/b.rs", concat!("time", "::sleep(x)"))], 1);
}

#[test]
fn a_forbidden_word_is_found() {
    let bare = concat!("// TO", "DO: later");
    let reasoned = concat!("// TO", "DO: goes when the provider sends dates");
    finds(forbidden_words, &[("a.rs", bare), ("b.rs", reasoned)], 1);
    finds(forbidden_words, &[("a.md", concat!("see sha", "red/x, or arti", "factory"))], 2);
}

#[test]
fn a_dead_link_is_found() {
    let text = "[a](b.md) [c](../README.md#d) [e](https://example.com) [f](#g) [h](more) [i](gone.md)";
    finds(links, &[("docs/a.md", text), ("docs/b.md", ""), ("README.md", ""), ("docs/more/x.md", "")], 1);
}

#[test]
fn an_address_that_leads_nowhere_is_found() {
    let wired = |parameter: &str, variable: &str| {
        format!(
            "  {parameter}:\n    {variable}: !Ref {parameter}\n  - !Sub \"{variable}=${{{parameter}}}\"\n"
        )
    };
    let all = wired("ProviderUrls", "CARILLON_PROVIDER_URLS");
    let fine = all.clone() + &wired("GmailApiUrl", "CARILLON_GMAIL_API_URL");
    finds(template_addresses, &[("infra/template.yaml", fine.as_str())], 0);
    // The variables of nobody, one that is not handed on, and the list of all that is not.
    let stale = all.clone() + &wired("ImapApiUrl", "CARILLON_IMAP_API_URL");
    finds(template_addresses, &[("infra/template.yaml", stale.as_str())], 1);
    finds(template_addresses, &[("infra/template.yaml", (all + "  GmailApiUrl:\n").as_str())], 2);
    finds(template_addresses, &[("infra/template.yaml", "")], 2);
}

#[test]
fn an_incomplete_connector_is_found() {
    // README, the nine rooms, and the line in the registry.
    finds(connector_files, &[("crates/connectors/src/imap/mod.rs", "")], 11);
    let rooms = CONNECTOR_ROOMS.map(|room| format!("crates/connectors/src/imap/{room}.rs"));
    let rest = ["README.md", "mod.rs", "poll/window.rs", "tests/mod.rs", "walk.rs"];
    let rest = rest.map(|file| format!("crates/connectors/src/imap/{file}"));
    let registry = ("crates/connectors/src/registry.rs", "Arc::new(imap::Imap),");
    let files = rooms.iter().chain(&rest).map(|path| (path.as_str(), "")).chain([registry]);
    finds(connector_files, &files.collect::<Vec<_>>(), 1);
    finds(connector_files, &[("crates/connectors/src/lib.rs", "")], 0);
}
