//! The [`Schedule`] port: what starts a mailbox's polls, a schedule of its own or a tick that many share.
//!
//! Which of them is the stack's parameter. A mailbox gets what is wanted before it loses what was: for a moment it may have
//! both, which polls twice at the most, and never neither. Whoever sets a mailbox's schedule moves it, and so does the next
//! poll by what was (`crate::ticks`).

use crate::schedules::Schedules;
use crate::store::DynamoStore;
use crate::tick::Tick;
use app::ports::{Clock, HostPage, ListingMark, OwnedItem, Result, Schedule, Scheduled};
use async_trait::async_trait;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use std::sync::Arc;

/// Members in a letter where the stack has ticks no longer: as they are moved.
const MOVED_COUNT: usize = 25;

/// What starts polls.
#[derive(Clone)]
pub struct Starts {
    schedules: Schedules,
    store: DynamoStore,
    clock: Arc<dyn Clock>,
    mailboxes_per_tick: u32,
}

/// What starts the polls of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartedBy {
    /// A schedule of its own.
    OwnSchedule,
    /// A tick.
    Tick,
}

impl Starts {
    /// Over these. More than one mailbox per tick makes them members of ticks.
    pub fn new(
        schedules: Schedules,
        store: DynamoStore,
        clock: Arc<dyn Clock>,
        mailboxes_per_tick: u32,
    ) -> Self {
        Starts { schedules, store, clock, mailboxes_per_tick }
    }

    /// As the stack wants it.
    pub(crate) fn wanted(&self) -> StartedBy {
        if self.mailboxes_per_tick > 1 { StartedBy::Tick } else { StartedBy::OwnSchedule }
    }

    /// Members that one letter names, at the most.
    pub(crate) fn members_count_max(&self) -> usize {
        match self.wanted() {
            StartedBy::Tick => usize::try_from(self.mailboxes_per_tick).unwrap_or(MOVED_COUNT),
            StartedBy::OwnSchedule => MOVED_COUNT,
        }
    }

    pub(crate) async fn members(&self, tick: Tick) -> Result<Vec<InstanceId>> {
        self.store.tick_members(tick).await
    }

    /// Removes the schedule of a tick that has no members. Who joins writes its membership first and then makes the schedule:
    /// it finds that gone, or is found by the second look.
    pub(crate) async fn end_if_empty(&self, tick: Tick) -> Result<()> {
        if self.store.has_members(tick).await? {
            return Ok(());
        }
        self.schedules.remove_tick(tick).await?;
        match self.store.has_members(tick).await? {
            true => self.schedules.make_tick(tick).await,
            false => Ok(()),
        }
    }

    /// What starts a mailbox's polls.
    ///
    /// # Errors
    ///
    /// It could not be read.
    pub async fn find(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        let own = self.schedules.find(id).await?;
        let own = own.map(|(interval_s, is_enabled)| Scheduled { interval_s, is_enabled, is_former: false });
        let ticks = self.find_tick(id).await?;
        let on = |scheduled: &Scheduled| scheduled.is_enabled;
        Ok(match self.wanted() {
            StartedBy::OwnSchedule => merged(own, ticks),
            StartedBy::Tick => merged(ticks, own.filter(on)).or(own),
        })
    }

    async fn find_tick(&self, id: InstanceId) -> Result<Option<Scheduled>> {
        let Some(tick) = self.store.tick_of(id).await? else { return Ok(None) };
        let scheduled = Scheduled { interval_s: tick.interval_s(), is_enabled: true, is_former: false };
        Ok(self.schedules.has_tick(tick).await?.then_some(scheduled))
    }

    /// A page of what starts polls: schedules of their own, and members of ticks.
    ///
    /// # Errors
    ///
    /// It could not be read.
    pub async fn list(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>> {
        let page = self.schedules.list(from.map(|mark| mark.0.as_str())).await?;
        let own = page.own.iter().map(|one| OwnedItem { instance: one.instance, made_at: one.made_at });
        let mut items: Vec<OwnedItem> = own.collect();
        for tick in page.ticks {
            let members = self.store.dated_members(tick).await?;
            let dated = |(instance, at)| OwnedItem { instance, made_at: Some(at) };
            items.extend(members.into_iter().map(dated));
        }
        Ok(HostPage { items, next: page.next.map(ListingMark) })
    }
}

/// What is wanted, and what is left of the other.
fn merged(wanted: Option<Scheduled>, former: Option<Scheduled>) -> Option<Scheduled> {
    match (wanted, former) {
        (wanted, None) => wanted,
        (None, Some(former)) => Some(Scheduled { is_former: true, ..former }),
        (Some(wanted), Some(_)) => Some(Scheduled { is_enabled: true, is_former: true, ..wanted }),
    }
}

#[async_trait]
impl Schedule for Starts {
    async fn put(&self, id: InstanceId, table: Timetable, enabled: bool) -> Result<()> {
        if self.wanted() == StartedBy::OwnSchedule {
            self.schedules.put(id, table, enabled).await?;
            return self.store.leave_tick(id, self.clock.now()).await;
        }
        match enabled {
            true => {
                let tick = Tick::of(table);
                self.store.join_tick(id, tick, self.clock.now()).await?;
                self.schedules.make_tick(tick).await?;
            }
            false => self.store.leave_tick(id, self.clock.now()).await?,
        }
        self.schedules.turn_off(id, table).await
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.schedules.remove(id).await?;
        self.store.leave_tick(id, self.clock.now()).await
    }
}
