//! What accounts are set to.

use crate::audit::By;
use crate::context::Context;
use crate::ports::Result;
use domain::account_settings::FAILURE_POLICY;
use domain::settings::Items;
use serde_json::json;

/// An account's settings, with what holds where nothing was set.
pub(crate) async fn read(app: &Context, organization_id: u32, account_id: u32) -> Result<Items> {
    let mut all = Items::from([(FAILURE_POLICY.to_owned(), "retry".to_owned())]);
    all.extend(app.ports.accounts.settings(organization_id, account_id).await?);
    Ok(all)
}

/// Merges checked items in. Noted first: what can't be noted is not changed.
pub(crate) async fn change(
    app: &Context,
    by: &By,
    organization_id: u32,
    account_id: u32,
    items: &Items,
) -> Result<()> {
    let accounts = &app.ports.accounts;
    let before = accounts.settings(organization_id, account_id).await?;
    let mut after = before.clone();
    after.extend(items.clone());
    let documents = (Some(json!(before)), Some(json!(after)));
    let subject = format!("accounts/{account_id}/settings");
    accounts.note(&by.entry(app, organization_id, "account.changed", subject, documents)).await?;
    accounts.put_settings(organization_id, account_id, items).await
}
