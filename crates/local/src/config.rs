//! What the command line and the environment say, read once.

use crate::admin::{Flags, Request};
use anyhow::{Context as _, bail};
use app::Variables;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run everything in one process.
    Serve,
    /// The same, with provider doubles and a callback receiver.
    Demo,
    /// Administer.
    Admin(Request),
    /// Print how to use the program.
    Help,
}

/// Everything the host needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub command: Command,
    /// `--listen`, `CARILLON_LISTEN`: address of the HTTP interface. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// `--data`, `CARILLON_DATA`: folder of the database and the keys. Default `./.carillon`.
    pub data: PathBuf,
    /// `CARILLON_USER_SECRET` and `CARILLON_ORGANIZATION_SECRET`: both or neither.
    pub secrets: Option<GivenSecrets>,
    /// What means the same on every host.
    pub app: app::Config,
    /// `CARILLON_ALLOW_LOCAL_CALLBACKS`: callbacks to private, loopback and link-local addresses. By default only
    /// while nobody but this machine can call: whoever creates an instance sees what such an address answers.
    pub allow_local_callbacks: bool,
    /// `MAIL_DIR`: a folder of `.eml` files that the demo fills its mailboxes from.
    pub mail_dir: Option<PathBuf>,
    /// `CARILLON_LOG`: level and filter of the log, as `info` or `warn,app=debug`. Default `info`.
    pub log: String,
}

/// Secrets that the environment gives. No `Debug` of the values.
#[derive(Clone)]
pub struct GivenSecrets {
    pub user: String,
    pub organization: String,
}

impl std::fmt::Debug for GivenSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenSecrets(..)")
    }
}

/// How to use the program.
pub const USAGE: &str = "\
carillon: signed events for what changes in mailboxes

  carillon [serve]         run everything in one process
  carillon demo            the same against stand-in providers, and show what happens
  carillon admin …         administer, also while it runs:
    organizations          list the organizations
    organizations add      make an organization with a first user, and print their secrets (also: secrets)
    organizations rotate --organization ID
                           give an organization another secret, and print it
    users [--organization ID]
                           list the users
    users add --organization ID [--own]
                           make a user of an organization, and print the secret; with --own, one who sees
                           only the instances of their own account
    users rotate --organization ID --user ID
                           give a user another secret, and print it
    users remove --organization ID --user ID
                           take a user out; instances stay
    queues                 print what waits, and what is dead
    redrive [--limit N]    send dead jobs again (1000)
    check [--mend]         show what crashes left, and what needs a person; mend the former
    data-key rotate        begin a new data key (of a stack)

  --listen ADDR   address of the HTTP interface   (CARILLON_LISTEN, 127.0.0.1:8080)
  --data FOLDER   folder of the data              (CARILLON_DATA, ./.carillon)
  --json          what `admin` prints, as JSON lines
  --aws           `admin` works on the stack that the CARILLON_ variables name (feature `aws`)
";

