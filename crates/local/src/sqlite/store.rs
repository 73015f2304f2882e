//! The [`Store`] port: each call is one transaction, and the modules below say what it does.

mod accounts;
mod administration;
mod admission;
mod attempts;
mod audit;
mod clock;
mod instances;
mod log;
mod notifications;
mod organization_log;
mod poller;
mod polls;
mod release;
mod requests;
mod resources;
mod retention;
mod session;
mod settings;
mod takeover;
mod user_sessions;

use super::Db;
use app::ports::{
    AttemptKey, AttemptOutcome, Claim, Claimant, InstanceChange, LogLine, LogMark, LogPage, LookupHash,
    Mailbox, NewInstance, Notification, Numbered, OrganizationPage, PollCommit, PollEnded, Result, Store,
    Written,
};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::delivery::Subscription;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, Instance};
use domain::token::Session;
use requests::Requests;
use std::collections::HashSet;
use std::sync::Arc;

/// Configuration, state and notifications in the database.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    requests: Arc<Requests>,
}

impl SqliteStore {
    /// The store in this database.
    pub fn new(db: Db) -> Self {
        SqliteStore { db, requests: Arc::default() }
    }

    /// Frees what workers of an earlier process held, and removes what their creations left without an instance.
    /// For the process that has just opened the data folder, before it does anything else.
    pub async fn forget_dead_workers(&self) -> Result<()> {
        self.db.write("free what an earlier process held", takeover::forget_dead_workers).await
    }

    /// The clock was set back by so much: what waits or holds until a time ahead does so for as much less.
    pub async fn set_back(&self, by: Duration, now: DateTime<Utc>) -> Result<()> {
        self.db.write("bring waits nearer", move |conn| clock::set_back(conn, by, now)).await
    }

    /// Instances that an earlier process may have left half-way: outboxes, deletions, releases, schedules.
    pub async fn unfinished(&self) -> Result<Vec<InstanceId>> {
        self.db.read("look for what was left half-way", takeover::unfinished).await
    }

    /// The first user, if there is one.
    pub async fn first_account(&self) -> Result<Option<Account>> {
        self.db.read("read the first account", accounts::first).await
    }

    /// Makes these the hashes of the first organization and its first user, who are made if need be. Hashes
    /// that belong together already, to whomever, change nothing.
    pub async fn ensure_account(&self, user: LookupHash, organization: LookupHash) -> Result<Account> {
        self.db.write("ensure the first account", move |tx| accounts::ensure(tx, &user, &organization)).await
    }

    /// Deletes at most `limit` notifications and audit entries whose time was over by `now`, and gives some of the
    /// free space back to the file system. How many: if as many as the limit, there may be more.
    pub async fn retention(&self, now: DateTime<Utc>, limit: usize) -> Result<usize> {
        self.db.write("delete what is no longer kept", move |tx| retention::expire(tx, now, limit)).await
    }

    /// Notifications that are neither delivered nor dropped, of all instances.
    pub async fn undelivered_count(&self) -> Result<u64> {
        self.db.read("count undelivered notifications", retention::undelivered_count).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>> {
        let (user, organization) = (*user, organization.copied());
        self.db.read("read an account", move |conn| accounts::find(conn, &user, organization.as_ref())).await
    }

    async fn insert_instance(&self, new: &NewInstance) -> Result<Written> {
        let new = new.clone();
        self.db.write("store an instance", move |tx| instances::insert(tx, &new)).await
    }

    async fn instance(&self, id: InstanceId) -> Result<Option<Instance>> {
        self.db.read("read an instance", move |conn| instances::get(conn, id)).await
    }

    async fn instance_by_token(&self, token: &LookupHash) -> Result<Option<Instance>> {
        let token = *token;
        self.db.read("read an instance by token", move |conn| instances::by_token(conn, &token)).await
    }

    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<Instance>> {
        let limit = limit.min(log::PAGE_COUNT_MAX);
        self.db
            .read("list instances", move |conn| {
                instances::of_organization(conn, organization_id, after, limit)
            })
            .await
    }

    async fn mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        self.db.read("read a mailbox", move |conn| polls::mailbox(conn, id)).await
    }

    async fn change_instance(&self, change: &InstanceChange) -> Result<Written> {
        let change = change.clone();
        self.db.write("change an instance", move |tx| instances::change(tx, &change)).await
    }

