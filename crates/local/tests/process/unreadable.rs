//! One row that can't be read, for it is damaged or another version's, stops nobody else: each kind of row in a mailbox of
//! its own, all at once.

use crate::process::Process;
use rusqlite::Connection;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, ReceivedEvent, until};
use serde_json::Value;
use std::path::Path;

const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");

/// A row of a mailbox.
struct Damage {
    /// Its table.
    of: &'static str,
    /// What damages it.
    sql: &'static str,
    /// What the runbook does about it, for mailbox `ID`; `B` is a backup.
    remedy: &'static str,
}

const DAMAGES: [Damage; 9] = [
    Damage {
        of: "instances",
        sql: "UPDATE instances SET document = '[]' WHERE id = ID",
        remedy: "UPDATE instances SET document = (SELECT document FROM b.instances WHERE id = ID) WHERE id = ID",
    },
    Damage {
        of: "sessions",
        sql: "UPDATE sessions SET document = json_set(document, '$.failures', 'many') WHERE instance_id = ID",
        remedy: "UPDATE sessions SET document = json_object('access_token_sealed', '', 'expires_at', '1970-01-01T00:00:00Z',
    'refresh_at', '1970-01-01T00:00:00Z', 'version', version, 'failures', 0, 'refused', 0) WHERE instance_id = ID",
    },
    Damage {
        of: "sessions",
        sql: "UPDATE sessions SET document = '{' WHERE instance_id = ID",
        remedy: "UPDATE sessions SET (version, document) =
    (SELECT version, document FROM b.sessions WHERE instance_id = ID) WHERE instance_id = ID",
    },
    Damage {
        of: "resources",
        sql: "UPDATE resources SET document = '[]' WHERE instance_id = ID",
        remedy: "UPDATE resources SET (version, document) =
    (SELECT version, document FROM b.resources old WHERE instance_id = ID AND old.resource = resources.resource)
    WHERE instance_id = ID",
    },
    Damage {
        of: "subscriptions",
        sql: "UPDATE subscriptions SET status = 'gone' WHERE instance_id = ID",
        remedy: "UPDATE subscriptions SET status = 'suspended', lease_until_us = NULL WHERE instance_id = ID",
    },
    Damage {
        of: "secrets",
        sql: "UPDATE secrets SET sealed = substr(sealed, 1, 60) WHERE instance_id = ID;
              UPDATE sessions SET document = json_set(document, '$.refresh_at', '1970-01-01T00:00:00Z',
                  '$.expires_at', '1970-01-01T00:00:00Z') WHERE instance_id = ID",
        remedy: "UPDATE secrets SET (version, sealed) =
    (SELECT version, sealed FROM b.secrets WHERE instance_id = ID) WHERE instance_id = ID",
    },
    Damage {
        of: "schedules",
        sql: "UPDATE schedules SET enabled = 1, interval_s = -1 WHERE instance_id = ID",
        remedy: "DELETE FROM schedules WHERE instance_id = ID",
    },
    Damage {
        of: "jobs",
        sql: "INSERT INTO jobs (job, class, instance_id, due_at_us, failures) VALUES ('{\"Odd\":1}', 'other', ID, 0, 0)",
        remedy: "DELETE FROM jobs WHERE job = '{\"Odd\":1}'",
    },
    Damage {
        of: "notifications",
        sql: "UPDATE notifications SET attempts = '{' WHERE instance_id = ID",
        remedy: "UPDATE notifications SET attempts = '[]' WHERE instance_id = ID",
    },
];

struct Hurt<'a> {
    damage: &'a Damage,
    mailbox: Mailbox,
    id: u64,
}

impl Hurt<'_> {
    fn sql(&self, of: &str) -> String {
        of.replace("ID", &self.id.to_string())
    }
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("carillon.db")).unwrap()
}

/// What the log says of rows, as table and key.
fn told(log: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines = lines.filter(|line| line.to_string().contains("\"row.unreadable\""));
    let word = |line: &Value, name: &str| {
        let fields = line.get("fields").unwrap_or(line);
        fields[name].as_str().unwrap().to_owned()
    };
    lines.map(|line| (word(&line, "row.of"), word(&line, "row.key"))).collect()
}

