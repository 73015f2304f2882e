//! All lanes, and whose turn it is. Pure: no database, no clock.

use super::class::{Class, LaneId, Went, lane_of};
use super::lane::{LANE_COUNT_MAX, Lane};
use app::ports::Job;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Releases of one organization under way at once: a quarter of all, so that another one's find room.
const RELEASES_OF_ORGANIZATION_MAX: usize = 16;

/// The lanes of all classes.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<LaneId, (Lane, LaneState)>,
    turns: [Turns; Class::ALL.len()],
}

/// The lanes of one class that can go on.
#[derive(Default)]
struct Turns {
    /// Have a job that is due, in turn.
    ready: VecDeque<LaneId>,
    /// Have a job that was not due when last looked at, by its time.
    sleeping: BTreeSet<(i64, LaneId)>,
    /// Jobs under way, and lanes whose turn it was while that was as much as may be, by organization.
    organizations: HashMap<u32, Share>,
}

#[derive(Default)]
struct Share {
    in_flight: usize,
    parked: VecDeque<LaneId>,
}

impl Turns {
    /// A job of the organization has ended: its lane that waits longest has its turn.
    fn freed(&mut self, organization_id: u32) {
        let Some(share) = self.organizations.get_mut(&organization_id) else { return };
        share.in_flight = share.in_flight.saturating_sub(1);
        self.ready.extend(share.parked.pop_front());
        if share.in_flight == 0 && share.parked.is_empty() {
            self.organizations.remove(&organization_id);
        }
    }
}

/// Jobs of one organization under way at once.
fn of_organization_max(class: Class) -> usize {
    match class {
        Class::Release => RELEASES_OF_ORGANIZATION_MAX,
        // An instance has a bounded number of each, and its own pace.
        Class::Deliver | Class::Bulk | Class::Tell | Class::Other => usize::MAX,
    }
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
        let lane = &mut self.lanes.entry(id).or_default().0;
        lane.has_more = true;
        lane.organization_id = lane.organization_id.or(organization_id);
        self.settle(id);
    }

    /// Takes a due job from the lane whose turn it is.
    pub(super) fn take(&mut self, now: i64, class: Class) -> NextStep {
        self.wake(now, class);
        while let Some(id) = self.turns[class as usize].ready.pop_front() {
            let Some((lane, standing)) = self.lanes.get_mut(&id) else { continue };
            let organizations = &mut self.turns[class as usize].organizations;
            let mut share = lane.organization_id.map(|of| organizations.entry(of).or_default());
            if let Some(share) = share.as_mut().filter(|share| share.in_flight >= of_organization_max(class))
            {
                // It stays ready, and has its turn when another of its organization ends.
                share.parked.push_back(id);
                continue;
            }
            *standing = LaneState::Out;
            let due = lane.first_due(class).is_some_and(|due_at| due_at <= now);
            if due && lane.waiting_count() == 0 {
                return NextStep::Refill(id);
            }
            let taken = if due { lane.take() } else { None };
            if let (Some(_), Some(share)) = (&taken, share) {
                share.in_flight += 1;
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
        let turns = &self.turns[class as usize];
        let ready = turns.ready.front().map(|_| i64::MIN);
        ready.or_else(|| turns.sleeping.first().map(|(due_at, _)| *due_at))
    }

    /// A job was sent; see [`Lane::offer`].
    pub(super) fn offer(&mut self, job: Job, sent: i64, stored: i64, organization_id: Option<u32>) {
        let id = lane_of(&job);
        let lane = &mut self.lanes.entry(id).or_default().0;
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
        if let Some((lane, _)) = self.lanes.get_mut(&id) {
            let was_in_flight = lane.in_flight_count();
            let organization_id = lane.organization_id;
            lane.end(job, went, again);
            let is_freed = lane.in_flight_count() < was_in_flight;
            self.settle(id);
            if let (Some(of), true) = (organization_id, is_freed) {
                self.turns[id.0 as usize].freed(of);
            }
        }
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
    use super::*;
    use app::ports::AttemptKey;
    use domain::ids::{InstanceId, Sequence};

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
        let sent = (0..3).flat_map(|n| [1, 2, 3].map(|instance| (job(instance, n), 0)));
        let mut lanes = with(sent);
        let taken: Vec<Job> = std::iter::from_fn(|| take(&mut lanes, 0)).collect();
        assert_eq!(instances(&taken), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn three_dead_lanes_do_not_delay_a_fourth() {
        let mut lanes = with((0..1_000).flat_map(|n| [1, 2, 3].map(|instance| (job(instance, n), 0))));
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
        assert!(lanes.lanes.is_empty() && lanes.turns[Class::Release as usize].organizations.is_empty());
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
    fn a_lane_that_is_empty_is_forgotten() {
        let mut lanes = with([(job(1, 1), 0)]);
        assert_eq!(lanes.next_due(Class::Deliver), Some(0));
        let taken = take(&mut lanes, 0).unwrap();
        assert_eq!(lanes.next_due(Class::Deliver), None);
        lanes.end(&taken, Went::Badly, None);
        assert!(lanes.lanes.is_empty());
    }
}
