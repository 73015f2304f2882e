//! How the demo's mailboxes ring: what is set up at the stand-ins, and what an instance says of it.

use doubles::{Double, Google, Providers, Way};
use std::net::SocketAddr;

/// Where the stand-ins reach the demo: by https, as providers demand. Nothing of this name exists.
const HOST: &str = "demo.carillon.example";
/// How long a pull waits for its notice, us.
const PULL_WAIT_US: i64 = 30_000_000;

/// Our address as the providers have it.
pub(super) fn address() -> String {
    format!("https://{HOST}")
}

fn name(kind: &str) -> String {
    format!("projects/{}/{kind}/mail", Google::PROJECT)
}

/// Lets the stand-ins send notices to our listener, and sets up what is pulled from.
pub(super) fn set_up(providers: &Providers, listener: SocketAddr) {
    let google = &providers.google;
    google.add_topic(&name("topics"));
    google.add_pull_subscription(&name("subscriptions"), &name("topics"));
    google.set_pull_wait_us(PULL_WAIT_US);
    providers.set_way(&Way::through([(HOST.to_owned(), listener)].into()));
    let providers = providers.clone();
    tokio::spawn(async move { providers.keep_sending().await });
}

/// What an instance says to be told by push; nothing where its connector knows none.
pub(super) fn settings(providers: &Providers, double: &dyn Double) -> Vec<(&'static str, String)> {
    let webhooks = ("event.vendor.type", "webhooks".to_owned());
    match double.connector() {
        "gmail" => vec![
            webhooks,
            ("event.vendor.push.topic", name("topics")),
            ("event.vendor.push.subscription", name("subscriptions")),
            ("event.vendor.push.key", providers.google.service_account_key()),
        ],
        "outlookemail" => vec![webhooks],
        _ => Vec::new(),
    }
}
