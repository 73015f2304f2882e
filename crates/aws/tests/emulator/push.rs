//! What push costs while nothing happens: writes, and the units of each.

use crate::budget::{Budget, Row, now, size};
use app::ports::{Job, Polls as _, Sessions as _, Written};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Duration;
use domain::push::Hint;
use scenarios::Mailbox;
use serde_json::{Value, json};

/// Polls of push in a day: each is a heartbeat.
const SAFETY_POLLS_A_DAY: usize = 24;
/// Access tokens in a day of push, at most: each renews a grant. `push::idle` counts them.
const TOKENS_A_DAY: usize = 26;
/// What polls every 15 minutes with a heartbeat each, and a row of three units for a token, wrote in a day.
const UNITS_A_DAY_MAX: usize = 288;

/// Write units of a row.
fn units(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

impl Budget {
    async fn row_of_push(&self) -> Option<Row> {
        let scan = self.client().scan().table_name(&self.table).filter_expression("begins_with(pk, :push)");
        let scan = scan.expression_attribute_values(":push", AttributeValue::S("W#".to_owned()));
        scan.send().await.unwrap().items.unwrap_or_default().pop()
    }

    /// The access token is about to end.
    pub(crate) async fn token_ends(&self) {
        let mut session = self.stack.store.mailbox(self.id).await.unwrap().unwrap().session;
        (session.expires_at, session.refresh_at) = (now() + Duration::minutes(3), now());
        session.version += 1;
        assert_eq!(self.stack.store.put_session(self.id, &session).await.unwrap(), Written::Done);
    }

    /// So is the grant, which is nearly an hour old.
    pub(crate) async fn grant_ends(&self) {
        self.change_push(|watched| {
            watched["granted_until"] = json!(now() + Duration::minutes(3));
            watched["touched_at"] = json!(now() - Duration::minutes(56));
        })
        .await;
    }

    /// The watch is to be renewed.
    pub(crate) async fn watch_is_due(&self) {
        self.change_push(|watched| watched["check_at"] = json!(now() - Duration::minutes(1))).await;
    }

    async fn change_push(&self, change: impl FnOnce(&mut Value)) {
        let row = self.row_of_push().await.unwrap();
        let mut state: Value = serde_json::from_str(row["doc"].as_s().unwrap()).unwrap();
        change(&mut state["watched"][0]);
        let put = self.client().update_item().table_name(&self.table).update_expression("SET doc = :doc");
        let put = put.key("pk", row["pk"].clone()).key("sk", row["sk"].clone());
        let put = put.expression_attribute_values(":doc", AttributeValue::S(state.to_string()));
        put.send().await.unwrap();
    }
}

fn writes(asked: &[String]) -> usize {
    let writes = ["UpdateItem", "PutItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];
    asked.iter().filter(|one| writes.contains(&one.as_str())).count()
}

/// What an idle Outlook mailbox under push writes, whose grant is renewed with each token: a grant is two writes of push's row,
/// beside those of the token, which polls need as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_writes_little_while_nothing_happens() {
    let pushed = json!({ "event.vendor.type": "webhooks", "event.poller.refresh_interval": "60" });
    let budget = Budget::start_by("push-budget", Mailbox::outlook, &pushed).await;
    let microsoft = &budget.outside.providers.microsoft;
    assert_eq!(microsoft.subscriptions_of(budget.mailbox.address()).len(), 1, "it is watched");
    budget.token_ends().await;
    let (refreshed, provider) = budget.poll().await;
    assert!((1..=2).contains(&provider), "of a deletion's hint, too: {provider}");
    budget.token_ends().await;
    budget.grant_ends().await;

    let reminded = budget.asked_by(async {
        microsoft.tell_subscriptions(budget.mailbox.address(), "reauthorizationRequired");
        while budget.outside.providers.send_notice().await {}
    });
    assert_eq!(reminded.await, ["GetItem", "UpdateItem", "SendMessageBatch"]);
    let hint = Hint::to_keep_watches(now());
    let renewed = budget.asked_by(async {
        let job = Job::Hinted { instance: budget.id, hint };
        budget.stack.app.run(job, now() + Duration::seconds(20)).await.unwrap();
    });
    let renewed = renewed.await;
    let token = writes(&refreshed);
    assert!(token >= 2, "the token was refreshed: {refreshed:?}");
    assert_eq!(writes(&renewed), token + 1, "and the grant in push's row: {renewed:?}");

    let size_of = |sizes: &[(String, usize)], kind: &str| {
        let found = sizes.iter().find(|(sk, _)| sk.starts_with(kind));
        units(found.map(|(_, bytes)| *bytes).unwrap())
    };
    let sizes = budget.sizes().await;
    let heartbeat = size_of(&sizes, "R#");
    let row = units(size(&budget.row_of_push().await.unwrap()));
    // The session's row is written once; what else a refresh writes is small.
    let token = size_of(&sizes, "S") + token - 1;
    let push = SAFETY_POLLS_A_DAY * heartbeat + TOKENS_A_DAY * (token + 2 * row);
    assert!(push <= UNITS_A_DAY_MAX, "{push} units a day with push");
}
