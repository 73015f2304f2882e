//! Access tokens: when to refresh them.

use crate::schedule::set_back;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// A token with less time than this is not one that lasts, minutes.
const LASTING_MIN: i64 = 30;

/// How often a refresh token is stored whose former ones go on working, hours: they live for weeks.
const REFRESH_KEPT_H: i64 = 24;

/// Longest margin before expiry at which a token is refreshed, seconds.
const REFRESH_MARGIN_S: i64 = 300;

/// What is stored of an instance's access token and of the right to refresh it.
///
/// The token is sealed; the row is compared and set on `version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Sealed access token; empty where none was obtained yet.
    pub access_token_sealed: String,
    /// From then on the provider refuses it.
    pub expires_at: DateTime<Utc>,
    /// From then on a poll refreshes it first.
    pub refresh_at: DateTime<Utc>,
    /// Goes up by one with each session that is stored.
    pub version: u64,
    /// When somebody last began anew, by resuming or by signing in: a wait from before is over. Other versions come of
    /// refreshed tokens, and end none.
    #[serde(default)]
    pub begun_at: Option<DateTime<Utc>>,
    /// A poll holds the right to refresh until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<DateTime<Utc>>,
    /// Leases that were taken so far. The session that is stored with this number, and without a lease, ends the last of them.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub leases: u64,
    /// When the refresh token that the vault holds was stored there, as far as it came with an access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_kept_at: Option<DateTime<Utc>>,
    /// The provider asked to be left alone until then: no call for this mailbox before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_until: Option<DateTime<Utc>>,
    /// Failures in a row of the token endpoint, or of the whole mailbox.
    pub failures: u32,
    /// The provider refused a token that should have been good this many times in a row.
    pub refused: u32,
    /// When the first of these refusals was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<DateTime<Utc>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none_yet(count: &u64) -> bool {
    *count == 0
}

/// Good tokens are refused for hours, now and then, when a provider fails: outages of two hours were seen. A person is
/// asked only after twice that, hours, and so many refusals in it.
const REFUSED_H: i64 = 4;
const REFUSALS_COUNT_MIN: u32 = 12;

impl Session {
    /// The clock was set back by so much: nothing waits or holds longer than it was meant to.
    pub fn set_back(&mut self, by: Duration, now: DateTime<Utc>) {
        let waits = [&mut self.lease_until, &mut self.backoff_until, &mut self.begun_at];
        waits.into_iter().flatten().for_each(|until| set_back(until, by, now));
    }

    /// As it is to be stored in the place of another: a lease that was taken since this was read stays.
    #[must_use]
    pub fn beside(mut self, stored: Option<&Session>) -> Self {
        if let Some(stored) = stored.filter(|stored| stored.leases > self.leases) {
            (self.leases, self.lease_until) = (stored.leases, stored.lease_until);
        }
        self
    }

    /// As the holder of a lease is to store it in the place of what was read: its own lease is over, another's stays.
    #[must_use]
    pub fn after_lease(mut self, read: &Session, lease: u64) -> Self {
        self.leases = read.leases;
        self.lease_until = read.lease_until.filter(|_| read.leases != lease);
        self
    }

    /// Somebody wants the mailbox to be asked at once: what had stopped it is forgotten.
    pub fn begin_anew(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.begun_at = Some(now);
        self.backoff_until = None;
        self.failures = 0;
        self.forget_refusals();
    }

    /// Half an hour before its end a token is refreshed by a caller that needs a lasting one.
    pub fn refresh_if_short(&mut self, now: DateTime<Utc>) {
        if self.expires_at - now < Duration::minutes(LASTING_MIN) {
            self.refresh_at = self.refresh_at.min(now);
        }
    }

