//! A second process on a data folder that one serves from: `carillon admin`.

use crate::fixtures::{at, folder, id};
use app::ports::{Administration, Clock, Job, Queue, Redriven, Schedule};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::schedule::Timetable;
use local::administration::LocalAdministration;
use local::jobs::{Class, Jobs, TakenJob};
use local::sqlite::{Db, OpenError, SqliteStore};
use local::timers::Timers;
use std::path::Path;
use std::sync::Arc;

struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        at(0)
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

struct Process {
    db: Db,
    jobs: Arc<Jobs>,
    timers: Timers,
}

impl Process {
    async fn on(db: Db) -> Self {
        let jobs = Arc::new(Jobs::open(db.clone()).await.unwrap());
        let timers = Timers::open(db.clone(), Arc::new(Still), chrono::Duration::minutes(10)).await.unwrap();
        Process { db, jobs, timers }
    }

    async fn take(&self) -> Option<Job> {
        self.jobs.take_due(at(0), Class::Other).await.unwrap().map(|taken| taken.job)
    }

    fn administration(&self) -> LocalAdministration {
        LocalAdministration::new(SqliteStore::new(self.db.clone()), self.jobs.clone())
    }
}

async fn both(path: &Path) -> (Process, Process) {
    (Process::on(Db::open(path).unwrap()).await, Process::on(Db::beside(path).unwrap()).await)
}

fn every_minute() -> Timetable {
    Timetable { interval_s: 60, phase_s: 0 }
}

#[tokio::test]
async fn the_serving_process_takes_in_what_the_other_one_wrote() {
    let (_folder, path) = folder();
    let (serving, other) = both(&path).await;
    serving.timers.put(id(1), every_minute(), true).await.unwrap();
    serving.jobs.send(&[(Job::Poll(id(1)), at(0))]).await.unwrap();
    let seen = serving.db.writes_of_others().await.unwrap();
    other.timers.put(id(1), every_minute(), false).await.unwrap();
    other.timers.put(id(2), every_minute(), true).await.unwrap();
    other.jobs.send(&[(Job::Poll(id(1)), at(-5)), (Job::Purge(id(2)), at(0))]).await.unwrap();
    assert_ne!(serving.db.writes_of_others().await.unwrap(), seen, "it has noticed");
    serving.jobs.reload().await.unwrap();
    serving.timers.reload().await.unwrap();
    let taken = [serving.take().await, serving.take().await, serving.take().await];
    assert_eq!(taken, [Some(Job::Poll(id(1))), Some(Job::Purge(id(2))), None], "each once");
    let due = serving.timers.due(at(60));
    assert_eq!(due.into_iter().map(|tick| tick.instance).collect::<Vec<_>>(), [id(2)]);
}

#[tokio::test]
async fn nobody_else_s_writes_are_not_noticed() {
    let (_folder, path) = folder();
    let (serving, other) = both(&path).await;
    let seen = serving.db.writes_of_others().await.unwrap();
    serving.jobs.send(&[(Job::Poll(id(1)), at(0))]).await.unwrap();
    other.administration().depths(at(0)).await.unwrap();
    assert_eq!(serving.db.writes_of_others().await.unwrap(), seen);
}

/// A reload reads rows of jobs that are in memory, or under way: they do not come twice.
#[tokio::test]
async fn a_reload_doubles_nothing() {
    let (_folder, path) = folder();
    let serving = Process::on(Db::open(&path).unwrap()).await;
    serving.jobs.send(&[(Job::Poll(id(1)), at(0)), (Job::Poll(id(2)), at(0))]).await.unwrap();
    let first = serving.take().await;
    serving.jobs.reload().await.unwrap();
    let second = serving.take().await;
    assert_eq!((first, second, serving.take().await), (Some(Job::Poll(id(1))), Some(Job::Poll(id(2))), None));
}

#[tokio::test]
async fn an_older_format_that_is_in_use_is_left_as_it_is() {
    let (_folder, path) = folder();
    let serving = Db::open(&path).unwrap();
    serving.write("age", |conn| conn.execute_batch("PRAGMA user_version = 0")).await.unwrap();
    let error = Db::beside(&path).err().expect("it is older");
    assert!(matches!(error, OpenError::Older { found: 0, .. }), "{error}");
}

async fn kill(jobs: &Jobs, job: Job) {
    jobs.send(&[(job, at(0))]).await.unwrap();
    for _ in 0..25 {
        jobs.failed(&TakenJob { job, due_at: at(0) }, at(0)).await.unwrap();
    }
}

#[tokio::test]
async fn dead_jobs_are_sent_again_and_what_is_no_job_stays() {
    let process = Process::on(Db::in_memory().unwrap()).await;
    for number in 1..=3 {
        kill(&process.jobs, Job::Poll(id(number))).await;
    }
    let strange = "INSERT INTO dead_jobs VALUES ('{\"Dance\":7}', 7, 25, 0)";
    process.db.write("add", move |tx| tx.execute(strange, [])).await.unwrap();
    let process = Process::on(process.db).await;
    let host = process.administration();
    let redriven = |sent_count, is_more| Redriven { sent_count, unreadable_count: 1, is_more };
    assert_eq!(host.redrive(2, at(0)).await.unwrap(), redriven(2, true));
    assert_eq!(host.redrive(2, at(0)).await.unwrap(), redriven(1, false));
    assert_eq!(host.redrive(2, at(0)).await.unwrap(), redriven(0, false));
    let depths = host.depths(at(0)).await.unwrap();
    let counts: Vec<_> = depths.iter().map(|depth| (depth.queue.as_str(), depth.waiting_count)).collect();
    assert_eq!(counts, [("deliver", 0), ("release", 0), ("bulk", 0), ("tell", 0), ("other", 3), ("dead", 1)]);
    assert_eq!(host.holds(&Job::Poll(id(1))).await.unwrap(), Some(true));
    assert_eq!(host.holds(&Job::Poll(id(9))).await.unwrap(), Some(false));
    let taken = [process.take().await, process.take().await, process.take().await, process.take().await];
    assert_eq!(taken.iter().flatten().count(), 3, "{taken:?}");
}

#[tokio::test]
async fn listings_go_on_where_a_page_ends() {
    let process = Process::on(Db::in_memory().unwrap()).await;
    let insert =
        "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1200)
        INSERT INTO schedules SELECT n, 60, 0, 1 FROM numbers";
    process.db.write("add", move |tx| tx.execute(insert, [])).await.unwrap();
    let host = process.administration();
    let (mut from, mut listed) = (None, Vec::new());
    loop {
        let page = host.schedules(from.as_ref()).await.unwrap();
        listed.extend(page.items.iter().map(|kept| kept.instance.get()));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(listed, (1..=1200).collect::<Vec<_>>());
}
