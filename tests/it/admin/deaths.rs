//! A process dies at each point of what it does, and the queue loses what was in it: then nobody sees to what is left,
//! but a check.

use super::{assert_works, check, delivered, mend};
use crate::world::{GMAIL_USER, World, gmail_body};
use app::admin::{Finding, Mode, Others};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 200;

/// Lets a call die at its n-th passage; `false` if it came to its end before. Only the database is left, without jobs.
async fn dies(world: &mut World, passages: u64, call: (&str, String, Value)) -> bool {
    world.gate.die_after(passages);
    let (method, path, body) = call;
    let survived = world.gate.run(world.call(method, &path, &body)).await.is_some();
    world.lose_jobs().await;
    !survived
}

/// What was found over all points, each thing once.
#[derive(Default)]
struct FindingSet(Vec<Finding>);

impl FindingSet {
    fn add(&mut self, found: Vec<Finding>) {
        for one in found {
            if !self.0.contains(&one) {
                self.0.push(one);
            }
        }
    }

    #[track_caller]
    fn assert(&self, expected: &[Finding]) {
        assert!(expected.iter().all(|one| self.0.contains(one)), "{expected:?} in {:?}", self.0);
        assert_eq!(self.0.len(), expected.len(), "{:?}", self.0);
    }
}

#[tokio::test]
async fn a_creation_that_died_is_whole_or_gone() {
    let mut seen = FindingSet::default();
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(421);
        let body = gmail_body(&world.google.new_code(GMAIL_USER));
        let died = dies(&mut world, passages, ("POST", "/instances".to_owned(), body)).await;
        let (_, before) = check(&world, Mode::Mend, Others::Running).await;
        assert_eq!(before.mended_count, 0, "another process might be at it");
        let found = mend(&world).await;
        let (_, checked) = check(&world, Mode::Show, Others::Stopped).await;
        let counts = (checked.instances_count, checked.schedules_count, checked.secrets_count);
        match checked.instances_count {
            0 => assert_eq!(counts, (0, 0, 0)),
            _ => {
                assert_eq!(counts, (1, 1, 1));
                assert_works(&world).await;
            }
        }
        seen.add(found);
        if !died {
            let expected = [Finding::OrphanedSecret, Finding::ScheduleMissing, Finding::ChangeUnsettled];
            return seen.assert(&expected);
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_deletion_that_died_is_finished() {
    let mut seen = FindingSet::default();
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(422);
        let id = world.create_gmail().await;
        world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
        let died = dies(&mut world, passages, ("DELETE", format!("/instances/{id}"), Value::Null)).await;
        seen.add(mend(&world).await);
        let (_, checked) = check(&world, Mode::Show, Others::Stopped).await;
        let counts = (checked.instances_count, checked.schedules_count, checked.secrets_count);
        // It died before its first write, or there is nothing left.
        assert!([(0, 0, 0), (1, 1, 1)].contains(&counts), "{counts:?}");
        if !died {
            assert_eq!(counts, (0, 0, 0));
            return seen.assert(&[Finding::DeletionUnfinished]);
        }
    }
    panic!("it never came to its end");
}

/// The job is there, and dies again and again: it goes on where it was.
#[tokio::test]
async fn a_removal_that_died_goes_on() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(423);
        let id = world.create_gmail().await;
        let reply = world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
        assert_eq!(reply.status, 200);
        world.gate.die_after(passages);
        let survived = world.gate.run(world.run_until_idle()).await.is_some();
        world.restart();
        assert_eq!(mend(&world).await, [], "its job is there");
        world.run_until_idle().await;
        let (_, checked) = check(&world, Mode::Show, Others::Stopped).await;
        assert_eq!((checked.instances_count, checked.schedules_count, checked.secrets_count), (0, 0, 0));
        if survived {
            return;
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_change_that_died_reaches_the_schedule() {
    let faster = json!({ "configuration": { "event.poller.refresh_interval": "5" } });
    let changes = [
        ("PATCH", "", faster, Finding::WrongInterval { stored_s: 900, wanted_s: 300 }),
        ("DELETE", "/enabled", Value::Null, Finding::ScheduleOn),
    ];
    for (method, path, body, expected) in changes {
        let mut seen = FindingSet::default();
        for passages in 0..PASSAGES_COUNT_MAX {
            let mut world = World::new(424);
            let id = world.create_gmail().await;
            let call = (method, format!("/instances/{id}{path}"), body.clone());
            let died = dies(&mut world, passages, call).await;
            seen.add(mend(&world).await);
            if !died {
                break;
            }
            assert!(passages + 1 < PASSAGES_COUNT_MAX, "it never came to its end");
        }
        seen.assert(&[expected, Finding::ChangeUnsettled]);
    }
}

/// Switched on again, it is polled, and what waited is released.
#[tokio::test]
async fn a_disabled_instance_that_was_being_enabled_comes_back() {
    let mut seen = FindingSet::default();
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(425);
        let id = world.create_gmail().await;
        let path = format!("/instances/{id}/enabled");
        assert_eq!(world.call("DELETE", &path, &Value::Null).await.status, 200);
        world.run_until_idle().await;
        let died = dies(&mut world, passages, ("PUT", path, Value::Null)).await;
        seen.add(mend(&world).await);
        if world.shown(id).await["disabled"] == false {
            assert_works(&world).await;
        }
        if !died {
            let left = [Finding::ScheduleOff, Finding::ReleaseAbandoned, Finding::ChangeUnsettled];
            return seen.assert(&left);
        }
    }
    panic!("it never came to its end");
}

async fn poll_dies(world: &mut World, passages: u64, id: InstanceId) -> bool {
    let deadline = world.now() + Duration::seconds(20);
    world.gate.die_after(passages);
    let survived = world.gate.run(world.app.poll(id, deadline)).await.is_some();
    world.restart();
    !survived
}

#[tokio::test]
async fn what_was_committed_and_not_enqueued_is_delivered_once() {
    let mut seen = FindingSet::default();
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(426);
        let id = world.create_gmail().await;
        // What was promised for the creation would see to it.
        world.pass(Duration::minutes(5)).await;
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        let died = poll_dies(&mut world, passages, id).await;
        seen.add(mend(&world).await);
        world.pass(Duration::minutes(16)).await;
        assert_eq!(world.arrived(), [("CREATED".to_owned(), mail)]);
        if !died {
            return seen.assert(&[Finding::OutboxNotFlushed { count: 1 }]);
        }
    }
    panic!("it never came to its end");
}

/// The notification is marked as due before its job is sent: a death between the two leaves it without a job.
#[tokio::test]
async fn a_delivery_that_was_to_be_repeated_and_lost_its_job_is_repeated() {
    let mut seen = FindingSet::default();
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(427);
        let id = world.create_gmail().await;
        world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
        let (event, _) = delivered(&world, id).await;
        let first = world.receiver.take().remove(0);
        let call = ("POST", format!("/instances/{id}/events/{event}/retry"), json!({}));
        let died = dies(&mut world, passages, call).await;
        let found = mend(&world).await;
        let again = world.receiver.take();
        assert!(again.iter().all(|one| one.body == first.body), "other bytes");
        assert!(found.is_empty() || again.len() == 1, "{found:?} and {} arrived", again.len());
        seen.add(found);
        if !died {
            assert_eq!(again.len(), 1);
            return seen.assert(&[Finding::DeliveriesLost { count: 1 }]);
        }
    }
    panic!("it never came to its end");
}
