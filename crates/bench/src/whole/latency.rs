//! How soon a change is told that a poll found.

use super::Connected;
use crate::command_line::CommandLine;
use crate::server::Server;
use crate::table::Row;
use futures_util::future::join_all;
use scenarios::Outside;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two mails.
const PACE: Duration = Duration::from_millis(10);
/// From the provider's last answer to the callback: median and 99th percentile, ms.
const MARKS_MS: [(usize, f64); 2] = [(50, 3.0), (99, 8.0)];

/// A hundred mails a second, whether or not the ones before have arrived.
pub(super) async fn all(
    line: &CommandLine,
    outside: &Outside,
    server: &Server,
    mailboxes: &[Connected],
) -> Vec<Row> {
    outside.receiver.take();
    let count = line.pick(2_000, 500);
    let mut pace = tokio::time::interval(PACE);
    let mut polls = Vec::new();
    for n in 0..count {
        pace.tick().await;
        let (mailbox, id) = &mailboxes[n % mailboxes.len()];
        mailbox.deliver();
        let (client, path) = (server.client.clone(), format!("/instances/{id}/poll"));
        polls.push(tokio::spawn(async move { client.try_call("POST", &path, None).await.is_some() }));
    }
    join_all(polls).await;
    let waits = waits_ms(outside, mailboxes).await;
    let mut rows = vec![Row::new("changes told at 100 a second", "of them", waits.len() as f64)];
    for (percent, mark) in MARKS_MS {
        let what = format!("the provider's answer to the callback, at 100 a second, p{percent}");
        rows.push(Row::new(what, "ms", percentile(&waits, percent)).at_most(mark));
    }
    rows
}

/// From the read of each message to its callback, ms, in order.
async fn waits_ms(outside: &Outside, mailboxes: &[Connected]) -> Vec<f64> {
    let mut read_at = BTreeMap::new();
    for line in mailboxes[0].0.double().requests() {
        for target in line.targets() {
            let message = target.split("/messages/").nth(1).and_then(|rest| rest.split('?').next());
            if let Some(message) = message {
                read_at.insert(message.to_owned(), line.at_us);
            }
        }
    }
    let mut waits = Vec::new();
    for received in outside.receiver.take() {
        let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
        for event in body["message"]["events"].as_array().unwrap() {
            let read = event["objectId"].as_str().and_then(|id| read_at.get(id));
            waits.extend(read.map(|at_us| (received.at_us - at_us) as f64 / 1_000.0));
        }
    }
    waits.sort_by(f64::total_cmp);
    waits
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).or(sorted.last()).copied().unwrap_or(f64::NAN)
}
