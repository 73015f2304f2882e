//! A seeded loop of mail traffic, faults, overlapping polls and deaths. Whatever happens: nothing is lost,
//! nothing is told twice under another id, no position goes back, attempts are bounded.
//!
//! A failure names its seed; `CARILLON_SIMULATION_SEED=<seed>` runs that one alone.

mod cloud;
mod deletions;
mod faults;
mod ledger;
mod traffic;

use crate::world::World;
use app::ports::Polls as _;
use chrono::Duration;
use cloud::{Cloud, Mutation};
use domain::ids::InstanceId;
use doubles::FaultKind;
use futures_util::FutureExt as _;
use ledger::Ledger;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use traffic::Traffic;

/// Seeds of one half; the two halves run side by side.
const SEEDS_COUNT: u64 = 500;
/// Seeds of one half of the clouds.
const CLOUDS_COUNT: u64 = 500;
/// Seeds within which one that lacks a guard must fail.
const MUTANTS_COUNT: u64 = 100;
const ROUNDS_COUNT: usize = 14;
/// Waits between attempts, seconds: short, so that callbacks are suspended now and then.
const RETRY_DELAYS: &str = "5,20,60";
const ATTEMPTS_MAX: usize = 4;

#[tokio::test]
async fn the_first_half_of_the_seeds_holds() {
    run_all(0).await;
}

#[tokio::test]
async fn the_second_half_of_the_seeds_holds() {
    run_all(SEEDS_COUNT).await;
}

#[test]
fn the_first_half_of_the_seeds_of_a_cloud_holds() {
    run_clouds(0);
}

#[test]
fn the_second_half_of_the_seeds_of_a_cloud_holds() {
    run_clouds(CLOUDS_COUNT);
}

fn run_clouds(first: u64) {
    let mutation = variable("CARILLON_SIMULATION_MUTATION");
    let mutation =
        mutation.map(|name| Mutation::parse(&name).unwrap_or_else(|| panic!("no mutation {name}")));
    let failed: Vec<u64> = match mutation {
        None => seeds(first, CLOUDS_COUNT).filter(|seed| !cloud_holds(*seed, None)).collect(),
        // One is enough.
        Some(_) => {
            seeds(first, CLOUDS_COUNT).find(|seed| !cloud_holds(*seed, mutation)).into_iter().collect()
        }
    };
    assert!(failed.is_empty(), "seeds {failed:?} failed, see above");
}

fn cloud_holds(seed: u64, mutation: Option<Mutation>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let run = AssertUnwindSafe(|| {
        runtime.block_on(tokio::task::unconstrained(Cloud::new(seed, mutation).run()));
    });
    std::panic::catch_unwind(run).is_ok()
}

/// The check can fail: without the flush of the outbox a crash loses what it had committed.
#[test]
fn a_guard_that_is_off_is_noticed() {
    let noticed = (0..MUTANTS_COUNT).any(|seed| !cloud_holds(seed, Some(Mutation::OutboxFlushOff)));
    assert!(noticed, "{MUTANTS_COUNT} seeds hold without the flush of the outbox");
}

/// Whatever is switched off here is switched off every night.
#[test]
fn the_nightly_run_takes_each_guard_away() {
    let script = include_str!("../../../.ci/nightly");
    for mutation in Mutation::ALL {
        let name = format!("{mutation:?}");
        let is_named = script.split([' ', '(', ')', '\n']).any(|word| word == name);
        assert!(is_named, ".ci/nightly does not run {name}");
    }
}

/// Which seeds to run: all, or the one that `CARILLON_SIMULATION_SEED` names, or as many as
/// `CARILLON_SIMULATION_SEEDS` says.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| variable(name).and_then(|value| value.parse::<u64>().ok());
    match (number("CARILLON_SIMULATION_SEED"), number("CARILLON_SIMULATION_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(wanted)) => {
            let times = if first == 0 { 0 } else { 1 };
            times * (wanted / 2)..(times + 1) * (wanted / 2)
        }
        (None, None) => first..first + count,
    }
}

#[allow(clippy::disallowed_methods)] // the variables of the tests: which seeds to look at, and how
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn run_all(first: u64) {
    for seed in seeds(first, SEEDS_COUNT) {
        let named = AssertUnwindSafe(Simulation::new(seed).run()).catch_unwind().await;
        assert!(named.is_ok(), "seed {seed} failed, see above");
    }
}

