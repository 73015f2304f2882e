//! A host of several processes, as a cloud is: functions that are started for each tick, each batch of jobs and each
//! call, side by side, and that share nothing but the ports.
//!
//! Everything that takes time waits for a turn (`turns.rs`), so a seed says how all that is under way interleaves,
//! where it is cut off, what fails, and what comes late or twice.

mod administration;
mod bulks;
mod checks;
mod edits;
mod finale;
mod health;
mod mutation;
mod ports;
mod process;
mod profile;
mod push;
mod queues;
mod resources;
mod script;
mod stranger;
mod turns;
mod wire;

use super::ledger::Ledger;
use super::traffic::Traffic;
use crate::world::World;
use app::FirstAttempts;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::ids::InstanceId;
use edits::{Edit, Edits};
use futures_util::future::join_all;
pub(super) use health::HEALTH_PATH;
use health::Letters;
use http::{Request, Response};
use http_body_util::BodyExt as _;
pub(super) use mutation::Mutation;
use process::{Process, SharedState};
use profile::Profile;
use push::{Arrival, Push};
use queues::{Blame, DueWork, Queues, WorkEnd};
use resources::MadeObjects;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;
use turns::{Hand, Turns};
use wire::Caller;

const S: i64 = 1_000_000;
/// Time of one poll or job, and of a function's run before it is cut off, seconds.
const WORK_S: i64 = 55;
const DELIVER_LIMIT_S: i64 = 60;
const POLL_LIMIT_S: i64 = 75;
const API_LIMIT_S: i64 = 29;
/// Jobs in one batch of deliveries.
const BATCH_COUNT_MAX: usize = 10;
/// Waits between attempts, seconds: short, so that callbacks are suspended now and then.
const RETRY_DELAYS: &str = "5,20,60";

/// What is deployed: each invocation of one has a process for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Function {
    Api,
    Poll,
    Deliver,
}

/// What a client calls.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    what: &'static str,
    method: &'static str,
    path: String,
    body: Value,
    instance: Option<InstanceId>,
    authorization: String,
    /// What it changes, where that is looked after.
    edit: Option<Edit>,
}

/// What an invocation is for.
enum Work {
    Jobs(Vec<DueWork>),
    Call(Ask),
    Notice(Arrival),
    /// It was given up by whoever started it, and goes on all the same.
    Abandoned,
}

enum Ended {
    Jobs(Vec<bool>),
    Call(u16, Value),
    Notice(Response<Bytes>),
}

/// One invocation under way.
struct Running {
    number: u64,
    function: Function,
    process: Process,
    work: Work,
    hand: Hand<Ended>,
    cut_us: i64,
    /// The weather cuts it off, and not its limit.
    is_killed: bool,
    /// It is not the function that ends then, but the client that leaves.
    leaves: bool,
}

/// The cloud and what is around it.
pub(super) struct Cloud {
    world: World,
    shared: Arc<SharedState>,
    random: fastrand::Rng,
    traffic: Traffic,
    ledger: Ledger,
    idle: BTreeMap<Function, Vec<Process>>,
    running: Vec<Running>,
    /// Processes whose client left: what it began may go on.
    left: Vec<Process>,
    last_number: u64,
    cuts_count: usize,
    answers: Vec<(Ask, u16, Value)>,
    /// A rule that is known not to hold yet was broken.
    is_excused: bool,
    tokens: BTreeMap<InstanceId, String>,
    profile: Profile,
    edits: Edits,
    made: MadeObjects,
    push: Push,
    has_bulks: bool,
    has_health: bool,
    has_stranger: bool,
    stranger: Option<InstanceId>,
    letters: Letters,
    /// Calls that somebody makes then.
    later: Vec<(i64, Ask)>,
}

/// In one of five seeds, of every profile, polls deliver themselves what they found.
fn first_attempts(seed: u64) -> FirstAttempts {
    match seed / 10 % 5 {
        4 => FirstAttempts::AtOnce,
        _ => FirstAttempts::ByJobs,
    }
}

