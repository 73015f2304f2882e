//! Access tokens over time, and secrets that stay secret.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, SIGNATURE_KEY, World, gmail_body};
use app::ports::Vault as _;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, RequestLine, Route};
use serde_json::{Value, json};

fn created(mails: &[String]) -> Vec<(String, String)> {
    mails.iter().map(|id| ("CREATED".to_owned(), id.clone())).collect()
}

/// When tokens were asked for, seconds from the first of these requests.
fn refreshes(requests: &[RequestLine]) -> Vec<i64> {
    let tokens = requests.iter().filter(|line| line.method == "POST");
    let times: Vec<i64> = tokens.map(|line| line.at_us / 1_000_000).collect();
    times.iter().map(|at| at - times[0]).collect()
}

/// The same instance, polled each minute.
async fn create_minutely(world: &World) -> InstanceId {
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.refresh_interval"] = json!(1);
    world.create(&body).await
}

#[tokio::test]
async fn tokens_are_refreshed_before_they_end_and_not_at_every_poll() {
    let world = World::new(201);
    create_minutely(&world).await;
    world.pass(Duration::hours(3)).await;
    let requests = world.google.requests();
    assert!(requests.iter().all(|line| line.status == 200), "no token was used past its end");
    let times = refreshes(&requests);
    assert_eq!(times.len(), 4, "the code, then once an hour: {times:?}");
    for pair in times.windows(2) {
        let lived = pair[1] - pair[0];
        assert!((3200..3599).contains(&lived), "{lived} s of 3599");
    }
}

/// Google gives a refresh token with the code only, and some servers leave it out now and then: the old one
/// stays.
#[tokio::test]
async fn the_refresh_token_is_kept_when_none_is_returned() {
    let world = World::new(202);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let fault = Fault { on: Route::Token, kind: FaultKind::MissingRefreshToken, times: 3 };
    world.microsoft.push_fault(fault);
    world.pass(Duration::hours(8)).await;
    assert!(world.google.token_requests_count() > 6 && world.microsoft.token_requests_count() > 6);
    let mails = [
        world.google.deliver(GMAIL_USER, Mail::default()),
        world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
    ];
    world.poll(gmail).await;
    world.poll(outlook).await;
    assert_eq!(world.arrived(), created(&mails));
    assert_eq!(
        (&world.shown(gmail).await["valid"], &world.shown(outlook).await["valid"]),
        (&json!(true), &json!(true))
    );
}

/// A provider that refuses a refresh token once it was used: each new one must have been stored.
#[tokio::test]
async fn rotated_refresh_tokens_are_stored_each_time() {
    let mut world = World::new(203);
    world.microsoft.set_refuse_reuse(true);
    let id = world.create_outlook().await;
    for _ in 0..6 {
        world.pass(Duration::hours(2)).await;
        world.restart();
    }
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived(), created(&[mail]));
}

/// One whose former ones go on working: the vault's is a day old at the most.
#[tokio::test]
async fn a_refresh_token_that_serves_again_is_stored_once_a_day() {
    let mut world = World::new(210);
    let id = world.create_outlook().await;
    let version = async |world: &World| world.vault().read(id).await.unwrap().unwrap().1;
    let before = version(&world).await;
    for day in 1..=3 {
        world.pass(Duration::hours(25)).await;
        world.restart();
        assert_eq!(version(&world).await - before, day);
    }
    assert!(world.microsoft.token_requests_count() > 70, "an access token each hour");
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived(), created(&[mail]));
}

