//! Notifications whose first attempt is made by who commits them: written before their commit by plain writes, at half the
//! price of a transaction's, and named by the outbox of the state that is their commit.
//!
//! Such a row has no attribute of an index, so that only this partition leads to it, and it is nobody's until an outbox names
//! it: what lists, counts, releases and the log see of it, they see through the outbox. The first thing that is written of it
//! later publishes it: the outcome, a job's claim, or what takes it out of the outbox. One whose commit was refused expires.
//!
//! A sequence is a time to the microsecond, and a row is never overwritten but by who wrote it: of two that give out the same
//! sequence the second is refused before its commit.

use super::key::{self, Key};
use super::row::{Row, number, text};
use super::table::{KeyQuery, Table, Write};
use crate::fault::TooMuch;
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{InstanceId, Sequence};
use std::collections::HashSet;

/// What a poll that was refused left goes after this. A named one is published by the next poll of its mailbox.
pub(super) const KEPT_DAYS: i64 = 90;
/// Reads that fill one page.
const LOOKS_COUNT_MAX: usize = 100;
/// In an update: what makes a row one of the log's. `:log_at` is [`log_at`].
pub(super) const PUBLISHED: &str = "#name = as_name, log_of = as_of, log_at = :log_at";
/// What it then lacks.
pub(super) const UNSTAGED: &str = "staged, as_name, as_of";

/// Whether a row is one that its outbox has to name.
pub(super) fn is_staged(row: &Row) -> bool {
    row.has("staged")
}

/// The place in its organization's log that a row is published at.
pub(super) fn log_at(id: InstanceId, sequence: Sequence) -> AttributeValue {
    text(key::logged(app::ports::LogMark { sequence, instance: id }))
}

/// An update with what [`PUBLISHED`] needs.
pub(super) fn publishing(write: Write, id: InstanceId, sequence: Sequence) -> Write {
    write.naming("#name", "name").with(":log_at", log_at(id, sequence))
}

/// Makes a named row one of the log's and of what is pending, as it is; nothing happens to one that is not staged.
pub(super) async fn publish(table: &Table, id: InstanceId, sequence: Sequence) -> Result<()> {
    let set = format!("SET {PUBLISHED}, pending = :sequence REMOVE {UNSTAGED}, expires");
    let write = Write::update(Key::notification(id, sequence), set)
        .when("attribute_exists(staged)")
        .with(":sequence", number(sequence.0));
    // Refused: somebody else did.
    let _ = table.write("publish a notification", publishing(write, id, sequence)).await?;
    Ok(())
}

/// What the outboxes of an instance name.
async fn outboxes(table: &Table, id: InstanceId) -> Result<HashSet<Sequence>> {
    let page = KeyQuery {
        range: Some(("sk", "begins_with(#sort, :from)", text(key::RESOURCE))),
        only: Some("outbox"),
        ..KeyQuery::of(key::mailbox(id))
    };
    let rows = table.query("read outboxes", page).await?;
    let named: Result<Vec<Vec<u64>>> = rows.iter().map(|row| row.numbers("outbox")).collect();
    Ok(named?.into_iter().flatten().map(Sequence).collect())
}

/// The staged rows that an outbox names, in commit order. Who also reads an index reads this before it: a row that is
/// published in between is then in both, where otherwise it might be in neither.
pub(super) async fn named(table: &Table, id: InstanceId) -> Result<Vec<Row>> {
    let named: Vec<Sequence> = outboxes(table, id).await?.into_iter().collect();
    those(table, id, &named).await
}

/// Those of these notifications that are staged, in commit order.
pub(super) async fn those(table: &Table, id: InstanceId, sequences: &[Sequence]) -> Result<Vec<Row>> {
    let keys: Vec<Key> = sequences.iter().map(|sequence| Key::notification(id, *sequence)).collect();
    let found = table.get_many("read staged notifications", &keys).await?;
    let mut rows: Vec<Row> = found.into_values().filter(is_staged).collect();
    rows.sort_by(|one, other| one.text("sk").ok().cmp(&other.text("sk").ok()));
    Ok(rows)
}

/// These rows without those that nothing names.
pub(super) async fn visible(table: &Table, id: InstanceId, rows: Vec<Row>) -> Result<Vec<Row>> {
    if !rows.iter().any(is_staged) {
        return Ok(rows);
    }
    let named = outboxes(table, id).await?;
    let is_doubtful = |row: &Row| is_staged(row) && key::sequence(row).is_ok_and(|it| !named.contains(&it));
    let doubtful = rows.iter().filter(|row| is_doubtful(row)).map(Key::of).collect::<Result<Vec<_>>>()?;
    // One may have been published, and taken out of the outbox, since it was read.
    let mut again = table.get_many("read staged notifications", &doubtful).await?;
    let shown = rows.into_iter().filter_map(|row| match is_doubtful(&row) {
        false => Some(row),
        true => again.remove(&Key::of(&row).ok()?).filter(|row| !is_staged(row)),
    });
    Ok(shown.collect())
}

/// The newest rows before a sequence that are there for readers.
pub(super) async fn newest(
    table: &Table,
    id: InstanceId,
    before: Option<Sequence>,
    limit: usize,
    only: Option<&str>,
) -> Result<Vec<Row>> {
    let context = "read the event log";
    let (mut shown, mut before) = (Vec::new(), before);
    for _ in 0..LOOKS_COUNT_MAX {
        let left = limit - shown.len();
        let range = before.map(|before| ("sk", "#sort < :from", text(key::digits(before))));
        let page = KeyQuery {
            range,
            is_descending: true,
            limit: Some(left),
            only,
            ..KeyQuery::of(key::notifications(id))
        };
        let rows = table.query(context, page).await?;
        let is_last = rows.len() < left;
        before = rows.last().map(key::sequence).transpose()?;
        shown.extend(visible(table, id, rows).await?);
        if is_last || shown.len() >= limit {
            return Ok(shown);
        }
    }
    Err(PortError::new(context, TooMuch))
}