    async fn note_settled(&self, instance: &Instance) -> Result<Written> {
        let instance = instance.clone();
        self.db.write("note that a change is settled", move |tx| instances::note_settled(tx, &instance)).await
    }

    async fn purge_instance(&self, id: InstanceId, limit: usize) -> Result<(u64, bool)> {
        self.db.write("remove a deleted instance's rows", move |tx| retention::purge(tx, id, limit)).await
    }

    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        self.db.write("lease a session", move |tx| session::lease(tx, id, version, now, until)).await
    }

    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        let session = session.clone();
        self.db.write("store a session", move |tx| session::put(tx, id, &session)).await
    }

    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        self.db.write("begin a poll", move |tx| poller::begin(tx, id, fence, now, until)).await
    }

    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written> {
        self.db.write("ask for another poll", move |tx| poller::ask_again(tx, id, fence, now)).await
    }

    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        self.db.write("end a poll", move |tx| poller::end(tx, id, fence)).await
    }

    async fn commit_poll(&self, commit: &PollCommit) -> Result<Written> {
        let commit = commit.clone();
        self.db.write("commit a poll", move |tx| polls::commit(tx, &commit)).await
    }

    async fn clear_outbox(&self, id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()> {
        let (resource, sequences) = (resource.to_owned(), sequences.to_vec());
        self.db
            .write("clear an outbox", move |tx| resources::clear_outbox(tx, id, &resource, &sequences))
            .await
    }

    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>> {
        let events = events.to_vec();
        self.db.read("look events up", move |conn| polls::logged_events(conn, id, &events)).await
    }

    async fn claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim> {
        self.db.write("claim an attempt", move |tx| attempts::claim(tx, key, by, now, until)).await
    }

    async fn unclaim_attempt(&self, key: AttemptKey, until: DateTime<Utc>) -> Result<()> {
        self.db.write("give an attempt back", move |tx| attempts::unclaim(tx, key, until)).await
    }

    async fn finish_attempt(&self, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written> {
        let outcome = outcome.clone();
        self.db.write("finish an attempt", move |tx| attempts::finish(tx, key, &outcome)).await
    }

    async fn reopen(
        &self,
        id: InstanceId,
        sequence: Sequence,
        now: DateTime<Utc>,
    ) -> Result<Option<AttemptKey>> {
        self.db.write("reopen a notification", move |tx| attempts::reopen(tx, id, sequence, now)).await
    }

    async fn subscription(&self, id: InstanceId) -> Result<Option<Subscription>> {
        self.db.read("read a subscription", move |conn| release::get(conn, id)).await
    }

    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>> {
        self.db.write("begin a release", move |tx| release::begin(tx, id, now, until)).await
    }

    async fn next_queued(&self, id: InstanceId) -> Result<Option<Notification>> {
        self.db.read("read the next queued notification", move |conn| release::next_queued(conn, id)).await
    }

    async fn end_release(&self, id: InstanceId, generation: u64) -> Result<Written> {
        self.db.write("end a release", move |tx| release::end(tx, id, generation)).await
    }

    async fn pause_release(&self, id: InstanceId, generation: u64) -> Result<()> {
        self.db.write("pause a release", move |tx| release::pause(tx, id, generation)).await
    }

    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Vec<Notification>> {
        self.db.read("read the event log", move |conn| log::page(conn, id, page)).await
    }

    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>> {
        let event_id = event_id.to_owned();
        self.db.read("read a notification", move |conn| log::find(conn, id, &event_id)).await
    }

    async fn notification_of(&self, organization_id: u32, event_id: &str) -> Result<Option<Notification>> {
        let event_id = event_id.to_owned();
        self.db
            .read("find a notification", move |conn| organization_log::find(conn, organization_id, &event_id))
            .await
    }

    async fn notification_numbered(&self, organization_id: u32, number: u64) -> Result<Numbered> {
        self.db
            .read("find a notification", move |conn| {
                organization_log::numbered(conn, organization_id, number)
            })
            .await
    }

    async fn notification_at(&self, mark: LogMark) -> Result<Option<Notification>> {
        self.db
            .read("read a notification", move |conn| notifications::get(conn, mark.instance, mark.sequence))
            .await
    }

    async fn organization_log(&self, organization_id: u32, page: OrganizationPage) -> Result<Vec<LogLine>> {
        self.db
            .read("read an organization's log", move |conn| {
                organization_log::page(conn, organization_id, page)
            })
            .await
    }
}
