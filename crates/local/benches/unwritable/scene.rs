//! A mailbox that gets mail while nothing can be written.

use crate::process::Process;
use crate::{Disk, is_whole};
use scenarios::{Callback, Mailbox, Outside, ReceivedEvent, until};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

const MISSED_COUNT: usize = 20;
const TOLD: &str = "the data can't be written; nothing was lost";

/// A process with its data, a mailbox, and a first mail that was told.
pub(crate) struct Scene {
    name: &'static str,
    outside: Outside,
    data: PathBuf,
    process: Process,
    mailbox: Mailbox,
    callback: Callback,
    id: u64,
    first: ReceivedEvent,
}

impl Scene {
    pub(crate) async fn begun(disk: &Disk, name: &'static str) -> Self {
        let (outside, data) = (Outside::start().await, disk.data(name));
        let (mailbox, callback) = (Mailbox::gmail(&outside, name), Callback::new(&outside, name));
        let process = Process::start_logged_at("error", &outside, (&data, &disk.log()), &[]).await;
        let id = process.client.connect(&mailbox, &callback).await.id;
        let first = mailbox.deliver();
        process.client.poll_well(id).await;
        callback.wait_for(std::slice::from_ref(&first)).await;
        Scene { name, outside, data, process, mailbox, callback, id, first }
    }

    /// Nothing can be written, until it can again: what came meanwhile is told by the timetable.
    pub(crate) async fn goes_on(self, end_writes: impl Fn(), let_write: impl Fn()) {
        end_writes();
        let missed = self.refuses_in_words().await;
        let_write();
        let began = Instant::now();
        self.callback.wait_for(&missed).await;
        let after_s = began.elapsed().as_secs();
        until("health is well", async || (self.health().await.0 == 200).then_some(())).await;
        self.process.client.done("PATCH", "/accounts/settings", &json!({})).await;
        self.process.terminate().await;
        self.callback.assert_told(&[vec![self.first], missed].concat());
        assert!(is_whole(&self.data));
        println!(
            "| {} | 503, reads are answered | by itself within {after_s} s, each told once |",
            self.name
        );
    }

    /// Nothing can be written, and never again before the next mount, which waits for the end of the process.
    pub(crate) async fn goes_on_after_a_start(self, disk: &Disk) {
        disk.fail();
        let missed = self.refuses_in_words().await;
        self.process.terminate().await;
        let said = Process::refuses(&self.outside, &self.data).await;
        assert!(said.starts_with("carillon: ") && said.lines().count() == 1, "{said}");
        disk.mount_again();
        let process = Process::start_logged_at("error", &self.outside, (&self.data, &disk.log()), &[]).await;
        let began = Instant::now();
        self.callback.wait_for(&missed).await;
        let after_s = began.elapsed().as_secs();
        process.terminate().await;
        // What was told in the two seconds before may not have come to the disk as told.
        let mut told = self.callback.told();
        let repeated = told.iter().filter(|told| **told == self.first).count() - 1;
        told.retain(|told| *told != self.first);
        told.sort();
        assert_eq!(told, sorted(missed));
        assert_eq!(self.callback.told_once().len(), MISSED_COUNT + 1);
        assert!(is_whole(&self.data));
        println!(
            "| {} | 503, reads are answered; a start ends with `{}` | mounted and started again within {after_s} s, each told once; what was told just before, {repeated} times again |",
            self.name,
            said.trim_end()
        );
    }

    /// The mails that came and could not be told.
    async fn refuses_in_words(&self) -> Vec<ReceivedEvent> {
        let client = &self.process.client;
        let said = until("health says so", async || {
            let (status, message) = self.health().await;
            (status == 503).then_some(message)
        })
        .await;
        assert_eq!(said, TOLD);
        let missed: Vec<ReceivedEvent> = (0..MISSED_COUNT).map(|_| self.mailbox.deliver()).collect();
        for _ in 0..3 {
            assert_eq!(client.poll(self.id).await.refused(503), TOLD);
            let path = format!("/instances/{}", self.id);
            let change = json!({ "name": "other" });
            assert_eq!(client.refused("PATCH", &path, &change, 503).await, TOLD);
            client.get(&path).await;
            client.get("/instances/events").await;
        }
        assert_eq!(self.callback.told(), std::slice::from_ref(&self.first));
        missed
    }

    async fn health(&self) -> (u16, String) {
        let reply = self.process.client.call_at("GET", "/health", &Value::Null).await;
        (reply.status, reply.body["message"].as_str().unwrap_or_default().to_owned())
    }
}

fn sorted(mut events: Vec<ReceivedEvent>) -> Vec<ReceivedEvent> {
    events.sort();
    events
}
