//! What one process bears: a fleet that keeps its timetable, beside a burst, dead callbacks, after an outage, and a start with
//! a queue.
//!
//! `cargo bench -p local --bench load` prints a table, in about twelve minutes, and fails where a mark is missed. Another
//! number of mailboxes than 10,000 is its argument. Everything goes over sockets; doubles and receiver share the machine.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

mod outage;
#[allow(dead_code)]
#[path = "../../tests/process/process.rs"]
mod process;
mod queue;
mod quiet;
#[path = "../seen/mod.rs"]
mod seen;

use futures_util::{StreamExt as _, stream};
use process::Process;
use quiet::{Quiet, lateness, row};
use scenarios::{Callback, Mailbox, Outside, body};
use seen::{load, memory_mb, percentile};
use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

const MAILBOXES_COUNT: usize = 10_000;
/// One in so many has a callback that will die.
const DYING_EACH: usize = 10;
const CONNECTS_AT_ONCE_COUNT: usize = 16;
const BURST_COUNT: usize = 100_000;
const QUEUED_COUNT: u64 = 50_000;
/// Until everybody was polled once, and then how long it is watched.
const INTERVAL: Duration = Duration::from_secs(60);
const WATCHED: Duration = Duration::from_secs(180);
/// So many that a p99 is not the worst alone.
const ROUNDS_COUNT: usize = 300;
/// The longest that a queue may take to be delivered.
const DRAIN: Duration = Duration::from_secs(600);

const LATENESS_S_MAX: f64 = 5.0;
const MEMORY_MB_MAX: u64 = 512;
const DELAY_MS_MAX: f64 = 2_000.0;
const START_S_MAX: f64 = 2.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Cargo gives arguments of its own.
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let mailboxes_count: usize = given.unwrap_or(MAILBOXES_COUNT);
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (process, metrics) = started(&outside, folder.path()).await;
    let (dying, living) = (Callback::new(&outside, "dying"), Callback::new(&outside, "living"));
    let began = Instant::now();
    let mailboxes = connected(&outside, &process, mailboxes_count, (&dying, &living)).await;
    println!("{mailboxes_count} mailboxes connected in {} s, at load {}", began.elapsed().as_secs(), load());
    tokio::time::sleep(INTERVAL).await;

    let before = lateness(&metrics).await;
    tokio::time::sleep(WATCHED).await;
    let late = lateness(&metrics).await.since(&before);
    let memory = memory_mb(process.id());
    println!("\n| what | measured | mark |\n|---|---|---|");
    row(
        "polls of the timetable, a second",
        &format!("{:.0}", late.count() as f64 / WATCHED.as_secs_f64()),
        "-",
    );
    row("how late they began, p50", &late.percentile(50), "-");
    row("how late they began, p99", &late.percentile(99), &format!("{LATENESS_S_MAX} s"));
    row("memory, at most", &format!("{memory} MB"), &format!("{MEMORY_MB_MAX} MB"));

    let quiet = Quiet::new(&outside, &process).await;
    let alone = quiet.rounds(ROUNDS_COUNT).await;
    row("change to callback of a quiet mailbox, p50, p99, worst", &ms(&alone), "-");
    let beside_burst = beside_burst(&outside, &process, &quiet).await;
    row(
        &format!("the same beside {BURST_COUNT} changes of one mailbox"),
        &ms(&beside_burst),
        &format!("p99 {DELAY_MS_MAX} ms more"),
    );
    dying.fall_silent();
    let dead: Vec<&Mailbox> = mailboxes.iter().step_by(DYING_EACH).map(|(mailbox, _)| mailbox).collect();
    for mailbox in &dead {
        mailbox.deliver();
    }
    tokio::time::sleep(INTERVAL).await;
    let beside_dead = quiet.rounds(ROUNDS_COUNT).await;
    row(
        &format!("the same beside {} dead callbacks", dead.len()),
        &ms(&beside_dead),
        &format!("p99 {DELAY_MS_MAX} ms more"),
    );
    let comeback = outage::rows(&outside, mailboxes_count).await;
    let worst = memory_mb(process.id());
    row("memory, at most, with all of it", &format!("{worst} MB"), &format!("{MEMORY_MB_MAX} MB"));
    process.kill().await;
    dying.heal();
    let queued = with_a_queue(&outside, folder.path()).await;

    assert!(late.is_below(99, LATENESS_S_MAX), "polls began late");
    assert!(worst <= MEMORY_MB_MAX, "memory");
    for beside in [&beside_burst, &beside_dead] {
        assert!(percentile(beside, 99) - percentile(&alone, 99) <= DELAY_MS_MAX, "others had to wait");
    }
    assert!(comeback <= outage::TIMES_MAX, "they came back at once");
    assert!(queued.start_s <= START_S_MAX, "the start took too long");
    assert!(queued.has_arrived, "of what was queued, some did not arrive within {DRAIN:?}");
    assert_eq!(queued.twice_count, 0, "repeated");
}

