//! The [`Store`] port on one DynamoDB table.
//!
//! There is no scan. What an instance's poll needs is one partition; what every instance writes is its own. Only
//! the log of an organization is read from global indexes. `docs/decisions/0012-one-table.md` says why it is laid
//! out so.

mod accounts;
mod attempts;
mod audit;
mod change;
mod instances;
mod key;
mod log;
mod notifications;
mod organization_log;
mod packed;
mod pause;
mod poller;
mod polls;
mod requests;
mod resources;
mod row;
mod session;
mod settings;
mod subscriptions;
mod table;
mod user_sessions;

use crate::first_account::FirstSecrets;
use app::ports::{
    Accounts, AttemptKey, AttemptOutcome, AuditEntry, AuditMark, Claim, Claimant, InstanceChange, LogLine,
    LogMark, LogPage, LookupHash, Mailbox, Mark, NewInstance, Notification, Numbered, Organization,
    OrganizationPage, Page, PollCommit, PollEnded, Result, Store, User, Written,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use domain::delivery::Subscription;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, Instance};
use domain::settings::Items;
use domain::token::Session;
use std::collections::HashSet;
use std::sync::Arc;
use table::Table;

/// Configuration, state and notifications in a table.
#[derive(Clone)]
pub struct DynamoStore {
    table: Table,
    first: Arc<dyn FirstSecrets>,
}

impl DynamoStore {
    /// The store in this table. `first` knows the secrets that the stack was made with.
    pub fn new(client: Client, table: String, first: Arc<dyn FirstSecrets>) -> Self {
        DynamoStore { table: Table::new(client, table), first }
    }

