//! Addresses that people give, read by the parser that sends to them, and the credentials that may stand in them.

use crate::setting_keys::MASK;
use percent_encoding::percent_decode_str;
use url::{Host, Origin, Url};

/// Longest address, bytes: more than any receiver needs, and far below what servers read.
const BYTES_MAX: usize = 2048;
/// Longest part of a host's name, and longest name, bytes: DNS has no longer ones.
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 253;

/// Why no client can use an address. Each text is a rule that reads on from a key, and shows nothing of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Of another scheme, or too long.
    #[error("must be an http or https address of at most {BYTES_MAX} bytes")]
    NoHttp,
    /// White space or control characters, which parsers drop or take for others.
    #[error("must be an address without white space or control characters")]
    Space,
    /// The parser's own word.
    #[error("must be an address that a client can use: {0}")]
    Unreadable(#[from] url::ParseError),
    /// No name server has it.
    #[error("must be an address whose host can be looked up: letters, digits, hyphens and single dots")]
    Host,
    /// Nothing listens there.
    #[error("must be an address with a port from 1 to 65535")]
    Port,
    /// Where none may be: they would be shown.
    #[error("must be an address without a user name or a password")]
    Credentials,
}

/// Reads an http or https address as the one who sends to it will; what is accepted here can be sent to.
///
/// # Errors
/// [`Unusable`] is the rule that it breaks, in words that read on from the item's name.
pub fn parse(text: &str) -> Result<Url, Unusable> {
    let text = text.trim();
    let rest = after_scheme(text).filter(|_| text.len() <= BYTES_MAX).ok_or(Unusable::NoHttp)?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Unusable::Space);
    }
    // The parser would take the first part of the path for the host.
    if rest.starts_with(['/', '\\']) {
        return Err(url::ParseError::EmptyHost.into());
    }
    let url = Url::parse(text)?;
    match url.host() {
        Some(Host::Domain(name)) if !is_name(name) => return Err(Unusable::Host),
        None => return Err(url::ParseError::EmptyHost.into()),
        Some(_) => {}
    }
    match url.port() {
        Some(0) => Err(Unusable::Port),
        _ => Ok(url),
    }
}

/// Reads an address that people are led to, in a browser or back into an application: also of an application's own
/// scheme, and without credentials.
///
/// # Errors
/// [`Unusable`], also for credentials in it.
pub fn check_led_to(text: &str) -> Result<(), Unusable> {
    if Parts::of(text).is_some() {
        return Err(Unusable::Credentials);
    }
    match after_scheme(text.trim()) {
        Some(_) => parse(text).map(drop),
        None => Ok(Url::parse(text.trim()).map(drop)?),
    }
}

/// What stands behind `http://` or `https://`, in any case.
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)
}

/// Whether a name server could have it. A final dot is the root's; `_` occurs in names of local networks.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label)
}

/// Scheme, host and port: only the server at this origin may receive what was meant for it.
pub fn origin(text: &str) -> Option<Origin> {
    Url::parse(text.trim()).ok().map(|url| url.origin())
}

/// Whether only this machine is there.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_local_name(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether nobody can be there: a name that is reserved for tests (RFC 6761).
pub fn is_of_a_test(url: &Url) -> bool {
    url.domain().is_some_and(|name| name.ends_with(".test"))
}

/// `localhost` and what is below it, which no name server answers for.
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether what is sent there can be read on the way.
pub fn is_plain_http(text: &str) -> bool {
    text.trim().split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

/// An address taken apart where its credentials stand, each part as it was written.
struct Parts<'a> {
    scheme: &'a str,
    user: &'a str,
    password: Option<&'a str>,
    /// From the host on.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` if the text is not an address, or has no credentials.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let scheme_len = text.find("://")? + "://".len();
        let (scheme, behind) = text.split_at(scheme_len);
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.:/".contains(c);
        if !scheme.chars().all(is_scheme) || text.contains(char::is_whitespace) {
            return None;
        }
        let authority = &behind[..behind.find(['/', '?', '#', '\\']).unwrap_or(behind.len())];
        let (credentials, _) = authority.rsplit_once('@')?;
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        let rest = &behind[credentials.len() + 1..];
        (!credentials.is_empty()).then_some(Parts { scheme, user, password, rest })
    }

    /// The text with these instead of its own credentials.
    fn with(&self, user: &str, password: Option<&str>) -> String {
        let colon = if password.is_some() { ":" } else { "" };
        format!("{}{user}{colon}{}@{}", self.scheme, password.unwrap_or_default(), self.rest)
    }

    fn masked(&self) -> String {
        match self.password {
            Some(password) if !password.is_empty() => self.with(self.user, Some(MASK)),
            // A name alone is a token, as a rule.
            password => self.with(MASK, password),
        }
    }
}

