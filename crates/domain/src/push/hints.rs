//! What hints of a mailbox led to.

use super::LOOKED_FOR_S;
use crate::ids::InstanceId;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hints within this time after one that led to a poll lead to one more, at its end, ms: it begins after each of them.
const SLOT_MS: i64 = 2_000;

/// What hints of a mailbox led to. Stored beside its state, under no version: hints come in storms.
///
/// Most are for all instances of the mailbox, and one entry says what became of them all. A hint may be for some only: of
/// what they poll, or pulled from where they pull. Of the others it must not be said that they were rung.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// When the last one came that led to a poll.
    pub last_at: Option<DateTime<Utc>>,
    /// One led to a poll; until then others lead to one more together.
    pub slot_until: Option<DateTime<Utc>>,
    /// That one is enqueued, too.
    pub is_followed: bool,
    /// The highest position that they named lately, if they name any: it is looked for until it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The members that the last one was not for. Stores compare hints as text: where there are none nothing is written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    apart: BTreeMap<InstanceId, Rung>,
}

/// How a member was rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Rung {
    /// When the last hint came that led to a poll of it.
    last_at: Option<DateTime<Utc>>,
    /// Its polls that the present slot has led to: two at most.
    polls_count: u8,
}

impl Hints {
    /// When the last one came that led to a poll of this member.
    pub fn last_at_of(&self, id: InstanceId) -> Option<DateTime<Utc>> {
        self.rung(id).last_at
    }

    fn rung(&self, id: InstanceId) -> Rung {
        let together = Rung { last_at: self.last_at, polls_count: if self.is_followed { 2 } else { 1 } };
        self.apart.get(&id).copied().unwrap_or(together)
    }

    /// Takes a hint for some of a mailbox's members, with the position that it names; whom it leads to a poll of, and when.
    /// A member's first leads to a poll at once, those of the next two seconds to one more at their end. So each hint is
    /// followed by a poll that begins after it, and ten thousand in a second make two. Whoever is not named joins a poll
    /// that is enqueued already, and begins later than now.
    pub fn take(
        &self,
        now: DateTime<Utc>,
        position: Option<u64>,
        rung: &[InstanceId],
        members: &[InstanceId],
    ) -> (Vec<(InstanceId, DateTime<Utc>)>, Hints) {
        // A slot far ahead is one from before the clock was set back.
        let slot_ms = Duration::milliseconds(SLOT_MS);
        let slot = self.slot_until.filter(|until| now < *until && *until - now <= slot_ms);
        let position = position.max(self.position.filter(|_| self.is_looked_for(now)));
        let before = |id: &InstanceId| match slot {
            Some(_) => self.rung(*id),
            None => Rung { polls_count: 0, ..self.rung(*id) },
        };
        let due = |id: &InstanceId| match (before(id).polls_count, slot) {
            (0, _) | (_, None) => Some((*id, now)),
            (1, Some(until)) => Some((*id, until)),
            _ => None,
        };
        let due: Vec<_> = rung.iter().filter_map(due).collect();
        let Some(polls_count) = due.iter().map(|(id, _)| before(id).polls_count + 1).max() else {
            return (due, Hints { position, ..self.clone() });
        };
        let last = Rung { last_at: Some(now), polls_count };
        let after = |id: &InstanceId| match due.iter().any(|(one, _)| one == id) {
            true => Rung { last_at: Some(now), polls_count: before(id).polls_count + 1 },
            false => before(id),
        };
        let apart = members.iter().map(|id| (*id, after(id))).filter(|(_, rung)| *rung != last).collect();
        let slot_until = slot.or(Some(now + slot_ms));
        (due, Hints { last_at: Some(now), slot_until, is_followed: polls_count > 1, position, apart })
    }