/// A start with a queue.
struct Queued {
    start_s: f64,
    has_arrived: bool,
    twice_count: u64,
}

async fn with_a_queue(outside: &Outside, folder: &Path) -> Queued {
    let (queued_count, copies_count) = queue::fill(folder, QUEUED_COUNT);
    outside.receiver.take();
    let began = Instant::now();
    let (process, _) = started(outside, folder).await;
    let start_s = began.elapsed().as_secs_f64();
    let mark = format!("{START_S_MAX} s");
    row(&format!("a start with {queued_count} queued"), &format!("{start_s:.2} s"), &mark);
    let arrived = arrived(outside, copies_count).await;
    row("after it until they had all arrived", &format!("{:.0} s", began.elapsed().as_secs_f64()), "-");
    row("of these, posted twice", &arrived.twice_count.to_string(), "0");
    process.kill().await;
    Queued { start_s, has_arrived: arrived.count == copies_count, twice_count: arrived.twice_count }
}

/// What came to the callbacks that were dead.
struct Drained {
    count: u64,
    twice_count: u64,
}

/// Waits until so many different notifications did.
async fn arrived(outside: &Outside, count: u64) -> Drained {
    let began = Instant::now();
    let mut seen = HashSet::new();
    let mut arrived = Drained { count: 0, twice_count: 0 };
    while arrived.count < count && began.elapsed() < DRAIN {
        for received in outside.receiver.take() {
            // Some of those that were copied come too: the claims that the killed process held.
            let id = received.headers.get("elements-webhook-id").filter(|id| queue::is_a_copy(id));
            let Some(id) = id else { continue };
            match seen.insert(id.clone()) {
                true => arrived.count += 1,
                false => arrived.twice_count += 1,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    arrived
}

/// A process with numbers at an address of their own.
async fn started(outside: &Outside, folder: &Path) -> (Process, String) {
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let variables = [("CARILLON_METRICS_LISTEN", metrics.as_str()), ("CARILLON_RETRY_DELAYS", "3600,3600")];
    let log = folder.join("log");
    (Process::start_logged_at("error", outside, (folder, &log), &variables).await, metrics)
}

/// Half of each provider's, polled every minute.
async fn connected(
    outside: &Outside,
    process: &Process,
    count: usize,
    (dying, living): (&Callback, &Callback),
) -> Vec<(Mailbox, u64)> {
    let all = stream::iter(0..count).map(async |n| {
        let name = format!("load-{n}");
        let mailbox = match n % 2 {
            0 => Mailbox::gmail(outside, &name),
            _ => Mailbox::outlook(outside, &name),
        };
        let callback = if n % DYING_EACH == 0 { dying } else { living };
        let text = Some(body(&mailbox, callback).to_string());
        let made = process.client.try_call("POST", "/instances", text).await.unwrap();
        (mailbox, made.body["id"].as_u64().unwrap())
    });
    all.buffered(CONNECTS_AT_ONCE_COUNT).collect().await
}

async fn beside_burst(outside: &Outside, process: &Process, quiet: &Quiet<'_>) -> Vec<f64> {
    let (mailbox, callback) = (Mailbox::gmail(outside, "burst"), Callback::new(outside, "burst"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    for _ in 0..BURST_COUNT {
        mailbox.deliver();
    }
    let path = format!("/instances/{id}/poll");
    let (_, beside) = tokio::join!(process.client.try_call("POST", &path, None), quiet.rounds(ROUNDS_COUNT));
    let arrived_count = quiet.others_count();
    println!("  meanwhile {arrived_count} notifications of the burst arrived");
    assert!(arrived_count > 0, "nothing of the burst was told beside them");
    beside
}

fn ms(of: &[f64]) -> String {
    let [p50, p99, worst] = [50, 99, 100].map(|percent| percentile(of, percent));
    format!("{p50:.0}, {p99:.0}, {worst:.0} ms")
}
