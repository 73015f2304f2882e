//! What goes wrong with a notice, on order.

use std::collections::VecDeque;

/// What a forged notice has wrong about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Graph: another `clientState`. Pub/Sub: a signature that no key of the key set made.
    Secret,
    /// Graph: a subscription that there is not. Pub/Sub: a token that is meant for another address.
    Target,
    /// Pub/Sub: a token of another account, rightly signed. Graph: no `clientState` at all.
    Sender,
    /// Pub/Sub: a token whose sender's address nobody verified. Graph: as [`Forgery::Sender`].
    Unverified,
    /// Pub/Sub: a token that has ended. Graph: as [`Forgery::Sender`].
    Expired,
    /// What is no notice at all, instead of the body.
    Nonsense,
}

/// A way in which a notice goes wrong. That it comes before the change can be read is the lag of lists and history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It never comes, and nobody is told.
    Dropped,
    /// It comes twice.
    Doubled,
    /// It comes later by so much, microseconds.
    Late {
        /// Microseconds.
        us: i64,
    },
    /// Those of the next seconds come before it.
    Overtaken,
    /// A forged one comes beside it.
    Forged(Forgery),
    /// A former request, which may have been about anything, comes again, byte for byte, beside it.
    Replayed,
}

/// An overtaken notice waits at least, and at most.
const OVERTAKEN_US: std::ops::Range<i64> = 500_000..5_000_000;

#[derive(Debug)]
pub(crate) struct Mishaps {
    next: VecDeque<Mishap>,
    rates: Vec<(Mishap, f64)>,
    rng: fastrand::Rng,
}

/// What becomes of one notice.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// When each copy comes, microseconds from now: none, one or two.
    pub(crate) copies_us: Vec<i64>,
    pub(crate) forgeries: Vec<Forgery>,
    pub(crate) is_replayed: bool,
}

impl Mishaps {
    pub(crate) fn new(seed: u64) -> Self {
        Self { next: VecDeque::new(), rates: Vec::new(), rng: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn push(&mut self, mishap: Mishap) {
        self.next.push_back(mishap);
    }

    /// Sets one rate and leaves the others.
    pub(crate) fn set_rate(&mut self, mishap: Mishap, probability: f64) {
        self.rates.retain(|(known, _)| *known != mishap);
        if probability > 0.0 {
            self.rates.push((mishap, probability));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.next.clear();
        self.rates.clear();
    }

    /// Each rate is drawn by itself; a queued mishap comes to the next notice.
    pub(crate) fn draw(&mut self) -> Fate {
        let rng = &mut self.rng;
        let mut mishaps: Vec<Mishap> = self.next.pop_front().into_iter().collect();
        let drawn = self.rates.iter().filter(|(_, probability)| rng.f64() < *probability);
        mishaps.extend(drawn.map(|(mishap, _)| *mishap));
        let mut fate = Fate { copies_us: vec![0], ..Fate::default() };
        for mishap in mishaps {
            match mishap {
                Mishap::Dropped => fate.copies_us.clear(),
                Mishap::Doubled => fate.copies_us.extend_from_within(..),
                Mishap::Late { us } => fate.copies_us.iter_mut().for_each(|copy| *copy += us),
                Mishap::Overtaken => {
                    let by_us = self.rng.i64(OVERTAKEN_US);
                    fate.copies_us.iter_mut().for_each(|copy| *copy += by_us);
                }
                Mishap::Forged(forgery) => fate.forgeries.push(forgery),
                Mishap::Replayed => fate.is_replayed = true,
            }
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mishaps_come_when_ordered_and_as_often_as_said() {
        let mut mishaps = Mishaps::new(1);
        mishaps.push(Mishap::Dropped);
        mishaps.push(Mishap::Late { us: 7 });
        assert_eq!(mishaps.draw().copies_us, [0; 0]);
        assert_eq!(mishaps.draw().copies_us, [7]);
        assert_eq!(mishaps.draw().copies_us, [0]);
        mishaps.set_rate(Mishap::Doubled, 0.2);
        let doubled = (0..1000).filter(|_| mishaps.draw().copies_us.len() == 2).count();
        assert!((150..250).contains(&doubled), "{doubled}");
        mishaps.set_rate(Mishap::Doubled, 0.0);
        assert_eq!(mishaps.draw().copies_us, [0]);
    }
}