/// Reads arguments (without the program's name) and variables.
pub fn read(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Config> {
    let variables = Variables(&variable);
    let given = |name: &str| variables.given(name);
    let mut listen = given("CARILLON_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let mut data = given("CARILLON_DATA").map_or_else(|| PathBuf::from(".carillon"), PathBuf::from);
    let mut words = Vec::new();
    let mut flags = Flags::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("listen") => listen = parser.value()?.to_string_lossy().into_owned(),
            lexopt::Arg::Long("data") => data = parser.value()?.into(),
            lexopt::Arg::Long("organization") => {
                flags.organization = Some(parser.value()?.to_string_lossy().into_owned());
            }
            lexopt::Arg::Long("user") => flags.user = Some(parser.value()?.to_string_lossy().into_owned()),
            lexopt::Arg::Long("own") => flags.own = true,
            lexopt::Arg::Long("limit") => flags.limit = Some(parser.value()?.to_string_lossy().into_owned()),
            lexopt::Arg::Long("mend") => flags.mend = true,
            lexopt::Arg::Long("json") => flags.json = true,
            lexopt::Arg::Long("aws") => flags.aws = true,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => words = vec!["help".to_owned()],
            lexopt::Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let listen: SocketAddr =
        listen.parse().context("--listen (CARILLON_LISTEN) must be an address and a port")?;
    Ok(Config {
        command: command(&words, flags)?,
        listen,
        data,
        secrets: secrets(given("CARILLON_USER_SECRET"), given("CARILLON_ORGANIZATION_SECRET"))?,
        app: app::Config::read(&variables)?,
        allow_local_callbacks: variables
            .switch("CARILLON_ALLOW_LOCAL_CALLBACKS", listen.ip().is_loopback())?,
        mail_dir: given("MAIL_DIR").map(PathBuf::from),
        log: given("CARILLON_LOG").unwrap_or_else(|| "info".to_owned()),
    })
}

fn command(words: &[String], flags: Flags) -> anyhow::Result<Command> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["admin", words @ ..] = words.as_slice() {
        return Request::read(words, flags).map(Command::Admin);
    }
    flags.none_left(&words.join(" "))?;
    Ok(match words.as_slice() {
        [] | ["serve"] => Command::Serve,
        ["demo"] => Command::Demo,
        ["help", ..] => Command::Help,
        other => bail!("`{}` is not a command; see `carillon --help`", other.join(" ")),
    })
}

fn secrets(user: Option<String>, organization: Option<String>) -> anyhow::Result<Option<GivenSecrets>> {
    match (user, organization) {
        (Some(user), Some(organization)) => Ok(Some(GivenSecrets { user, organization })),
        (None, None) => Ok(None),
        _ => bail!("CARILLON_USER_SECRET and CARILLON_ORGANIZATION_SECRET go together"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(arguments.iter().map(Into::into), lookup)
    }

    #[test]
    fn options_win_over_variables_and_serve_is_the_default() {
        let config = parse(
            &["--listen", "127.0.0.1:1"],
            &[("CARILLON_LISTEN", "127.0.0.1:2"), ("CARILLON_DATA", "d")],
        );
        let config = config.unwrap();
        assert_eq!(config.command, Command::Serve);
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data, PathBuf::from("d"));
        assert!(config.allow_local_callbacks && !config.app.require_https_callbacks);
    }

    #[test]
    fn local_callbacks_are_allowed_while_nobody_else_can_call_unless_it_is_said() {
        let allowed = |listen: &str, given: &[(&str, &str)]| {
            parse(&["--listen", listen], given).unwrap().allow_local_callbacks
        };
        for (listen, by_default) in [
            ("127.0.0.1:8080", true),
            ("127.8.0.1:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:8080", false),
            ("[::]:8080", false),
            ("192.168.1.2:8080", false),
        ] {
            assert_eq!(allowed(listen, &[]), by_default, "{listen}");
            assert!(allowed(listen, &[("CARILLON_ALLOW_LOCAL_CALLBACKS", "true")]));
            assert!(!allowed(listen, &[("CARILLON_ALLOW_LOCAL_CALLBACKS", "false")]));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |arguments: &[&str], variables: &[(&str, &str)]| {
            format!("{:#}", parse(arguments, variables).err().unwrap())
        };
        assert!(error(&["fly"], &[]).contains("`fly` is not a command"));
        assert!(error(&["--listen", "x"], &[]).contains("--listen"));
        assert!(error(&[], &[("CARILLON_RETRY_DELAYS", "1,b")]).contains("CARILLON_RETRY_DELAYS"));
        assert!(error(&[], &[("CARILLON_USER_SECRET", "x")]).contains("go together"));
        assert!(error(&[], &[("CARILLON_ALLOW_LOCAL_CALLBACKS", "maybe")]).contains("must be true or false"));
    }
}
