//! Addresses: what no client can use is refused when it is saved, and a password in one is kept as a secret.

use super::{HEADERS, PASSWORD, URL, USERNAME, assert_names, change, headers_of_next};
use crate::world::{CALLBACK, GMAIL_USER, World, gmail_body};
use serde_json::{Value, json};

/// The secret in it is `pass#word`.
const WITH_PASSWORD: &str = "http://user:pass%23word@callback.test/hook";
const MASKED: &str = "http://user:********@callback.test/hook";
/// `user:pass#word`, as basic authentication has it.
const BASIC: &str = "Basic dXNlcjpwYXNzI3dvcmQ=";

#[tokio::test]
async fn a_callback_that_no_client_can_use_is_refused_when_it_is_saved() {
    let world = World::new(911);
    let id = world.create_gmail().await;
    for address in [
        "http://127.0.0.1:80:80/",
        "http://127.0.0.1:99999/",
        "http://host:port/",
        "http://[::1/x",
        "http://[::1",
        "http://256.1.1.1/",
        "http://%zz/",
        "http://user@/x",
        "http://:8080/",
        "http://xn--/",
        "http://*/",
        "http://..",
        "http://a..b/",
        "http://a:0/",
        "https;//x.example",
        "http:x.example",
    ] {
        assert_names(&change(&world, id, json!({ URL: address })).await, &[URL]);
        let mut body = gmail_body("unused");
        body["configuration"][URL] = json!(address);
        assert_names(&world.call("POST", "/instances", &body).await, &[URL]);
        let item = format!("/instances/{id}/configuration/{URL}");
        assert_names(&world.call("PATCH", &item, &json!({ "propertyValue": address })).await, &[URL]);
    }
    assert_eq!(world.shown(id).await["configuration"][URL], CALLBACK);
    for address in ["HTTP://callback.test/hook", "Http://CALLBACK.test:80/hook", " http://callback.test/h\n"]
    {
        let reply = change(&world, id, json!({ URL: address })).await;
        assert_eq!(reply.status, 200, "{address}: {}", reply.body);
    }
    headers_of_next(&world, id).await;
}

#[tokio::test]
async fn an_address_that_owners_are_sent_back_to_is_read_too() {
    let world = World::new(912);
    let id = world.create_gmail().await;
    let key = "oauth.callback.url";
    for address in
        ["http://app:port/", "http://[::1", "no address", "https://a..b/", "https://u:p@app.example/"]
    {
        assert_names(&change(&world, id, json!({ key: address })).await, &[key]);
    }
    // Applications on a device have addresses of their own schemes.
    for address in ["https://app.example/x", "http://localhost:5000", "com.example.app:/oauth"] {
        assert_eq!(change(&world, id, json!({ key: address })).await.status, 200, "{address}");
    }
}

/// It is sent as basic authentication, and whoever looks at the instance sees a mask.
#[tokio::test]
async fn a_password_in_an_address_is_sent_and_never_shown() {
    let world = World::new(913);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"][URL] = json!(WITH_PASSWORD);
    let reply = world.call("POST", "/instances", &body).await;
    let id = reply.instance_id();
    assert_eq!(reply.body["configuration"][URL], MASKED);
    assert_eq!(reply.body["eventsNotificationCallbackUrl"], MASKED);
    assert_eq!(headers_of_next(&world, id).await["authorization"], BASIC);
    let mut seen = world.dump();
    for path in [
        "/instances".to_owned(),
        format!("/instances/{id}"),
        format!("/instances/{id}/configuration"),
        format!("/instances/{id}/events"),
        "/notifications/subscriptions".to_owned(),
        "/notifications/subscriptions/deliveries".to_owned(),
        "/organizations/1/audit".to_owned(),
    ] {
        let reply = world.call("GET", &path, &Value::Null).await;
        seen.push_str(&reply.body.to_string());
    }
    assert!(seen.contains(MASKED) && !seen.contains("pass%23word") && !seen.contains("pass#word"), "{seen}");
    let wanted = "/notifications/subscriptions?where=instanceId%3D";
    let shown = world.get(&format!("{wanted}{id}")).await;
    assert_eq!(shown[0]["config"]["url"], MASKED);
}

#[tokio::test]
async fn a_masked_address_that_comes_back_leaves_its_password_as_it_is() {
    let world = World::new(914);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"][URL] = json!(WITH_PASSWORD);
    let id = world.create(&body).await;
    let whole = world.shown(id).await["configuration"].clone();
    let path = format!("/instances/{id}");
    let reply = world.call("PUT", &path, &json!({ "configuration": whole })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(headers_of_next(&world, id).await["authorization"], BASIC);
    let other_path = "http://user:********@callback.test/other";
    assert_eq!(change(&world, id, json!({ URL: other_path })).await.status, 200);
    assert_eq!(headers_of_next(&world, id).await["authorization"], BASIC);
    for other in ["http://user:********@elsewhere.test/hook", "http://another:********@callback.test/hook"] {
        assert_names(&change(&world, id, json!({ URL: other })).await, &[URL]);
    }
    assert_eq!(change(&world, id, json!({ URL: CALLBACK })).await.status, 200);
    assert!(!headers_of_next(&world, id).await.contains_key("authorization"), "it went with the address");
    assert_names(&change(&world, id, json!({ URL: MASKED })).await, &[URL]);
}

/// The address is another one then, and a reason to try what waits.
#[tokio::test]
async fn a_corrected_password_in_an_address_releases_what_waits() {
    let world = World::new(916);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"][URL] = json!("http://user:wrong@callback.test/hook");
    let id = world.create(&body).await;
    world.receiver.answer_next(410);
    headers_of_next(&world, id).await;
    assert_eq!(world.shown(id).await["subscription"]["status"], "suspended");
    world.patch(id, &json!({ "configuration": { URL: WITH_PASSWORD } })).await;
    assert_eq!(world.receiver.take().remove(0).headers["authorization"], BASIC);
    assert_eq!(world.shown(id).await["subscription"]["status"], "active");
}

/// Replies hold tokens.
#[tokio::test]
async fn no_reply_is_kept_by_whatever_is_on_its_way() {
    let world = World::new(917);
    let id = world.create_gmail().await;
    for path in [format!("/instances/{id}"), "/instances/1".to_owned(), "/nothing".to_owned()] {
        let reply = world.call("GET", &path, &Value::Null).await;
        assert_eq!(
            (&reply.headers["cache-control"], &reply.headers["x-content-type-options"]),
            (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap()),
            "{path}"
        );
    }
}

/// One request carries one authorization.
#[tokio::test]
async fn a_password_in_an_address_and_another_beside_it_are_refused() {
    let world = World::new(915);
    let id = world.create_gmail().await;
    for beside in [
        json!({ URL: WITH_PASSWORD, USERNAME: "bell" }),
        json!({ URL: WITH_PASSWORD, PASSWORD: "ring" }),
        json!({ URL: WITH_PASSWORD, HEADERS: "Authorization: Bearer x" }),
    ] {
        change(&world, id, beside).await.assert_refused(400);
    }
    assert_eq!(change(&world, id, json!({ URL: WITH_PASSWORD, HEADERS: "X-Key: 1" })).await.status, 200);
    let headers = headers_of_next(&world, id).await;
    assert_eq!(
        (&headers["authorization"], &headers["x-key"]),
        (&BASIC.parse().unwrap(), &"1".parse().unwrap())
    );
}
