//! The program as its users have it: a process, sockets, a data folder, and deaths.
#![allow(clippy::unwrap_used)] // a test that can not go on panics

mod admin;
mod outside;

use doubles::{FaultKind, Mail};
use outside::{GMAIL_USER, OUTLOOK_USER, Outside, Process};
use std::collections::{BTreeMap, BTreeSet};

/// What was delivered to the mailboxes while the process lived and died.
#[derive(Default)]
struct Sent {
    gmail: BTreeSet<String>,
    outlook: BTreeSet<String>,
}

fn traffic(outside: &Outside, sent: &mut Sent, count: usize) {
    let mut random = fastrand::Rng::with_seed(count as u64 + sent.gmail.len() as u64);
    for _ in 0..count {
        sent.gmail.insert(outside.google.deliver(GMAIL_USER, Mail::sample(&mut random)));
        sent.outlook.insert(outside.microsoft.deliver(OUTLOOK_USER, Mail::sample(&mut random)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_and_repeats_nothing() {
    let outside = Outside::start().await;
    outside.microsoft.set_lag(0, 1_500_000);
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&outside, folder.path()).await;
    let ids = [process.create("gmail", &outside).await, process.create("outlookemail", &outside).await];
    let faults =
        vec![FaultKind::ServerError { status: 503 }, FaultKind::Truncated, FaultKind::BadGatewayHtml];
    outside.google.set_fault_rate(0.05, faults.clone());
    outside.microsoft.set_fault_rate(0.05, faults);
    outside.receiver.set_failure_rate(0.2, 3);
    let mut sent = Sent::default();
    for round in 0..6 {
        traffic(&outside, &mut sent, 20);
        let before = outside.receiver.received().len();
        let polls = futures_util::future::join_all(ids.iter().map(|id| process.poll_until_read(*id)));
        // Dies in the middle of delivering, after a few more arrivals each time.
        tokio::select! {
            _ = outside.receiver.wait_for(before + 1 + round) => {}
            _ = polls => {}
        }
        process.kill().await;
        process = Process::start(&outside, folder.path()).await;
    }
    outside.google.set_fault_rate(0.0, vec![]);
    outside.microsoft.set_fault_rate(0.0, vec![]);
    outside.receiver.set_failure_rate(0.0, 0);
    let told = outside.wait_for_all(&process, &ids, &sent.gmail, &sent.outlook).await;
    let created: BTreeMap<&str, usize> =
        told.iter().filter(|one| one.kind == "CREATED").fold(BTreeMap::new(), |mut counts, one| {
            *counts.entry(one.object.as_str()).or_default() += 1;
            counts
        });
    for id in sent.gmail.iter().chain(&sent.outlook) {
        assert_eq!(created.get(id.as_str()), Some(&1), "{id} was told {:?} times", created.get(id.as_str()));
    }
    assert_eq!(created.len(), 240);
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_ends_well_and_what_is_left_goes_out_after_the_next_start() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path()).await;
    let id = process.create("gmail", &outside).await;
    outside.receiver.set_default(500);
    let mail = outside.google.deliver(GMAIL_USER, Mail::default());
    process.poll_until_read(id).await;
    outside.receiver.wait_for(1).await;
    process.terminate().await;
    outside.receiver.set_default(200);
    let process = Process::start(&outside, folder.path()).await;
    let told = outside.wait_for_all(&process, &[id], &BTreeSet::from([mail]), &BTreeSet::new()).await;
    assert_eq!(told.len(), 1);
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stands_in_the_data_folder_and_the_folder_has_one_owner() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path()).await;
    let reply = process.create_reply("gmail", &outside).await;
    let token = reply["token"].as_str().unwrap().to_owned();
    assert!(Process::refuses(&outside, folder.path()).await.contains("in use"));
    process.terminate().await;
    let mut secrets = vec![token, outside::SIGNATURE_KEY.to_owned(), outside::USER_SECRET.to_owned()];
    secrets.extend([outside::ORGANIZATION_SECRET.to_owned(), doubles::CLIENT_SECRET.to_owned()]);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret stands in {}", path.display());
        }
    }
}
