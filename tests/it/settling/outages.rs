//! The scheduler or the queue fails, jobs get lost, come twice, or late.

use super::{ClientAction, SETTLED_AFTER_MIN, assert_polled, counts, findings, schedule_is_on};
use crate::world::{GMAIL_USER, Gate, OutageEffect, World};
use app::ports::{Instances as _, Job, Schedule as _};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use doubles::Mail;
use serde_json::{Value, json};

/// Whether the change is stored, the client is told that it is: what it implies follows.
#[tokio::test]
async fn a_scheduler_that_fails_for_an_hour_is_asked_again() {
    for failing in [OutageEffect::Before, OutageEffect::After] {
        for asked in [
            ClientAction::Create,
            ClientAction::Faster,
            ClientAction::Disable,
            ClientAction::Enable,
            ClientAction::Resume,
        ] {
            let world = World::new(441);
            let id = asked.prepare(&world).await;
            let (method, path, body) = asked.call(&world, id).await;
            world.scheduler.begin(failing, 0);
            let reply = world.call(method, &path, &body).await;
            assert!(reply.status < 300, "{asked:?}: {}", reply.body);
            world.pass(Duration::hours(1)).await;
            world.scheduler.end();
            world.pass(Duration::minutes(2)).await;
            assert_eq!(findings(&world).await, [], "{asked:?} {failing:?}");
            match asked {
                ClientAction::Disable => assert_eq!(schedule_is_on(&world, id.unwrap()).await, Some(false)),
                _ => assert_polled(&world, &format!("{asked:?} {failing:?}")).await,
            }
        }
    }
}

#[tokio::test]
async fn secrets_go_after_a_scheduler_that_failed_for_an_hour() {
    let world = World::new(442);
    let id = world.create_gmail().await;
    world.scheduler.begin(OutageEffect::Before, 0);
    assert_eq!(world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await.status, 200);
    world.pass(Duration::hours(1)).await;
    world.scheduler.end();
    world.pass(Duration::minutes(10)).await;
    assert_eq!(counts(&world).await, (0, 0, 0));
}

/// A repeated call sees that the first one was not seen to.
#[tokio::test]
async fn a_repeated_call_settles_what_the_first_one_could_not() {
    let world = World::new(443);
    let id = ClientAction::Enable.prepare(&world).await.unwrap();
    let path = format!("/instances/{id}/enabled");
    world.scheduler.begin(OutageEffect::Before, 0);
    assert_eq!(world.call("PUT", &path, &Value::Null).await.status, 200);
    assert_eq!(schedule_is_on(&world, id).await, Some(false));
    world.scheduler.end();
    assert_eq!(world.call("PUT", &path, &Value::Null).await.status, 200);
    assert_eq!(schedule_is_on(&world, id).await, Some(true));
    world.run_until_idle().await;
}

/// So does the next poll.
#[tokio::test]
async fn a_poll_settles_what_a_change_could_not() {
    let mut world = World::new(444);
    let id = ClientAction::Faster.prepare(&world).await.unwrap();
    world.scheduler.begin(OutageEffect::Before, 0);
    world.patch(id, &json!({ "configuration": { "event.poller.refresh_interval": "5" } })).await;
    world.lose_jobs().await;
    world.scheduler.end();
    world.pass(Duration::minutes(16)).await;
    assert_eq!(findings(&world).await, []);
}

/// What can't be promised is not written. What was promised is seen to, whatever fails then.
#[tokio::test]
async fn a_queue_that_fails_at_any_call_leaves_all_or_nothing() {
    for asked in ClientAction::ALL {
        for (failing, calls) in [OutageEffect::Before, OutageEffect::After].into_iter().zip([0..4, 0..4]) {
            for call in calls {
                let world = World::new(445);
                let id = asked.prepare(&world).await;
                let (method, path, body) = asked.call(&world, id).await;
                world.queue.begin(failing, call);
                let before = world.store.instances(1, None, 10).await.unwrap().rows;
                let reply = world.call(method, &path, &body).await;
                world.queue.end();
                let context = format!("{asked:?}, queue out {failing:?} {call} calls: {}", reply.body);
                if call == 0 {
                    assert_eq!(reply.status, 500, "{context}");
                    assert_eq!(world.store.instances(1, None, 10).await.unwrap().rows, before, "{context}");
                }
                world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
                let left = findings(&world).await;
                assert!(left.iter().all(|one| !one.is_mendable()), "{context}: {left:?}");
                let (instances, schedules, secrets) = counts(&world).await;
                assert_eq!((schedules, secrets), (instances, instances), "{context}");
            }
        }
    }
}

/// A process that stalls between reading a row and writing the schedule writes an older one over a newer one.
#[tokio::test]
async fn a_schedule_that_is_written_late_is_written_again() {
    let world = World::new(446);
    let id = ClientAction::Enable.prepare(&world).await.unwrap();
    assert_eq!(world.call("PUT", &format!("/instances/{id}/enabled"), &Value::Null).await.status, 200);
    world.run_until_idle().await;
    world.timers.put(id, Timetable::new(id, 15), false).await.unwrap();
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    assert_eq!(schedule_is_on(&world, id).await, Some(true));
    assert_polled(&world, "written late").await;
}

