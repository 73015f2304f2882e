//! Notices that crowd, overtake each other, or come to a clock that was wrong.

use super::gmail::signed;
use super::{assert_active, forget_requests, polls, push_of, pushed, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use doubles::{Mail, Mishap, Way};
use serde_json::json;

/// Three notices of two seconds make two polls; the second of them looks for what any of the three named.
#[tokio::test]
async fn a_notice_that_joins_others_is_looked_for_too() {
    let (world, _) = signed(81).await;
    world.google.set_history_lag(3_000_000, 3_000_000, true);
    // The oldest comes second: it names less than the one that it follows.
    world.google.push_mishap(Mishap::Late { us: 1_500_000 });
    let mut sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    for _ in 0..2 {
        world.pass(Duration::seconds(1)).await;
        sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
    }
    world.pass(Duration::seconds(50)).await;
    assert_created(&world.arrived(), &sent);
}

/// Two resources are read one after the other, and history shows the change in between: the first is looked at again.
#[tokio::test]
async fn a_change_that_shows_between_two_resources_is_found_in_both() {
    // A look comes after a second, and each request takes a millisecond.
    for lag_us in (999_000..1_012_000).step_by(500) {
        let (world, id) = signed(93).await;
        let poller = json!({
            "messages": { "url": "/hubs/general/messages", "idField": "id" },
            "threads": { "url": "/hubs/general/threads", "idField": "id" },
        });
        world
            .patch(id, &json!({ "configuration": { "event.poller.configuration": poller.to_string() } }))
            .await;
        world.pass(Duration::minutes(5)).await;
        world.google.set_history_lag(lag_us, lag_us, true);
        world.google.deliver(GMAIL_USER, Mail::default());
        world.pass(Duration::seconds(50)).await;
        assert_eq!(world.arrived().len(), 2, "history was {lag_us} us late");
    }
}

/// One application has notices of two instances by two ways: a poll of one serves no notice of the other.
#[tokio::test]
async fn a_notice_for_one_instance_is_not_served_by_a_poll_of_another() {
    let world = World::reachable(94);
    let of = |resource: &str| {
        let poller = json!({ resource: { "url": format!("/hubs/general/{resource}"), "idField": "Id" } });
        json!({ "event.poller.configuration": poller.to_string() })
    };
    world.microsoft.set_granted_scope(Some("offline_access Mail.Read Contacts.Read"));
    for resource in ["messages", "contacts"] {
        let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
        world.create(&pushed(body, &of(resource))).await;
    }
    world.pass(Duration::minutes(5)).await;
    let mut made = Vec::new();
    for ms in [0, 300, 300, 300] {
        world.pass(Duration::milliseconds(ms)).await;
        made.push(world.microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" })));
    }
    made.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default()));
    world.pass(Duration::seconds(5)).await;
    assert_created(&world.arrived(), &made);
}

/// A late notice of an older change ends no look for a newer one.
#[tokio::test]
async fn a_late_notice_does_not_end_the_looks_for_a_newer_one() {
    let (world, _) = signed(82).await;
    world.google.set_history_lag(10_000_000, 10_000_000, true);
    world.google.push_mishap(Mishap::Late { us: 13_500_000 });
    let mut sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(11)).await;
    sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
    world.pass(Duration::seconds(60)).await;
    assert_created(&world.arrived(), &sent);
}

/// Users report that Graph makes a second subscription instead of refusing it: notices come twice, and nothing else.
#[tokio::test]
async fn a_twin_that_the_provider_makes_repeats_nothing() {
    let world = World::reachable(92);
    world.microsoft.set_refuse_twins(false);
    let id = pushed_outlook(&world).await;
    world.forget_push().await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 2);
    assert_active(&push_of(&world, id).await);
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::minutes(2)).await;
    assert_created(&world.arrived(), &sent);
}

/// What a condition leaves out is announced as well: each notice is followed by few polls.
#[tokio::test]
async fn a_notice_of_what_a_condition_leaves_out_costs_three_polls() {
    let world = World::reachable(86);
    let poller =
        json!({ "messages": { "url": "/hubs/general/messages?where=IsRead=true", "idField": "Id" } });
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    world.create(&pushed(body, &json!({ "event.poller.configuration": poller.to_string() }))).await;
    world.pass(Duration::minutes(5)).await;
    forget_requests(&world);
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.pass(Duration::minutes(2)).await;
    assert_eq!(polls(&world), 3);
    assert_created(&world.arrived(), &[]);
}

