//! What is refused, how it is said, and that nothing of it is stored.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use doubles::FaultKind;
use serde_json::{Value, json};

/// Configurations that break a rule, and the key that the answer must name.
fn broken() -> Vec<(&'static str, Value, &'static str)> {
    let url = |url: &str| json!({ "changed-messages": { "url": url } });
    let poller = "event.poller.configuration";
    vec![
        ("event.notification.enabled", json!("maybe"), "event.notification.enabled"),
        ("event.notification.callback.url", json!(""), "event.notification.callback.url"),
        ("event.notification.callback.url", json!("ftp://x.example"), "event.notification.callback.url"),
        ("event.notification.callback.url", json!("https;//x.example"), "event.notification.callback.url"),
        ("event.poller.refresh_interval", json!(0), "event.poller.refresh_interval"),
        ("event.poller.refresh_interval", json!("1.5"), "event.poller.refresh_interval"),
        ("event.poller.refresh_interval", json!(100_000), "event.poller.refresh_interval"),
        ("event.vendor.type", json!("push"), "event.vendor.type"),
        ("oauth.api.key", json!(""), "oauth.api.key"),
        ("oauth.api.secret", json!(null), "oauth.api.secret"),
        ("oauth.api.secret", json!("********"), "oauth.api.secret"),
        ("oauth.callback.url", json!(""), "oauth.callback.url"),
        (poller, json!("{\"changed-messages\":"), poller),
        (poller, json!([]), poller),
        (poller, json!({}), poller),
        (poller, json!({ "changed-messages": "/hubs/x" }), "event.poller.configuration.changed-messages"),
        (poller, json!({ "changed-messages": {} }), "event.poller.configuration.changed-messages.url"),
        (poller, url("/hubs/general/contacts"), "event.poller.configuration.changed-messages.url"),
        (poller, url("/hubs/general/messages?where="), "event.poller.configuration.changed-messages.url"),
        (poller, url("/messages?where=a>="), "event.poller.configuration.changed-messages.url"),
        (poller, url("/messages?where=snippet='x'"), "event.poller.configuration.changed-messages.url"),
        (poller, url("/messages?where=q='subject:x'"), "event.poller.configuration.changed-messages.url"),
        (
            poller,
            url("/messages?where=a>='${gmtDate:yyyy"),
            "event.poller.configuration.changed-messages.url",
        ),
        (
            poller,
            url("/messages?where=date>='${tomorrow}'"),
            "event.poller.configuration.changed-messages.url",
        ),
        (
            poller,
            json!({ "messages": { "url": "/messages", "datesConfiguration": {
                "updatedAtField": "a", "updatedAtFormat": "yyyy-QQ" } } }),
            "event.poller.configuration.messages.datesConfiguration.updatedAtFormat",
        ),
        (
            poller,
            json!({ "messages": { "url": "/messages", "datesConfiguration": {
                "updatedAtField": "a", "updatedAtTimezone": "Mars/Olympus" } } }),
            "event.poller.configuration.messages.datesConfiguration.updatedAtTimezone",
        ),
    ]
}

