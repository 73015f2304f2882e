//! The check: every instance against its schedule and its jobs, then every schedule and every secret against
//! the instances. Each listing is taken page by page, and what a page names is looked up one by one, so that
//! no host has to list in a certain order and nothing is held but a page.

use super::examine::{Spotted, Surroundings};
use super::finding::{Finding, FindingReport, Outcome};
use crate::context::Context;
use crate::ports::{Administration, HostPage, Job, OwnedItem, PortError, Result};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

/// What is younger may be under way in a living process, min: no request and no job of ours lasts as long, and
/// a queue that is a little behind has caught up.
const SETTLED_AFTER_MIN: i64 = 15;
/// Pages of one listing: at a hundred each, ten times what a host is made for.
const PAGES_COUNT_MAX: usize = 100_000;
/// Instances looked up at once: enough to hide the way to a remote store, few enough to leave it to others.
const AT_ONCE_COUNT: usize = 8;

/// What to do with what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Show it.
    Show,
    /// Mend it.
    Mend,
}

/// Whether others work on the same data: what is half-way may then be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nobody does, as long as this lasts: whatever is half-way was left so.
    Stopped,
    /// They may: what is young, or of unknown age, is left alone.
    Running,
}

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Whether findings are mended.
    pub mode: Mode,
    /// Whether other processes are working meanwhile.
    pub others: Others,
}

/// What a check looked at, and its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Checked {
    /// Instances looked at.
    pub instances_count: u64,
    /// Schedules looked at.
    pub schedules_count: u64,
    /// Mailboxes whose secrets were looked at.
    pub secrets_count: u64,
    /// Left by a crash and not mended: `--mend` was not given, or failed.
    pub left_count: u64,
    /// Findings that were mended.
    pub mended_count: u64,
    /// Findings left alone because they may be under way.
    pub may_be_under_way_count: u64,
    /// For a person to look at: queued, frozen, unreadable.
    pub notes_count: u64,
}

/// Runs a check.
pub(super) async fn check(
    app: &Context,
    host: &dyn Administration,
    check: Check,
    tell: &mut (dyn FnMut(FindingReport) + Send),
) -> Result<Checked> {
    let now = app.now();
    let settled_until = match check.others {
        Others::Stopped => DateTime::<Utc>::MAX_UTC,
        Others::Running => now - Duration::minutes(SETTLED_AFTER_MIN),
    };
    let surroundings = Surroundings { app, host, now, settled_until, others: check.others };
    let mut round = Round { surroundings, mode: check.mode, tell, checked: Checked::default() };
    round.instances().await?;
    round.schedules().await?;
    round.secrets().await?;
    Ok(round.checked)
}

struct Round<'a> {
    surroundings: Surroundings<'a>,
    mode: Mode,
    tell: &'a mut (dyn FnMut(FindingReport) + Send),
    checked: Checked,
}

