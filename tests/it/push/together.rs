//! Several processes keep the watch of one mailbox at once.

use super::{assert_active, push_of, pushed};
use crate::defects::assert_created;
use crate::world::{Gate, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

/// The subscriptions that the stored row of push names.
async fn named(world: &World) -> Vec<Value> {
    let rows = world.rows();
    let read = rows.read("read push", |conn| {
        conn.query_row("SELECT document FROM push_states", [], |row| row.get::<_, String>(0))
    });
    let state: Value = serde_json::from_str(&read.await.unwrap()).unwrap();
    state["watched"].as_array().unwrap().iter().map(|one| one["watch"]["state"]["id"].clone()).collect()
}

/// A mailbox whose subscription is gone, which two instances find out at the same time, each in a process of its own. One of
/// them takes `lag` more turns for each step, and the other begins `head_start` turns later.
async fn kept_by_two(refuses_twins: bool, lag: usize, head_start: usize) {
    let place = format!("twins refused: {refuses_twins}, lag {lag}, head start {head_start}");
    let world = World::reachable(90);
    world.microsoft.set_refuse_twins(refuses_twins);
    let rarely = json!({ "event.poller.refresh_interval": "1440" });
    let body = || pushed(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), &rarely);
    let (one, other) = (world.create(&body()).await, world.create(&body()).await);
    world.microsoft.remove_subscriptions(OUTLOOK_USER, false);
    world.clock.advance(Duration::hours(25));
    let (slow, fast) = (world.another_process_behind(&Gate::slow(lag)), world.another_process());
    let until = world.now() + Duration::seconds(60);
    let late = async {
        for _ in 0..head_start {
            tokio::task::yield_now().await;
        }
        fast.poll(other, until).await
    };
    let (first, second) = tokio::join!(slow.poll(one, until), late);
    assert!(first.is_ok() && second.is_ok(), "{place}");
    world.pass(Duration::minutes(5)).await;
    let subscriptions = world.microsoft.subscriptions_of(OUTLOOK_USER);
    let made: Vec<Value> = subscriptions.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(made.len(), 1, "{place}");
    assert_eq!(named(&world).await, made, "{place}: what is stored is not what there is");
    for id in [one, other] {
        assert_active(&push_of(&world, id).await);
    }
    // A reminder is heard only of a subscription that is stored.
    for _ in 0..2 {
        world.pass(Duration::minutes(90)).await;
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::seconds(3)).await;
        assert_created(&world.arrived(), &[mail.clone(), mail]);
    }
}

/// Whatever the order of their steps: there is one, and it goes on.
#[tokio::test]
async fn two_processes_keep_one_watch() {
    for refuses_twins in [true, false] {
        for lag in [0, 2, 5, 12] {
            for head_start in (0..60).step_by(3) {
                kept_by_two(refuses_twins, lag, head_start).await;
            }
        }
    }
}
