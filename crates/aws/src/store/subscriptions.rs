//! Subscriptions: suspended, released, active again.
//!
//! The generation goes up with each suspension and each release that begins. `held` goes up with each claim that
//! was told to queue: a release that ends at the same time meets it, and looks again.

use super::key::Key;
use super::row::{Row, number, text};
use super::table::{Met, Table, Write};
use app::ports::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::ids::InstanceId;

/// The attributes of a new one.
pub(super) fn active() -> [(&'static str, AttributeValue); 3] {
    [("standing", text(SubscriptionStatus::Active.text())), ("generation", number(0)), ("held", number(0))]
}

pub(super) async fn get(table: &Table, id: InstanceId) -> Result<Option<Row>> {
    table.get("read a subscription", &Key::subscription(id)).await
}

pub(super) fn read(row: &Row) -> Result<Subscription> {
    Ok(Subscription {
        status: SubscriptionStatus::parse(row.text("standing")?).ok_or_else(|| row.damaged("standing"))?,
        reason: row.text_or_none("reason")?.map(str::to_owned),
        generation: row.number("generation")?,
        lease_until: row.time_or_none("leased")?,
    })
}

/// Queue everything from now on, whatever it was before: on what was read.
pub(super) fn suspend(id: InstanceId, before: &Subscription, reason: Option<&str>) -> Write {
    let set = "SET standing = :status, generation = :next";
    let (expression, values) = match reason {
        Some(reason) => (format!("{set}, reason = :reason REMOVE leased"), Some(text(reason))),
        None => (format!("{set} REMOVE leased, reason"), None),
    };
    let write = moved(id, &expression, before).with(":status", text(SubscriptionStatus::Suspended.text()));
    match values {
        Some(reason) => write.with(":reason", reason),
        None => write,
    }
}

/// Opens a release that has no worker yet.
pub(super) fn open(id: InstanceId, before: &Subscription) -> Write {
    moved(id, "SET standing = :status, generation = :next REMOVE leased", before)
        .with(":status", text(SubscriptionStatus::Releasing.text()))
}

/// A change that starts a new generation.
fn moved(id: InstanceId, expression: &str, before: &Subscription) -> Write {
    Write::update(Key::subscription(id), expression)
        .when("generation = :generation AND attribute_not_exists(gone)")
        .with(":next", number(before.generation + 1))
        .with(":generation", number(before.generation))
}

/// Records that a claim is answered with "queued", while the callback is not active. Otherwise returns the row found.
pub(super) async fn hold(table: &Table, id: InstanceId) -> Result<std::result::Result<(), Met>> {
    let hold = Write::update(Key::subscription(id), "ADD held :one")
        .when("attribute_exists(pk) AND standing <> :active")
        .with(":one", number(1))
        .with(":active", text(SubscriptionStatus::Active.text()));
    table.write("hold a notification back", hold).await
}