impl Round<'_> {
    async fn instances(&mut self) -> Result<()> {
        let mut from = None;
        for _ in 0..PAGES_COUNT_MAX {
            let HostPage { items, next } = self.surroundings.host.instances(from.as_ref()).await?;
            self.checked.instances_count += items.len() as u64;
            let here = self.surroundings;
            let mut examined = stream::iter(items)
                .map(|id| async move { (id, here.examine(id).await) })
                .buffered(AT_ONCE_COUNT);
            while let Some((id, spotted)) = examined.next().await {
                self.settle(id, spotted).await;
            }
            match next {
                Some(_) => from = next,
                None => return Ok(()),
            }
        }
        Err(endless())
    }

    async fn schedules(&mut self) -> Result<()> {
        let mut from = None;
        for _ in 0..PAGES_COUNT_MAX {
            let HostPage { items, next } = self.surroundings.host.schedules(from.as_ref()).await?;
            self.checked.schedules_count += items.len() as u64;
            self.orphans(items, &Finding::OrphanedSchedule).await;
            match next {
                Some(_) => from = next,
                None => return Ok(()),
            }
        }
        Err(endless())
    }

    async fn secrets(&mut self) -> Result<()> {
        let mut from = None;
        for _ in 0..PAGES_COUNT_MAX {
            let HostPage { items, next } = self.surroundings.host.secrets(from.as_ref()).await?;
            self.checked.secrets_count += items.len() as u64;
            self.orphans(items, &Finding::OrphanedSecret).await;
            match next {
                Some(_) => from = next,
                None => return Ok(()),
            }
        }
        Err(endless())
    }

    async fn orphans(&mut self, items: Vec<OwnedItem>, finding: &Finding) {
        let here = self.surroundings;
        let mut looked_up = stream::iter(items)
            .map(|kept| async move { (kept.instance, here.orphan(kept, finding).await) })
            .buffered(AT_ONCE_COUNT);
        while let Some((id, spotted)) = looked_up.next().await {
            self.settle(id, spotted.map(Vec::from_iter)).await;
        }
    }

    /// Mends what is to be mended of one instance, and tells all of it. A failure concerns this one alone.
    async fn settle(&mut self, id: InstanceId, spotted: Result<Vec<Spotted>>) {
        let spotted = spotted.unwrap_or_else(|error| {
            log_failure(id, &error);
            let error = error.unreadable_row().map_or(error.context.to_owned(), ToString::to_string);
            vec![Spotted::note(Finding::Unreadable { error })]
        });
        let to_mend = |one: &&Spotted| one.is_settled && one.finding.is_mendable();
        let outcome = match self.mode {
            Mode::Show => Outcome::Shown,
            Mode::Mend => match mend(self.surroundings.app, id, spotted.iter().filter(to_mend)).await {
                Ok(()) => Outcome::Mended,
                Err(error) => {
                    log_failure(id, &error);
                    Outcome::Failed
                }
            },
        };
        for Spotted { finding, is_settled, .. } in spotted {
            let outcome = match (finding.is_mendable(), is_settled) {
                (false, _) => Outcome::Shown,
                (true, false) => Outcome::MayBeUnderWay,
                (true, true) => outcome,
            };
            self.count(finding.is_mendable(), outcome);
            (self.tell)(FindingReport { instance: id, finding, outcome });
        }
    }

    fn count(&mut self, is_mendable: bool, outcome: Outcome) {
        let checked = &mut self.checked;
        *match outcome {
            Outcome::Mended => &mut checked.mended_count,
            Outcome::MayBeUnderWay => &mut checked.may_be_under_way_count,
            Outcome::Shown | Outcome::Failed if is_mendable => &mut checked.left_count,
            Outcome::Shown | Outcome::Failed => &mut checked.notes_count,
        } += 1;
    }
}

/// Sets right what was found of one instance.
async fn mend<'a>(app: &Context, id: InstanceId, found: impl Iterator<Item = &'a Spotted>) -> Result<()> {
    let mut is_amiss = false;
    for spotted in found {
        match &spotted.finding {
            Finding::OrphanedSchedule => app.ports.schedule.remove(id).await?,
            Finding::OrphanedSecret => app.ports.vault.remove(id).await?,
            Finding::DeliveriesLost { .. } => app.ports.queue.send(&due_at(app, &spotted.lost)).await?,
            _ => is_amiss = true,
        }
    }
    if is_amiss { crate::settle::whole(app, id).await } else { Ok(()) }
}

/// A retry is not to come before its time.
fn due_at(app: &Context, lost: &[(Job, DateTime<Utc>)]) -> Vec<(Job, DateTime<Utc>)> {
    let now = app.now();
    lost.iter().map(|(job, due_at)| (*job, now.max(*due_at))).collect()
}

fn endless() -> PortError {
    PortError::new("check", "a listing has no end")
}

fn log_failure(id: InstanceId, error: &PortError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(instance.id = id.get(), error, "check.failed");
}
