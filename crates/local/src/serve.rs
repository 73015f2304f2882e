//! Running a host: the HTTP interface, timers, jobs, pulls and retention, until it is stopped.

use crate::host::Host;
use crate::jobs::{Class, TakenJob, Went};
use crate::own_names::{OwnNames, answer_own};
use crate::pulling;
use crate::server::{self, Times};
use crate::ticks::Ticks;
use crate::timers::Tick;
use crate::waiting::wait;
use crate::wall_clock;
use anyhow::Context as _;
use app::Ran;
use app::ports::{Job, PortError, Queue as _};
use app::unreadable::is_told;
use axum::middleware::from_fn_with_state;
use chrono::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Polls under way at once. Each waits for a provider most of its time.
const POLLS_COUNT_MAX: usize = 64;
/// Releases under way at once. Each waits for its callback most of its time: they must not take the polls' places.
const RELEASES_COUNT_MAX: usize = 64;
/// Steps of bulk actions under way at once, of as many organizations: they share the database with everything else.
const BULKS_COUNT_MAX: usize = 4;
/// Delivery attempts under way at once, over all instances; of one instance at most four.
const DELIVERIES_COUNT_MAX: usize = 512;
/// An attempt that took longer counts as one that failed for those that come after it, s: whoever answers so late would
/// hold several places as long.
const SLOW_S: i64 = 5;
/// Health events under way at once.
const LETTERS_COUNT_MAX: usize = 16;
/// Time of one scheduled poll.
const POLL_S: i64 = 60;
/// After a poll that could not do its bookkeeping.
const POLL_AGAIN_S: i64 = 10;
/// Time for work in progress to finish on shutdown.
const STOP_S: u64 = 10;
/// Between looks for what `carillon admin` wrote beside us. What was written without waiting for the disk is there as often.
const TAKE_IN_EVERY_S: i64 = 2;
/// Interval between removals of expired rows, and rows removed at once.
const RETENTION_EVERY_S: i64 = 600;
const RETENTION_BATCH: usize = 500;

/// Takes the address.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
}

/// Runs until `stop` turns true; then nothing new begins, what is under way has ten seconds, and the rest
/// stays queued.
///
/// With another listener it answers `GET /metrics` there. What waits to be exported has three seconds more.
pub async fn serve(
    host: Host,
    listener: TcpListener,
    metrics: Option<TcpListener>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut host = host;
    let otlp = host.export().await;
    let host = Arc::new(host);
    let polls = Arc::new(Semaphore::new(POLLS_COUNT_MAX));
    let releases = Arc::new(Semaphore::new(RELEASES_COUNT_MAX));
    let bulks = Arc::new(Semaphore::new(BULKS_COUNT_MAX));
    let deliveries = Arc::new(Semaphore::new(DELIVERIES_COUNT_MAX));
    let letters = Arc::new(Semaphore::new(LETTERS_COUNT_MAX));
    let loops = [
        tokio::spawn(run_timers(host.clone(), polls.clone(), stop.clone())),
        tokio::spawn(run_jobs(host.clone(), Class::Other, polls.clone(), stop.clone())),
        tokio::spawn(run_jobs(host.clone(), Class::Release, releases.clone(), stop.clone())),
        tokio::spawn(run_jobs(host.clone(), Class::Bulk, bulks.clone(), stop.clone())),
        tokio::spawn(run_jobs(host.clone(), Class::Deliver, deliveries.clone(), stop.clone())),
        tokio::spawn(run_jobs(host.clone(), Class::Tell, letters.clone(), stop.clone())),
        tokio::spawn(wall_clock::watch(host.clone(), stop.clone())),
        tokio::spawn(run_retention(host.clone(), stop.clone())),
        tokio::spawn(run_take_in(host.clone(), stop.clone())),
        tokio::spawn(pulling::run(host.clone(), stop.clone())),
    ];
    let http = tokio::spawn(server::run(listener, host.router(), Times::USUAL, stop.clone()));
    let metrics = metrics.map(|listener| {
        let router = match listener.local_addr() {
            Ok(address) if !address.ip().is_loopback() => host.metrics().router(),
            _ => host.metrics().router().layer(from_fn_with_state(OwnNames::of(&[]), answer_own)),
        };
        tokio::spawn(server::run(listener, router, Times::USUAL, stop.clone()))
    });
    stop.wait_for(|stop| *stop).await?;
    let idle = async {
        for one in loops {
            let _ = one.await;
        }
        // All permits back means that nothing is under way.
        let _ = polls.acquire_many(POLLS_COUNT_MAX as u32).await;
        let _ = releases.acquire_many(RELEASES_COUNT_MAX as u32).await;
        let _ = bulks.acquire_many(BULKS_COUNT_MAX as u32).await;
        let _ = deliveries.acquire_many(DELIVERIES_COUNT_MAX as u32).await;
        let _ = letters.acquire_many(LETTERS_COUNT_MAX as u32).await;
        let _ = http.await;
        if let Some(metrics) = metrics {
            let _ = metrics.await;
        }
    };
    if tokio::time::timeout(std::time::Duration::from_secs(STOP_S), idle).await.is_err() {
        tracing::warn!("serve.stopped_with_work_left");
    }
    otlp.shut_down().await;
    Ok(())
}

