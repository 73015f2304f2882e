//! A world in one thread: local adapters on a database in memory, a virtual clock, provider doubles and a
//! callback receiver, without sockets and without waiting.

mod api;
mod bus;
mod dump;
pub(crate) mod gate;
mod methods;
mod outage;
mod rotation;
mod wire;

pub(crate) use api::{GMAIL_USER, OUTLOOK_USER, Reply, body_of, gmail_body, outlook_body};
pub(crate) use bus::TestBus;
pub(crate) use gate::{Gate, gated};
pub(crate) use methods::methods;
pub(crate) use outage::{Outage, OutageEffect};

use app::ports::{Clock, Entropy, Instances as _, Job, Polls as _, Queue as _};
use app::sealing::{DataKey, Lookup, Sealer};
use app::{App, FirstAttempts, Ports, Ran};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use doubles::{Google, Microsoft, Providers, Receiver, Way};
use futures_util::FutureExt as _;
use local::administration::LocalAdministration;
use local::jobs::{Class, Jobs, Went};
use local::metrics::Metrics;
use local::sqlite::{Db, SqliteStore, SqliteVault};
use local::timers::Timers;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use wire::Wire;

/// Sunday, 22 November 2026, 12:00:00 UTC.
const START_US: i64 = 1_795_348_800_000_000;
/// Steps of one run until idle; more means that it never ends.
const STEPS_COUNT_MAX: usize = 20_000;
/// Jobs but those that are promised before anything is written, and find nothing to do where all went well.
const BUT_PROMISES: &str = r#"job NOT LIKE '{"Settle":%' AND job NOT LIKE '%"attempt":0}}'"#;
/// Where notifications go.
pub(crate) const CALLBACK: &str = "http://callback.test/hook";
pub(crate) const SIGNATURE_KEY: &str = "world-signature-key";
pub(crate) const ADMIN_KEY: &str = "world-administrators-key";
pub(crate) const AUTHORIZATION: &str = "User world-user, Organization world-organization";

/// A clock that moves only when told; sleeping moves it.
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    pub(crate) fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.now_us()).unwrap()
    }

    async fn sleep(&self, duration: std::time::Duration) {
        self.advance(Duration::from_std(duration).unwrap());
        tokio::task::yield_now().await;
    }
}

