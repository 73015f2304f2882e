//! Who sees what: every address that can be read is asked, whoever adds one.

use super::{Member, another_organization, another_user};
use crate::world::{AUTHORIZATION, GMAIL_USER, World, gmail_body};
use domain::ids::InstanceId;
use doubles::Mail;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// What an instance shows of itself wherever it is told of.
struct Marks {
    instance: String,
    subscription: String,
    event: String,
    notification: String,
    name: &'static str,
}

impl Marks {
    fn are_in(&self, body: &str) -> Option<String> {
        let numbers = [&self.instance, &self.subscription, &self.notification];
        let is_number = |number: &&&String| {
            let mut parts = body.split(|c: char| !c.is_ascii_digit());
            parts.any(|part| part == number.as_str())
        };
        let number = numbers.iter().find(is_number).map(|number| (*number).to_string());
        number.or_else(|| {
            [self.event.as_str(), self.name].into_iter().find(|mark| body.contains(mark)).map(str::to_owned)
        })
    }
}

/// An instance of these callers that delivered a notification.
async fn instance_of(world: &World, authorization: &str, name: &'static str) -> Marks {
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["name"] = json!(name);
    body["tags"] = json!([name]);
    let reply = world.call_as(authorization, "POST", "/instances", &body.to_string()).await;
    let id: InstanceId = reply.instance_id();
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let log = world.call_as(authorization, "GET", &format!("/instances/{id}/events"), "").await;
    Marks {
        instance: id.to_string(),
        subscription: reply.body["subscriptionId"].to_string(),
        event: log.body[0]["id"].as_str().unwrap().to_owned(),
        notification: log.body[0]["notificationId"].to_string(),
        name,
    }
}

/// Every address of the description that is read, filled in with an instance's own numbers.
async fn addresses(world: &World, of: &Marks) -> Vec<String> {
    let request = http::Request::get("http://carillon.test/openapi.json").body(axum::body::Body::empty());
    let response = world.app.router().oneshot(request.unwrap()).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let read = paths.filter(|(_, item)| item.get("get").is_some()).map(|(path, _)| path.clone());
    let below = read.filter_map(|path| Some(path.strip_prefix(app::api::BASE_PATH)?.to_owned()));
    let filled = below.map(|path| {
        let path = match path.starts_with("/organizations/") {
            true => path.replace("{id}", "1"),
            false => path.replace("{id}", &of.instance),
        };
        path.replace("{event}", &of.event)
            .replace("{number}", &of.notification)
            .replace("{subscription}", &of.subscription)
            .replace("{element}", "gmail")
            .replace("{item}", "event.notification.enabled")
            .replace("{hub}", "general")
            .replace("{resource}", "messages")
    });
    let topic = format!("/notifications?topics[]=instance-{}-gmail", of.instance);
    filled.filter(|path| !path.contains('{')).chain([topic]).collect()
}

/// Addresses below which the caller's own instance must be seen, so that the test sees something at all.
const TELLING: [&str; 9] = [
    "/instances",
    "/elements/gmail/instances",
    "/instances/events",
    "/instances/events/dispositions",
    "/instances/event-poller-records",
    "/instances/polling-disabled",
    "/notifications/subscriptions",
    "/instances/events/analytics/instances",
    "/notifications/subscriptions/deliveries",
];

/// Both instances have something in every list: a callback that is gone, polls that stopped.
async fn stop_all(world: &World) {
    world.receiver.set_default(410);
    for instance in world.get("/instances").await.as_array().unwrap() {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(InstanceId::parse(&instance["id"].to_string()).unwrap()).await;
    }
    world.google.revoke(GMAIL_USER);
    world.pass(chrono::Duration::minutes(16)).await;
}

