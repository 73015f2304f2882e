//! OAuth applications: stored once for the mailboxes that name them.

use super::{another_organization, another_user};
use crate::world::{GMAIL_USER, OUTLOOK_USER, Reply, World, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

const PATH: &str = "/applications/mail";

fn application(connector: &str) -> Value {
    json!({
        "name": "mail", "connector": connector,
        "apiKey": doubles::CLIENT_ID, "apiSecret": doubles::CLIENT_SECRET,
    })
}

async fn store(world: &World, body: &Value) -> Value {
    let reply = world.call("POST", "/applications", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

/// The body of a creation that names the application.
fn naming(mut body: Value, name: &str) -> Value {
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.remove("oauth.api.key").unwrap();
    configuration.remove("oauth.api.secret").unwrap();
    configuration.insert("oauth.application".to_owned(), json!(name));
    body
}

async fn outlook(world: &World) -> InstanceId {
    store(world, &application("outlookemail")).await;
    world.create(&naming(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), "mail")).await
}

#[track_caller]
fn assert_says(reply: &Reply, status: u16, words: &str) {
    reply.assert_refused(status);
    assert!(reply.body["message"].as_str().unwrap().contains(words), "{}", reply.body);
}

/// It is checked as if it were stored.
#[tokio::test]
async fn a_dry_run_stores_no_application() {
    let world = World::new(3320);
    let tried = |body: Value| {
        let world = &world;
        async move { world.call("POST", "/applications?dryRun=true", &body).await }
    };
    let reply = tried(application("gmail")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.call("GET", PATH, &Value::Null).await.assert_refused(404);
    let mut odd = application("gmail");
    odd["name"] = json!("a b");
    tried(odd).await.assert_refused(400);
    store(&world, &application("gmail")).await;
    tried(application("gmail")).await.assert_refused(409);
}

/// Its key and secret stand in it alone; the instance shows its name.
#[tokio::test]
async fn an_instance_that_names_an_application_signs_in_with_it() {
    let world = World::new(3301);
    let stored = store(&world, &application("gmail")).await;
    assert_eq!((&stored["apiSecret"], &stored["instancesCount"]), (&json!("********"), &json!(0)));
    let id = world.create(&naming(gmail_body(&world.google.new_code(GMAIL_USER)), "mail")).await;
    let shown = world.shown(id).await;
    assert_eq!(shown["configuration"]["oauth.application"], "mail");
    assert_eq!(shown["configuration"].get("oauth.api.secret"), None);
    assert_eq!(world.get(PATH).await["instancesCount"], 1);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.expire_access_tokens(GMAIL_USER);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived().len(), 1, "{mail}");
    let url = world.get(&format!("/instances/{id}/oauth/url")).await["oauthUrl"].to_string();
    assert!(url.contains(&format!("client_id={}", doubles::CLIENT_ID)), "{url}");
    let url = world.get("/elements/gmail/oauth/url?application=mail&callbackUrl=https://a.test/cb").await;
    assert!(url["oauthUrl"].to_string().contains(doubles::CLIENT_ID), "{url}");
}

/// One secret for all its mailboxes: what a process remembers of it is read again before anything fails.
#[tokio::test]
async fn a_rotated_secret_takes_effect_before_anything_fails() {
    let world = World::new(3302);
    let id = outlook(&world).await;
    // Another process writes it: this one learns of it from the refusal alone.
    let another = world.another_process();
    world.microsoft.set_client(doubles::CLIENT_ID, "rotated");
    let reply = world.patch_on(&another, PATH, &json!({ "apiSecret": "rotated" })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    let before = world.microsoft.token_requests_count();
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    let poll = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert_eq!(poll.status, 200, "{}", poll.body);
    assert_eq!(world.microsoft.token_requests_count() - before, 2, "refused once, and read again once");
    let shown = world.shown(id).await;
    assert_eq!((shown.get("applicationError"), &shown["valid"]), (None, &json!(true)), "{shown}");
    world.run_until_idle().await;
}

/// A secret that is wrong still blames no mailbox, and a poll asks no more than once for each time it is refused.
#[tokio::test]
async fn a_wrong_stored_secret_blames_no_mailbox() {
    let world = World::new(3303);
    let id = outlook(&world).await;
    world.microsoft.set_client(doubles::CLIENT_ID, "unknown to us");
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    let before = world.microsoft.token_requests_count();
    world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert_eq!(world.microsoft.token_requests_count() - before, 1, "nothing newer is stored");
    let shown = world.shown(id).await;
    assert_eq!(shown["valid"], true);
    assert!(shown["applicationError"].as_str().unwrap().contains("invalid_client"), "{shown}");
    world.call("PATCH", PATH, &json!({ "apiSecret": "unknown to us" })).await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.shown(id).await.get("applicationError"), None);
}

/// Refresh tokens are bound to the client id.
#[tokio::test]
async fn what_instances_depend_on_neither_changes_nor_goes() {
    let world = World::new(3304);
    let id = outlook(&world).await;
    for (key, value) in [("apiKey", "another"), ("connector", "gmail"), ("name", "other")] {
        let reply = world.call("PATCH", PATH, &json!({ key: value })).await;
        assert_says(&reply, 400, &format!("`{key}`: can't be changed"));
    }
    let same = json!({ "name": "mail", "apiKey": doubles::CLIENT_ID, "apiSecret": "********" });
    assert_eq!(world.call("PATCH", PATH, &same).await.status, 200);
    assert_says(&world.call("DELETE", PATH, &Value::Null).await, 409, "an instance names");
    assert_says(&world.call("POST", "/applications", &application("outlookemail")).await, 409, "`name`");
    assert_eq!(world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await.status, 200);
    assert_eq!(world.get(PATH).await["instancesCount"], 0);
    assert_eq!(world.call("DELETE", PATH, &Value::Null).await.status, 200);
    world.call("GET", PATH, &Value::Null).await.assert_refused(404);
    world.run_until_idle().await;
}

/// From an instance's own credentials to a stored application of the same client id nobody has to sign in; to another
/// client id somebody has.
#[tokio::test]
async fn another_client_id_needs_another_sign_in() {
    let world = World::new(3305);
    let id = world.create_outlook().await;
    let path = format!("/instances/{id}");
    store(&world, &application("outlookemail")).await;
    let mut other = application("outlookemail");
    other["name"] = json!("other");
    other["apiKey"] = json!("another-client");
    store(&world, &other).await;
    let name = |name: &str| json!({ "configuration": { "oauth.application": name } });
    assert_says(&world.call("PATCH", &path, &name("other")).await, 400, "needs a new sign-in");
    let shown = world.patch(id, &name("mail")).await;
    assert_eq!(shown["configuration"].get("oauth.api.key"), None, "{shown}");
    assert_says(&world.call("PATCH", &path, &name("other")).await, 400, "needs a new sign-in");
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    world.poll(id).await;
    assert_eq!(world.get(PATH).await["instancesCount"], 1);
    let own = json!({ "configuration": {
        "oauth.api.key": doubles::CLIENT_ID, "oauth.api.secret": doubles::CLIENT_SECRET,
    } });
    let shown = world.patch(id, &own).await;
    assert_eq!(shown["configuration"].get("oauth.application"), None, "{shown}");
    assert_eq!(world.get(PATH).await["instancesCount"], 0);
}

#[tokio::test]
async fn what_can_not_be_named_is_refused() {
    let world = World::new(3306);
    let create = async |body: &Value| world.call("POST", "/instances", body).await;
    let code = world.microsoft.new_code(OUTLOOK_USER);
    let missing = naming(outlook_body(&code), "mail");
    assert_says(&create(&missing).await, 400, "`oauth.application`: is not the name");
    store(&world, &application("gmail")).await;
    assert_says(&create(&missing).await, 400, "of the connector `gmail`");
    let mut both = outlook_body(&code);
    both["configuration"]["oauth.application"] = json!("mail");
    assert_says(&create(&both).await, 400, "must not be given beside");
    for (key, value, words) in [
        ("name", json!("a/b"), "`name`"),
        ("name", json!(""), "`name`"),
        ("connector", json!("nobody"), "`connector`"),
        ("apiKey", Value::Null, "`apiKey`"),
        ("apiSecret", json!("********"), "`apiSecret`"),
        ("tenant", json!("contoso.test"), "`tenant`"),
    ] {
        let mut body = application("gmail");
        body["name"] = json!("another");
        body[key] = value;
        assert_says(&world.call("POST", "/applications", &body).await, 400, words);
    }
    let unknown = "/elements/gmail/oauth/url?application=none&callbackUrl=https://a.test/cb";
    assert_says(&world.call("GET", unknown, &Value::Null).await, 400, "`application`");
}

/// A tenant takes its place in the addresses; one that was configured for doubles has none.
#[tokio::test]
async fn a_tenant_is_kept_and_taken_out() {
    let world = World::new(3307);
    let mut body = application("outlookemail");
    body["tenant"] = json!("contoso.test");
    assert_eq!(store(&world, &body).await["tenant"], "contoso.test");
    assert_says(&world.call("PATCH", PATH, &json!({ "tenant": "a/b" })).await, 400, "`tenant`");
    let patched = world.call("PATCH", PATH, &json!({ "tenant": "" })).await;
    assert_eq!((patched.status, patched.body.get("tenant")), (200, None));
}

/// Administrators write; members name; other organizations see nothing.
#[tokio::test]
async fn administrators_write_and_members_name() {
    let world = World::new(3308);
    store(&world, &application("gmail")).await;
    let member = another_user(&world, false).await.authorization();
    let body = application("gmail").to_string();
    for (method, path, body) in
        [("POST", "/applications", body.as_str()), ("PATCH", PATH, "{}"), ("DELETE", PATH, "")]
    {
        world.call_as(&member, method, path, body).await.assert_refused(403);
    }
    let listed = world.call_as(&member, "GET", "/applications", "").await;
    assert_eq!(listed.body[0]["name"], "mail", "{}", listed.body);
    let body = naming(gmail_body(&world.google.new_code(GMAIL_USER)), "mail").to_string();
    world.call_as(&member, "POST", "/instances", &body).await.instance_id();
    world.run_until_idle().await;
    let other = another_organization(&world).await.authorization();
    world.call_as(&other, "GET", PATH, "").await.assert_refused(404);
    assert_eq!(world.call_as(&other, "GET", "/applications", "").await.body, json!([]));
    let body = naming(gmail_body(&world.google.new_code(GMAIL_USER)), "mail").to_string();
    assert_says(&world.call_as(&other, "POST", "/instances", &body).await, 400, "`oauth.application`");
}

/// Who did what, and no secret; neither in the folder.
#[tokio::test]
async fn writes_are_recorded_and_the_secret_is_sealed() {
    let world = World::new(3309);
    let mut body = application("gmail");
    body["apiSecret"] = json!("a-secret-of-the-application");
    store(&world, &body).await;
    world.clock.advance(Duration::seconds(1));
    world.call("PATCH", PATH, &json!({ "apiSecret": "the-next-secret" })).await;
    world.clock.advance(Duration::seconds(1));
    world.call("DELETE", PATH, &Value::Null).await;
    let record = world.get("/organizations/1/audit").await;
    let actions: Vec<&str> =
        record.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["application.removed", "application.changed", "application.created"]);
    assert_eq!(record[0]["subject"], "applications/mail");
    assert!(!record.to_string().contains("secret-of") && !record.to_string().contains("next-secret"));
    store(&world, &body).await;
    let documents = "SELECT group_concat(document) FROM applications";
    let stored: String = world
        .rows()
        .read("read applications", |conn| conn.query_row(documents, [], |row| row.get(0)))
        .await
        .unwrap();
    assert!(stored.contains("apiSecretSealed") && !stored.contains("a-secret-of"), "{stored}");
}

/// By name, a page at a time.
#[tokio::test]
async fn applications_are_listed_in_pages() {
    let world = World::new(3310);
    for name in ["c", "a", "b"] {
        let mut body = application("gmail");
        body["name"] = json!(name);
        store(&world, &body).await;
    }
    let first = world.call("GET", "/applications?pageSize=2", &Value::Null).await;
    let names =
        |body: &Value| body.as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.body), ["a", "b"]);
    let token = first.headers["elements-next-page-token"].to_str().unwrap();
    let second = world.call("GET", &format!("/applications?pageSize=2&nextPage={token}"), &Value::Null).await;
    assert_eq!(names(&second.body), ["c"]);
    assert!(second.headers.get("elements-next-page-token").is_none());
}

