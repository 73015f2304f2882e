//! All lanes, and whose turn it is. Pure: no database, no clock.

use super::begun::Begun;
use super::class::{Class, LaneId, Went, lane_of};
use super::lane::{LANE_COUNT_MAX, Lane, Trust};
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
        let trust = lane.map_or_else(|| self.remembered(id), |lane| lane.trust);
        let has_lane_room = match lane {
            Some(lane) => lane.has_room(id.0, count),
            None => Lane::new(trust).has_room(id.0, count),
        };
        has_lane_room && self.turns[id.0 as usize].has_room(id.0, (organization_id, trust), count)
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
        let whose = (lane.organization_id, lane.trust);
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
            let whose = (lane.organization_id, lane.trust);
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

    /// Takes a place among polls for a tick of a timetable, if the organization has one left.
    pub(super) fn begin_tick(&mut self, organization_id: u32) -> bool {
        self.turns[Class::Other as usize].begin(Class::Other, organization_id)
    }

    /// Such a tick has ended; whether a lane waited for its place.
    pub(super) fn end_tick(&mut self, organization_id: u32) -> bool {
        let turns = &mut self.turns[Class::Other as usize];
        let ready_count = turns.ready.len();
        turns.ended((Some(organization_id), Trust::Proven));
        turns.ready.len() > ready_count
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
        let Some(trust) = lane.end(job, again) else { return };
        lane.trust = match went {
            Went::Well => Trust::Proven,
            Went::Badly => Trust::Failed,
        };
        let organization_id = lane.organization_id;
        if id.0 == Class::Deliver {
            self.remember(id, went);
        }
        self.settle(id);
        self.turns[id.0 as usize].ended((organization_id, trust));
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

    fn remembered(&self, id: LaneId) -> Trust {
        if self.proven.contains(&id) { Trust::Proven } else { Trust::New }
    }

    fn lane(&mut self, id: LaneId) -> &mut Lane {
        let trust = self.remembered(id);
        let new = || (Lane::new(trust), LaneState::default());
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
mod tests;
