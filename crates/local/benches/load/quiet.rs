//! What is seen of the process: what a quiet mailbox has of it, its numbers, its memory.

use crate::process::Process;
use chrono::Utc;
use scenarios::{Callback, Mailbox, Outside};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LATENESS: &str = "carillon_poll_lateness_seconds_bucket{le=\"";
/// Between two looks at what arrived, and between two mails.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const PACE: Duration = Duration::from_millis(100);

/// A mailbox that gets a mail now and then.
pub(crate) struct Quiet<'a> {
    outside: &'a Outside,
    process: &'a Process,
    mailbox: Mailbox,
    id: u64,
    others: AtomicUsize,
}

impl<'a> Quiet<'a> {
    pub(crate) async fn new(outside: &'a Outside, process: &'a Process) -> Self {
        let (mailbox, callback) = (Mailbox::gmail(outside, "quiet"), Callback::new(outside, "quiet"));
        let id = process.client.connect(&mailbox, &callback).await.id;
        Quiet { outside, process, mailbox, id, others: AtomicUsize::new(0) }
    }

    /// From so many mails to their callbacks, each with a poll on demand, ms.
    pub(crate) async fn rounds(&self, count: usize) -> Vec<f64> {
        self.others.store(0, Ordering::Relaxed);
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.round().await);
            tokio::time::sleep(PACE).await;
        }
        all
    }

    /// What arrived for others in these rounds.
    pub(crate) fn others_count(&self) -> usize {
        self.others.load(Ordering::Relaxed)
    }

    async fn round(&self) -> f64 {
        let sent_us = now_us();
        let told = self.mailbox.deliver();
        self.process.client.poll_well(self.id).await;
        loop {
            for received in self.outside.receiver.take() {
                let is_ours = received.path == "/quiet";
                if is_ours && String::from_utf8_lossy(&received.body).contains(&told.object) {
                    return (received.at_us - sent_us) as f64 / 1000.0;
                }
                self.others.fetch_add(usize::from(!is_ours), Ordering::Relaxed);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[allow(clippy::disallowed_methods)] // real time is what is measured
fn now_us() -> i64 {
    Utc::now().timestamp_micros()
}

/// A histogram's upper bounds, s, with how many were at most that.
pub(crate) struct Lateness(Vec<(f64, u64)>);

/// As the process tells it now.
pub(crate) async fn lateness(address: &str) -> Lateness {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let buckets = text.lines().filter_map(|line| {
        let (bound, count) = line.strip_prefix(LATENESS)?.split_once("\"} ")?;
        Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().unwrap()))
    });
    Lateness(buckets.collect())
}

impl Lateness {
    pub(crate) fn since(&self, before: &Lateness) -> Lateness {
        let pairs = self.0.iter().zip(&before.0);
        Lateness(pairs.map(|((bound, now), (_, then))| (*bound, now - then)).collect())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.last().map_or(0, |(_, count)| *count)
    }

    /// The bound that it is at most.
    pub(crate) fn percentile(&self, percent: u64) -> String {
        match self.bound(percent) {
            Some(bound) => format!("at most {bound} s"),
            None => "nothing was polled".to_owned(),
        }
    }

    pub(crate) fn is_below(&self, percent: u64, max_s: f64) -> bool {
        self.bound(percent).is_some_and(|bound| bound <= max_s)
    }

    fn bound(&self, percent: u64) -> Option<f64> {
        let all = self.count();
        let found = self.0.iter().find(|(_, count)| count * 100 >= all * percent);
        found.map(|(bound, _)| *bound).filter(|_| all > 0)
    }
}

pub(crate) fn row(what: &str, measured: &str, mark: &str) {
    println!("| {what} | {measured} | {mark} |");
}
