//! Whether the host can do its work.

use crate::context::Context;
use crate::ports::Result;

/// Whether what is committed would be kept.
///
/// # Errors
///
/// A write failed.
pub(crate) async fn can_write(app: &Context) -> Result<()> {
    app.ports.accounts.try_write(app.now()).await
}
