//! What the host decides, and how variables are read.

use chrono::Duration;
use connectors::Endpoint;
use domain::address;
use domain::delivery::RetryPolicy;
use std::collections::HashMap;

/// A client that lists page by page needs a handful in a second; a loop that went wild stands out.
const REQUESTS_PER_MINUTE: u32 = 1_000;
/// Most that may be allowed.
const REQUESTS_PER_MINUTE_MAX: u32 = 1_000_000;
/// A key that is shorter could be guessed, bytes.
const ADMIN_KEY_BYTES_MIN: usize = 16;
/// Origins that may be named: each request is compared with all.
const CORS_ORIGINS_COUNT_MAX: usize = 50;
/// What was delivered may be kept so long, days.
const RETENTION_DAYS_MAX: u32 = 3_650;

/// Any of the providers' addresses, where a host has one variable for all.
const PROVIDER_URLS: &str = "CARILLON_PROVIDER_URLS";

/// Provider addresses that replace the public ones, by the name of their variable.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(HashMap<&'static str, String>);

impl Endpoints {
    /// Asks for the value of each variable that a connector declares, and for the list that may name any of them; one
    /// that no client can use is a mistake.
    ///
    /// # Errors
    /// [`Mistake`] names the variable and the rule that it breaks.
    pub fn read(mut variable: impl FnMut(&str) -> Option<String>) -> Result<Self, Mistake> {
        let connectors = connectors::registry();
        let all: Vec<&Endpoint> =
            connectors.iter().flat_map(|connector| connector.descriptor().endpoints()).collect();
        let listed = listed(&variable(PROVIDER_URLS).unwrap_or_default(), &all)?;
        let mut given = HashMap::new();
        for endpoint in all {
            let own = variable(endpoint.variable).filter(|value| !value.is_empty());
            let value = own.or_else(|| listed.get(endpoint.variable).cloned()).unwrap_or_default();
            let url = value.trim_end_matches('/');
            if !url.is_empty() {
                let read = address::parse(url);
                let read = read.map_err(|rule| Mistake::new(endpoint.variable, rule.to_string()))?;
                if read.scheme() == "http" && !address::is_loopback(&read) && !address::is_of_a_test(&read) {
                    // Tokens and application secrets are sent there.
                    return Err(Mistake::new(
                        endpoint.variable,
                        "must be an https address, unless on this machine",
                    ));
                }
                given.insert(endpoint.variable, url.to_owned());
            }
        }
        Ok(Endpoints(given))
    }

    pub(crate) fn url<'a>(&'a self, endpoint: &'a Endpoint) -> &'a str {
        self.0.get(endpoint.variable).map_or(endpoint.default, String::as_str)
    }
}

/// Reads `NAME=URL,NAME=URL`.
fn listed(text: &str, all: &[&Endpoint]) -> Result<HashMap<String, String>, Mistake> {
    let one = |entry: &str| {
        let rule = || Mistake::new(PROVIDER_URLS, "must be a list of `NAME=URL` with commas between");
        let (name, url) = entry.split_once('=').ok_or_else(rule)?;
        match all.iter().any(|endpoint| endpoint.variable == name) {
            true => Ok((name.to_owned(), url.to_owned())),
            false => Err(Mistake::new(PROVIDER_URLS, format!("names `{name}`, which no connector has"))),
        }
    };
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(one).collect()
}

/// How a host answers with contents of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downloads {
    /// As they come.
    Streamed,
    /// Whole.
    Held {
        /// Maximum bytes of one.
        bytes_max: usize,
        /// Where longer ones are streamed by [`App::downloads`](crate::App::downloads), without a `/` at the end.
        longer_at: Option<String>,
    },
}

/// Who makes the first attempts to deliver what a poll commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAttempts {
    /// Jobs, which have the host's places for deliveries. Where the queue has one at once, none is stored
    /// ([`Places::begin`](crate::ports::Places::begin)).
    ByJobs,
    /// The process that committed, where there are few, and jobs for the others: a job costs more than the attempt.
    AtOnce,
}

/// When a provider's notice leads to jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rings {
    /// Once it is noted, so that of many at once none rings twice.
    Noted,
    /// While it is noted: where both are requests over a network, and a process has one notice at a time.
    WhileNoting,
}

