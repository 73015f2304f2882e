//! Subscriptions: suspended, released, active again.
//!
//! The generation goes up with each suspension and each release that begins, so that a worker of an
//! earlier release no longer counts.

use crate::sqlite::columns::{damaged, time_or_none};
use crate::sqlite::readable::OfRow as _;
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::ids::InstanceId;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// An active subscription for a new instance.
pub(super) fn insert(conn: &Connection, id: InstanceId) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO subscriptions (instance_id, status, generation) VALUES (?1, 'active', 0)",
    )?
    .execute([id.get()])?;
    Ok(())
}

pub(super) fn get(conn: &Connection, id: InstanceId) -> Result<Option<Subscription>> {
    conn.prepare_cached(
        "SELECT status, reason, generation, lease_until_us FROM subscriptions WHERE instance_id = ?1",
    )?
    .query_row([id.get()], read)
    .optional()
    .of_row("subscriptions", id)
}

/// Suspends, or suspends again for another reason.
pub(super) fn suspend(conn: &Connection, id: InstanceId, reason: &str) -> Result<()> {
    conn.prepare_cached(
        "UPDATE subscriptions SET status = 'suspended', reason = ?2, generation = generation + 1,
             lease_until_us = NULL
         WHERE instance_id = ?1",
    )?
    .execute((id.get(), reason))?;
    Ok(())
}

/// Suspends unless it is suspended already: the first reason stays.
pub(super) fn suspend_once(conn: &Connection, id: InstanceId, reason: Option<&str>) -> Result<()> {
    conn.prepare_cached(
        "UPDATE subscriptions SET status = 'suspended', reason = ?2, generation = generation + 1,
             lease_until_us = NULL
         WHERE instance_id = ?1 AND status <> 'suspended'",
    )?
    .execute((id.get(), reason))?;
    Ok(())
}

/// Opens a release that has no worker yet.
pub(super) fn open(conn: &Connection, id: InstanceId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE subscriptions SET status = 'releasing', generation = generation + 1, lease_until_us = NULL
         WHERE instance_id = ?1",
    )?
    .execute([id.get()])?;
    Ok(())
}

pub(super) fn read(row: &Row<'_>) -> Result<Subscription> {
    let status = SubscriptionStatus::parse(row.get_ref(0)?.as_str()?);
    let status = status.ok_or_else(|| damaged(Type::Text, "not a subscription's status"))?;
    Ok(Subscription {
        status,
        reason: row.get(1)?,
        generation: row.get(2)?,
        lease_until: time_or_none(row.get(3)?)?,
    })
}
