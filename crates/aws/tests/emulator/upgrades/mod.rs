//! A table that an older stack wrote: this version's goes on from it, and nothing of it is lost.
//!
//! `CARILLON_KEEP_FORMAT=<folder>` has the tests write there what this version leaves. A version that changes what stands in
//! the table keeps a file of the one before it beside this one, and a line in [`kept`].

mod kept;
mod world;

use crate::budget::now;
use crate::stack::stack;
use aws::enter_table;
use aws_sdk_dynamodb::types::AttributeValue;
use conformance::mailbox::Mailbox as Sample;
use kept::KeptTable;
use scenarios::{Callback, HealthAddress, Mailbox, ReceivedEvent, with};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use world::{RECEIVER, World};

/// Mailboxes: one whose callback fails for a while, one with push whose callback was suspended, one whose poll died after
/// its commit, one that a bulk action is about to switch off, and one that was deleted a moment ago.
const FAILING: &str = "kept-failing";
const SUSPENDED: &str = "kept-suspended";
const CRASHED: &str = "kept-crashed";
const BULK: &str = "kept-bulk";
const DELETED: &str = "kept-deleted";
/// Mails of a mailbox that were told before.
const TOLD_COUNT: usize = 3;
/// Polls until Outlook's lanes have found all.
const POLLS_COUNT_MAX: usize = 8;
/// An instance with a position that takes parts of their own.
const LARGE: (u32, u32) = (9_000, 77);
/// A session and what counts once, by their hashes.
const SESSION: [u8; 32] = [7; 32];
const SPENT: [u8; 32] = [8; 32];
/// Beginnings of partitions: everything that the store and the vault keep.
const PARTITIONS: [&str; 26] = [
    "A",
    "ACCOUNTS",
    "B",
    "D",
    "E",
    "F",
    "FORMAT",
    "G",
    "H",
    "I",
    "J",
    "K",
    "M",
    "N",
    "O",
    "ONCE",
    "ORGANIZATIONS",
    "Q",
    "S",
    "T",
    "U",
    "V",
    "W",
    "X",
    "Y",
    "Z",
];

/// Tables that versions left.
fn every_kept() -> [KeptTable; 1] {
    // Of the last version whose tables had no number.
    [KeptTable::read(include_str!("format_0.json"))]
}