/// Starts what is due by the timetables.
async fn run_timers(host: Arc<Host>, permits: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    let mut ticks = Ticks::default();
    while !*stop.borrow() {
        ticks.add(host.timers.due(host.clock.now()));
        if let Some(one) = ticks.next(|organization_id| host.jobs.begin_tick(organization_id)) {
            let Some(permit) = permit(&permits, &mut stop).await else { return };
            let host = host.clone();
            tokio::spawn(Box::pin(async move {
                let _place = PollPlace { host: &host, organization_id: one.organization_id };
                tick(&host, one).await;
                drop(permit);
            }));
            continue;
        }
        let changed = async {
            tokio::select! {
                () = host.timers.changed() => {}
                () = host.jobs.place_free(), if ticks.has_parked() => {}
            }
        };
        wait(&host, host.timers.next_due(), changed, &mut stop).await;
    }
}

/// An organization's place among polls, given back however the tick ends.
struct PollPlace<'a> {
    host: &'a Host,
    organization_id: Option<u32>,
}

impl Drop for PollPlace<'_> {
    fn drop(&mut self) {
        if let Some(of) = self.organization_id {
            self.host.jobs.end_tick(of);
        }
    }
}

async fn tick(host: &Host, one: Tick) {
    let now = host.clock.now();
    let id = one.instance;
    let Err(error) = host.app.tick_due(id, one.due_at, now + Duration::seconds(POLL_S)).await else { return };
    // What can't be read is not mended by haste: the next tick looks again.
    if is_told(&error) {
        return;
    }
    log_failure(&error);
    let again = (Job::Poll(id), now + Duration::seconds(POLL_AGAIN_S));
    if let Err(error) = host.jobs.send(&[again]).await {
        log_failure(&error);
    }
}

/// Runs jobs of one class as they fall due.
async fn run_jobs(host: Arc<Host>, class: Class, permits: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let Some(permit) = permit(&permits, &mut stop).await else { return };
        match host.jobs.take_due(host.clock.now(), class).await {
            Ok(Some(taken)) => {
                let host = host.clone();
                tokio::spawn(async move {
                    run(&host, taken).await;
                    drop(permit);
                });
            }
            Ok(None) => {
                drop(permit);
                let next = host.jobs.next_due(class);
                wait(&host, next, host.jobs.changed(class), &mut stop).await;
            }
            Err(error) => {
                log_failure(&error);
                drop(permit);
                let soon = host.clock.now() + Duration::seconds(1);
                wait(&host, Some(soon), std::future::pending(), &mut stop).await;
            }
        }
    }
}

async fn run(host: &Host, taken: TakenJob) {
    let began_at = host.clock.now();
    let deadline = began_at + Duration::seconds(POLL_S);
    let app = host.app.clone();
    // A poll's state is twelve kilobytes: what is behind a pointer is not moved each time that it is handed on.
    let running = Box::pin(async move { app.run(taken.job, deadline).await });
    // On a task of its own, so that a panic is a failure of the job and not the end of its lane.
    let ran = tokio::spawn(running).await;
    let now = host.clock.now();
    let ended = match ran {
        Ok(Ok(Ran::Well)) if now - began_at < Duration::seconds(SLOW_S) => {
            host.jobs.done(&taken, Went::Well, now).await
        }
        Ok(Ok(Ran::Well | Ran::Refused)) => host.jobs.done(&taken, Went::Badly, now).await,
        Ok(Err(error)) => {
            let error = Some(error).filter(|error| !is_told(error));
            fail(host, &taken, error).await
        }
        Err(panic) => {
            tracing::error!(instance.id = id_of(&taken.job), %panic, "job.panicked");
            fail(host, &taken, None).await
        }
    };
    if let Err(error) = ended {
        log_failure(&error);
    }
}

/// What is told of elsewhere has no error here, but which job it was.
async fn fail(host: &Host, taken: &TakenJob, error: Option<PortError>) -> app::ports::Result<()> {
    let (class, id) = (Class::of(&taken.job).text(), id_of(&taken.job));
    let failures = host.jobs.failed(taken, host.clock.now()).await?;
    let error = error.as_ref().map(|error| error as &(dyn std::error::Error + 'static));
    match failures.is_last {
        true => tracing::error!(instance.id = id, class, failures = failures.count, error, "job.failed"),
        false => tracing::warn!(instance.id = id, class, failures = failures.count, error, "job.retried"),
    }
    Ok(())
}

fn id_of(job: &Job) -> Option<u32> {
    job.instance().map(domain::ids::InstanceId::get)
}

async fn permit(
    permits: &Arc<Semaphore>,
    stop: &mut watch::Receiver<bool>,
) -> Option<tokio::sync::OwnedSemaphorePermit> {
    tokio::select! {
        permit = permits.clone().acquire_owned() => permit.ok(),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

/// Periodically removes expired rows, a few at a time.
async fn run_retention(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match host.store.retention(host.clock.now(), RETENTION_BATCH).await {
            Ok(removed) if removed == RETENTION_BATCH => continue,
            Ok(_) => {}
            Err(error) => log_failure(&error),
        }
        let next = host.clock.now() + Duration::seconds(RETENTION_EVERY_S);
        wait(&host, Some(next), std::future::pending(), &mut stop).await;
    }
}

/// Takes in what another process wrote, a little later, and brings what we wrote to the disk.
async fn run_take_in(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    let mut seen = host.writes_seen();
    while !*stop.borrow() {
        match host.take_in(seen).await {
            Ok(now) => seen = now,
            Err(error) => log_failure(&error),
        }
        if let Err(error) = host.catch_up().await {
            log_failure(&error);
        }
        let next = host.clock.now() + Duration::seconds(TAKE_IN_EVERY_S);
        wait(&host, Some(next), std::future::pending(), &mut stop).await;
    }
}

/// A row that can't be read has its own line, once.
fn log_failure(error: &app::ports::PortError) {
    if is_told(error) {
        return;
    }
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "host.failed");
}
