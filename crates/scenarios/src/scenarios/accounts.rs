//! Organizations, their users, what accounts are set to, and the record of what was changed.

use crate::organization::{administrator, text};
use crate::{Callback, Mailbox, Organization, Platform, until};
use serde_json::{Value, json};

/// Whatever one organization asks for of the other's is not there.
pub async fn organizations_see_nothing_of_each_other(platform: &dyn Platform) {
    let outside = platform.outside();
    let (first, second) = (Organization::new(platform).await, Organization::new(platform).await);
    let mailbox = Mailbox::gmail(outside, "separate");
    let callback = Callback::new(outside, "separate");
    let id = first.client.connect(&mailbox, &callback).await.id;
    let told = [mailbox.deliver()];
    first.client.poll_well(id).await;
    callback.wait_for(&told).await;
    let events = async || Some(first.client.list("/instances/events").await).filter(|all| !all.is_empty());
    let event = text(&until("the log has the event", events).await[0], "id");
    assert_eq!(second.client.list("/instances").await, [Value::Null; 0]);
    assert_eq!(second.client.list("/instances/events").await, [Value::Null; 0]);
    assert_eq!(second.client.get("/instances/count").await["totalInstances"], 0);
    assert_eq!(second.client.get("/notifications/subscriptions").await, json!([]));
    let paths = ["", "/configuration", "/events", "/backfill"].map(|below| format!("/instances/{id}{below}"));
    let others = [
        format!("/instances/events/{event}"),
        format!("/instances/{id}/events/{event}"),
        format!("/organizations/{}/users", first.id),
        format!("/organizations/{}/audit", first.id),
    ];
    for path in paths.iter().chain(&others) {
        first.client.get(path).await;
        second.client.refused("GET", path, &Value::Null, 404).await;
    }
    second.client.refused("DELETE", &paths[0], &Value::Null, 404).await;
    second.client.refused("POST", &format!("/instances/{id}/poll"), &Value::Null, 404).await;
    let mixed = first.client.authorization().split(',').next().unwrap().to_owned();
    let organization = second.client.authorization().split(',').nth(1).unwrap();
    let mixed = first.client.authorized(&format!("{mixed},{organization}"));
    mixed.refused("GET", "/instances", &Value::Null, 401).await;
}

/// Only the administrator's key is for all organizations.
pub async fn the_administrators_key_alone_makes_organizations(platform: &dyn Platform) {
    let administrator = administrator(platform);
    let made = Organization::new(platform).await;
    let listed = administrator.list("/organizations").await;
    assert!(listed.iter().any(|one| one["id"] == made.id && one["usersCount"] == 1), "{listed:?}");
    for method in ["GET", "POST"] {
        made.client.refused(method, "/organizations", &Value::Null, 403).await;
        let stranger = made.client.authorized("Admin a key that nobody ever gave to anybody");
        stranger.refused(method, "/organizations", &Value::Null, 401).await;
    }
    administrator.refused("POST", "/organizations/2147483647/users", &json!({}), 404).await;
}