/// What the host decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// Provider addresses instead of the public ones.
    pub endpoints: Endpoints,
    /// Pauses between delivery attempts.
    pub retry_policy: RetryPolicy,
    /// Refuse callbacks by plain http.
    pub require_https_callbacks: bool,
    /// How long what was delivered is kept.
    pub retention: Duration,
    /// Requests that an organization may make in a minute.
    pub requests_per_minute: u32,
    /// Digest of the administrator's key, where there is one.
    pub admin_key_digest: Option<[u8; 32]>,
    /// `CARILLON_PUBLIC_URL`: where browsers reach the host, without a `/` at the end; as a request says where it is
    /// not given.
    pub public_url: Option<String>,
    /// `CARILLON_CORS_ORIGINS`: whose pages may call the interface from a browser, as browsers spell origins.
    pub cors_origins: Vec<String>,
    /// Where providers send notices, where that is another address than `public_url`: the demo's can't be reached, and its
    /// providers know the way.
    pub push_url: Option<String>,
    /// `CARILLON_PUSH_AUDIENCE`: whom signed notices have to be meant for; the push route's own address where it is not
    /// given.
    pub push_audience: Option<String>,
    /// Whether the host pulls notices from where a provider publishes them: that takes a process that waits.
    pub pulls: bool,
    /// Whether answers to many wrong secrets wait a while: that costs a process that waits nothing.
    pub holds_wrong_secrets: bool,
    /// How the host answers with contents.
    pub downloads: Downloads,
    /// Who makes first attempts.
    pub first_attempts: FirstAttempts,
    /// When notices ring.
    pub rings: Rings,
    /// A poll that found nothing is stored when nothing was for so long.
    pub heartbeat: Duration,
    /// Time for one provider request, ms.
    pub provider_timeout_ms: u64,
    /// Time for one callback, ms.
    pub callback_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoints: Endpoints::default(),
            retry_policy: RetryPolicy::default(),
            require_https_callbacks: false,
            retention: Duration::days(7),
            requests_per_minute: REQUESTS_PER_MINUTE,
            admin_key_digest: None,
            public_url: None,
            push_url: None,
            cors_origins: Vec::new(),
            push_audience: None,
            pulls: true,
            holds_wrong_secrets: true,
            downloads: Downloads::Streamed,
            first_attempts: FirstAttempts::ByJobs,
            rings: Rings::Noted,
            heartbeat: Duration::minutes(10),
            provider_timeout_ms: 30_000,
            callback_timeout_ms: 30_000,
        }
    }
}

impl Config {
    /// The variables that mean the same on every host.
    ///
    /// # Errors
    /// [`Mistake`] names the first variable that breaks a rule, and the rule.
    pub fn read(variables: &Variables<'_>) -> Result<Self, Mistake> {
        let default = Config::default();
        // An empty text is a policy: one attempt.
        let retry_policy = match (variables.0)("CARILLON_RETRY_DELAYS") {
            Some(text) => RetryPolicy::parse(&text)
                .map_err(|error| Mistake::new("CARILLON_RETRY_DELAYS", format!("is refused: {error}")))?,
            None => default.retry_policy,
        };
        Ok(Config {
            endpoints: Endpoints::read(|name| variables.given(name))?,
            retry_policy,
            require_https_callbacks: variables.switch("CARILLON_REQUIRE_HTTPS_CALLBACKS", false)?,
            retention: match variables.given("CARILLON_RETENTION_DAYS") {
                Some(days) => retention(&days)?,
                None => default.retention,
            },
            requests_per_minute: match variables.given("CARILLON_REQUESTS_PER_MINUTE") {
                Some(count) => requests_per_minute(&count)?,
                None => default.requests_per_minute,
            },
            admin_key_digest: variables.given("CARILLON_ADMIN_KEY").map(|key| admin_key(&key)).transpose()?,
            public_url: match variables.given("CARILLON_PUBLIC_URL") {
                Some(url) => Some(origin("CARILLON_PUBLIC_URL", &url)?),
                None => None,
            },
            cors_origins: cors_origins(&variables.given("CARILLON_CORS_ORIGINS").unwrap_or_default())?,
            push_audience: variables.given("CARILLON_PUSH_AUDIENCE"),
            ..default
        })
    }
}

fn requests_per_minute(count: &str) -> Result<u32, Mistake> {
    match count.parse::<u32>() {
        Ok(count) if (1..=REQUESTS_PER_MINUTE_MAX).contains(&count) => Ok(count),
        _ => {
            let rule = format!("must be a whole number from 1 to {REQUESTS_PER_MINUTE_MAX}");
            Err(Mistake::new("CARILLON_REQUESTS_PER_MINUTE", rule))
        }
    }
}

