//! What accounts are set to.

use super::key::Key;
use super::pause::pause_before;
use super::row::{Row, json, number};
use super::table::{Table, Write};
use app::ports::{PortError, Result};
use domain::settings::Items;

/// Looks at settings that change in between.
const LOOKS_COUNT_MAX: u32 = 10;

pub(super) async fn get(table: &Table, organization: u32, account: u32) -> Result<Items> {
    let row = table.get("read settings", &Key::settings(organization, account)).await?;
    Ok(row.as_ref().map(|row| row.json("doc")).transpose()?.unwrap_or_default())
}

/// Merges these in; what somebody else sets at the same time stays.
pub(super) async fn put(table: &Table, organization: u32, account: u32, items: &Items) -> Result<()> {
    let context = "store settings";
    let key = Key::settings(organization, account);
    for look in 0..LOOKS_COUNT_MAX {
        pause_before(look).await;
        let row = table.get(context, &key).await?;
        let mut merged: Items = row.as_ref().map(|row| row.json("doc")).transpose()?.unwrap_or_default();
        merged.extend(items.iter().map(|(name, value)| (name.clone(), value.clone())));
        if table.write(context, replace(&key, row.as_ref(), &merged)?).await?.is_ok() {
            return Ok(());
        }
    }
    Err(PortError::new(context, "they kept changing"))
}

fn replace(key: &Key, before: Option<&Row>, items: &Items) -> Result<Write> {
    let version: u64 = before.map(|row| row.number("version")).transpose()?.unwrap_or_default();
    let put = Write::put(key, [("doc", json(items)?), ("version", number(version + 1))]);
    Ok(match before {
        None => put.when("attribute_not_exists(pk)"),
        Some(_) => put.when("version = :before").with(":before", number(version)),
    })
}
