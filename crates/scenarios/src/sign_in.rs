//! A user signs in with a browser, as the interface says where.

use crate::client::{Client, with};
use crate::mailbox::Mailbox;
use crate::organization::text;
use doubles::CLIENT_ID;
use reqwest::Url;

/// Where the application wants users back, as the bodies of the documentation have it.
const CALLBACK_URL: &str = "https://app.example/oauth";

/// The question for the address that a user is sent to.
pub(crate) fn question(mailbox: &Mailbox, scope: &str, state: &str) -> String {
    let path = format!("/elements/{}/oauth/url", mailbox.connector());
    let query = [("apiKey", CLIENT_ID), ("callbackUrl", CALLBACK_URL), ("scope", scope), ("state", state)];
    with(&path, &query)
}

/// The user consents at that address and comes back with a code.
pub(crate) async fn consent(client: &Client, mailbox: &Mailbox, url: &str, state: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().append_pair("login_hint", mailbox.address());
    let back = client.visit(url.as_str()).await.expect("the provider sends the user back");
    assert!(back.starts_with(CALLBACK_URL), "{back}");
    assert_eq!(parameter(&back, "state"), Some(state.to_owned()));
    parameter(&back, "code").expect("the user brings a code")
}

/// A parameter of an address's query.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let address = Url::parse(address).unwrap();
    address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into())
}

/// A code for these scopes.
pub(crate) async fn sign_in(client: &Client, mailbox: &Mailbox, scope: &str) -> String {
    let told = client.get(&question(mailbox, scope, "a state")).await;
    consent(client, mailbox, &text(&told, "oauthUrl"), "a state").await
}
