//! What a provider refuses is tried again with growing waits, and within none that it asked for.

use super::lossy::LossyHttp;
use super::{assert_active, forget_requests, push_of, pushed_outlook};
use crate::world::{OUTLOOK_USER, World};
use chrono::Duration;
use doubles::{FaultKind, Way};

fn count(world: &World, wanted: impl Fn(&str) -> bool) -> usize {
    world.microsoft.requests().iter().filter(|line| wanted(&line.target)).count()
}

/// The grant can't be renewed for hours: it is tried after a second, two, four, and in the end once an hour; and renewed
/// once it can be.
#[tokio::test]
async fn a_demand_that_fails_is_met_again_with_growing_waits() {
    let world = World::reachable(111);
    let id = pushed_outlook(&world).await;
    world.pass(Duration::minutes(20)).await;
    world.microsoft.refuse_renewals(true);
    world.microsoft.tell_subscriptions(OUTLOOK_USER, "reauthorizationRequired");
    forget_requests(&world);
    let renewals = |target: &str| target.contains("/subscriptions/");
    let mut counts = Vec::new();
    for minutes in [10, 50, 300] {
        world.pass(Duration::minutes(minutes)).await;
        counts.push(count(&world, renewals));
        forget_requests(&world);
    }
    assert!((7..=10).contains(&counts[0]), "{counts:?}");
    assert!((1..=3).contains(&counts[1]), "{counts:?}");
    assert!((4..=8).contains(&counts[2]), "{counts:?}");
    world.microsoft.refuse_renewals(false);
    world.pass(Duration::minutes(61)).await;
    assert!(count(&world, renewals) >= 1);
    assert_active(&push_of(&world, id).await);
}

/// Microsoft takes no `/reauthorize` within ten minutes of a PATCH, nor the reverse; and what was asked with no answer may
/// have been done. Whatever asks again asks in the same way.
#[tokio::test]
async fn a_renewal_whose_answer_got_lost_is_repeated_in_the_same_way() {
    let mut world = World::reachable(114);
    let id = pushed_outlook(&world).await;
    world.pass(Duration::minutes(20)).await;
    let lost = LossyHttp::before(&mut world, "/subscriptions/");
    world.microsoft.tell_subscriptions(OUTLOOK_USER, "reauthorizationRequired");
    forget_requests(&world);
    lost.lose(3);
    world.pass(Duration::minutes(10)).await;
    let requests = world.microsoft.requests();
    let renewals = requests.iter().filter(|line| line.target.contains("/subscriptions/"));
    let statuses: Vec<u16> = renewals.map(|line| line.status).collect();
    assert_eq!(statuses, [200; 4], "three of unheard answers, and the one that was heard");
    assert_active(&push_of(&world, id).await);
}

/// A Retry-After that a renewal meets holds for the mailbox, in every process.
#[tokio::test]
async fn a_retry_after_that_a_renewal_meets_is_everybodys() {
    let world = World::reachable(112);
    let id = pushed_outlook(&world).await;
    world.pass(Duration::minutes(20)).await;
    let beside = world.another_process();
    world.providers.set_fault_rate(1.0, &[FaultKind::RateLimited { retry_after_s: Some(1_200) }]);
    world.microsoft.tell_subscriptions(OUTLOOK_USER, "reauthorizationRequired");
    world.pass(Duration::seconds(5)).await;
    assert_eq!(count(&world, |target| target.contains("/subscriptions/")), 1);
    forget_requests(&world);
    beside.tick(id, world.now() + Duration::seconds(60)).await.unwrap();
    assert_eq!(count(&world, |_| true), 0, "another process asks");
}

/// A watch that can't be had: a dozen tries in the first hours, then one an hour or little more.
#[tokio::test]
async fn a_watch_that_fails_is_tried_again_with_growing_waits() {
    let world = World::reachable(113);
    world.providers.set_way(&Way::new(async |_| None));
    pushed_outlook(&world).await;
    forget_requests(&world);
    world.pass(Duration::hours(2)).await;
    let first = count(&world, |target| target.ends_with("/subscriptions"));
    assert!((10..=14).contains(&first), "{first}");
    forget_requests(&world);
    world.pass(Duration::hours(24)).await;
    let later = count(&world, |target| target.ends_with("/subscriptions"));
    assert!((23..=33).contains(&later), "{later}");
}