/// Its list, its counts and the filter of an action on many mean the same instances.
#[tokio::test]
async fn instances_are_listed_counted_and_acted_on_by_what_they_name() {
    let world = World::new(3330);
    store(&world, &application("outlookemail")).await;
    let mut other = application("outlookemail");
    other["name"] = json!("other");
    store(&world, &other).await;
    let connect = async |name: &str| {
        let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
        world.create(&if name.is_empty() { body } else { naming(body, name) }).await
    };
    let mut ours = Vec::new();
    for name in ["mail", "other", "mail", "", "mail"] {
        let id = connect(name).await;
        ours.extend((name == "mail").then_some(id.get()));
    }
    ours.sort_unstable();
    let ids = |list: &Value| -> Vec<u32> {
        list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap() as u32).collect()
    };
    for list in ["/instances", "/elements/outlookemail/instances"] {
        assert_eq!(ids(&world.get(&format!("{list}?application=mail")).await), ours, "{list}");
        let first = world.call("GET", &format!("{list}?application=mail&pageSize=2"), &Value::Null).await;
        let token = first.headers["elements-next-page-token"].to_str().unwrap();
        let rest = format!("{list}?application=mail&pageSize=2&nextPage={token}");
        assert_eq!([ids(&first.body), ids(&world.get(&rest).await)].concat(), ours, "{list}");
    }
    assert_eq!(world.get("/instances?application=nobodys").await, json!([]));
    let counts = world.get("/instances/counts").await;
    let of = |application: &str, count: u32| json!({ "application": application, "count": count });
    assert_eq!(counts["byApplication"], json!([of("mail", 3), of("other", 1)]));
    assert_eq!((&counts["total"], &counts["otherApplications"]), (&json!(5), &json!(0)));
    let off = json!({ "action": "disable", "filter": { "application": "mail" } });
    let begun = world.call("POST", "/instances/bulk", &off).await;
    assert_eq!((begun.status, &begun.body["selected"]), (202, &json!(3)), "{}", begun.body);
    world.pass(Duration::minutes(1)).await;
    let off = world.get("/instances/counts?application=mail&status=disabled").await;
    assert_eq!(off["total"], 3);
    assert_eq!(world.get("/instances/counts?status=disabled").await["total"], 3);
    let moved = InstanceId::parse(&ours[0].to_string()).unwrap();
    world.patch(moved, &json!({ "configuration": { "oauth.application": "other" } })).await;
    assert_eq!(ids(&world.get("/instances?application=mail").await), ours[1..]);
    let counts = world.get("/instances/counts").await;
    assert_eq!(counts["byApplication"], json!([of("mail", 2), of("other", 2)]));
    world.call("DELETE", &format!("/instances/{}", ours[1]), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(world.get("/instances/counts?application=mail").await["total"], 1);
}
