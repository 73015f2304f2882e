//! What an operator sees of the queue and does to it, and what another process wrote to its table.

use super::{Class, Jobs, table, to_time};
use crate::sqlite::columns::micros;
use app::ports::{Depth, Job, Redriven, Result};
use chrono::{DateTime, Utc};
use rusqlite::Connection;

impl Jobs {
    /// Whether this job waits or is under way.
    pub async fn holds(&self, job: &Job) -> Result<bool> {
        let job = *job;
        self.db.read("look for a job", move |conn| table::holds(conn, &job)).await
    }

    /// How much there is of each class, and of dead jobs.
    pub async fn depths(&self, now: DateTime<Utc>) -> Result<Vec<Depth>> {
        let mut depths = self.db.read("measure the queue", move |conn| depths(conn, micros(now))).await?;
        let begun_count = self.lanes().begun().count() as u64;
        for depth in depths.iter_mut().filter(|depth| depth.queue == Class::Deliver.text()) {
            depth.waiting_count += begun_count;
        }
        Ok(depths)
    }

    /// Makes at most `limit` dead jobs due at `now`, with all their tries.
    pub async fn redrive(&self, limit: usize, now: DateTime<Utc>) -> Result<Redriven> {
        let due_at = micros(now);
        let redriven = self
            .change("send dead jobs again", move |tx, lanes| {
                let mut redriven = Redriven::default();
                for job in table::dead(tx, limit)? {
                    let Some(job) = job else {
                        redriven.unreadable_count += 1;
                        continue;
                    };
                    let stored = table::put(tx, &job, due_at)?;
                    table::unbury(tx, &job)?;
                    let organization_id = table::organization_id(tx, &job)?;
                    lanes.offer(job, due_at, stored, organization_id);
                    redriven.sent_count += 1;
                }
                redriven.is_more = table::dead_count(tx)? > redriven.unreadable_count;
                Ok(redriven)
            })
            .await?;
        self.notify();
        Ok(redriven)
    }

    /// Takes in what another process has written to the table. It only ever adds jobs, or makes one due earlier.
    pub async fn reload(&self) -> Result<()> {
        self.change("read the queue again", |tx, lanes| {
            for (lane, organization_id) in table::lanes(tx)? {
                lanes.add_unread(lane, organization_id);
                let (jobs, more) = table::first_of(tx, lane, lanes.refill_count(lane))?;
                lanes.refill(lane, jobs, more);
            }
            Ok(())
        })
        .await?;
        self.notify();
        Ok(())
    }
}

fn depths(conn: &Connection, now_us: i64) -> rusqlite::Result<Vec<Depth>> {
    let mut depths = Vec::new();
    for class in Class::ALL {
        let (waiting_count, delayed_count, oldest) = table::depth(conn, class, now_us)?;
        depths.push(depth(class.text(), waiting_count, delayed_count, oldest));
    }
    let (dead_count, oldest) = table::dead_depth(conn)?;
    depths.push(depth("dead", dead_count, 0, oldest));
    Ok(depths)
}

/// A job under way stands in the table as one that waits.
fn depth(queue: &str, waiting_count: u64, delayed_count: u64, oldest_us: Option<i64>) -> Depth {
    let oldest_at = oldest_us.map(to_time);
    Depth { queue: queue.to_owned(), waiting_count, delayed_count, under_way_count: None, oldest_at }
}
