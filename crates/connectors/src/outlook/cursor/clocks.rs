//! What time it is, by two unverified clocks: that of the front end that answered, and ours.

use crate::http::HttpResponse;
use chrono::{DateTime, Utc};

/// Both clocks at an answer, seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clocks {
    theirs: Option<i64>,
    ours: i64,
}

impl Clocks {
    pub(crate) fn at(response: &HttpResponse, now: DateTime<Utc>) -> Self {
        let theirs = response.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
        Clocks { theirs: theirs.map(|at| DateTime::<Utc>::from(at).timestamp()), ours: now.timestamp() }
    }

    /// Before there is an answer.
    pub(crate) fn ours(now: DateTime<Utc>) -> Self {
        Clocks { theirs: None, ours: now.timestamp() }
    }

    /// As far as a position may go: what lies behind it is never read again, so both clocks have to agree that it is
    /// past. One front end with a clock of its own, or one process, would skip mail for all time.
    pub(crate) fn earlier(self) -> i64 {
        self.theirs.map_or(self.ours, |theirs| theirs.min(self.ours))
    }

    /// What no clock has come to yet is not the present.
    pub(crate) fn later(self) -> i64 {
        self.theirs.map_or(self.ours, |theirs| theirs.max(self.ours))
    }

    /// What may be the present, of a clock that is out by less than a day.
    pub(crate) fn about_now(self) -> i64 {
        self.later().min(self.ours.saturating_add(86_400))
    }

    /// As far as an answer without rows moves the position: without the provider's clock there is nothing that speaks
    /// for ours.
    pub(crate) fn vouched(self) -> Option<i64> {
        self.theirs.map(|theirs| theirs.min(self.ours))
    }

    /// How much the provider's clock is ahead of ours, seconds.
    pub(crate) fn ahead_s(self) -> i64 {
        self.theirs.map_or(0, |theirs| theirs - self.ours)
    }
}

#[cfg(test)]
pub(crate) fn clocks(theirs: Option<i64>, ours: i64) -> Clocks {
    Clocks { theirs, ours }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_goes_no_further_than_both_clocks_allow() {
        for (theirs, ours, earlier, later, vouched) in [
            (Some(100), 100, 100, 100, Some(100)),
            (Some(700), 100, 100, 700, Some(100)),
            (Some(100), 700, 100, 700, Some(100)),
            (None, 700, 700, 700, None),
        ] {
            let both = clocks(theirs, ours);
            assert_eq!((both.earlier(), both.later(), both.vouched()), (earlier, later, vouched));
        }
    }

    #[test]
    fn an_answer_says_what_its_clock_is() {
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        for (date, expected) in [
            ("Sun, 22 Nov 2026 12:10:00 GMT", Some(1_795_349_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("some day", None),
        ] {
            let mut headers = http::HeaderMap::new();
            headers.insert("date", http::HeaderValue::from_static(date));
            let response = HttpResponse { status: 200, headers, body: bytes::Bytes::new() };
            assert_eq!(Clocks::at(&response, now), clocks(expected, 1_795_348_800), "{date}");
        }
    }
}
