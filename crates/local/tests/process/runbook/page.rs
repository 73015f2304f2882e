//! The page that operators read at night: its commands, and what it says that they print.

use crate::process::{self, Process};
use chrono::DateTime;
use scenarios::Outside;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook.md");
/// Longer than any command of it takes.
const PATIENCE: std::time::Duration = process::PATIENCE;
/// A word that is as long and has digits is a number or an id, and another one in each run.
const ID_LEN_MIN: usize = 5;
/// And so is one that is as long whatever it has.
const ID_LEN: usize = 16;

/// Where a command is run, as an operator would.
pub(super) struct Desk<'a> {
    outside: &'a Outside,
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl<'a> Desk<'a> {
    /// At this data folder.
    pub(super) fn at(outside: &'a Outside, folder: &Path) -> Self {
        let desk = Desk { outside, folder: folder.to_owned(), variables: Vec::new() };
        // A program that serves although it should not takes no port that another needs.
        desk.with("CARILLON_LISTEN", "127.0.0.1:0")
    }

    /// Beside this process.
    pub(super) fn beside(self, process: &Process) -> Self {
        let base = format!("http://{}/elements/api-v2", process.address());
        let authorization = format!("Authorization: {}", process.client.authorization());
        self.with("CARILLON_LISTEN", process.address()).with("BASE", &base).with("AUTH", &authorization)
    }

    /// With a variable that the commands name.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs what the page answers this question with. It must print what the page says, but for times and ids.
    pub(super) async fn assert_answers(&self, question: &str) {
        let (commands, expected) = answer(question);
        let printed = self.run(&commands).await;
        assert_eq!(
            plain(&printed),
            plain(&expected),
            "\n`{commands}` printed\n{printed}\nand not\n{expected}"
        );
    }

    /// What these commands print.
    pub(super) async fn run(&self, commands: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_carillon"));
        let folders = [program.parent().unwrap().to_str().unwrap(), "/usr/local/bin:/usr/bin:/bin"];
        let mut command = Command::new("sh");
        // Answers and errors in the order in which a terminal has them.
        command.args(["-c", &format!("exec 2>&1\n{commands}")]).env("PATH", folders.join(":"));
        command.envs(self.outside.variables()).env("CARILLON_DATA", &self.folder).env("CARILLON_LOG", "off");
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        let ended = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed.replace(self.folder.to_str().unwrap(), "/var/lib/carillon");
        let backup = self.variables.iter().find(|(name, _)| *name == "BACKUP").map(|(_, path)| path.as_str());
        backup.map_or(printed.clone(), |path| printed.replace(path, "/backup/carillon-2026-11-29.db"))
    }
}

/// The headings, without their numbers.
pub(super) fn questions() -> Vec<String> {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let plain = |heading: &str| {
        heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim().to_owned()
    };
    headings.map(plain).collect()
}

/// The commands below a heading, and what they print.
fn answer(question: &str) -> (String, String) {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut sections = page.split("\n## ");
    let section =
        sections.find(|section| section.lines().next().is_some_and(|line| line.ends_with(question)));
    let section = section.unwrap_or_else(|| panic!("the page has no question `{question}`"));
    let block = |language: &str| {
        let begin = format!("\n```{language}\n");
        let (_, rest) =
            section.split_once(&begin).unwrap_or_else(|| panic!("`{question}` has no {language}"));
        rest.split_once("\n```").unwrap().0.to_owned()
    };
    (block("sh"), block("text"))
}

/// Without what differs from run to run.
fn plain(text: &str) -> String {
    let lines = text.trim().lines().map(|line| {
        let words: Vec<String> = line.split_whitespace().map(plain_word).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn plain_word(word: &str) -> String {
    if DateTime::parse_from_rfc3339(word.trim_matches(|c: char| !c.is_alphanumeric())).is_ok() {
        return "TIME".to_owned();
    }
    let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '=';
    let mut plain = String::new();
    let mut part = String::new();
    for c in word.chars().chain(['\n']) {
        if is_inside(c) {
            part.push(c);
            continue;
        }
        plain.push_str(if is_id(&part) { "ID" } else { &part });
        plain.push(c);
        part.clear();
    }
    plain.trim_end().to_owned()
}

fn is_id(part: &str) -> bool {
    let has_digit = part.contains(|c: char| c.is_ascii_digit());
    let is_mixed = part.contains(char::is_uppercase) && part.contains(char::is_lowercase);
    (part.len() >= ID_LEN_MIN && has_digit) || (part.len() >= ID_LEN && is_mixed)
}

#[test]
fn what_differs_from_run_to_run_is_not_compared_and_the_rest_is() {
    let one = "messages 18c1f0a2: tried at 2026-11-29T03:12:45Z (event AbCdEfGhIjKlMnOpQrSt)";
    let other = "messages 9f33: tried at 2025-01-02T00:00:00Z (event 0bCdEfGhIjKlMnOpQrSt)";
    assert_eq!(plain(one), "messages ID: tried at TIME (event ID)");
    assert_eq!(plain(&other.replace("9f33", "9f33e")), plain(one));
    assert_ne!(plain(&one.replace("tried", "held")), plain(one));
    assert_ne!(plain("3 waiting"), plain("4 waiting"));
}
