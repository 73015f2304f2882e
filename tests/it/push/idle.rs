//! What a mailbox costs that nothing happens to.

use super::gmail::signed;
use super::{assert_active, forget_requests, push_of, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use chrono::Duration;
use doubles::{Mail, Way};

/// In a day: requests to the provider, without those for tokens, rows written, and tokens.
async fn idle_cost(world: &World) -> (usize, u64, usize) {
    let written = async || {
        let count = "SELECT total_changes()";
        world
            .rows()
            .write("count rows", |tx| tx.query_row(count, [], |row| row.get::<_, u64>(0)))
            .await
            .unwrap()
    };
    world.pass(Duration::hours(2)).await;
    forget_requests(world);
    let before = written().await;
    world.pass(Duration::days(1)).await;
    let requests = world.microsoft.requests().into_iter().chain(world.google.requests());
    let requests: Vec<_> = requests.collect();
    let tokens_count = requests.iter().filter(|line| line.target.contains("/token")).count();
    (requests.len() - tokens_count, written().await - before, tokens_count)
}

#[track_caller]
fn assert_no_more(pushed: (usize, u64, usize), polled: (usize, u64, usize)) {
    assert!(pushed.0 <= polled.0, "requests: {} with push, {} by polls", pushed.0, polled.0);
    assert!(pushed.1 <= polled.1, "rows: {} with push, {} by polls", pushed.1, polled.1);
    assert!(pushed.0 >= 24 && pushed.1 >= 48, "it was not polled: {pushed:?}");
    // The budget of write units in `crates/aws/tests/emulator/push.rs` relies on these.
    assert!(pushed.2 <= 26 && polled.2 >= 24, "tokens: {} with push, {} by polls", pushed.2, polled.2);
}

/// An hour's safety under push, with the grant that Graph wants renewed with each access token, against a poll every
/// quarter of an hour; whenever in the hour the polls are.
#[tokio::test]
async fn an_idle_outlook_mailbox_costs_no_more_than_polls_do() {
    for phase_min in [0, 10, 25, 40, 55] {
        let world = World::reachable(71);
        world.pass(Duration::minutes(phase_min)).await;
        let id = pushed_outlook(&world).await;
        let pushed = idle_cost(&world).await;
        assert_active(&push_of(&world, id).await);
        let world = World::reachable(71);
        world.create_outlook().await;
        assert_no_more(pushed, idle_cost(&world).await);
    }
}

/// A watch that is renewed daily.
#[tokio::test]
async fn an_idle_gmail_mailbox_costs_no_more_than_polls_do() {
    let (world, id) = signed(72).await;
    let pushed = idle_cost(&world).await;
    assert_active(&push_of(&world, id).await);
    let world = World::reachable(72);
    world.create(&gmail_body(&world.google.new_code(GMAIL_USER))).await;
    assert_no_more(pushed, idle_cost(&world).await);
}

fn count(world: &World, wanted: impl Fn(&str, &str) -> bool) -> usize {
    world.microsoft.requests().iter().filter(|line| wanted(line.method.as_ref(), &line.target)).count()
}

fn renews(method: &str, target: &str) -> bool {
    method == "PATCH" && target.contains("/subscriptions/")
}

/// With its grant, every hour: so it never comes near its end.
#[tokio::test]
async fn a_subscription_is_renewed_with_its_grant() {
    let world = World::reachable(73);
    let id = pushed_outlook(&world).await;
    for day in 0..10 {
        forget_requests(&world);
        world.pass(Duration::hours(24)).await;
        let renewals = count(&world, renews);
        assert!((20..=26).contains(&renewals), "day {day}: {renewals} renewals");
        let asked = count(&world, |_, target| target.contains("/subscriptions"));
        assert_eq!(asked, renewals, "day {day}: it was asked for otherwise");
    }
    assert_active(&push_of(&world, id).await);
}

/// A grant is renewed without reading the mailbox: nothing happened.
#[tokio::test]
async fn a_grant_is_renewed_without_a_poll() {
    let world = World::reachable(74);
    pushed_outlook(&world).await;
    world.pass(Duration::hours(2)).await;
    forget_requests(&world);
    world.pass(Duration::hours(10)).await;
    assert_eq!(super::polls(&world), 10);
    assert!(count(&world, renews) >= 9);
}

/// All reminders get lost: the polls find out that the grant has ended, and notices come again.
#[tokio::test]
async fn a_grant_whose_reminders_got_lost_is_renewed_by_the_polls() {
    let world = World::reachable(75);
    pushed_outlook(&world).await;
    world.providers.set_way(&Way::new(async |_| None));
    world.pass(Duration::hours(5)).await;
    world.providers.set_way(&Way::router(world.app.router()));
    let grants = count(&world, renews);
    assert!((2..=5).contains(&grants), "{grants} grants");
    world.pass(Duration::minutes(2)).await;
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::minutes(62)).await;
    assert_created(&world.arrived(), &sent);
}
