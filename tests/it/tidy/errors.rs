//! Where a caller can branch on an error, the function says when it comes.

use super::{Tree, check, is_test, without_tests};

/// What is decided, what a connector does, and the use cases with what they need from hosts.
const ROOMS: [&str; 3] = ["crates/domain/src/", "crates/connectors/src/", "crates/app/src/"];

#[test]
fn public_functions_say_when_they_fail() {
    check(silent);
}

/// Public functions that return a `Result` and have no `# Errors`; a trait or an `impl` may say it once for all of its own.
fn silent(tree: &Tree) -> Vec<String> {
    let is_held = |path: &str| ROOMS.iter().any(|room| path.starts_with(room)) && !is_test(path);
    let files = tree.iter().filter(|(path, _)| path.ends_with(".rs") && is_held(path));
    files
        .flat_map(|(path, text)| {
            let lines: Vec<&str> = without_tests(text).lines().collect();
            let is_silent = |index: &usize| is_silent(&lines, *index);
            let found: Vec<usize> = (0..lines.len()).filter(is_silent).collect();
            found
                .into_iter()
                .map(|index| format!("{path}:{}: {} has no `# Errors`", index + 1, lines[index].trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_silent(lines: &[&str], index: usize) -> bool {
    let line = lines[index].trim_start();
    let begins = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
    let is_block = |line: &&str| line.starts_with("pub trait ") || line.starts_with("impl");
    let block = lines[..index].iter().rposition(is_block).filter(|_| lines[index].starts_with(' '));
    // A trait's own functions are as public as it is.
    let is_of_trait = block.is_some_and(|at| lines[at].starts_with("pub trait "));
    let is_public = begins(&["pub fn ", "pub async fn "]) || (is_of_trait && begins(&["fn ", "async fn "]));
    let is_said = says_when(&lines[..index]) || block.is_some_and(|at| says_when(&lines[..at]));
    is_public && can_fail(&lines[index..]) && !is_said
}

/// Whether the function that begins here returns a `Result`.
fn can_fail(lines: &[&str]) -> bool {
    let end = lines.iter().position(|line| line.trim_end().ends_with(['{', ';'])).unwrap_or(0);
    let signature = lines[..=end].join(" ");
    let returned = signature.rsplit_once("-> ").map(|(_, returned)| returned.trim_start());
    returned.is_some_and(|returned| returned.trim_start_matches("std::result::").starts_with("Result"))
}

/// Whether the doc comment that ends here has the section.
fn says_when(before: &[&str]) -> bool {
    let mut above = before.iter().rev().map(|line| line.trim());
    above
        .by_ref()
        .take_while(|line| line.starts_with("///") || line.starts_with("#["))
        .any(|line| line == "/// # Errors")
}

#[test]
fn a_silent_function_is_found() {
    let found =
        |path: &str, text: &str| silent(&[(path.to_owned(), text.to_owned())].into_iter().collect()).len();
    let bare = "impl A {\n    /// A.\n    #[must_use]\n    pub fn a(\n        b: u8,\n    ) -> Result<u8, C> {\n    }\n    fn d() -> Result<u8> {}\n    pub fn e(f: impl Fn() -> Result<u8>) -> u8 {}\n}\n";
    assert_eq!(found("crates/domain/src/a.rs", bare), 1);
    assert_eq!(found("crates/domain/src/tests.rs", bare), 0);
    assert_eq!(found("crates/local/src/a.rs", bare), 0);
    let said = bare.replace("/// A.", "/// A.\n    ///\n    /// # Errors\n    /// C.");
    assert_eq!(found("crates/domain/src/a.rs", &said), 0);
    let port = "/// P.\npub trait P: Send {\n    /// A.\n    async fn a(&self) -> Result<()>;\n    /// B.\n    fn b(&self) -> u8;\n}\n";
    assert_eq!(found("crates/app/src/ports/a.rs", port), 1);
    assert_eq!(
        found("crates/app/src/ports/a.rs", &port.replace("/// P.", "/// P.\n///\n/// # Errors\n/// E.")),
        0
    );
}
