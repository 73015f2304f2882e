//! The whole program, over sockets, beside doubles in this process.

mod latency;

use crate::command_line::CommandLine;
use crate::server::{Server, Spent, outside};
use crate::table::Row;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use scenarios::{Callback, Mailbox, Outside, body};
use std::time::{Duration, Instant};

/// Mailboxes of each provider.
const MAILBOXES_COUNT: usize = 50;
/// Mailboxes that are connected at once.
const CONNECTS_AT_ONCE_COUNT: usize = 8;
/// Longer than all callbacks of a measurement take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A mailbox and its instance.
type Connected = (Mailbox, u64);

pub(crate) async fn all(line: &CommandLine) -> Vec<Row> {
    let (outside, folder) = (outside().await, tempfile::tempdir().unwrap());
    let mut server = Server::start(&outside, folder.path()).await;
    let callback = Callback::new(&outside, "bench");
    let mut rows = vec![Row::new("start to listening, empty", "ms", server.start_ms)];
    let connected = connect(&outside, &server, &callback, "bench", 2 * MAILBOXES_COUNT).await;
    let first = connected[0].0.connector();
    let (first, second): (Vec<Connected>, Vec<Connected>) =
        connected.into_iter().partition(|(mailbox, _)| mailbox.connector() == first);
    let rounds = line.pick(40, 10);
    let request = requests(&mut server, &first, rounds).await;
    rows.extend(costs("a request alone", request));
    for mailboxes in [&first, &second] {
        let name = mailboxes[0].0.connector();
        let idle = idle(&mut server, mailboxes, rounds).await;
        rows.extend(costs(&format!("an idle poll and its request, {name}"), idle));
        let each_second = 1_000.0 / idle.cpu_ms;
        rows.push(Row::new(format!("idle polls with their requests, {name}"), "a CPU-second", each_second));
        let (mailbox, id) = &mailboxes[0];
        let count = line.pick(500, 100);
        let lone_idle = self::idle(&mut server, &mailboxes[..1], count).await;
        rows.extend(costs(&format!("the same alone, {name}"), lone_idle));
        let before = server.spent().await;
        tell_one_by_one(&outside, &server, mailboxes, count).await;
        let lone = server.spent().await.since(before).each_of(count);
        let beyond_ms = lone.cpu_ms - lone_idle.cpu_ms;
        rows.extend(costs(&format!("a lone notification with its poll and request, {name}"), lone));
        rows.push(Row::new(format!("a lone notification beyond an idle poll, {name}"), "CPU-ms", beyond_ms));
        let (side_by_side, per_second) = tell_side_by_side(&outside, &mut server, mailboxes, rounds).await;
        rows.extend(costs(&format!("a notification of {MAILBOXES_COUNT} at once, {name}"), side_by_side));
        rows.push(Row::new(format!("notifications to a local sink, {name}"), "a second", per_second));
        let count = line.pick(5_000, 1_000);
        let crowd = tell_at_once(&outside, &mut server, mailbox, *id, count).await.expect("all is told");
        rows.extend(costs(&format!("a change of {count} told, {name}"), crowd.each_of(count)));
    }
    rows.extend(latency::all(line, &outside, &server, &first).await);
    server.stop().await;
    rows
}

/// A row for each thing that is spent.
pub(crate) fn costs(what: &str, spent: Spent) -> Vec<Row> {
    vec![
        Row::new(what, "CPU-ms", spent.cpu_ms),
        Row::new(what, "allocations", spent.allocated.count as f64),
        Row::new(what, "calls that write", spent.write_calls),
        Row::new(what, "bytes to disk", spent.disk_bytes),
    ]
}

/// Connects so many mailboxes, half of each provider's, that are polled once an hour besides.
pub(crate) async fn connect(
    outside: &Outside,
    server: &Server,
    callback: &Callback,
    name: &str,
    count: usize,
) -> Vec<Connected> {
    let all = stream::iter(0..count).map(async |n| {
        let name = format!("{name}-{n}");
        let mailbox = match n % 2 {
            0 => Mailbox::gmail(outside, &name),
            _ => Mailbox::outlook(outside, &name),
        };
        let mut wanted = body(&mailbox, callback);
        wanted["configuration"]["event.poller.refresh_interval"] = "60".into();
        let made = server.client.try_call("POST", "/instances", Some(wanted.to_string())).await.unwrap();
        (mailbox, made.body["id"].as_u64().unwrap())
    });
    all.buffered(CONNECTS_AT_ONCE_COUNT).collect().await
}

