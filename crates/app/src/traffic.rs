//! Requests in flight for each mailbox: at most four per process, over polls, reads and backfills.
//!
//! Across processes a cheap rule suffices: there is one poller, which uses three; while a mailbox is polled, by any
//! process, each process reads it with one request at a time. Polls go first.

use axum::http::HeaderMap;
use chrono::{DateTime, Duration, Utc};
use connectors::{REQUESTS_IN_FLIGHT_MAX, retry_after_s};
use domain::ids::InstanceId;
use domain::schedule::{Pause, RETRY_AFTER_MAX_S, backoff, set_back};
use domain::token::Session;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Requests of one poll: one fewer than the mailbox may have, so that a tick's look or a read fits beside it.
const POLL_COUNT_MAX: usize = REQUESTS_IN_FLIGHT_MAX - 1;
/// Requests of reads, without and with a running poll.
const READS_COUNT_MAX: usize = REQUESTS_IN_FLIGHT_MAX - 1;
const READS_BESIDE_POLL_COUNT_MAX: usize = 1;
/// Clocks of two processes differ by no more than this, seconds.
const CLOCKS_DIFFER_S: i64 = 10;
/// Mailboxes remembered. Beyond it unused ones are forgotten, and with them how often reads were refused.
const LANES_COUNT_MAX: usize = 20_000;

/// One lane for each mailbox.
#[derive(Default)]
pub(crate) struct Traffic(Mutex<HashMap<InstanceId, Arc<Lane>>>);

impl Traffic {
    pub(crate) fn lane(&self, id: InstanceId) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= LANES_COUNT_MAX {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        lanes.entry(id).or_default().clone()
    }

    /// The clock was set back by this much: waits until a later time are shortened by as much.
    pub(crate) fn set_back(&self, by: Duration, now: DateTime<Utc>) {
        for lane in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let State { polled_until, limited_until, limit_known_at, reads_from, .. } = &mut *lane.state();
            let waits = [polled_until, limited_until, limit_known_at, reads_from].into_iter().flatten();
            waits.for_each(|until| set_back(until, by, now));
        }
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A poll or a backfill.
    Poll,
    /// A client's read.
    Read,
}

/// The way to one mailbox.
#[derive(Default)]
pub(crate) struct Lane {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Running polls of this process, whether or not a request is in flight.
    pollers: usize,
    polls_in_flight: usize,
    polls_waiting: usize,
    reads_in_flight: usize,
    /// Another process polls until then at the latest, as a read saw.
    polled_until: Option<DateTime<Utc>>,
    /// The provider throttles until then, whichever request it answered.
    limited_until: Option<DateTime<Utc>>,
    /// Whoever began anew later than this has ended the limit.
    limit_known_at: Option<DateTime<Utc>>,
    /// The newest session that was seen.
    session_version: u64,
    /// No reads before then, and how often in a row they were refused.
    reads_from: Option<DateTime<Utc>>,
    reads_refused: u32,
}

impl State {
    fn may_enter(&self, errand: Errand, now: DateTime<Utc>) -> bool {
        let is_full = self.polls_in_flight + self.reads_in_flight >= REQUESTS_IN_FLIGHT_MAX;
        match errand {
            _ if is_full => false,
            Errand::Poll => self.polls_in_flight < POLL_COUNT_MAX,
            Errand::Read => {
                // A poll with its full share does not block the rest.
                let polls_come = self.polls_waiting > 0 && self.polls_in_flight < POLL_COUNT_MAX;
                !polls_come && self.reads_in_flight < self.reads_max(now)
            }
        }
    }

    fn reads_max(&self, now: DateTime<Utc>) -> usize {
        let is_polled = self.pollers > 0 || self.polled_until.is_some_and(|until| now < until);
        if is_polled { READS_BESIDE_POLL_COUNT_MAX } else { READS_COUNT_MAX }
    }

    fn in_flight(&mut self, errand: Errand) -> &mut usize {
        match errand {
            Errand::Poll => &mut self.polls_in_flight,
            Errand::Read => &mut self.reads_in_flight,
        }
    }
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a poll as running, until dropped.
    pub(crate) fn polls(self: &Arc<Self>) -> Polling {
        self.state().pollers += 1;
        Polling(self.clone())
    }

