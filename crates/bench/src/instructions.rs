//! Instructions, counted by valgrind: they are the same on a busy machine. What a run needs beside the work is in the
//! difference of a short run and a longer one no more.

use crate::command_line::CommandLine;
use crate::server::{Server, outside};
use crate::whole;
use scenarios::{Callback, Mailbox, Outside};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Repetitions of a step in the longer run, beside one in the short run.
const STEP_TIMES: usize = 4;
/// Lone notifications of the runs.
const LONE_COUNTS: [usize; 2] = [10, 60];

fn valgrind() -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command
}

/// Of one run of a step; `None` where they are not wanted or can't be counted.
pub(crate) fn of_step(line: &CommandLine, number: usize) -> Option<f64> {
    let count = |times: usize| -> Option<f64> {
        let mut command = valgrind().into_std();
        command.arg(std::env::current_exe().ok()?).args(["--step", &number.to_string()]);
        let output = command.args(["--times", &times.to_string()]).stdin(Stdio::null()).output().ok()?;
        collected(&String::from_utf8_lossy(&output.stderr))
    };
    if !line.counts_instructions {
        return None;
    }
    Some((count(STEP_TIMES + 1)? - count(1)?) / STEP_TIMES as f64)
}

/// Of a poll that finds one mail and tells it, with the request for the poll.
pub(crate) async fn of_a_lone_notification(line: &CommandLine) -> Option<f64> {
    if !line.counts_instructions {
        return None;
    }
    let (less, more) = (lone(LONE_COUNTS[0]).await?, lone(LONE_COUNTS[1]).await?);
    Some((more - less) / (LONE_COUNTS[1] - LONE_COUNTS[0]) as f64)
}

/// The same of a program `carillon`.
pub(crate) async fn of_a_lone_notification_by(line: &CommandLine, program: &Path) -> Option<f64> {
    if !line.counts_instructions {
        return None;
    }
    let (less, more) = (lone_by(program, LONE_COUNTS[0]).await?, lone_by(program, LONE_COUNTS[1]).await?);
    Some((more - less) / (LONE_COUNTS[1] - LONE_COUNTS[0]) as f64)
}

async fn lone_by(program: &Path, count: usize) -> Option<f64> {
    let (outside, folder) = (outside().await, tempfile::tempdir().ok()?);
    let mut command = valgrind();
    command.arg(program).stderr(Stdio::piped());
    counted(Server::carillon(command, &outside, folder.path()).await, &outside, count).await
}

async fn lone(count: usize) -> Option<f64> {
    let (outside, folder) = (outside().await, tempfile::tempdir().ok()?);
    counted(Server::counted(valgrind(), &outside, folder.path()).await, &outside, count).await
}

/// Of the whole run of a server: mailboxes that got none before, since a poll reads again what came shortly before.
async fn counted(server: Server, outside: &Outside, count: usize) -> Option<f64> {
    let callback = Callback::new(outside, "lone");
    let mut mailboxes = Vec::new();
    for n in 0..LONE_COUNTS[1] {
        let mailbox = Mailbox::gmail(outside, &format!("lone-{n}"));
        let id = server.client.connect(&mailbox, &callback).await.id;
        mailboxes.push((mailbox, id));
    }
    whole::tell_one_by_one(outside, &server, &mailboxes, count).await;
    collected(&server.stop().await)
}

/// `==1== Collected : 123`
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        assert_eq!(collected("==7== \n==7== Events    : Ir\n==7== Collected : 1234\n"), Some(1234.0));
        assert_eq!(collected("valgrind: no such program"), None);
    }
}
