//! Who may call, what their accounts are set to, and how much they ask.

use super::{AuditEntry, AuditMark, HostPage, ListingMark, LookupHash, Organization, Result, Rows};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::instance::Account;
use domain::settings::Items;

/// What is counted of an organization, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Requests of the interface.
    Requests,
    /// Tests of callbacks.
    TestEvents,
    /// Requests that administer the organization: others of its users must not use them up.
    Administration,
    /// Requests of one of its users after those of the organization are used up.
    RequestsOf {
        /// Whose.
        user_id: u32,
    },
}

/// A user as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Whose user it is, and what they see.
    pub account: Account,
    /// `None` where it was not noted.
    pub created_at: Option<DateTime<Utc>>,
}

/// Organizations, their users, and what is kept for them. Who calls is found by [`super::Store::account`].
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds a user with an account of their own; the organization too, unless it is known. The first user of an
    /// organization sees all of it. A user hash that is known is an error.
    async fn add_organization(&self, organization: &LookupHash, user: &LookupHash) -> Result<Account>;
    /// Adds a user with an account of their own to an organization, who sees all of it or only their own; `None` if
    /// there is no such organization. A user hash that is known is an error.
    async fn add_user(
        &self,
        organization_id: u32,
        user: &LookupHash,
        sees_all: bool,
    ) -> Result<Option<Account>>;
    /// The organizations.
    async fn organizations(&self, from: Option<&ListingMark>) -> Result<HostPage<Organization>>;
    /// The users of an organization.
    async fn users(&self, organization_id: u32, from: Option<&ListingMark>) -> Result<HostPage<User>>;
    /// Gives an organization another secret: the former one is worth nothing from then on. `false` if there is no
    /// such organization.
    async fn replace_organization_secret(&self, organization_id: u32, new: &LookupHash) -> Result<bool>;
    /// The same for a user of an organization.
    async fn replace_user_secret(&self, organization_id: u32, user_id: u32, new: &LookupHash)
    -> Result<bool>;
    /// Takes a user out and notes it, in one write: the secret is worth nothing from then on; instances stay. `false`
    /// if there is none: then nothing is noted. Without a note it undoes what could not be noted.
    async fn remove_user(
        &self,
        organization_id: u32,
        user_id: u32,
        audit: Option<&AuditEntry>,
    ) -> Result<bool>;

    /// What an account is set to.
    async fn settings(&self, organization_id: u32, account_id: u32) -> Result<Items>;
    /// Merges settings in; `Null` values are no part of [`Items`], so nothing is taken out.
    async fn put_settings(&self, organization_id: u32, account_id: u32, items: &Items) -> Result<()>;

    /// Counts one of these of an organization in a minute since the Unix epoch, and says how many that makes. Counts of
    /// earlier minutes go by themselves.
    async fn count_request(&self, organization_id: u32, what: Counted, minute: i64) -> Result<u32>;

    /// Writes something that changes nothing, where that can fail for longer than a moment; of what anybody may ask often,
    /// the last answer stands for a few seconds.
    async fn try_write(&self, now: DateTime<Utc>) -> Result<()>;

    /// Notes what was done, where that is not part of another write.
    async fn note(&self, entry: &AuditEntry) -> Result<()>;
    /// What was done in an organization, newest first: at most `limit` entries before the mark.
    async fn audit(
        &self,
        organization_id: u32,
        before: Option<&AuditMark>,
        limit: usize,
    ) -> Result<Rows<AuditEntry>>;
}
