//! A data folder that an older version left: its mailboxes are polled on, and what waits goes out as it is.
//!
//! `CARILLON_KEEP_FORMAT=<folder>` has the tests write there what this version leaves. A version that changes the
//! tables keeps a pair of files of the one before it in `upgrades/`, and a line in [`KEPT`].

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use app::ports::Vault as _;
use chrono::Duration;
use domain::ids::InstanceId;
use domain::settings::OAUTH_REFRESH_TOKEN;
use doubles::{Mail, Received};
use local::sqlite::{Db, back_up};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const SEED: u64 = 18;
/// The name of the database in a folder, and how long copying it may take.
const DATABASE: &str = "carillon.db";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
/// Mails of each mailbox that were told before.
const TOLD_COUNT: usize = 3;

/// What a version left, and what waited for its callback then.
struct Left {
    database: Vec<u8>,
    waiting: Vec<u8>,
}

/// What released versions left.
fn kept() -> [Left; 1] {
    [Left {
        database: include_bytes!("upgrades/format_18.db").to_vec(),
        waiting: include_bytes!("upgrades/format_18.json").to_vec(),
    }]
}

fn mail(world: &World, count: usize) {
    for _ in 0..count {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    }
}

fn opened(folder: &TempDir) -> World {
    World::on(Db::inline(&folder.path().join(DATABASE)).unwrap(), SEED, &[])
}

/// What this version leaves: two mailboxes, told and waiting notifications, retries.
async fn left() -> Left {
    let folder = tempfile::tempdir().unwrap();
    let mut world = opened(&folder);
    let ids = [world.create_gmail().await, world.create_outlook().await];
    mail(&world, TOLD_COUNT);
    for id in ids {
        world.poll(id).await;
    }
    assert_eq!(world.arrived().len(), 2 * TOLD_COUNT);
    world.pass(Duration::minutes(20)).await;
    // A position waits for what history may show late, and so stays here.
    let history_id = world.google.current_history_id(GMAIL_USER);
    world.receiver.set_default(500);
    mail(&world, 1);
    for id in ids {
        world.poll(id).await;
    }
    let waiting = world.receiver.take().iter().map(shown).collect::<Vec<_>>();
    assert_eq!(waiting.len(), 2);
    let waiting = json!({ "historyId": history_id, "posts": waiting });
    let copy = folder.path().join("copy");
    back_up(&folder.path().join(DATABASE), &copy, PATIENCE).unwrap();
    world.check_at_end = false;
    Left { database: fs::read(copy).unwrap(), waiting: serde_json::to_vec_pretty(&waiting).unwrap() }
}

/// A post: its name and its bytes.
fn shown(post: &Received) -> Value {
    let name = post.headers["elements-webhook-id"].to_str().unwrap();
    json!({ "id": name, "body": String::from_utf8(post.body.to_vec()).unwrap() })
}

/// The mailboxes, which the providers know as they did then.
async fn reconnected(world: &World) -> Vec<InstanceId> {
    let mut ids = Vec::new();
    for shown in world.get("/instances").await.as_array().unwrap() {
        let id = InstanceId::parse(&shown["id"].to_string()).unwrap();
        let (secrets, _) = world.vault().read(id).await.unwrap().unwrap();
        let token = &secrets[OAUTH_REFRESH_TOKEN];
        match shown["element"]["key"].as_str() {
            Some("gmail") => world.google.accept_refresh_token(GMAIL_USER, token),
            _ => world.microsoft.accept_refresh_token(OUTLOOK_USER, token),
        }
        ids.push(id);
    }
    ids
}

/// Gmail's history goes on where it was; what is beyond has not been told.
fn caught_up(world: &World, history_id: u64) -> Vec<(String, String)> {
    assert!(world.google.current_history_id(GMAIL_USER) <= history_id, "this history begins later");
    let mut beyond = Vec::new();
    while beyond.is_empty() {
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        if world.google.current_history_id(GMAIL_USER) > history_id {
            beyond.push(("CREATED".to_owned(), mail));
        }
    }
    beyond
}

async fn goes_on(left: Left) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DATABASE), left.database).unwrap();
    let world = opened(&folder);
    world.clock.advance(Duration::hours(1));
    let left: Value = serde_json::from_slice(&left.waiting).unwrap();
    let mut wanted = caught_up(&world, left["historyId"].as_u64().unwrap());
    let ids = reconnected(&world).await;
    assert_eq!(ids.len(), 2);
    world.pass(Duration::minutes(5)).await;
    wanted.push(("CREATED".to_owned(), world.microsoft.deliver(OUTLOOK_USER, Mail::default())));
    world.pass(Duration::minutes(30)).await;
    let posts: Vec<Value> = world.receiver.received().iter().map(shown).collect();
    for waiting in left["posts"].as_array().unwrap() {
        assert!(posts.contains(waiting), "by the same id and to the byte");
        let body: Value = serde_json::from_str(waiting["body"].as_str().unwrap()).unwrap();
        let event = &body["message"]["events"][0];
        wanted.push(("CREATED".to_owned(), event["objectId"].as_str().unwrap().to_owned()));
    }
    let mut arrived = world.arrived();
    arrived.sort();
    wanted.sort();
    assert_eq!(arrived, wanted, "what waited and what came, each once");
    for id in ids {
        let log = world.get(&format!("/instances/{id}/events")).await;
        let log = log.as_array().unwrap();
        assert!(log.len() >= 3 && log.iter().all(|line| line["delivery"] == "delivered"), "{log:?}");
        assert_eq!(world.shown(id).await["valid"], true);
    }
}

#[tokio::test]
async fn a_folder_of_each_released_format_goes_on() {
    for left in kept() {
        goes_on(left).await;
    }
}

#[tokio::test]
async fn a_folder_of_this_version_goes_on() {
    let left = left().await;
    #[allow(clippy::disallowed_methods)] // a test's own variable
    if let Ok(folder) = std::env::var("CARILLON_KEEP_FORMAT") {
        fs::write(format!("{folder}/format.db"), &left.database).unwrap();
        fs::write(format!("{folder}/format.json"), &left.waiting).unwrap();
    }
    goes_on(left).await;
}