/// A grant that is dead needs a person. Until then the provider is left alone; afterwards nothing is missing.
#[tokio::test]
async fn a_dead_grant_stops_polls_and_a_new_code_goes_on_without_loss() {
    let world = World::new(204);
    let id = world.create_gmail().await;
    world.google.revoke(GMAIL_USER);
    let first = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(1)).await;
    let shown = world.shown(id).await;
    assert_eq!(shown["valid"], false);
    assert!(shown["invalidReason"].as_str().unwrap().contains("invalid_grant"), "{}", shown["invalidReason"]);
    assert!(shown["notices"].to_string().contains("sign in again"));
    world.google.clear_requests();
    let second = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(24)).await;
    let poll = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert!((400..500).contains(&poll.status), "{}", poll.body);
    assert_eq!(world.google.requests(), [], "no more calls to the provider");
    let code = world.google.new_code(GMAIL_USER);
    assert_eq!(world.patch(id, &json!({ "providerData": { "code": code } })).await["valid"], true);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), created(&[first, second]));
    assert_eq!(world.shown(id).await.get("invalidReason"), None);
}

/// The application's secret ran out: no mailbox's fault. It is shown, retried, and heals by itself.
#[tokio::test]
async fn a_wrong_application_secret_is_shown_and_blames_no_mailbox() {
    let world = World::new(205);
    let id = world.create_outlook().await;
    world.microsoft.set_client(doubles::CLIENT_ID, "a new secret");
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.clear_requests();
    world.pass(Duration::hours(6)).await;
    let shown = world.shown(id).await;
    assert_eq!(shown["valid"], true);
    assert!(shown["applicationError"].as_str().unwrap().contains("invalid_client"), "{shown}");
    let refused = "carillon_token_refreshes_total{connector=\"outlookemail\",end=\"application_refused\"}";
    assert!(world.number(refused).await >= 1.0);
    let requests = world.microsoft.requests().len();
    assert!(requests < 60, "{requests} requests in six hours");
    world.microsoft.set_client(doubles::CLIENT_ID, doubles::CLIENT_SECRET);
    world.pass(Duration::minutes(31)).await;
    assert_eq!(world.arrived(), created(&[mail]));
    assert_eq!(world.shown(id).await.get("applicationError"), None);
}

/// The owner puts the new application secret in: it takes effect with the next poll.
#[tokio::test]
async fn a_new_application_secret_takes_effect() {
    let world = World::new(206);
    let id = world.create_outlook().await;
    world.microsoft.set_client(doubles::CLIENT_ID, "renewed");
    world.pass(Duration::hours(3)).await;
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    let shown = world.patch(id, &json!({ "configuration": { "oauth.api.secret": "renewed" } })).await;
    assert_eq!(shown["configuration"]["oauth.api.secret"], "********");
    world.pass(Duration::minutes(31)).await;
    assert_eq!(world.arrived(), created(&[mail]));
    assert_eq!(world.shown(id).await.get("applicationError"), None);
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_given_time() {
    for kind in [FaultKind::ServerError { status: 503 }, FaultKind::BadGatewayHtml, FaultKind::Truncated] {
        let world = World::new(207);
        let id = create_minutely(&world).await;
        world.google.expire_access_tokens(GMAIL_USER);
        world.google.push_fault(Fault { on: Route::Token, kind, times: u32::MAX });
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        world.google.clear_requests();
        world.pass(Duration::hours(3)).await;
        let times = refreshes(&world.google.requests());
        assert!((8..40).contains(&times.len()), "{} requests in three hours", times.len());
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!((600..1300).contains(&longest), "up to a quarter of an hour: {longest} s");
        let shown = world.shown(id).await;
        assert_eq!((&shown["valid"], &shown["resources"][0]["frozen"]), (&json!(true), &json!(true)));
        world.google.clear_faults();
        world.pass(Duration::minutes(25)).await;
        assert_eq!(world.arrived(), created(&[mail]));
    }
}

/// A limit at the token endpoint is obeyed as one at the mailbox.
#[tokio::test]
async fn a_token_endpoint_that_asks_for_time_gets_it() {
    let world = World::new(208);
    let id = world.create_gmail().await;
    world.google.expire_access_tokens(GMAIL_USER);
    let kind = FaultKind::RateLimited { retry_after_s: Some(400) };
    world.google.push_fault(Fault { on: Route::Token, kind, times: 1 });
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.clear_requests();
    world.poll(id).await;
    world.pass(Duration::seconds(420)).await;
    assert_eq!(refreshes(&world.google.requests()), [0, 400]);
    assert_eq!(world.arrived(), created(&[mail]));
}

/// What must not be anywhere in clear: the application's id and secret, the tokens by their providers'
/// beginnings, the signature key, and who calls.
const SECRETS: [&str; 9] = [
    doubles::CLIENT_ID,
    doubles::CLIENT_SECRET,
    SIGNATURE_KEY,
    "world-user",
    "world-organization",
    "ya29.a0",
    "1//0",
    "EwB4A8l6BAAU",
    "1.AXkA",
];

#[track_caller]
fn assert_secretless(text: &str, tokens: &[String], place: &str) {
    for secret in SECRETS.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "`{secret}` is in {place}");
    }
}