async fn assert_sees_only(world: &World, authorization: &str, own: &Marks, foreign: &Marks) {
    let mut addresses = addresses(world, foreign).await;
    assert!(addresses.len() >= 30, "{addresses:?}");
    addresses.extend(TELLING.map(str::to_owned));
    for path in addresses {
        let reply = world.call_as(authorization, "GET", &path, "").await;
        let found = foreign.are_in(&reply.body.to_string());
        assert_eq!(found, None, "{path} shows another's: {}", reply.body);
        assert!(reply.status < 500, "{path}: {}", reply.body);
    }
    for path in TELLING {
        let reply = world.call_as(authorization, "GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert!(
            own.are_in(&reply.body.to_string()).is_some(),
            "{path} does not show their own: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn two_organizations_see_nothing_of_each_other() {
    let world = World::new(431);
    let other = another_organization(&world).await;
    let first = instance_of(&world, AUTHORIZATION, "First mailbox").await;
    let second = instance_of(&world, &other.authorization(), "Second mailbox").await;
    stop_all(&world).await;
    let id = InstanceId::parse(&second.instance).unwrap();
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    suspend_by_hand(&world, &other, &second).await;
    assert_sees_only(&world, AUTHORIZATION, &first, &second).await;
    assert_sees_only(&world, &other.authorization(), &second, &first).await;
}

/// The other organization's instance stops like the first one's.
async fn suspend_by_hand(world: &World, member: &Member, marks: &Marks) {
    let path = format!("/instances/{}/events/{}/retry", marks.instance, marks.event);
    let reply = world.call_as(&member.authorization(), "POST", &path, "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
}

#[tokio::test]
async fn a_user_who_sees_their_own_only_sees_nothing_of_others() {
    let world = World::new(432);
    let member = another_user(&world, false).await;
    let first = instance_of(&world, AUTHORIZATION, "First mailbox").await;
    let second = instance_of(&world, &member.authorization(), "Second mailbox").await;
    stop_all(&world).await;
    assert_sees_only(&world, &member.authorization(), &second, &first).await;
    let everything = world.get("/instances").await;
    assert_eq!(everything.as_array().unwrap().len(), 2, "who sees all sees both");
    for (path, status) in [
        (format!("/instances/events/analytics/accounts?accountIds[]={}", member.account_id), 200),
        ("/instances/events/analytics/accounts?accountIds[]=1".to_owned(), 403),
        (
            format!("/instances/events/analytics/accounts?accountIds[]={}&accountIds[]=1", member.account_id),
            403,
        ),
        (format!("/accounts/{}/settings", member.account_id), 200),
        ("/accounts/1/settings".to_owned(), 404),
        ("/organizations/1/users".to_owned(), 403),
        ("/organizations/1/audit".to_owned(), 403),
        ("/organizations".to_owned(), 403),
    ] {
        let reply = world.call_as(&member.authorization(), "GET", &path, "").await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
    }
    let own = world.call_as(&member.authorization(), "GET", "/instances/events/analytics/accounts", "").await;
    let accounts = own.body.as_array().unwrap().iter().flat_map(|row| row["records"].as_array().unwrap());
    let accounts: Vec<u64> = accounts.map(|record| record["accountId"].as_u64().unwrap()).collect();
    assert!(!accounts.is_empty() && accounts.iter().all(|id| *id == member.account_id), "{accounts:?}");
}

/// What changes an instance finds it in the same way as what reads it.
#[tokio::test]
async fn a_user_who_sees_their_own_only_changes_nothing_of_others() {
    let world = World::new(433);
    let member = another_user(&world, false).await;
    let first = instance_of(&world, AUTHORIZATION, "First mailbox").await;
    let before = world.dump_beside_audit();
    let id = &first.instance;
    for (method, path) in [
        ("PUT", format!("/instances/{id}")),
        ("PATCH", format!("/instances/{id}")),
        ("DELETE", format!("/instances/{id}")),
        ("PUT", format!("/instances/{id}/enabled")),
        ("DELETE", format!("/instances/{id}/enabled")),
        ("POST", format!("/instances/{id}/poll")),
        ("POST", format!("/instances/{id}/resume")),
        ("POST", format!("/instances/{id}/backfill")),
        ("POST", format!("/instances/{id}/events/{}/retry", first.event)),
        ("PATCH", format!("/instances/{id}/configuration/event.poller.refresh_interval")),
        ("PATCH", "/accounts/1/settings".to_owned()),
    ] {
        let body = r#"{"name":"x","propertyValue":"1","from":"2026-11-22T11:00:00Z"}"#;
        let reply = world.call_as(&member.authorization(), method, &path, body).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
    }
    let released =
        world.call_as(&member.authorization(), "PUT", "/notifications/subscriptions/deliveries", "").await;
    assert_eq!((released.status, released.body), (200, json!([])));
    assert_eq!(world.dump_beside_audit(), before);
}