struct Simulation {
    world: World,
    random: fastrand::Rng,
    gmail: InstanceId,
    outlook: InstanceId,
    traffic: Traffic,
    ledger: Ledger,
    deaths: usize,
    /// The last positions seen: Gmail's history id, Outlook's watermark.
    positions: (u128, i64),
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let nobody = InstanceId::from_bytes([0; 4]);
        Simulation {
            world: World::with_retry_delays(seed, RETRY_DELAYS),
            random: fastrand::Rng::with_seed(seed),
            gmail: nobody,
            outlook: nobody,
            traffic: Traffic::default(),
            ledger: Ledger::default(),
            deaths: 0,
            positions: (0, 0),
        }
    }

    async fn run(mut self) {
        self.world.google.set_token_lifetime_s(900);
        self.world.microsoft.set_token_lifetime_s(900);
        self.traffic.before(&self.world, &mut self.random);
        self.gmail = self.world.create_gmail().await;
        self.outlook = self.world.create_outlook().await;
        self.world.microsoft.set_lag(0, self.random.i64(1..60_000_000));
        for _ in 0..ROUNDS_COUNT {
            self.traffic.happen(&self.world, &mut self.random);
            self.weather();
            self.act().await;
            self.look();
        }
        self.settle().await;
        self.ledger.check(&self.world, &self.traffic, self.gmail, self.outlook).await;
        let attempts_max = ATTEMPTS_MAX * 3 + self.deaths;
        assert!(self.ledger.attempts_max() <= attempts_max, "more than {attempts_max} attempts");
    }

    /// Faults of this round.
    fn weather(&mut self) {
        let rate = if self.random.u8(..) < 80 { 0.0 } else { self.random.f64() * 0.3 };
        let mut kinds = faults::kinds(&mut self.random);
        kinds.push(FaultKind::Unauthorized);
        self.world.providers.set_fault_rate(rate, &kinds);
        if self.random.u8(..) < 10 {
            self.world.google.expire_history(crate::world::GMAIL_USER);
            self.traffic.gap = true;
        }
        let failing = if self.random.u8(..) < 100 { self.random.f64() * 0.6 } else { 0.0 };
        self.world.receiver.set_failure_rate(failing, self.random.u64(..));
        self.world.receiver.set_default(200);
    }

    /// What the system is asked to do in this round, perhaps to death.
    async fn act(&mut self) {
        let dies = self.random.u8(..) < 120;
        if dies {
            self.world.gate.die_after(self.random.u64(0..90));
        }
        let gate = self.world.gate.clone();
        let seconds = self.random.i64(1..1200);
        let deadline = self.world.now() + Duration::seconds(20);
        let survived = match self.random.u8(0..4) {
            0 => gate.run(self.world.pass(Duration::seconds(seconds))).await.is_some(),
            1 => gate.run(self.world.poll(self.gmail)).await.is_some(),
            2 => gate.run(self.world.poll(self.outlook)).await.is_some(),
            _ => {
                let (one, two) = (self.world.another_process(), self.world.another_process());
                let id = if self.random.bool() { self.gmail } else { self.outlook };
                let polls = async {
                    let (first, second, ()) = tokio::join!(
                        one.poll(id, deadline),
                        two.poll(id, deadline),
                        self.world.run_until_idle()
                    );
                    first.and(second)
                };
                gate.run(polls).await.is_some()
            }
        };
        self.world.gate.heal();
        if !survived {
            self.deaths += 1;
            self.world.restart();
        }
    }

    fn take(&mut self) {
        let letters = self.ledger.take(&self.world);
        assert!(letters.is_empty(), "nobody wants letters here");
    }

    /// What arrived, and that no position went back.
    fn look(&mut self) {
        self.take();
        let cursor = |id| {
            let mailbox = self.world.store.mailbox(id).now_or_never().unwrap().unwrap().unwrap();
            mailbox.resources[0].state.cursor.clone().unwrap_or(Value::Null)
        };
        let history: u128 = cursor(self.gmail)["history_id"].as_str().map_or(0, |id| id.parse().unwrap());
        let watermark = cursor(self.outlook)["watermark"].as_i64().unwrap_or(0);
        assert!(history >= self.positions.0 && watermark >= self.positions.1, "a position went back");
        self.positions = (history, watermark);
    }

    /// Everything heals: whoever was locked out signs in again, what is queued is released, time passes.
    async fn settle(&mut self) {
        self.world.providers.clear_faults();
        self.world.receiver.set_failure_rate(0.0, 0);
        self.world.restart();
        for (id, code) in [
            (self.gmail, self.world.google.new_code(crate::world::GMAIL_USER)),
            (self.outlook, self.world.microsoft.new_code(crate::world::OUTLOOK_USER)),
        ] {
            let mailbox = self.world.store.mailbox(id).await.unwrap().unwrap();
            if !mailbox.instance.is_valid() {
                let body = json!({ "providerData": { "code": code } });
                assert_eq!(self.world.call("PATCH", &format!("/instances/{id}"), &body).await.status, 200);
            }
        }
        self.world.pass(Duration::minutes(40)).await;
        let path =
            "/notifications/subscriptions/deliveries?where=channel%3D'webhook'%20and%20status%3D'queued'";
        assert_eq!(self.world.call("PUT", path, &Value::Null).await.status, 200);
        self.world.pass(Duration::minutes(40)).await;
        self.take();
    }
}
