//! What a callback is sent with belongs to the origin that it was given for.

use super::{HEADERS, PASSWORD, URL, USERNAME, assert_names, change, headers_of_next};
use crate::world::{CALLBACK, GMAIL_USER, World, gmail_body};
use domain::ids::InstanceId;
use serde_json::{Value, json};

const ELSEWHERE: &str = "http://elsewhere.test/hook";

async fn with_credentials(world: &World) -> InstanceId {
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"][USERNAME] = json!("bell");
    body["configuration"][PASSWORD] = json!("ring");
    body["configuration"][HEADERS] = json!("X-Key: secret-key");
    world.create(&body).await
}

/// Whoever may change an instance may not read what it is sent with, also not by having it sent to themselves.
#[tokio::test]
async fn stored_credentials_are_not_sent_to_another_origin() {
    let world = World::new(921);
    let id = with_credentials(&world).await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let own = format!("User world-user, Element {token}");
    for elsewhere in [ELSEWHERE, "https://callback.test/hook", "http://callback.test:8080/hook"] {
        let mut whole = world.shown(id).await["configuration"].clone();
        whole[URL] = json!(elsewhere);
        for (method, path, body) in [
            ("PATCH", "/instances".to_owned(), json!({ "configuration": { URL: elsewhere } })),
            (
                "PATCH",
                "/instances".to_owned(),
                json!({ "configuration": { URL: elsewhere, PASSWORD: "********", HEADERS: "********" } }),
            ),
            ("PATCH", "/instances?dryRun=true".to_owned(), json!({ "configuration": { URL: elsewhere } })),
            ("PUT", "/instances".to_owned(), json!({ "configuration": whole })),
            ("PATCH", format!("/instances/{id}/configuration/{URL}"), json!({ "propertyValue": elsewhere })),
        ] {
            let reply = world.call_as(&own, method, &path, &body.to_string()).await;
            assert_names(&reply, &[PASSWORD, HEADERS]);
            assert!(!reply.body.to_string().contains("secret-key"));
        }
    }
    assert_eq!(world.shown(id).await["configuration"][URL], CALLBACK);
    assert_eq!(headers_of_next(&world, id).await["x-key"], "secret-key");
}

/// Also not by taking the address out first.
#[tokio::test]
async fn an_address_that_was_away_is_another_origin() {
    let world = World::new(922);
    let id = with_credentials(&world).await;
    let away = json!({ URL: "", "event.notification.enabled": "false" });
    assert_eq!(change(&world, id, away).await.status, 200);
    assert_names(&change(&world, id, json!({ URL: ELSEWHERE })).await, &[PASSWORD, HEADERS]);
}

#[tokio::test]
async fn credentials_that_are_given_again_go_along_and_the_same_origin_keeps_them() {
    let world = World::new(923);
    let id = with_credentials(&world).await;
    for same in ["http://callback.test/another?x=1", "HTTP://callback.test:80/hook"] {
        assert_eq!(change(&world, id, json!({ URL: same })).await.status, 200, "{same}");
        assert_eq!(headers_of_next(&world, id).await["x-key"], "secret-key");
    }
    let given = json!({ URL: ELSEWHERE, PASSWORD: "new", HEADERS: "" });
    let reply = change(&world, id, given).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["configuration"][HEADERS], Value::Null);
    assert_eq!(
        reply.body["configuration"]["event.notification.signature.key"], "********",
        "it is never sent"
    );
    // A replacement names all that there is.
    let mut whole = world.shown(id).await["configuration"].clone();
    whole[URL] = json!("https://third.test/");
    let object = whole.as_object_mut().unwrap();
    object.remove(PASSWORD);
    object.remove(USERNAME);
    let reply = world.call("PUT", &format!("/instances/{id}"), &json!({ "configuration": whole })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["configuration"][PASSWORD], Value::Null);
}

/// A user name without a password is a token, as a rule.
#[tokio::test]
async fn a_name_alone_stays_with_its_origin_too() {
    let world = World::new(924);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"][USERNAME] = json!("token");
    let id = world.create(&body).await;
    assert_names(&change(&world, id, json!({ URL: ELSEWHERE })).await, &[USERNAME]);
    assert_eq!(change(&world, id, json!({ URL: ELSEWHERE, USERNAME: "token" })).await.status, 200);
}
