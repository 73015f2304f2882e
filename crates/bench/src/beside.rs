//! Two versions in one run, in turns: what is told of them on one machine can be compared.

use crate::command_line::CommandLine;
use crate::instructions;
use crate::server::{Server, Spent, outside};
use crate::table::Row;
use crate::whole;
use scenarios::{Callback, Mailbox, Outside};
use std::path::Path;
use tokio::process::Command;

const ROUNDS_COUNT: usize = 10;
/// Mailboxes without mail, of each version.
const QUIET_COUNT: usize = 50;

/// The program that was built with this one, beside another.
///
/// # Errors
/// It was not built.
pub(crate) async fn all(line: &CommandLine, theirs: &Path) -> anyhow::Result<Vec<Row>> {
    let ours = std::env::current_exe()?.with_file_name("carillon");
    anyhow::ensure!(ours.is_file(), "carillon is not built beside this program: cargo build --release");
    let outside = outside().await;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let count = line.pick(100, 30);
    let servers = [
        ("ours", Server::carillon(Command::new(&ours), &outside, folders[0].path()).await),
        ("theirs", Server::carillon(Command::new(theirs), &outside, folders[1].path()).await),
    ];
    let mut builds = Vec::new();
    for (name, server) in servers {
        builds.push(Build::new(name, server, &outside, (ROUNDS_COUNT + 1) * count).await);
    }
    for build in &mut builds {
        // Caches and connections.
        build.lone(&outside, count).await;
    }
    let (mut lone, mut idle) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS_COUNT {
        for (number, build) in builds.iter_mut().enumerate() {
            lone[number].push(build.lone(&outside, count).await);
            idle[number].push(build.idle(count).await);
        }
    }
    let (lone, idle) = (lone.map(Spent::mean), idle.map(Spent::mean));
    let mut rows = Vec::new();
    for (number, build) in builds.into_iter().enumerate() {
        let name = build.name;
        rows.push(Row::new(format!("start to listening, empty, {name}"), "ms", build.server.start_ms));
        rows.extend(costs(&format!("a lone notification with its poll and request, {name}"), lone[number]));
        rows.extend(costs(&format!("an idle poll and its request, {name}"), idle[number]));
        build.server.stop().await;
    }
    rows.push(Row::new("a lone notification, ours to theirs", "ratio", lone[0].cpu_ms / lone[1].cpu_ms));
    let beyond = |number: usize| lone[number].cpu_ms - idle[number].cpu_ms;
    rows.push(Row::new("the same beyond an idle poll", "ratio", beyond(0) / beyond(1)));
    rows.extend(instructions(line, &ours, theirs).await);
    Ok(rows)
}

/// Where they are wanted.
async fn instructions(line: &CommandLine, ours: &Path, theirs: &Path) -> Vec<Row> {
    let ours = instructions::of_a_lone_notification_by(line, ours).await;
    let (Some(ours), Some(theirs)) = (ours, instructions::of_a_lone_notification_by(line, theirs).await)
    else {
        return Vec::new();
    };
    let what = "a lone notification with its poll and request";
    vec![
        Row::new(format!("{what}, ours"), "instructions", ours),
        Row::new(format!("{what}, theirs"), "instructions", theirs),
        Row::new(format!("{what}, ours to theirs"), "ratio of instructions", ours / theirs),
    ]
}

/// What the system knows of.
fn costs(what: &str, spent: Spent) -> Vec<Row> {
    vec![
        Row::new(what, "CPU-ms", spent.cpu_ms),
        Row::new(what, "calls that write", spent.write_calls),
        Row::new(what, "bytes to disk", spent.disk_bytes),
    ]
}

struct Build {
    name: &'static str,
    server: Server,
    /// That get a mail, once each: a poll reads again what came shortly before.
    waiting: Vec<(Mailbox, u64)>,
    quiet: Vec<(Mailbox, u64)>,
}

impl Build {
    async fn new(name: &'static str, server: Server, outside: &Outside, waiting_count: usize) -> Self {
        let callback = Callback::new(outside, name);
        let mut mailboxes = Vec::new();
        for n in 0..waiting_count + QUIET_COUNT {
            let mailbox = Mailbox::gmail(outside, &format!("{name}-{n}"));
            let id = server.client.connect(&mailbox, &callback).await.id;
            mailboxes.push((mailbox, id));
        }
        let quiet = mailboxes.split_off(waiting_count);
        Build { name, server, waiting: mailboxes, quiet }
    }

    async fn lone(&mut self, outside: &Outside, count: usize) -> Spent {
        let before = self.server.spent().await;
        let told = self.waiting.split_off(self.waiting.len() - count);
        whole::tell_one_by_one(outside, &self.server, &told, count).await;
        self.server.spent().await.since(before).each_of(count)
    }

    async fn idle(&mut self, count: usize) -> Spent {
        let before = self.server.spent().await;
        for (_, id) in self.quiet.iter().cycle().take(count) {
            self.server.poll(*id).await;
        }
        self.server.spent().await.since(before).each_of(count)
    }
}
