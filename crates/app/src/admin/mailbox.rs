//! How mailboxes are, for an operator: one with all that is known of it, and all of them by what ails them.

use crate::ailment;
use crate::context::Context;
use crate::fleet;
use crate::instances;
use crate::ports::{Administration, FleetRow, ListingMark, LogPage, Mailbox, Result};
use crate::push;
use crate::settle::is_polled;
use crate::unreadable::readable;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::Attempt;
use domain::health::Health;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use domain::settings::Settings;
use domain::state::frozen_after;
use serde::Serialize;
use std::collections::BTreeMap;

/// Short rows read at once.
const PAGE_COUNT: usize = 2_000;
/// Pages of organizations and of instances together: a host of millions takes minutes.
const PAGES_COUNT_MAX: usize = 10_000;
/// Ailing mailboxes of which the cause is looked up, a read each; others are counted without one.
const CAUSES_COUNT_MAX: usize = 1_000;

/// One mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxReport {
    /// The instance.
    pub instance: InstanceId,
    /// Whose.
    pub organization_id: u32,
    /// Key of its connector.
    pub connector: String,
    /// How it is.
    pub status: Health,
    /// Why, in words, where it is not healthy.
    pub reason: Option<String>,
    /// Everything was read at that time, or up to a heartbeat later; `None` if something was never read.
    pub read_until: Option<DateTime<Utc>>,
    /// When it is polled next, back-off included; `None` if it is not polled.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// Whether its callback takes notifications.
    pub callback: &'static str,
    /// Notifications that wait to be delivered.
    pub waiting_count: u64,
    /// The last attempt to deliver the oldest of them.
    pub last_attempt: Option<LastAttempt>,
    /// Whether the provider gives notice: `None` where it is not asked to, else why not.
    pub push: Option<PushReport>,
    /// What its owner was told last, where that is something else.
    pub notice: Option<String>,
}

/// An attempt that left something undelivered.
#[derive(Debug, Clone, Serialize)]
pub struct LastAttempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Counted from 1.
    pub number: u32,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What went wrong, where there was none.
    pub error: Option<String>,
}

/// Push of a mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct PushReport {
    /// Notices come of everything that is polled.
    pub is_active: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Mailboxes that are alike.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxGroup {
    /// How they are.
    pub status: Health,
    /// Key of their connector.
    pub connector: String,
    /// Why, in words; `None` where they are healthy, or were too many to be looked at.
    pub cause: Option<String>,
    /// How many.
    pub count: u64,
    /// Notifications that wait to be delivered to them.
    pub waiting_count: u64,
    /// One of them.
    pub example: InstanceId,
}

/// `None` if there is no such instance.
pub(super) async fn one(
    app: &Context,
    host: &dyn Administration,
    id: InstanceId,
) -> Result<Option<MailboxReport>> {
    let Some(mailbox) = instances::mailbox(app, id).await? else { return Ok(None) };
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    let (vitals, pulses) = fleet::vitals(app, &mailbox);
    let now = app.now();
    let status = vitals.health(app.config.heartbeat, now);
    let push = push::status(app, &mailbox.instance, connector, &settings).await?;
    let oldest = LogPage { before: None, limit: 1, pending_only: true };
    let oldest = app.ports.store.notifications(id, oldest).await?.rows.pop();
    let frozen_after = frozen_after(vitals.interval_s, app.config.heartbeat);
    let reason = ailment::reason(&mailbox, (status, frozen_after), &pulses, now);
    let notice = mailbox.instance.notices.last().map(|notice| notice.text.clone());
    let report = MailboxReport {
        instance: id,
        organization_id: mailbox.instance.account.organization_id,
        connector: mailbox.instance.connector.clone(),
        status,
        notice: notice.filter(|text| reason.as_ref() != Some(text)),
        reason,
        read_until: vitals.read_until(),
        next_poll_at: next_poll_at(&mailbox, &settings, now),
        callback: mailbox.subscription.status.text(),
        waiting_count: host.undelivered_count(id).await?,
        last_attempt: oldest.and_then(|oldest| oldest.attempts.last().map(last_attempt)),
        push: push.map(|push| PushReport { is_active: push.is_active, reason: push.reason }),
    };
    Ok(Some(report))
}

