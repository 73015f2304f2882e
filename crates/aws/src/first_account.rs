//! The first organization and its first user, whose secrets are made with the stack.

use app::ports::{LookupHash, Result};
use async_trait::async_trait;

/// Knows the secrets that the stack was made with.
#[async_trait]
pub trait FirstSecrets: Send + Sync {
    /// Hashes of the user's and the organization's secret; `None` if there are none.
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>>;
}
