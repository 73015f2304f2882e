//! `carillon admin` beside a process that serves, and alone.

use crate::process::Process;
use rusqlite::Connection;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS};
use serde_json::{Value, json};
use std::path::Path;
use tokio::process::Command;

/// What `carillon admin` prints, as JSON lines.
async fn admin(folder: &Path, words: &str) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    command.arg("admin").args(words.split(' ')).args(["--json", "--data"]).arg(folder);
    let output = command.env("CARILLON_LOG", "error").output().await.unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn change(folder: &Path, sql: &str) {
    Connection::open(folder.join("carillon.db")).unwrap().execute_batch(sql).unwrap();
}

/// A queue's numbers.
async fn depth(folder: &Path, queue: &str) -> Value {
    let depths = admin(folder, "queues").await;
    depths.into_iter().find(|depth| depth["queue"] == queue).unwrap()
}

/// What an operator does to callers takes effect in the serving process at once.
async fn rotates_and_removes(process: &Process, folder: &Path, made: &Value) {
    let (organization, first) = (&made["organizationId"], &made["userId"]);
    let status = async |user: &Value, organization: &Value| {
        let secrets =
            format!("User {}, Organization {}", user.as_str().unwrap(), organization.as_str().unwrap());
        process.client.authorized(&secrets).try_call("GET", "/instances", None).await.unwrap().status
    };
    let words = format!("users add --own --organization {organization}");
    let own = admin(folder, &words).await.remove(0);
    let listed = admin(folder, &format!("users --organization {organization}")).await;
    let sight: Vec<bool> = listed.iter().map(|user| user["seesOwnOnly"].as_bool().unwrap()).collect();
    assert_eq!(sight, [false, false, true]);
    assert_eq!(admin(folder, "users").await.len(), 4, "with the first organization's");

    let words = format!("organizations rotate --organization {organization}");
    let renewed = admin(folder, &words).await.remove(0)["organizationSecret"].clone();
    assert_eq!(status(&made["userSecret"], &made["organizationSecret"]).await, 401);
    assert_eq!(status(&made["userSecret"], &renewed).await, 200);
    let words = format!("users rotate --organization {organization} --user {first}");
    let secret = admin(folder, &words).await.remove(0)["userSecret"].clone();
    assert_eq!(status(&made["userSecret"], &renewed).await, 401);
    assert_eq!(status(&secret, &renewed).await, 200);
    assert_eq!(status(&own["userSecret"], &renewed).await, 200);
    let words = format!("users remove --organization {organization} --user {}", own["userId"]);
    assert_eq!(admin(folder, &words).await[0]["userId"], own["userId"]);
    assert_eq!(status(&own["userSecret"], &renewed).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_link_opens_the_console_once() {
    let (outside, folder) = (Outside::start().await, tempfile::tempdir().unwrap());
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let link = admin(folder.path(), "sign-in-link").await.remove(0);
    let token = link["url"].as_str().unwrap().rsplit_once("/sign-in/once?key=").unwrap().1.to_owned();
    let nobody = process.client.authorized("");
    let session = nobody.done("POST", "/sessions/link", &json!({ "link": token })).await;
    let session =
        process.client.authorized(&format!("Session {}", session["sessionToken"].as_str().unwrap()));
    assert_eq!(session.get("/instances").await, json!([]));
    nobody.refused("POST", "/sessions/link", &json!({ "link": token }), 401).await;
    let made = admin(folder.path(), "organizations add").await.remove(0);
    let words = format!("sign-in-link --organization {} --user {}", made["organizationId"], made["userId"]);
    assert_ne!(admin(folder.path(), &words).await[0]["url"], link["url"]);
    let audit = format!("/organizations/{}/audit", made["organizationId"]);
    let secrets = ["userSecret", "organizationSecret"].map(|key| made[key].as_str().unwrap());
    let other = process.client.authorized(&format!("User {}, Organization {}", secrets[0], secrets[1]));
    assert_eq!(other.list(&audit).await[0]["action"], "user.sign_in_link_made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_serving_process_it_lets_in_redrives_and_mends() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let process = Process::start(&outside, folder, RETRY_DELAYS).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "admin"), Callback::new(&outside, "admin"));
    let id = process.client.connect(&mailbox, &callback).await.id;

    let made = admin(folder, "organizations add").await.remove(0);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let secrets = format!("User {}, Organization {}", text("userSecret"), text("organizationSecret"));
    process.client.authorized(&secrets).get("/instances").await;
    let user = admin(folder, &format!("users add --organization {}", made["organizationId"])).await.remove(0);
    let secret = user["userSecret"].as_str().unwrap();
    let secrets = format!("User {secret}, Organization {}", text("organizationSecret"));
    process.client.authorized(&secrets).get("/instances").await;
    assert_eq!(admin(folder, "organizations").await[1]["users_count"], 2);
    rotates_and_removes(&process, folder, &made).await;

    // A delivery that is due and whose job is dead.
    mailbox.deliver();
    process.poll_until_read(id).await;
    scenarios::until("it is delivered", async || {
        let log = process.client.get(&format!("/instances/{id}/events")).await;
        let log = log.as_array().unwrap();
        (!log.is_empty() && log.iter().all(|one| one["delivery"] == "delivered")).then_some(())
    })
    .await;
    change(
        folder,
        "UPDATE notifications SET progress = 'pending', attempt = 2, reached_callback = 0;
         INSERT INTO dead_jobs SELECT json_object('Deliver', json_object('instance', instance_id,
             'sequence', sequence, 'attempt', 2)), instance_id, 25, 0 FROM notifications;",
    );
    assert_eq!(depth(folder, "dead").await["waiting_count"], 1);
    assert_eq!(admin(folder, "redrive").await[0]["sent_count"], 1);
    let received = callback.wait_for_posts(2).await;
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(depth(folder, "dead").await["waiting_count"], 0);

    // A schedule that was left off long ago, and what was promised for its instance lost.
    change(
        folder,
        "UPDATE schedules SET enabled = 0;
         DELETE FROM jobs;
         UPDATE instances SET document = json_set(document, '$.updated_at', '2020-01-01T00:00:00Z');",
    );
    let shown = admin(folder, "check").await;
    assert_eq!((&shown[0]["finding"], &shown[0]["outcome"]), (&"schedule_off".into(), &"shown".into()));
    let mended = admin(folder, "check --mend").await;
    assert_eq!((&mended[0]["finding"], &mended[0]["outcome"]), (&"schedule_off".into(), &"mended".into()));
    let clean = admin(folder, "check").await;
    assert_eq!((clean.len(), &clean[0]["left_count"]), (1, &0.into()), "{clean:?}");
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_without_data_is_not_taken_for_one_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    let output = command.args(["admin", "check", "--data"]).arg(folder.path()).output().await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no data in"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alone_it_removes_what_a_creation_left_and_says_what_it_would() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = admin(folder, "secrets").await.remove(0);
    assert_eq!((&first["organizationId"], first["userSecret"].as_str().unwrap().len()), (&1.into(), 44));
    change(folder, "INSERT INTO schedules VALUES (17, 60, 0, 0); INSERT INTO secrets VALUES (17, 1, 'x');");
    for (words, outcome, left) in [("check", "shown", 2), ("check --mend", "mended", 0)] {
        let said = admin(folder, words).await;
        assert_eq!((said.len(), &said[2]["left_count"]), (3, &left.into()), "{said:?}");
        for (one, finding) in said.iter().zip(["orphaned_schedule", "orphaned_secret"]) {
            assert_eq!((&one["finding"], &one["instance"]), (&finding.into(), &17.into()));
            assert_eq!(one["outcome"], outcome);
        }
    }
    assert_eq!(admin(folder, "check").await.len(), 1);
}
