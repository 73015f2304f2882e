//! Messages that come twice, that nobody understands, and that could not be tried.

use crate::stack::{Stack, platform};
use scenarios::{Callback, Mailbox, Platform as _, until};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_again_change_nothing() {
    let stack = platform().await;
    let mailbox = Mailbox::gmail(stack.outside(), "again");
    let callback = Callback::new(stack.outside(), "again");
    let id = stack.client().connect(&mailbox, &callback).await.id;
    let mut wanted = vec![mailbox.deliver()];
    stack.client().poll_well(id).await;
    callback.wait_for(&wanted).await;
    for key in stack.keys(&format!("N#{id}")).await {
        let sequence: u64 = key.parse().unwrap();
        let job = json!({ "Deliver": { "instance": id, "sequence": sequence, "attempt": 1 } });
        for _ in 0..2 {
            stack.send(&stack.environment.delivery_queue, &job).await;
            stack.send(&stack.environment.work_queue, &json!({ "Poll": id })).await;
            stack.send(&stack.environment.delivery_queue, &json!({ "Release": id })).await;
        }
    }
    // What was sent later arrived: so did what was sent before.
    for _ in 0..2 {
        wanted.push(mailbox.deliver());
        stack.send(&stack.environment.work_queue, &json!({ "Poll": id })).await;
        callback.wait_for(&wanted).await;
    }
    callback.assert_told(&wanted);
}

/// An instance whose secrets can't be read has a job that fails, and then a dead letter. Sent again when the
/// secrets are back, it does its work; a message that nobody understands stays a dead letter and stops nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_sent_again_does_its_work() {
    let stack = platform().await;
    let nonsense = json!({ "Sing": fastrand::u32(..) });
    stack.send(&stack.environment.delivery_queue, &nonsense).await;
    let mailbox = Mailbox::gmail(stack.outside(), "dead-letter");
    let callback = Callback::new(stack.outside(), "dead-letter");
    let id = stack.client().connect(&mailbox, &callback).await.id;
    let secret = stack.secret_of(id);
    stack.aws.secrets.delete_secret().secret_id(&secret).recovery_window_in_days(7).send().await.unwrap();
    let wanted = [mailbox.deliver()];
    stack.client().poll_well(id).await;
    wait_for_dead_letter(&stack, &|body| body["Deliver"]["instance"] == id).await;
    wait_for_dead_letter(&stack, &|body| *body == nonsense).await;
    assert_eq!(callback.posts().len(), 0);
    stack.aws.secrets.restore_secret().secret_id(&secret).send().await.unwrap();
    let redriven = stack.admin("redrive").await.remove(0);
    let count = |key: &str| redriven[key].as_u64().unwrap();
    assert!(count("sent_count") >= 1 && count("unreadable_count") >= 1, "{redriven}");
    callback.wait_for(&wanted).await;
    callback.assert_told(&wanted);
}

async fn wait_for_dead_letter(stack: &Stack, wanted: &dyn Fn(&Value) -> bool) {
    let url = &stack.environment.dead_letter_queue.url;
    until("there is a dead letter", async || {
        let letters = stack.look_into(url).await;
        letters.iter().any(|body| wanted(&parsed(body))).then_some(())
    })
    .await;
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or(Value::Null)
}
