use super::super::turns::{
    DELIVERIES_OF_ORGANIZATION_MAX, FAILED_MAX, LETTERS_OF_ORGANIZATION_MAX, POLLS_OF_ORGANIZATION_MAX,
    RELEASES_OF_ORGANIZATION_MAX, TRIED_MAX, TRIED_OF_ORGANIZATION_MAX,
};
use super::*;
use app::ports::AttemptKey;
use domain::health_ledger::HealthEventId;
use domain::ids::{InstanceId, Sequence};
use std::collections::VecDeque;

fn job(instance: u32, sequence: u64) -> Job {
    let instance = InstanceId::from_bytes(instance.to_be_bytes());
    Job::Deliver(AttemptKey { instance, sequence: Sequence(sequence), attempt: 1 })
}

fn with(jobs: impl IntoIterator<Item = (Job, i64)>) -> Lanes {
    let mut lanes = Lanes::default();
    for (job, due_at) in jobs {
        lanes.offer(job, due_at, due_at, None);
    }
    lanes
}

fn take(lanes: &mut Lanes, now: i64) -> Option<Job> {
    match lanes.take(now, Class::Deliver) {
        NextStep::Job(job, _) => Some(job),
        NextStep::Refill(_) => panic!("nothing to read"),
        NextStep::Nothing => None,
    }
}

fn begin(lanes: &mut Lanes, organization_id: u32, jobs: &[Job]) -> bool {
    lanes.begin(organization_id, jobs, DateTime::<Utc>::MAX_UTC)
}

fn instances(jobs: &[Job]) -> Vec<u32> {
    jobs.iter().map(|job| lane_of(job).1).collect()
}

#[test]
fn a_large_lane_keeps_a_bounded_number_in_memory() {
    let mut lanes = with((0..5_000).map(|n| (job(1, n), n as i64)));
    let id = lane_of(&job(1, 0));
    assert_eq!(lanes.lanes[&id].0.waiting_count(), LANE_COUNT_MAX);
    for n in 0..LANE_COUNT_MAX as u64 {
        let taken = take(&mut lanes, i64::MAX).unwrap();
        assert_eq!(taken, job(1, n));
        lanes.end(&taken, Went::Well, None);
    }
    assert!(matches!(lanes.take(i64::MAX, Class::Deliver), NextStep::Refill(lane) if lane == id));
    lanes.refill(id, (1_000..2_000).map(|n| (job(1, n), n as i64)).collect(), true);
    assert_eq!(take(&mut lanes, i64::MAX), Some(job(1, 1_000)));
}

#[test]
fn what_is_due_earlier_than_the_memory_s_last_pushes_it_out() {
    let mut lanes = with((0..2_000).map(|n| (job(1, n), 100 + n as i64)));
    lanes.offer(job(1, 9_999), 5, 5, None);
    lanes.offer(job(1, 8_888), 100_000, 100_000, None);
    let id = lane_of(&job(1, 0));
    assert_eq!(lanes.lanes[&id].0.waiting_count(), LANE_COUNT_MAX);
    assert_eq!(take(&mut lanes, 5), Some(job(1, 9_999)));
}

#[test]
fn lanes_take_turns() {
    let sent = (0..4).flat_map(|n| [1, 2, 3].map(|instance| (job(instance, n), 0)));
    let mut lanes = with(sent);
    let first: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    first.iter().for_each(|job| lanes.end(job, Went::Well, None));
    let taken: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(instances(&first), [1, 2, 3]);
    assert_eq!(instances(&taken), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn three_dead_lanes_do_not_delay_a_fourth() {
    let mut lanes = with((0..1_000).flat_map(|n| [1, 2, 3].map(|instance| (job(instance, n), 0))));
    let tried: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(instances(&tried), [1, 2, 3], "one of each, as nobody knows how they are");
    tried.iter().for_each(|job| lanes.end(job, Went::Well, None));
    let first: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(first.len(), 12, "four of each are under way");
    lanes.offer(job(4, 0), 1, 1, None);
    assert_eq!(take(&mut lanes, 1), Some(job(4, 0)), "at once, though nothing of theirs has ended");
    for dead in &first {
        lanes.end(dead, Went::Badly, Some(60));
    }
    let next: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 2)).collect();
    assert_eq!(instances(&next).len(), 3, "then one of each");
    lanes.end(&next[0], Went::Well, None);
    assert_eq!(std::iter::from_fn(|| take(&mut lanes, 2)).count(), 4, "until one goes well");
}

