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
    /// What `organizations`, `users` and `secrets` begin with.
    Admission(Admission),
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

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// `organizations`
    ListOrganizations,
    /// `organizations add`, and `secrets` as it was called first.
    AddOrganization,
    /// `organizations rotate --organization ID`
    ReplaceOrganizationSecret {
        /// Whose secret it is.
        organization_id: u32,
    },
    /// `users [--organization ID]`
    ListUsers {
        /// Those of this organization alone.
        organization_id: Option<u32>,
    },
    /// `users add --organization ID [--own]`
    AddUser {
        /// Whose user it is.
        organization_id: u32,
        /// Not only the instances of their own account.
        sees_all: bool,
    },
    /// `users rotate --organization ID --user ID`
    ReplaceUserSecret {
        /// Whose user it is.
        organization_id: u32,
        /// Whose secret it is.
        user_id: u32,
    },
    /// `users remove --organization ID --user ID`
    RemoveUser {
        /// Whose user it is.
        organization_id: u32,
        /// Who goes.
        user_id: u32,
    },
}

/// Options as given, before it is known whether they go with the command.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--organization`
    pub organization: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--own`
    pub own: bool,
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
            ("--user", self.user.is_some()),
            ("--own", self.own),
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
        let command = format!("admin {}", words.join(" "));
        let action = match words {
            ["organizations" | "users" | "secrets", ..] => {
                Action::Admission(Admission::read(words, &command, &mut flags)?)
            }
            ["data-key", "rotate"] => Action::RotateDataKey,
            ["queues"] => Action::Queues,
            ["redrive"] => Action::Redrive { limit: limit(flags.limit.take())? },
            ["check"] => {
                Action::Check { mode: if std::mem::take(&mut flags.mend) { Mode::Mend } else { Mode::Show } }
            }
            _ => bail!("`{command}` is not a command; see `carillon --help`"),
        };
        flags.none_left(&command)?;
        Ok(Request { action, json, aws })
    }
}

impl Admission {
    fn read(words: &[&str], command: &str, flags: &mut Flags) -> anyhow::Result<Self> {
        Ok(match words {
            ["organizations"] => Admission::ListOrganizations,
            ["organizations", "add"] | ["secrets"] => Admission::AddOrganization,
            ["organizations", "rotate"] => {
                Admission::ReplaceOrganizationSecret { organization_id: organization(command, flags)? }
            }
            ["users"] => {
                let given = flags.organization.is_some();
                let organization_id = given.then(|| organization(command, flags)).transpose()?;
                Admission::ListUsers { organization_id }
            }
            ["users", "add"] => {
                let organization_id = organization(command, flags)?;
                Admission::AddUser { organization_id, sees_all: !std::mem::take(&mut flags.own) }
            }
            ["users", "rotate"] => {
                let organization_id = organization(command, flags)?;
                Admission::ReplaceUserSecret { organization_id, user_id: user(command, flags)? }
            }
            ["users", "remove"] => {
                let organization_id = organization(command, flags)?;
                Admission::RemoveUser { organization_id, user_id: user(command, flags)? }
            }
            _ => bail!("`{command}` is not a command; see `carillon --help`"),
        })
    }
}

fn organization(command: &str, flags: &mut Flags) -> anyhow::Result<u32> {
    let given = flags.organization.take();
    let given = given.with_context(|| {
        format!("`{command}` needs `--organization ID`; `admin organizations` lists them")
    })?;
    given.parse().context("--organization must be the number of an organization")
}

fn user(command: &str, flags: &mut Flags) -> anyhow::Result<u32> {
    let given = flags.user.take();
    let given = given.with_context(|| format!("`{command}` needs `--user ID`; `admin users` lists them"))?;
    given.parse().context("--user must be the number of a user")
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

    fn of_one() -> Flags {
        Flags { organization: Some("1".to_owned()), ..flags() }
    }

    fn of_seven() -> Flags {
        Flags { user: Some("7".to_owned()), ..of_one() }
    }

    #[test]
    fn a_new_user_sees_all_unless_told_otherwise() {
        let wide = Request::read(&["users", "add"], of_one()).unwrap();
        let add = |sees_all| Action::Admission(Admission::AddUser { organization_id: 1, sees_all });
        assert_eq!(wide.action, add(true));
        let narrow = Request::read(&["users", "add"], Flags { own: true, ..of_one() }).unwrap();
        assert_eq!(narrow.action, add(false));
    }

    #[test]
    fn users_and_organizations_are_named_by_number() {
        let read = |words: &[&str], flags| match Request::read(words, flags).unwrap().action {
            Action::Admission(admission) => admission,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(&["users"], flags()), Admission::ListUsers { organization_id: None });
        assert_eq!(read(&["users"], of_one()), Admission::ListUsers { organization_id: Some(1) });
        let (organization_id, user_id) = (1, 7);
        let replace = Admission::ReplaceUserSecret { organization_id, user_id };
        assert_eq!(read(&["users", "rotate"], of_seven()), replace);
        assert_eq!(
            read(&["users", "remove"], of_seven()),
            Admission::RemoveUser { organization_id, user_id }
        );
        let replace = Admission::ReplaceOrganizationSecret { organization_id };
        assert_eq!(read(&["organizations", "rotate"], of_one()), replace);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refusal(&["users", "add"], flags()).contains("`admin users add` needs `--organization ID`"));
        assert!(refusal(&["users", "remove"], of_one()).contains("`admin users remove` needs `--user ID`"));
        assert!(
            refusal(&["users", "add"], of_seven()).contains("`--user` does not go with `admin users add`")
        );
        let own = Flags { own: true, ..of_seven() };
        assert!(refusal(&["users", "rotate"], own).contains("`--own` does not go with"));
        let wrong = Flags { user: Some("ada".to_owned()), ..of_one() };
        assert!(refusal(&["users", "rotate"], wrong).contains("--user must be the number"));
        let limit = |text: &str| Flags { limit: Some(text.to_owned()), ..flags() };
        assert!(refusal(&["redrive"], limit("0")).contains("from 1 to"));
        assert!(refusal(&["queues"], limit("5")).contains("`--limit` does not go with `admin queues`"));
        assert!(refusal(&["redrive"], Flags { mend: true, ..flags() }).contains("`--mend`"));
        assert!(refusal(&["fly"], flags()).contains("`admin fly` is not a command"));
    }
}
