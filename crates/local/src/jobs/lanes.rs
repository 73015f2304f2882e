//! All lanes, and whose turn it is. Pure: no database, no clock.

use super::begun::Begun;
use super::class::{Class, LaneId, Went, lane_of};
use super::lane::{LANE_COUNT_MAX, Lane};
use super::turns::Turns;
use app::ports::Job;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// Lanes that are remembered as proven at the most; beyond it all are forgotten, and have one job at a time first.
const PROVEN_COUNT_MAX: usize = 200_000;

/// The lanes of all classes.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<LaneId, (Lane, LaneState)>,
    turns: [Turns; Class::ALL.len()],
    /// Lanes of deliveries whose last job went well, also while they are empty.
    proven: HashSet<LaneId>,
    /// First attempts that are under way from their commit on.
    begun: Begun,
}

/// Where a lane stands in [`Turns`].
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum LaneState {
    /// Nowhere: it has nothing, or as much as may be is under way.
    #[default]
    Out,
    Ready,
    Sleeping(i64),
}

/// What can be done next.
pub(super) enum NextStep {
    /// This job, due at this time (µs), is now under way.
    Job(Job, i64),
    /// Read the lane's next jobs from the table, then ask again.
    Refill(LaneId),
    Nothing,
}

impl Lanes {
    /// A lane that the table has jobs of.
    pub(super) fn add_unread(&mut self, id: LaneId, organization_id: Option<u32>) {
        let lane = self.lane(id);
        lane.has_more = true;
        lane.organization_id = lane.organization_id.or(organization_id);
        self.settle(id);
    }

    /// Whether so many deliveries of an instance could begin without waiting.
    pub(super) fn has_room(&self, id: LaneId, organization_id: u32, count: usize) -> bool {
        let lane = self.lanes.get(&id).map(|(lane, _)| lane);
        let is_proven = lane.map_or_else(|| self.proven.contains(&id), |lane| lane.is_proven);
        let has_lane_room = match lane {
            Some(lane) => lane.has_room(id.0, count),
            None => Lane::new(is_proven).has_room(id.0, count),
        };
        has_lane_room && self.turns[id.0 as usize].has_room(id.0, (organization_id, !is_proven), count)
    }

    /// Begins jobs that are not in the table, all or none: each is given out next.
    pub(super) fn begin(&mut self, organization_id: u32, jobs: &[Job], claimed_until: DateTime<Utc>) -> bool {
        let Some(id) = jobs.first().map(lane_of) else { return false };
        // One that somebody else found in its outbox, and sent, is under way.
        let is_sent = |job| self.lanes.get(&id).is_some_and(|(lane, _)| lane.is_under_way(job));
        if jobs.iter().any(is_sent) || !self.has_room(id, organization_id, jobs.len()) {
            return false;
        }
        let lane = self.lane(id);
        lane.organization_id = lane.organization_id.or(Some(organization_id));
        jobs.iter().for_each(|job| lane.begin(*job));
        let whose = (lane.organization_id, !lane.is_proven);
        jobs.iter().for_each(|_| self.turns[id.0 as usize].begun(whose));
        self.begun.add(jobs, claimed_until);
        self.settle(id);
        true
    }

    /// What is under way from its commit on.
    pub(super) fn begun(&mut self) -> &mut Begun {
        &mut self.begun
    }

    /// Takes a due job from the lane whose turn it is.
    pub(super) fn take(&mut self, now: i64, class: Class) -> NextStep {
        // Before what has begun is given out: while lanes wait that are due, no more begins.
        self.wake(now, class);
        if class == Class::Deliver
            && let Some(job) = self.begun.take()
        {
            return NextStep::Job(job, now);
        }
        while let Some(id) = self.turns[class as usize].ready.pop_front() {
            let Some((lane, standing)) = self.lanes.get_mut(&id) else { continue };
            let turns = &mut self.turns[class as usize];
            let whose = (lane.organization_id, !lane.is_proven);
            if turns.is_parked(class, id, whose) {
                // It stays ready, and has its turn when another one ends.
                continue;
            }
            *standing = LaneState::Out;
            let due = lane.first_due(class).is_some_and(|due_at| due_at <= now);
            if due && lane.waiting_count() == 0 {
                return NextStep::Refill(id);
            }
            let taken = if due { lane.take() } else { None };
            if taken.is_some() {
                turns.begun(whose);
            }
            self.settle(id);
            // What is due there still comes behind the other lanes.
            self.wake(now, class);
            if let Some((job, due_at)) = taken {
                return NextStep::Job(job, due_at);
            }
        }
        NextStep::Nothing
    }

