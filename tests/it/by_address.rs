//! Instances are found by the address of their mailbox: whole, in any case, by whoever sees them; and the address stands
//! nowhere for it.

use crate::world::{ADMIN_KEY, AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use chrono::Duration;
use domain::ids::InstanceId;
use serde_json::{Value, json};

/// The ids that a list has.
#[track_caller]
fn ids(list: &Value) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap().try_into().unwrap()).collect()
}

async fn found(world: &World, query: &str) -> Vec<u32> {
    let mut found = ids(&world.get(&format!("/instances?{query}")).await);
    found.sort_unstable();
    found
}

fn sorted(all: &[InstanceId]) -> Vec<u32> {
    let mut ids: Vec<u32> = all.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids
}

async fn number(world: &World, sql: &'static str) -> u32 {
    world.rows().read("count", move |conn| conn.query_row(sql, [], |row| row.get(0))).await.unwrap()
}

/// How many rows say what an address is found by.
async fn keys_count(world: &World) -> u32 {
    number(world, "SELECT count(*) FROM instances WHERE document LIKE '%address_key%'").await
}

#[tokio::test]
async fn the_instances_of_a_mailbox_are_found_and_no_others() {
    let world = World::new(561);
    let (first, second) = (world.create_gmail().await, world.create_gmail().await);
    let outlook = world.create_outlook().await;
    let gmail = sorted(&[first, second]);
    let spelt = GMAIL_USER.to_uppercase();
    for query in [
        format!("mailbox={GMAIL_USER}"),
        format!("mailbox=%20{spelt}%20"),
        format!("mailbox={}", GMAIL_USER.replace('@', "%40")),
        format!("mailbox={GMAIL_USER}&withHealth=true&hydrate=false"),
        format!("mailbox={GMAIL_USER}&connector=gmail&status=starting,healthy"),
        format!("mailbox={GMAIL_USER}&orderBy=lastSuccess"),
    ] {
        assert_eq!(found(&world, &query).await, gmail, "{query}");
    }
    assert_eq!(found(&world, &format!("mailbox={OUTLOOK_USER}")).await, [outlook.get()]);
    for query in [
        format!("mailbox={OUTLOOK_USER}&connector=gmail"),
        format!("mailbox={OUTLOOK_USER}&waiting=true"),
        format!("mailbox={GMAIL_USER}x"),
        format!("mailbox=x{GMAIL_USER}"),
    ] {
        assert!(found(&world, &query).await.is_empty(), "{query}");
    }
    let below = world.get(&format!("/elements/gmail/instances?mailbox={GMAIL_USER}")).await;
    assert_eq!(ids(&below), gmail);
    let counts = world.get(&format!("/instances/counts?mailbox={GMAIL_USER}")).await;
    assert_eq!((&counts["total"], &counts["byConnector"]), (&json!(2), &json!({ "gmail": 2 })));
    for wrong in ["ada", "@example.com", "ada@", "a%20da@example.com"] {
        let refused = world.call("GET", &format!("/instances?mailbox={wrong}"), &Value::Null).await;
        refused.assert_refused(400);
        assert_eq!(refused.body["message"], "`mailbox`: must be a whole address, as ada@example.com");
    }
}

#[tokio::test]
async fn pages_of_a_mailbox_go_on_without_its_address() {
    let world = World::new(562);
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(world.create_gmail().await);
    }
    world.create_outlook().await;
    let (mut listed, mut next) = (Vec::new(), String::new());
    for size in [2, 1] {
        let path = format!("/instances?mailbox={GMAIL_USER}&pageSize=2&nextPage={next}");
        let reply = world.call("GET", &path, &Value::Null).await;
        assert_eq!(ids(&reply.body).len(), size);
        listed.extend(ids(&reply.body));
        let token = reply.headers.get("elements-next-page-token");
        next = token.map(|token| token.to_str().unwrap().to_owned()).unwrap_or_default();
    }
    assert_eq!((listed, next.as_str()), (sorted(&all), ""));
}

