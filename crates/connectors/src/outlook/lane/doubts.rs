//! Objects that may be gone: a look that does not find one is believed when a second one, later, does not either.

use serde::{Deserialize, Serialize};

/// How far the two looks lie apart at the least, seconds: a single one may miss what is there.
pub(crate) const APART_S: i64 = 60;
/// Doubts at a time, after which no further hint is read. The page that comes to it is taken whole.
const DOUBTS_COUNT_MAX: usize = 500;
/// Rows of a page beyond which it waits, unless there is no other doubt.
const PAGE_DOUBTS_COUNT_MAX: usize = 1_000;

/// What a look at an object found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is there, here or in another folder.
    Present,
    /// 404, while another read of the mailbox succeeded.
    Missing,
    /// 404 where nothing else of the mailbox was readable, or any other failure: it says nothing.
    Unsure,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is gone; a look missed it first at this second, which tells this deletion from another of the same object.
    Deleted(i64),
    /// It moved, or was never away.
    Stays,
    /// To be looked at again.
    Open,
}

/// An object in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubt {
    pub(crate) id: String,
    /// When a look missed it first, seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed_at: Option<i64>,
}

/// All that are in doubt, the oldest first.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Doubts(Vec<Doubt>);

impl Doubts {
    /// Adds one, once.
    pub(crate) fn add(&mut self, id: &str) {
        if !self.0.iter().any(|doubt| doubt.id == id) {
            self.0.push(Doubt { id: id.to_owned(), missed_at: None });
        }
    }

    /// There are too many to read of more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= DOUBTS_COUNT_MAX
    }

    /// A page with so many more may be taken.
    pub(crate) fn have_room_for(&self, more: usize) -> bool {
        self.0.is_empty() || self.0.len() + more <= DOUBTS_COUNT_MAX + PAGE_DOUBTS_COUNT_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom to look at now.
    pub(crate) fn due(&self, now_s: i64) -> impl Iterator<Item = &str> {
        let is_due = move |doubt: &&Doubt| doubt.missed_at.is_none_or(|at| is_apart(at, now_s));
        self.0.iter().filter(is_due).map(|doubt| doubt.id.as_str())
    }

    /// When the next one is due, seconds since the Unix epoch, if any waits for its second look.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.0.iter().filter_map(|doubt| doubt.missed_at).min().map(|at| at + APART_S)
    }

    /// Takes what a look found; a decided one leaves.
    pub(crate) fn decide(&mut self, id: &str, look: Look, now_s: i64) -> Verdict {
        let Some(index) = self.0.iter().position(|doubt| doubt.id == id) else { return Verdict::Stays };
        let Some(doubt) = self.0.get_mut(index) else { return Verdict::Stays };
        let verdict = match (look, doubt.missed_at) {
            (Look::Present, _) => Verdict::Stays,
            (Look::Missing, Some(at)) if now_s >= at && is_apart(at, now_s) => Verdict::Deleted(at),
            // A clock that went back counts from where it is.
            (Look::Missing, Some(at)) => {
                doubt.missed_at = Some(at.min(now_s));
                Verdict::Open
            }
            (Look::Missing, None) => {
                doubt.missed_at = Some(now_s);
                Verdict::Open
            }
            (Look::Unsure, _) => Verdict::Open,
        };
        if verdict != Verdict::Open {
            self.0.remove(index);
        }
        verdict
    }
}

/// Whether two looks are far enough apart. A first one that lies ahead was made by a clock that went back.
pub(crate) fn is_apart(missed_at: i64, now_s: i64) -> bool {
    now_s - missed_at >= APART_S || now_s < missed_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(looks: &[(i64, Look)]) -> Vec<Verdict> {
        let mut doubts = Doubts::default();
        doubts.add("x");
        doubts.add("x");
        looks.iter().map(|(at, look)| doubts.decide("x", *look, *at)).collect()
    }

    #[test]
    fn two_looks_a_minute_apart_decide() {
        use {Look::*, Verdict::*};
        assert_eq!(verdicts(&[(0, Missing), (59, Missing), (60, Missing)]), [Open, Open, Deleted(0)]);
        assert_eq!(verdicts(&[(0, Missing), (60, Present)]), [Open, Stays], "the first was false");
        assert_eq!(
            verdicts(&[(0, Unsure), (60, Missing), (120, Unsure), (121, Missing)]),
            [Open, Open, Open, Deleted(60)]
        );
        assert_eq!(verdicts(&[(0, Present), (60, Missing)]), [Stays, Stays], "no doubt is left");
        assert_eq!(
            verdicts(&[(1_000, Missing), (0, Missing), (59, Missing), (60, Missing)]),
            [Open, Open, Open, Deleted(0)]
        );
    }

    #[test]
    fn a_missed_one_is_due_a_minute_later() {
        let mut doubts = Doubts::default();
        (0..DOUBTS_COUNT_MAX).for_each(|number| doubts.add(&number.to_string()));
        assert!(doubts.is_full());
        assert_eq!(doubts.next_due(), None, "none was missed");
        doubts.decide("0", Look::Missing, 0);
        assert_eq!((doubts.due(59).next(), doubts.next_due()), (Some("1"), Some(60)));
        assert_eq!(doubts.due(60).next(), Some("0"));
    }
}
