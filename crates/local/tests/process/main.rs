//! The program as its users have it: a process, sockets, a data folder, and deaths.
#![allow(clippy::unwrap_used)] // a test that can not go on panics

mod admin;
mod backups;
mod clock;
mod command_line;
mod contents;
mod counts;
mod doors;
mod erasure;
mod fairness;
mod health;
mod notices;
mod operator;
mod outage;
mod process;
mod push;
mod runbook;
mod telemetry;
mod unreadable;

use doubles::FaultKind;
use process::Process;
use scenarios::{Callback, Mailbox, Outside, ReceivedEvent};
use std::collections::BTreeMap;

mod scenario {
    scenarios::suite!(crate::process::platform);
}

/// Patient enough for callbacks that fail one time in five.
const MANY_RETRIES: &str = "1,1,1,1,1,1,1,1";

/// Polls until each of these was told.
async fn wait_for_all(process: &Process, instances: &[u64], callback: &Callback, wanted: &[ReceivedEvent]) {
    scenarios::until("everything was told", async || {
        for id in instances {
            process.poll_until_read(*id).await;
        }
        let told = callback.told();
        wanted.iter().all(|one| told.contains(one)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_and_repeats_nothing() {
    let outside = Outside::start().await;
    outside.providers.microsoft.set_lag(0, 1_500_000);
    let mailboxes = Mailbox::each(&outside, "killed");
    let callback = Callback::new(&outside, "killed");
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&outside, folder.path(), MANY_RETRIES).await;
    let mut ids = Vec::new();
    for mailbox in &mailboxes {
        ids.push(process.client.connect(mailbox, &callback).await.id);
    }
    let faults =
        vec![FaultKind::ServerError { status: 503 }, FaultKind::Truncated, FaultKind::BadGatewayHtml];
    outside.providers.set_fault_rate(0.05, &faults);
    outside.receiver.set_failure_rate(0.2, 3);
    let mut sent = Vec::new();
    for round in 0..6 {
        for _ in 0..20 {
            sent.extend(mailboxes.iter().map(Mailbox::deliver));
        }
        let before = callback.posts().len();
        let polls = futures_util::future::join_all(ids.iter().map(|id| process.poll_until_read(*id)));
        // Dies in the middle of delivering, after a few more arrivals each time.
        tokio::select! {
            _ = callback.wait_for_posts(before + 1 + round) => {}
            _ = polls => {}
        }
        process.kill().await;
        counts::assert_kept(folder.path());
        process = Process::start(&outside, folder.path(), MANY_RETRIES).await;
    }
    outside.providers.set_fault_rate(0.0, &[]);
    outside.receiver.set_failure_rate(0.0, 0);
    wait_for_all(&process, &ids, &callback, &sent).await;
    let mut events: BTreeMap<ReceivedEvent, usize> = BTreeMap::new();
    for told in callback.told_once() {
        *events.entry(told).or_default() += 1;
    }
    for one in &sent {
        assert_eq!(events.get(one), Some(&1), "{one:?} was told {:?} times", events.get(one));
    }
    assert_eq!(events.keys().filter(|told| told.kind == "CREATED").count(), 120 * mailboxes.len());
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_ends_well_and_what_is_left_goes_out_after_the_next_start() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "stopped"), Callback::new(&outside, "stopped"));
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), MANY_RETRIES).await;
    let id = process.client.connect(&mailbox, &callback).await.id;
    callback.fail(500);
    let wanted = [mailbox.deliver()];
    process.poll_until_read(id).await;
    callback.wait_for_posts(1).await;
    process.terminate().await;
    callback.heal();
    let process = Process::start(&outside, folder.path(), MANY_RETRIES).await;
    wait_for_all(&process, &[id], &callback, &wanted).await;
    callback.assert_told(&wanted);
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stands_in_the_data_folder_and_the_folder_has_one_owner() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "secret"), Callback::new(&outside, "secret"));
    let folder = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let process = Process::start_logged(&outside, folder.path(), log.path()).await;
    let token = process.client.connect(&mailbox, &callback).await.token;
    assert!(Process::refuses(&outside, folder.path()).await.contains("in use"));
    process.terminate().await;
    let mut secrets = vec![token, callback.signature_key().to_owned(), process::USER_SECRET.to_owned()];
    secrets.extend([process::ORGANIZATION_SECRET.to_owned(), doubles::CLIENT_SECRET.to_owned()]);
    secrets.push(mailbox.address().to_owned());
    let data = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    for path in data.chain([log.path().to_owned()]) {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret stands in {}", path.display());
        }
    }
}
