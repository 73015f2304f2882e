//! Two builds in one run, in turns: what is told of them on one machine can be compared.

use crate::command_line::CommandLine;
use crate::server::{Server, Spent, outside};
use crate::table::Row;
use crate::whole;
use scenarios::{Callback, Mailbox, Outside};
use std::path::Path;

const ROUNDS_COUNT: usize = 10;
/// Of each build.
const MAILBOXES_COUNT: usize = 50;

pub(crate) async fn all(line: &CommandLine, program: &Path) -> Vec<Row> {
    let outside = outside().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut builds = [
        Build::new("ours", Server::start(&outside, folders[0].path()).await, &outside).await,
        Build::new("theirs", Server::start_other(program, &outside, folders[1].path()).await, &outside).await,
    ];
    let count = line.pick(100, 30);
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
        rows.extend(whole::costs(
            &format!("a lone notification with its poll and request, {name}"),
            lone[number],
        ));
        rows.extend(whole::costs(&format!("an idle poll and its request, {name}"), idle[number]));
        build.server.stop().await;
    }
    rows.push(Row::new("a lone notification, ours to theirs", "ratio", lone[0].cpu_ms / lone[1].cpu_ms));
    let beyond = |number: usize| lone[number].cpu_ms - idle[number].cpu_ms;
    rows.push(Row::new("the same beyond an idle poll", "ratio", beyond(0) / beyond(1)));
    rows
}

struct Build {
    name: &'static str,
    server: Server,
    mailboxes: Vec<(Mailbox, u64)>,
}

impl Build {
    async fn new(name: &'static str, server: Server, outside: &Outside) -> Self {
        let callback = Callback::new(outside, name);
        let mut mailboxes = Vec::new();
        for n in 0..MAILBOXES_COUNT {
            let mailbox = Mailbox::gmail(outside, &format!("{name}-{n}"));
            let id = server.client.connect(&mailbox, &callback).await.id;
            mailboxes.push((mailbox, id));
        }
        Build { name, server, mailboxes }
    }

    async fn lone(&mut self, outside: &Outside, count: usize) -> Spent {
        let before = self.server.spent().await;
        whole::tell_one_by_one(outside, &self.server, &self.mailboxes, count).await;
        self.server.spent().await.since(before).each_of(count)
    }

    async fn idle(&mut self, count: usize) -> Spent {
        let before = self.server.spent().await;
        for (_, id) in self.mailboxes.iter().cycle().take(count) {
            self.server.poll(*id).await;
        }
        self.server.spent().await.since(before).each_of(count)
    }
}
