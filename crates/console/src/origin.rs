//! Where the browser reaches us.

use crate::shared::Shared;
use axum::http::{HeaderMap, header};
use url::Url;

/// Whether the browser asked by https: behind a proxy, as the proxy says.
pub(crate) fn is_https(shared: &Shared, headers: &HeaderMap) -> bool {
    public_url(shared, headers).starts_with("https://")
}

/// Where the browser reaches us: as configured, or as the request says.
pub(crate) fn public_url(shared: &Shared, headers: &HeaderMap) -> String {
    if let Some(url) = &shared.0.public_url {
        return url.clone();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{}", text("host").unwrap_or("localhost"))
}

/// Whether an address is at the host that was asked, or at the public address.
pub(crate) fn is_own(shared: &Shared, headers: &HeaderMap, address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => return false,
    };
    let public = shared.0.public_url.as_deref().and_then(|url| Url::parse(url).ok());
    let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    asked.is_some_and(|asked| asked.eq_ignore_ascii_case(&host))
        || public.is_some_and(|public| public.origin() == url.origin())
}