    /// When something can be done, µs.
    pub(super) fn next_due(&self, class: Class) -> Option<i64> {
        if class == Class::Deliver && self.begun.is_waiting() {
            return Some(i64::MIN);
        }
        let turns = &self.turns[class as usize];
        let ready = turns.ready.front().map(|_| i64::MIN);
        ready.or_else(|| turns.sleeping.first().map(|(due_at, _)| *due_at))
    }

    /// A job was sent; see [`Lane::offer`].
    pub(super) fn offer(&mut self, job: Job, sent: i64, stored: i64, organization_id: Option<u32>) {
        let id = lane_of(&job);
        let lane = self.lane(id);
        lane.organization_id = lane.organization_id.or(organization_id);
        lane.offer(job, sent, stored);
        self.settle(id);
    }

    /// Whether there is a lane of this job, which knows whose instance it is.
    pub(super) fn knows(&self, job: &Job) -> bool {
        let lane = self.lanes.get(&lane_of(job));
        lane.is_some_and(|(lane, _)| lane.organization_id.is_some())
    }

    /// The clock was set back: what is due later is due as much earlier.
    pub(super) fn set_back(&mut self, by_us: i64, now_us: i64) {
        let ids: Vec<LaneId> = self.lanes.keys().copied().collect();
        for id in ids {
            if let Some((lane, _)) = self.lanes.get_mut(&id) {
                lane.set_back(by_us, now_us);
                self.settle(id);
            }
        }
    }

    /// When a job under way was sent again for, if it was.
    pub(super) fn again(&self, job: &Job) -> Option<i64> {
        self.lanes.get(&lane_of(job))?.0.again(job)
    }

    /// A job has ended; it waits again, if it is due again.
    pub(super) fn end(&mut self, job: &Job, went: Went, again: Option<i64>) {
        let id = lane_of(job);
        let Some((lane, _)) = self.lanes.get_mut(&id) else { return };
        let Some(was_tried) = lane.end(job, again) else { return };
        lane.is_proven = went == Went::Well;
        let organization_id = lane.organization_id;
        if id.0 == Class::Deliver {
            self.remember(id, went);
        }
        self.settle(id);
        self.turns[id.0 as usize].ended((organization_id, was_tried));
    }

    fn remember(&mut self, id: LaneId, went: Went) {
        match went {
            Went::Badly => drop(self.proven.remove(&id)),
            Went::Well => {
                if self.proven.len() >= PROVEN_COUNT_MAX {
                    self.proven.clear();
                }
                self.proven.insert(id);
            }
        }
    }

    fn lane(&mut self, id: LaneId) -> &mut Lane {
        let is_proven = self.proven.contains(&id);
        let new = || (Lane::new(is_proven), LaneState::default());
        &mut self.lanes.entry(id).or_insert_with(new).0
    }

    /// Rows to read for a refill: those under way are among them.
    pub(super) fn refill_count(&self, id: LaneId) -> usize {
        LANE_COUNT_MAX + self.lanes.get(&id).map_or(0, |(lane, _)| lane.in_flight_count())
    }

    /// Takes over the first rows of a lane.
    pub(super) fn refill(&mut self, id: LaneId, jobs: Vec<(Job, i64)>, has_more: bool) {
        if let Some((lane, _)) = self.lanes.get_mut(&id) {
            lane.refill(jobs, has_more);
            self.settle(id);
        }
    }

    /// Puts a lane that is not ready where it belongs, after any change of it.
    pub(super) fn settle(&mut self, id: LaneId) {
        let Some((lane, standing)) = self.lanes.get_mut(&id) else { return };
        let sleeping = &mut self.turns[id.0 as usize].sleeping;
        match *standing {
            LaneState::Ready => return,
            LaneState::Sleeping(due_at) => drop(sleeping.remove(&(due_at, id))),
            LaneState::Out => {}
        }
        *standing = LaneState::Out;
        if let Some(due_at) = lane.first_due(id.0) {
            *standing = LaneState::Sleeping(due_at);
            sleeping.insert((due_at, id));
        } else if lane.is_empty() {
            self.lanes.remove(&id);
        }
    }

    /// Makes ready what has become due.
    fn wake(&mut self, now: i64, class: Class) {
        let turns = &mut self.turns[class as usize];
        while let Some((due_at, id)) = turns.sleeping.first().copied().filter(|(due_at, _)| *due_at <= now) {
            turns.sleeping.remove(&(due_at, id));
            turns.ready.push_back(id);
            if let Some((_, standing)) = self.lanes.get_mut(&id) {
                *standing = LaneState::Ready;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::turns::{
        DELIVERIES_OF_ORGANIZATION_MAX, RELEASES_OF_ORGANIZATION_MAX, TRIED_MAX, TRIED_OF_ORGANIZATION_MAX,
    };
    use super::*;
    use app::ports::AttemptKey;
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
        assert_eq!(
            std::iter::from_fn(|| take(&mut lanes, 600)).count(),
            2,
            "one was to come in the meantime"
        );
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
}