impl Cloud {
    pub(super) fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let world = push::world(seed);
        let push = Push::new(seed, &world);
        world.wire.set_pace_ms(0);
        let turns = Arc::new(Turns::new(world.clock.clone(), seed));
        let shared = SharedState {
            queues: Arc::new(Queues::new(&turns)),
            turns,
            weather: Mutex::default(),
            sightings: Mutex::default(),
            mutation,
            is_pushed: push::is_pushed(seed),
            first_attempts: first_attempts(seed),
            rows: world.rows(),
        };
        Cloud {
            world,
            shared: Arc::new(shared),
            random: fastrand::Rng::with_seed(seed),
            traffic: Traffic::default(),
            ledger: Ledger::default(),
            idle: BTreeMap::new(),
            running: Vec::new(),
            left: Vec::new(),
            last_number: 0,
            cuts_count: 0,
            answers: Vec::new(),
            is_excused: false,
            tokens: BTreeMap::new(),
            profile: Profile::of(seed),
            edits: Edits::default(),
            made: MadeObjects::default(),
            push,
            has_bulks: bulks::are_part_of(seed),
            has_health: health::are_part_of(seed),
            has_stranger: stranger::is_part_of(seed),
            stranger: None,
            letters: Letters::default(),
            later: Vec::new(),
        }
    }

    fn now_us(&self) -> i64 {
        self.shared.turns.now_us()
    }

    /// Lets time pass; whatever is due or under way goes on.
    async fn run_for(&mut self, seconds: i64) {
        let end_us = self.now_us() + seconds * S;
        loop {
            self.go_on().await;
            self.start_due();
            if self.running.iter().any(|running| running.hand.is_woken()) {
                continue;
            }
            let turn_us = self.shared.turns.next_us().unwrap_or(i64::MAX);
            let cut_us = self.running.iter().map(|running| running.cut_us).min().unwrap_or(i64::MAX);
            let due_us = self.shared.queues.next_us().unwrap_or(i64::MAX);
            let later_us = self.later.iter().map(|(at_us, _)| *at_us).min().unwrap_or(i64::MAX);
            let notice_us = self.world.providers.next_notice_us().unwrap_or(i64::MAX);
            let next_us = turn_us.min(cut_us).min(due_us).min(later_us).min(notice_us);
            if next_us > end_us {
                self.shared.turns.advance_to(end_us);
                return;
            }
            match next_us {
                _ if next_us == turn_us => self.shared.turns.give(),
                _ if next_us == cut_us => self.cut(cut_us),
                _ => self.shared.turns.advance_to(next_us),
            }
        }
    }

    /// Lets everything that was woken go on until all of it waits.
    async fn go_on(&mut self) {
        let runtime = tokio::runtime::Handle::current().metrics();
        loop {
            while let Some(at) = self.running.iter().position(|running| running.hand.is_woken()) {
                if let Some(ended) = self.running[at].hand.go_on() {
                    let running = self.running.swap_remove(at);
                    self.ended(running, ended);
                }
            }
            self.push.go_on();
            if runtime.num_alive_tasks() == 0 {
                break;
            }
            // Tasks of their own are the runtime's.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            if !self.running.iter().any(|running| running.hand.is_woken()) {
                break;
            }
        }
        let turns = &self.shared.turns;
        for gone in self.left.extract_if(.., |process| !turns.is_waited_for(&process.tap.life)) {
            gone.kill();
        }
    }

    fn start_due(&mut self) {
        let now_us = self.now_us();
        for (_, ask) in self.later.extract_if(.., |(at_us, _)| *at_us <= now_us).collect::<Vec<_>>() {
            self.start(Function::Api, Work::Call(ask));
        }
        self.ring();
        let mut deliveries = Vec::new();
        while deliveries.len() < BATCH_COUNT_MAX
            && let Some(due) = self.shared.queues.take()
        {
            match due.function() {
                Function::Deliver => deliveries.push(due),
                function => self.start(function, Work::Jobs(vec![due])),
            }
        }
        if !deliveries.is_empty() {
            self.start(Function::Deliver, Work::Jobs(deliveries));
        }
    }

    fn start(&mut self, function: Function, work: Work) {
        let idle = self.idle.entry(function).or_default();
        let process = idle.pop().unwrap_or_else(|| Process::start(&self.world, &self.shared));
        self.last_number += 1;
        let number = self.last_number;
        process.begin(work.caller(number));
        if self.shared.happens(self.shared.weather().freezes) {
            process.freeze(&self.shared);
        }
        let limit_s = match function {
            Function::Api => API_LIMIT_S,
            Function::Poll => POLL_LIMIT_S,
            Function::Deliver => DELIVER_LIMIT_S,
        };
        let is_killed = self.shared.happens(self.shared.weather().kills);
        let leaves = is_killed && function == Function::Api && self.shared.turns.draw(|random| random.bool());
        let lives_us = match is_killed {
            true => self.shared.turns.draw(|random| {
                let most_us = 1 << random.u8(14..25);
                random.i64(0..most_us)
            }),
            false => limit_s * S,
        };
        let hand = work.begin(&process);
        let cut_us = self.now_us() + lives_us.min(limit_s * S);
        self.running.push(Running { number, function, process, work, hand, cut_us, is_killed, leaves });
    }

    fn ended(&mut self, running: Running, ended: Ended) {
        self.shared.sightings().ended(running.number);
        match (running.work, ended) {
            (Work::Jobs(dues), Ended::Jobs(went)) => {
                let blame = running.process.blame();
                for (due, well) in dues.into_iter().zip(went) {
                    let end = if well { WorkEnd::Done } else { WorkEnd::Failed(blame) };
                    self.shared.queues.ended(due, end);
                }
            }
            (Work::Call(ask), Ended::Call(status, body)) => {
                self.edits.ended(ask.edit.clone(), Some(status), self.now_us());
                if let Some(id) = ask.edit.as_ref().and_then(Edit::polls_otherwise) {
                    self.polls_otherwise(id);
                }
                self.answers.push((ask, status, body));
            }
            (Work::Notice(arrival), Ended::Notice(response)) => arrival.answered(response),
            (Work::Abandoned, _) => {}
            _ => unreachable!("an invocation ends as what it is"),
        }
        self.idle.entry(running.function).or_default().push(running.process);
    }

    /// The invocation whose time is over is cut off where it is.
    fn cut(&mut self, cut_us: i64) {
        self.shared.turns.advance_to(cut_us);
        let at = self.running.iter().position(|running| running.cut_us == cut_us).unwrap();
        let mut running = self.running.swap_remove(at);
        self.cuts_count += 1;
        let work = std::mem::replace(&mut running.work, Work::Abandoned);
        match work {
            Work::Jobs(dues) => {
                let blame = if running.is_killed { Blame::Weather } else { running.process.blame() };
                dues.into_iter().for_each(|due| self.shared.queues.ended(due, WorkEnd::Cut(blame)));
            }
            Work::Call(ask) => self.edits.ended(ask.edit, None, self.now_us()),
            // Whoever sent it has no answer.
            Work::Notice(_) | Work::Abandoned => {}
        }
        if running.process.is_frozen() {
            running.cut_us = i64::MAX;
            self.running.push(running);
            return;
        }
        if running.leaves {
            drop(running.hand);
            self.left.push(running.process);
            return;
        }
        running.process.kill();
        drop(running.hand);
    }
}

