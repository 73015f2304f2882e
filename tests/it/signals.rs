//! What a process counts of its work, as an operator's instruments read it.

use crate::world::{GMAIL_USER, World};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{FaultKind, Mail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

async fn number(world: &World, series: &str) -> f64 {
    world.number(series).await
}

/// Those with `le`, of a histogram without other labels.
async fn bucket(world: &World, name: &str, bound: &str) -> f64 {
    number(world, &format!("{name}_bucket{{le=\"{bound}\"}}")).await
}

/// Names and labels of all series.
async fn series(world: &World) -> BTreeSet<String> {
    let text = world.metrics().text().await.unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

async fn overdue(world: &World) -> f64 {
    number(world, "carillon_mailboxes_overdue").await
}

#[tokio::test]
async fn a_poll_that_is_late_is_seen_to_be() {
    let lateness = "carillon_poll_lateness_seconds";
    let world = World::new(1601);
    world.create_gmail().await;
    world.pass(Duration::hours(1)).await;
    let on_time = bucket(&world, lateness, "0.1").await;
    assert!(on_time >= 3.0 && on_time == bucket(&world, lateness, "+Inf").await, "{on_time}");
    // Nothing runs until the last poll is half an hour late or more.
    let due_at = world.timers.next_due().unwrap();
    world.clock.advance(due_at - world.now() + Duration::minutes(50));
    world.run_until_idle().await;
    assert_eq!(bucket(&world, lateness, "900").await, on_time);
    assert_eq!(bucket(&world, lateness, "3600").await, on_time + 1.0);
    assert_eq!(number(&world, "carillon_polls_total{end=\"idle\"}").await, on_time + 1.0);
}

#[tokio::test]
async fn a_change_is_timed_from_the_last_poll_without_it_to_the_callback_that_took_it() {
    let (change, commit) = ("carillon_change_to_callback_seconds", "carillon_commit_to_callback_seconds");
    let world = World::with_retry_delays(1602, "100,100");
    let id = world.create_gmail().await;
    world.poll(id).await;
    world.clock.advance(Duration::seconds(240));
    world.google.deliver(GMAIL_USER, Mail::default());
    world.receiver.answer_next(500);
    world.poll(id).await;
    assert_eq!(bucket(&world, change, "+Inf").await, 0.0, "nobody has it");
    assert_eq!(number(&world, "carillon_delivery_attempts_total{verdict=\"retry\"}").await, 1.0);
    world.pass(Duration::seconds(120)).await;
    assert_eq!(number(&world, "carillon_delivery_attempts_total{verdict=\"delivered\"}").await, 1.0);
    assert_eq!((bucket(&world, change, "300").await, bucket(&world, change, "900").await), (0.0, 1.0));
    assert_eq!((bucket(&world, commit, "60").await, bucket(&world, commit, "300").await), (0.0, 1.0));
    assert_eq!(number(&world, "carillon_polls_total{end=\"found\"}").await, 1.0);
    // What the receiver has by now is asked for again: that says nothing of how long it waited.
    let event = world.receiver.received()[0].headers["elements-webhook-id"].to_str().unwrap().to_owned();
    world.call("POST", &format!("/instances/{id}/events/{event}/retry"), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(number(&world, "carillon_delivery_attempts_total{verdict=\"delivered\"}").await, 2.0);
    assert_eq!(bucket(&world, change, "+Inf").await, 1.0);
}

#[tokio::test]
async fn a_mailbox_that_was_not_read_for_three_intervals_is_overdue() {
    let world = World::new(1603);
    world.create_gmail().await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(overdue(&world).await, 0.0);
    assert_eq!(number(&world, "carillon_mailboxes{status=\"healthy\"}").await, 1.0);
    let refusals = "carillon_provider_answers_total{connector=\"gmail\",class=\"5xx\"}";
    assert_eq!(number(&world, refusals).await, 0.0);
    world.providers.set_fault_rate(1.0, &[FaultKind::ServerError { status: 503 }]);
    world.pass(Duration::minutes(25)).await;
    assert_eq!(overdue(&world).await, 0.0, "not for so long yet");
    world.pass(Duration::minutes(30)).await;
    assert_eq!(overdue(&world).await, 1.0);
    assert!(number(&world, refusals).await > 3.0);
    assert_eq!(number(&world, "carillon_mailboxes_without_success{older_than_s=\"1800\"}").await, 1.0);
    assert_eq!(number(&world, "carillon_mailboxes_without_success{older_than_s=\"3600\"}").await, 0.0);
    world.providers.clear_faults();
    world.pass(Duration::hours(1)).await;
    assert_eq!(overdue(&world).await, 0.0);
    assert!(number(&world, "carillon_token_refreshes_total{connector=\"gmail\",end=\"done\"}").await >= 1.0);
}

#[tokio::test]
async fn what_waits_is_counted_by_age_and_apart_from_what_a_person_has_to_release() {
    let waits = |callback: &str, age: &str| {
        format!("carillon_deliveries_waiting{{callback=\"{callback}\",older_than_s=\"{age}\"}}")
    };
    let world = World::with_retry_delays(1604, "1000");
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(number(&world, &waits("active", "0")).await, 1.0);
    assert_eq!(number(&world, &waits("active", "600")).await, 0.0);
    assert_eq!(number(&world, "carillon_queue_jobs{queue=\"deliver\",due=\"later\"}").await, 1.0);
    world.clock.advance(Duration::seconds(900));
    assert_eq!(number(&world, &waits("active", "600")).await, 1.0);
    world.clock.advance(Duration::seconds(150));
    let oldest_s = number(&world, "carillon_queue_oldest_seconds{queue=\"deliver\"}").await;
    assert!((40.0..60.0).contains(&oldest_s), "{oldest_s}");
    world.pass(Duration::seconds(50)).await;
    assert_eq!(number(&world, &waits("active", "0")).await, 0.0, "it was the last attempt");
    assert_eq!(number(&world, &waits("suspended", "600")).await, 1.0);
    assert_eq!(number(&world, "carillon_mailboxes{status=\"suspended\"}").await, 1.0);
}

/// Whoever asks every second makes nothing read again.
#[tokio::test]
async fn what_stands_in_the_database_is_counted_once_in_a_while() {
    let world = World::new(1605);
    let metrics = world.metrics();
    let mailboxes = async || {
        let text = metrics.text().await.unwrap();
        text.contains("carillon_mailboxes{status=\"healthy\"} 1\n")
    };
    assert!(!mailboxes().await);
    let id = world.create_gmail().await;
    world.poll(id).await;
    assert!(!mailboxes().await, "it was counted just now");
    world.clock.advance(Duration::seconds(30));
    assert!(mailboxes().await);
}

#[tokio::test]
async fn series_name_nobody_and_do_not_grow_with_mailboxes() {
    let world = World::reachable(1606);
    let alone = series(&world).await;
    let mut ids: Vec<InstanceId> = Vec::new();
    for _ in 0..2 {
        ids.extend([world.create_gmail().await, world.create_outlook().await]);
    }
    world.receiver.answer_next(500);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::hours(2)).await;
    world.clock.advance(Duration::minutes(1));
    let all = series(&world).await;
    assert_eq!(all, alone, "the same series, whatever happens");
    for one in all {
        // A name, and words or numbers of ours.
        let labels = one.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (_, value) = label.split_once('=').unwrap();
            let value = value.trim_matches('"');
            let is_number = value.parse::<f64>().is_ok_and(|number| number < 100_000.0) || value == "+Inf";
            let is_word = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && value.len() <= 20;
            assert!(is_number || is_word, "{one}");
            assert!(ids.iter().all(|id| !value.contains(&id.get().to_string())), "{one}");
        }
    }
}

/// Metrics that a text names, without what a histogram's series end in.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("carillon_"));
    let histogram = |word: &str| {
        let ends = ["_seconds_bucket", "_seconds_sum", "_seconds_count"];
        ends.iter().find_map(|end| Some(format!("{}_seconds", word.strip_suffix(end)?)))
    };
    ours.map(|word| histogram(word).unwrap_or_else(|| word.to_owned())).collect()
}

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn the_page_the_dashboard_and_the_alerts_name_what_there_is() {
    let world = World::new(1607);
    let text = world.metrics().text().await.unwrap();
    let there: BTreeSet<String> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split_once(' ')?.0.to_owned()))
        .collect();
    assert_eq!(named(&file("docs/signals.md")), there, "the page has each metric");
    for path in ["infra/prometheus/alerts.yml", "infra/prometheus/dashboard.json"] {
        let text = file(path);
        let named = named(&text);
        assert!(!named.is_empty() && named.is_subset(&there), "{path}: {:?}", named.difference(&there));
    }
    let dashboard: Value = serde_json::from_str(&file("infra/prometheus/dashboard.json")).unwrap();
    let shown = named(&dashboard["panels"].to_string());
    assert_eq!(shown, there, "the dashboard shows each metric");
    assert!(named("x carillon_a_seconds_bucket{carillon_b=}").contains("carillon_a_seconds"));
}

/// What an alert or a panel selects by a label is a series that there is.
#[tokio::test]
async fn what_alerts_and_panels_select_is_there() {
    let world = World::new(1608);
    let text = world.metrics().text().await.unwrap();
    let mut selected = 0;
    for path in ["infra/prometheus/alerts.yml", "infra/prometheus/dashboard.json"] {
        let file = file(path).replace("\\\"", "\"");
        for (at, _) in file.match_indices("carillon_") {
            let (name, rest) = file[at..]
                .split_at(file[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap());
            let Some(labels) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { continue };
            for label in labels.0.split(',').filter(|label| !label.contains("=~") && !label.contains("!=")) {
                let is_there = text.lines().any(|line| line.starts_with(name) && line.contains(label.trim()));
                assert!(is_there, "{path}: {name}{{{label}}}");
                selected += 1;
            }
        }
    }
    assert!(selected > 3, "{selected}");
}
