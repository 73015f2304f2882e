//! How many events there were, by interval, and by instance or account.

use super::account;
use super::answer::Answered;
use super::answers::count::{AccountCounts, Count, InstanceCounts, OfAccount, OfInstance, Sum};
use super::answers::moment::Moment;
use super::auth::Caller;
use super::error::ApiError;
use super::query::Params;
use crate::context::Context;
use crate::event_log;
use crate::ports::{LogLine, Progress, Tally};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of one answer; a week by minutes is 10,081.
const ROWS_COUNT_MAX: i64 = 10_081;
/// Maximum notifications counted.
const LINES_COUNT_MAX: usize = 100_000;

/// Rows of what happened from one time to another.
struct LogReport {
    from: DateTime<Utc>,
    interval: Duration,
    rows_count: usize,
    counted: Vec<Counted>,
}

/// So many events at a time, of an instance or an account.
struct Counted {
    at: DateTime<Utc>,
    of: u32,
    sum: Sum,
}

/// What is told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Instance,
    Account,
}

impl LogReport {
    async fn of(app: &Context, caller: &Caller, params: &Params, by: Group) -> Result<Self, ApiError> {
        let accounts = accounts(app, caller, params).await?;
        let to = params.time("to")?.unwrap_or_else(|| app.now());
        let from = params.time("from")?.unwrap_or(to - Duration::hours(1));
        if to < from {
            return Err(ApiError::rule("to", "must not be before `from`"));
        }
        let interval = match params.text("interval").unwrap_or("minute") {
            "minute" => Duration::minutes(1),
            "hour" => Duration::hours(1),
            "day" => Duration::days(1),
            _ => return Err(ApiError::rule("interval", "must be minute, hour or day")),
        };
        let from = floor(from, interval);
        // Both ends count: an hour by minutes is 61 rows.
        let rows_count = (floor(to, interval) - from).num_seconds() / interval.num_seconds() + 1;
        if rows_count > ROWS_COUNT_MAX {
            return Err(ApiError::rule("interval", &format!("gives more than {ROWS_COUNT_MAX} rows")));
        }
        let is_wanted = |account: u32| accounts.is_empty() || accounts.contains(&account);
        // What is kept is of whole minutes, and of accounts.
        let last_minute = floor(to, Duration::minutes(1));
        let kept = match by {
            Group::Account => event_log::tallies(app, caller.sight(), (from, last_minute)).await?,
            Group::Instance => None,
        };
        let lines_from = if kept.is_some() { last_minute } else { from };
        let (lines, is_more) =
            event_log::lines(app, caller.sight(), (lines_from, to), LINES_COUNT_MAX).await?;
        if is_more {
            let rule = format!("there are more than {LINES_COUNT_MAX} notifications between `from` and `to`");
            return Err(ApiError::rule("from", &rule));
        }
        let kept = kept.into_iter().flatten().filter(|tally| is_wanted(tally.account_id)).map(Counted::kept);
        let lines = lines.into_iter().filter(|(_, account)| is_wanted(*account));
        let counted = kept.chain(lines.filter_map(|(line, account)| Counted::line(&line, account, by)));
        let rows_count = usize::try_from(rows_count).unwrap_or(0);
        Ok(LogReport { from, interval, rows_count, counted: counted.collect() })
    }

    fn at(&self, row: usize) -> Moment {
        Moment::of(self.from + self.interval * i32::try_from(row).unwrap_or(i32::MAX))
    }

    fn row_of(&self, counted: &Counted) -> Option<usize> {
        let row = (counted.at - self.from).num_seconds().div_euclid(self.interval.num_seconds());
        usize::try_from(row).ok().filter(|row| *row < self.rows_count)
    }
}

impl Counted {
    fn kept(tally: Tally) -> Self {
        let (success, failed) = (tally.delivered_count, tally.open_count);
        Counted { at: tally.at, of: tally.account_id, sum: Sum { count: success + failed, success, failed } }
    }

    /// What only the log shows is not an event.
    fn line(line: &LogLine, account: u32, by: Group) -> Option<Self> {
        let count = u64::from(line.events_count);
        let sum = match line.progress {
            Progress::Logged => return None,
            Progress::Delivered => Sum { count, success: count, failed: 0 },
            Progress::Pending | Progress::Dropped => Sum { count, success: 0, failed: count },
        };
        let of = match by {
            Group::Instance => line.mark.instance.get(),
            Group::Account => account,
        };
        Some(Counted { at: event_log::time_of(line.mark)?, of, sum })
    }
}

/// The accounts that are asked for; none stands for all.
async fn accounts(app: &Context, caller: &Caller, params: &Params) -> Result<Vec<u32>, ApiError> {
    let foreign = || ApiError::forbidden("`accountIds`: names an account out of your view");
    let wanted: Vec<u32> =
        params.texts("accountIds").map(|id| id.parse().map_err(|_| foreign())).collect::<Result<_, _>>()?;
    for id in &wanted {
        if !account::is_own(app, caller, *id).await? {
            return Err(foreign());
        }
    }
    Ok(wanted)
}

fn floor(at: DateTime<Utc>, interval: Duration) -> DateTime<Utc> {
    let seconds = interval.num_seconds();
    DateTime::from_timestamp(at.timestamp().div_euclid(seconds) * seconds, 0).unwrap_or(at)
}

/// Counts by interval: `[{count, timestamp}]`.
pub(super) async fn all(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<Json<Vec<Count>>> {
    let asked = LogReport::of(&app, &caller, &params, Group::Account).await?;
    let mut counts = vec![0_u64; asked.rows_count];
    for counted in &asked.counted {
        if let Some(row) = asked.row_of(counted) {
            counts[row] += counted.sum.count;
        }
    }
    let rows = counts.into_iter().enumerate();
    Ok(Json(rows.map(|(row, count)| Count { timestamp: asked.at(row), count }).collect()))
}

/// The same for each instance that had any.
pub(super) async fn by_instance(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<Json<Vec<InstanceCounts>>> {
    let asked = LogReport::of(&app, &caller, &params, Group::Instance).await?;
    let of = |(instance_id, sum): (u32, Sum)| OfInstance { instance_id, sum };
    let row = |(timestamp, total, sums): Row| InstanceCounts {
        timestamp,
        total,
        records: sums.into_iter().map(of).collect(),
    };
    Ok(Json(grouped(&asked).into_iter().map(row).collect()))
}

/// The same for each account that had any.
pub(super) async fn by_account(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<Json<Vec<AccountCounts>>> {
    let asked = LogReport::of(&app, &caller, &params, Group::Account).await?;
    let of = |(account_id, sum): (u32, Sum)| OfAccount { account_id, sum };
    let row = |(timestamp, total, sums): Row| AccountCounts {
        timestamp,
        total,
        records: sums.into_iter().map(of).collect(),
    };
    Ok(Json(grouped(&asked).into_iter().map(row).collect()))
}

/// An interval: when it begins, its events, and those of each group.
type Row = (Moment, u64, BTreeMap<u32, Sum>);

fn grouped(asked: &LogReport) -> Vec<Row> {
    let mut rows = vec![BTreeMap::<u32, Sum>::new(); asked.rows_count];
    for counted in &asked.counted {
        let Some(row) = asked.row_of(counted) else { continue };
        let sum = rows[row].entry(counted.of).or_default();
        sum.count += counted.sum.count;
        sum.success += counted.sum.success;
        sum.failed += counted.sum.failed;
    }
    let rows = rows.into_iter().enumerate();
    rows.map(|(row, sums)| (asked.at(row), sums.values().map(|sum| sum.count).sum(), sums)).collect()
}
