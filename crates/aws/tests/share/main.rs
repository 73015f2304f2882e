//! What the functions take with the share of a processor that comes with a memory setting, and how much memory the worst polls
//! need. Needs an emulator, whose address stands in AWS_ENDPOINT_URL, root (for a control group) and the function's binary:
//!
//! `(cd functions/poll && cargo build --release) && cargo test -p aws --test share`; from there, for it is built as a function.
//! `deliver` is the same program, called otherwise.
//! `cargo test -p aws --test share -- worst` measures the worst polls alone.
//!
//! Emulator, providers and receiver answer within this machine and without TLS: a real network takes longer, a share adds what
//! it adds here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // it prints, and what can not go on panics
#![allow(dead_code)] // of what the tests have, it uses some

#[path = "../emulator/budget.rs"]
mod budget;
mod function;
#[path = "../emulator/meter.rs"]
mod meter;
#[path = "../emulator/stack.rs"]
mod stack;
#[path = "../emulator/table.rs"]
mod table;
#[path = "../emulator/wire.rs"]
mod wire;
mod worst;

use budget::Budget;
use function::{Function, Took};
use scenarios::{Mailbox, PUBLIC_URL};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Each kind of poll so often.
const ROUNDS_COUNT: usize = 30;
/// Retries are waited for.
const DELIVERIES_COUNT: usize = 5;
/// `None` is all of this machine's processors.
const SETTINGS_MB: [Option<u64>; 3] = [None, Some(256), Some(128)];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    println!("| what | memory setting, MB | took, median (max), ms | of it its processor, ms | peak, MB |");
    println!("|---|---:|---:|---:|---:|");
    let only_worst = std::env::args().any(|word| word == "worst");
    for memory_mb in SETTINGS_MB.into_iter().filter(|_| !only_worst) {
        usual(memory_mb, Mailbox::gmail).await;
        usual(memory_mb, Mailbox::outlook).await;
    }
    worst::all().await;
}

/// Idle polls, mails and retried deliveries of a mailbox.
async fn usual(memory_mb: Option<u64>, mailbox: fn(&scenarios::Outside, &str) -> Mailbox) {
    let budget = Budget::start_in("share", mailbox, &json!({}), "sealed").await;
    let name = budget.mailbox.connector();
    let poll = Function::start(&binary("poll"), &variables(&budget), memory_mb).await;
    let event = json!({ "Poll": budget.id.get() });
    let first = poll.invoke(event.clone()).await;
    say(&format!("a process's first poll, {name}"), memory_mb, &[first], poll.take_peak_mb());
    let mut idle = Vec::new();
    for _ in 0..ROUNDS_COUNT {
        idle.push(poll.invoke(event.clone()).await);
    }
    say(&format!("an idle poll, {name}"), memory_mb, &idle, poll.take_peak_mb());
    let mut found = Vec::new();
    for round in 0..=ROUNDS_COUNT {
        budget.mailbox.deliver();
        let took = poll.invoke(event.clone()).await;
        // The first one connects to the callback.
        found.extend((round > 0).then_some(took));
    }
    assert_eq!(budget.callback.posts().len(), ROUNDS_COUNT + 1);
    say(&format!("a poll with a mail and its delivery, {name}"), memory_mb, &found, poll.take_peak_mb());
    let deliver = Function::start(&binary("poll"), &variables(&budget), memory_mb).await;
    let mut delivered = Vec::new();
    for _ in 0..DELIVERIES_COUNT {
        budget.callback.fail(500);
        budget.mailbox.deliver();
        poll.invoke(event.clone()).await;
        budget.callback.heal();
        let letters = budget.parts.take(&budget.parts.environment.delivery_queue.url, 1).await;
        delivered.push(deliver.invoke(records(&letters)).await);
    }
    say(&format!("a retried delivery, {name}"), memory_mb, &delivered, deliver.take_peak_mb());
}

/// What Lambda hands in of a queue.
fn records(letters: &[(String, Option<String>)]) -> Value {
    let record = |(number, (body, group)): (usize, &(String, Option<String>))| {
        let attributes = json!({ "ApproximateReceiveCount": "1", "MessageGroupId": group });
        json!({ "messageId": number.to_string(), "body": body, "eventSource": "aws:sqs", "attributes": attributes })
    };
    json!({ "Records": letters.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// One row.
fn say(what: &str, memory_mb: Option<u64>, took: &[Took], peak_mb: f64) {
    let mut ms: Vec<f64> = took.iter().map(|took| took.ms).collect();
    let mut cpu_ms: Vec<f64> = took.iter().map(|took| took.cpu_ms).collect();
    ms.sort_by(f64::total_cmp);
    cpu_ms.sort_by(f64::total_cmp);
    let setting = memory_mb.map_or("-".to_owned(), |memory_mb| memory_mb.to_string());
    let (median, most, cpu) = (ms[ms.len() / 2], ms[ms.len() - 1], cpu_ms[cpu_ms.len() / 2]);
    println!("| {what} | {setting} | {median:.0} ({most:.0}) | {cpu:.1} | {peak_mb:.1} |");
}

/// Of the release build, beside this one.
fn binary(name: &str) -> PathBuf {
    #[allow(clippy::disallowed_methods)] // where the binaries are, may be said to this program alone
    let folder = std::env::var("CARILLON_FUNCTIONS");
    let beside = || {
        let target = std::env::current_exe().unwrap();
        target.ancestors().nth(3).unwrap().join("release")
    };
    folder.map_or_else(|_| beside(), |folder| Path::new(&folder).to_owned()).join(name)
}

/// What the stack tells its functions.
fn variables(budget: &Budget) -> Vec<(&'static str, String)> {
    let environment = &budget.parts.environment;
    let own = [
        ("CARILLON_TABLE", environment.table.clone()),
        ("CARILLON_DELIVERY_QUEUE_URL", environment.delivery_queue.url.clone()),
        ("CARILLON_WORK_QUEUE_URL", environment.work_queue.url.clone()),
        ("CARILLON_DEAD_LETTER_QUEUE_URL", environment.dead_letter_queue.url.clone()),
        ("CARILLON_SCHEDULE_GROUP", environment.schedule_group.clone()),
        ("CARILLON_SCHEDULE_ROLE_ARN", environment.schedule_role_arn.clone()),
        ("CARILLON_POLL_FUNCTION_ARN", environment.poll_function_arn.clone()),
        ("CARILLON_SECRET_PREFIX", environment.secret_prefix.clone()),
        ("CARILLON_DATA_KEY_SECRET", environment.data_key_secret.clone()),
        ("CARILLON_FIRST_ORGANIZATION_SECRET", environment.first_organization_secret.clone()),
        ("CARILLON_FIRST_USER_SECRET", environment.first_user_secret.clone()),
        ("CARILLON_EVENT_BUS", environment.event_bus.clone()),
        ("CARILLON_SECRET_STORAGE", "sealed".to_owned()),
        ("CARILLON_PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("CARILLON_ALLOW_LOCAL_CALLBACKS", "true".to_owned()),
        ("CARILLON_RETRY_DELAYS", "1,2,4".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "poll".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "192".to_owned()),
    ];
    #[allow(clippy::disallowed_methods)] // where the emulator is, is told to the test alone
    let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names the emulator");
    own.into_iter().chain(budget.outside.variables()).chain([("AWS_ENDPOINT_URL", endpoint)]).collect()
}
