//! The lines of an organization's log, as its index has them: in the order of the log, over its shards.

use super::key::{self, LOG_SHARDS_COUNT};
use super::row::{Row, text};
use super::table::{Index, KeyQuery, Table};
use app::ports::{LogLine, LogMark, Progress, Result, Rows};
use domain::ids::{InstanceId, Sequence};
use futures_util::future::try_join_all;

/// What a line shows, in the log's order.
const BY_ORGANIZATION: Index = Index::global("by-organization", "log_of");
/// Behind every place.
pub(super) const END: &str = ":";

/// The newest lines of all shards before this place.
pub(super) async fn merged(
    table: &Table,
    organization: u32,
    before: Option<LogMark>,
    from: Option<Sequence>,
    limit: usize,
) -> Result<Rows<LogLine>> {
    let from = key::digits(from.unwrap_or(Sequence(0)));
    let to = before.map_or(END.to_owned(), just_before);
    // The table refuses such a range.
    if from > to {
        return Ok(Rows::default());
    }
    let shards = (0..LOG_SHARDS_COUNT).map(|shard| {
        let page = KeyQuery {
            index: Some(BY_ORGANIZATION),
            range: Some(("log_at", "#sort BETWEEN :from AND :to", text(&from))),
            to: Some(text(&to)),
            is_descending: true,
            limit: Some(limit),
            ..KeyQuery::of(key::log(organization, shard))
        };
        table.readable("read an organization's log", page, line)
    });
    let mut lines: Rows<LogLine> = try_join_all(shards).await?.into_iter().collect();
    lines.rows.sort_unstable_by_key(|line| std::cmp::Reverse(line.mark));
    lines.rows.truncate(limit);
    Ok(lines)
}

/// The last place before this one: a range has its ends in it.
pub(super) fn just_before(mark: LogMark) -> String {
    format!("{}#{:010}", key::digits(mark.sequence), mark.instance.get().saturating_sub(1))
}

fn line(row: &Row) -> Result<LogLine> {
    Ok(LogLine {
        mark: mark(row.text("log_at")?).ok_or_else(|| row.damaged("log_at"))?,
        number: row.number("num")?,
        progress: Progress::parse(row.text("progress")?).ok_or_else(|| row.damaged("progress"))?,
        events_count: row.number("events_count")?,
    })
}

pub(super) fn mark(text: &str) -> Option<LogMark> {
    let (sequence, instance) = text.split_once('#')?;
    let instance = instance.parse::<u32>().ok()?;
    Some(LogMark {
        sequence: Sequence(sequence.parse().ok()?),
        instance: InstanceId::from_bytes(instance.to_be_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64, instance: u32) -> LogMark {
        LogMark { sequence: Sequence(sequence), instance: InstanceId::from_bytes(instance.to_be_bytes()) }
    }

    #[test]
    fn places_are_in_order_and_read_back() {
        let marks = [at(9, 7), at(10, 1), at(10, 2), at(10, 11), at(1 << 52, 1)];
        let texts = marks.map(key::logged);
        assert!(texts.is_sorted(), "{texts:?}");
        for (one, text) in marks.iter().zip(&texts) {
            assert_eq!(mark(text), Some(*one));
            assert!(just_before(*one) < *text && text.as_str() < END);
        }
        assert!(just_before(at(10, 2)) >= key::logged(at(10, 1)));
    }
}
