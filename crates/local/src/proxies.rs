//! Proxies in front of the server, whose word on who asks is taken.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Those on this machine, and others that are named: whoever else connects asks for themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// By a list of addresses and blocks, as `10.0.0.5, fd00::/8`; `None` where one is neither.
    pub(crate) fn read(list: &str) -> Option<Self> {
        list.split(',').map(|block| self::block(block.trim())).collect::<Option<_>>().map(Proxies)
    }

    /// Who asks through this peer: of those it names the last that is no proxy itself. What stands before that one anybody
    /// may have written.
    pub(crate) fn visitor(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<_> =
            headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        let named = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut visitor = peer.to_canonical();
        for name in named {
            if !self.has(visitor) {
                break;
            }
            let Ok(before) = name.trim().parse::<IpAddr>() else { break };
            visitor = before.to_canonical();
        }
        visitor
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.iter().any(|block| block.contains(&address))
    }
}

/// An address alone is a block of one. All addresses at once are no proxies.
fn block(text: &str) -> Option<IpNet> {
    let block = text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)));
    block.filter(|block| block.prefix_len() > 0)
}

/// Has whoever asks through a proxy stand for the peer.
pub(crate) async fn see_through(
    State(proxies): State<Proxies>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let visitor = SocketAddr::new(proxies.visitor(peer.ip(), request.headers()), peer.port());
        request.extensions_mut().insert(ConnectInfo(visitor));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(proxies: &str, peer: &str, forwarded: &[&'static str]) -> String {
        let proxies = if proxies.is_empty() { Proxies::default() } else { Proxies::read(proxies).unwrap() };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.visitor(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_proxy_on_this_machine_says_whom_it_asks_for() {
        assert_eq!(visitor("", "127.0.0.1", &["1.2.3.4, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(visitor("", "::1", &["1.2.3.4", "2001:db8::1"]), "2001:db8::1");
        assert_eq!(visitor("", "::ffff:127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(visitor("", "127.0.0.1", &["somebody"]), "127.0.0.1");
        assert_eq!(visitor("", "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn anybody_else_asks_for_themselves_unless_named() {
        for peer in ["198.51.100.1", "10.0.0.1", "172.17.0.1", "fd00::1"] {
            assert_eq!(visitor("", peer, &["203.0.113.7"]), peer, "anybody can write that");
        }
        let named = "10.0.0.0/30, 198.51.100.1, fd00::/8";
        for peer in ["10.0.0.3", "198.51.100.1", "fd12::1"] {
            assert_eq!(visitor(named, peer, &["203.0.113.7"]), "203.0.113.7");
        }
        for peer in ["10.0.0.4", "198.51.100.2", "fe80::1"] {
            assert_eq!(visitor(named, peer, &["203.0.113.7"]), peer);
        }
        assert_eq!(
            visitor(named, "127.0.0.1", &["1.2.3.4, 203.0.113.7, 10.0.0.1", "10.0.0.2"]),
            "203.0.113.7"
        );
    }

    #[test]
    fn a_list_has_addresses_and_blocks() {
        for list in
            ["", "proxy", "10.0.0.0/33", "10.0.0.0/0", "10.0.0.0/", "::/129", "10.0.0.1,", "10.0.0.1:80"]
        {
            assert!(Proxies::read(list).is_none(), "{list}");
        }
    }
}