    /// Waits for a place; it is free again when dropped.
    pub(crate) async fn enter(self: &Arc<Self>, errand: Errand, now: DateTime<Utc>) -> InFlightPermit {
        let _waiting = (errand == Errand::Poll).then(|| WaitingPoll::of(self));
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if state.may_enter(errand, now) {
                    *state.in_flight(errand) += 1;
                    return InFlightPermit { lane: self.clone(), errand };
                }
            }
            changed.await;
        }
    }

    /// Until when no request may be sent.
    pub(crate) fn limited_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.state().limited_until.filter(|until| now < *until)
    }

    /// Takes in what an answer says for the whole mailbox: a Retry-After of a throttling provider.
    pub(crate) fn note(&self, status: u16, headers: &HeaderMap, now: DateTime<Utc>) {
        if !matches!(status, 429 | 503) {
            return;
        }
        if let Some(seconds) = retry_after_s(headers, now) {
            self.limit(now + Duration::seconds(seconds.clamp(1, RETRY_AFTER_MAX_S) as i64), now);
        }
    }

    /// No request is sent before then, as was learned now. Versions can't tell whether somebody who began anew did so
    /// before or after, since another process may have written one that this one had not read when it was limited; and
    /// the process may end before it stores the limit. So clocks decide, and in doubt the limit holds.
    pub(crate) fn limit(&self, until: DateTime<Utc>, now: DateTime<Utc>) {
        let mut state = self.state();
        state.limited_until = state.limited_until.max(Some(until));
        state.limit_known_at = Some(now + Duration::seconds(CLOCKS_DIFFER_S));
    }

    /// Somebody began anew in this process: what it was told before is over.
    pub(crate) fn begin_anew(&self) {
        self.state().limited_until = None;
    }

    /// Takes in what the mailbox's row says: until when it is polled, in any process.
    pub(crate) fn see(&self, polled_until: Option<DateTime<Utc>>) {
        self.state().polled_until = polled_until;
    }

    /// Takes in what the mailbox's session says. A limit that was received before somebody began anew is over, perhaps in
    /// another process; without that a session that has none may just not have it yet. A limit in the session also
    /// applies here, whichever process received it, unless a newer session was seen; what ends it comes after it in the
    /// row, whatever the clocks say.
    pub(crate) fn see_session(&self, session: &Session) {
        let mut state = self.state();
        if session.begun_at > state.limit_known_at {
            state.limited_until = None;
        }
        if session.version < state.session_version {
            return;
        }
        state.session_version = session.version;
        if session.backoff_until.is_some() && session.backoff_until >= state.limited_until {
            state.limited_until = session.backoff_until;
            state.limit_known_at = session.begun_at;
        }
    }

    /// Until when reads wait, because they were too many; polls do not.
    pub(crate) fn reads_from(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.state().reads_from.filter(|from| now < *from)
    }

    /// A read was one too many, without a Retry-After: reads wait, longer each time.
    pub(crate) fn read_refused(&self, now: DateTime<Utc>, seed: u64) -> DateTime<Utc> {
        let mut state = self.state();
        state.reads_refused = state.reads_refused.saturating_add(1);
        let from = now + backoff(state.reads_refused, Pause::Unsaid, seed);
        state.reads_from = Some(from);
        from
    }

    /// A read was answered.
    pub(crate) fn read_answered(&self) {
        let mut state = self.state();
        (state.reads_refused, state.reads_from) = (0, None);
    }
}

/// A running poll.
pub(crate) struct Polling(Arc<Lane>);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.state().pollers -= 1;
        self.0.changed.notify_waiters();
    }
}

struct WaitingPoll<'a>(&'a Lane);

impl<'a> WaitingPoll<'a> {
    fn of(lane: &'a Lane) -> Self {
        lane.state().polls_waiting += 1;
        WaitingPoll(lane)
    }
}

impl Drop for WaitingPoll<'_> {
    fn drop(&mut self) {
        self.0.state().polls_waiting -= 1;
        self.0.changed.notify_waiters();
    }
}

/// A request's place in flight.
pub(crate) struct InFlightPermit {
    lane: Arc<Lane>,
    errand: Errand,
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        *self.lane.state().in_flight(self.errand) -= 1;
        self.lane.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// As many places as there are for this errand just now.
    fn places(lane: &Arc<Lane>, errand: Errand) -> Vec<InFlightPermit> {
        std::iter::from_fn(|| lane.enter(errand, NOW).now_or_never()).collect()
    }

