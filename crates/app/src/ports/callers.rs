//! Who calls.

use super::{LookupHash, Result};
use async_trait::async_trait;
use domain::instance::Account;

/// Who calls, by the secrets that a request carries.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Callers: Send + Sync {
    /// Who these secrets belong to: the user's, and the organization's where it was given (it must match).
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>>;
}
