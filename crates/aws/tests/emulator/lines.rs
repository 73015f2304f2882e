//! What is written of a mail.

use crate::budget::Budget;
use aws::lines;
use lambda_runtime::Context;
use serde_json::Value;
use std::io::{self, Seek as _};
use std::sync::Arc;
use tracing::Dispatch;
use tracing::instrument::{Instrument as _, WithSubscriber as _};
use tracing::subscriber::NoSubscriber;

/// What CloudWatch adds to each line.
const BYTES_OF_EVENT: usize = 26;

/// One line, that the ids of the callback's headers lead to, and that leads to its poll; within what the cost model assumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_one_short_line() {
    // Whether a place in the code is told of is found out where it is met first. With one subscriber only that thread's own
    // is asked, and another test's has none: the line would be lost to all. With two, both are asked.
    let _second = Dispatch::new(NoSubscriber::new());
    let budget = Budget::start("lines-mail").await;
    budget.mailbox.deliver();
    let written = Arc::new(tempfile::tempfile().unwrap());
    let subscriber = lines::subscriber("info".parse().unwrap(), written.clone());
    let invoked = async {
        let mut context = Context::default();
        context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
        context.xray_trace_id = Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".to_owned());
        budget.poll().instrument(lines::invocation(&context)).await
    };
    invoked.with_subscriber(subscriber).await;
    let mut written = &*written;
    written.rewind().unwrap();
    let text = io::read_to_string(written).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{text}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    let headers = budget.headers_of_last_post();
    let said = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {text}"));
    assert_eq!(said("message"), "delivery.attempted");
    assert_eq!(said("event.id"), headers["elements-webhook-id"]);
    assert!(headers["traceparent"].to_str().unwrap().contains(said("trace.id")));
    assert_eq!((said("poll.id").len(), said("verdict")), (16, "delivered"));
    let assumed: Value = serde_json::from_str(include_str!("../../../../infra/cost/assumed.json")).unwrap();
    let bytes = lines[0].len() + BYTES_OF_EVENT;
    assert!(bytes as f64 <= assumed["log_bytes_per_notification"].as_f64().unwrap(), "{bytes}: {text}");
}
