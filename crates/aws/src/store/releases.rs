//! Releases: begun by one at a time, ended when nothing is pending.

use super::key::Key;
use super::row::{Row, number, text, time};
use super::table::Write;
use super::{DynamoStore, instance_rows, log, notifications, staged, subscriptions};
use app::ports::{Notification, Releases, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::ids::InstanceId;

#[async_trait]
impl Releases for DynamoStore {
    async fn subscription(&self, id: InstanceId) -> Result<Option<Subscription>> {
        let row = subscriptions::get(&self.table, id).await?;
        row.as_ref().map(subscriptions::read).transpose()
    }

    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>> {
        let table = &self.table;
        let instance = instance_rows::get(table, id).await?;
        if instance.is_none_or(|instance| instance.deleted_at.is_some() || instance.disabled) {
            return Ok(None);
        }
        // Our own write, whose answer got lost, is not another's.
        let holder = fastrand::u64(..);
        let begin = Write::update(
            Key::subscription(id),
            "SET standing = :releasing, leased = :until, leased_by = :holder ADD generation :one",
        )
        .when(
            "attribute_exists(pk) AND attribute_not_exists(gone) AND standing <> :active
                 AND (attribute_not_exists(leased) OR leased <= :now)",
        )
        .with(":releasing", text(SubscriptionStatus::Releasing.text()))
        .with(":active", text(SubscriptionStatus::Active.text()))
        .with(":until", time(until))
        .with(":holder", number(holder))
        .with(":now", time(now))
        .with(":one", number(1));
        match table.update("begin a release", begin).await? {
            Ok(Some(row)) => subscriptions::read(&row).map(Some),
            Err(Some(row)) if row.number_or_none("leased_by")? == Some(holder) => {
                subscriptions::read(&row).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn next_queued(&self, id: InstanceId) -> Result<Option<Notification>> {
        log::next_queued(&self.table, id).await
    }

    // Ends a release, if nothing is pending and no claim was answered with "queued" since that was read.
    async fn end_release(&self, id: InstanceId, generation: u64) -> Result<Written> {
        let table = &self.table;
        let Some(row) = subscriptions::get(table, id).await?.filter(|row| !row.has("gone")) else {
            return Ok(Written::Gone);
        };
        let held: u64 = row.number("held")?;
        let has_staged = !staged::named(table, id).await?.is_empty();
        if has_staged || !notifications::pending(table, id, None, 1).await?.is_empty() {
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
            Err(Some(row)) if is_active(&row) && row.number::<u64>("generation")? == generation => {
                Written::Done
            }
            Err(Some(row)) if !row.has("gone") => Written::Conflict,
            Err(_) => Written::Gone,
        })
    }

    // Hands a release back, for the next worker.
    async fn pause_release(&self, id: InstanceId, generation: u64) -> Result<()> {
        let table = &self.table;
        let pause = Write::update(Key::subscription(id), "REMOVE leased")
            .when("standing = :releasing AND generation = :generation")
            .with(":releasing", text(SubscriptionStatus::Releasing.text()))
            .with(":generation", number(generation));
        // Refused means that somebody else is at it.
        let _ = table.write("pause a release", pause).await?;
        Ok(())
    }
}

fn is_active(row: &Row) -> bool {
    row.text("standing").is_ok_and(|text| text == SubscriptionStatus::Active.text())
}
