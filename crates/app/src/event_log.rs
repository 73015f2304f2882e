//! Reading the event log: of one instance, or of all that a caller sees.

use crate::context::Context;
use crate::instances;
use crate::ports::{
    LogKey, LogLine, LogMark, LogPage, LogSearch, LogWish, MARKS_COUNT_MAX, Notification, Numbered,
    OrganizationPage, Result, Rows, Tally,
};
use crate::sight::{SeenAccounts, Sight};
use crate::unreadable::readable;
use chrono::{DateTime, Utc};
use domain::delivery::SubscriptionStatus;
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use std::collections::HashMap;

/// Lines are short: more of them at once.
const LINES_READ_COUNT: usize = 1_000;
/// An event's id: 15 bytes as base64url.
const EVENT_ID_BYTES: usize = 20;

/// A piece of a log, in the order that was asked for.
pub(crate) struct LogStretch {
    pub(crate) notifications: Vec<Notification>,
    /// Nothing follows.
    pub(crate) is_last: bool,
    /// Where the next one begins.
    pub(crate) end: Option<LogMark>,
    /// Notifications that were looked at for it.
    pub(crate) looked_count: usize,
    /// Rows that can't be read, of what was looked at.
    pub(crate) unreadable_count: usize,
}

/// What an instance's log has before a sequence, newest first, but nothing below `first`.
pub(crate) async fn of_instance(
    app: &Context,
    id: InstanceId,
    before: Option<Sequence>,
    first: Option<Sequence>,
    limit: usize,
) -> Result<LogStretch> {
    let page = LogPage { before, limit, pending_only: false };
    let Rows { rows: mut notifications, unreadable_count } = app.ports.store.notifications(id, page).await?;
    let read_count = notifications.len();
    let end = notifications.last().map(mark_of);
    if let Some(first) = first {
        notifications.retain(|notification| notification.sequence >= first);
    }
    // What is older than asked for ends the log.
    let is_last = read_count < limit || notifications.len() < read_count;
    Ok(LogStretch { notifications, is_last, end, looked_count: read_count, unreadable_count })
}

/// The newest notifications of an instance that tell of an object: at most `limit`.
pub(crate) async fn of_object(
    app: &Context,
    instance: &Instance,
    object: &str,
    limit: usize,
) -> Result<Vec<Notification>> {
    let search = LogSearch {
        by: LogKey::Object(object.to_owned()),
        wish: LogWish::default(),
        instance: Some(instance.id),
        before: None,
        from: None,
        limit,
        looks_count_max: limit,
    };
    let found = app.ports.store.search_log(instance.account.organization_id, &search).await?;
    Ok(app.ports.store.notifications_at(&found.marks).await?.rows)
}

/// What waits to be delivered behind a sequence, oldest first.
pub(crate) async fn waiting(
    app: &Context,
    id: InstanceId,
    behind: Sequence,
    limit: usize,
) -> Result<LogStretch> {
    let page = LogPage { before: Some(behind), limit, pending_only: true };
    let Rows { rows: notifications, unreadable_count } = app.ports.store.notifications(id, page).await?;
    let (is_last, end) = (notifications.len() < limit, notifications.last().map(mark_of));
    let looked_count = notifications.len();
    Ok(LogStretch { notifications, is_last, end, looked_count, unreadable_count })
}

/// The log of an organization, as far as the caller sees it.
pub(crate) struct OrganizationLog<'a> {
    app: &'a Context,
    organization_id: u32,
    seen: SeenAccounts<'a>,
}

impl<'a> OrganizationLog<'a> {
    pub(crate) fn of(app: &'a Context, sight: Sight<'a>) -> Self {
        let organization_id = sight.account.organization_id;
        OrganizationLog { app, organization_id, seen: SeenAccounts::of(app, sight) }
    }

    /// What it has before a place, newest first, but nothing below `from`: at most `limit`.
    pub(crate) async fn stretch(
        &mut self,
        before: Option<LogMark>,
        from: Option<Sequence>,
        limit: usize,
    ) -> Result<LogStretch> {
        let page = OrganizationPage { before, from, limit };
        let lines = self.app.ports.store.organization_log(self.organization_id, page).await?;
        let marks: Vec<LogMark> = lines.rows.iter().map(|line| line.mark).collect();
        let read = self.read(&marks).await?;
        Ok(LogStretch {
            notifications: read.rows,
            is_last: marks.len() < limit,
            end: marks.last().copied(),
            looked_count: marks.len(),
            unreadable_count: lines.unreadable_count + read.unreadable_count,
        })
    }