fn release(instance: u32) -> Job {
    Job::Release(InstanceId::from_bytes(instance.to_be_bytes()))
}

#[test]
fn releases_of_one_organization_leave_room_for_those_of_another() {
    let mut lanes = Lanes::default();
    (1..=200).for_each(|instance| lanes.offer(release(instance), 0, 0, Some(1)));
    (201..=210).for_each(|instance| lanes.offer(release(instance), 0, 0, Some(2)));
    let take = |lanes: &mut Lanes| match lanes.take(0, Class::Release) {
        NextStep::Job(job, _) => Some(job),
        _ => None,
    };
    let first: Vec<Job> = std::iter::from_fn(|| take(&mut lanes)).collect();
    let theirs = instances(&first).iter().filter(|instance| **instance > 200).count();
    assert_eq!((first.len(), theirs), (RELEASES_OF_ORGANIZATION_MAX + 10, 10));
    let mut ended = 0;
    let mut under_way: VecDeque<Job> = first.into();
    while let Some(job) = under_way.pop_front() {
        lanes.end(&job, Went::Well, None);
        ended += 1;
        under_way.extend(std::iter::from_fn(|| take(&mut lanes)));
        assert!(under_way.len() <= RELEASES_OF_ORGANIZATION_MAX + 10);
    }
    assert_eq!(ended, 210, "each has its turn");
    assert!(lanes.lanes.is_empty() && lanes.turns[Class::Release as usize].is_idle());
}

#[test]
fn health_events_of_one_organization_leave_room_for_those_of_another() {
    let mut lanes = Lanes::default();
    let letter = |organization_id: u32, instance: u32| {
        let (instance, id) =
            (InstanceId::from_bytes(instance.to_be_bytes()), HealthEventId::first_at(DateTime::UNIX_EPOCH));
        Job::Tell { organization_id, instance: Some(instance), id }
    };
    (1..=100).for_each(|instance| lanes.offer(letter(1, instance), 0, 0, Some(1)));
    lanes.offer(letter(2, 101), 0, 0, Some(2));
    let first: Vec<Job> = std::iter::from_fn(|| match lanes.take(0, Class::Tell) {
        NextStep::Job(job, _) => Some(job),
        _ => None,
    })
    .collect();
    assert_eq!(first.len(), LETTERS_OF_ORGANIZATION_MAX + 1);
    assert_eq!(first.last(), Some(&letter(2, 101)));
}

fn of_organizations(lanes: &mut Lanes, instances: std::ops::RangeInclusive<u32>, organization_id: u32) {
    instances.for_each(|instance| lanes.offer(job(instance, 1), 0, 0, Some(organization_id)));
}

#[test]
fn dead_callbacks_of_one_organization_leave_room_for_its_others_and_for_other_organizations() {
    let mut lanes = Lanes::default();
    lanes.offer(job(1, 0), 0, 0, Some(1));
    let first = take(&mut lanes, 0).unwrap();
    lanes.end(&first, Went::Well, None);
    assert!(lanes.lanes.is_empty());
    of_organizations(&mut lanes, 1_000..=1_499, 1);
    let dead: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(dead.len(), TRIED_OF_ORGANIZATION_MAX);
    of_organizations(&mut lanes, 1..=1, 1);
    assert_eq!(take(&mut lanes, 0), Some(job(1, 1)), "whose callback answered has its own room");
    of_organizations(&mut lanes, 2..=2, 2);
    assert_eq!(take(&mut lanes, 0), Some(job(2, 1)), "and so has another organization");
    let mut under_way: VecDeque<Job> = dead.into();
    let mut ended = 0;
    while let Some(job) = under_way.pop_front() {
        lanes.end(&job, Went::Badly, None);
        ended += 1;
        under_way.extend(std::iter::from_fn(|| take(&mut lanes, 0)));
        assert!(under_way.len() <= TRIED_OF_ORGANIZATION_MAX);
    }
    assert_eq!(ended, 500, "each has its turn");
    [job(1, 1), job(2, 1)].iter().for_each(|job| lanes.end(job, Went::Well, None));
    assert!(lanes.lanes.is_empty() && lanes.turns[Class::Deliver as usize].is_idle());
}