/// One that is on though it should be off brings polls, and the first of them sees to it.
#[tokio::test]
async fn a_poll_of_what_is_not_polled_puts_the_schedule_right() {
    let world = World::new(447);
    let events_off = json!({ "configuration": { "event.notification.enabled": "false" } });
    for (method, path, body) in [("DELETE", "/enabled", Value::Null), ("PATCH", "", events_off)] {
        let id = world.create_gmail().await;
        assert_eq!(world.call(method, &format!("/instances/{id}{path}"), &body).await.status, 200);
        world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
        world.timers.put(id, Timetable::new(id, 15), true).await.unwrap();
        world.pass(Duration::minutes(16)).await;
        assert_eq!(schedule_is_on(&world, id).await, Some(false));
    }
    let nobody = InstanceId::from_bytes([0, 0, 0, 9]);
    world.timers.put(nobody, Timetable::new(nobody, 15), true).await.unwrap();
    world.pass(Duration::minutes(16)).await;
    assert_eq!(schedule_is_on(&world, nobody).await, None, "nor does one without a row come again and again");
}

/// Switched on by a slow process and off by another, in any interleaving: the row has the last word.
#[tokio::test]
async fn of_two_processes_the_newest_row_has_the_last_word() {
    for (lag, head_start) in (0..5).flat_map(|lag| (0..60).map(move |head_start| (lag, head_start))) {
        let world = World::new(448);
        let id = ClientAction::Enable.prepare(&world).await.unwrap();
        world.google.deliver(GMAIL_USER, Mail::default());
        let path = format!("/instances/{id}/enabled");
        let other = world.another_process_behind(&Gate::slow(lag));
        let disable = async {
            for _ in 0..head_start {
                tokio::task::yield_now().await;
            }
            world.call("DELETE", &path, &Value::Null).await
        };
        let (on, off) = tokio::join!(world.call_on(&other, "PUT", &path), disable);
        assert_eq!((on.status, off.status), (200, 200));
        let is_disabled = world.store.instance(id).await.unwrap().unwrap().disabled;
        let context = format!("with a head start of {head_start} and a lag of {lag}");
        assert_eq!(schedule_is_on(&world, id).await, Some(!is_disabled), "{context}");
        world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
        assert_eq!(schedule_is_on(&world, id).await, Some(!is_disabled), "{context}");
    }
}

/// Whenever a promised job comes, and however often, an instance in order stays as it is.
#[tokio::test]
async fn a_job_that_comes_late_or_twice_changes_nothing() {
    let world = World::new(449);
    let id = world.create_gmail().await;
    let nobody = InstanceId::from_bytes([0, 0, 0, 7]);
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    let before = world.dump();
    for (instance, hours) in [(id, 0), (id, 200), (nobody, 1), (id, 1), (nobody, 200)] {
        let since = world.now() - Duration::hours(hours);
        for _ in 0..2 {
            let deadline = world.now() + Duration::seconds(60);
            world.app.run(Job::Settle { instance, since }, deadline).await.unwrap();
        }
    }
    assert_eq!(world.dump(), before);
    assert_polled(&world, "after jobs too many").await;
}

/// It is tried for days, at growing pauses, and not for ever.
#[tokio::test]
async fn a_job_that_fails_comes_again_for_a_week_and_no_longer() {
    let world = World::new(450);
    let id = ClientAction::Enable.prepare(&world).await.unwrap();
    world.scheduler.begin(OutageEffect::Before, 0);
    let mut since = world.now();
    assert_eq!(world.call("PUT", &format!("/instances/{id}/enabled"), &Value::Null).await.status, 200);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let due_at = world.jobs.next_due(local::jobs::Class::Other).unwrap();
        pauses.push((due_at - since).num_seconds());
        since = due_at;
        world.clock.advance(due_at - world.now());
        world.run_until_idle().await;
    }
    assert_eq!(pauses[0], 120, "{pauses:?}");
    assert!(pauses[1..].is_sorted() && pauses[1] >= 15 && pauses[9] == 120, "{pauses:?}");
    let deadline = world.now() + Duration::seconds(60);
    let old = Job::Settle { instance: id, since: world.now() - Duration::days(8) };
    assert!(world.app.run(old, deadline).await.is_err(), "then it is put aside, for an operator");
    world.scheduler.end();
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    assert_eq!(schedule_is_on(&world, id).await, Some(true));
}

/// Others who change the row again and again are waited for, and not without end.
#[tokio::test]
async fn settling_ends_against_changes_without_end() {
    let world = World::new(451);
    let id = world.create_gmail().await;
    let slow = world.another_process_behind(&Gate::slow(200));
    let changes = async {
        for n in 0.. {
            world.call("PATCH", &format!("/instances/{id}"), &json!({ "name": format!("name {n}") })).await;
        }
    };
    let began_at = world.now();
    let settled = tokio::select! {
        settled = slow.mend(id) => settled,
        () = changes => panic!("they never end"),
    };
    assert!(settled.unwrap_err().to_string().contains("settling"), "a job comes again for it");
    assert!(world.now() - began_at >= Duration::milliseconds(600), "it waited in between");
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    assert_eq!(findings(&world).await, []);
}
