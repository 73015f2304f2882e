//! Whose turn it is among the lanes of one class, and how much of it each organization may have.
//!
//! A lane whose last job went well, and soon, is proven. The others are tried: together they leave room for the proven
//! ones, so that callbacks which are dead or slow delay nobody whose callback answers.

use super::class::{Class, LaneId};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Whose lane it is, where that is known, and whether it is tried.
type Whose = (Option<u32>, bool);

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

/// The lanes of one class that can go on.
#[derive(Default)]
pub(super) struct Turns {
    /// Have a job that is due, in turn.
    pub(super) ready: VecDeque<LaneId>,
    /// Have a job that was not due when last looked at, by its time.
    pub(super) sleeping: BTreeSet<(i64, LaneId)>,
    /// Jobs of lanes that are tried, under way.
    tried: usize,
    /// Lanes whose turn it was while that was as much as may be.
    parked: VecDeque<LaneId>,
    organizations: HashMap<u32, Share>,
}

/// What one organization has of a class.
#[derive(Default)]
struct Share {
    in_flight: usize,
    tried: usize,
    /// Lanes whose turn it was while as much as may be was under way.
    parked: VecDeque<LaneId>,
    parked_tried: VecDeque<LaneId>,
}

impl Share {
    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.parked.is_empty() && self.parked_tried.is_empty()
    }
}

impl Turns {
    /// Puts a lane aside whose turn it is, if as much as may be is under way.
    pub(super) fn is_parked(&mut self, class: Class, id: LaneId, (organization_id, is_tried): Whose) -> bool {
        let is_tried = is_tried && class == Class::Deliver;
        if let Some(share) = organization_id.and_then(|of| self.organizations.get_mut(&of)) {
            if is_tried && share.tried >= TRIED_OF_ORGANIZATION_MAX {
                share.parked_tried.push_back(id);
                return true;
            }
            if share.in_flight >= of_organization_max(class) {
                let parked = if is_tried { &mut share.parked_tried } else { &mut share.parked };
                parked.push_back(id);
                return true;
            }
        }
        let is_parked = is_tried && self.tried >= TRIED_MAX;
        if is_parked {
            self.parked.push_back(id);
        }
        is_parked
    }

    /// Whether so many jobs could begin of a lane that nobody waits before.
    pub(super) fn has_room(
        &self,
        class: Class,
        (organization_id, is_tried): (u32, bool),
        count: usize,
    ) -> bool {
        if !self.ready.is_empty() || (is_tried && self.tried + count > TRIED_MAX) {
            return false;
        }
        self.organizations.get(&organization_id).is_none_or(|share| {
            share.parked.is_empty()
                && share.parked_tried.is_empty()
                && share.in_flight + count <= of_organization_max(class)
                && !(is_tried && share.tried + count > TRIED_OF_ORGANIZATION_MAX)
        })
    }

    /// Takes a place for what no lane has, if the organization has one left.
    pub(super) fn begin(&mut self, class: Class, organization_id: u32) -> bool {
        let share = self.organizations.get(&organization_id);
        let has_place = share.is_none_or(|share| share.in_flight < of_organization_max(class));
        if has_place {
            self.begun((Some(organization_id), false));
        }
        has_place
    }

    /// A job is under way.
    pub(super) fn begun(&mut self, (organization_id, is_tried): Whose) {
        self.tried += usize::from(is_tried);
        if let Some(of) = organization_id {
            let share = self.organizations.entry(of).or_default();
            share.in_flight += 1;
            share.tried += usize::from(is_tried);
        }
    }

    /// A job has ended: those that wait longest have their turn. Lanes that are tried come first, or proven ones could
    /// take each place that becomes free.
    pub(super) fn ended(&mut self, (organization_id, was_tried): Whose) {
        if was_tried {
            self.tried = self.tried.saturating_sub(1);
            self.ready.extend(self.parked.pop_front());
        }
        let Some(of) = organization_id else { return };
        let Some(share) = self.organizations.get_mut(&of) else { return };
        share.in_flight = share.in_flight.saturating_sub(1);
        share.tried = share.tried.saturating_sub(usize::from(was_tried));
        self.ready.extend(share.parked_tried.pop_front());
        self.ready.extend(share.parked.pop_front());
        if share.is_idle() {
            self.organizations.remove(&of);
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.organizations.is_empty() && self.parked.is_empty() && self.tried == 0
    }
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
