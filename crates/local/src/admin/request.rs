//! What the command line asks of `carillon admin`.

use anyhow::Context as _;
use app::admin::Missed;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use domain::ids::InstanceId;
use std::path::PathBuf;

/// Dead jobs sent again unless told otherwise: a burst that every worker can take.
const REDRIVE_COUNT: u32 = 1_000;
/// And at the most, in one go.
const REDRIVE_COUNT_MAX: u32 = 100_000;

/// An action, and how to show it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Request {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
    /// Print JSON lines
    #[arg(long, global = true)]
    pub json: bool,
    /// Work on the stack that the CARILLON_ variables name, not on a data folder
    #[arg(long, global = true)]
    pub aws: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// List the organizations; add one, or change its secret
    Organizations {
        /// Lists them, where there is none.
        #[command(subcommand)]
        change: Option<OrganizationChange>,
    },
    /// Called `organizations add` now
    #[command(hide = true)]
    Secrets,
    /// List the users; add one, remove one, or change a secret
    #[command(args_conflicts_with_subcommands = true)]
    Users {
        /// Those of this organization alone
        #[arg(long, value_name = "ID")]
        organization: Option<u32>,
        /// Lists them, where there is none.
        #[command(subcommand)]
        change: Option<UserChange>,
    },
    /// Print a link to the console that signs a user in once
    SignInLink {
        /// The organization; the first user's where it is left out
        #[arg(long, value_name = "ID", requires = "user")]
        organization: Option<u32>,
        /// The user
        #[arg(long, value_name = "ID", requires = "organization")]
        user: Option<u32>,
    },
    /// Print all mailboxes by what ails them, those that need somebody first
    Mailboxes,
    /// Print how a mailbox is, and why
    Mailbox {
        /// The instance
        #[arg(value_parser = instance_id)]
        instance: InstanceId,
    },
    /// Print why a receiver was not sent something
    Why {
        /// The instance
        #[arg(value_parser = instance_id)]
        instance: InstanceId,
        /// What is missed.
        #[command(flatten)]
        missed: MissedObject,
    },
    /// Print what waits, and what is dead
    Queues,
    /// Send dead jobs again
    Redrive {
        /// Dead jobs at the most
        #[arg(long, default_value_t = REDRIVE_COUNT,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(REDRIVE_COUNT_MAX)))]
        limit: u32,
    },
    /// Show what crashes left, and what needs a person
    Check {
        /// Mend what crashes left
        #[arg(long)]
        mend: bool,
    },
    /// Copy the database into a new file, also while a process serves from it; keep the key file apart
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Work with the data key of a stack
    DataKey {
        /// What to do with it.
        #[command(subcommand)]
        change: DataKeyChange,
    },
}

/// What a receiver misses.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct MissedObject {
    /// The object, by the provider's id
    object: Option<String>,
    /// What has this subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// What came within five minutes of then, as 2026-11-29T03:10:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
}

impl MissedObject {
    pub(super) fn read(&self) -> anyhow::Result<Missed> {
        let by_text = self.object.clone().map(Missed::Object).or(self.subject.clone().map(Missed::Subject));
        by_text.or(self.at.map(Missed::At)).context("name an object, a subject or a time")
    }
}

fn instance_id(text: &str) -> Result<InstanceId, String> {
    InstanceId::parse(text).ok_or_else(|| "must be the number of an instance".to_owned())
}

impl Action {
    /// Whether it begins with nothing: everything else needs data that is there.
    pub(super) fn makes_an_organization(&self) -> bool {
        matches!(self, Action::Secrets | Action::Organizations { change: Some(OrganizationChange::Add) })
    }
}

/// What is done to organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum OrganizationChange {
    /// Make an organization with a first user, and print their secrets
    Add,
    /// Give an organization another secret, and print it
    Rotate {
        /// Whose secret it is
        #[arg(long, value_name = "ID")]
        organization: u32,
    },
}

/// What is done to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum UserChange {
    /// Make a user of an organization, and print the secret
    Add {
        /// The organization
        #[arg(long, value_name = "ID")]
        organization: u32,
        /// One who sees only the instances of their own account
        #[arg(long)]
        own: bool,
    },
    /// Give a user another secret, and print it
    Rotate(UserNumber),
    /// Take a user out; instances stay
    Remove(UserNumber),
}

/// A user, as listings show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct UserNumber {
    /// The organization
    #[arg(long, value_name = "ID")]
    pub organization: u32,
    /// The user
    #[arg(long, value_name = "ID")]
    pub user: u32,
}

/// What is done to a data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum DataKeyChange {
    /// Begin a new data key, which seals from two hours later on
    Rotate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{Command, CommandLine};
    use clap::Parser as _;

    fn read(words: &str) -> Result<Request, String> {
        let line = CommandLine::try_parse_from(["carillon", "admin"].into_iter().chain(words.split(' ')));
        match line.map_err(|error| error.to_string())?.command {
            Command::Admin(request) => Ok(request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_check_only_shows_unless_told_to_mend() {
        let check = |mend, json| Ok(Request { action: Action::Check { mend }, json, aws: false });
        assert_eq!(read("check"), check(false, false));
        assert_eq!(read("--json check --mend"), check(true, true));
    }

    #[test]
    fn users_and_organizations_are_named_by_number() {
        let one = UserNumber { organization: 1, user: 7 };
        for (words, action) in [
            ("organizations", Action::Organizations { change: None }),
            ("organizations add", Action::Organizations { change: Some(OrganizationChange::Add) }),
            (
                "organizations rotate --organization 1",
                Action::Organizations { change: Some(OrganizationChange::Rotate { organization: 1 }) },
            ),
            ("users", Action::Users { organization: None, change: None }),
            ("users --organization 1", Action::Users { organization: Some(1), change: None }),
            (
                "users add --organization 1",
                Action::Users {
                    organization: None,
                    change: Some(UserChange::Add { organization: 1, own: false }),
                },
            ),
            (
                "users add --own --organization 1",
                Action::Users {
                    organization: None,
                    change: Some(UserChange::Add { organization: 1, own: true }),
                },
            ),
            (
                "users rotate --organization 1 --user 7",
                Action::Users { organization: None, change: Some(UserChange::Rotate(one)) },
            ),
            (
                "users remove --organization 1 --user 7",
                Action::Users { organization: None, change: Some(UserChange::Remove(one)) },
            ),
            ("mailbox 17", Action::Mailbox { instance: InstanceId::parse("17").unwrap() }),
            ("secrets", Action::Secrets),
            ("backup to.db", Action::Backup { file: PathBuf::from("to.db") }),
            ("redrive", Action::Redrive { limit: 1_000 }),
            ("redrive --limit 5", Action::Redrive { limit: 5 }),
        ] {
            assert_eq!(read(words).map(|request| request.action), Ok(action), "{words}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (words, said) in [
            ("users add", "--organization <ID>"),
            ("users remove --organization 1", "--user <ID>"),
            ("users add --organization 1 --user 7", "unexpected argument '--user'"),
            ("users rotate --organization 1 --user ada", "invalid value 'ada'"),
            ("backup", "<FILE>"),
            ("redrive --limit 0", "0 is not in 1..=100000"),
            ("why 17", "required"),
            ("why 17 one --subject other", "cannot be used with"),
            ("mailbox ada", "must be the number of an instance"),
            ("queues --limit 5", "unexpected argument '--limit'"),
            ("redrive --mend", "unexpected argument '--mend'"),
            ("fly", "unrecognized subcommand 'fly'"),
        ] {
            let error = read(words).err().unwrap_or_default();
            assert!(error.contains(said), "{words}: {error}");
        }
    }
}
