//! Where somebody asks from who has no account.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// The address of whoever asks, as far as the host says: it knows which proxies stand before it.
pub(super) struct Visitor(pub(super) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Visitor(peer.map(|peer| peer.0.ip().to_canonical())))
    }
}
