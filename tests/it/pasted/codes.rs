//! Credentials as they are pasted: with white space around, or as the address bar has them.

use super::{assert_names, change};
use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use serde_json::{Value, json};

/// Every letter but letters and digits, as an address bar may have them.
fn encoded(code: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_string(),
        false => c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
    };
    code.chars().map(letter).collect()
}

#[tokio::test]
async fn white_space_around_credentials_is_not_part_of_them() {
    for space in ["\n", " ", "\r\n", "\t", "\u{a0}", "\u{feff}", "\u{200b}"] {
        let world = World::new(941);
        let mut body = gmail_body(&format!("{space}{}{space}", world.google.new_code(GMAIL_USER)));
        for key in ["oauth.api.key", "oauth.api.secret", "oauth.callback.url"] {
            body["configuration"][key] =
                json!(format!("{space}{}{space}", body["configuration"][key].as_str().unwrap()));
        }
        let id = world.create(&body).await;
        let again =
            json!({ "providerData": { "code": format!("{}{space}", world.google.new_code(GMAIL_USER)) } });
        assert_eq!(world.call("PATCH", &format!("/instances/{id}"), &again).await.status, 200, "{space:?}");
    }
}

#[tokio::test]
async fn white_space_around_a_refresh_token_is_not_part_of_it() {
    let world = World::new(942);
    let token = world.refresh_token().await;
    let mut body = gmail_body("");
    body["externalAuthentication"] = json!("initial");
    body["configuration"]["oauth.user.refresh_token"] = json!(format!("{token}\n"));
    let id = world.create(&body).await;
    assert_eq!(
        change(&world, id, json!({ "oauth.user.refresh_token": format!(" {token}\n") })).await.status,
        200
    );
    world.pass(chrono::Duration::hours(2)).await;
    assert_eq!(world.shown(id).await["valid"], true);
}

/// As it stands in the address bar; decoded once, when the provider does not know it as it is.
#[tokio::test]
async fn a_code_that_is_still_encoded_is_decoded_once() {
    let world = World::new(943);
    let code = world.google.new_code(GMAIL_USER);
    assert_ne!(encoded(&code), code);
    let id = world.create(&gmail_body(&encoded(&code))).await;
    world.create(&outlook_body(&encoded(&world.microsoft.new_code(OUTLOOK_USER)))).await;
    let code = encoded(&world.google.new_code(GMAIL_USER)).replace("%2F", "%2f");
    let again = json!({ "providerData": { "code": code } });
    assert_eq!(world.call("PATCH", &format!("/instances/{id}"), &again).await.status, 200);
    let twice = encoded(&encoded(&world.google.new_code(GMAIL_USER)));
    let reply = world.call("POST", "/instances", &gmail_body(&twice)).await;
    reply.assert_refused(400);
    assert_eq!(reply.body["providerMessage"], "invalid_grant");
    assert!(reply.body["message"].as_str().unwrap().contains("percent-encoded"), "{}", reply.body);
}

/// A refusal tells what it looks like, and shows no value.
#[tokio::test]
async fn what_looks_pasted_wrong_is_named() {
    let world = World::new(944);
    let mut body = gmail_body("https://app.example/oauth?state=gmail&code=4/0Aabc&scope=x");
    assert_names(&world.call("POST", "/instances", &body).await, &["providerData.code"]);
    body = gmail_body(&world.google.new_code(GMAIL_USER));
    for (key, value) in
        [("oauth.api.key", "\"client\""), ("oauth.api.secret", "two words"), ("oauth.api.key", "a%2Eb")]
    {
        let mut body = body.clone();
        body["configuration"][key] = json!(value);
        let reply = world.call("POST", "/instances", &body).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{key}`")) && !message.contains(value), "{message}");
        assert_eq!(reply.body["providerMessage"], "invalid_client");
    }
    let reply =
        world.call_as(AUTHORIZATION, "POST", "/instances", &gmail_body("4/0Aplain").to_string()).await;
    assert_eq!(reply.body["message"], "the provider's token endpoint answered 400 invalid_grant");
    assert_eq!(world.get("/instances").await, Value::Array(vec![]));
}
