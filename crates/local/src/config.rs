//! What the command line and the environment say, read once.

use crate::command_line::CommandLine;
use crate::otlp::Wanted;
use crate::proxies::Proxies;
use anyhow::{Context as _, bail};
use app::Variables;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

/// A secret that is shorter could be guessed, bytes.
const SECRET_BYTES_MIN: usize = 16;
/// What our variables begin with.
const PREFIX: &str = "CARILLON_";
const USER_SECRET: &str = "CARILLON_USER_SECRET";
const METRICS_LISTEN: &str = "CARILLON_METRICS_LISTEN";
const ORGANIZATION_SECRET: &str = "CARILLON_ORGANIZATION_SECRET";
const TRUSTED_PROXIES: &str = "CARILLON_TRUSTED_PROXIES";
/// Only this machine can connect there.
const LISTEN: &str = "127.0.0.1:8080";

/// Everything the host needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// `--listen`, `CARILLON_LISTEN`: address of the HTTP interface. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// `CARILLON_METRICS_LISTEN`: address of `GET /metrics`, of which the interface knows nothing. Default: none.
    pub metrics_listen: Option<SocketAddr>,
    /// `OTEL_*`: whether metrics and traces go out by OTLP. Default: no.
    pub otlp: Wanted,
    /// `--data`, `CARILLON_DATA`: folder of the database and the keys. Default `./.carillon`.
    pub data: PathBuf,
    /// `CARILLON_USER_SECRET` and `CARILLON_ORGANIZATION_SECRET`: both or neither.
    pub secrets: Option<GivenSecrets>,
    /// What means the same on every host.
    pub app: app::Config,
    /// `CARILLON_ALLOW_LOCAL_CALLBACKS`: callbacks to private, loopback and link-local addresses. By default only
    /// while only this machine can connect, since whoever creates an instance sees what such an address answers.
    pub allow_local_callbacks: bool,
    /// `CARILLON_TRUSTED_PROXIES`: addresses and blocks of proxies beside those on this machine, whose `X-Forwarded-For` says
    /// who asks. Default: none.
    pub(crate) proxies: Proxies,
    /// `MAIL_DIR`: a folder of `.eml` files that the demo fills its mailboxes from.
    pub mail_dir: Option<PathBuf>,
    /// `CARILLON_LOG`: level and filter of the log, as `info` or `warn,app=debug`. Default `info`.
    pub log: String,
    /// Variables that look like ours and mean nothing: misspelt ones, most likely.
    pub unknown_variables: Vec<String>,
}

impl Config {
    /// Where browsers reach the console, as far as is known here.
    pub fn console_url(&self) -> String {
        self.console_url_at(self.listen)
    }

    /// The same, of what listens at this address.
    pub fn console_url_at(&self, address: SocketAddr) -> String {
        self.app.public_url.clone().unwrap_or_else(|| local_url(address))
    }
}

/// An address as browsers on this machine should have it: by name, since providers take redirect addresses by http at
/// `localhost`, and not all of them at its numbers.
fn local_url(address: SocketAddr) -> String {
    let is_every = address.ip().is_unspecified();
    let is_named = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(&address.ip());
    match is_every || is_named {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// Secrets that the environment gives. No `Debug` of the values.
#[derive(Clone)]
pub struct GivenSecrets {
    /// Secret of the first user.
    pub user: String,
    /// Secret of the first organization.
    pub organization: String,
}

impl std::fmt::Debug for GivenSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenSecrets(..)")
    }
}

/// Reads the command line and the environment.
pub fn read(line: &CommandLine, environment: &BTreeMap<String, String>) -> anyhow::Result<Config> {
    let asked = RefCell::new(BTreeSet::new());
    let variable = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        environment.get(name).cloned()
    };
    let variables = Variables(&variable);
    let given = |name: &str| variables.given(name);
    let listen =
        line.listen.clone().or_else(|| given("CARILLON_LISTEN")).unwrap_or_else(|| LISTEN.to_owned());
    let listen = address("--listen (CARILLON_LISTEN)", &listen)?;
    let metrics_listen = given(METRICS_LISTEN).map(|given| address(METRICS_LISTEN, &given)).transpose()?;
    let data = line.data.clone().or_else(|| given("CARILLON_DATA").map(PathBuf::from));
    let config = Config {
        listen,
        metrics_listen,
        otlp: Wanted::read(&variable),
        data: data.unwrap_or_else(|| PathBuf::from(".carillon")),
        secrets: secrets(given(USER_SECRET), given(ORGANIZATION_SECRET))?,
        app: app::Config::read(&variables)?,
        allow_local_callbacks: variables
            .switch("CARILLON_ALLOW_LOCAL_CALLBACKS", listen.ip().is_loopback())?,
        proxies: given(TRUSTED_PROXIES).map(|list| proxies(&list)).transpose()?.unwrap_or_default(),
        mail_dir: given("MAIL_DIR").map(PathBuf::from),
        log: given("CARILLON_LOG").unwrap_or_else(|| "info".to_owned()),
        unknown_variables: Vec::new(),
    };
    let asked = asked.into_inner();
    let ours = environment.keys().filter(|name| name.starts_with(PREFIX));
    Ok(Config { unknown_variables: ours.filter(|name| !asked.contains(*name)).cloned().collect(), ..config })
}

