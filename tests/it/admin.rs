//! What an operator sees and sets right: after a death at any point, a check shows what is amiss, changes
//! nothing unless told to, and leaves an instance that is whole, or nothing of it.

mod deaths;

use crate::world::{GMAIL_USER, Gate, World};
use app::admin::{Check, Checked, Finding, FindingReport, Mode, Others, Outcome};
use app::ports::{
    Accounts as _, AttemptKey, EventLog as _, Job, LogPage, Queue as _, Schedule as _, Vault as _,
};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use doubles::Mail;
use serde_json::{Value, json};

async fn check(world: &World, mode: Mode, others: Others) -> (Vec<FindingReport>, Checked) {
    let mut all = Vec::new();
    let administration = world.administration();
    let checked =
        world.app.check(&administration, Check { mode, others }, &mut |found| all.push(found)).await;
    (all, checked.unwrap())
}

fn findings(found: &[FindingReport]) -> Vec<Finding> {
    found.iter().map(|one| one.finding.clone()).collect()
}

/// Looks twice, mends, and looks again: showing changes nothing, mending leaves nothing to mend. Returns what
/// was found.
async fn mend(world: &World) -> Vec<Finding> {
    let (shown, counted) = check(world, Mode::Show, Others::Stopped).await;
    assert!(shown.iter().all(|one| one.outcome == Outcome::Shown), "{shown:?}");
    assert_eq!(check(world, Mode::Show, Others::Stopped).await, (shown.clone(), counted));
    let (mended, counted) = check(world, Mode::Mend, Others::Stopped).await;
    assert_eq!(findings(&mended), findings(&shown));
    assert!(mended.iter().all(|one| one.outcome == Outcome::Mended), "{mended:?}");
    assert_eq!((counted.left_count, counted.mended_count), (0, mended.len() as u64));
    world.run_until_idle().await;
    assert_eq!(check(world, Mode::Show, Others::Stopped).await.0, [], "after {shown:?}");
    findings(&shown)
}

/// The instance polls by itself, and tells what it finds.
async fn assert_works(world: &World) {
    world.receiver.take();
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(16)).await;
    assert!(world.arrived().contains(&("CREATED".to_owned(), mail)), "it does not work");
}

#[tokio::test]
async fn a_world_in_order_has_no_findings() {
    let world = World::new(401);
    world.create_gmail().await;
    world.create_outlook().await;
    for others in [Others::Running, Others::Stopped] {
        let (found, checked) = check(&world, Mode::Mend, others).await;
        assert_eq!(found, []);
        assert_eq!((checked.instances_count, checked.schedules_count, checked.secrets_count), (2, 2, 2));
    }
}

/// While others run, what is young may be theirs; of schedules and secrets the data folder does not know the age.
#[tokio::test]
async fn what_may_be_under_way_is_left_alone() {
    let world = World::new(402);
    let id = world.create_gmail().await;
    world.pass(Duration::minutes(5)).await;
    let orphan = InstanceId::from_bytes([0, 0, 0, 77]);
    let (table, secrets) = (Timetable::new(orphan, 15), [("a".to_owned(), "b".to_owned())].into());
    world.vault().write(orphan, &secrets, 1).await.unwrap();
    world.timers.put(orphan, table, false).await.unwrap();
    world.timers.put(id, Timetable::new(id, 15), false).await.unwrap();
    let young = [Finding::ScheduleOff, Finding::OrphanedSchedule, Finding::OrphanedSecret];
    let (found, checked) = check(&world, Mode::Mend, Others::Running).await;
    assert_eq!(findings(&found), young);
    assert!(found.iter().all(|one| one.outcome == Outcome::MayBeUnderWay), "{found:?}");
    assert_eq!((checked.mended_count, checked.may_be_under_way_count), (0, 3));
    world.pass(Duration::minutes(16)).await;
    let (found, checked) = check(&world, Mode::Mend, Others::Running).await;
    assert_eq!(findings(&found)[..1], [Finding::ScheduleOff]);
    assert_eq!((checked.mended_count, checked.may_be_under_way_count), (1, 2), "{found:?}");
    assert_eq!(mend(&world).await, young[1..]);
    let (_, checked) = check(&world, Mode::Show, Others::Running).await;
    assert_eq!((checked.instances_count, checked.schedules_count, checked.secrets_count), (1, 1, 1));
    assert_works(&world).await;
}

