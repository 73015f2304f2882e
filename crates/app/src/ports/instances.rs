//! Instances, and what changes of them.

use super::{AuditEntry, LookupHash, Result, Rows, Written};
use async_trait::async_trait;
use domain::health::Vitals;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Instance};
use domain::sign_in_link::LinkKey;
use domain::state::ResourceState;
use domain::token::Session;

/// A new instance with all its rows.
#[derive(Debug, Clone)]
pub struct NewInstance {
    /// The instance as configured.
    pub instance: Instance,
    /// Hash of its Element token.
    pub token_hash: LookupHash,
    /// The first session.
    pub session: Session,
    /// First state of each polled resource.
    pub states: Vec<ResourceState>,
    /// Noted with it.
    pub audit: AuditEntry,
    /// The link that it came by, which is spent with it.
    pub spends: Option<LinkKey>,
}

/// A change to an instance row, and to its resources and callback with it.
#[derive(Debug, Clone)]
pub struct InstanceChange {
    /// The new row; its version is one more than the stored one must be.
    pub instance: Instance,
    /// Rows for resources that are new, or start again from a new baseline: they replace what is there,
    /// except for the outbox, which stays. Their `version` must be one more than the replaced row's.
    pub put_states: Vec<ResourceState>,
    /// Resources no longer configured: their rows go once the outbox is empty.
    pub remove_resources: Vec<String>,
    /// What to do with the callback.
    pub subscription: SubscriptionChange,
    /// A new session, after signing in again; its version is one more than the stored one must be.
    pub session: Option<Session>,
    /// Noted in the same write; `None` for what Carillon remembers for itself.
    pub audit: Option<AuditEntry>,
    /// The link that the sign-in came by, which is spent with it.
    pub spends: Option<LinkKey>,
}

/// What a change of the instance does to its callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// Nothing.
    Keep,
    /// Queue everything from now on, for this reason; generation goes up.
    Suspend(String),
    /// Begin to release what is queued (a release job must follow; polls start one if it got lost);
    /// generation goes up.
    Release,
}

/// What lists and counts of instances are made of, without the instances' documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRow {
    /// The instance.
    pub id: InstanceId,
    /// Whose it is, within the organization.
    pub account_id: u32,
    /// Key of its connector.
    pub connector: String,
    /// What its owner calls it.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The application that it names.
    pub application: Option<String>,
    /// What its health follows from.
    pub vitals: Vitals,
    /// Notifications that are to be delivered, counted up to [`WAITING_COUNT_MAX`].
    pub waiting_count: u32,
}

/// Waiting notifications of one instance that are counted: a list says "at least" beyond it, and a long queue makes no
/// count slow.
pub const WAITING_COUNT_MAX: u32 = 1_000;

/// A stretch of an organization's instances, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetPage {
    /// Those of this stretch.
    pub rows: Vec<FleetRow>,
    /// There may be more behind the last one; otherwise these are all.
    pub is_cut: bool,
    /// Rows among them that can't be read, as [`Rows`] counts them.
    pub unreadable_count: usize,
}

/// Instances: their configuration, without secrets.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Stores a new instance with all its rows; `Conflict` if the id is taken or the link was used, `Gone` if the
    /// application is not there that it names. The commit point of a creation.
    async fn insert_instance(&self, new: &NewInstance) -> Result<Written>;
    /// An instance, also a deleted one whose rows are still there.
    async fn instance(&self, id: InstanceId) -> Result<Option<Instance>>;
    /// The instance with this token, unless deleted.
    async fn instance_by_token(&self, token: &LookupHash) -> Result<Option<Instance>>;
    /// The instances of an organization that are not deleted, by id, after `after`.
    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Rows<Instance>>;
    /// Ids in an organization of those whose mailbox has this address, in order, after `after`: at most `limit`, or as many
    /// as the host reads at once. The row decides: what changed just now may stand here still.
    async fn ids_of_address(
        &self,
        organization_id: u32,
        address: &AddressKey,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<InstanceId>>;
    /// The instances of an organization in short, with what is stored of their polls and callbacks: at most `limit`, or as many as the host reads
    /// at once.
    async fn fleet(&self, organization_id: u32, after: Option<InstanceId>, limit: usize)
    -> Result<FleetPage>;
    /// Changes an instance, conditional on its version, on not being deleted, on the application being there that
    /// it names, and on the link not being used that it spends. With `deleted_at` set this
    /// is the deletion: from then on its token finds nothing and commits and claims answer `Gone`.
    async fn change_instance(&self, change: &InstanceChange) -> Result<Written>;
    /// Takes all marks out of `unsettled`, conditional on the stored version being that of this row; nothing else
    /// changes, the version neither. Where it is another one, what it implies is not known to be done: `Conflict`.
    async fn note_settled(&self, instance: &Instance) -> Result<Written>;
    /// Removes a deleted instance's rows, at most `limit` notifications a call, after counting the undelivered ones.
    /// Returns how many undelivered ones were dropped, and whether rows are left.
    async fn purge_instance(&self, id: InstanceId, limit: usize) -> Result<(u64, bool)>;
}
