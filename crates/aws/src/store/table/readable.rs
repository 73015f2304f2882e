//! Rows of a list: those that can't be read are told, and hide no other.

use super::{KeyQuery, PAGES_COUNT_MAX, Table};
use crate::fault::TooMuch;
use crate::store::row::Row;
use app::ports::{PortError, Result, Rows};
use app::unreadable::readable;

impl Table {
    /// Rows of a partition that can be read, up to the limit or all.
    pub(in crate::store) async fn readable<T>(
        &self,
        context: &'static str,
        page: KeyQuery<'_>,
        read: impl Fn(&Row) -> Result<T>,
    ) -> Result<Rows<T>> {
        let mut found = Rows::default();
        let mut start = None;
        for _ in 0..PAGES_COUNT_MAX {
            let left = page.limit.map(|limit| limit - found.rows.len());
            let (rows, next) = self.query_once(context, &page, left, start).await?;
            for row in &rows {
                found.add(readable(read(row))?);
            }
            start = next;
            if start.is_none() || page.limit.is_some_and(|limit| found.rows.len() >= limit) {
                return Ok(found);
            }
        }
        Err(PortError::new(context, TooMuch))
    }
}