/// Ten days ahead for a while, and back.
async fn err_by_ten_days(world: &mut World) {
    world.clock.advance(Duration::days(10));
    world.run_until_idle().await;
    world.clock.advance(Duration::days(-10));
    world.restart();
    world.providers.set_way(&Way::router(world.app.router()));
}

#[tokio::test]
async fn a_clock_that_was_days_ahead_delays_no_renewal() {
    let (mut world, id) = signed(83).await;
    err_by_ten_days(&mut world).await;
    world.google.steal_watch(GMAIL_USER, None);
    world.pass(Duration::hours(26)).await;
    assert!(world.google.watch_of(GMAIL_USER).is_some(), "it is watched again within a day");
    assert_active(&push_of(&world, id).await);
}

#[tokio::test]
async fn a_clock_that_was_days_ahead_keeps_no_grant_from_being_renewed() {
    let mut world = World::reachable(84);
    let id = pushed_outlook(&world).await;
    err_by_ten_days(&mut world).await;
    world.microsoft.clear_requests();
    world.microsoft.tell_subscriptions(OUTLOOK_USER, "reauthorizationRequired");
    world.pass(Duration::minutes(1)).await;
    let renews = |target: &str| target.contains("/subscriptions/");
    assert_eq!(world.microsoft.requests().iter().filter(|line| renews(&line.target)).count(), 1);
    assert_active(&push_of(&world, id).await);
}

/// A key that comes into use just after the keys were fetched is asked for at once.
#[tokio::test]
async fn a_key_that_is_new_right_after_a_fetch_is_known() {
    let (world, _) = signed(85).await;
    world.pass(Duration::hours(6)).await;
    for _ in 0..2 {
        let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
        world.pass(Duration::seconds(5)).await;
        assert_created(&world.arrived(), &sent);
        world.google.rotate_keys();
    }
}

/// One of two who share a subscription has lost its grant: the other renews what they share.
#[tokio::test]
async fn who_has_a_grant_renews_what_is_shared() {
    let world = World::reachable(87);
    let rarely = json!({ "event.poller.refresh_interval": "1440" });
    let body = || pushed(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), &rarely);
    let first = world.create(&body()).await;
    let second = world.create(&body()).await;
    world.microsoft.revoke(OUTLOOK_USER);
    let code = world.microsoft.new_code(OUTLOOK_USER);
    world.patch(second, &json!({ "providerData": { "code": code } })).await;
    world.poll(first).await;
    world.poll(second).await;
    assert_eq!(world.shown(first).await["valid"], false);
    assert_active(&push_of(&world, second).await);
    for hour in 0..3 {
        world.pass(Duration::minutes(59)).await;
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::seconds(61)).await;
        assert_eq!(world.arrived().len(), 1, "hour {hour}");
    }
}

/// Both sides of a leave are seen: nobody leaves before the change that they leave by.
#[tokio::test]
async fn a_change_that_fails_ends_no_push() {
    let world = World::reachable(88);
    let id = pushed_outlook(&world).await;
    world.microsoft.add_account("other@example.com");
    world.refuse_notes().await;
    let body = json!({ "providerData": { "code": world.microsoft.new_code("other@example.com") } });
    let reply = world.call("PATCH", &format!("/instances/{id}"), &body).await;
    assert!(reply.status >= 500, "{}", reply.body);
    assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 1);
}

/// Whoever moves to another mailbox and dies over it is out of the former one's set all the same.
#[tokio::test]
async fn who_dies_over_another_mailbox_leaves_the_former_one() {
    for passages in 0..200 {
        let mut world = World::reachable(89);
        let id = pushed_outlook(&world).await;
        world.microsoft.add_account("other@example.com");
        let body = json!({ "providerData": { "code": world.microsoft.new_code("other@example.com") } });
        world.gate.die_after(passages);
        let path = format!("/instances/{id}");
        let has_survived = world.gate.run(world.call("PATCH", &path, &body)).await.is_some();
        world.restart();
        world.providers.set_way(&Way::router(world.app.router()));
        world.pass(Duration::minutes(70)).await;
        assert_active(&push_of(&world, id).await);
        assert_eq!(world.push_states().await, 1, "died after {passages}");
        if has_survived {
            return;
        }
    }
    panic!("it never survives");
}
