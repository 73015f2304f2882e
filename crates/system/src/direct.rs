//! What speaks to others directly: no proxy, no redirects, and the system's root certificates, read once in a process.

use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::OnceLock;

/// With the first request: the certificates are most of the time that a start would take.
static TLS: OnceLock<ClientConfig> = OnceLock::new();

/// The system has no root certificates that can be read.
#[derive(Debug, thiserror::Error)]
#[error("the system has no root certificates that can be read")]
pub struct NoRootCertificates(#[from] rustls::Error);

/// A client as it is made for providers and for AWS, whatever proxy the environment names. What its maker does not set
/// has the library's own value: no time-outs, and idle connections kept for 90 seconds.
///
/// # Errors
/// The first time, where the root certificates can't be read.
pub fn direct_client() -> Result<reqwest::ClientBuilder, NoRootCertificates> {
    Ok(client_with(tls()?))
}

/// The same with this TLS.
pub(crate) fn client_with(mut tls: ClientConfig) -> reqwest::ClientBuilder {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        // Answers come as they are: who asks for compressed ones unpacks them.
        .no_gzip()
        .redirect(Policy::none())
        .tcp_nodelay(true)
}

/// TLS with the system's root certificates. Two that are first at once both read them.
pub(crate) fn tls() -> Result<ClientConfig, NoRootCertificates> {
    if let Some(tls) = TLS.get() {
        return Ok(tls.clone());
    }
    // Already installed is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = ClientConfig::builder().with_platform_verifier()?.with_no_client_auth();
    Ok(TLS.get_or_init(|| tls).clone())
}