/// What is for a person to decide is shown, and nothing is done about it.
#[tokio::test]
async fn what_is_queued_or_frozen_is_shown_only() {
    let world = World::new(403);
    let id = world.create_gmail().await;
    world.receiver.answer_next(410);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.clock.advance(Duration::hours(2));
    let (found, checked) = check(&world, Mode::Mend, Others::Running).await;
    assert!(
        matches!(&found[0].finding, Finding::Queued { count: 1, reason } if reason.contains("410")),
        "{found:?}"
    );
    assert!(
        matches!(&found[1].finding, Finding::Frozen { resource, .. } if resource == "changed-messages"),
        "{found:?}"
    );
    assert!(found.iter().all(|one| one.outcome == Outcome::Shown));
    assert_eq!((found.len(), checked.notes_count, checked.left_count), (2, 2, 0));
    world.run_until_idle().await;
    let (found, _) = check(&world, Mode::Mend, Others::Running).await;
    assert!(matches!(findings(&found)[..], [Finding::Queued { .. }]), "read again; still queued");
}

/// A living process changes an instance while another one mends it: the schedule follows the row all the same.
#[tokio::test]
async fn a_change_beside_mending_wins() {
    for (lag, head_start) in (0..6).flat_map(|lag| (0..24).map(move |head_start| (lag, head_start))) {
        let world = World::new(404);
        let id = world.create_gmail().await;
        let path = format!("/instances/{id}/enabled");
        for method in ["DELETE", "PUT"] {
            let other = world.another_process_behind(&Gate::slow(lag));
            let mending = async {
                for _ in 0..head_start {
                    tokio::task::yield_now().await;
                }
                other.mend(id).await.unwrap();
            };
            let (reply, ()) = tokio::join!(world.call(method, &path, &Value::Null), mending);
            assert_eq!(reply.status, 200);
            let (found, _) = check(&world, Mode::Show, Others::Stopped).await;
            assert_eq!(found, [], "{method} with a head start of {head_start} and a lag of {lag}");
        }
        world.run_until_idle().await;
    }
}

/// A retry that waits hours for its time has a job; if that is lost, it comes at that time and not before.
#[tokio::test]
async fn a_lost_retry_comes_at_its_time() {
    let mut world = World::new(405);
    let id = world.create_gmail().await;
    for _ in 0..4 {
        world.receiver.answer_next(500);
    }
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.pass(Duration::minutes(10)).await;
    let due_at = world.jobs.next_due(local::jobs::Class::Deliver).unwrap();
    assert!(due_at - world.now() > Duration::minutes(60));
    assert_eq!(check(&world, Mode::Show, Others::Stopped).await.0, []);
    world.lose_jobs().await;
    let (found, _) = check(&world, Mode::Mend, Others::Running).await;
    assert_eq!(found, [], "its time has not come");
    assert_eq!(mend(&world).await, [Finding::DeliveriesLost { count: 1 }]);
    assert_eq!(world.jobs.next_due(local::jobs::Class::Deliver), Some(due_at));
    world.receiver.take();
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.receiver.take().len(), 1);
}

#[tokio::test]
async fn who_is_let_in_gets_in() {
    let world = World::new(406);
    let first = world.app.add_organization().await.unwrap();
    assert_eq!(world.call_as(&first.authorization(), "GET", "/instances", "").await.status, 200);
    let organization_id = first.account.organization_id;
    let second = world.app.add_user(organization_id, true).await.unwrap().unwrap();
    assert!(second.organization_secret.is_none());
    assert_eq!(second.account.organization_id, organization_id);
    assert_ne!(second.account.user_id, first.account.user_id);
    let secret = first.organization_secret.as_deref().unwrap();
    let both = format!("{}, Organization {secret}", second.authorization());
    assert_eq!(world.call_as(&both, "GET", "/instances", "").await.status, 200);
    let mixed = format!("User {}, Organization world-organization", second.user_secret);
    world.call_as(&mixed, "GET", "/instances", "").await.assert_refused(401);
    assert!(world.app.add_user(4711, true).await.unwrap().is_none());
}

