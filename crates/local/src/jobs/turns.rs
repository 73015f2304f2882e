//! Whose turn it is among the lanes of one class, and how much of it each organization may have.
//!
//! A lane whose last job went well, and soon, is proven. The others are tried: together they leave room for the proven
//! ones, so that callbacks which are dead or slow delay nobody whose callback answers. And of the places for these a third
//! is left to lanes of which no failure is known, or a new mailbox would wait behind all that are dead.

use super::class::{Class, LaneId};
use super::lane::Trust;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Whose lane it is, where that is known, and what is known of it.
type Whose = (Option<u32>, Trust);

/// Polls of one organization under way at once, by its timetables or not: three quarters of all, so that mailboxes whose
/// provider does not answer leave room for those of another.
pub(super) const POLLS_OF_ORGANIZATION_MAX: usize = 48;
/// Releases of one organization under way at once: a quarter of all, so that another one's find room.
pub(super) const RELEASES_OF_ORGANIZATION_MAX: usize = 16;
/// Health events of one organization under way at once: a quarter of all.
pub(super) const LETTERS_OF_ORGANIZATION_MAX: usize = 4;
/// Deliveries of one organization under way at once: a quarter of all.
pub(super) const DELIVERIES_OF_ORGANIZATION_MAX: usize = 128;
/// Among them those of lanes that are tried, so that a quarter is left to proven ones; and of all organizations together.
pub(super) const TRIED_OF_ORGANIZATION_MAX: usize = 96;
pub(super) const TRIED_MAX: usize = 384;
/// And among these those of lanes that failed.
pub(super) const FAILED_OF_ORGANIZATION_MAX: usize = 64;
pub(super) const FAILED_MAX: usize = 256;

/// The lanes of one class that can go on.
#[derive(Default)]
pub(super) struct Turns {
    /// Have a job that is due, in turn.
    pub(super) ready: VecDeque<LaneId>,
    /// Have a job that was not due when last looked at, by its time.
    pub(super) sleeping: BTreeSet<(i64, LaneId)>,
    /// Of all organizations.
    all: Share,
    organizations: HashMap<u32, Share>,
}

/// What one organization, or all, have of a class.
#[derive(Default)]
struct Share {
    in_flight: usize,
    /// Of them those of lanes that are tried, and of these of lanes that failed.
    tried: usize,
    failed: usize,
    /// Lanes whose turn it was while as much as may be was under way.
    parked: VecDeque<LaneId>,
    parked_tried: VecDeque<LaneId>,
    parked_failed: VecDeque<LaneId>,
}

/// How much a share may have of each.
struct Most {
    in_flight: usize,
    tried: usize,
    failed: usize,
}

impl Most {
    fn of_organization(class: Class) -> Self {
        Most {
            in_flight: of_organization_max(class),
            tried: TRIED_OF_ORGANIZATION_MAX,
            failed: FAILED_OF_ORGANIZATION_MAX,
        }
    }

    /// Who runs a class bounds what is under way of it.
    const OF_ALL: Most = Most { in_flight: usize::MAX, tried: TRIED_MAX, failed: FAILED_MAX };
}

impl Share {
    fn is_idle(&self) -> bool {
        self.in_flight == 0
            && [&self.parked, &self.parked_tried, &self.parked_failed].iter().all(|parked| parked.is_empty())
    }

    /// Whether so many more may be under way.
    fn has_room(&self, trust: Trust, count: usize, most: &Most) -> bool {
        self.in_flight.saturating_add(count) <= most.in_flight
            && (trust == Trust::Proven || self.tried + count <= most.tried)
            && (trust != Trust::Failed || self.failed + count <= most.failed)
    }

    fn park(&mut self, id: LaneId, trust: Trust) {
        let parked = match trust {
            Trust::Proven => &mut self.parked,
            Trust::New => &mut self.parked_tried,
            Trust::Failed => &mut self.parked_failed,
        };
        parked.push_back(id);
    }