/// Another organization, a member who sees their own, and the token of an instance.
#[tokio::test]
async fn a_mailbox_is_found_by_whoever_sees_its_instance() {
    let world = World::new(563);
    let (own, second) = (world.create_gmail().await, world.create_gmail().await);
    world.admit_another("other-user", "other-organization").await;
    let other = "User other-user, Organization other-organization";
    let body = gmail_body(&world.google.new_code(GMAIL_USER)).to_string();
    let theirs = world.call_as(other, "POST", "/instances", &body).await.instance_id();
    let path = format!("/instances?mailbox={GMAIL_USER}");
    assert_eq!(ids(&world.get(&path).await), sorted(&[own, second]));
    assert_eq!(ids(&world.call_as(other, "GET", &path, "").await.body), [theirs.get()]);
    let distinct = "SELECT count(DISTINCT json_extract(document, '$.address_key')) FROM instances";
    assert_eq!(number(&world, distinct).await, 2, "the keys of two organizations do not compare");
    let admin = format!("{AUTHORIZATION}, Admin {ADMIN_KEY}");
    let made = world.call_as(&admin, "POST", "/organizations/1/users", r#"{"seesAll":false}"#).await.body;
    let member = format!("User {}, Organization world-organization", made["userSecret"].as_str().unwrap());
    assert_eq!(ids(&world.call_as(&member, "GET", &path, "").await.body), Vec::<u32>::new());
    let token = world.shown(own).await["token"].as_str().unwrap().to_owned();
    let token = format!("User world-user, Element {token}");
    let below = format!("/elements/gmail/instances?mailbox={GMAIL_USER}");
    assert_eq!(ids(&world.call_as(&token, "GET", &below, "").await.body), [own.get()]);
}

#[tokio::test]
async fn another_mailbox_takes_the_place_of_the_former_and_a_deletion_of_both() {
    let world = World::new(564);
    let id = world.create_gmail().await;
    let other = "someone.else@example.com";
    world.google.add_account(other);
    let signed = json!({ "providerData": { "code": world.google.new_code(other) } });
    world.patch(id, &signed).await;
    let before = format!("mailbox={GMAIL_USER}");
    let after = format!("mailbox={other}");
    assert_eq!((found(&world, &before).await, found(&world, &after).await), (vec![], vec![id.get()]));

    // Nothing is read in a sign-in while events are off: it may be anybody's.
    let off = json!({ "configuration": { "event.notification.enabled": "false" } });
    world.patch(id, &off).await;
    assert_eq!(found(&world, &after).await, [id.get()]);
    let signed = json!({ "providerData": { "code": world.google.new_code(GMAIL_USER) } });
    world.patch(id, &signed).await;
    assert_eq!((found(&world, &before).await, found(&world, &after).await), (vec![], vec![]));
    assert_eq!(keys_count(&world).await, 0);
    let on = json!({ "configuration": { "event.notification.enabled": "true" } });
    world.patch(id, &on).await;
    assert_eq!(found(&world, &before).await, [id.get()]);
    assert_eq!(keys_count(&world).await, 1);

    let reply = world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    assert_eq!(reply.status, 200);
    assert_eq!(keys_count(&world).await, 0, "also before its rows are removed");
    let sealed = "SELECT count(*) FROM instances WHERE document LIKE '%\"address\"%'";
    assert_eq!(number(&world, sealed).await, 0);
    assert_eq!(found(&world, &before).await, Vec::<u32>::new());
    world.run_until_idle().await;
    for address in [GMAIL_USER, other] {
        assert!(!world.dump().contains(address), "{address} is stored in clear");
    }
}

/// The key is made of the address that the row has, without a request.
#[tokio::test]
async fn a_row_from_before_is_found_after_its_next_poll_or_change() {
    let world = World::new(565);
    let (polled, off) = (world.create_gmail().await, world.create_outlook().await);
    world.pass(Duration::minutes(16)).await;
    world.call("DELETE", &format!("/instances/{off}/enabled"), &Value::Null).await;
    let forget = "UPDATE instances SET document = json_remove(document, '$.address_key')";
    let written = world.rows().write("make it old", move |tx| tx.execute(forget, [])).await;
    assert_eq!(written.unwrap(), 2);
    let (gmail, outlook) = (format!("mailbox={GMAIL_USER}"), format!("mailbox={OUTLOOK_USER}"));
    assert_eq!((found(&world, &gmail).await, found(&world, &outlook).await), (vec![], vec![]));
    world.google.clear_requests();
    world.pass(Duration::minutes(16)).await;
    assert_eq!((found(&world, &gmail).await, found(&world, &outlook).await), (vec![polled.get()], vec![]));
    let profiles = world.google.requests().iter().filter(|line| line.target.contains("/profile")).count();
    assert_eq!(profiles, 0);
    world.patch(off, &json!({ "name": "Another" })).await;
    assert_eq!(found(&world, &outlook).await, [off.get()]);
}

/// What a bulk action was asked for is kept for a week, and read by the members.
#[tokio::test]
async fn a_bulk_action_is_about_a_mailbox_and_does_not_keep_its_address() {
    let world = World::new(566);
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    let body = json!({ "action": "disable", "filter": { "mailbox": GMAIL_USER } });
    let begun = world.call("POST", "/instances/bulk", &body).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    world.pass(Duration::minutes(5)).await;
    let bulk = world.get(&format!("/instances/bulk/{}", begun.body["id"].as_str().unwrap())).await;
    assert_eq!((&bulk["selected"], &bulk["done"]), (&json!(1), &json!(1)), "{bulk}");
    assert_eq!(world.shown(gmail).await["disabled"], true);
    assert_eq!(world.shown(outlook).await["disabled"], false);
    let kept = "SELECT count(*) FROM bulks WHERE document LIKE '%@%'";
    assert_eq!(number(&world, kept).await, 0);
    assert!(!format!("{}{bulk}", world.dump()).contains(GMAIL_USER));
    let wrong = json!({ "action": "disable", "filter": { "mailbox": "ada" } });
    world.call("POST", "/instances/bulk", &wrong).await.assert_refused(400);
}
