//! How things stand, as the database has it: mailboxes, waiting deliveries, watches, queues.

use super::Metrics;
use crate::sqlite::{WAITING_AGES_S, WAITING_STATUSES};
use app::ports::Result;
use app::signals::{Label, Metric, Readings, Sample};
use app::unreadable;
use chrono::{DateTime, Utc};

pub(super) async fn count(of: &Metrics, now: DateTime<Utc>) -> Result<Vec<Metric>> {
    let mut all = of.app.census().await?;
    all.push(waiting(of, now).await?);
    all.push(watches(of, now).await?);
    all.extend(queues(of, now).await?);
    // Last: what the others have met counts.
    all.push(unreadable());
    Ok(all)
}

fn unreadable() -> Metric {
    let count = Sample { labels: Vec::new(), value: unreadable::count() as f64 };
    Metric {
        name: "carillon_rows_unreadable",
        help: "Stored rows that this process has met and can't read, up to 1,000.",
        readings: Readings::Gauges(vec![count]),
    }
}

async fn waiting(of: &Metrics, now: DateTime<Utc>) -> Result<Metric> {
    let counts = of.store.waiting_by_age(now).await?;
    let mut samples = Vec::new();
    for (status, counts) in WAITING_STATUSES.iter().zip(counts) {
        for (age_s, count) in WAITING_AGES_S.iter().zip(counts) {
            let labels = vec![("callback", status.text().to_owned()), ("older_than_s", age_s.to_string())];
            samples.push(Sample { labels, value: count as f64 });
        }
    }
    Ok(Metric {
        name: "carillon_deliveries_waiting",
        help: "Notifications to be delivered that were committed longer ago than so many seconds, up to 100,000.",
        readings: Readings::Gauges(samples),
    })
}

async fn watches(of: &Metrics, now: DateTime<Utc>) -> Result<Metric> {
    let counts = of.store.watches(now).await?;
    let states = [
        ("active", counts.active),
        ("failing", counts.failing),
        ("lapsed", counts.lapsed),
        ("waiting", counts.waiting),
    ];
    Ok(Metric {
        name: "carillon_push_watches",
        help: "Providers' watches, by how they are.",
        readings: Readings::Gauges(states.map(|(state, count)| sample("state", state, count as f64)).into()),
    })
}

async fn queues(of: &Metrics, now: DateTime<Utc>) -> Result<[Metric; 2]> {
    let (mut counts, mut ages) = (Vec::new(), Vec::new());
    for depth in of.jobs.depths(now).await? {
        let queue: Label = ("queue", depth.queue.clone());
        for (due, count) in [("now", depth.waiting_count), ("later", depth.delayed_count)] {
            let labels = vec![queue.clone(), ("due", due.to_owned())];
            counts.push(Sample { labels, value: count as f64 });
        }
        let age = depth.oldest_at.map_or(0.0, |at| (now - at).num_milliseconds().max(0) as f64 / 1e3);
        ages.push(Sample { labels: vec![queue], value: age });
    }
    Ok([
        Metric {
            name: "carillon_queue_jobs",
            help: "Jobs in each queue, by when they are due; those under way among them.",
            readings: Readings::Gauges(counts),
        },
        Metric {
            name: "carillon_queue_oldest_seconds",
            help: "How long the oldest job is due that is not done, or dead.",
            readings: Readings::Gauges(ages),
        },
    ])
}

fn sample(label: &'static str, word: &str, value: f64) -> Sample {
    Sample { labels: vec![(label, word.to_owned())], value }
}
