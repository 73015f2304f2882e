//! What the command line asks of `carillon admin`.

use anyhow::{Context as _, bail};
use app::admin::Mode;

/// Dead jobs sent again unless told otherwise: a burst that every worker can take.
const REDRIVE_COUNT: usize = 1_000;
/// And at the most, in one go.
const REDRIVE_COUNT_MAX: usize = 100_000;

/// An action, and how to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub action: Action,
    /// JSON lines instead of words.
    pub json: bool,
    /// On a stack, not on the data folder.
    pub aws: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `organizations`
    ListOrganizations,
    /// `organizations add`, and `secrets` as it was called first.
    AddOrganization,
    /// `users add --organization ID`
    AddUser {
        /// Whose user it is.
        organization_id: u32,
    },
    /// `data-key rotate`
    RotateDataKey,
    /// `queues`
    Queues,
    /// `redrive`
    Redrive {
        /// Dead jobs at the most.
        limit: usize,
    },
    /// `check`
    Check {
        /// Shown only, unless `--mend` is given.
        mode: Mode,
    },
}

/// Options as given, before it is known whether they go with the command.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--organization`
    pub organization: Option<String>,
    /// `--limit`
    pub limit: Option<String>,
    /// `--mend`
    pub mend: bool,
    /// `--json`
    pub json: bool,
    /// `--aws`
    pub aws: bool,
}

impl Flags {
    /// Refuses what the command took no notice of.
    pub fn none_left(&self, command: &str) -> anyhow::Result<()> {
        let left = [
            ("--organization", self.organization.is_some()),
            ("--limit", self.limit.is_some()),
            ("--mend", self.mend),
            ("--json", self.json),
            ("--aws", self.aws),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((option, _)) => bail!("`{option}` does not go with `{command}`"),
            None => Ok(()),
        }
    }
}

impl Request {
    /// Reads the words after `admin`, and the options.
    pub fn read(words: &[&str], mut flags: Flags) -> anyhow::Result<Self> {
        let (json, aws) = (std::mem::take(&mut flags.json), std::mem::take(&mut flags.aws));
        let action = match words {
            ["organizations"] => Action::ListOrganizations,
            ["organizations", "add"] | ["secrets"] => Action::AddOrganization,
            ["users", "add"] => Action::AddUser { organization_id: organization(flags.organization.take())? },
            ["data-key", "rotate"] => Action::RotateDataKey,
            ["queues"] => Action::Queues,
            ["redrive"] => Action::Redrive { limit: limit(flags.limit.take())? },
            ["check"] => {
                Action::Check { mode: if std::mem::take(&mut flags.mend) { Mode::Mend } else { Mode::Show } }
            }
            other => bail!("`admin {}` is not a command; see `carillon --help`", other.join(" ")),
        };
        flags.none_left(&format!("admin {}", words.join(" ")))?;
        Ok(Request { action, json, aws })
    }
}

fn organization(given: Option<String>) -> anyhow::Result<u32> {
    let given =
        given.context("`admin users add` needs `--organization ID`; `admin organizations` lists them")?;
    given.parse().context("--organization must be the number of an organization")
}

fn limit(given: Option<String>) -> anyhow::Result<usize> {
    let Some(given) = given else { return Ok(REDRIVE_COUNT) };
    let limit = given.parse().ok().filter(|limit| (1..=REDRIVE_COUNT_MAX).contains(limit));
    limit.with_context(|| format!("--limit must be a number from 1 to {REDRIVE_COUNT_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Flags {
        Flags::default()
    }

    fn refusal(words: &[&str], flags: Flags) -> String {
        format!("{:#}", Request::read(words, flags).err().unwrap())
    }

    #[test]
    fn a_check_only_shows_unless_told_to_mend() {
        let shown = Request::read(&["check"], flags()).unwrap();
        assert_eq!(shown, Request { action: Action::Check { mode: Mode::Show }, json: false, aws: false });
        let mended = Request::read(&["check"], Flags { mend: true, json: true, ..flags() }).unwrap();
        assert_eq!(mended, Request { action: Action::Check { mode: Mode::Mend }, json: true, aws: false });
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refusal(&["users", "add"], flags()).contains("needs `--organization ID`"));
        let limit = |text: &str| Flags { limit: Some(text.to_owned()), ..flags() };
        assert!(refusal(&["redrive"], limit("0")).contains("from 1 to"));
        assert!(refusal(&["queues"], limit("5")).contains("`--limit` does not go with `admin queues`"));
        assert!(refusal(&["redrive"], Flags { mend: true, ..flags() }).contains("`--mend`"));
        assert!(refusal(&["fly"], flags()).contains("`admin fly` is not a command"));
    }
}
