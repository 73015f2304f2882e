//! Notices that crowd, overtake each other, or come to a clock that was wrong.

use super::gmail::{by_push, signed};
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

/// Two processes keep the watch of a mailbox at once, whatever the order of their steps: there is one, and it is active.
#[tokio::test]
async fn two_processes_keep_one_watch() {
    for head_start in 0..40 {
        let world = World::reachable(90);
        let (one, other) = (pushed_outlook(&world).await, pushed_outlook(&world).await);
        world.microsoft.remove_subscriptions(OUTLOOK_USER, false);
        // A day later both find that it is to be renewed.
        world.clock.advance(Duration::hours(25));
        let beside = world.another_process();
        let until = world.now() + Duration::seconds(60);
        let late = async {
            for _ in 0..head_start {
                tokio::task::yield_now().await;
            }
            beside.poll(other, until).await
        };
        let (first, second) = tokio::join!(world.app.poll(one, until), late);
        assert!(first.is_ok() && second.is_ok());
        world.pass(Duration::minutes(5)).await;
        assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 1, "head start {head_start}");
        assert_active(&push_of(&world, one).await);
        assert_active(&push_of(&world, other).await);
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::seconds(3)).await;
        assert_created(&world.arrived(), &[mail.clone(), mail]);
    }
}

/// Notices come of the labels that the conditions name, and of no other.
#[tokio::test]
async fn labels_of_the_conditions_are_watched() {
    let (world, id) = signed(91).await;
    let mut items = by_push();
    let poller =
        json!({ "messages": { "url": "/hubs/general/messages?where=LabelIds='INBOX'", "idField": "Id" } });
    items["event.poller.configuration"] = poller.to_string().into();
    world.patch(id, &json!({ "configuration": items })).await;
    world.pass(Duration::minutes(61)).await;
    forget_requests(&world);
    world.google.send(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(2)).await;
    assert_eq!(polls(&world), 0);
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
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
    let renews = |target: &str| target.contains("/reauthorize");
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