/// Of those that failed before, which a start finds by their retries.
#[test]
fn a_new_callback_waits_behind_none_that_failed() {
    let mut lanes = Lanes::default();
    let retry = |instance: u32| match job(instance, 0) {
        Job::Deliver(key) => Job::Deliver(AttemptKey { attempt: 2, ..key }),
        other => other,
    };
    for organization in 1..=5 {
        let dead = organization * 1_000..organization * 1_000 + 200;
        dead.for_each(|instance| lanes.offer(retry(instance), 0, 0, Some(organization)));
    }
    let dead: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(dead.len(), FAILED_MAX);
    of_organizations(&mut lanes, 1..=1, 1);
    assert_eq!(take(&mut lanes, 0), Some(job(1, 1)), "a new one of an organization whose others are dead");
    assert!(begin(&mut lanes, 1, &[job(2, 0)]), "and one that begins with its commit");
    assert_eq!(take(&mut lanes, 0), Some(job(2, 0)));
    lanes.end(&job(1, 1), Went::Badly, Some(0));
    assert_eq!(take(&mut lanes, 0), None, "it has failed, too");
    let mut under_way: VecDeque<Job> = dead.into_iter().chain([job(2, 0)]).collect();
    let mut ended = 0;
    while let Some(job) = under_way.pop_front() {
        lanes.end(&job, Went::Badly, None);
        ended += 1;
        under_way.extend(std::iter::from_fn(|| take(&mut lanes, 0)));
        assert!(under_way.len() <= FAILED_MAX + 1);
    }
    assert_eq!(ended, 1_000 + 2, "each has its turn");
    assert!(lanes.lanes.is_empty() && lanes.turns[Class::Deliver as usize].is_idle());
}

#[test]
fn dead_callbacks_of_all_organizations_leave_room_for_callbacks_that_answer() {
    let mut lanes = Lanes::default();
    lanes.offer(job(1, 0), 0, 0, Some(100));
    let first = take(&mut lanes, 0).unwrap();
    lanes.end(&first, Went::Well, None);
    for organization in 1..=8 {
        of_organizations(&mut lanes, organization * 1_000..=organization * 1_000 + 199, organization);
    }
    let dead: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(dead.len(), TRIED_MAX);
    of_organizations(&mut lanes, 1..=1, 100);
    assert_eq!(take(&mut lanes, 0), Some(job(1, 1)));
    let mut under_way: VecDeque<Job> = dead.into();
    let mut ended = 0;
    while let Some(job) = under_way.pop_front() {
        lanes.end(&job, Went::Badly, None);
        ended += 1;
        under_way.extend(std::iter::from_fn(|| take(&mut lanes, 0)));
    }
    assert_eq!(ended, 1_600, "each has its turn");
    lanes.end(&job(1, 1), Went::Well, None);
    assert!(lanes.lanes.is_empty() && lanes.turns[Class::Deliver as usize].is_idle());
}

/// A callback that answers no longer than it has to is as good as dead for the others.
#[test]
fn an_organization_has_no_more_deliveries_than_its_share_however_well_they_go() {
    let mut lanes = Lanes::default();
    for instance in 1..=100 {
        lanes.offer(job(instance, 0), 0, 0, Some(1));
        let first = take(&mut lanes, 0).unwrap();
        lanes.end(&first, Went::Well, None);
    }
    for sequence in 1..=10 {
        (1..=100).for_each(|instance| lanes.offer(job(instance, sequence), 0, 0, Some(1)));
    }
    assert_eq!(std::iter::from_fn(|| take(&mut lanes, 0)).count(), DELIVERIES_OF_ORGANIZATION_MAX);
    lanes.offer(job(200, 1), 0, 0, Some(2));
    assert_eq!(take(&mut lanes, 0), Some(job(200, 1)));
}