fn admin_key(key: &str) -> Result<[u8; 32], Mistake> {
    if key.contains(|c: char| c == ',' || c.is_whitespace()) {
        // The header that carries it is split there.
        return Err(Mistake::new("CARILLON_ADMIN_KEY", "must have no comma and no white space"));
    }
    match key.len() {
        ADMIN_KEY_BYTES_MIN.. => Ok(admin_key_digest(key)),
        _ => {
            let rule = format!("must have at least {ADMIN_KEY_BYTES_MIN} characters");
            Err(Mistake::new("CARILLON_ADMIN_KEY", rule))
        }
    }
}

/// Origins that pages call from, separated by commas.
fn cors_origins(list: &str) -> Result<Vec<String>, Mistake> {
    let origins = list.split(',').map(str::trim).filter(|one| !one.is_empty());
    let origins: Vec<String> =
        origins.map(|one| origin("CARILLON_CORS_ORIGINS", one)).collect::<Result<_, _>>()?;
    match origins.len() {
        0..=CORS_ORIGINS_COUNT_MAX => Ok(origins),
        _ => {
            let rule = format!("must name at most {CORS_ORIGINS_COUNT_MAX} origins");
            Err(Mistake::new("CARILLON_CORS_ORIGINS", rule))
        }
    }
}

/// An address of a host alone, spelled as browsers do.
fn origin(variable: &'static str, url: &str) -> Result<String, Mistake> {
    let is_bare = address::credentials(url).is_none();
    let origin = address::parse(url).ok().filter(|_| is_bare);
    let origin = origin.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let rule = "must be an address without a path, as `https://mail.example`";
    let origin = origin.ok_or_else(|| Mistake::new(variable, rule))?;
    Ok(origin.origin().ascii_serialization())
}

/// The key itself is not kept.
pub(crate) fn admin_key_digest(key: &str) -> [u8; 32] {
    domain::ids::hash_of(&[b"admin key", key.as_bytes()])
}

fn retention(days: &str) -> Result<Duration, Mistake> {
    match days.parse::<u32>() {
        Ok(days) if (1..=RETENTION_DAYS_MAX).contains(&days) => Ok(Duration::days(days.into())),
        _ => {
            let rule = format!("must be a whole number of days from 1 to {RETENTION_DAYS_MAX}");
            Err(Mistake::new("CARILLON_RETENTION_DAYS", rule))
        }
    }
}

/// The environment, or what a test puts in its place.
pub struct Variables<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// A value without the space around it; an empty one counts as none.
    pub fn given(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A value that has to be there.
    ///
    /// # Errors
    /// [`Mistake`] if it is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<String, Mistake> {
        self.given(name).ok_or_else(|| Mistake::new(name, "must be set"))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// [`Mistake`] if it is neither yes nor no.
    pub fn switch(&self, name: &'static str, default: bool) -> Result<bool, Mistake> {
        match self.given(name).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "yes") => Ok(true),
            Some("false" | "0" | "no") => Ok(false),
            Some(_) => Err(Mistake::new(name, "must be true or false")),
        }
    }
}

/// A variable is not what it has to be. A value is not repeated where it could be a secret in the wrong place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} {rule}")]
pub struct Mistake {
    /// Name of the variable.
    pub variable: &'static str,
    /// What it must be; reads on from the name.
    pub rule: String,
}

