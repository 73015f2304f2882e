//! All mailboxes of a host in numbers: from the short rows that lists are made of, and what this process read since.

use crate::context::Context;
use crate::fleet;
use crate::ports::{FleetRow, Result};
use crate::signals::{Metric, Readings, Sample};
use chrono::{DateTime, Duration, Utc};
use domain::health::Health;

/// Short rows read at once.
const PAGE_COUNT: usize = 2_000;
/// Mailboxes counted at the most, and the pages that they may take: a host of more says so.
const MAILBOXES_COUNT_MAX: u64 = 500_000;
const PAGES_COUNT_MAX: usize = 10_000;
/// What was last read longer ago than this is counted, seconds. An idle poll may store nothing for a heartbeat.
const AGES_S: [i64; 4] = [1_800, 3_600, 21_600, 86_400];

/// The numbers of one moment.
struct Census {
    by_health: [u64; Health::ALL.len()],
    /// To be polled, and without a success for longer than each age.
    without_success: [u64; AGES_S.len()],
    /// The same for three intervals.
    overdue: u64,
    counted: u64,
    is_whole: bool,
}

/// Counts all mailboxes of the host.
pub(crate) async fn take(app: &Context) -> Result<Vec<Metric>> {
    let mut census = Census {
        by_health: [0; Health::ALL.len()],
        without_success: [0; AGES_S.len()],
        overdue: 0,
        counted: 0,
        is_whole: false,
    };
    let now = app.now();
    let mut from = None;
    for _ in 0..PAGES_COUNT_MAX {
        let page = app.ports.accounts.organizations(from.as_ref()).await?;
        for organization in page.items {
            census.add_organization(app, organization.id, now).await?;
        }
        from = page.next;
        if from.is_none() {
            census.is_whole = census.counted < MAILBOXES_COUNT_MAX;
            break;
        }
    }
    Ok(census.read())
}

impl Census {
    async fn add_organization(&mut self, app: &Context, id: u32, now: DateTime<Utc>) -> Result<()> {
        let mut after = None;
        while self.counted < MAILBOXES_COUNT_MAX {
            let page = app.ports.store.fleet(id, after, PAGE_COUNT).await?;
            after = page.rows.last().map(|row| row.id);
            for row in page.rows {
                self.add(app, row, now);
            }
            if !page.is_cut || after.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, app: &Context, mut row: FleetRow, now: DateTime<Utc>) {
        fleet::refresh(app, row.id, &mut row.vitals);
        self.counted += 1;
        let health = row.vitals.health(app.config.heartbeat, now);
        let place = Health::ALL.iter().position(|one| *one == health).unwrap_or(0);
        self.by_health[place] += 1;
        if !row.vitals.is_to_be_read() {
            return;
        }
        self.overdue += u64::from(row.vitals.is_overdue(app.config.heartbeat, now));
        let Some(success_at) = row.vitals.oldest_success() else { return };
        for (count, age_s) in self.without_success.iter_mut().zip(AGES_S) {
            *count += u64::from(now - success_at > Duration::seconds(age_s));
        }
    }

    fn read(&self) -> Vec<Metric> {
        let one = |value: u64| Sample { labels: Vec::new(), value: value as f64 };
        let labelled =
            |name, word: String, value: u64| Sample { labels: vec![(name, word)], value: value as f64 };
        let by_health = Health::ALL.iter().zip(self.by_health);
        let by_age = AGES_S.iter().zip(self.without_success);
        vec![
            Metric {
                name: "carillon_mailboxes",
                help: "Mailboxes, by how they are.",
                readings: Readings::Gauges(
                    by_health
                        .map(|(health, count)| labelled("status", health.text().to_owned(), count))
                        .collect(),
                ),
            },
            Metric {
                name: "carillon_mailboxes_overdue",
                help: "Mailboxes that are to be polled, without a success for three intervals (or a heartbeat and two).",
                readings: Readings::Gauges(vec![one(self.overdue)]),
            },
            Metric {
                name: "carillon_mailboxes_without_success",
                help: "Mailboxes that are to be polled, with a last success older than so many seconds.",
                readings: Readings::Gauges(
                    by_age.map(|(age_s, count)| labelled("older_than_s", age_s.to_string(), count)).collect(),
                ),
            },
            Metric {
                name: "carillon_mailboxes_counted_whole",
                help: "1 if all mailboxes were counted, 0 if there are more.",
                readings: Readings::Gauges(vec![one(u64::from(self.is_whole))]),
            },
        ]
    }
}
