//! The owner of a mailbox signs in by a link, without an account.

use crate::organization::text;
use crate::sign_in::parameter;
use crate::{Callback, Client, Instance, Mailbox, Organization, PUBLIC_URL, Platform, body};
use reqwest::Url;
use serde_json::{Value, json};

/// The pair of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What a developer prepares: users come back here.
pub(super) fn prepared(mailbox: &Mailbox, callback: &Callback) -> Value {
    let mut wanted = body(mailbox, callback);
    wanted["configuration"]["oauth.callback.url"] = format!("{PUBLIC_URL}/oauth/callback").into();
    wanted
}

pub(super) fn token(made: &Value) -> String {
    let url = text(made, "url");
    assert!(url.starts_with(&format!("{PUBLIC_URL}/link?key=")), "{url}");
    parameter(&url, "key").unwrap()
}

/// What the provider sends this user back with.
pub(super) async fn returned(anybody: &Client, link: &str, mailbox: &Mailbox) -> Value {
    let asked = json!({ "link": link, "state": "a-state", "codeChallenge": CHALLENGE });
    let told = anybody.done("POST", "/sign-in-links/login", &asked).await;
    let mut url = Url::parse(&text(&told, "oauthUrl")).unwrap();
    url.query_pairs_mut().append_pair("login_hint", mailbox.address());
    let back = anybody.visit(url.as_str()).await.expect("the provider sends the user back");
    assert!(back.starts_with(PUBLIC_URL), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("a-state"));
    let code = parameter(&back, "code").expect("the user brings a code");
    json!({ "link": link, "providerData": { "code": code, "codeVerifier": VERIFIER } })
}

async fn status(anybody: &Client, link: &str) -> Value {
    anybody.done("POST", "/sign-in-links/look", &json!({ "link": link })).await["status"].clone()
}

/// The same mailbox goes on, and another one changes nothing.
pub async fn an_owner_signs_in_again_by_a_link(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let anybody = client.authorized("");
    let callback = Callback::new(outside, "owners");
    let (mailbox, other) = (Mailbox::outlook(outside, "owner"), Mailbox::outlook(outside, "stranger"));
    let id = client.create(&prepared(&mailbox, &callback)).await.id;
    let path = format!("/instances/{id}");
    mailbox.revoke();
    client.call("POST", &format!("{path}/poll"), &Value::Null).await;
    let told = [mailbox.deliver()];
    let link = token(&client.done("POST", &format!("{path}/sign-in-link"), &Value::Null).await);
    assert_eq!(status(&anybody, &link).await, "open");
    let wrong = returned(&anybody, &link, &other).await;
    anybody.refused("POST", "/sign-in-links/return", &wrong, 409).await;
    assert_eq!(status(&anybody, &link).await, "open");
    let right = returned(&anybody, &link, &mailbox).await;
    let done = anybody.done("POST", "/sign-in-links/return", &right).await;
    assert_eq!((&done["again"], &done["mailbox"]), (&json!(true), &json!(mailbox.address())));
    callback.wait_for(&told).await;
    assert_eq!(
        (client.get(&path).await["valid"].clone(), status(&anybody, &link).await),
        (json!(true), json!("used"))
    );
    anybody.refused("POST", "/sign-in-links/return", &right, 410).await;
    anybody.refused("POST", "/sign-in-links/look", &json!({ "link": format!("{link}x") }), 404).await;
}

/// With what its developer prepared.
pub async fn a_mailbox_is_connected_by_a_link(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let anybody = client.authorized("");
    let callback = Callback::new(outside, "hosted");
    for mailbox in &Mailbox::each(outside, "hosted") {
        let mut wanted = prepared(mailbox, &callback);
        let object = wanted.as_object_mut().unwrap();
        object.remove("providerData");
        object.insert("tags".to_owned(), json!([mailbox.connector()]));
        let link = token(&client.done("POST", "/sign-in-links", &wanted).await);
        let right = returned(&anybody, &link, mailbox).await;
        anybody.done("POST", "/sign-in-links/return", &right).await;
        let all = client.list(&format!("/instances?tags%5B%5D={}", mailbox.connector())).await;
        assert_eq!(all.len(), 1);
        let told = [mailbox.deliver()];
        client.poll_well(Instance::of(&all[0]).id).await;
        callback.wait_for(&told).await;
        assert_eq!(status(&anybody, &link).await, "used");
    }
}
