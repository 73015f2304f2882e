//! Text as editors and clients on Windows write it.

use super::change;
use crate::world::{AUTHORIZATION, GMAIL_USER, World, gmail_body};
use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const MARK: char = '\u{feff}';

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over() {
    let world = World::new(931);
    let body = format!("{MARK}{}", gmail_body(&world.google.new_code(GMAIL_USER)));
    let id = world.call_as(AUTHORIZATION, "POST", "/instances", &body).await.instance_id();
    world.run_until_idle().await;
    let interval = json!({ "configuration": { "event.poller.refresh_interval": "5" } });
    for (method, path, body) in [
        ("PATCH", format!("/instances/{id}"), interval.clone()),
        (
            "PATCH",
            format!("/instances/{id}/configuration/event.poller.refresh_interval"),
            json!({ "propertyValue": "6" }),
        ),
        (
            "POST",
            "/elements/gmail/oauth/url".to_owned(),
            json!({ "apiKey": "a", "callbackUrl": "https://b.example" }),
        ),
        ("POST", "/accounts/settings".to_owned(), json!({ "notification.webhook.failure.policy": "retry" })),
    ] {
        for body in [format!("{MARK}{body}"), format!("{MARK}\r\n {body}")] {
            let reply = world.call_as(AUTHORIZATION, method, &path, &body).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        }
    }
    let twice = format!("{MARK}{MARK}{interval}");
    let reply = world.call_as(AUTHORIZATION, "PATCH", &format!("/instances/{id}"), &twice).await;
    reply.assert_refused(400);
}

#[tokio::test]
async fn a_byte_order_mark_before_a_value_is_passed_over() {
    let world = World::new(932);
    let id = world.create_gmail().await;
    for (key, value) in [
        (
            "event.poller.configuration",
            "{\r\n \"changed-messages\": {\"url\": \"/hubs/general/changed-messages\"}\r\n}",
        ),
        ("event.poller.urls", "changed-messages"),
        ("event.notification.callback.headers", "{\"X-Key\": \"1\"}"),
        ("event.notification.callback.headers", "X-Key: 1\r\n"),
        ("event.poller.refresh_interval", "7"),
        ("event.notification.enabled", "true"),
        ("event.notification.callback.url", "http://callback.test/hook"),
    ] {
        let reply = change(&world, id, json!({ key: format!("{MARK}{value}") })).await;
        assert_eq!(reply.status, 200, "{key}: {}", reply.body);
    }
    let shown = world.shown(id).await["configuration"].clone();
    assert!(!shown.to_string().contains(MARK), "{shown}");
    assert_eq!(shown["event.poller.refresh_interval"], "7");
    assert_eq!(super::headers_of_next(&world, id).await["x-key"], "1");
}

/// Neither can be read as JSON: each is said in its own words.
#[tokio::test]
async fn a_compressed_body_and_another_encoding_are_refused_by_name() {
    let world = World::new(933);
    let id = world.create_gmail().await;
    let send = async |method: &str, encoding: Option<&str>, body: Vec<u8>| {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://carillon.test{}/instances/{id}", app::api::BASE_PATH))
            .header("authorization", AUTHORIZATION);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = world.app.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (parts.status.as_u16(), parts.headers, body)
    };
    let body = json!({ "name": "new" }).to_string().into_bytes();
    for encoding in ["gzip", "deflate", "br", "gzip, identity"] {
        let (status, headers, reply) = send("PATCH", Some(encoding), body.clone()).await;
        assert_eq!((status, &headers["accept-encoding"]), (415, &"identity".parse().unwrap()), "{reply}");
        assert_eq!(headers["elements-request-id"], reply["requestId"].as_str().unwrap());
        assert!(reply["message"].as_str().unwrap().contains("Content-Encoding"), "{reply}");
    }
    for encoding in [Some("identity"), Some(""), None] {
        assert_eq!(send("PATCH", encoding, body.clone()).await.0, 200, "{encoding:?}");
    }
    assert_eq!(send("GET", Some("gzip"), Vec::new()).await.0, 200, "there is nothing to decode");
    for utf16 in [[0xff, 0xfe, b'{', 0, b'}', 0], [0xfe, 0xff, 0, b'{', 0, b'}']] {
        let (status, _, reply) = send("PATCH", None, utf16.to_vec()).await;
        assert_eq!(status, 400);
        assert!(reply["message"].as_str().unwrap().contains("UTF-16"), "{reply}");
    }
}
