//! Connectors, and signing in.

use crate::document::BASE_PATH;
use crate::organization::text;
use crate::sign_in::{consent, parameter, question};
use crate::{Callback, Instance, Mailbox, Organization, Platform, body};
use serde_json::{Value, json};

pub async fn a_connector_tells_what_it_does_and_wants_to_be_told(platform: &dyn Platform) {
    let client = platform.client();
    let listed = client.list("/elements").await;
    let keys = client.list("/elements/keys").await;
    assert_eq!(listed.len(), keys.len());
    for (element, key) in listed.iter().zip(&keys) {
        assert_eq!(element["key"], *key);
        for name in [text(element, "key"), element["id"].to_string()] {
            assert_eq!(client.get(&format!("/elements/{name}")).await, *element);
        }
        let path = format!("/elements/{}", text(element, "key"));
        let metadata = client.get(&format!("{path}/metadata")).await;
        let resources = metadata["resources"].as_array().unwrap();
        for (name, poller) in metadata["events"]["polling"]["resources"].as_object().unwrap() {
            let resource = resources.iter().find(|one| one["name"] == name.as_str()).unwrap();
            assert!(resource["polling"].is_string(), "{resource}");
            assert!(text(poller, "url").starts_with("/hubs/"), "{poller}");
        }
        let docs = client.get(&format!("{path}/docs")).await;
        for name in client.list(&format!("{path}/objects")).await {
            let read = format!("/hubs/{}/{}", text(element, "hub"), name.as_str().unwrap());
            assert!(docs["paths"][format!("{BASE_PATH}{read}")]["get"].is_object(), "{read}");
            assert!(resources.iter().any(|one| one["name"] == name), "{name}");
        }
        let items = client.list(&format!("{path}/configuration")).await;
        assert!(items.iter().map(|item| item["displayOrder"].as_u64()).is_sorted());
        for needed in ["oauth.api.key", "oauth.api.secret", "oauth.callback.url"] {
            assert!(items.iter().any(|item| item["key"] == needed && item["required"] == true));
        }
    }
    for below in ["", "/metadata", "/configuration", "/instances", "/objects", "/docs"] {
        client.refused("GET", &format!("/elements/fax{below}"), &Value::Null, 404).await;
    }
}

/// All three calls send the user to the same place, and with what they come back a mailbox is connected.
pub async fn a_user_signs_in_where_the_interface_says(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let callback = Callback::new(outside, "signs-in");
    for mailbox in &Mailbox::each(outside, "signs-in") {
        let path = format!("/elements/{}", mailbox.connector());
        client.refused("GET", &format!("{path}/oauth/url"), &Value::Null, 400).await;
        let usual = client.get(&question(mailbox, "", "a state")).await;
        let scope = &parameter(&text(&usual, "oauthUrl"), "scope").expect("there is a usual scope");
        let query = question(mailbox, scope, "a state");
        let told = client.get(&query).await;
        assert_eq!(told, usual);
        assert_eq!(told["element"], mailbox.connector());
        assert_eq!(client.get(&query.replace("/oauth/url", "/oauth/url/default")).await, told);
        let asked = json!({
            "apiKey": doubles::CLIENT_ID,
            "callbackUrl": "https://app.example/oauth",
            "scope": scope,
            "state": "a state",
        });
        assert_eq!(client.done("POST", &format!("{path}/oauth/url"), &asked).await, told);
        let code = consent(&client, mailbox, &text(&told, "oauthUrl"), "a state").await;
        let mut wanted = body(mailbox, &callback);
        wanted["providerData"]["code"] = code.into();
        wanted.as_object_mut().unwrap().remove("element");
        let created = client.done("POST", &format!("{path}/instances"), &wanted).await;
        let told = [mailbox.deliver()];
        client.poll_well(Instance::of(&created).id).await;
        callback.wait_for(&told).await;
    }
}
