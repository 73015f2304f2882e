//! Ticks that are due and have no place yet: those of one organization hold up no other's.

use crate::timers::Tick;
use domain::ids::InstanceId;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Ticks in turn.
#[derive(Default)]
pub(crate) struct Ticks {
    /// As they fell due.
    ready: VecDeque<Tick>,
    /// Of organizations that have as many polls under way as they may.
    parked: BTreeMap<u32, VecDeque<Tick>>,
    /// Of both: an instance waits once, however many of its ticks pass meanwhile.
    waiting: HashSet<InstanceId>,
}

impl Ticks {
    /// These are due.
    pub(crate) fn add(&mut self, due: Vec<Tick>) {
        let new = due.into_iter().filter(|tick| self.waiting.insert(tick.instance));
        self.ready.extend(new);
    }

    /// The first whose organization has a place, which `begins` takes.
    pub(crate) fn next(&mut self, begins: impl Fn(u32) -> bool) -> Option<Tick> {
        let tick = self.next_parked(&begins).or_else(|| self.next_ready(&begins))?;
        self.waiting.remove(&tick.instance);
        Some(tick)
    }

    /// Whether there is one whose organization had no place.
    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    fn next_parked(&mut self, begins: impl Fn(u32) -> bool) -> Option<Tick> {
        let of = *self.parked.keys().find(|of| begins(**of))?;
        let Entry::Occupied(mut parked) = self.parked.entry(of) else { return None };
        let tick = parked.get_mut().pop_front();
        if parked.get().is_empty() {
            parked.remove();
        }
        tick
    }

    fn next_ready(&mut self, begins: impl Fn(u32) -> bool) -> Option<Tick> {
        while let Some(tick) = self.ready.pop_front() {
            match tick.organization_id {
                // Behind those of the same organization that wait already.
                Some(of) if self.parked.contains_key(&of) || !begins(of) => {
                    self.parked.entry(of).or_default().push_back(tick);
                }
                _ => return Some(tick),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use std::cell::Cell;

    fn tick(instance: u32, organization_id: u32) -> Tick {
        let instance = InstanceId::from_bytes(instance.to_be_bytes());
        Tick { instance, organization_id: Some(organization_id), due_at: DateTime::UNIX_EPOCH }
    }

    /// Takes what can begin while the first organization has so many places left, and the second as many as it wants.
    fn taken(ticks: &mut Ticks, places_left: usize) -> Vec<Tick> {
        let left = Cell::new(places_left);
        let begins = |of: u32| of != 1 || left.replace(left.get().saturating_sub(1)) > 0;
        std::iter::from_fn(|| ticks.next(begins)).collect()
    }

    #[test]
    fn ticks_of_an_organization_without_places_hold_up_no_others() {
        let mut ticks = Ticks::default();
        ticks.add(vec![tick(1, 1), tick(2, 1), tick(3, 1), tick(4, 2)]);
        assert_eq!(taken(&mut ticks, 1), [tick(1, 1), tick(4, 2)]);
        ticks.add(vec![tick(5, 1), tick(6, 2)]);
        assert_eq!(taken(&mut ticks, 0), [tick(6, 2)]);
        assert!(ticks.has_parked());
        assert_eq!(taken(&mut ticks, 3), [tick(2, 1), tick(3, 1), tick(5, 1)], "in the order they fell due");
        assert_eq!(taken(&mut ticks, 1), []);
        assert!(!ticks.has_parked());
    }

    #[test]
    fn an_instance_waits_once() {
        let mut ticks = Ticks::default();
        ticks.add(vec![tick(1, 1), tick(1, 1)]);
        assert_eq!(taken(&mut ticks, 0), []);
        ticks.add(vec![tick(1, 1)]);
        assert_eq!(taken(&mut ticks, 9), [tick(1, 1)]);
        ticks.add(vec![tick(1, 1)]);
        assert_eq!(taken(&mut ticks, 9), [tick(1, 1)], "and again when it is due again");
    }
}
