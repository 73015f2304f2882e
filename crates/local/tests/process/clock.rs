//! A wall clock that is set, under a serving host: what waits takes the time that it was meant to.

use crate::process::{ORGANIZATION_SECRET, USER_SECRET};
use app::ports::Clock;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clap::Parser as _;
use local::command_line::CommandLine;
use local::host::Host;
use scenarios::{Callback, Client, Mailbox, Outside, body};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use system::SystemClock;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Far less than the hour that a clock is set back by.
const SOON: Duration = Duration::from_secs(30);
const HOUR_S: i64 = 3600;

/// The system's clock, set by so many seconds.
#[derive(Default)]
struct SetClock(AtomicI64);

impl SetClock {
    fn set_by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + chrono::Duration::seconds(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// A host that serves in this process.
struct Serving {
    clock: Arc<SetClock>,
    client: Client,
    stop: watch::Sender<bool>,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Serving {
    async fn start(outside: &Outside, folder: &Path) -> Self {
        Self::start_at(outside, folder, 0).await
    }

    /// With a clock that is set by so many seconds.
    async fn start_at(outside: &Outside, folder: &Path, seconds: i64) -> Self {
        let given = [
            ("CARILLON_USER_SECRET", USER_SECRET.to_owned()),
            ("CARILLON_ORGANIZATION_SECRET", ORGANIZATION_SECRET.to_owned()),
            ("CARILLON_RETRY_DELAYS", "2,2,2,2".to_owned()),
            ("CARILLON_DATA", folder.to_string_lossy().into_owned()),
        ];
        let environment = given.into_iter().chain(outside.variables());
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).collect();
        let line = CommandLine::try_parse_from(["carillon", "serve"]).unwrap();
        let config = local::config::read(&line, &environment).unwrap();
        let clock = Arc::new(SetClock::default());
        clock.set_by(seconds);
        let host = Host::open(&config, clock.clone()).await.unwrap();
        host.admit(config.secrets.as_ref()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let ended = tokio::spawn(local::serve::serve(host, listener, None, stopped));
        Serving { clock, client: Client::new(&base, USER_SECRET, ORGANIZATION_SECRET), stop, ended }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_back_an_hour_a_retry_comes_after_its_own_wait() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&outside, folder.path()).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "back"), Callback::new(&outside, "back"));
    let id = serving.client.connect(&mailbox, &callback).await.id;
    callback.fail(500);
    let told = mailbox.deliver();
    serving.client.poll_well(id).await;
    callback.wait_for_posts(1).await;
    serving.clock.set_by(-HOUR_S);
    callback.heal();
    let began = Instant::now();
    callback.wait_for(&[told]).await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_back_an_hour_a_back_off_ends_after_its_own_time() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&outside, folder.path()).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "wait"), Callback::new(&outside, "wait"));
    let id = serving.client.connect(&mailbox, &callback).await.id;
    mailbox.limit(2);
    let told = mailbox.deliver();
    assert_eq!(serving.client.poll(id).await.status, 429);
    serving.clock.set_by(-HOUR_S);
    mailbox.unlimit();
    let began = Instant::now();
    scenarios::until("a poll on demand reads", async || {
        (serving.client.poll(id).await.status == 200).then_some(())
    })
    .await;
    callback.wait_for(&[told]).await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_slept_polls_and_retries_at_once() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&outside, folder.path()).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "slept"), Callback::new(&outside, "slept"));
    let mut rare = body(&mailbox, &callback);
    rare["configuration"]["event.poller.refresh_interval"] = Value::from("720");
    serving.client.create(&rare).await;
    let told = mailbox.deliver();
    serving.clock.set_by(24 * HOUR_S);
    let began = Instant::now();
    callback.wait_for(&[told]).await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
    serving.stop().await;
}

/// The files of the data folder tell how late it was when somebody wrote there last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_back_an_hour_while_nothing_ran_a_wait_takes_its_own_time() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&outside, folder.path()).await;
    let (retried, first) = (Mailbox::gmail(&outside, "retried"), Callback::new(&outside, "retried"));
    let (limited, second) = (Mailbox::outlook(&outside, "limited"), Callback::new(&outside, "limited"));
    let retried_id = serving.client.connect(&retried, &first).await.id;
    let limited_id = serving.client.connect(&limited, &second).await.id;
    first.fail(500);
    let told = retried.deliver();
    serving.client.poll_well(retried_id).await;
    first.wait_for_posts(1).await;
    limited.limit(2);
    let late = limited.deliver();
    assert_eq!(serving.client.poll(limited_id).await.status, 429);
    serving.stop().await;
    first.heal();
    limited.unlimit();
    let serving = Serving::start_at(&outside, folder.path(), -HOUR_S).await;
    let began = Instant::now();
    first.wait_for(&[told]).await;
    scenarios::until("a poll on demand reads", async || {
        (serving.client.poll(limited_id).await.status == 200).then_some(())
    })
    .await;
    second.wait_for(&[late]).await;
    assert!(began.elapsed() < SOON, "it took {} s", began.elapsed().as_secs());
    serving.stop().await;
}
