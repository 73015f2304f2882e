//! The [`Accounts`] port: who may call, what their accounts are set to, how much they ask, and what they did.

use super::{SqliteStore, accounts, audit, settings};
use crate::sqlite::listing::{PAGE_SIZE, after, page};
use app::ports::{
    Accounts, AuditEntry, AuditMark, Counted, HostPage, ListingMark, LookupHash, Organization, Result, Rows,
    User,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::instance::Account;
use domain::settings::Items;

#[async_trait]
impl Accounts for SqliteStore {
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        let (organization, user) = (*organization, *user);
        self.db.write("add an account", move |tx| accounts::add(tx, &user, &organization)).await
    }

    async fn add_user(
        &self,
        organization_id: u32,
        user: &LookupHash,
        sees_all: bool,
    ) -> Result<Option<Account>> {
        let user = *user;
        self.db.write("add a user", move |tx| accounts::add_user(tx, organization_id, &user, !sees_all)).await
    }

    async fn organizations(&self, from: Option<&ListingMark>) -> Result<HostPage<Organization>> {
        let after = after(from)?;
        let items = self
            .db
            .read("list organizations", move |conn| accounts::organizations(conn, after, PAGE_SIZE))
            .await?;
        Ok(page(items, |organization| organization.id))
    }

    async fn users(&self, organization_id: u32, from: Option<&ListingMark>) -> Result<HostPage<User>> {
        let after = after(from)?;
        let items = self
            .db
            .read("list users", move |conn| accounts::users(conn, organization_id, after, PAGE_SIZE))
            .await?;
        Ok(page(items, |user| user.account.user_id))
    }

    async fn replace_organization_secret(&self, organization_id: u32, new: &LookupHash) -> Result<bool> {
        let new = *new;
        self.db
            .write("replace an organization's secret", move |tx| {
                accounts::replace_organization_secret(tx, organization_id, &new)
            })
            .await
    }

    async fn replace_user_secret(
        &self,
        organization_id: u32,
        user_id: u32,
        new: &LookupHash,
    ) -> Result<bool> {
        let new = *new;
        self.db
            .write("replace a user's secret", move |tx| {
                accounts::replace_user_secret(tx, organization_id, user_id, &new)
            })
            .await
    }

    async fn remove_user(
        &self,
        organization_id: u32,
        user_id: u32,
        audit: Option<&AuditEntry>,
    ) -> Result<bool> {
        let entry = audit.cloned();
        self.db
            .write("remove a user", move |tx| {
                let is_removed = accounts::remove_user(tx, organization_id, user_id)?;
                if let Some(entry) = entry.filter(|_| is_removed) {
                    audit::note(tx, &entry)?;
                }
                Ok(is_removed)
            })
            .await
    }

    async fn settings(&self, organization_id: u32, account_id: u32) -> Result<Items> {
        self.db.glance("read settings", move |conn| settings::get(conn, organization_id, account_id)).await
    }

    async fn put_settings(&self, organization_id: u32, account_id: u32, items: &Items) -> Result<()> {
        let items = items.clone();
        self.db
            .write("store settings", move |tx| settings::merge(tx, organization_id, account_id, &items))
            .await
    }

    async fn count_request(&self, organization_id: u32, what: Counted, minute: i64) -> Result<u32> {
        Ok(self.requests.count(organization_id, what, minute))
    }

    async fn try_write(&self, now: DateTime<Utc>) -> Result<()> {
        self.trial.run(&self.db, now).await
    }

    async fn note(&self, entry: &AuditEntry) -> Result<()> {
        let entry = entry.clone();
        self.db.write("note what was done", move |tx| audit::note(tx, &entry)).await
    }

    async fn audit(
        &self,
        organization_id: u32,
        before: Option<&AuditMark>,
        limit: usize,
    ) -> Result<Rows<AuditEntry>> {
        let before = before.cloned();
        self.db
            .read("read the audit record", move |conn| {
                audit::page(conn, organization_id, before.as_ref(), limit)
            })
            .await
    }
}