impl Mistake {
    /// This variable breaks this rule, which reads on from its name.
    pub fn new(variable: &'static str, rule: impl Into<String>) -> Self {
        Mistake { variable, rule: rule.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_an_origin() {
        let read = |url: &str| {
            let url = url.to_owned();
            Config::read(&Variables(&move |name| (name == "CARILLON_PUBLIC_URL").then(|| url.clone())))
        };
        assert_eq!(
            read("https://mail.example/").unwrap().public_url.as_deref(),
            Some("https://mail.example")
        );
        assert_eq!(read("").unwrap().public_url, None);
        assert_eq!(read("HTTPS://Mail.example").unwrap().public_url.as_deref(), Some("https://mail.example"));
        for wrong in [
            "mail.example",
            "https://mail.example/console",
            "https://mail.example/?a",
            "https://mail.example/#a",
            "ftp://mail.example",
            "https://u@mail.example",
            "https://:p@mail.example",
            "https://mail.example:0",
            "https://mail..example",
        ] {
            assert_eq!(read(wrong).err().unwrap().variable, "CARILLON_PUBLIC_URL", "{wrong}");
        }
    }

    #[test]
    fn origins_are_named_one_by_one() {
        let read = |list: &str| read(&[("CARILLON_CORS_ORIGINS", list)]).map(|config| config.cors_origins);
        assert_eq!(
            read("https://App.example/, http://localhost:3000,").unwrap(),
            ["https://app.example", "http://localhost:3000"]
        );
        assert!(read("").unwrap().is_empty());
        for wrong in ["*", "null", "app.example", "https://app.example/page", "https://*.app.example"] {
            assert_eq!(read(wrong).unwrap_err().variable, "CARILLON_CORS_ORIGINS", "{wrong}");
        }
        assert!(read(&"https://app.example,".repeat(51)).is_err());
    }

    #[test]
    fn a_provider_is_at_an_address_that_can_be_asked() {
        let name = "CARILLON_GMAIL_API_URL";
        for right in [
            "http://127.0.0.1:9/",
            "http://[::1]:9",
            "http://LOCALHOST/x",
            "HTTPS://stand-in.example/gmail",
            "",
        ] {
            assert!(read(&[(name, right)]).is_ok(), "{right}");
        }
        for wrong in [
            "stand-in.example",
            "http://127.0.0.1:99999",
            "http://[::1",
            "ftp://stand-in.example",
            "http://stand-in.example",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            assert_eq!(read(&[(name, wrong)]).err().unwrap().variable, name, "{wrong}");
        }
    }

    #[test]
    fn one_variable_may_name_the_addresses_of_all_providers() {
        let list = "CARILLON_GMAIL_API_URL=https://a.example/, CARILLON_GRAPH_API_URL=https://b.example/v1.0";
        let given = [(PROVIDER_URLS, list), ("CARILLON_GRAPH_API_URL", "https://own.example")];
        let config = read(&given).unwrap();
        let at = |variable| config.endpoints.url(&Endpoint { variable, default: "" }).to_owned();
        assert_eq!(at("CARILLON_GMAIL_API_URL"), "https://a.example");
        assert_eq!(at("CARILLON_GRAPH_API_URL"), "https://own.example");
        for wrong in ["CARILLON_GMAIL_API_URL", "CARILLON_NOBODYS_URL=https://a.example"] {
            assert_eq!(read(&[(PROVIDER_URLS, wrong)]).err().unwrap().variable, PROVIDER_URLS, "{wrong}");
        }
    }

    fn read(given: &[(&str, &str)]) -> Result<Config, Mistake> {
        let lookup =
            |name: &str| given.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(&Variables(&lookup))
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let config =
            read(&[("CARILLON_RETENTION_DAYS", " "), ("CARILLON_REQUIRE_HTTPS_CALLBACKS", "")]).unwrap();
        assert_eq!(config.retention, Duration::days(7));
        assert_eq!(config.retry_policy, RetryPolicy::default());
        assert!(!config.require_https_callbacks);
    }

    #[test]
    fn no_delays_are_one_attempt() {
        assert_eq!(read(&[("CARILLON_RETRY_DELAYS", "")]).unwrap().retry_policy.delay_after(1), None);
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        let read = |key| read(&[("CARILLON_ADMIN_KEY", key)]);
        for key in ["sixteen bytes or more", "sixteen,bytes,or,more", "sixteen\tbytes-or-more"] {
            let error = read(key).unwrap_err().to_string();
            assert_eq!(error, "CARILLON_ADMIN_KEY must have no comma and no white space");
        }
        assert!(read(" sixteen-bytes-or-more= ").unwrap().admin_key_digest.is_some());
    }

    #[test]
    fn a_mistake_names_variable_and_rule() {
        let error = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(error("CARILLON_RETENTION_DAYS", "0").starts_with("CARILLON_RETENTION_DAYS must be"));
        assert!(error("CARILLON_RETRY_DELAYS", "8,x").starts_with("CARILLON_RETRY_DELAYS"));
        assert_eq!(
            error("CARILLON_REQUIRE_HTTPS_CALLBACKS", "maybe"),
            "CARILLON_REQUIRE_HTTPS_CALLBACKS must be true or false"
        );
    }
}