/// A configuration that is wrong is refused as a whole, before the code is spent.
#[tokio::test]
async fn every_broken_rule_is_named_and_nothing_is_stored() {
    let world = World::new(121);
    let code = world.google.new_code(GMAIL_USER);
    for (key, value, named) in broken() {
        let mut body = gmail_body(&code);
        body["configuration"][key] = value.clone();
        let reply = world.call("POST", "/instances", &body).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{named}`")), "{key} = {value}: {message}");
    }
    assert_eq!(world.get("/instances").await, json!([]));
    assert_eq!(world.google.requests(), [], "no code was spent");
    let mut body = gmail_body(&code);
    body["configuration"]["event.poller.refresh_interval"] = json!("x");
    body["configuration"]["event.vendor.type"] = json!("webhook");
    let reply = world.call("POST", "/instances", &body).await;
    let message = reply.body["message"].as_str().unwrap();
    assert!(
        message.contains("event.poller.refresh_interval") && message.contains("event.vendor.type"),
        "all at once"
    );
    world.create(&gmail_body(&code)).await;
}

#[tokio::test]
async fn a_broken_body_is_refused_in_the_same_shape() {
    let world = World::new(122);
    let code = world.google.new_code(GMAIL_USER);
    let mut without_configuration = gmail_body(&code);
    without_configuration.as_object_mut().unwrap().remove("configuration");
    let mut unknown = gmail_body(&code);
    unknown["element"]["key"] = json!("carrierpigeon");
    let mut nameless = gmail_body(&code);
    nameless["name"] = json!(7);
    let mut tagless = gmail_body(&code);
    tagless["tags"] = json!("Docs");
    let bodies = [
        ("{\"element\":", "JSON"),
        ("[]", "object"),
        ("", "JSON"),
        ("{}", "element.key"),
        (&without_configuration.to_string(), "configuration"),
        (&unknown.to_string(), "element.key"),
        (&nameless.to_string(), "name"),
        (&tagless.to_string(), "tags"),
        (&gmail_body("").to_string(), "providerData.code"),
    ];
    for (body, named) in bodies {
        let reply = world.call_as(AUTHORIZATION, "POST", "/instances", body).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains(named), "{named}: {}", reply.body);
    }
    assert_eq!(world.get("/instances").await, json!([]));
}

/// The provider's word is passed on, so that a person can tell a used code from a wrong application.
#[tokio::test]
async fn a_bad_code_is_refused_with_the_providers_word() {
    let world = World::new(123);
    let reply = world.call("POST", "/instances", &gmail_body("4/0Anonsense")).await;
    reply.assert_refused(400);
    assert_eq!(reply.body["providerMessage"], "invalid_grant");
    let mut body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    body["configuration"]["oauth.api.secret"] = json!("wrong");
    let reply = world.call("POST", "/instances", &body).await;
    assert!((400..500).contains(&reply.status), "{}", reply.status);
    assert_eq!(reply.body["providerMessage"], "invalid_client");
    // A scope that was unticked shows in the baseline, which is read before anything is stored.
    let unscoped = FaultKind::Forbidden;
    world.google.push_fault(doubles::Fault { on: doubles::Route::Profile, kind: unscoped, times: 1 });
    let reply = world.call("POST", "/instances", &gmail_body(&world.google.new_code(GMAIL_USER))).await;
    assert!((400..500).contains(&reply.status), "{}", reply.body);
    assert!(reply.body["providerMessage"].is_string());
    assert_eq!(world.get("/instances").await, json!([]));
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_bad_gateway() {
    for kind in [FaultKind::ServerError { status: 503 }, FaultKind::BadGatewayHtml, FaultKind::Truncated] {
        let world = World::new(124);
        world.google.set_fault_rate(1.0, vec![kind]);
        let code = world.google.new_code(GMAIL_USER);
        let reply = world.call("POST", "/instances", &gmail_body(&code)).await;
        reply.assert_refused(502);
        assert!(reply.body["providerMessage"].is_string());
        assert_eq!(world.get("/instances").await, json!([]));
    }
}

/// The API of the mailbox fails for now, though its token endpoint answers: the instance is there, and starts
/// from the moment the baseline could be taken.
#[tokio::test]
async fn a_baseline_that_fails_for_now_is_taken_by_a_job() {
    let world = World::new(125);
    world.google.push_fault(doubles::Fault {
        on: doubles::Route::Profile,
        kind: FaultKind::ServerError { status: 503 },
        times: 3,
    });
    let id = world.create_gmail().await;
    assert!(world.shown(id).await["resources"][0]["error"].is_string());
    world.pass(chrono::Duration::minutes(2)).await;
    assert_eq!(world.shown(id).await["resources"][0]["error"], Value::Null);
    let mail = world.google.deliver(GMAIL_USER, doubles::Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), mail)]);
}

#[tokio::test]
async fn calls_without_the_right_secrets_are_unauthorized() {
    let world = World::new(126);
    let id = world.create_gmail().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let path = format!("/instances/{id}");
    for authorization in [
        String::new(),
        "Bearer x".to_owned(),
        "User world-user".to_owned(),
        "Organization world-organization".to_owned(),
        "User nobody, Organization world-organization".to_owned(),
        "User world-user, Organization nothing".to_owned(),
        "User , Organization world-organization".to_owned(),
        format!("Element {token}"),
        format!("User nobody, Element {token}"),
        "User world-user, Element wrong".to_owned(),
        "User world-user, Organization world-organization, Element wrong".to_owned(),
    ] {
        for (method, path) in [("GET", path.as_str()), ("POST", "/instances"), ("DELETE", path.as_str())] {
            let reply = world.call_as(&authorization, method, path, "{}").await;
            reply.assert_refused(401);
        }
    }
    assert_eq!(world.shown(id).await["valid"], true);
}

#[tokio::test]
async fn the_parts_of_the_authorization_come_in_any_order_and_case() {
    let world = World::new(127);
    let id = world.create_gmail().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    for authorization in [
        "Organization world-organization, User world-user".to_owned(),
        "user world-user,organization world-organization".to_owned(),
        "USER   world-user ,  ORGANIZATION world-organization".to_owned(),
        format!("Element {token}, User world-user"),
        format!("element {token},user world-user,Organization world-organization"),
    ] {
        let reply = world.call_as(&authorization, "GET", &format!("/instances/{id}"), "").await;
        assert_eq!(reply.status, 200, "{authorization}");
        assert_eq!(reply.body["id"], id.get());
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_same_shape() {
    let world = World::new(128);
    let id = world.create_gmail().await;
    for path in [
        "/instances/2000000001",
        "/instances/0",
        "/instances/x",
        "/instances/99999999999",
        "/nothing",
        "/hubs",
        "/elements/carrierpigeon/oauth/url?apiKey=a&callbackUrl=b",
    ] {
        world.call("GET", path, &Value::Null).await.assert_refused(404);
    }
    let event = format!("/instances/{id}/events/nosuchevent");
    world.call("GET", &event, &Value::Null).await.assert_refused(404);
    world.call("POST", "/instances/2000000001/poll", &Value::Null).await.assert_refused(404);
    for (method, path) in [
        ("DELETE", "/notifications/subscriptions"),
        ("PATCH", "/notifications/subscriptions/deliveries"),
        ("GET", &format!("/instances/{id}/poll")),
        ("POST", &format!("/instances/{id}/enabled")),
    ] {
        world.call(method, path, &Value::Null).await.assert_refused(405);
    }
    for path in ["/instances?pageSize=0", "/instances?pageSize=x", "/instances?nextPage=!!"] {
        world.call("GET", path, &Value::Null).await.assert_refused(400);
    }
}

/// What the framework refuses before we see it must not fall out of the shape either.
#[tokio::test]
async fn what_cannot_be_read_at_all_is_refused_in_the_same_shape() {
    let world = World::new(129);
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(3 * 1024 * 1024));
    world.call_as(AUTHORIZATION, "POST", "/instances", &body).await.assert_refused(413);
    world.call("GET", "/instances?pageSize=1&pageSize=2", &Value::Null).await.assert_refused(400);
}
