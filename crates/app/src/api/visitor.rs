//! Where somebody asks from who has no account.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// The address of whoever asks, as far as the host says.
pub(super) struct Visitor(pub(super) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Ok(Visitor(peer.map(|peer| behind(peer, &parts.headers).unwrap_or(peer))))
    }
}

/// Whom a proxy asks for: only one that is near is believed, and only what it added itself.
fn behind(peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let is_near = match peer {
        IpAddr::V4(four) => four.is_loopback() || four.is_private(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local(),
    };
    let last = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| is_near)?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_near_says_whom_it_asks_for() {
        let asked = |peer: &str, forwarded: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            behind(peer.parse().unwrap(), &headers).map(|address| address.to_string())
        };
        assert_eq!(asked("127.0.0.1", "1.2.3.4, 203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(asked("10.0.0.1", "2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(asked("198.51.100.1", "203.0.113.7"), None, "anybody can write that");
        assert_eq!(asked("127.0.0.1", "somebody"), None);
    }
}