/// A name may have several addresses: the one that most clients try first.
fn address(option: &str, given: &str) -> anyhow::Result<SocketAddr> {
    let rule = || format!("{option} must be an address and a port, as {LISTEN}");
    let mut addresses: Vec<SocketAddr> = given.to_socket_addrs().with_context(rule)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.first().copied().with_context(rule)
}

fn proxies(list: &str) -> anyhow::Result<Proxies> {
    Proxies::read(list)
        .with_context(|| format!("{TRUSTED_PROXIES} must be addresses or blocks, as 10.0.0.5, 172.18.0.0/16"))
}

fn secrets(user: Option<String>, organization: Option<String>) -> anyhow::Result<Option<GivenSecrets>> {
    let (user, organization) = match (user, organization) {
        (Some(user), Some(organization)) => (user, organization),
        (None, None) => return Ok(None),
        _ => bail!("{USER_SECRET} and {ORGANIZATION_SECRET} go together"),
    };
    for (variable, secret) in [(USER_SECRET, &user), (ORGANIZATION_SECRET, &organization)] {
        if secret.len() < SECRET_BYTES_MIN {
            bail!("{variable} must have at least {SECRET_BYTES_MIN} characters");
        }
        // The header that carries it is split there.
        if secret.contains(|c: char| c == ',' || c.is_whitespace()) {
            bail!("{variable} must have no comma and no white space");
        }
    }
    Ok(Some(GivenSecrets { user, organization }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn parse(options: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let line = CommandLine::try_parse_from(["carillon", "serve"].iter().chain(options)).unwrap();
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&line, &environment.collect())
    }

    #[test]
    fn options_win_over_variables() {
        let config = parse(
            &["--listen", "127.0.0.1:1"],
            &[("CARILLON_LISTEN", "127.0.0.1:2"), ("CARILLON_DATA", "d")],
        );
        let config = config.unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data, PathBuf::from("d"));
        assert!(config.allow_local_callbacks && !config.app.require_https_callbacks);
    }

    #[test]
    fn the_console_is_named_where_only_this_machine_reaches_it() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://localhost:8080"),
            ("0.0.0.0:80", "http://localhost:80"),
            // These are not what the name means.
            ("127.0.0.2:8080", "http://127.0.0.2:8080"),
            ("192.0.2.1:8080", "http://192.0.2.1:8080"),
        ] {
            assert_eq!(parse(&["--listen", listen], &[]).unwrap().console_url(), url);
        }
        let public = parse(&[], &[("CARILLON_PUBLIC_URL", "https://mail.example")]).unwrap();
        assert_eq!(public.console_url(), "https://mail.example");
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
        let error = |options: &[&str], variables: &[(&str, &str)]| {
            format!("{:#}", parse(options, variables).err().unwrap())
        };
        for wrong in ["x", "127.0.0.1", ":8080", "127.0.0.1:99999", ""] {
            assert!(error(&["--listen", wrong], &[]).contains("--listen"), "{wrong}");
        }
        assert!(error(&[], &[("CARILLON_RETRY_DELAYS", "1,b")]).contains("CARILLON_RETRY_DELAYS"));
        assert!(error(&[], &[(USER_SECRET, "x")]).contains("go together"));
        assert!(error(&[], &[("CARILLON_ALLOW_LOCAL_CALLBACKS", "maybe")]).contains("must be true or false"));
    }

    #[test]
    fn a_secret_that_could_be_guessed_or_not_be_sent_is_refused() {
        let right = "sixteen-bytes-or-more=";
        let given =
            |user, organization| parse(&[], &[(USER_SECRET, user), (ORGANIZATION_SECRET, organization)]);
        assert!(given(right, right).unwrap().secrets.is_some());
        for (wrong, rule) in [
            ("abc", "must have at least 16 characters"),
            ("sixteen bytes or more", "no comma and no white space"),
            ("sixteen,bytes,or,more", "no comma and no white space"),
        ] {
            for (variable, read) in
                [(USER_SECRET, given(wrong, right)), (ORGANIZATION_SECRET, given(right, wrong))]
            {
                let error = read.err().unwrap().to_string();
                assert!(error.starts_with(variable) && error.contains(rule), "{error}");
                assert!(!error.contains(wrong));
            }
        }
    }

    #[test]
    fn a_host_name_is_resolved() {
        let config = parse(&["--listen", "localhost:8081"], &[]).unwrap();
        assert!(config.listen.ip().is_loopback() && config.listen.port() == 8081);
        assert!(config.allow_local_callbacks);
    }

    #[test]
    fn a_misspelt_variable_is_told() {
        let given = [("CARILLON_LISTENS", "127.0.0.1:1"), ("CARILLON_LOG", "warn"), ("HOME", "h")];
        assert_eq!(parse(&[], &given).unwrap().unknown_variables, ["CARILLON_LISTENS"]);
    }
}
