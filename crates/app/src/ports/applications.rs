//! Stored OAuth applications, and how many instances name each.

use super::{AuditEntry, Result, Rows, Written};
use async_trait::async_trait;
use domain::application::Application;

/// A stored application, and the living instances that name it. The count is kept with the writes of instances, so that
/// reading it costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApplication {
    /// The application.
    pub application: Application,
    /// Instances that name it and are not deleted.
    pub instances_count: u64,
}

/// OAuth applications of organizations.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Applications: Send + Sync {
    /// Stores a new one with its entry; `Conflict` if the name is taken.
    async fn insert_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written>;
    /// One by its name.
    async fn application(&self, organization_id: u32, name: &str) -> Result<Option<StoredApplication>>;
    /// At most `limit` of an organization by name, after `after`.
    async fn applications(
        &self,
        organization_id: u32,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Rows<StoredApplication>>;
    /// Changes one, conditional on its version, which is one more than the stored one must be.
    async fn change_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written>;
    /// Removes one of this version that no instance names; `Conflict` if one does, or it was changed meanwhile.
    async fn remove_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written>;
}