/// An address as it may be shown: its password is masked, or its user name where there is no password. `None` where
/// there is nothing to mask, and for anything but an address.
pub fn masked(text: &str) -> Option<String> {
    Parts::of(text).map(|parts| parts.masked())
}

/// The same where nothing has to be masked.
pub fn shown(text: &str) -> String {
    masked(text).unwrap_or_else(|| text.to_owned())
}

/// A masked address with the credentials of the stored one, if it leads to the same origin and, where that is shown,
/// names the same user.
pub fn unmasked(masked: &str, stored: &str) -> Option<String> {
    let (given, known) = (Parts::of(masked)?, Parts::of(stored)?);
    let expected = Parts { rest: given.rest, scheme: given.scheme, ..known };
    let is_same = expected.masked() == masked.trim() && origin(masked) == origin(stored);
    is_same.then(|| expected.with(expected.user, expected.password))
}

/// User name and password of an address, as basic authentication sends them.
pub fn credentials(text: &str) -> Option<(String, String)> {
    let parts = Parts::of(text)?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(parts.user), decoded(parts.password.unwrap_or_default())))
}

/// An address without its credentials.
pub fn bare(text: &str) -> String {
    match Parts::of(text) {
        Some(parts) => format!("{}{}", parts.scheme, parts.rest),
        None => text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_client_can_use_is_refused_and_says_why() {
        let rule = |text: &str| parse(text).map(|_| ()).unwrap_err().to_string();
        for text in ["http://a:80:80/", "http://a:99999/", "http://a:b/"] {
            assert!(rule(text).ends_with("invalid port number"), "{text}: {}", rule(text));
        }
        assert!(rule("http://[::1/x").ends_with("invalid IPv6 address"));
        assert!(rule("http://256.1.1.1/").ends_with("invalid IPv4 address"));
        for text in ["http://", "http:///x", "http://user@/x", "http://:8080/", "https://?x", "http://\\x"] {
            assert!(rule(text).ends_with("empty host"), "{text}: {}", rule(text));
        }
        for text in ["http://%zz/", "http://xn--/", "http://a<b/", "http://a|b/", "https://\u{ad}/"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let long = format!("http://{}.example/", "a".repeat(64));
        for text in ["http://*/", "http://../", "http://a..b/", "http://.a/", "http://a,b/", long.as_str()] {
            assert_eq!(parse(text).unwrap_err(), Unusable::Host, "{text}");
        }
        for text in ["ftp://x", "x.example", "https;//x", "http:x.example", "file:///x", "", "mailto:a@b"] {
            assert_eq!(parse(text).unwrap_err(), Unusable::NoHttp, "{text}");
        }
        assert_eq!(parse("http://a b/").unwrap_err(), Unusable::Space);
        assert_eq!(parse("http://a/\u{1}").unwrap_err(), Unusable::Space);
        assert_eq!(parse("http://a:0/").unwrap_err(), Unusable::Port);
        assert_eq!(parse(&format!("http://a/{}", "b".repeat(2040))).unwrap_err(), Unusable::NoHttp);
    }

    #[test]
    fn what_clients_use_is_accepted() {
        for text in [
            "HTTP://app.example/cb",
            "HttpS://APP.example:8443/?a=b#c",
            " https://app.example/cb\n",
            "http://localhost:1/",
            "http://receiver_1:9000/x",
            "http://127.0.0.1/",
            "http://[::1]:8080/x",
            "https://app.example./",
            "https://münchen.example/ü?ö=ä",
            "https://user:pass%23word@app.example/cb",
            "https://app.example",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn people_are_led_to_applications_too_and_with_no_password() {
        for text in
            ["https://app.example/x", "com.example.app:/oauth", "urn:ietf:wg:oauth:2.0:oob", "msal7://auth"]
        {
            assert_eq!(check_led_to(text), Ok(()), "{text}");
        }
        assert_eq!(check_led_to("https://u:p@app.example/"), Err(Unusable::Credentials));
        assert_eq!(check_led_to("https://app.example:x/"), Err(url::ParseError::InvalidPort.into()));
        assert!(check_led_to("no address").is_err() && check_led_to("HTTP://a..b").is_err());
    }

    #[test]
    fn credentials_are_masked_wherever_an_address_has_them() {
        let table = [
            ("https://user:pass%23word@app.example/cb", "https://user:********@app.example/cb"),
            ("https://user:a@b@app.example", "https://user:********@app.example"),
            ("https://:only@app.example/", "https://:********@app.example/"),
            ("https://token@app.example/a@b", "https://********@app.example/a@b"),
            ("HTTPS://token:@app.example?x", "HTTPS://********:@app.example?x"),
            ("socks5://me:word@proxy:1080", "socks5://me:********@proxy:1080"),
        ];
        for (text, expected) in table {
            assert_eq!(masked(text).as_deref(), Some(expected));
            assert_eq!(masked(expected).as_deref(), Some(expected), "once is enough");
        }
        for text in [
            "https://app.example/cb",
            "https://app.example/a@b",
            "https://app.example?to=a:b@c",
            "https://@app.example/",
            "ada@app.example",
            "user:word@app.example",
            "{\"url\": \"https://user:word@app.example\"}",
            "",
        ] {
            assert_eq!(masked(text), None, "{text}");
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_mask_stands_for_the_stored_credentials_at_their_own_origin_alone() {
        let stored = "https://user:pass%23word@app.example/cb";
        let back = |masked| unmasked(masked, stored);
        assert_eq!(back("https://user:********@app.example/cb").as_deref(), Some(stored));
        assert_eq!(
            back("https://user:********@app.example:443/other").as_deref(),
            Some("https://user:pass%23word@app.example:443/other")
        );
        for other in [
            "https://user:********@evil.example/cb",
            "http://user:********@app.example/cb",
            "https://user:********@app.example:8443/cb",
            "https://another:********@app.example/cb",
            "https://********@app.example/cb",
            "https://user:********@evil.example@app.example/cb",
            "https://app.example/cb",
        ] {
            assert_eq!(back(other), None, "{other}");
        }
        let token = unmasked("https://********@app.example/", "https://token@app.example/");
        assert_eq!(token.as_deref(), Some("https://token@app.example/"));
    }

    #[test]
    fn credentials_are_sent_decoded_and_not_in_the_address() {
        let text = "https://us%65r:pass%23word@app.example/cb?x#y";
        assert_eq!(credentials(text), Some(("user".to_owned(), "pass#word".to_owned())));
        assert_eq!(bare(text), "https://app.example/cb?x#y");
        assert_eq!(credentials("https://app.example/"), None);
        assert_eq!(bare(" https://app.example/ "), "https://app.example/");
    }

    #[test]
    fn what_is_on_this_machine_is_told_by_its_name() {
        for text in ["http://localhost", "http://a.LOCALHOST.:1/x", "http://127.8.0.1", "http://[::1]:9"] {
            assert!(is_loopback(&parse(text).unwrap()), "{text}");
        }
        for text in ["http://localhost.example", "http://10.0.0.1", "http://[::2]", "http://notlocalhost"] {
            assert!(!is_loopback(&parse(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("HTTPS://App.example/a"), origin("https://u:p@app.example:443/b"));
        for other in ["http://app.example/a", "https://app.example:444/a", "https://b.example/a"] {
            assert_ne!(origin("https://app.example/a"), origin(other), "{other}");
        }
        assert!(is_plain_http("HTTP://x") && !is_plain_http("https://x") && !is_plain_http(""));
    }
}
