//! What becomes of a mailbox is told once, also where the process is killed before.

use crate::process::Process;
use futures_util::future::join_all;
use scenarios::{Callback, HealthAddress, Mailbox, Outside, RETRY_DELAYS, body, until};
use serde_json::{Value, json};

/// Killed right when the provider's refusal was stored, before and while it is told; and again when its owners are back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_a_transition_and_its_event_it_tells_it_once() {
    let outside = Outside::start().await;
    let (callback, health) = (Callback::new(&outside, "killed"), HealthAddress::new(&outside, "killed"));
    let mailboxes: Vec<Mailbox> =
        (0..4).map(|number| Mailbox::outlook(&outside, &format!("killed{number}"))).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    process.client.done("PATCH", "/accounts/settings", &health.settings()).await;
    let mut ids = Vec::new();
    for mailbox in &mailboxes {
        ids.push(process.client.create(&body(mailbox, &callback)).await.id);
        mailbox.revoke();
    }
    for (killed, id) in ids.iter().enumerate() {
        let path = format!("/instances/{id}");
        let poll = async || process.client.try_call("POST", &format!("{path}/poll"), None).await;
        let refused = async || {
            let shown = process.client.try_call("GET", &path, None).await;
            shown.is_some_and(|reply| reply.body["valid"] == false)
        };
        until("a poll finds the grant withdrawn", async || {
            // Half of them die as soon as it is stored, the others after the poll's end.
            match killed % 2 {
                0 => tokio::select! {
                    _ = poll() => {}
                    () = until("it is stored", async || refused().await.then_some(())) => {}
                },
                _ => drop(poll().await),
            }
            refused().await.then_some(())
        })
        .await;
        process.kill().await;
        process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    }
    // Killed while letters are on their way, if they are by then.
    process.kill().await;
    process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    join_all(ids.iter().map(|id| health.wait_for("mailbox.needs_sign_in", *id))).await;
    for (mailbox, id) in mailboxes.iter().zip(&ids) {
        let code = json!({ "providerData": { "code": mailbox.code() } });
        process.client.done("PATCH", &format!("/instances/{id}"), &code).await;
        process.kill().await;
        process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    }
    join_all(ids.iter().map(|id| health.wait_for("mailbox.recovered", *id))).await;
    for id in &ids {
        assert_eq!(health.told_of("mailbox.needs_sign_in", *id).len(), 1);
        assert_eq!(
            process.client.done("GET", &format!("/instances/{id}"), &Value::Null).await["valid"],
            true
        );
    }
    process.terminate().await;
}
