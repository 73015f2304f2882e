//! Each question of docs/runbook.md, on a fault that is staged: its commands print what it says.

mod data;
mod mailboxes;
mod page;

use crate::process::Process;
use page::Desk;
use scenarios::{Callback, Mailbox, Outside};
use std::path::Path;
use tempfile::TempDir;

/// One mailbox of a process, with its callback.
struct Stage {
    outside: Outside,
    folder: TempDir,
    process: Process,
    mailbox: Mailbox,
    callback: Callback,
    id: u64,
}

impl Stage {
    /// One attempt, and a callback that fails is suspended.
    async fn new(name: &str) -> Self {
        Self::with_delays(name, "").await
    }

    async fn with_delays(name: &str, retry_delays: &str) -> Self {
        let outside = Outside::start().await;
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(&outside, folder.path(), retry_delays).await;
        let (mailbox, callback) = (Mailbox::gmail(&outside, name), Callback::new(&outside, name));
        let id = process.client.connect(&mailbox, &callback).await.id;
        Stage { outside, folder, process, mailbox, callback, id }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn desk(&self) -> Desk<'_> {
        let desk = Desk::at(&self.outside, self.path()).beside(&self.process);
        desk.with("INSTANCE", &self.id.to_string())
    }

    /// What is wrong is set right: a mail that comes now arrives, and so does what waited.
    async fn assert_goes_on(&self) {
        let told = self.mailbox.deliver();
        self.process.poll_until_read(self.id).await;
        self.callback.wait_for(&[told]).await;
    }

    /// So many notifications were answered with 503, and wait for their next attempt.
    async fn until_refused(&self, count: usize) {
        scenarios::until("attempts are decided", async || {
            let events = self.process.client.list(&format!("/instances/{}/events", self.id)).await;
            let refused = events.iter().filter(|event| event["attempts"][0]["status"] == 503);
            (refused.count() == count).then_some(())
        })
        .await;
    }

    async fn until_suspended(&self) {
        scenarios::until("the callback is suspended", async || {
            let shown = self.process.client.get(&format!("/instances/{}", self.id)).await;
            (shown["subscription"]["status"] == "suspended").then_some(())
        })
        .await;
    }
}

/// Each question of the page is asked on a fault that is staged.
#[test]
fn no_question_of_the_page_goes_untried() {
    let staged = [include_str!("data.rs"), include_str!("mailboxes.rs")].concat();
    let asked = page::questions();
    assert!(asked.len() > 10, "{asked:?}");
    for question in asked {
        assert!(staged.contains(&format!(".assert_answers(\"{question}\")")), "nobody stages `{question}`");
    }
}