async fn connected<'a>(outside: &Outside, process: &Process, callback: &Callback) -> Vec<Hurt<'a>> {
    let mut all = Vec::new();
    for (n, damage) in DAMAGES.iter().enumerate() {
        let mailbox = Mailbox::gmail(outside, &format!("hurt-{n}"));
        let id = process.client.connect(&mailbox, callback).await.id;
        all.push(Hurt { damage, mailbox, id });
    }
    all
}

async fn deliver_all(process: &Process, mailboxes: &[(&Mailbox, u64)], callback: &Callback) {
    let sent: Vec<ReceivedEvent> = mailboxes.iter().map(|(mailbox, _)| mailbox.deliver()).collect();
    for (_, id) in mailboxes {
        process.poll_until_read(*id).await;
    }
    callback.wait_for(&sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_and_serves_all_others_and_the_runbook_mends_each() {
    let outside = Outside::start().await;
    let callback = Callback::new(&outside, "hurt");
    let (folder, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let hurt = connected(&outside, &process, &callback).await;
    let well = Mailbox::outlook(&outside, "well");
    let well_id = process.client.connect(&well, &callback).await.id;
    let of_hurt: Vec<(&Mailbox, u64)> = hurt.iter().map(|one| (&one.mailbox, one.id)).collect();
    let all: Vec<(&Mailbox, u64)> = of_hurt.iter().copied().chain([(&well, well_id)]).collect();
    deliver_all(&process, &all, &callback).await;
    process.terminate().await;

    let backup = folder.path().join("backup.db");
    database(folder.path()).execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    let damaged = database(folder.path());
    // So that a start has something to do for each.
    damaged.execute_batch("UPDATE schedules SET enabled = 0").unwrap();
    for one in &hurt {
        damaged.execute_batch(&one.sql(one.damage.sql)).unwrap();
        assert!(damaged.changes() > 0, "{}", one.damage.of);
    }
    drop(damaged);

    let process = Process::start_logged(&outside, folder.path(), log.path()).await;
    deliver_all(&process, &[(&well, well_id)], &callback).await;
    let listed = process.client.list("/instances").await;
    assert!(listed.iter().any(|one| one["id"] == well_id));
    for one in &hurt {
        // Its own polls say so; the second time, too.
        for _ in 0..2 {
            let polled = process.client.poll(one.id).await;
            let says = polled.body["message"].as_str().unwrap_or_default();
            // Who met unreadable secrets left the lease of the token to its end: another poll answers that.
            process.client.call("GET", &format!("/instances/{}/events", one.id), &Value::Null).await;
            assert_eq!(polled.status == 500, says.contains("can't be read"), "{}: {says}", one.damage.of);
        }
    }
    let of_database = database(folder.path());
    until("each row is told", async || {
        let rows = told(log.path());
        hurt.iter().all(|one| rows.iter().any(|(of, _)| of == one.damage.of)).then_some(())
    })
    .await;
    let enabled = "SELECT enabled FROM schedules WHERE instance_id = ?1";
    assert!(of_database.query_row(enabled, [well_id], |row| row.get::<_, bool>(0)).unwrap(), "it was mended");
    drop(of_database);
    process.terminate().await;
    let mut rows = told(log.path());
    let count = rows.len();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), count, "each is told once: {rows:?}");
    for one in &hurt {
        let count = rows.iter().filter(|(of, key)| of == one.damage.of && key.contains(&one.id.to_string()));
        assert!(one.damage.of == "jobs" || count.count() > 0, "{}: {rows:?}", one.damage.of);
    }

    let mended = database(folder.path());
    mended.execute("ATTACH ?1 AS b", [backup.to_str().unwrap()]).unwrap();
    for one in &hurt {
        let remedy = one.damage.remedy;
        assert!(one.damage.of == "jobs" || RUNBOOK.contains(remedy), "the runbook lacks\n{remedy}");
        assert!(mended.execute(&one.sql(remedy), []).unwrap() > 0, "{}", one.damage.of);
    }
    drop(mended);
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    process.client.done("PUT", "/notifications/subscriptions/deliveries", &serde_json::json!({})).await;
    deliver_all(&process, &all, &callback).await;
    process.terminate().await;
}
