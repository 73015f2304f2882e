//! How cost grows with instances, and with the changes of one mailbox.

use crate::command_line::CommandLine;
use crate::curve::Curve;
use crate::server::{Server, outside};
use crate::whole;
use scenarios::{Callback, Mailbox, Outside};

/// Instances that are polled, of all that there are.
const POLLED_COUNT: usize = 50;
const IDLE_ROUNDS_COUNT: usize = 20;
/// Changes of one second in a mailbox whose dates have seconds.
const ONE_SECOND_COUNT_MAX: usize = 10_000;

pub(crate) async fn all(line: &CommandLine) -> Vec<Curve> {
    let mut curves = by_instances(line.pick(&[1_000, 10_000], &[200, 1_000])).await;
    if line.is_quick {
        // Too few instances to be seen beside the caches.
        curves.truncate(1);
    }
    let changes = line.pick(&[10, 100, 1_000, 10_000, 100_000][..], &[10, 100, 1_000][..]);
    curves.extend(by_changes(changes).await);
    curves
}

/// One round of idle polls of all, memory beyond that of the first ones, and the start.
async fn by_instances(counts: &[usize]) -> Vec<Curve> {
    let (outside, folder) = (outside().await, tempfile::tempdir().unwrap());
    let mut server = Server::start(&outside, folder.path()).await;
    let callback = Callback::new(&outside, "growth");
    let polled = whole::connect(&outside, &server, &callback, "polled", POLLED_COUNT).await;
    server.stop().await;
    server = Server::start(&outside, folder.path()).await;
    whole::idle(&mut server, &polled, IDLE_ROUNDS_COUNT).await;
    // What a process holds for the first ones, and its caches.
    let first_kb = server.memory_kb();
    let (mut rounds, mut memories, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    let mut connected = POLLED_COUNT;
    for count in counts {
        let name = format!("more-{count}");
        whole::connect(&outside, &server, &callback, &name, count - connected).await;
        connected = *count;
        server.stop().await;
        server = Server::start(&outside, folder.path()).await;
        starts.push((*count, server.start_ms));
        let spent = whole::idle(&mut server, &polled, IDLE_ROUNDS_COUNT).await;
        memories.push((*count, server.memory_kb() - first_kb));
        rounds.push((*count, spent.cpu_ms * *count as f64));
    }
    server.stop().await;
    vec![
        Curve::new("one idle poll of each", "instances", "CPU-ms", rounds),
        Curve::new("memory", "instances", "kB", memories),
        Curve::new("start to listening", "instances", "ms", starts),
    ]
}

/// All changes of one mailbox, from the read to the last callback, each number in a mailbox of its own.
async fn by_changes(counts: &[usize]) -> Vec<Curve> {
    let (outside, folder) = (outside().await, tempfile::tempdir().unwrap());
    let mut server = Server::start(&outside, folder.path()).await;
    let gmail = crowd(&outside, &mut server, counts, Mailbox::gmail).await;
    // More of one second would not be told within its patience.
    let few: Vec<usize> = counts.iter().copied().filter(|count| *count <= ONE_SECOND_COUNT_MAX).collect();
    let outlook = crowd(&outside, &mut server, &few, Mailbox::outlook).await;
    server.stop().await;
    vec![
        Curve::new("changes of one mailbox told, Gmail", "changes", "CPU-ms", gmail),
        Curve::new("changes of one mailbox told, Outlook", "changes", "CPU-ms", outlook),
    ]
}

async fn crowd(
    outside: &Outside,
    server: &mut Server,
    counts: &[usize],
    mailbox: impl Fn(&Outside, &str) -> Mailbox,
) -> Vec<(usize, f64)> {
    let mut points = Vec::new();
    for count in counts {
        let name = format!("crowd-{count}");
        let (mailbox, callback) = (mailbox(outside, &name), Callback::new(outside, &name));
        let id = server.client.connect(&mailbox, &callback).await.id;
        points.push((*count, whole::tell_at_once(outside, server, &mailbox, id, *count).await.cpu_ms));
    }
    points
}
