//! What must not be possible with a link.

use super::*;
use axum::extract::ConnectInfo;
use futures_util::future::join_all;
use std::net::SocketAddr;

/// Mail scanners open links, and some press buttons.
#[tokio::test]
async fn opening_it_spends_nothing() {
    let world = World::reachable(611);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    for n in 0..40 {
        assert_eq!(look(&world, &token).await.status, 200);
        login(&world, &token, &format!("scanner-{n}")).await;
    }
    assert_eq!(status(&world, &token).await, "open");
    assert_eq!(sign_in(&world, "gmail", &token, GMAIL_USER).await.status, 200);
    sign_in_is_over(&world, &token).await;
    world.run_until_idle().await;
}

async fn sign_in_is_over(world: &World, token: &str) {
    let login = json!({ "link": token, "state": "s", "codeChallenge": CHALLENGE });
    anybody(world, "/sign-in-links/login", &login).await.assert_refused(410);
    anybody(world, "/sign-in-links/return", &returned(token, "code")).await.assert_refused(410);
}

#[tokio::test]
async fn another_mailbox_is_refused_and_changes_nothing() {
    for connector in CONNECTORS {
        let world = World::reachable(612);
        let other = "someone.else@example.com";
        world.google.add_account(other);
        world.microsoft.add_account(other);
        let id = connected(&world, connector).await;
        locked_out(&world, connector, id).await;
        let token = link_for(&world, id).await;
        let (before, secrets) = (world.shown(id).await, vault(&world, id).await);
        let refused = sign_in(&world, connector, &token, other).await;
        refused.assert_refused(409);
        assert!(refused.body.get("otherMailbox").is_none(), "nothing to confirm it with: {}", refused.body);
        assert!(!refused.body.to_string().contains("example.com"), "{}", refused.body);
        assert_eq!((world.shown(id).await, vault(&world, id).await), (before, secrets));
        assert_eq!(sign_in(&world, connector, &token, user(connector)).await.status, 200);
        world.run_until_idle().await;
    }
}

async fn vault(world: &World, id: InstanceId) -> Option<(BTreeMap<String, String>, u64)> {
    use app::ports::Vault as _;
    world.vault().read(id).await.unwrap()
}

/// Where nothing is read it can't be told whose mailbox it is: also where that became so after the link was made.
#[tokio::test]
async fn a_mailbox_that_can_not_be_told_is_refused() {
    let world = World::reachable(613);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    let forget = "UPDATE instances SET document = json_set(document, '$.mailbox_digest', '') WHERE id = ?1";
    world.rows().write("forget whose it is", move |tx| tx.execute(forget, [id.get()])).await.unwrap();
    let path = format!("/instances/{id}/sign-in-link");
    world.call("POST", &path, &Value::Null).await.assert_refused(409);
    anybody(&world, "/sign-in-links/return", &returned(&token, "code")).await.assert_refused(409);
}

#[tokio::test]
async fn of_two_browsers_at_once_one_spends_it() {
    for connector in CONNECTORS {
        let world = World::reachable(614);
        let id = connected(&world, connector).await;
        let token = link_for(&world, id).await;
        let mut codes = Vec::new();
        for state in ["one", "other"] {
            let login = login(&world, &token, state).await;
            codes.push(consent(login_page(&world, connector), &login, user(connector), state).await);
        }
        let bodies: Vec<Value> = codes.iter().map(|code| returned(&token, code)).collect();
        let all = join_all(bodies.iter().map(|body| anybody(&world, "/sign-in-links/return", body))).await;
        let mut statuses: Vec<u16> = all.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 410], "{connector}");
        assert_eq!(world.shown(id).await["valid"], true);
        world.run_until_idle().await;
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.shown(id).await["health"]["status"], "healthy");
    }
}

/// A code of somebody else's sign-in is worth nothing without its verifier, and a link is tried so often.
#[tokio::test]
async fn a_forged_return_changes_nothing_and_tries_end() {
    let world = World::reachable(615);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    let address = login(&world, &token, "s").await;
    let code = consent(world.google.router(), &address, GMAIL_USER, "s").await;
    let mut forged = returned(&token, &code);
    forged["providerData"]["codeVerifier"] = "another-verifier-of-forty-three-letters-or-so".into();
    let before = world.shown(id).await;
    anybody(&world, "/sign-in-links/return", &forged).await.assert_refused(400);
    for _ in 1..20 {
        anybody(&world, "/sign-in-links/return", &returned(&token, "4/0Anonsense")).await.assert_refused(400);
    }
    assert_eq!(world.shown(id).await, before);
    assert_eq!(status(&world, &token).await, "exhausted");
    sign_in_is_over(&world, &token).await;
}

#[tokio::test]
async fn it_ends_with_its_time_and_with_its_instance() {
    let world = World::reachable(616);
    let id = connected(&world, "outlookemail").await;
    let (early, late) = (link_for(&world, id).await, link_for(&world, id).await);
    let address = login(&world, &early, "s").await;
    let code = consent(world.microsoft.router(), &address, OUTLOOK_USER, "s").await;
    world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    anybody(&world, "/sign-in-links/return", &returned(&early, &code)).await.assert_refused(410);
    look(&world, &late).await.assert_refused(410);
    world.run_until_idle().await;
    look(&world, &late).await.assert_refused(404);
    assert_eq!(rows(&world).await, 0, "they went with it");
    let other = connected(&world, "gmail").await;
    let token = link_for(&world, other).await;
    world.clock.advance(Duration::hours(72));
    assert_eq!(status(&world, &token).await, "expired");
    sign_in_is_over(&world, &token).await;
    world.store.retention(world.now() + Duration::hours(24), 1_000).await.unwrap();
    assert_eq!(rows(&world).await, 0, "and those whose time is over go");
    world.run_until_idle().await;
}

async fn rows(world: &World) -> u32 {
    let count = "SELECT count(*) FROM sign_in_links";
    let rows = world.rows();
    rows.read("count links", |conn| conn.query_row(count, [], |row| row.get(0))).await.unwrap()
}

/// An address that guesses is not answered any more for a while; others are.
#[tokio::test]
async fn guesses_are_limited_by_address() {
    let world = World::reachable(617);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    let (number, random) = token.split_once('.').unwrap();
    let other = format!("{}.{random}", number.parse::<u32>().unwrap() ^ 1);
    let wrong = [other.as_str(), &token[..token.len() - 1], "", ".", "1", &"x".repeat(9_000)];
    for n in 0..30 {
        assert_eq!(from(&world, 7, wrong[n % wrong.len()]).await, 404);
    }
    assert_eq!((from(&world, 7, &token).await, from(&world, 8, &token).await), (429, 200));
    world.clock.advance(Duration::minutes(1));
    assert_eq!(from(&world, 7, &token).await, 200);
    world.run_until_idle().await;
}

/// The status of a look from the n-th address.
async fn from(world: &World, n: u8, token: &str) -> u16 {
    let uri = format!("http://carillon.test{}/sign-in-links/look", app::api::BASE_PATH);
    let body = json!({ "link": token }).to_string();
    let mut request =
        Request::post(uri).header("content-type", "application/json").body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, n], 1))));
    world.app.router().oneshot(request).await.unwrap().status().as_u16()
}