#[test]
fn when_the_clock_was_set_back_what_waits_comes_as_much_earlier() {
    let mut lanes = with([(job(1, 1), 3_000), (job(2, 1), 9_000), (job(3, 1), 500)]);
    lanes.set_back(3_600, 600);
    assert_eq!(lanes.next_due(Class::Deliver), Some(500));
    assert_eq!(std::iter::from_fn(|| take(&mut lanes, 600)).count(), 2, "one was to come in the meantime");
    assert_eq!(lanes.next_due(Class::Deliver), Some(5_400));
}

#[test]
fn what_begins_with_its_commit_takes_a_place_like_any_job() {
    let mut lanes = with([]);
    for instance in 1..=TRIED_OF_ORGANIZATION_MAX as u32 {
        assert!(begin(&mut lanes, 1, &[job(instance, 0)]));
        assert!(!begin(&mut lanes, 1, &[job(instance, 1)]), "a lane that is tried has one");
    }
    assert!(!begin(&mut lanes, 1, &[job(1_000, 0)]), "that is the share of those that are tried");
    lanes.offer(job(1_000, 0), 0, 0, Some(1));
    let first: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
    assert_eq!(first.len(), TRIED_OF_ORGANIZATION_MAX, "each is given out, and the one sent waits");
    assert!(begin(&mut lanes, 2, &[job(2_000, 0)]), "another organization has its own");
    lanes.end(&job(1, 0), Went::Well, None);
    assert_eq!(take(&mut lanes, 0), Some(job(2_000, 0)));
    assert_eq!(take(&mut lanes, 0), Some(job(1_000, 0)), "the place goes to who waits for it");
    let four: Vec<Job> = (10..14).map(|sequence| job(1, sequence)).collect();
    assert!(begin(&mut lanes, 1, &four), "it is proven by now");
    assert!(!begin(&mut lanes, 1, &[job(1, 14)]));
    lanes.end(&four[0], Went::Well, None);
    lanes.offer(job(1, 15), 7, 7, Some(1));
    assert!(!begin(&mut lanes, 1, &[job(1, 16)]), "what waits comes first");
}

#[test]
fn nothing_begins_before_lanes_that_are_due_or_twice() {
    let mut lanes = with([(job(1, 1), 0), (job(2, 1), 0)]);
    let first = take(&mut lanes, 0).unwrap();
    assert!(!begin(&mut lanes, 3, &[job(3, 1)]), "the other one's turn comes first");
    assert!(take(&mut lanes, 0).is_some());
    assert!(!begin(&mut lanes, 1, &[first]), "it is under way");
    assert!(begin(&mut lanes, 3, &[job(3, 1)]));
}

#[test]
fn a_lane_that_is_empty_is_forgotten() {
    let mut lanes = with([(job(1, 1), 0)]);
    assert_eq!(lanes.next_due(Class::Deliver), Some(0));
    let taken = take(&mut lanes, 0).unwrap();
    assert_eq!(lanes.next_due(Class::Deliver), None);
    lanes.end(&taken, Went::Badly, None);
    assert!(lanes.lanes.is_empty());
}

#[test]
fn polls_of_one_organization_leave_room_for_those_of_another_whatever_began_them() {
    let mut lanes = Lanes::default();
    let asked = |instance: u32| Job::Poll(InstanceId::from_bytes(instance.to_be_bytes()));
    let take = |lanes: &mut Lanes| match lanes.take(0, Class::Other) {
        NextStep::Job(job, _) => Some(job),
        _ => None,
    };
    (1..POLLS_OF_ORGANIZATION_MAX).for_each(|_| assert!(lanes.begin_tick(1)));
    (1..=2).for_each(|instance| lanes.offer(asked(instance), 0, 0, Some(1)));
    assert_eq!(take(&mut lanes), Some(asked(1)), "the last place");
    assert_eq!(take(&mut lanes), None);
    assert!(!lanes.begin_tick(1));
    assert!(lanes.begin_tick(2));
    lanes.offer(asked(3), 0, 0, Some(2));
    assert_eq!(take(&mut lanes), Some(asked(3)));
    assert!(lanes.end_tick(1));
    assert_eq!(take(&mut lanes), Some(asked(2)));
    lanes.end(&asked(1), Went::Well, None);
    assert!(lanes.begin_tick(1), "a poll that was asked for gives its place to a tick, too");
    assert!(!lanes.end_tick(1), "nothing waits");
}