fn last_attempt(attempt: &Attempt) -> LastAttempt {
    let Attempt { number, at, status, error, .. } = attempt;
    LastAttempt { at: *at, number: *number, status: *status, error: error.clone() }
}

/// By the timetable, and not before a back-off has passed.
fn next_poll_at(mailbox: &Mailbox, settings: &Settings, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let timetable = Timetable::new(mailbox.instance.id, settings.interval_min).next_after(now);
    let of_resources = mailbox.resources.iter().filter_map(|row| row.state.backoff_until).min();
    let backoff = mailbox.session.backoff_until.or(of_resources).filter(|until| *until > now);
    is_polled(&mailbox.instance, settings)
        .then(|| backoff.map_or(timetable, |until| until.max(now + Duration::seconds(1))))
}

/// What mailboxes are put together by, the worst status first.
type GroupKey = (Health, String, Option<String>);

struct Count {
    count: u64,
    waiting_count: u64,
    example: InstanceId,
}

/// All mailboxes of the host, those that need somebody first.
pub(super) async fn groups(app: &Context) -> Result<Vec<MailboxGroup>> {
    let mut round = Round { app, now: app.now(), looked_count: 0, pages_count: 0, groups: BTreeMap::new() };
    let mut from: Option<ListingMark> = None;
    while round.may_go_on() {
        let page = app.ports.accounts.organizations(from.as_ref()).await?;
        for organization in page.items {
            round.organization(organization.id).await?;
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let groups = round.groups.into_iter().map(|((status, connector, cause), of)| MailboxGroup {
        status,
        connector,
        cause,
        count: of.count,
        waiting_count: of.waiting_count,
        example: of.example,
    });
    Ok(groups.collect())
}

struct Round<'a> {
    app: &'a Context,
    now: DateTime<Utc>,
    looked_count: usize,
    pages_count: usize,
    groups: BTreeMap<GroupKey, Count>,
}

impl Round<'_> {
    fn may_go_on(&mut self) -> bool {
        self.pages_count += 1;
        self.pages_count <= PAGES_COUNT_MAX
    }

    async fn organization(&mut self, id: u32) -> Result<()> {
        let mut after = None;
        while self.may_go_on() {
            let page = self.app.ports.store.fleet(id, after, PAGE_COUNT).await?;
            after = page.rows.last().map(|row| row.id);
            for row in page.rows {
                self.add(row).await?;
            }
            if !page.is_cut || after.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn add(&mut self, mut row: FleetRow) -> Result<()> {
        fleet::refresh(self.app, row.id, &mut row.vitals);
        let status = row.vitals.health(self.app.config.heartbeat, self.now);
        let is_ailing = status.needs_somebody() || status == Health::BackingOff;
        let cause = if is_ailing { self.cause(row.id, status).await? } else { None };
        let fresh = Count { count: 0, waiting_count: 0, example: row.id };
        let group = self.groups.entry((status, row.connector, cause)).or_insert(fresh);
        group.count += 1;
        group.waiting_count += u64::from(row.waiting_count);
        Ok(())
    }

    async fn cause(&mut self, id: InstanceId, status: Health) -> Result<Option<String>> {
        self.looked_count += 1;
        if self.looked_count > CAUSES_COUNT_MAX {
            return Ok(None);
        }
        let Some(read) = readable(instances::mailbox(self.app, id).await)? else {
            return Ok(Some("what is stored of it can't be read".to_owned()));
        };
        let Some(mailbox) = read else { return Ok(None) };
        let (vitals, pulses) = fleet::vitals(self.app, &mailbox);
        let frozen_after = frozen_after(vitals.interval_s, self.app.config.heartbeat);
        Ok(ailment::cause(&mailbox, (status, frozen_after), &pulses, self.now))
    }
}
