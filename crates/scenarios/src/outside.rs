//! Everything outside of Carillon: the providers, and where callbacks go.

use axum::body::Bytes;
use doubles::{Clock, FaultKind, Providers, Receiver, Way};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpListener;

/// The receiver's name beside those of the providers' servers.
const RECEIVER: &str = "receiver";

/// As long as the most patient provider waits for an answer to a notice.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(10);

/// Providers and a receiver, served on loopback.
pub struct Outside {
    /// Doubles of the providers.
    pub providers: Providers,
    /// Receives callbacks.
    pub receiver: Receiver,
    /// Where each of them is, by its name.
    at: BTreeMap<String, String>,
}

impl Outside {
    /// Serves them on free ports.
    pub async fn start() -> Self {
        Self::start_at(&BTreeMap::new()).await
    }

    /// Serves them at these addresses, by the names of the providers' servers and `receiver`; what is not named gets a
    /// free port.
    pub async fn start_at(addresses: &BTreeMap<&str, &str>) -> Self {
        #[allow(clippy::disallowed_methods)] // the doubles live in real time here
        let clock = Clock::new(|| chrono::Utc::now().timestamp_micros());
        let (providers, receiver) = (Providers::new(&clock, 1), Receiver::new(clock));
        let mut at = BTreeMap::new();
        for (name, router) in providers.servers().into_iter().chain([(RECEIVER, receiver.router())]) {
            let address = addresses.get(name).copied().unwrap_or("127.0.0.1:0");
            at.insert(name.to_owned(), serve(address, router).await);
        }
        Outside { providers, receiver, at }
    }

    /// The variables that lead to the providers.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.providers.variables(|server| self.at[server].clone())
    }

    /// Providers send their notices to the paths of this address, from now on and as they become due.
    pub fn lead_to(&self, base: &str) {
        // Already installed is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(NOTICE_TIMEOUT).build().unwrap();
        let base = base.trim_end_matches('/').to_owned();
        let way = Way::new(move |request| {
            let path = request.uri().path_and_query().map_or("", |path| path.as_str());
            let url = format!("{base}{path}");
            let http = http.clone();
            async move { sent(&http, &url, request).await }
        });
        self.providers.set_way(&way);
        let providers = self.providers.clone();
        tokio::spawn(async move { providers.keep_sending().await });
    }

    /// All providers take so long for each request, ms; 0 ends it.
    pub fn slow_down(&self, ms: u64) {
        match ms {
            0 => self.providers.set_fault_rate(0.0, &[]),
            ms => self.providers.set_fault_rate(1.0, &[FaultKind::Slow { ms }]),
        }
    }

    /// The address of a path of the receiver.
    pub(crate) fn callback_url(&self, path: &str) -> String {
        format!("{}{path}", self.at[RECEIVER])
    }
}

async fn sent(
    http: &reqwest::Client,
    url: &str,
    request: http::Request<Bytes>,
) -> Option<http::Response<Bytes>> {
    let (mut parts, body) = request.into_parts();
    // It names where the host says that it is.
    parts.headers.remove(http::header::HOST);
    let sent = http.post(url).headers(parts.headers).body(body).send().await.ok()?;
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = sent.status();
    *response.headers_mut() = sent.headers().clone();
    *response.body_mut() = sent.bytes().await.ok()?;
    Some(response)
}

async fn serve(address: &str, router: axum::Router) -> String {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(doubles::serve(listener, router));
    format!("http://{address}")
}