fn mailboxes(world: &World) -> [(&'static str, Mailbox); 5] {
    [FAILING, SUSPENDED, CRASHED, BULK, DELETED].map(|name| match name {
        SUSPENDED => (name, Mailbox::outlook(&world.outside, name)),
        _ => (name, Mailbox::gmail(&world.outside, name)),
    })
}

/// A position that no compression makes small.
fn large() -> Value {
    let mut random = fastrand::Rng::with_seed(7);
    json!(std::iter::repeat_with(|| random.alphanumeric()).take(34_000).collect::<String>())
}

/// Accounts, settings and what else belongs to no mailbox.
async fn leave_accounts(world: &World) {
    let (client, admin) = (&world.client, world.administrator());
    client.list("/instances").await;
    admin.done("POST", "/organizations", &Value::Null).await;
    for sees_all in [true, false] {
        client.done("POST", "/organizations/1/users", &json!({ "seesAll": sees_all })).await;
    }
    let application = json!({
        "name": "mail", "connector": "outlookemail", "apiKey": doubles::CLIENT_ID, "apiSecret": doubles::CLIENT_SECRET,
    });
    client.done("POST", "/applications", &application).await;
    let mut settings = HealthAddress::new(&world.outside, "kept").settings();
    settings["notification.health.callback.url"] = json!(format!("{RECEIVER}/health-of-kept"));
    client.done("PATCH", "/accounts/settings", &settings).await;
    world.leave_sessions(SESSION, SPENT).await;
    let sample = Sample::of(&world.stack.store, LARGE.0, LARGE.1).await;
    let mut state = sample.state().await;
    (state.version, state.cursor) = (state.version + 1, Some(large()));
    sample.commit_state(state, Vec::new()).await;
}

/// What this version leaves.
async fn left() -> KeptTable {
    let world = World::start().await;
    enter_table(&world.dynamodb(), world.table()).await.unwrap();
    leave_accounts(&world).await;
    let [failing, suspended, crashed, bulk, deleted] = mailboxes(&world);
    let mut kept = KeptTable::default();
    let mut ids = Vec::new();
    for (name, mailbox) in [&failing, &suspended, &crashed, &bulk, &deleted] {
        let made = world.connect(name, mailbox).await;
        kept.tokens.insert((*name).to_owned(), made.token.clone());
        ids.push(made.id);
        let callback = Callback::new(&world.outside, name);
        let told: Vec<_> = (0..TOLD_COUNT).map(|_| mailbox.deliver()).collect();
        world.polled_until(made.id, POLLS_COUNT_MAX, || callback.told().len() >= told.len()).await;
        callback.assert_told(&told);
    }
    kept.told = world.outside.receiver.received().iter().map(|post| kept::name_of(post)).collect();
    for ((name, mailbox), (status, id)) in
        [&failing, &suspended].into_iter().zip([(500, ids[0]), (410, ids[1])])
    {
        Callback::new(&world.outside, name).fail(status);
        for count in 1..=2 {
            mailbox.deliver();
            world.polled_until_waiting(id, POLLS_COUNT_MAX, count).await;
        }
    }
    Callback::new(&world.outside, CRASHED).fail(500);
    crashed.1.deliver();
    world.poll_and_die(ids[2]).await;
    let link = format!("/instances/{}/sign-in-link", ids[0]);
    world.client.done("POST", &link, &Value::Null).await;
    world.client.done("POST", "/sign-in-links", &world.wanted_by_link(&bulk.1)).await;
    let off = json!({ "action": "disable", "ids": [ids[3]] });
    world.client.done("POST", "/instances/bulk", &off).await;
    world.client.done("DELETE", &format!("/instances/{}", ids[4]), &Value::Null).await;
    for (id, count) in [(ids[0], 2), (ids[1], 2), (ids[2], 1)] {
        let waiting = world.waiting(id).await;
        assert_eq!(waiting.len(), count);
        kept.waiting.extend(waiting);
    }
    for (name, mailbox) in [&failing, &crashed] {
        let at = world.outside.providers.google.current_history_id(mailbox.address());
        kept.history_ids.insert((*name).to_owned(), at);
    }
    kept.jobs = world.jobs_left().await;
    kept.made_at = now().timestamp();
    kept.items = world.items().await;
    kept.jobs.extend(kept.letters_of_this_minute());
    let partition = |item: &Value| item["pk"]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    let partitions: BTreeSet<String> = kept.items.iter().map(partition).collect();
    assert_eq!(partitions, PARTITIONS.map(str::to_owned).into(), "everything that there is");
    kept
}

/// Mails come in, of which the last was not there when the table was left.
fn comes_in(world: &World, kept: &KeptTable, name: &str, mailbox: &Mailbox) -> ReceivedEvent {
    let beyond = kept.history_ids.get(name).copied();
    let is_beyond = || match beyond {
        Some(at) => world.outside.providers.google.current_history_id(mailbox.address()) > at,
        None => true,
    };
    let mut last = mailbox.deliver();
    for _ in 0..2 * (TOLD_COUNT + 2) {
        last = mailbox.deliver();
    }
    while !is_beyond() {
        last = mailbox.deliver();
    }
    last
}

async fn goes_on(kept: &KeptTable) {
    let world = World::start().await;
    world.load(kept).await;
    enter_table(&world.dynamodb(), world.table()).await.unwrap();
    assert_eq!(world.format().await.as_deref(), Some("1"));
    let of = mailboxes(&world);
    let ids = assert_listed(&world, kept).await;
    let [failing, suspended, crashed, bulk] = [FAILING, SUSPENDED, CRASHED, BULK].map(|name| ids[name]);
    for (name, mailbox) in &of[..4] {
        world.accept_grant(ids[*name], mailbox).await;
    }
    let mut news = Vec::new();
    for (name, mailbox) in &of[..3] {
        news.push((*name, comes_in(&world, kept, name, mailbox)));
    }
    world.run_all(&kept.jobs).await;
    world.polled_until_waiting(suspended, POLLS_COUNT_MAX, 3).await;
    let queued = format!("status='queued' and config.url='{RECEIVER}/{SUSPENDED}'");
    let queued = with("/notifications/subscriptions/deliveries", &[("where", &queued)]);
    world.client.done("PUT", &queued, &json!({})).await;
    for (name, new) in &news {
        let callback = Callback::new(&world.outside, name);
        world.polled_until(ids[*name], POLLS_COUNT_MAX, || callback.told().contains(new)).await;
    }
    let posts: Vec<Value> = world.outside.receiver.received().iter().filter_map(kept::shown).collect();
    for waiting in &kept.waiting {
        assert!(posts.contains(waiting), "by the same id and to the byte: {waiting}");
    }
    assert!(posts.iter().all(|post| !kept.told.contains(&post["id"].as_str().unwrap().to_owned())));
    for (name, new) in news {
        let told = Callback::new(&world.outside, name).told();
        assert_eq!(told.iter().filter(|one| **one == new).count(), 1, "{name}: {told:?}");
    }
    for id in [failing, suspended, crashed] {
        let log = world.client.list(&format!("/instances/{id}/events")).await;
        assert!(log.len() > TOLD_COUNT && log.iter().all(|line| line["delivery"] == "delivered"), "{log:?}");
    }
    let health = HealthAddress::new(&world.outside, "kept").told();
    assert!(health.iter().any(|one| one.kind == "callback.suspended"), "{health:?}");
    assert_changed(&world, kept, bulk, failing).await;
}

/// What stands there is shown: mailboxes by their names, and all beside them.
async fn assert_listed(world: &World, kept: &KeptTable) -> std::collections::BTreeMap<String, u64> {
    let (client, admin) = (&world.client, world.administrator());
    let listed = client.list("/instances").await;
    let name = |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["id"].as_u64().unwrap());
    let ids: std::collections::BTreeMap<String, u64> = listed.iter().map(name).collect();
    assert_eq!(ids.keys().collect::<Vec<_>>(), [BULK, CRASHED, FAILING, SUSPENDED]);
    for (name, id) in &ids {
        let own = client.authorized(&format!("User {}, Element {}", world::USER, kept.tokens[name]));
        assert_eq!(own.get("/instances").await["id"], *id);
        let at = format!("{}@example.com", name);
        let found = client.list(&with("/instances", &[("mailbox", &at)])).await;
        assert_eq!(found.len(), 1, "{name} is found by its address");
    }
    assert_eq!(admin.list("/organizations").await.len(), 2);
    assert_eq!(client.list("/organizations/1/users").await.len(), 3);
    assert_eq!(client.get("/applications/mail").await["instancesCount"], 1);
    let settings = client.get("/accounts/settings").await;
    assert_eq!(settings["notification.health.callback.url"], format!("{RECEIVER}/health-of-kept"));
    assert!(client.list("/organizations/1/audit").await.len() >= 10);
    world.assert_sessions(SESSION, SPENT).await;
    let sample = Sample::nobody(&world.stack.store, LARGE.1);
    assert_eq!(sample.state().await.cursor, Some(large()));
    ids
}