    /// What was named long ago, and never showed, is not looked for again and again; but a late notice of an older change
    /// ends no look for a newer one.
    fn is_looked_for(&self, now: DateTime<Utc>) -> bool {
        self.last_at.is_some_and(|at| (now - at).num_seconds().abs() < LOOKED_FOR_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(ms: i64) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(1_795_000_000_000 + ms).unwrap()
    }

    fn id(n: u8) -> InstanceId {
        InstanceId::from_bytes([0, 0, 0, n])
    }

    /// When hints come, ms, each for whom of three members, and whom each leads to a poll of, and when; `-` joins one.
    #[track_caller]
    fn hints(comes: &[(i64, &[u8])], polls: &str) {
        let mut hints = Hints::default();
        let mut shown = Vec::new();
        for (ms, rung) in comes {
            let rung: Vec<InstanceId> = rung.iter().copied().map(id).collect();
            let (due, next) = hints.take(at(*ms), None, &rung, &[id(1), id(2), id(3)]);
            hints = next;
            let one = |(id, due_at): &(InstanceId, DateTime<Utc>)| {
                format!("{}@{}", id.get(), (*due_at - at(0)).num_milliseconds())
            };
            let due: Vec<String> = due.iter().map(one).collect();
            shown.push(if due.is_empty() { "-".to_owned() } else { due.join("+") });
        }
        assert_eq!(shown.join(" "), polls);
    }

    #[test]
    fn each_hint_is_followed_by_a_poll_that_begins_after_it() {
        let all: &[u8] = &[1];
        let comes = |times: &[i64]| times.iter().map(|ms| (*ms, all)).collect::<Vec<_>>();
        hints(&comes(&[0]), "1@0");
        hints(&comes(&[0, 0]), "1@0 1@2000");
        hints(&comes(&[0, 1, 2, 1_999]), "1@0 1@2000 - -");
        hints(&comes(&[0, 1_999, 2_000]), "1@0 1@2000 1@2000");
        hints(&comes(&[0, 2_000, 4_000]), "1@0 1@2000 1@4000");
        hints(&comes(&[0, 500, 2_500, 2_600]), "1@0 1@2000 1@2500 1@4500");
        // The clock was set back.
        hints(&comes(&[60_000, 0]), "1@60000 1@0");
    }

    /// Nobody joins a poll of somebody else.
    #[test]
    fn a_hint_for_some_serves_no_others() {
        hints(
            &[(0, &[1]), (500, &[2]), (600, &[1]), (700, &[2]), (800, &[1, 2])],
            "1@0 2@500 1@2000 2@2000 -",
        );
        hints(&[(0, &[1]), (1, &[1]), (2, &[1, 2]), (3, &[2])], "1@0 1@2000 2@2 2@2000");
        hints(&[(0, &[1, 2]), (1, &[2]), (2, &[1]), (3, &[3])], "1@0+2@0 2@2000 1@2000 3@3");
        hints(&[(0, &[1]), (2_000, &[2]), (2_001, &[1]), (2_002, &[1])], "1@0 2@2000 1@2001 1@4000");
    }

    #[test]
    fn whoever_was_not_rung_has_no_newer_hint() {
        let all = [id(1), id(2)];
        let (_, first) = Hints::default().take(at(0), None, &[id(1)], &all);
        assert_eq!((first.last_at_of(id(1)), first.last_at_of(id(2))), (Some(at(0)), None));
        let (_, second) = first.take(at(5_000), None, &[id(2)], &all);
        assert_eq!((second.last_at_of(id(1)), second.last_at_of(id(2))), (Some(at(0)), Some(at(5_000))));
        let (_, third) = second.take(at(9_000), None, &all, &all);
        assert_eq!((third.last_at_of(id(1)), third.last_at_of(id(2))), (Some(at(9_000)), Some(at(9_000))));
    }

    /// A process of an earlier version stores and compares the same text.
    #[test]
    fn hints_for_all_are_stored_as_they_were() {
        let all = [id(1), id(2)];
        let (_, first) = Hints::default().take(at(0), Some(7), &all, &all);
        let (_, second) = first.take(at(1), None, &all, &all);
        for (hints, is_followed) in [(first, false), (second, true)] {
            let text = serde_json::to_string(&hints).unwrap();
            let [last_at, slot_until] =
                [hints.last_at, hints.slot_until].map(|time| serde_json::to_string(&time).unwrap());
            let expected = format!(
                r#"{{"last_at":{last_at},"slot_until":{slot_until},"is_followed":{is_followed},"position":7}}"#
            );
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<Hints>(&text).unwrap(), hints);
        }
    }

    #[test]
    fn ten_thousand_hints_in_a_second_make_two_polls() {
        let mut hints = Hints::default();
        let polls = (0..10_000).map(|n| {
            let (due, next) = hints.take(at(n / 10), Some(7), &[id(1)], &[id(1)]);
            hints = next;
            due.len()
        });
        assert_eq!(polls.sum::<usize>(), 2);
    }

    /// Whatever came first; and nothing that was named long ago.
    #[test]
    fn the_highest_position_that_was_named_lately_is_looked_for() {
        let mut hints = Hints::default();
        for (ms, named, looked_for) in [
            (0, Some(5), Some(5)),
            (1, Some(3), Some(5)),
            (2, Some(9), Some(9)),
            (3, Some(8), Some(9)),
            (4, None, Some(9)),
            (40_000, Some(2), Some(9)),
            (99_000, Some(3), Some(9)),
            (160_000, Some(3), Some(3)),
        ] {
            hints = hints.take(at(ms), named, &[id(1)], &[id(1)]).1;
            assert_eq!(hints.position, looked_for, "{ms}");
        }
    }
}
