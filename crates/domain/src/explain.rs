//! Why a receiver was not sent something: the decision of polls and deliveries once more, over what is stored and what the
//! provider shows now, under today's configuration.

use chrono::{DateTime, Utc};

/// What stands in the way of a mailbox as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Its owner switched it off.
    Disabled,
    /// Events are not switched on.
    EventsOff,
    /// The provider wants a person to sign in again.
    NeedsSignIn,
    /// The provider is left alone until then.
    BackingOff(DateTime<Utc>),
}

/// How a notification of the object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldState {
    /// The callback has it, since then.
    Delivered(DateTime<Utc>),
    /// Tried again then.
    Retrying(DateTime<Utc>),
    /// On its way.
    Sending,
    /// Waiting for a release.
    Queued,
    /// The instance was deleted before it went out.
    Dropped,
    /// Reported, and no more in what was read of the log.
    Earlier,
}

/// What the provider shows of the object now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownState {
    /// It was not asked.
    NotAsked,
    /// Nothing.
    Nothing,
    /// The object, which is a draft.
    Draft,
    /// The object, which the configured conditions leave out.
    Unwanted,
    /// The object, as polls take it; when it came, where that is said.
    Wanted(Option<DateTime<Utc>>),
}

/// What waits of an object in the resource's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryState {
    /// Nothing.
    Nothing,
    /// Its content could not be read; it is tried again then.
    Content(DateTime<Utc>),
    /// It was gone before it could be read.
    Gone,
}

/// All that is known.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The mailbox.
    pub obstacle: Option<Obstacle>,
    /// The log.
    pub told: Option<ToldState>,
    /// The provider.
    pub shown: ShownState,
    /// The resource's row.
    pub waiting: RetryState,
    /// When the baseline was taken.
    pub baseline_at: Option<DateTime<Utc>>,
    /// When the last poll began that read everything.
    pub complete_at: Option<DateTime<Utc>>,
    /// The time that was asked about, where it was one.
    pub asked_about: Option<DateTime<Utc>>,
    /// The log holds everything reported since then.
    pub log_since: DateTime<Utc>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It was sent, or is about to be.
    Told(ToldState),
    /// Something stands in the way of the whole mailbox.
    Stopped(Obstacle),
    /// No position was taken yet.
    NoBaseline,
    /// It was there before the baseline.
    BeforeBaseline,
    /// Drafts are reported once they are sent.
    Draft,
    /// The conditions leave it out.
    OutsideConditions,
    /// Its content could not be read; tried again then.
    WaitingForContent(DateTime<Utc>),
    /// It came and went between two polls.
    CameAndWent,
    /// The provider does not show it; a poll since then would have.
    NotShown,
    /// No poll has read since: the next one will.
    NotPolledYet,
    /// The provider shows it now, and did not show it to the last poll: the next one reports it.
    ShownLate,
    /// It is older than what the log still holds.
    Forgotten,
}

/// Decides. What was told is told whatever came later; what stands in the way of a mailbox is said before what a poll
/// would make of the object, unless no poll would ever report it.
pub fn decide(facts: &Facts) -> Decision {
    if let Some(told) = facts.told {
        return Decision::Told(told);
    }
    match facts.shown {
        ShownState::Draft => return Decision::Draft,
        ShownState::Unwanted => return Decision::OutsideConditions,
        ShownState::Wanted(Some(at)) if facts.baseline_at.is_some_and(|baseline_at| at < baseline_at) => {
            return Decision::BeforeBaseline;
        }
        _ => {}
    }
    match facts.waiting {
        RetryState::Content(due_at) => return Decision::WaitingForContent(due_at),
        RetryState::Gone => return Decision::CameAndWent,
        RetryState::Nothing => {}
    }
    if let Some(obstacle) = facts.obstacle {
        return Decision::Stopped(obstacle);
    }
    if facts.baseline_at.is_none() {
        return Decision::NoBaseline;
    }
    let is_unread = |at: DateTime<Utc>| facts.complete_at.is_none_or(|complete_at| at > complete_at);
    match facts.shown {
        ShownState::Wanted(Some(at)) if is_unread(at) => Decision::NotPolledYet,
        ShownState::Wanted(Some(at)) if at < facts.log_since => Decision::Forgotten,
        ShownState::Wanted(_) => Decision::ShownLate,
        _ if facts.asked_about.is_some_and(is_unread) => Decision::NotPolledYet,
        _ => Decision::NotShown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(minutes: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + minutes * 60, 0).unwrap()
    }

    /// The baseline at 10, the last poll at 60; the log holds what was reported since 5.
    fn facts(shown: ShownState) -> Facts {
        Facts {
            obstacle: None,
            told: None,
            shown,
            waiting: RetryState::Nothing,
            baseline_at: Some(at(10)),
            complete_at: Some(at(60)),
            asked_about: None,
            log_since: at(5),
        }
    }

    fn wanted(minutes: i64) -> Facts {
        facts(ShownState::Wanted(Some(at(minutes))))
    }

    #[test]
    fn each_reason_has_its_facts() {
        let nothing = facts(ShownState::Nothing);
        let not_asked = facts(ShownState::NotAsked);
        for (facts, expected) in [
            (Facts { told: Some(ToldState::Queued), ..wanted(50) }, Decision::Told(ToldState::Queued)),
            (
                Facts { told: Some(ToldState::Delivered(at(51))), ..nothing },
                Decision::Told(ToldState::Delivered(at(51))),
            ),
            (facts(ShownState::Draft), Decision::Draft),
            (facts(ShownState::Unwanted), Decision::OutsideConditions),
            (wanted(9), Decision::BeforeBaseline),
            (
                Facts { waiting: RetryState::Content(at(70)), ..wanted(50) },
                Decision::WaitingForContent(at(70)),
            ),
            (Facts { waiting: RetryState::Gone, ..nothing }, Decision::CameAndWent),
            (nothing, Decision::NotShown),
            (Facts { asked_about: Some(at(61)), ..nothing }, Decision::NotPolledYet),
            (Facts { asked_about: Some(at(59)), ..nothing }, Decision::NotShown),
            (wanted(61), Decision::NotPolledYet),
            (Facts { complete_at: None, ..wanted(50) }, Decision::NotPolledYet),
            (wanted(50), Decision::ShownLate),
            (facts(ShownState::Wanted(None)), Decision::ShownLate),
            (Facts { log_since: at(55), ..wanted(50) }, Decision::Forgotten),
            (Facts { baseline_at: None, ..nothing }, Decision::NoBaseline),
            (not_asked, Decision::NotShown),
        ] {
            assert_eq!(decide(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn an_obstacle_is_said_unless_no_poll_would_report_it() {
        for obstacle in
            [Obstacle::Disabled, Obstacle::EventsOff, Obstacle::NeedsSignIn, Obstacle::BackingOff(at(70))]
        {
            let stopped = |facts: Facts| decide(&Facts { obstacle: Some(obstacle), ..facts });
            assert_eq!(stopped(wanted(50)), Decision::Stopped(obstacle));
            assert_eq!(stopped(facts(ShownState::NotAsked)), Decision::Stopped(obstacle));
            assert_eq!(stopped(facts(ShownState::Unwanted)), Decision::OutsideConditions);
            assert_eq!(stopped(wanted(9)), Decision::BeforeBaseline);
        }
    }
}
