//! What clients that know the dialect rely on: the documented bodies are taken as they are printed, and replies
//! have the documented shape.

mod changes;
mod conditions;
mod cors;
mod forms;
mod gmail;
mod leniency;
mod lists;
mod refusals;
mod samples;
mod sign_in;

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use chrono::Duration;
use doubles::Mail;
use samples::{GMAIL_BODY, GMAIL_CURL, OUTLOOK_BODY, OUTLOOK_CURL, filled};
use serde_json::{Value, json};

/// The keys of an object, in their order.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_documented_bodies_create_instances() {
    for (sample, client) in [
        (OUTLOOK_BODY, None),
        (OUTLOOK_CURL, Some(("Rand0MAP1-key", "fak3AP1-s3Cr3t"))),
        (GMAIL_BODY, None),
        (GMAIL_CURL, Some(("xxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxx"))),
    ] {
        let world = World::new(101);
        if let Some((id, secret)) = client {
            world.google.set_client(id, secret);
            world.microsoft.set_client(id, secret);
        }
        let is_gmail = sample.contains("gmail");
        let code =
            if is_gmail { world.google.new_code(GMAIL_USER) } else { world.microsoft.new_code(OUTLOOK_USER) };
        let reply = world.call_as(AUTHORIZATION, "POST", "/instances", &filled(sample, &code)).await;
        let id = reply.instance_id();
        assert_eq!((&reply.body["valid"], &reply.body["eventsEnabled"]), (&json!(true), &json!(true)));
        assert_eq!(reply.body["tags"], json!(["Docs"]));
        let sent = match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        world.poll(id).await;
        let log = world.get(&format!("/instances/{id}/events")).await;
        let body: Value = serde_json::from_str(log[0]["providerData"].as_str().unwrap()).unwrap();
        assert_eq!(body["message"]["events"][0]["objectId"], sent, "{log}");
        assert_eq!(body["message"]["events"][0]["eventType"], "CREATED");
        let expected = if is_gmail { "changed-messages" } else { "messages" };
        assert_eq!(body["message"]["raw"]["objectType"], expected);
        assert_eq!(body["message"]["raw"][expected].as_array().unwrap().len(), 1);
    }
}

/// The line break inside the url may come raw, as pasted, or escaped, as an editor makes it.
#[tokio::test]
async fn the_pasted_line_break_is_taken_raw_and_escaped() {
    let escaped = OUTLOOK_BODY.replace(">=\n'", ">=\\n'");
    assert_ne!(escaped, OUTLOOK_BODY);
    for sample in [OUTLOOK_BODY, escaped.as_str()] {
        let world = World::new(102);
        let body = filled(sample, &world.microsoft.new_code(OUTLOOK_USER));
        let id = world.call_as(AUTHORIZATION, "POST", "/instances", &body).await.instance_id();
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.poll(id).await;
        let log = world.get(&format!("/instances/{id}/events")).await;
        assert!(log[0]["providerData"].as_str().unwrap().contains(&mail));
    }
}

#[tokio::test]
async fn the_reply_has_the_documented_keys_in_their_order() {
    let world = World::new(103);
    let reply =
        world.call("POST", "/instances", &outlook_body(&world.microsoft.new_code(OUTLOOK_USER))).await;
    let body = &reply.body;
    let documented = [
        "id",
        "name",
        "createdDate",
        "token",
        "element",
        "elementId",
        "tags",
        "provisionInteractions",
        "valid",
        "disabled",
        "maxCacheSize",
        "cacheTimeToLive",
        "providerData",
        "configuration",
        "eventsEnabled",
        "traceLoggingEnabled",
        "cachingEnabled",
        "externalAuthentication",
        "user",
    ];
    assert_eq!(keys(body)[..documented.len()], documented);
    assert!(keys(body).contains(&"eventsNotificationCallbackUrl") && keys(body).contains(&"subscriptionId"));
    let documented = [
        "id",
        "name",
        "key",
        "description",
        "image",
        "logo",
        "active",
        "deleted",
        "typeOauth",
        "trialAccount",
        "resources",
        "transformationsEnabled",
        "bulkDownloadEnabled",
        "bulkUploadEnabled",
        "cloneable",
        "extendable",
        "beta",
        "authentication",
        "extended",
        "useModelsForMetadata",
        "hub",
        "protocolType",
        "parameters",
        "private",
    ];
    assert_eq!(keys(&body["element"]), documented);
    let user = ["id", "emailAddress", "firstName", "lastName"];
    assert_eq!(keys(&body["user"]), user);
    let shown = world.shown(reply.instance_id()).await;
    for key in keys(body).into_iter().filter(|key| !["notices", "trial"].contains(key)) {
        assert_eq!(shown[key], body[key], "{key} reads as it was created");
    }
}

