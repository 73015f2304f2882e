//! The command line.

use crate::admin::Request;
use crate::cost::Question;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "carillon",
    version,
    about = "Signed events for what changes in mailboxes",
    after_help = "Variables of the environment are described in README.md.",
    arg_required_else_help = true
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Address of the HTTP interface, as 127.0.0.1:8080 or localhost:8080 [env: CARILLON_LISTEN]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Folder of the data, ./.carillon by default [env: CARILLON_DATA]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run everything in one process
    Serve,
    /// Run it against stand-in providers, and show each change and its event
    #[cfg(feature = "demo")]
    Demo,
    /// Administer the data, also while a process serves from it
    Admin(Request),
    /// Print what a stack on AWS costs in a month
    Cost(Question),
    /// Ask the process that listens here whether it is well: a health check without a shell
    Health,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Writes the completion script of this shell.
pub fn write_completions(shell: Shell, out: &mut dyn Write) {
    clap_complete::generate(shell, &mut CommandLine::command(), "carillon", out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    fn refused(words: &[&str]) -> ErrorKind {
        let words = ["carillon"].iter().chain(words);
        CommandLine::try_parse_from(words).unwrap_err().kind()
    }

    #[test]
    fn the_definition_contradicts_itself_nowhere() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for words in [["carillon", "--data", "d", "serve"], ["carillon", "serve", "--data", "d"]] {
            let line = CommandLine::try_parse_from(words).unwrap();
            assert_eq!((line.command, line.data), (Command::Serve, Some(PathBuf::from("d"))));
        }
    }

    #[test]
    fn without_a_command_it_shows_help_and_does_nothing() {
        assert_eq!(refused(&[]), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        assert_eq!(refused(&["--help"]), ErrorKind::DisplayHelp);
        assert_eq!(refused(&["--version"]), ErrorKind::DisplayVersion);
        assert_eq!(refused(&["fly"]), ErrorKind::InvalidSubcommand);
        assert_eq!(refused(&["serve", "--mend"]), ErrorKind::UnknownArgument);
    }

    #[test]
    fn every_shell_gets_completions_that_know_the_commands() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let mut script = Vec::new();
            write_completions(shell, &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("redrive") && script.contains("listen"), "{shell}");
        }
    }
}
