//! Resolution that refuses: the client connects only to what this hands out, so nothing can change between
//! the check and the connection.

use super::addresses::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// A name leads to an address that callbacks may not go to.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(crate) struct RefusedAddress;

/// Resolves by the system; a name with any address that is not public is refused whole.
pub(crate) struct CheckedResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| !is_public(address.ip())) {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