/// What an operator does takes effect at once, and stands in the audit record without a secret.
#[tokio::test]
async fn who_is_taken_out_gets_in_no_more() {
    let world = World::new(409);
    let first = world.app.add_organization().await.unwrap();
    let organization_id = first.account.organization_id;
    let second = world.app.add_user(organization_id, false).await.unwrap().unwrap();
    let status = async |user: &str, organization: &str| {
        let secrets = format!("User {user}, Organization {organization}");
        world.call_as(&secrets, "GET", "/instances", "").await.status
    };
    let former = first.organization_secret.clone().unwrap();
    let organization = world.app.replace_organization_secret(organization_id).await.unwrap().unwrap();
    assert_eq!(status(&first.user_secret, &former).await, 401);
    assert_eq!(status(&first.user_secret, &organization).await, 200);
    let first_id = first.account.user_id;
    let user = world.app.replace_user_secret(organization_id, first_id).await.unwrap().unwrap();
    assert_eq!(status(&first.user_secret, &organization).await, 401);
    assert_eq!(status(&user, &organization).await, 200);
    assert_eq!(status(&second.user_secret, &organization).await, 200);
    assert!(world.app.remove_user(organization_id, second.account.user_id).await.unwrap());
    assert_eq!(status(&second.user_secret, &organization).await, 401);
    assert!(!world.app.remove_user(organization_id, second.account.user_id).await.unwrap());
    assert!(world.app.replace_user_secret(organization_id, 4711).await.unwrap().is_none());
    assert!(world.app.replace_organization_secret(4711).await.unwrap().is_none());

    let noted = world.store.audit(organization_id, None, 100).await.unwrap().rows;
    let mut actions: Vec<&str> = noted.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    let wanted = [
        "organization.created",
        "organization.secret_replaced",
        "user.created",
        "user.removed",
        "user.secret_replaced",
    ];
    assert_eq!(actions, wanted);
    let text = world.dump();
    for secret in [&former, &organization, &user, &second.user_secret] {
        assert!(!text.contains(secret.as_str()), "a secret stands in the data");
    }
}

/// Jobs that failed too often are dead; sent again, they do their work.
#[tokio::test]
async fn dead_jobs_are_counted_and_sent_again() {
    let world = World::new(407);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.app.poll(id, world.now() + Duration::seconds(20)).await.unwrap();
    let waiting = |name: &'static str| {
        let world = &world;
        async move {
            let depths = world.app.depths(&world.administration()).await.unwrap();
            depths.into_iter().find(|depth| depth.queue == name).unwrap().waiting_count
        }
    };
    assert_eq!((waiting("deliver").await, waiting("dead").await), (1, 0));
    for _ in 0..25 {
        let due_at = world.jobs.next_due(local::jobs::Class::Deliver).unwrap();
        world.clock.advance((due_at - world.now()).max(Duration::zero()));
        let taken = world.jobs.take_due(world.now(), local::jobs::Class::Deliver).await.unwrap().unwrap();
        world.jobs.failed(&taken, world.now()).await.unwrap();
    }
    assert_eq!((waiting("deliver").await, waiting("dead").await), (0, 1));
    assert_eq!(world.number("carillon_queue_jobs{queue=\"dead\",due=\"now\"}").await, 1.0);
    let redriven = world.app.redrive(&world.administration(), 10).await.unwrap();
    assert_eq!((redriven.sent_count, redriven.unreadable_count, redriven.is_more), (1, 0, false));
    assert_eq!((waiting("deliver").await, waiting("dead").await), (1, 0));
    world.run_until_idle().await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), mail)]);
}

/// The first notification of an instance, and the job that delivers it anew.
async fn delivered(world: &World, id: InstanceId) -> (String, Job) {
    let page = LogPage { before: None, limit: 1, pending_only: false };
    let notification = world.store.notifications(id, page).await.unwrap().rows.remove(0);
    let key = AttemptKey { instance: id, sequence: notification.sequence, attempt: notification.attempt + 1 };
    (notification.name.event_id, Job::Deliver(key))
}

/// Of a doubled job nothing comes: a check may send one too many where a queue can't be asked.
#[tokio::test]
async fn a_job_too_many_delivers_nothing() {
    let world = World::new(408);
    let id = world.create_gmail().await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let (event, job) = delivered(&world, id).await;
    let reply = world.call("POST", &format!("/instances/{id}/events/{event}/retry"), &json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
    assert_eq!(world.receiver.take().len(), 2);
    world.jobs.send(&[(job, world.now())]).await.unwrap();
    world.run_until_idle().await;
    assert_eq!(world.receiver.take().len(), 0);
}
