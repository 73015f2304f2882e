//! How cost grows with instances, and with the changes of one mailbox.

use crate::command_line::CommandLine;
use crate::curve::Curve;
use crate::server::{Server, Spent, outside};
use crate::whole;
use scenarios::{Callback, Mailbox, Outside};

/// Instances that are polled, of all that there are.
const POLLED_COUNT: usize = 50;
const IDLE_ROUNDS_COUNT: usize = 20;

/// One round of idle polls of all, memory beyond that of the first ones, and the start.
pub(crate) async fn by_instances(line: &CommandLine) -> Vec<Curve> {
    let counts = line.pick(&[1_000, 10_000], &[200, 1_000]);
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
    let mut curves = vec![Curve::new("one idle poll of each", "instances", "CPU-ms", rounds)];
    if !line.is_quick {
        // A few are not seen beside the caches.
        curves.push(Curve::new("memory", "instances", "kB", memories));
        curves.push(Curve::new("start to listening", "instances", "ms", starts));
    }
    curves
}

/// All changes of one mailbox, from the read to the last callback, each number in a mailbox of its own. Seconds are this
/// machine's; the rest is counted.
pub(crate) async fn by_changes(line: &CommandLine, provider: Provider) -> Vec<Curve> {
    let counts = line.pick(&[10, 100, 1_000, 10_000, 100_000][..], &[10, 100, 1_000][..]);
    let (outside, folder) = (outside().await, tempfile::tempdir().unwrap());
    let mut server = Server::start(&outside, folder.path()).await;
    let (costs, given_up) = crowd(&outside, &mut server, counts, provider.mailbox).await;
    server.stop().await;
    let curve = |unit, cost: fn(&CrowdCost) -> f64| {
        let points = costs.iter().map(|one| (one.count, cost(one))).collect();
        Curve::new(provider.what, "changes", unit, points)
    };
    vec![
        curve("requests to the provider", |one| one.requests_count as f64),
        curve("bytes to disk", |one| one.spent.disk_bytes),
        curve("allocations", |one| one.spent.allocated.count as f64),
        Curve { given_up, ..curve("CPU-ms", |one| one.spent.cpu_ms) },
    ]
}

/// Whose mailboxes are told.
pub(crate) struct Provider {
    what: &'static str,
    mailbox: fn(&Outside, &str) -> Mailbox,
}

/// All their changes come at once. Where dates have seconds that is one, or a few.
pub(crate) const PROVIDERS: [Provider; 2] = [
    Provider { what: "changes of one Gmail mailbox told", mailbox: Mailbox::gmail },
    Provider { what: "changes of one Outlook mailbox told", mailbox: Mailbox::outlook },
];

/// What so many changes took.
struct CrowdCost {
    count: usize,
    spent: Spent,
    requests_count: u64,
}

/// What each number took, and the first one that was not told in time.
async fn crowd(
    outside: &Outside,
    server: &mut Server,
    counts: &[usize],
    mailbox: impl Fn(&Outside, &str) -> Mailbox,
) -> (Vec<CrowdCost>, Option<usize>) {
    let mut costs = Vec::new();
    for count in counts.iter().copied() {
        let name = format!("crowd-{count}");
        let (mailbox, callback) = (mailbox(outside, &name), Callback::new(outside, &name));
        let id = server.client.connect(&mailbox, &callback).await.id;
        // Until a mailbox's first rounds are over each change may cost a look of its own: that is not how it goes on.
        server.poll(id).await;
        let asked_before = mailbox.requests_count();
        let Some(spent) = whole::tell_at_once(outside, server, &mailbox, id, count).await else {
            return (costs, Some(count));
        };
        costs.push(CrowdCost { count, spent, requests_count: mailbox.requests_count() - asked_before });
    }
    (costs, None)
}
