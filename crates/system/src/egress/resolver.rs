//! Resolution that refuses: the client connects only to what this hands out, so nothing can change between
//! the check and the connection.

use super::addresses::{CallbackAddresses, is_public};
use hyper_util::client::legacy::connect::dns;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::Service;

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// To an address that callbacks may not go to.
    #[error("the name leads to an address that is not public")]
    Refused,
    #[error("the name does not resolve")]
    Unknown(#[source] io::Error),
}

/// Resolves by the system; where only public addresses are allowed, a name with any other is refused whole.
#[derive(Clone, Copy)]
pub(super) struct Resolver(pub(super) CallbackAddresses);

type SocketAddrs = std::vec::IntoIter<SocketAddr>;

impl Resolver {
    async fn resolve(self, name: &str) -> Result<SocketAddrs, ResolveError> {
        let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveError::Unknown)?;
        let found: Vec<SocketAddr> = found.collect();
        if self.0 == CallbackAddresses::Public && found.iter().any(|address| !is_public(address.ip())) {
            return Err(ResolveError::Refused);
        }
        Ok(found.into_iter())
    }
}

/// For callbacks.
impl Service<dns::Name> for Resolver {
    type Response = SocketAddrs;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<SocketAddrs, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let resolver = *self;
        Box::pin(async move { resolver.resolve(name.as_str()).await })
    }
}

/// For providers, whose names are our own: so that a failure says that it was the name.
impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = *self;
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await?;
            Ok(Box::new(found) as reqwest::dns::Addrs)
        })
    }
}