#[tokio::test]
async fn the_reply_has_the_documented_values() {
    let world = World::new(104);
    let reply = world.call("POST", "/instances", &gmail_body(&world.google.new_code(GMAIL_USER))).await;
    let body = &reply.body;
    let id = body["id"].as_u64().unwrap();
    assert!((1..1 << 31).contains(&id), "{id}");
    assert!((1..1_u64 << 31).contains(&body["subscriptionId"].as_u64().unwrap()));
    assert_eq!(body["createdDate"], "2026-11-22T12:00:00Z");
    assert!(body["token"].as_str().unwrap().len() > 20);
    assert_eq!((&body["elementId"], &body["element"]["id"]), (&json!(6409), &json!(6409)));
    assert_eq!((&body["element"]["key"], &body["element"]["hub"]), (&json!("gmail"), &json!("general")));
    assert_eq!(body["element"]["authentication"], json!({ "type": "oauth2" }));
    assert_eq!((&body["eventsEnabled"], &body["disabled"]), (&json!(true), &json!(false)));
    assert_eq!(body["eventsNotificationCallbackUrl"], crate::world::CALLBACK);
    assert_eq!(body["externalAuthentication"], "none");
    let configuration = body["configuration"].as_object().unwrap();
    assert!(configuration.values().all(Value::is_string), "{configuration:?}");
    for secret in ["oauth.api.key", "oauth.api.secret", "event.notification.signature.key"] {
        assert_eq!(configuration[secret], "********", "{secret}");
    }
    assert_eq!(configuration["event.notification.enabled"], "true");
    assert_eq!(configuration["event.poller.refresh_interval"], "15");
    let poller: Value =
        serde_json::from_str(configuration["event.poller.configuration"].as_str().unwrap()).unwrap();
    assert_eq!(poller["changed-messages"]["idField"], "id");
    assert!(!configuration.contains_key("oauth.user.refresh_token"), "it was not configured");
    let request_id = reply.headers["elements-request-id"].to_str().unwrap();
    assert_eq!(request_id.len(), 24);
}

/// The spellings that the documentation mixes all arrive as one.
#[tokio::test]
async fn aliases_arrive_under_the_documented_name() {
    for (key, url) in [
        ("/changed-messages", "/hubs/general/changed-message"),
        ("changed-messages", "/hubs/general/changed-messages"),
        ("changed-messages", " /changed-messages "),
        ("/changed-messages", "/hubs/anything/changed-messages"),
    ] {
        let world = World::new(105);
        let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
        body["configuration"]["event.poller.configuration"] = json!({ key: { "url": url, "idField": "id" } });
        let id = world.create(&body).await;
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
        let received = world.receiver.take();
        let body: Value = serde_json::from_slice(&received[0].body).unwrap();
        let event = &body["message"]["events"][0];
        assert_eq!((&event["objectType"], &event["objectId"]), (&json!("changed-messages"), &json!(mail)));
        assert_eq!(body["message"]["raw"]["changed-messages"][0]["id"], mail, "{key} {url}");
    }
}

/// Clients send what their form library makes of it: texts for booleans, numbers for texts, and the poller
/// configuration as an object or as its text.
#[tokio::test]
async fn booleans_numbers_and_objects_come_as_such_or_as_texts() {
    let world = World::new(106);
    let poller = r#"{"changed-messages":{"url":"/hubs/general/changed-messages","idField":"id","filterByUpdatedDate":"false","createdCheckTolerance":"5"}}"#;
    for (enabled, interval, poller) in [
        (json!("true"), json!(15), json!(poller)),
        (json!("TRUE"), json!("15"), serde_json::from_str(poller).unwrap()),
        (json!(true), json!(" 15 "), json!(poller.replace("\"idField\"", "\n\t\"idField\""))),
    ] {
        let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
        body["configuration"]["event.notification.enabled"] = enabled;
        body["configuration"]["event.poller.refresh_interval"] = interval;
        body["configuration"]["event.poller.configuration"] = poller;
        let id = world.create(&body).await;
        assert_eq!(world.shown(id).await["eventsEnabled"], true);
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
        assert!(world.arrived().contains(&("CREATED".to_owned(), mail)));
    }
}

