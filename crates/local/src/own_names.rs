//! While only this machine can connect, only its own names are answered.
//!
//! A page of another site can have its name lead here once it is loaded (DNS rebinding): browsers then send requests of that
//! page to us, and show it our answers. The name that they ask for is still the other site's.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::address;
use std::sync::Arc;
use url::Url;

const REFUSED: &str = "this name is none of this server's: use localhost, or set CARILLON_PUBLIC_URL\n";

/// Names beside this machine's.
#[derive(Clone)]
pub(crate) struct OwnNames(Arc<[String]>);

impl OwnNames {
    /// With those of the addresses that others are given.
    pub(crate) fn of(given: &[String]) -> Self {
        let host = |url: &String| Some(Url::parse(url).ok()?.host_str()?.to_owned());
        OwnNames(given.iter().filter_map(host).collect())
    }

    fn is_own(&self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let is_given = |host: &str| self.0.iter().any(|name| name == host);
        is_bare && (address::is_loopback(&url) || url.host_str().is_some_and(is_given))
    }
}

/// Refuses other names. Who names none is no browser.
pub(crate) async fn answer_own(State(names): State<OwnNames>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match hosts.all(|host| host.to_str().is_ok_and(|host| names.is_own(host))) {
        true => next.run(request).await,
        false => (StatusCode::MISDIRECTED_REQUEST, REFUSED).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_names_and_those_given_to_others_are_its_own() {
        let given = ["https://Mail.example:8443", "https://push.example"].map(str::to_owned);
        let (plain, public) = (OwnNames::of(&[]), OwnNames::of(&given));
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "demo.localhost", "localhost."]
        {
            assert!(plain.is_own(host) && public.is_own(host), "{host}");
        }
        for host in ["mail.example", "MAIL.example:8443", "mail.example:1", "push.example"] {
            assert!(public.is_own(host) && !plain.is_own(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil.example#localhost",
            "evil.example/localhost",
            "10.0.0.1",
            "0.0.0.0",
            "",
            "a b",
        ] {
            assert!(!plain.is_own(host) && !public.is_own(host), "{host}");
        }
    }
}
