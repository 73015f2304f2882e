//! What stands between two who work on a bulk action.

use super::super::ports::TappedStore;
use super::Mutation;
use app::ports::*;
use domain::bulk::Bulk;

impl TappedStore {
    pub(in super::super) async fn mutant_change_bulk(&self, bulk: &Bulk) -> Result<Written> {
        let mut bulk = bulk.clone();
        if self.is(Mutation::ChangeBulkUnconditional)
            && let Some(stored) = self.inner.bulk(bulk.account.organization_id, bulk.id).await?
        {
            bulk.version = stored.version + 1;
        }
        self.inner.change_bulk(&bulk).await
    }
}
