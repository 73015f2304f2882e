//! How much organizations ask: one small item for each of them, each minute and what is counted, which goes by itself.

use super::key::Key;
use super::row::number;
use super::table::{Table, Write};
use app::ports::{Counted, PortError, Result};

/// A count is of use for a minute; a clock that is behind by some finds it all the same.
const KEPT_MIN: i64 = 10;

/// One write of one write unit.
pub(super) async fn count(table: &Table, organization: u32, what: Counted, minute: i64) -> Result<u32> {
    let context = "count a request";
    let expires = minute.saturating_add(KEPT_MIN).saturating_mul(60);
    let write = Write::update(
        Key::requests(organization, what, minute),
        "SET expires = :expires ADD asked_count :one",
    )
    .with(":expires", number(expires))
    .with(":one", number(1));
    match table.update(context, write).await? {
        Ok(Some(row)) => row.number("asked_count"),
        _ => Err(PortError::new(context, "no count came back")),
    }
}