    /// The token needs no refresh yet.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        !self.access_token_sealed.is_empty() && now < self.refresh_at
    }

    /// The token still works, though it may be due for a refresh.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        !self.access_token_sealed.is_empty() && now < self.expires_at
    }

    /// Once more the provider refused a token that it had just given.
    pub fn note_refusal(&mut self, now: DateTime<Utc>) {
        self.refused = self.refused.saturating_add(1);
        self.refused_since.get_or_insert(now);
    }

    /// No refusal stands: the provider took a token, or a person is to sign in.
    pub fn forget_refusals(&mut self) {
        (self.refused, self.refused_since) = (0, None);
    }

    /// It has refused for longer than an outage lasts: a person has to sign in again.
    pub fn is_refused_for_good(&self, now: DateTime<Utc>) -> bool {
        let is_long = self.refused_since.is_some_and(|since| now - since >= Duration::hours(REFUSED_H));
        is_long && self.refused >= REFUSALS_COUNT_MIN
    }

    /// The vault's refresh token was stored a day ago or more, or nobody knows when.
    pub fn is_refresh_token_old(&self, now: DateTime<Utc>) -> bool {
        let is_young = |at: DateTime<Utc>| at <= now && now - at < Duration::hours(REFRESH_KEPT_H);
        !self.refresh_kept_at.is_some_and(is_young)
    }

    /// Somebody holds the right to refresh.
    pub fn is_leased(&self, now: DateTime<Utc>) -> bool {
        self.lease_until.is_some_and(|until| now < until)
    }
}

/// When to refresh a token that was given `lifetime_s` seconds of life at `now`: five minutes ahead of its
/// end, spread by the seed over a minute; of a short life, after four fifths.
pub fn refresh_at(now: DateTime<Utc>, lifetime_s: u32, seed: u64) -> DateTime<Utc> {
    let lifetime = i64::from(lifetime_s);
    let margin = (REFRESH_MARGIN_S + (seed % 60) as i64).min(lifetime / 5);
    now + Duration::seconds(lifetime - margin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn an_outage_of_hours_is_no_reason_to_sign_in_again() {
        let at = |minutes: i64| Utc.timestamp_opt(1_795_000_000 + minutes * 60, 0).unwrap();
        let mut session = Session::default();
        for minutes in 0..60 {
            session.note_refusal(at(minutes));
        }
        assert!(!session.is_refused_for_good(at(239)), "however often");
        assert!(session.is_refused_for_good(at(240)));
        // One refusal, and hours without a request.
        session.forget_refusals();
        session.note_refusal(at(0));
        session.note_refusal(at(6000));
        assert!(!session.is_refused_for_good(at(6000)));
    }

    #[test]
    fn a_refresh_token_is_stored_once_a_day() {
        let at = |hours: i64| Utc.timestamp_opt(1_795_000_000 + hours * 3600, 0).unwrap();
        let kept = Session { refresh_kept_at: Some(at(0)), ..Session::default() };
        let old = [-1, 0, 23, 24].map(|hours| kept.is_refresh_token_old(at(hours)));
        assert_eq!(old, [true, false, false, true], "a clock that was set back stores it");
        assert!(Session::default().is_refresh_token_old(at(0)));
    }

    #[test]
    fn a_session_from_before_refusals_had_a_time_is_read() {
        let mut stored = serde_json::to_value(Session { refused: 2, ..Session::default() }).unwrap();
        stored.as_object_mut().unwrap().remove("refused_since");
        let mut session: Session = serde_json::from_value(stored).unwrap();
        let now = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
        session.note_refusal(now);
        assert_eq!((session.refused, session.refused_since), (3, Some(now)));
    }

    #[test]
    fn refreshes_ahead_of_expiry_but_not_at_every_poll() {
        let now = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
        let wait = |lifetime, seed| (refresh_at(now, lifetime, seed) - now).num_seconds();
        assert_eq!(wait(3600, 0), 3300);
        assert_eq!(wait(3600, 59), 3241);
        assert_eq!(wait(60, 59), 48);
        assert_eq!(wait(0, 1), 0);
    }
}