/// A request that reads one row.
async fn requests(server: &mut Server, mailboxes: &[Connected], rounds: usize) -> Spent {
    let before = server.spent().await;
    for _ in 0..rounds {
        let all = mailboxes.iter().map(async |(_, id)| {
            server.client.try_call("GET", &format!("/instances/{id}"), None).await.unwrap();
        });
        join_all(all).await;
    }
    server.spent().await.since(before).each_of(rounds * mailboxes.len())
}

/// One idle poll, over all mailboxes and rounds.
pub(crate) async fn idle(server: &mut Server, mailboxes: &[Connected], rounds: usize) -> Spent {
    join_all(mailboxes.iter().map(|(_, id)| server.poll(*id))).await;
    let asked = || mailboxes.iter().map(|(mailbox, _)| mailbox.requests_count()).sum::<u64>();
    let (before, asked_before) = (server.spent().await, asked());
    for _ in 0..rounds {
        join_all(mailboxes.iter().map(|(_, id)| server.poll(*id))).await;
    }
    assert!(asked() - asked_before >= (rounds * mailboxes.len()) as u64, "each poll asks its provider");
    server.spent().await.since(before).each_of(rounds * mailboxes.len())
}

/// A mail, a poll, its callback; then the next one, in the next mailbox: a poll reads again what came shortly before.
pub(crate) async fn tell_one_by_one(
    outside: &Outside,
    server: &Server,
    mailboxes: &[Connected],
    count: usize,
) {
    outside.receiver.take();
    for (mailbox, id) in mailboxes.iter().cycle().take(count) {
        mailbox.deliver();
        server.poll(*id).await;
        arrived(outside, 1).await;
        outside.receiver.take();
    }
}

/// A mail in each mailbox at once, round after round: what one cost, and how many there were a second.
async fn tell_side_by_side(
    outside: &Outside,
    server: &mut Server,
    mailboxes: &[Connected],
    rounds: usize,
) -> (Spent, f64) {
    outside.receiver.take();
    let (before, began) = (server.spent().await, Instant::now());
    for _ in 0..rounds {
        mailboxes.iter().for_each(|(mailbox, _)| drop(mailbox.deliver()));
        join_all(mailboxes.iter().map(|(_, id)| server.poll(*id))).await;
    }
    let count = rounds * mailboxes.len();
    arrived(outside, count).await;
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    (server.spent().await.since(before).each_of(count), per_second)
}

/// Longer than so many changes of one mailbox take, where each takes as long as any other.
fn crowd_patience(count: usize) -> Duration {
    Duration::from_secs(120) + Duration::from_millis(8) * u32::try_from(count).unwrap_or(u32::MAX)
}

/// So many mails in one mailbox, and a poll of all: what that cost until the last callback; `None` where that takes too
/// long.
pub(crate) async fn tell_at_once(
    outside: &Outside,
    server: &mut Server,
    mailbox: &Mailbox,
    id: u64,
    count: usize,
) -> Option<Spent> {
    let patience = crowd_patience(count);
    outside.receiver.take();
    (0..count).for_each(|_| drop(mailbox.deliver()));
    let before = server.spent().await;
    if !server.is_polled(id, patience).await {
        return None;
    }
    let told = async {
        let mut told_count = 0;
        while told_count < count {
            outside.receiver.wait_for(1).await;
            told_count +=
                outside.receiver.take().iter().map(|received| events_count(&received.body)).sum::<usize>();
        }
    };
    tokio::time::timeout(patience, told).await.ok()?;
    Some(server.spent().await.since(before))
}

fn events_count(body: &[u8]) -> usize {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["message"]["events"].as_array().map_or(0, Vec::len)
}

async fn arrived(outside: &Outside, count: usize) {
    let waited = tokio::time::timeout(PATIENCE, outside.receiver.wait_for(count)).await;
    waited.expect("the callbacks come");
}
