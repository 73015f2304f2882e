//! What accounts and organizations are set to.

use crate::audit::By;
use crate::context::Context;
use crate::ports::{PortError, Result};
use domain::account_settings::{FAILURE_POLICY, HEALTH_KEY, HEALTH_URL, is_of_organization};
use domain::settings::{Items, MASK, given};
use serde_json::json;

/// Under which number an organization's own settings stand: no account has it.
const ORGANIZATION: u32 = 0;
/// What the health address's key is sealed for.
const PURPOSE: &str = "health address";

/// Where an organization's health events go. No `Debug`.
pub(crate) struct HealthAddress {
    pub(crate) url: String,
    pub(crate) key: Option<String>,
}

/// An account's settings and its organization's, with what holds where nothing was set, and the key masked.
pub(crate) async fn read(app: &Context, organization_id: u32, account_id: u32) -> Result<Items> {
    let mut all = Items::from([(FAILURE_POLICY.to_owned(), "retry".to_owned())]);
    all.extend(app.ports.accounts.settings(organization_id, account_id).await?);
    all.extend(masked(&app.ports.accounts.settings(organization_id, ORGANIZATION).await?));
    Ok(all)
}

/// Where an organization's health events go, if anywhere.
pub(crate) async fn health_address(app: &Context, organization_id: u32) -> Result<Option<HealthAddress>> {
    let items = app.ports.accounts.settings(organization_id, ORGANIZATION).await?;
    let Some(url) = given(&items, HEALTH_URL).map(str::to_owned) else { return Ok(None) };
    let open = |sealed: &str| {
        let opened = app.sealer.open_for(PURPOSE, &organization_id.to_string(), sealed);
        let bytes = opened.map_err(|error| PortError::new("opening the health address's key", error))?;
        String::from_utf8(bytes).map_err(|error| PortError::new("opening the health address's key", error))
    };
    let key = given(&items, HEALTH_KEY).map(open).transpose()?;
    Ok(Some(HealthAddress { url, key }))
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
    let before = read(app, organization_id, account_id).await?;
    let (common, own): (Items, Items) =
        items.clone().into_iter().partition(|(key, _)| is_of_organization(key));
    let common = sealed(app, organization_id, common)?;
    let mut after = before.clone();
    after.extend(own.clone());
    after.extend(masked(&common));
    let documents = (Some(json!(before)), Some(json!(after)));
    let subject = format!("accounts/{account_id}/settings");
    accounts.note(&by.entry(app, organization_id, "account.changed", subject, documents)).await?;
    accounts.put_settings(organization_id, ORGANIZATION, &common).await?;
    accounts.put_settings(organization_id, account_id, &own).await
}

fn masked(items: &Items) -> Items {
    let mut items = items.clone();
    items.entry(HEALTH_KEY.to_owned()).and_modify(|key| *key = mask(key)).or_default();
    items.retain(|_, value| !value.is_empty());
    items
}

fn mask(key: &str) -> String {
    if key.is_empty() { String::new() } else { MASK.to_owned() }
}

fn sealed(app: &Context, organization_id: u32, mut items: Items) -> Result<Items> {
    if let Some(key) = items.get_mut(HEALTH_KEY).filter(|key| !key.is_empty()) {
        let sealed = app.sealer.seal_for(PURPOSE, &organization_id.to_string(), key.as_bytes());
        *key = sealed.map_err(|error| PortError::new("sealing the health address's key", error))?;
    }
    Ok(items)
}
