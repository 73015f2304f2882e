//! Who polls a mailbox: a lease with a fence, and the mark of others that came meanwhile.
//!
//! It stands in the callback's item, which every instance has from its creation, whose other writes leave it alone,
//! and which a deletion marks: an item of its own would have to be made for instances that are there already, and
//! never for one that is deleted at the same moment.

use super::DynamoStore;
use super::key::Key;
use super::row::{Row, number, text, time};
use super::table::{Met, Write};
use app::ports::{PollEnded, Poller, Pollers, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;

pub(super) fn read(row: &Row) -> Result<Poller> {
    Ok(Poller {
        fence: row.number_or_none("poll_fence")?.unwrap_or(0),
        until: row.time_or_none("poll_until")?,
        again: row.has("poll_again"),
    })
}

fn ended(written: std::result::Result<(), Met>) -> Written {
    match written {
        Ok(()) => Written::Done,
        Err(Some(row)) if !row.has("gone") => Written::Conflict,
        Err(_) => Written::Gone,
    }
}

#[async_trait]
impl Pollers for DynamoStore {
    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        let table = &self.table;
        // Distinguishes two polls of the same moment, and our own write whose answer got lost.
        let holder = fastrand::u64(..).to_string();
        let is_as_read = match fence {
            0 => "attribute_not_exists(poll_fence)",
            _ => "poll_fence = :fence",
        };
        let condition = format!(
            "attribute_exists(pk) AND attribute_not_exists(gone) AND {is_as_read}
             AND (attribute_not_exists(poll_until) OR poll_until <= :now)"
        );
        let begin = Write::update(
            Key::subscription(id),
            "SET poll_fence = :next, poll_until = :until, poll_holder = :holder REMOVE poll_again",
        )
        .when(condition)
        .with(":next", number(fence + 1))
        .with(":until", time(until))
        .with(":holder", text(&holder))
        .with(":now", time(now));
        let begin = if fence == 0 { begin } else { begin.with(":fence", number(fence)) };
        let written = table.write("begin a poll", begin).await?;
        if let Err(Some(row)) = &written
            && row.text_or_none("poll_holder")? == Some(holder.as_str())
        {
            return Ok(Written::Done);
        }
        Ok(ended(written))
    }

    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written> {
        let table = &self.table;
        let ask = Write::update(Key::subscription(id), "SET poll_again = :yes")
            .when("poll_fence = :fence AND poll_until > :now AND attribute_not_exists(gone)")
            .with(":yes", text("yes"))
            .with(":fence", number(fence))
            .with(":now", time(now));
        Ok(ended(table.write("ask for another poll", ask).await?))
    }

    // Made again it finds the same: only this lease's end leaves the next fence without a time, and a mark that comes in
    // between meets no lease, and is refused.
    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        let table = &self.table;
        let end = Write::update(Key::subscription(id), "SET poll_fence = :next REMOVE poll_until")
            .when("poll_fence = :fence OR (poll_fence = :next AND attribute_not_exists(poll_until))")
            .with(":fence", number(fence))
            .with(":next", number(fence + 1));
        Ok(match table.update("end a poll", end).await? {
            Ok(Some(row)) if row.has("poll_again") => PollEnded::Again,
            Ok(_) => PollEnded::Quiet,
            Err(_) => PollEnded::Lost,
        })
    }
}