/// Without events there is no schedule, and no poll; no request goes to the mailbox.
#[tokio::test]
async fn without_events_nothing_is_polled() {
    let world = World::new(107);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.retain(|key, _| key.starts_with("oauth."));
    let id = world.create(&body).await;
    let shown = world.shown(id).await;
    assert_eq!(
        (&shown["eventsEnabled"], &shown["configuration"]["event.notification.enabled"]),
        (&json!(false), &json!("false"))
    );
    world.google.clear_requests();
    world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(2)).await;
    assert_eq!((world.google.requests(), world.arrived()), (vec![], vec![]));
}

/// A kept refresh token instead of a code.
#[tokio::test]
async fn an_existing_refresh_token_creates_an_instance() {
    let world = World::new(108);
    let mut body = gmail_body("");
    body["externalAuthentication"] = json!("initial");
    let refused = world.call("POST", "/instances", &body).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body["message"].as_str().unwrap().contains("oauth.user.refresh_token"),
        "{}",
        refused.body
    );
    body["configuration"]["oauth.user.refresh_token"] = json!(world.refresh_token().await);
    let id = world.create(&body).await;
    let shown = world.shown(id).await;
    assert_eq!(shown["externalAuthentication"], "initial");
    assert_eq!(shown["configuration"]["oauth.user.refresh_token"], "********");
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(3)).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), mail)]);
}

/// Where to send a user: offline access is asked for, or no refresh token comes; old scopes are translated.
#[tokio::test]
async fn the_address_to_sign_in_at_asks_for_lasting_access() {
    let world = World::new(109);
    let common = "apiKey=k&apiSecret=s&callbackUrl=https%3A%2F%2Fapp.example%2Foauth";
    let gmail = world.get(&format!("/elements/gmail/oauth/url?{common}")).await;
    assert_eq!(gmail["element"], "gmail");
    let url = gmail["oauthUrl"].as_str().unwrap();
    assert!(url.starts_with("http://google.test/o/oauth2/v2/auth?"), "{url}");
    for part in [
        "access_type=offline",
        "prompt=consent",
        "response_type=code",
        "state=gmail",
        "client_id=k",
        "gmail.readonly",
        "redirect_uri=https%3A%2F%2Fapp.example%2Foauth",
    ] {
        assert!(url.contains(part), "{part} in {url}");
    }
    assert!(!url.contains("=s&") && !url.ends_with("=s"), "the secret is not in the address: {url}");
    let outlook = world.get(&format!("/elements/6410/oauth/url?{common}&state=mine")).await;
    assert_eq!(outlook["element"], "outlookemail");
    let url = outlook["oauthUrl"].as_str().unwrap();
    for part in ["offline_access", "Mail.Read", "state=mine", "response_type=code"] {
        assert!(url.contains(part), "{part} in {url}");
    }
    let old = "scope=https%3A%2F%2Foutlook.office.com%2Fmail.readwrite";
    let outlook = world.get(&format!("/elements/outlookemail/oauth/url?{common}&{old}")).await;
    let url = outlook["oauthUrl"].as_str().unwrap();
    assert!(
        url.contains("graph.microsoft.com%2FMail.ReadWrite") && !url.contains("outlook.office.com"),
        "{url}"
    );
    assert!(url.contains("offline_access") && url.contains("state=outlookemail"), "{url}");
    let refused = world.call("GET", "/elements/gmail/oauth/url?apiKey=k", &Value::Null).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["message"].as_str().unwrap().contains("callbackUrl"));
}

/// The samples point the callback at the platform itself: it is taken, and nothing follows.
#[tokio::test]
async fn the_platforms_own_callback_takes_everything() {
    let world = World::new(110);
    for path in
        ["/events", "/events/", "/events/gmail", "/events/gmail/NzAwMDAwMQ==", "/events/page.elementKey/"]
    {
        for authorization in [AUTHORIZATION, ""] {
            let reply = world.call_as(authorization, "POST", path, r#"{"message":{}}"#).await;
            assert_eq!(reply.status, 200, "{path}");
        }
    }
    assert_eq!(world.call_as("", "POST", "/events/gmail", "no JSON").await.status, 200);
    assert_eq!(world.get("/instances").await, json!([]));
}