    fn begun(&mut self, trust: Trust) {
        self.in_flight += 1;
        self.tried += usize::from(trust != Trust::Proven);
        self.failed += usize::from(trust == Trust::Failed);
    }

    fn gave_back(&mut self, trust: Trust) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tried = self.tried.saturating_sub(usize::from(trust != Trust::Proven));
        self.failed = self.failed.saturating_sub(usize::from(trust == Trust::Failed));
    }

    /// Those that have their turn now: new ones first, then those that failed, or proven ones could take each place that
    /// becomes free.
    fn next(&mut self) -> impl Iterator<Item = LaneId> {
        let first = [&mut self.parked_tried, &mut self.parked_failed, &mut self.parked];
        first.into_iter().filter_map(VecDeque::pop_front)
    }
}

impl Turns {
    /// Puts a lane aside whose turn it is, if as much as may be is under way.
    pub(super) fn is_parked(&mut self, class: Class, id: LaneId, (organization_id, trust): Whose) -> bool {
        let trust = of_class(class, trust);
        if let Some(share) = organization_id.and_then(|of| self.organizations.get_mut(&of))
            && !share.has_room(trust, 1, &Most::of_organization(class))
        {
            share.park(id, trust);
            return true;
        }
        let is_parked = !self.all.has_room(trust, 1, &Most::OF_ALL);
        if is_parked {
            self.all.park(id, trust);
        }
        is_parked
    }

    /// Whether so many jobs could begin of a lane that nobody waits before.
    pub(super) fn has_room(
        &self,
        class: Class,
        (organization_id, trust): (u32, Trust),
        count: usize,
    ) -> bool {
        if !self.ready.is_empty() || !self.all.has_room(trust, count, &Most::OF_ALL) {
            return false;
        }
        self.organizations.get(&organization_id).is_none_or(|share| {
            share.parked.is_empty()
                && share.parked_tried.is_empty()
                && (trust != Trust::Failed || share.parked_failed.is_empty())
                && share.has_room(trust, count, &Most::of_organization(class))
        })
    }

    /// Takes a place for what no lane has, if the organization has one left.
    pub(super) fn begin(&mut self, class: Class, organization_id: u32) -> bool {
        let share = self.organizations.get(&organization_id);
        let has_place = share.is_none_or(|share| share.in_flight < of_organization_max(class));
        if has_place {
            self.begun((Some(organization_id), Trust::Proven));
        }
        has_place
    }

    /// A job is under way.
    pub(super) fn begun(&mut self, (organization_id, trust): Whose) {
        self.all.begun(trust);
        if let Some(of) = organization_id {
            self.organizations.entry(of).or_default().begun(trust);
        }
    }

    /// A job has ended: those that wait longest have their turn.
    pub(super) fn ended(&mut self, (organization_id, trust): Whose) {
        self.all.gave_back(trust);
        if trust != Trust::Proven {
            self.ready.extend(self.all.next());
        }
        let Some(of) = organization_id else { return };
        let Some(share) = self.organizations.get_mut(&of) else { return };
        share.gave_back(trust);
        self.ready.extend(share.next());
        if share.is_idle() {
            self.organizations.remove(&of);
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.organizations.is_empty() && self.all.is_idle()
    }
}

/// Only receivers are trusted or not.
fn of_class(class: Class, trust: Trust) -> Trust {
    if class == Class::Deliver { trust } else { Trust::Proven }
}

/// Jobs of one organization under way at once.
fn of_organization_max(class: Class) -> usize {
    match class {
        Class::Release => RELEASES_OF_ORGANIZATION_MAX,
        Class::Deliver => DELIVERIES_OF_ORGANIZATION_MAX,
        Class::Other => POLLS_OF_ORGANIZATION_MAX,
        Class::Tell => LETTERS_OF_ORGANIZATION_MAX,
        // An organization has one lane.
        Class::Bulk => usize::MAX,
    }
}