/// A user without the sight of all sees and administers nothing but their own.
pub async fn a_user_sees_what_is_theirs_until_they_are_removed(platform: &dyn Platform) {
    let outside = platform.outside();
    let organization = Organization::new(platform).await;
    let (user_id, own) = organization.add_user(false).await;
    let (_, other) = organization.add_user(false).await;
    let (_, chief) = organization.add_user(true).await;
    let callback = Callback::new(outside, "own");
    let id = own.connect(&Mailbox::gmail(outside, "own"), &callback).await.id;
    let path = format!("/instances/{id}");
    for client in [&organization.client, &chief, &own] {
        assert_eq!(client.get(&path).await["id"], id);
    }
    other.refused("GET", &path, &Value::Null, 404).await;
    let users = format!("/organizations/{}/users", organization.id);
    own.refused("GET", &users, &Value::Null, 403).await;
    let listed = chief.list(&users).await;
    let sight: Vec<bool> = listed.iter().map(|user| user["seesAll"].as_bool().unwrap()).collect();
    assert_eq!(sight, [true, false, false, true]);
    let account = listed[1]["accountId"].as_u64().unwrap();
    assert_eq!(listed[1]["id"], user_id);
    let settings = format!("/accounts/{account}/settings");
    let queue = json!({ "notification.webhook.failure.policy": "queue" });
    other.refused("GET", &settings, &Value::Null, 404).await;
    other.refused("PATCH", &settings, &queue, 404).await;
    for (client, method, path) in [
        (&chief, "PATCH", &settings),
        (&chief, "POST", &settings),
        (&own, "POST", &"/accounts/settings".into()),
    ] {
        assert_eq!(client.done(method, path, &queue).await, queue);
    }
    assert_eq!(own.get(&settings).await, queue);
    assert_ne!(other.get("/accounts/settings").await, queue);
    let user = format!("{users}/{user_id}");
    chief.done("DELETE", &user, &Value::Null).await;
    chief.refused("DELETE", &user, &Value::Null, 404).await;
    own.refused("GET", &path, &Value::Null, 401).await;
    assert_eq!(chief.get(&path).await["id"], id, "what they connected stays");
}

pub async fn a_replaced_secret_is_worth_nothing(platform: &dyn Platform) {
    let organization = Organization::new(platform).await;
    let (user_id, user) = organization.add_user(true).await;
    let path = format!("/organizations/{}", organization.id);
    let users = format!("{path}/users/{user_id}/secret");
    let user_secret = text(&organization.client.done("PUT", &users, &Value::Null).await, "userSecret");
    user.refused("GET", "/instances", &Value::Null, 401).await;
    let replaced = organization.client.done("PUT", &format!("{path}/secret"), &Value::Null).await;
    organization.client.refused("GET", "/instances", &Value::Null, 401).await;
    let user = organization.authorized(&user_secret, &text(&replaced, "organizationSecret"));
    assert_eq!(user.get("/instances").await, json!([]));
}

/// A session does what the secrets may, begins no other, and is worth nothing once it ended or a secret was replaced.
pub async fn a_session_stands_for_the_secrets_until_it_ends(platform: &dyn Platform) {
    let organization = Organization::new(platform).await;
    let (user_id, user) = organization.add_user(true).await;
    let begin = async || {
        let session = user.done("POST", "/sessions", &Value::Null).await;
        assert!(session["expiresDate"].as_str().unwrap().ends_with('Z'));
        user.authorized(&format!("Session {}", text(&session, "sessionToken")))
    };
    let (one, other) = (begin().await, begin().await);
    assert_eq!(one.get("/instances").await, json!([]));
    one.refused("POST", "/sessions", &Value::Null, 401).await;
    user.refused("DELETE", "/sessions", &Value::Null, 400).await;
    one.done("DELETE", "/sessions", &Value::Null).await;
    one.refused("GET", "/instances", &Value::Null, 401).await;
    assert_eq!(other.get("/instances").await, json!([]));
    let path = format!("/organizations/{}/users/{user_id}/secret", organization.id);
    organization.client.done("PUT", &path, &Value::Null).await;
    other.refused("GET", "/instances", &Value::Null, 401).await;
    let nobody = user.authorized("");
    nobody.refused("POST", "/sessions/link", &json!({ "link": "a guess" }), 401).await;
    nobody.refused("POST", "/sessions/link", &json!({ "link": 1 }), 400).await;
}

