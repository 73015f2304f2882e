//! Everything outside of Carillon: the providers, and where callbacks go.

use doubles::{Clock, FaultKind, Google, Microsoft, Receiver};
use tokio::net::TcpListener;

/// Providers and a receiver, served on loopback.
pub struct Outside {
    /// Double of Google's services.
    pub google: Google,
    /// Double of Microsoft's services.
    pub microsoft: Microsoft,
    /// Receives callbacks.
    pub receiver: Receiver,
    at: [String; 3],
}

impl Outside {
    /// Serves them on free ports.
    pub async fn start() -> Self {
        Self::start_at(["127.0.0.1:0"; 3]).await
    }

    /// Serves them at these addresses: Google, Microsoft, receiver.
    pub async fn start_at(addresses: [&str; 3]) -> Self {
        #[allow(clippy::disallowed_methods)] // the doubles live in real time here
        let clock = Clock::new(|| chrono::Utc::now().timestamp_micros());
        let (google, microsoft) = (Google::new(clock.clone(), 1), Microsoft::new(clock.clone(), 2));
        let receiver = Receiver::new(clock);
        let at = [
            serve(addresses[0], google.router()).await,
            serve(addresses[1], microsoft.router()).await,
            serve(addresses[2], receiver.router()).await,
        ];
        Outside { google, microsoft, receiver, at }
    }

    /// The variables that lead to the providers.
    pub fn variables(&self) -> [(&'static str, String); 6] {
        let [google, microsoft, _] = &self.at;
        [
            ("CARILLON_GOOGLE_AUTH_URL", format!("{google}/o/oauth2/v2/auth")),
            ("CARILLON_GOOGLE_TOKEN_URL", format!("{google}/token")),
            ("CARILLON_GMAIL_API_URL", google.clone()),
            ("CARILLON_MICROSOFT_AUTH_URL", format!("{microsoft}/common/oauth2/v2.0/authorize")),
            ("CARILLON_MICROSOFT_TOKEN_URL", format!("{microsoft}/common/oauth2/v2.0/token")),
            ("CARILLON_GRAPH_API_URL", format!("{microsoft}/v1.0")),
        ]
    }

    /// Both providers take so long for each request, ms; 0 ends it.
    pub fn slow_down(&self, ms: u64) {
        let (share, kinds) = if ms == 0 { (0.0, Vec::new()) } else { (1.0, vec![FaultKind::Slow { ms }]) };
        self.google.set_fault_rate(share, kinds.clone());
        self.microsoft.set_fault_rate(share, kinds);
    }

    /// The address of a path of the receiver.
    pub(crate) fn callback_url(&self, path: &str) -> String {
        format!("{}{path}", self.at[2])
    }
}

async fn serve(address: &str, router: axum::Router) -> String {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(doubles::serve(listener, router));
    format!("http://{address}")
}