    /// Of the four requests that a mailbox takes, a poll has three and reads beside it one at a time.
    #[test]
    fn polls_and_reads_have_their_shares() {
        let lane = Arc::new(Lane::default());
        let alone = places(&lane, Errand::Read);
        assert_eq!(alone.len(), 3);
        assert_eq!(places(&lane, Errand::Poll).len(), 1, "the fourth");
        drop(alone);
        let poll = lane.polls();
        let of_poll = places(&lane, Errand::Poll);
        assert_eq!((of_poll.len(), places(&lane, Errand::Read).len()), (3, 1));
        drop(of_poll);
        assert_eq!(
            places(&lane, Errand::Read).len(),
            1,
            "while somebody polls, whether it asks just now or not"
        );
        drop(poll);
        lane.see(Some(NOW + Duration::seconds(1)));
        assert_eq!(places(&lane, Errand::Read).len(), 1, "in whatever process");
        lane.see(None);
        assert_eq!(places(&lane, Errand::Read).len(), 3);
    }

    /// A free place goes to a poll first, even if a read waited longer.
    #[test]
    fn polls_go_first() {
        let lane = Arc::new(Lane::default());
        let mut places = places(&lane, Errand::Read);
        let _poll = lane.polls();
        let mut read = std::pin::pin!(lane.enter(Errand::Read, NOW));
        assert!(read.as_mut().now_or_never().is_none());
        places.extend(lane.enter(Errand::Poll, NOW).now_or_never());
        let mut poll = std::pin::pin!(lane.enter(Errand::Poll, NOW));
        assert!(poll.as_mut().now_or_never().is_none(), "all four are taken");
        drop(places.drain(..3));
        assert!(read.as_mut().now_or_never().is_none(), "a poll waits");
        assert!(poll.as_mut().now_or_never().is_some());
        assert!(read.as_mut().now_or_never().is_some());
    }

    /// What sessions say, as a word each: a version, with `!` and a second what somebody began anew with, with `~` one
    /// that has the limit; `429` is received by this process at second 100. Whether requests wait then.
    #[track_caller]
    fn check_limit(words: &str, is_limited: bool) {
        let at = |second| DateTime::UNIX_EPOCH + Duration::seconds(second);
        let lane = Lane::default();
        let mut begun_at = None;
        for word in words.split_whitespace() {
            if word == "429" {
                lane.limit(at(3_600), at(100));
                continue;
            }
            let (version, begun) = word.split_once('!').unwrap_or((word.trim_end_matches('~'), ""));
            begun_at = begun.parse().ok().map(at).or(begun_at);
            let backoff_until = word.ends_with('~').then_some(at(3_600));
            let version = version.parse().unwrap();
            lane.see_session(&Session { version, begun_at, backoff_until, ..Session::default() });
        }
        assert_eq!(lane.limited_until(at(100)).is_some(), is_limited, "{words}");
    }

    #[test]
    fn a_limit_ends_when_somebody_begins_anew_and_with_no_other_session() {
        for (words, is_limited) in [
            ("7", false),
            ("7 429", true),
            ("7 429 7", true),
            ("7 429 8~", true),
            ("7 429 8~ 9!110", false),
            // Another process refreshed the token before the limit was stored.
            ("7 429 8", true),
            ("7 429 8!130", false),
            // Which came first, the limit or the version that this process had not read? Clocks may differ.
            ("7 429 8!99", true),
            ("7 429 8!109", true),
            // In the row the order is plain.
            ("7 429 8~ 9!98", false),
            ("7!50 8 429 9", true),
            // Who waited for a token comes back with the row that it began with.
            ("10~ 7", true),
            ("1!50 7 10~ 7", true),
            ("7 8~ 9!100 8~", false),
        ] {
            check_limit(words, is_limited);
        }
    }

    /// Whoever begins anew here does not wait for what this process was told before.
    #[test]
    fn a_limit_ends_at_once_where_somebody_begins_anew() {
        let lane = Lane::default();
        lane.limit(NOW + Duration::hours(1), NOW);
        lane.begin_anew();
        assert_eq!(lane.limited_until(NOW), None);
    }
}