impl DueWork {
    fn function(&self) -> Function {
        use app::ports::Job;
        match self {
            DueWork::Message(message) if matches!(message.job, Job::Deliver(_) | Job::Release(_)) => {
                Function::Deliver
            }
            DueWork::Message(_) | DueWork::Tick(_) => Function::Poll,
        }
    }
}

impl Work {
    fn caller(&self, number: u64) -> Caller {
        match self {
            Work::Abandoned => Caller::default(),
            Work::Call(ask) => Caller::of(number, ask.what, ask.instance),
            Work::Notice(_) => Caller::of(number, "notice", None),
            Work::Jobs(dues) => match &dues[0] {
                DueWork::Tick(tick) => Caller::of(number, "tick", Some(tick.id)),
                DueWork::Message(message) if matches!(message.job, app::ports::Job::Hinted { .. }) => {
                    Caller::of(number, "hint", message.job.instance())
                }
                DueWork::Message(message) => Caller::of(number, "job", message.job.instance()),
            },
        }
    }

    /// The work, ready to be polled.
    fn begin(&self, process: &Process) -> Hand<Ended> {
        match self {
            Work::Abandoned => Hand::new(std::future::pending()),
            Work::Jobs(dues) => {
                let deadline = process.now() + chrono::Duration::seconds(WORK_S);
                let jobs = dues.iter().map(|due| {
                    let (app, due) = (process.app.clone(), due.clone());
                    async move {
                        match due {
                            DueWork::Tick(tick) => app.tick(tick.id, deadline).await.is_ok(),
                            DueWork::Message(message) => app.run(message.job, deadline).await.is_ok(),
                        }
                    }
                });
                let jobs = join_all(jobs.collect::<Vec<_>>());
                Hand::new(async { Ended::Jobs(jobs.await) })
            }
            Work::Call(ask) => {
                let request = http::Request::builder()
                    .method(ask.method)
                    .uri(format!("http://carillon.test{}{}", app::api::BASE_PATH, ask.path))
                    .header("authorization", &ask.authorization)
                    .header("content-type", "application/json");
                let body = if ask.body.is_null() { String::new() } else { ask.body.to_string() };
                let answer = answer(process.router(), request.body(Bytes::from(body)).unwrap());
                Hand::new(async {
                    let (parts, bytes) = answer.await.into_parts();
                    Ended::Call(parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
                })
            }
            Work::Notice(arrival) => {
                let answer = answer(process.router(), arrival.request.clone());
                Hand::new(async { Ended::Notice(answer.await) })
            }
        }
    }
}

async fn answer(router: Router, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = router.oneshot(request.map(Body::from)).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}
