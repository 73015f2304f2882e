//! Who calls: organizations and users, known by the hashes of their secrets.
//!
//! An item stands under the hash of each secret. Where an organization or a user is listed stands which hash that
//! is, so that the item of a former secret can be taken away. Items that were written before there were lists of
//! users have no mark `listed`: whoever calls with such a secret is listed then.

mod first;
mod join;
mod rows;
mod secrets;

pub(super) use join::organizations;
pub(super) use rows::secrets_of;

use super::{DynamoStore, audit, requests, settings};
use app::ports::{
    Accounts, AuditEntry, AuditMark, Callers, Counted, HostPage, ListingMark, LookupHash, Organization,
    Result, Rows, User,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::instance::Account;
use domain::settings::Items;

#[async_trait]
impl Callers for DynamoStore {
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>> {
        if let Some(known) = rows::find(&self.table, user, organization).await? {
            return Ok(Some(known));
        }
        // The first secrets are made with the stack; their rows when they are first used.
        match self.first.hashes().await? {
            Some((first_user, first_organization))
                if first_user == *user && organization.is_none_or(|given| *given == first_organization) =>
            {
                first::ensure(&self.table, &first_user, &first_organization).await
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl Accounts for DynamoStore {
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account> {
        join::add(&self.table, user, organization).await
    }

    async fn add_user(
        &self,
        organization_id: u32,
        user: &LookupHash,
        sees_all: bool,
    ) -> Result<Option<Account>> {
        join::add_user(&self.table, organization_id, user, sees_all).await
    }

    async fn organizations(&self, from: Option<&ListingMark>) -> Result<HostPage<Organization>> {
        join::organizations(&self.table, from, usize::MAX).await
    }

    async fn users(&self, organization_id: u32, from: Option<&ListingMark>) -> Result<HostPage<User>> {
        join::users(&self.table, organization_id, from).await
    }

    async fn replace_organization_secret(&self, organization_id: u32, new: &LookupHash) -> Result<bool> {
        secrets::replace_organization(&self.table, organization_id, new).await
    }

    async fn replace_user_secret(
        &self,
        organization_id: u32,
        user_id: u32,
        new: &LookupHash,
    ) -> Result<bool> {
        secrets::replace_user(&self.table, organization_id, user_id, new).await
    }

    async fn remove_user(
        &self,
        organization_id: u32,
        user_id: u32,
        audit: Option<&AuditEntry>,
    ) -> Result<bool> {
        secrets::remove_user(&self.table, organization_id, user_id, audit).await
    }

    async fn settings(&self, organization_id: u32, account_id: u32) -> Result<Items> {
        settings::get(&self.table, organization_id, account_id).await
    }

    async fn put_settings(&self, organization_id: u32, account_id: u32, items: &Items) -> Result<()> {
        settings::put(&self.table, organization_id, account_id, items).await
    }

    async fn count_request(&self, organization_id: u32, what: Counted, minute: i64) -> Result<u32> {
        requests::count(&self.table, organization_id, what, minute).await
    }

    /// The table has no end, and who may write to it was tried when the stack was deployed.
    async fn try_write(&self, _: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    async fn note(&self, entry: &AuditEntry) -> Result<()> {
        audit::note(&self.table, entry).await
    }

    async fn audit(
        &self,
        organization_id: u32,
        before: Option<&AuditMark>,
        limit: usize,
    ) -> Result<Rows<AuditEntry>> {
        audit::page(&self.table, organization_id, before, limit).await
    }
}
