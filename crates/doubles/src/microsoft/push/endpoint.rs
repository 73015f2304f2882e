//! How fast an address answers, and what Graph makes of it.

use std::collections::VecDeque;

use super::subscription::MINUTE_US;
use crate::clock::SECOND_US;

const WINDOW_US: i64 = 10 * MINUTE_US;
const SLOW_US: i64 = 10 * SECOND_US;
/// Notices for a slow address go so much later.
const DELAY_US: i64 = 10 * SECOND_US;
/// From fewer answers nothing is concluded. Graph's own number is not documented.
const ANSWERS_MIN: usize = 10;

/// The answers of the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    answers: VecDeque<(i64, bool)>,
    drops_until_us: i64,
}

impl Endpoint {
    pub(super) fn answered(&mut self, now_us: i64, took_us: i64) {
        self.answers.push_back((now_us, took_us > SLOW_US));
        while self.answers.front().is_some_and(|(at_us, _)| *at_us <= now_us - WINDOW_US) {
            self.answers.pop_front();
        }
        if self.has_slow_above(15) {
            self.drops_until_us = now_us + WINDOW_US;
            self.answers.clear();
        }
    }

    /// Whether notices for it are dropped.
    pub(super) fn is_dropping(&self, now_us: i64) -> bool {
        now_us < self.drops_until_us
    }

    /// How much later than others it gets its notices.
    pub(super) fn delay_us(&self) -> i64 {
        if self.has_slow_above(10) { DELAY_US } else { 0 }
    }

    fn has_slow_above(&self, percent: usize) -> bool {
        let slow = self.answers.iter().filter(|(_, is_slow)| *is_slow).count();
        self.answers.len() >= ANSWERS_MIN && slow * 100 > self.answers.len() * percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_is_served_later_and_then_not_at_all() {
        let mut endpoint = Endpoint::default();
        (0..17).for_each(|at| endpoint.answered(at, 1));
        endpoint.answered(17, SLOW_US + 1);
        endpoint.answered(18, SLOW_US + 1);
        assert_eq!((endpoint.delay_us(), endpoint.is_dropping(18)), (DELAY_US, false));
        endpoint.answered(19, SLOW_US + 1);
        assert!(!endpoint.is_dropping(19), "three of twenty are not more than 15 %");
        endpoint.answered(20, SLOW_US + 1);
        assert!(endpoint.is_dropping(21) && !endpoint.is_dropping(20 + WINDOW_US));
    }
}