/// Randomness that can be repeated.
struct Seeded(Mutex<fastrand::Rng>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) providers: Providers,
    pub(crate) google: Google,
    pub(crate) microsoft: Microsoft,
    pub(crate) receiver: Receiver,
    pub(crate) gate: Arc<Gate>,
    pub(crate) bus: TestBus,
    pub(crate) app: App,
    pub(crate) store: SqliteStore,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) timers: Arc<Timers>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) scheduler: Outage,
    pub(crate) queue: Outage,
    /// What the host's variables say, beside the providers' addresses.
    variables: Vec<(&'static str, String)>,
    db: Db,
    sealer: Arc<Sealer>,
    seed: u64,
    restarts: AtomicU64,
    /// A world that is left in disorder on purpose is not checked at its end.
    pub(crate) check_at_end: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_retry_delays(seed, "8,64,512,4096,32768")
    }

    pub(crate) fn with_retry_delays(seed: u64, retry_delays: &str) -> Self {
        Self::with_variables(seed, &[("CARILLON_RETRY_DELAYS", retry_delays)])
    }

    /// A host with an administrator's key, and what else these variables say.
    pub(crate) fn with_variables(seed: u64, variables: &[(&'static str, &str)]) -> Self {
        Self::on(Db::in_memory().unwrap(), seed, variables)
    }

    /// The same on this database.
    pub(crate) fn on(db: Db, seed: u64, variables: &[(&'static str, &str)]) -> Self {
        let clock = VirtualClock(Arc::new(AtomicI64::new(START_US)));
        let shared = clock.clone();
        let theirs = doubles::Clock::new(move || shared.now_us());
        let providers = Providers::new(&theirs, seed);
        let Providers { google, microsoft, .. } = providers.clone();
        let receiver = Receiver::new(theirs);
        google.add_account(GMAIL_USER);
        microsoft.add_account(OUTLOOK_USER);
        let mut all = vec![("CARILLON_ADMIN_KEY", ADMIN_KEY.to_owned())];
        all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all.extend(providers.variables(|server| format!("http://{}", wire::host(server))));
        let variables = all;
        let wire = Arc::new(Wire::new(&providers, &receiver, clock.clone()));
        let key = DataKey { id: "1".to_owned(), bytes: [7; 32] };
        let sealer = Arc::new(Sealer::new(&[8; 32], vec![key]));
        let store = SqliteStore::new(db.clone());
        let gate = Arc::new(Gate::default());
        let bus = TestBus::default();
        let (jobs, timers) = hosts(&db, &clock);
        let (scheduler, queue) = (Outage::default(), Outage::default());
        let app = assemble(Assembly {
            db: &db,
            store: &store,
            jobs: &jobs,
            timers: &timers,
            clock: &clock,
            wire: &wire,
            microsoft: &providers.microsoft,
            gate: &gate,
            bus: &bus,
            outages: (&scheduler, &queue),
            sealer: &sealer,
            seed,
            variables: &variables,
        });
        let world = World {
            clock,
            providers,
            google,
            microsoft,
            receiver,
            gate,
            bus,
            app,
            store,
            jobs,
            timers,
            wire,
            scheduler,
            queue,
            variables,
            db,
            sealer,
            seed,
            restarts: AtomicU64::new(0),
            check_at_end: true,
        };
        world.admit();
        world
    }

    /// A host that providers reach.
    pub(crate) fn reachable(seed: u64) -> Self {
        let world = Self::with_variables(seed, &[("CARILLON_PUBLIC_URL", "https://carillon.test")]);
        world.providers.set_way(&Way::router(world.app.router()));
        world
    }

    fn admit(&self) {
        let user = self.sealer.lookup_hash(Lookup::User, "world-user");
        let organization = self.sealer.lookup_hash(Lookup::Organization, "world-organization");
        self.store.ensure_account(user, organization).now_or_never().unwrap().unwrap();
    }

    /// Another process on the same database: it shares no locks and no memory with this one.
    pub(crate) fn another_process(&self) -> App {
        self.another_process_behind(&self.gate)
    }

    /// Another process with points to die at, or a pace, of its own.
    pub(crate) fn another_process_behind(&self, gate: &Arc<Gate>) -> App {
        assemble(self.assembly(gate))
    }

    /// Another process whose ports stand behind what this puts around them.
    pub(crate) fn another_process_around(&self, around: impl FnOnce(Ports) -> Ports) -> App {
        self.another_process_of(FirstAttempts::ByJobs, around)
    }

    /// The same on a host that makes first attempts so.
    pub(crate) fn another_process_of(
        &self,
        first_attempts: FirstAttempts,
        around: impl FnOnce(Ports) -> Ports,
    ) -> App {
        let parts = self.assembly(&self.gate);
        let config = app::Config { first_attempts, ..parts.config() };
        let connectors = rotation::connectors(&self.microsoft);
        App::with_connectors(around(parts.ports()), self.sealer.clone(), config, connectors)
    }

    pub(crate) fn a_function_of_aws(&self) -> App {
        let parts = self.assembly(&self.gate);
        let heartbeat = Duration::hours(1);
        let config = app::Config { first_attempts: FirstAttempts::AtOnce, heartbeat, ..parts.config() };
        App::new(parts.ports(), self.sealer.clone(), config)
    }

    /// The same with connectors of its own.
    pub(crate) fn another_process_with(
        &self,
        connectors: Vec<Arc<dyn connectors::Connector>>,
        around: impl FnOnce(Ports) -> Ports,
    ) -> App {
        let parts = self.assembly(&self.gate);
        App::with_connectors(around(parts.ports()), self.sealer.clone(), parts.config(), connectors)
    }

    fn assembly<'a>(&'a self, gate: &'a Arc<Gate>) -> Assembly<'a> {
        Assembly {
            db: &self.db,
            store: &self.store,
            jobs: &self.jobs,
            timers: &self.timers,
            clock: &self.clock,
            wire: &self.wire,
            microsoft: &self.microsoft,
            gate,
            bus: &self.bus,
            outages: (&self.scheduler, &self.queue),
            sealer: &self.sealer,
            seed: self.seed + 1000 + self.restarts.fetch_add(1, Ordering::SeqCst),
            variables: &self.variables,
        }
    }

    /// The process died and starts again: only the database is left of it.
    pub(crate) fn restart(&mut self) {
        self.gate.heal();
        (self.jobs, self.timers) = hosts(&self.db, &self.clock);
        self.app = self.another_process();
    }

    /// The host, as its operator sees it.
    pub(crate) fn administration(&self) -> LocalAdministration {
        LocalAdministration::new(self.store.clone(), self.jobs.clone())
    }

    /// What the process counts.
    pub(crate) fn metrics(&self) -> Metrics {
        let clock = Arc::new(self.clock.clone());
        Metrics::new(self.app.clone(), self.store.clone(), self.jobs.clone(), clock)
    }

    /// The database, for writing what no adapter would.
    pub(crate) fn rows(&self) -> Db {
        self.db.clone()
    }

    pub(crate) fn vault(&self) -> SqliteVault {
        SqliteVault::new(self.db.clone(), self.sealer.clone())
    }

    /// The queue loses everything, and nobody notices.
    pub(crate) async fn lose_jobs(&mut self) {
        self.lose_jobs_of("").await;
    }

    /// The same of one kind, as `Purge`.
    pub(crate) async fn lose_jobs_of(&mut self, kind: &str) {
        let lost = format!("DELETE FROM jobs WHERE job LIKE '{{\"{kind}%'");
        self.db.write("lose the jobs", move |tx| tx.execute(&lost, [])).await.unwrap();
        self.restart();
    }

    /// How many wait of one kind.
    pub(crate) async fn jobs_of(&self, kind: &str) -> u32 {
        let count = format!("SELECT count(*) FROM jobs WHERE job LIKE '{{\"{kind}%'");
        self.db.read("count jobs", move |conn| conn.query_row(&count, [], |row| row.get(0))).await.unwrap()
    }

    /// What was stored of push is gone, as if it had never been written.
    pub(crate) async fn forget_push(&self) {
        self.db.write("forget push", |tx| tx.execute("DELETE FROM push_states", [])).await.unwrap();
    }

    /// Mailboxes that something is stored of for push.
    pub(crate) async fn push_states(&self) -> u32 {
        let count = "SELECT count(*) FROM push_states";
        self.db.read("count push states", |conn| conn.query_row(count, [], |row| row.get(0))).await.unwrap()
    }

    /// The host starts again, and knows nothing of push.
    pub(crate) async fn move_to(&mut self, public_url: &str) {
        self.forget_push().await;
        self.variables.retain(|(name, _)| *name != "CARILLON_PUBLIC_URL");
        self.variables.push(("CARILLON_PUBLIC_URL", public_url.to_owned()));
        self.restart();
    }

    /// Everybody was taken out of what is stored of push, by processes that then died.
    pub(crate) async fn leave_push_half(&self) {
        let emptied = "UPDATE push_states SET document = json_set(document, '$.members', json('{}'))";
        self.db.write("leave push half", |tx| tx.execute(emptied, [])).await.unwrap();
    }

    /// The secrets of all are written over, and put back by a second call.
    pub(crate) async fn hide_secrets(&self) {
        let swapped = "UPDATE secrets SET sealed = CASE WHEN sealed LIKE '!%' THEN substr(sealed, 2) ELSE '!' || sealed END";
        self.db.write("hide secrets", |tx| tx.execute(swapped, [])).await.unwrap();
    }

    /// From now on nothing can be noted in the record of what was changed.
    pub(crate) async fn refuse_notes(&self) {
        self.db.write("refuse notes", |tx| tx.execute("ALTER TABLE audit RENAME TO away", [])).await.unwrap();
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Runs what is due now, and what follows from it, until nothing is due.
    pub(crate) async fn run_until_idle(&self) {
        for _ in 0..STEPS_COUNT_MAX {
            if !self.step().await {
                return;
            }
        }
        panic!("still busy after {STEPS_COUNT_MAX} steps");
    }

    /// One timer or job; `false` if nothing is due.
    pub(crate) async fn step(&self) -> bool {
        let now = self.now();
        let due = self.timers.due(now);
        let is_due = !due.is_empty();
        for tick in due {
            let id = tick.instance;
            if self.app.tick_due(id, tick.due_at, now + Duration::seconds(60)).await.is_err() {
                self.jobs.send(&[(Job::Poll(id), now + Duration::seconds(10))]).await.unwrap();
            }
        }
        let mut is_busy = is_due;
        while self.providers.send_notice().await {
            is_busy = true;
        }
        for class in Class::ALL {
            let Some(taken) = self.jobs.take_due(self.now(), class).await.unwrap() else { continue };
            is_busy = true;
            let deadline = self.now() + Duration::seconds(60);
            let went = match self.app.run(taken.job, deadline).await {
                Ok(Ran::Well) => Went::Well,
                Ok(Ran::Refused) => Went::Badly,
                Err(_) => {
                    self.jobs.failed(&taken, self.now()).await.unwrap();
                    continue;
                }
            };
            self.jobs.done(&taken, went, self.now()).await.unwrap();
        }
        is_busy
    }

    /// Lets time pass; timers and jobs run when they are due.
    pub(crate) async fn pass(&self, time: Duration) {
        let end = self.now() + time;
        self.run_until_idle().await;
        for _ in 0..STEPS_COUNT_MAX {
            let jobs = Class::ALL.into_iter().filter_map(|class| self.jobs.next_due(class));
            let notice = self.providers.next_notice_us().and_then(DateTime::from_timestamp_micros);
            let next = jobs.chain(self.timers.next_due()).chain(notice).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.clock.advance((next - self.now()).max(Duration::zero()));
            self.run_until_idle().await;
        }
        self.clock.advance((end - self.now()).max(Duration::zero()));
        self.run_until_idle().await;
    }

    /// Polls now, as the API does, and runs what follows.
    pub(crate) async fn poll(&self, id: InstanceId) -> app::PollOutcome {
        let outcome = self.app.poll(id, self.now() + Duration::seconds(20)).await.unwrap();
        self.run_until_idle().await;
        outcome
    }
}

impl Drop for World {
    /// Nothing may be left half-way: no job that is due, no outbox row, no lease.
    fn drop(&mut self) {
        if std::thread::panicking() || !self.check_at_end {
            return;
        }
        let now_us = self.now().timestamp_micros();
        let due = format!("SELECT group_concat(job) FROM jobs WHERE due_at_us <= ?1 AND {BUT_PROMISES}");
        let left = self.db.read("look for jobs", move |conn| {
            conn.query_row(&due, [now_us], |row| row.get::<_, Option<String>>(0))
        });
        assert_eq!(left.now_or_never().unwrap().unwrap(), None, "a job is left");
        let instances = self.store.instances(1, None, 100).now_or_never().unwrap().unwrap().rows;
        for instance in instances {
            let mailbox = self.store.mailbox(instance.id).now_or_never().unwrap().unwrap().unwrap();
            assert!(!mailbox.session.is_leased(self.now()), "a token lease is left");
            assert!(!mailbox.poller.is_leased(self.now()), "a poller's lease is left");
            for row in mailbox.resources {
                assert_eq!(row.outbox, [], "an outbox row of {} is left", row.state.resource);
            }
        }
    }
}

fn hosts(db: &Db, clock: &VirtualClock) -> (Arc<Jobs>, Arc<Timers>) {
    let jobs = Jobs::open(db.clone()).now_or_never().unwrap().unwrap();
    let timers = Timers::open(db.clone(), Arc::new(clock.clone()), Duration::minutes(10))
        .now_or_never()
        .unwrap()
        .unwrap();
    (Arc::new(jobs), Arc::new(timers))
}

/// The parts of one process.
struct Assembly<'a> {
    db: &'a Db,
    /// Its counts of requests are everybody's.
    store: &'a SqliteStore,
    jobs: &'a Arc<Jobs>,
    timers: &'a Arc<Timers>,
    clock: &'a VirtualClock,
    wire: &'a Arc<Wire>,
    microsoft: &'a Microsoft,
    gate: &'a Arc<Gate>,
    bus: &'a TestBus,
    /// Of the scheduler, and of the queue.
    outages: (&'a Outage, &'a Outage),
    sealer: &'a Arc<Sealer>,
    seed: u64,
    variables: &'a [(&'static str, String)],
}

fn assemble(parts: Assembly<'_>) -> App {
    let connectors = rotation::connectors(parts.microsoft);
    App::with_connectors(gated(parts.ports(), parts.gate), parts.sealer.clone(), parts.config(), connectors)
}

impl Assembly<'_> {
    /// The adapters as they are, with nothing around them.
    fn ports(&self) -> Ports {
        Ports {
            store: Arc::new(self.store.clone()),
            accounts: Arc::new(self.store.clone()),
            sessions: Arc::new(self.store.clone()),
            vault: Arc::new(SqliteVault::new(self.db.clone(), self.sealer.clone())),
            schedule: Arc::new(outage::FailingSchedule(self.timers.clone(), self.outages.0.clone())),
            queue: Arc::new(outage::FailingQueue(self.jobs.clone(), self.outages.1.clone())),
            clock: Arc::new(self.clock.clone()),
            http: self.wire.clone(),
            entropy: Arc::new(Seeded(Mutex::new(fastrand::Rng::with_seed(self.seed)))),
            bus: Some(Arc::new(self.bus.clone())),
            spans: None,
            places: Some(self.jobs.clone()),
        }
    }

    fn config(&self) -> app::Config {
        let variable = |name: &str| {
            let given = self.variables.iter().find(|(known, _)| *known == name);
            given.map(|(_, value)| value.clone())
        };
        app::Config::read(&app::Variables(&variable)).unwrap()
    }
}
