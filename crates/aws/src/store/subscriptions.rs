//! Subscriptions: suspended, released, active again.
//!
//! The generation goes up with each suspension and each release that begins. `held` goes up with each claim that
//! was told to queue: a release that ends at the same time meets it, and looks again.

use super::key::Key;
use super::row::{Row, damaged, number, text, time};
use super::table::{Met, Table, Write};
use super::{instances, notifications};
use app::ports::{Result, Written};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
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
        status: SubscriptionStatus::parse(row.text("standing")?).ok_or_else(|| damaged("standing"))?,
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

pub(super) async fn begin(
    table: &Table,
    id: InstanceId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Subscription>> {
    let instance = instances::get(table, id).await?;
    if instance.is_none_or(|instance| instance.deleted_at.is_some() || instance.disabled) {
        return Ok(None);
    }
    let begin = Write::update(
        Key::subscription(id),
        "SET standing = :releasing, leased = :until ADD generation :one",
    )
    .when(
        "attribute_exists(pk) AND attribute_not_exists(gone) AND standing <> :active
             AND (attribute_not_exists(leased) OR leased <= :now)",
    )
    .with(":releasing", text(SubscriptionStatus::Releasing.text()))
    .with(":active", text(SubscriptionStatus::Active.text()))
    .with(":until", time(until))
    .with(":now", time(now))
    .with(":one", number(1));
    match table.update("begin a release", begin).await? {
        Ok(Some(row)) => read(&row).map(Some),
        _ => Ok(None),
    }
}

/// Ends a release, if nothing is pending and no claim was answered with "queued" since that was read.
pub(super) async fn end(table: &Table, id: InstanceId, generation: u64) -> Result<Written> {
    let Some(row) = get(table, id).await?.filter(|row| !row.has("gone")) else { return Ok(Written::Gone) };
    let held: u64 = row.number("held")?;
    if !notifications::pending(table, id, None, 1).await?.is_empty() {
        return Ok(Written::Conflict);
    }
    let context = "end a release";
    let end = Write::update(Key::subscription(id), "SET standing = :active REMOVE reason, leased")
        .when(
            "standing = :releasing AND generation = :generation AND held = :held AND attribute_not_exists(gone)",
        )
        .with(":active", text(SubscriptionStatus::Active.text()))
        .with(":releasing", text(SubscriptionStatus::Releasing.text()))
        .with(":generation", number(generation))
        .with(":held", number(held));
    Ok(match table.write(context, end).await? {
        Ok(()) => Written::Done,
        // Our own write, whose answer got lost: only the end of a release makes active of its generation.
        Err(Some(row)) if is_active(&row) && row.number::<u64>("generation")? == generation => Written::Done,
        Err(Some(row)) if !row.has("gone") => Written::Conflict,
        Err(_) => Written::Gone,
    })
}

fn is_active(row: &Row) -> bool {
    row.text("standing").is_ok_and(|text| text == SubscriptionStatus::Active.text())
}

/// Hands a release back, for the next worker.
pub(super) async fn pause(table: &Table, id: InstanceId, generation: u64) -> Result<()> {
    let pause = Write::update(Key::subscription(id), "REMOVE leased")
        .when("standing = :releasing AND generation = :generation")
        .with(":releasing", text(SubscriptionStatus::Releasing.text()))
        .with(":generation", number(generation));
    // Refused means that somebody else is at it.
    let _ = table.write("pause a release", pause).await?;
    Ok(())
}

/// Records that a claim is answered with "queued", while the callback is not active. Otherwise returns the row found.
pub(super) async fn hold(table: &Table, id: InstanceId) -> Result<std::result::Result<(), Met>> {
    let hold = Write::update(Key::subscription(id), "ADD held :one")
        .when("attribute_exists(pk) AND standing <> :active")
        .with(":one", number(1))
        .with(":active", text(SubscriptionStatus::Active.text()));
    table.write("hold a notification back", hold).await
}