    /// The same of what a search is for: at most its limit. Of several keys none has what another one has.
    pub(crate) async fn found(&mut self, keys: &[LogKey], search: &LogSearch) -> Result<LogStretch> {
        let store = &self.app.ports.store;
        let (mut marks, mut end, mut looked_count, mut unreadable_count) = (Vec::new(), None, 0, 0);
        for by in keys {
            let search = LogSearch { by: by.clone(), ..search.clone() };
            let found = store.search_log(self.organization_id, &search).await?;
            marks.extend(found.marks);
            looked_count += found.looked_count;
            unreadable_count += found.unreadable_count;
            // Nothing is known of what is older than where one of them stopped.
            end = end.max(found.end);
        }
        marks.sort_unstable_by(|one, other| other.cmp(one));
        marks.retain(|mark| end.is_none_or(|end| *mark >= end));
        let read = self.read(&marks).await?;
        unreadable_count += read.unreadable_count;
        Ok(LogStretch {
            notifications: read.rows,
            is_last: end.is_none(),
            end,
            looked_count,
            unreadable_count,
        })
    }

    /// Those that the caller sees. Of an instance that can't be read none is.
    async fn read(&mut self, marks: &[LogMark]) -> Result<Rows<Notification>> {
        let known_count = self.seen.passed.count;
        let mut seen = Vec::new();
        for mark in marks {
            if self.seen.get(mark.instance).await?.is_some() {
                seen.push(*mark);
            }
        }
        let unreadable_count = self.seen.passed.count - known_count;
        let mut notifications = Rows { unreadable_count, ..Rows::default() };
        for marks in seen.chunks(MARKS_COUNT_MAX) {
            notifications.append(self.app.ports.store.notifications_at(marks).await?);
        }
        Ok(notifications)
    }
}

/// Lines of an organization's log between two times that the caller sees, newest first, read in stretches.
struct Lines<'a> {
    log: OrganizationLog<'a>,
    from: Sequence,
    before: Option<LogMark>,
    /// Also those that the caller does not see.
    looked_count: usize,
    is_last: bool,
}

impl<'a> Lines<'a> {
    fn between(app: &'a Context, sight: Sight<'a>, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let (from, before) = (sequence_at(from), Some(before(to)));
        Lines { log: OrganizationLog::of(app, sight), from, before, looked_count: 0, is_last: false }
    }

    async fn next(&mut self) -> Result<Vec<(LogLine, u32)>> {
        let page = OrganizationPage { before: self.before, from: Some(self.from), limit: LINES_READ_COUNT };
        let OrganizationLog { app, organization_id, seen } = &mut self.log;
        let read = app.ports.store.organization_log(*organization_id, page).await?;
        let read = read.rows;
        self.is_last = read.len() < LINES_READ_COUNT;
        self.before = read.last().map(|line| line.mark).or(self.before);
        self.looked_count += read.len();
        let mut found = Vec::new();
        for line in read {
            if let Some(account) = seen.get(line.mark.instance).await? {
                found.push((line, account));
            }
        }
        Ok(found)
    }
}

