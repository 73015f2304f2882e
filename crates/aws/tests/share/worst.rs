//! The polls that need the most memory.

use crate::budget::Budget;
use crate::function::Function;
use crate::{binary, say, variables};
use doubles::Mail;
use scenarios::{Mailbox, Outside};
use serde_json::{Value, json};

/// As many as Google allows.
const LABELS_COUNT: usize = 10_000;
/// A third of what a resource may have that is compared with what it was: the double sorts all of them for each page.
const DRAFTS_COUNT: usize = 30_000;
/// Changes of one step.
const CHANGES_COUNT: usize = 250;
const LONG_BYTES: usize = 300_000;
/// So that a page of ten is within what an answer may have.
const LONGEST_BYTES: usize = 5_000_000;
const LONGEST_COUNT: usize = 10;

pub(crate) async fn all() {
    labels().await;
    drafts().await;
    mails("250 short mails", Mailbox::gmail, &json!({}), CHANGES_COUNT, 0).await;
    mails("250 short mails", Mailbox::outlook, &json!({}), CHANGES_COUNT, 0).await;
    let gmail = json!({ "messages": { "url": "/hubs/general/messages?format=full", "idField": "id" } });
    let outlook = Mailbox::outlook as fn(&Outside, &str) -> Mailbox;
    mails("250 mails of 0.3 MB", Mailbox::gmail, &resources(&gmail), CHANGES_COUNT, LONG_BYTES).await;
    mails("250 mails of 0.3 MB", outlook, &resources(&with_bodies()), CHANGES_COUNT, LONG_BYTES).await;
    mails("10 mails of 5 MB", Mailbox::gmail, &resources(&gmail), LONGEST_COUNT, LONGEST_BYTES).await;
    mails("10 mails of 5 MB", outlook, &resources(&with_bodies()), LONGEST_COUNT, LONGEST_BYTES).await;
}

fn resources(polled: &Value) -> Value {
    json!({ "event.poller.configuration": polled })
}

fn with_bodies() -> Value {
    json!({ "messages": {
        "url": "/hubs/general/messages?fields=Subject,From,Body&where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "Id",
        "datesConfiguration": {
            "updatedAtField": "LastModifiedDateTime",
            "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "updatedAtTimezone": "GMT"
        }
    } })
}

/// A snapshot of all objects, idle and with a change: labels come at once, drafts by pages.
async fn labels() {
    let add = |outside: &Outside, address: &str, number: usize| {
        drop(outside.providers.google.create_label(address, &format!("Project {number}")));
    };
    compared("labels", LABELS_COUNT, add).await;
}

async fn drafts() {
    let add = |outside: &Outside, address: &str, number: usize| {
        let mail = Mail { subject: format!("Draft {number}"), ..Mail::default() };
        drop(outside.providers.google.save_draft(address, None, mail));
    };
    compared("drafts", DRAFTS_COUNT, add).await;
}

async fn compared(what: &str, count: usize, add: impl Fn(&Outside, &str, usize)) {
    let full = |outside: &Outside, name: &str| {
        let mailbox = Mailbox::gmail(outside, name);
        (0..count).for_each(|number| add(outside, mailbox.address(), number));
        mailbox
    };
    let polled = resources(&json!({ what: { "url": format!("/hubs/general/{what}"), "idField": "id" } }));
    let budget = Budget::start_in("share-compared", full, &polled, "sealed").await;
    let function = Function::start(&binary("poll"), &variables(&budget), None).await;
    let event = json!({ "Poll": budget.id.get() });
    let idle = function.invoke(event.clone()).await;
    say(&format!("an idle poll of {count} {what}"), None, &[idle], function.take_peak_mb());
    add(&budget.outside, budget.mailbox.address(), count);
    let found = function.invoke(event).await;
    say(&format!("a poll of {count} {what} that finds a new one"), None, &[found], function.take_peak_mb());
}

async fn mails(what: &str, mailbox: fn(&Outside, &str) -> Mailbox, more: &Value, count: usize, bytes: usize) {
    let budget = Budget::start_in("share-mails", mailbox, more, "sealed").await;
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..count {
        let mail = budget.mailbox.mail();
        let body = if bytes == 0 { mail.body.clone() } else { text(&mut random, bytes) };
        budget.mailbox.double().receive(budget.mailbox.address(), Mail { body, ..mail });
    }
    let function = Function::start(&binary("poll"), &variables(&budget), None).await;
    let found = function.invoke(json!({ "Poll": budget.id.get() })).await;
    let what = format!("a poll of {what}, {}", budget.mailbox.connector());
    say(&what, None, &[found], function.take_peak_mb());
}

/// Letters that hardly deflate.
fn text(random: &mut fastrand::Rng, bytes: usize) -> String {
    (0..bytes).map(|_| random.alphanumeric()).collect()
}
