//! A provider that is out of service for an hour, and what its end looks like to it.

use crate::world::{World, gmail_body, outlook_body};
use chrono::Duration;
use doubles::{FaultKind, Mail};
use std::collections::BTreeMap;

/// Mailboxes of each provider.
const MAILBOXES_COUNT: usize = 60;
/// Requests are counted by so many seconds.
const WINDOW_S: i64 = 30;

fn address(number: usize) -> String {
    format!("box{number}@example.com")
}

/// Of every hundred requests of the ten minutes that follow, those of the busiest half minute.
async fn busiest_percent(world: &World) -> usize {
    world.google.clear_requests();
    world.microsoft.clear_requests();
    world.pass(Duration::minutes(10)).await;
    let asked = [world.google.requests(), world.microsoft.requests()].concat();
    let mut windows = BTreeMap::<i64, usize>::new();
    for line in &asked {
        *windows.entry(line.at_us / 1_000_000 / WINDOW_S).or_default() += line.count();
    }
    let all: usize = windows.values().sum();
    windows.values().max().copied().unwrap_or(0) * 100 / all.max(1)
}

/// Both providers say 503 and the same date to everybody.
#[tokio::test]
async fn the_end_of_an_hours_outage_brings_no_herd_and_nothing_is_lost() {
    let world = World::new(181);
    for number in 0..MAILBOXES_COUNT {
        world.google.add_account(&address(number));
        world.microsoft.add_account(&address(number));
        world.create(&gmail_body(&world.google.new_code(&address(number)))).await;
        world.create(&outlook_body(&world.microsoft.new_code(&address(number)))).await;
    }
    let usual = busiest_percent(&world).await;
    let end = world.now() + Duration::hours(1);
    world.providers.set_fault_rate(1.0, &[FaultKind::Down { until_s: end.timestamp() }]);
    let mut sent = Vec::new();
    for number in 0..MAILBOXES_COUNT {
        sent.push(world.google.deliver(&address(number), Mail::default()));
        sent.push(world.microsoft.deliver(&address(number), Mail::default()));
    }
    world.google.clear_requests();
    world.microsoft.clear_requests();
    world.pass(end - world.now()).await;
    let asked = world.google.requests().len() + world.microsoft.requests().len();
    assert!(asked <= 4 * MAILBOXES_COUNT, "{asked} requests while everybody was told to stay away");
    world.google.clear_faults();
    world.microsoft.clear_faults();
    let busiest = busiest_percent(&world).await;
    assert!(busiest <= 4 * usual, "{busiest} % of the requests came in one half minute, else {usual} %");
    let mut arrived: Vec<String> = world.arrived().into_iter().map(|(_, object)| object).collect();
    arrived.sort();
    sent.sort();
    assert_eq!(arrived, sent, "each once, within ten minutes of the end");
}