/// Lines of the log that the caller sees, each with its account; whether there are more than `limit`, seen or not: then
/// these are not all.
pub(crate) async fn lines(
    app: &Context,
    sight: Sight<'_>,
    range: (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<(Vec<(LogLine, u32)>, bool)> {
    let mut lines = Lines::between(app, sight, range);
    let mut found = Vec::new();
    while !lines.is_last && lines.looked_count <= limit {
        found.extend(lines.next().await?);
    }
    Ok((found, lines.looked_count > limit))
}

/// What is kept of how many events there were in these whole minutes, of the accounts that the caller sees; `None` where
/// lines have to be counted.
pub(crate) async fn tallies(
    app: &Context,
    sight: Sight<'_>,
    range: (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Vec<Tally>>> {
    // One instance's are not kept apart from its account's.
    if sight.only.is_some() {
        return Ok(None);
    }
    let account = sight.account;
    let kept = app.ports.store.tallies(account.organization_id, range).await?;
    let is_seen = |tally: &Tally| !account.sees_own_only || tally.account_id == account.account_id;
    Ok(kept.map(|kept| kept.into_iter().filter(is_seen).collect()))
}

/// How a search for a notification ended.
pub(crate) enum Search {
    Found(Box<(Instance, Notification)>),
    /// Everything was looked at, or its number leads to nothing that the caller sees.
    NotThere,
    /// More than enough was looked at, and there is more.
    Stopped {
        looked_count: usize,
    },
}

/// The notification of this number. A number that leads to none is looked for among `limit` lines of the log or a few
/// more, and until a time.
pub(crate) async fn numbered(
    app: &Context,
    sight: Sight<'_>,
    number: u64,
    range: (DateTime<Utc>, DateTime<Utc>),
    (limit, until): (usize, DateTime<Utc>),
) -> Result<Search> {
    match app.ports.store.notification_numbered(sight.account.organization_id, number).await? {
        Numbered::Found(mark) => return at(app, sight, mark).await,
        Numbered::NotThere => return Ok(Search::NotThere),
        Numbered::Unknown => {}
    }
    let mut lines = Lines::between(app, sight, range);
    while !lines.is_last {
        if lines.looked_count > limit || app.now() > until {
            return Ok(Search::Stopped { looked_count: lines.looked_count });
        }
        if let Some((line, _)) = lines.next().await?.iter().find(|(line, _)| line.number == number) {
            return at(app, sight, line.mark).await;
        }
    }
    Ok(Search::NotThere)
}

async fn at(app: &Context, sight: Sight<'_>, mark: LogMark) -> Result<Search> {
    let Some(instance) = sight.instance(app, mark.instance).await? else { return Ok(Search::NotThere) };
    let notification = app.ports.store.notification_at(mark).await?;
    Ok(notification.map_or(Search::NotThere, |one| Search::Found(Box::new((instance, one)))))
}

/// The notification of an event of this instance.
pub(crate) async fn event_of(app: &Context, id: InstanceId, event: &str) -> Result<Option<Notification>> {
    match is_event_id(event) {
        true => app.ports.store.notification(id, event).await,
        false => Ok(None),
    }
}

/// The notification of an event of any instance that the caller sees.
pub(crate) async fn event(app: &Context, sight: Sight<'_>, event: &str) -> Result<Option<Notification>> {
    if !is_event_id(event) {
        return Ok(None);
    }
    let found = app.ports.store.notification_of(sight.account.organization_id, event).await?;
    let Some(found) = found else { return Ok(None) };
    Ok(sight.instance(app, found.instance).await?.map(|_| found))
}

/// Nothing else is asked of the store.
fn is_event_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == EVENT_ID_BYTES && text.bytes().all(is_letter)
}

/// Which instances' pending notifications wait for a release, each asked once.
#[derive(Default)]
pub(crate) struct Queued(HashMap<InstanceId, bool>);

impl Queued {
    pub(crate) async fn holds(&mut self, app: &Context, id: InstanceId) -> Result<bool> {
        if let Some(known) = self.0.get(&id) {
            return Ok(*known);
        }
        let subscription = readable(instances::subscription(app, id).await)?;
        let is_queued = subscription.is_none_or(|it| it.status != SubscriptionStatus::Active);
        self.0.insert(id, is_queued);
        Ok(is_queued)
    }
}

/// When what has this place was committed, or a moment before.
pub(crate) fn time_of(mark: LogMark) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(i64::try_from(mark.sequence.0).ok()?)
}

/// The first sequence of a time: a sequence is the time of its commit, or a little more.
pub(crate) fn sequence_at(at: DateTime<Utc>) -> Sequence {
    Sequence(u64::try_from(at.timestamp_micros()).unwrap_or(0))
}

/// The place before which is all that was committed before a time, or just then.
pub(crate) fn before(at: DateTime<Utc>) -> LogMark {
    LogMark { sequence: sequence_at(at), instance: InstanceId::MAX }
}

/// A notification's place in the log.
pub(crate) fn mark_of(notification: &Notification) -> LogMark {
    LogMark { sequence: notification.sequence, instance: notification.instance }
}
