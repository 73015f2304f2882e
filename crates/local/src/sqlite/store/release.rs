//! Subscriptions: suspended, released, active again.
//!
//! The generation goes up with each suspension and each release that begins, so that a worker of an
//! earlier release no longer counts.

use super::instances;
use super::notifications::{notification, select_notifications};
use crate::sqlite::columns::{damaged, micros, time_or_none};
use app::ports::{Notification, Written};
use chrono::{DateTime, Utc};
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
    .query_row([id.get()], subscription)
    .optional()
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

/// Hands a release back, for the next worker.
pub(super) fn pause(conn: &Connection, id: InstanceId, generation: u64) -> Result<()> {
    conn.prepare_cached(
        "UPDATE subscriptions SET lease_until_us = NULL
         WHERE instance_id = ?1 AND generation = ?2 AND status = 'releasing'",
    )?
    .execute((id.get(), generation))?;
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

/// Takes the right to release. That each pending notification counts a new round follows from the generation.
pub(super) fn begin(
    conn: &Connection,
    id: InstanceId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Subscription>> {
    let instance = instances::get(conn, id)?;
    if instance.is_none_or(|instance| instance.deleted_at.is_some() || instance.disabled) {
        return Ok(None);
    }
    conn.prepare_cached(
        "UPDATE subscriptions SET status = 'releasing', generation = generation + 1, lease_until_us = ?3
         WHERE instance_id = ?1 AND status <> 'active' AND coalesce(lease_until_us, 0) <= ?2
         RETURNING status, reason, generation, lease_until_us",
    )?
    .query_row((id.get(), micros(now), micros(until)), subscription)
    .optional()
}

pub(super) fn next_queued(conn: &Connection, id: InstanceId) -> Result<Option<Notification>> {
    conn.prepare_cached(select_notifications!("AND n.progress = 'pending' ORDER BY n.sequence LIMIT 1"))?
        .query_row([id.get()], notification)
        .optional()
}

pub(super) fn end(conn: &Connection, id: InstanceId, generation: u64) -> Result<Written> {
    if instances::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let ended = conn
        .prepare_cached(
            "UPDATE subscriptions SET status = 'active', reason = NULL, lease_until_us = NULL
             WHERE instance_id = ?1 AND status = 'releasing' AND generation = ?2
             AND NOT EXISTS (SELECT 1 FROM notifications WHERE instance_id = ?1 AND progress = 'pending')",
        )?
        .execute((id.get(), generation))?;
    Ok(if ended == 1 { Written::Done } else { Written::Conflict })
}

fn subscription(row: &Row<'_>) -> Result<Subscription> {
    let status = SubscriptionStatus::parse(row.get_ref(0)?.as_str()?);
    let status = status.ok_or_else(|| damaged(Type::Text, "not a subscription's status"))?;
    Ok(Subscription {
        status,
        reason: row.get(1)?,
        generation: row.get(2)?,
        lease_until: time_or_none(row.get(3)?)?,
    })
}