/// Replies to all kinds of calls; the instance's own token is in those that show it, on purpose.
async fn replies(world: &World, ids: &[InstanceId]) -> Vec<(String, String)> {
    let mut paths = vec![
        ("GET", "/instances".to_owned(), Value::Null),
        ("GET", "/notifications/subscriptions".to_owned(), Value::Null),
        ("GET", "/notifications/subscriptions/deliveries".to_owned(), Value::Null),
        ("POST", "/instances".to_owned(), gmail_body("4/0Anonsense")),
    ];
    for id in ids {
        paths.push(("GET", format!("/instances/{id}"), Value::Null));
        paths.push(("GET", format!("/instances/{id}/events"), Value::Null));
        paths.push(("POST", format!("/instances/{id}/poll"), Value::Null));
        paths.push(("PATCH", format!("/instances/{id}"), json!({ "name": "x" })));
        paths.push((
            "PATCH",
            format!("/instances/{id}"),
            json!({ "providerData": { "code": "1.AXkAnonsense" } }),
        ));
        let broken = json!({ "configuration": { "oauth.api.secret": doubles::CLIENT_SECRET, "event.vendor.type": "x" } });
        paths.push(("PATCH", format!("/instances/{id}"), broken));
    }
    let mut replies = Vec::new();
    for (method, path, body) in paths {
        let reply = world.call(method, &path, &body).await;
        replies.push((format!("{method} {path}"), format!("{:?} {}", reply.headers, reply.body)));
    }
    replies
}

#[tokio::test]
async fn no_secret_is_stored_in_clear_or_shown() {
    let world = World::new(209);
    let ids = [world.create_gmail().await, world.create_outlook().await];
    let mut tokens = Vec::new();
    for id in ids {
        tokens.push(world.shown(id).await["token"].as_str().unwrap().to_owned());
    }
    world.pass(Duration::hours(2)).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.receiver.answer_next(500);
    world.pass(Duration::minutes(20)).await;
    world.microsoft.set_client("other", "other");
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::minutes(20)).await;
    let received = world.receiver.received();
    assert!(received.len() >= 3);
    for one in &received {
        let text = format!("{:?} {}", one.headers, String::from_utf8_lossy(&one.body));
        assert_secretless(&text, &tokens, "a callback");
    }
    for (call, reply) in replies(&world, &ids).await {
        let own: &[String] = if call.contains("events") || call.starts_with("POST") { &tokens } else { &[] };
        assert_secretless(&reply, own, &call);
    }
    let dump = world.dump();
    assert!(dump.contains("event.poller.configuration"), "the data is there to be looked at");
    assert_secretless(&dump, &tokens, "the data file");
    for line in world.google.requests().iter().chain(&world.microsoft.requests()) {
        assert_secretless(&line.target, &tokens, "the address of a request");
    }
    // A wrong caller is not told what it sent.
    let reply = world.call_as("User world-user, Organization wrong-secret", "GET", "/instances", "").await;
    assert!(reply.status == 401 && !reply.body.to_string().contains("wrong-secret"));
    assert_eq!(world.call_as(AUTHORIZATION, "GET", "/instances", "").await.status, 200);
}