    /// An instance's notifications that are neither delivered nor dropped.
    pub async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        notifications::pending_count(&self.table, id).await
    }

    /// The first organization after this one.
    pub async fn next_organization(&self, after: u32) -> Result<Option<u32>> {
        let page = accounts::organizations(&self.table, Some(&Mark(after.to_string())), 1).await?;
        Ok(page.items.first().map(|organization| organization.id))
    }

    /// Ids of an organization's instances after `after`, in order, also of deleted ones that are not purged.
    pub async fn listed_instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<InstanceId>> {
        instances::listed(&self.table, organization_id, after, limit).await
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>> {
        if let Some(known) = accounts::find(&self.table, user, organization).await? {
            return Ok(Some(known));
        }
        // The first secrets are made with the stack; their rows when they are first used.
        match self.first.hashes().await? {
            Some((first_user, first_organization))
                if first_user == *user && organization.is_none_or(|given| *given == first_organization) =>
            {
                accounts::ensure_first(&self.table, &first_user, &first_organization).await
            }
            _ => Ok(None),
        }
    }

    async fn insert_instance(&self, new: &NewInstance) -> Result<Written> {
        instances::insert(&self.table, new).await
    }

    async fn instance(&self, id: InstanceId) -> Result<Option<Instance>> {
        instances::get(&self.table, id).await
    }

    async fn instance_by_token(&self, token: &LookupHash) -> Result<Option<Instance>> {
        instances::by_token(&self.table, token).await
    }

    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<Instance>> {
        instances::of_organization(&self.table, organization_id, after, limit).await
    }

    async fn mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        polls::mailbox(&self.table, id).await
    }

    async fn change_instance(&self, change: &InstanceChange) -> Result<Written> {
        change::change(&self.table, change).await
    }

    async fn note_settled(&self, instance: &Instance) -> Result<Written> {
        instances::note_settled(&self.table, instance).await
    }

    async fn purge_instance(&self, id: InstanceId, limit: usize) -> Result<(u64, bool)> {
        instances::purge(&self.table, id, limit).await
    }

    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        session::lease(&self.table, id, version, now, until).await
    }

    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        session::store(&self.table, id, session).await
    }

    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        poller::begin(&self.table, id, fence, (now, until)).await
    }

    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written> {
        poller::ask_again(&self.table, id, fence, now).await
    }

    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        poller::end(&self.table, id, fence).await
    }

    async fn commit_poll(&self, commit: &PollCommit) -> Result<Written> {
        polls::commit(&self.table, commit).await
    }

    async fn clear_outbox(&self, id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()> {
        polls::clear_outbox(&self.table, id, resource, sequences).await
    }

    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>> {
        polls::logged_events(&self.table, id, events).await
    }

    async fn claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim> {
        attempts::claim(&self.table, key, by, now, until).await
    }

    async fn unclaim_attempt(&self, key: AttemptKey, until: DateTime<Utc>) -> Result<()> {
        attempts::unclaim(&self.table, key, until).await
    }

    async fn finish_attempt(&self, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written> {
        attempts::finish(&self.table, key, outcome).await
    }

    async fn reopen(
        &self,
        id: InstanceId,
        sequence: Sequence,
        now: DateTime<Utc>,
    ) -> Result<Option<AttemptKey>> {
        attempts::reopen(&self.table, id, sequence, now).await
    }

    async fn subscription(&self, id: InstanceId) -> Result<Option<Subscription>> {
        let row = subscriptions::get(&self.table, id).await?;
        row.as_ref().map(subscriptions::read).transpose()
    }

    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>> {
        subscriptions::begin(&self.table, id, now, until).await
    }

    async fn next_queued(&self, id: InstanceId) -> Result<Option<Notification>> {
        log::next_queued(&self.table, id).await
    }

    async fn end_release(&self, id: InstanceId, generation: u64) -> Result<Written> {
        subscriptions::end(&self.table, id, generation).await
    }

    async fn pause_release(&self, id: InstanceId, generation: u64) -> Result<()> {
        subscriptions::pause(&self.table, id, generation).await
    }

    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Vec<Notification>> {
        log::page(&self.table, id, page).await
    }

    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>> {
        log::find(&self.table, id, event_id).await
    }

    async fn notification_of(&self, organization_id: u32, event_id: &str) -> Result<Option<Notification>> {
        organization_log::find(&self.table, organization_id, event_id).await
    }

    async fn notification_numbered(&self, organization_id: u32, number: u64) -> Result<Numbered> {
        organization_log::numbered(&self.table, organization_id, number).await
    }

    async fn notification_at(&self, mark: LogMark) -> Result<Option<Notification>> {
        organization_log::at(&self.table, mark).await
    }

    async fn organization_log(&self, organization_id: u32, page: OrganizationPage) -> Result<Vec<LogLine>> {
        organization_log::page(&self.table, organization_id, page).await
    }
}

#[async_trait]
impl Accounts for DynamoStore {
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        accounts::add(&self.table, user, organization).await
    }

    async fn add_user(
        &self,
        organization_id: u32,
        user: &LookupHash,
        sees_all: bool,
    ) -> Result<Option<Account>> {
        accounts::add_user(&self.table, organization_id, user, sees_all).await
    }

    async fn organizations(&self, from: Option<&Mark>) -> Result<Page<Organization>> {
        accounts::organizations(&self.table, from, usize::MAX).await
    }

    async fn users(&self, organization_id: u32, from: Option<&Mark>) -> Result<Page<User>> {
        accounts::users(&self.table, organization_id, from).await
    }

    async fn replace_organization_secret(&self, organization_id: u32, new: &LookupHash) -> Result<bool> {
        accounts::replace_organization(&self.table, organization_id, new).await
    }

    async fn replace_user_secret(
        &self,
        organization_id: u32,
        user_id: u32,
        new: &LookupHash,
    ) -> Result<bool> {
        accounts::replace_user(&self.table, organization_id, user_id, new).await
    }

    async fn remove_user(
        &self,
        organization_id: u32,
        user_id: u32,
        audit: Option<&AuditEntry>,
    ) -> Result<bool> {
        accounts::remove_user(&self.table, organization_id, user_id, audit).await
    }

    async fn settings(&self, organization_id: u32, account_id: u32) -> Result<Items> {
        settings::get(&self.table, organization_id, account_id).await
    }

    async fn put_settings(&self, organization_id: u32, account_id: u32, items: &Items) -> Result<()> {
        settings::put(&self.table, organization_id, account_id, items).await
    }

    async fn count_request(&self, organization_id: u32, minute: i64) -> Result<u32> {
        requests::count(&self.table, organization_id, minute).await
    }

    async fn note(&self, entry: &AuditEntry) -> Result<()> {
        audit::note(&self.table, entry).await
    }

    async fn audit(
        &self,
        organization_id: u32,
        before: Option<&AuditMark>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        audit::page(&self.table, organization_id, before, limit).await
    }
}