/// What was under way has ended, and what stands there is changed and removed.
async fn assert_changed(world: &World, kept: &KeptTable, bulk: u64, other: u64) {
    let client = &world.client;
    let actions = client.list("/instances/bulk").await;
    assert_eq!((&actions[0]["status"], &actions[0]["done"]), (&json!("done"), &json!(1)));
    assert_eq!(client.list("/instances?status=disabled").await[0]["id"], bulk);
    let changed = json!({ "name": "Another name" });
    client.done("PATCH", &format!("/instances/{other}"), &changed).await;
    assert_eq!(client.get(&format!("/instances/{other}")).await["name"], "Another name");
    client.done("DELETE", &format!("/instances/{other}"), &Value::Null).await;
    world.work().await;
    let deleted = kept.instance_of(DELETED);
    for id in [deleted, other] {
        client.refused("GET", &format!("/instances/{id}"), &Value::Null, 404).await;
        let of_it = |item: &&Value| item["pk"]["S"].as_str().unwrap().ends_with(&format!("#{id}"));
        let rows = world.items().await;
        let rest: Vec<&Value> = rows.iter().filter(of_it).collect();
        assert!(rest.is_empty(), "{rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_each_released_format_goes_on() {
    for kept in every_kept() {
        goes_on(&kept).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_this_version_goes_on() {
    let kept = left().await;
    #[allow(clippy::disallowed_methods)] // a test's own variable
    if let Ok(folder) = std::env::var("CARILLON_KEEP_FORMAT") {
        std::fs::write(format!("{folder}/format.json"), kept.text()).unwrap();
    }
    goes_on(&kept).await;
}

#[tokio::test]
async fn a_newer_table_is_refused_with_words_and_stays_as_it_is() {
    let stack = stack().await;
    let (client, table) = (&stack.clients.dynamodb, &stack.environment.table);
    enter_table(client, table).await.unwrap();
    let put = |number: &str| {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = client.put_item().table_name(table).item("pk", text("FORMAT")).item("sk", text("FORMAT"));
        put.item("format_number", AttributeValue::N(number.to_owned())).send()
    };
    put("1000").await.unwrap();
    let before = kept::items(client, table).await;
    let refused = enter_table(client, table).await.unwrap_err().to_string();
    let words = "the table has format 1000, this version knows formats up to 1: deploy a newer version";
    assert!(refused.ends_with(words), "{refused}");
    assert_eq!(kept::items(client, table).await, before);
    put("0").await.unwrap();
    enter_table(client, table).await.unwrap();
    assert_eq!(kept::items(client, table).await[0]["format_number"]["N"], "1", "an older one goes up");
}