/// Who, what and when, newest first, under the ids of the requests, and no secret.
pub async fn every_change_is_recorded_without_secrets(platform: &dyn Platform) {
    let outside = platform.outside();
    let Organization { client, id: organization, .. } = Organization::new(platform).await;
    let callback = Callback::new(outside, "recorded");
    let id = client.connect(&Mailbox::outlook(outside, "recorded"), &callback).await.id;
    let path = format!("/instances/{id}");
    let renamed = client.call("PATCH", &path, &json!({ "name": "Another name" })).await;
    let key = json!({ "propertyValue": "another signature key of recorded" });
    client.done("PATCH", &format!("{path}/configuration/event.notification.signature.key"), &key).await;
    client.done("DELETE", &format!("{path}/enabled"), &Value::Null).await;
    client.done("PUT", &format!("{path}/enabled"), &Value::Null).await;
    let record = format!("/organizations/{organization}/audit?pageSize=2");
    let recorded = async |last: &str| {
        until("all is recorded", async || {
            let all = client.list(&record).await;
            Some(all).filter(|all| all.iter().any(|one| one["action"] == last))
        })
        .await
    };
    let entries = recorded("instance.enabled").await;
    client.done("DELETE", &path, &Value::Null).await;
    let after_deletion = recorded("instance.deleted").await;
    let about = format!("instances/{id}");
    let of_instance: Vec<&Value> = entries.iter().filter(|one| one["subject"] == about.as_str()).collect();
    let actions: Vec<&str> = of_instance.iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..2], ["instance.enabled", "instance.disabled"]);
    assert_eq!(actions[2..], ["instance.changed", "instance.changed", "instance.created"]);
    let entry = of_instance[3];
    assert_eq!(entry["id"].as_str(), renamed.header("elements-request-id"));
    assert_eq!(
        (&entry["before"]["name"], &entry["after"]["name"]),
        (&json!("Scenario"), &json!("Another name"))
    );
    assert_eq!((&entry["actor"]["type"], &entry["fields"]), (&json!("user"), &json!(["name"])));
    assert!(entries.iter().any(|one| one["action"] == "organization.created"));
    let text = Value::from(entries).to_string();
    for secret in ["signature key of", doubles::CLIENT_SECRET] {
        assert!(!text.contains(secret), "the record shows a secret");
    }
    ends_with_its_mailbox(&after_deletion, &about, callback.url());
}

/// Each entry is still there, and names fields; the values are gone.
fn ends_with_its_mailbox(entries: &[Value], about: &str, callback: &str) {
    let of_instance: Vec<&Value> = entries.iter().filter(|one| one["subject"] == about).collect();
    let changed = of_instance.iter().filter(|one| one["fields"].is_array()).count();
    assert_eq!((of_instance.len(), changed), (6, 5));
    let text = Value::from(entries.to_vec()).to_string();
    for value in ["Another name", callback] {
        assert!(!text.contains(value), "the record shows a value of a deleted mailbox");
    }
}

/// Stored once, named by a mailbox, and not removed while it is.
pub async fn an_application_is_stored_once_and_named(platform: &dyn Platform) {
    let outside = platform.outside();
    let Organization { client, .. } = &Organization::new(platform).await;
    let (mailbox, callback) =
        (Mailbox::outlook(outside, "application"), Callback::new(outside, "application"));
    let mut wanted = crate::body(&mailbox, &callback);
    let configuration = wanted["configuration"].as_object_mut().unwrap();
    let (key, secret) = (configuration.remove("oauth.api.key"), configuration.remove("oauth.api.secret"));
    configuration.insert("oauth.application".to_owned(), json!("mail"));
    let stored = json!({
        "name": "mail", "connector": mailbox.connector(), "apiKey": key, "apiSecret": secret,
    });
    let made = client.done("POST", "/applications", &stored).await;
    assert_eq!((&made["apiSecret"], &made["instancesCount"]), (&json!("********"), &json!(0)));
    client.refused("POST", "/applications", &stored, 409).await;
    let id = client.create(&wanted).await.id;
    let path = "/applications/mail";
    assert_eq!(client.get(path).await["instancesCount"], 1);
    client.refused("DELETE", path, &Value::Null, 409).await;
    client.refused("PATCH", path, &json!({ "apiKey": "another" }), 400).await;
    client.done("PATCH", path, &json!({ "apiSecret": secret })).await;
    let told = [mailbox.deliver()];
    client.poll_well(id).await;
    callback.wait_for(&told).await;
    client.done("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    client.done("DELETE", path, &Value::Null).await;
    assert_eq!(client.list("/applications").await, [Value::Null; 0]);
}
