//! `users.watch` and `users.stop`: a mailbox tells a topic that it changed.

use serde_json::{Value, json};

use super::error;
use super::mailbox::{Mailbox, Record, Watch};
use super::push::{PROJECT, Push};
use crate::call::Call;
use crate::clock::{DAY_US, SECOND_US};
use crate::reply::Reply;

const LIFE_US: i64 = 7 * DAY_US;
/// One notice a second for each user; the others are dropped, as is documented.
const INTERVAL_US: i64 = SECOND_US;
const WATCH_UNITS: u64 = 100;
const STOP_UNITS: u64 = 50;

/// One topic a mailbox and project: the same again renews it.
pub(super) fn watch(mailbox: &mut Mailbox, push: &mut Push, call: &Call, now_us: i64) -> Reply {
    mailbox.units += WATCH_UNITS;
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let topic = body["topicName"].as_str().unwrap_or_default();
    if !topic.starts_with(&format!("projects/{PROJECT}/topics/")) {
        let message = format!("Invalid topicName does not match projects/{PROJECT}/topics/*");
        return error::invalid_argument(&message);
    }
    let untold = |status: u16, why: &str| {
        let message = format!("Error sending test message to Cloud PubSub {topic} : {why}");
        if status == 404 { error::not_found_with(&message) } else { error::forbidden(&message) }
    };
    match push.is_open(topic) {
        None => return untold(404, "Resource not found."),
        Some(false) => return untold(403, "User not authorized to perform this action."),
        Some(true) => {}
    }
    let live = mailbox.watch.as_ref().filter(|watch| now_us < watch.expires_us);
    let crosses = push.refused_watches_count > 0;
    push.refused_watches_count = push.refused_watches_count.saturating_sub(1);
    if crosses || live.is_some_and(|watch| watch.topic != topic) {
        return error::invalid_argument(
            "Only one user push notification client allowed per developer (call /stop then try again)",
        );
    }
    let labels = body["labelIds"].as_array().into_iter().flatten();
    let behavior = body["labelFilterBehavior"].as_str().or(body["labelFilterAction"].as_str());
    mailbox.watch = Some(Watch {
        topic: topic.to_owned(),
        labels: labels.filter_map(Value::as_str).map(str::to_owned).collect(),
        is_excluding: behavior.is_some_and(|behavior| behavior.eq_ignore_ascii_case("exclude")),
        expires_us: now_us + LIFE_US,
        told_us: now_us,
    });
    // Whoever watches is told where the mailbox stands.
    push.publish(topic, &mailbox.email, mailbox.history_id, now_us);
    let expires_ms = (now_us + LIFE_US) / 1000;
    Reply::json(
        200,
        &json!({ "historyId": mailbox.history_id.to_string(), "expiration": expires_ms.to_string() }),
    )
}

pub(super) fn stop(mailbox: &mut Mailbox) -> Reply {
    mailbox.units += STOP_UNITS;
    mailbox.watch = None;
    Reply::text(204, "text/plain", "")
}

/// Tells the topic what became of the mailbox after a history id.
pub(super) fn tell(mailbox: &mut Mailbox, after: u64, push: &mut Push, now_us: i64) {
    let Some(watch) = mailbox.watch.as_mut().filter(|watch| now_us < watch.expires_us) else { return };
    let new = mailbox.history.iter().rev().take_while(|record| record.id > after);
    let mut concerned = new.filter(|record| is_of(watch, record));
    if concerned.next().is_none() || now_us - watch.told_us < INTERVAL_US {
        return;
    }
    watch.told_us = now_us;
    push.publish(&watch.topic, &mailbox.email, mailbox.history_id, now_us);
}

fn is_of(watch: &Watch, record: &Record) -> bool {
    let is_named = |label: &String| watch.labels.contains(label);
    watch.labels.is_empty()
        || record.touched.iter().any(|touched| {
            let mut labels =
                touched.labels.iter().chain(&touched.labels_added).chain(&touched.labels_removed);
            labels.any(is_named) != watch.is_excluding
        })
}
