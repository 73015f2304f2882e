//! What a stack leaves, as a file.

use crate::counts::on_the_wire;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use doubles::Received;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// A table with its queues.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct KeptTable {
    /// Epoch seconds.
    pub(super) made_at: i64,
    /// Element tokens of the instances, by their names.
    pub(super) tokens: BTreeMap<String, String>,
    /// Where Gmail's histories were.
    pub(super) history_ids: BTreeMap<String, u64>,
    /// Names of notifications that were delivered.
    pub(super) told: Vec<String>,
    /// Those that were not, with their bytes.
    pub(super) waiting: Vec<Value>,
    /// Bodies of the messages in the queues.
    pub(super) jobs: Vec<String>,
    pub(super) items: Vec<Value>,
}

impl KeptTable {
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }

    /// An item on each line.
    pub(super) fn text(&self) -> String {
        let items: Vec<String> = self.items.iter().map(Value::to_string).collect();
        let mut rest = serde_json::to_value(self).unwrap();
        rest.as_object_mut().unwrap().remove("items");
        let rest = serde_json::to_string_pretty(&rest).unwrap();
        let rest = rest.trim_end_matches('}').trim_end();
        format!("{rest},\n  \"items\": [\n{}\n  ]\n}}\n", items.join(",\n"))
    }

    /// The jobs of health events, which a queue holds until the minute's end: the rows name their letters.
    pub(super) fn letters_of_this_minute(&self) -> Vec<String> {
        let rows = self.items.iter().filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("E#"));
        let letter = |row: &Value| {
            let row: Value = serde_json::from_str(row["doc"]["S"].as_str().unwrap()).unwrap();
            let letter = row["member"]["letter"].as_str()?.to_owned();
            Some(json!({ "Tell": { "organization_id": 1, "instance": null, "id": letter } }).to_string())
        };
        rows.filter_map(letter).collect()
    }

    /// The id of an instance that was deleted: a job says so.
    pub(super) fn instance_of(&self, name: &str) -> u64 {
        let has = |job: &&String| job.starts_with(r#"{"Purge""#);
        let job = self.jobs.iter().find(has).unwrap_or_else(|| panic!("{name} is to be removed"));
        serde_json::from_str::<Value>(job).unwrap()["Purge"].as_u64().unwrap()
    }

    /// The items as of now: what was to go after a time goes after it, and what is given up after a day was asked just now.
    pub(super) fn items_at(&self, now: i64) -> impl Iterator<Item = HashMap<String, AttributeValue>> {
        let later = now - self.made_at;
        self.items.iter().map(move |item| {
            let attribute = |(name, value): (&String, &Value)| (name.clone(), moved(name, value, later));
            item.as_object().unwrap().iter().map(attribute).collect()
        })
    }
}

/// A value whose times are so many seconds later.
fn moved(name: &str, value: &Value, later: i64) -> AttributeValue {
    match (name, off_the_wire(value)) {
        ("expires", AttributeValue::N(at)) => {
            AttributeValue::N((at.parse::<i64>().unwrap() + later).to_string())
        }
        ("doc", AttributeValue::S(text)) if text.contains("\"asked_at\"") => {
            let mut doc: Value = serde_json::from_str(&text).unwrap();
            let asked_at: DateTime<Utc> = doc["asked_at"].as_str().unwrap().parse().unwrap();
            doc["asked_at"] = json!(asked_at + TimeDelta::seconds(later));
            AttributeValue::S(doc.to_string())
        }
        (_, value) => value,
    }
}

/// All items of a table, in the order of their keys.
pub(super) async fn items(client: &Client, table: &str) -> Vec<Value> {
    let mut pages = client.scan().table_name(table).into_paginator().items().send();
    let mut items = BTreeMap::new();
    while let Some(row) = pages.next().await {
        let row: BTreeMap<String, Value> =
            row.unwrap().iter().map(|(name, value)| (name.clone(), on_the_wire(value))).collect();
        let key = ["pk", "sk"].map(|name| row[name]["S"].as_str().unwrap().to_owned());
        items.insert(key, json!(row));
    }
    items.into_values().collect()
}

/// The name of a notification, as it is posted.
pub(super) fn name_of(post: &Received) -> String {
    post.headers["elements-webhook-id"].to_str().unwrap().to_owned()
}

/// A notification's name and its bytes; nothing of what is none.
pub(super) fn shown(post: &Received) -> Option<Value> {
    post.headers.get("elements-webhook-id")?;
    Some(notification(&name_of(post), std::str::from_utf8(&post.body).unwrap()))
}

pub(super) fn notification(name: &str, body: &str) -> Value {
    json!({ "id": name, "body": body })
}

fn off_the_wire(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let texts = || value.as_array().unwrap().iter().map(text).collect();
    match kind.as_str() {
        "S" => AttributeValue::S(text(value)),
        "N" => AttributeValue::N(text(value)),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text(value)).unwrap())),
        "SS" => AttributeValue::Ss(texts()),
        "NS" => AttributeValue::Ns(texts()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        other => panic!("the store has no attribute of the type {other}"),
    }
}
