//! What requests to the table cost, in DynamoDB's units, of the rows that they leave and find:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>. The emulator's own figures
//! leave out the indexes and the rows' sizes.

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const WRITE_UNIT_BYTES: usize = 1024;
const READ_UNIT_BYTES: usize = 4096;
const ROW_OVERHEAD_BYTES: usize = 100;

/// What was consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Units {
    pub(crate) write: f64,
    pub(crate) read: f64,
}

impl Units {
    pub(crate) fn add(&mut self, more: Units) {
        self.write += more.write;
        self.read += more.read;
    }
}

/// An index, as `table::make` declares it.
struct Index {
    keys: [&'static str; 2],
    others: &'static [&'static str],
    is_local: bool,
}

const INDEXES: [Index; 4] = [
    Index { keys: ["pk", "name"], others: &["events"], is_local: true },
    Index { keys: ["pk", "pending"], others: &[], is_local: true },
    Index { keys: ["log_of", "log_at"], others: &["num", "progress", "events_count"], is_local: false },
    Index { keys: ["log_of", "name"], others: &[], is_local: false },
];

impl Index {
    /// A row's entry.
    fn entry(&self, row: &Value) -> Option<Value> {
        self.keys.iter().all(|key| row.get(key).is_some()).then(|| {
            let names = ["pk", "sk"].iter().chain(&self.keys).chain(self.others);
            let kept = names.filter_map(|name| Some(((*name).to_owned(), row.get(name)?.clone())));
            kept.collect()
        })
    }

    /// Write units of a row's change. An entry whose key changes is deleted and put.
    fn units(&self, before: &Value, after: &Value) -> usize {
        let of = |entry: &Value| size(entry).div_ceil(WRITE_UNIT_BYTES);
        match (self.entry(before), self.entry(after)) {
            (None, None) => 0,
            (Some(entry), None) | (None, Some(entry)) => of(&entry),
            (Some(before), Some(after)) if before == after => 0,
            (Some(before), Some(after)) if self.keys.iter().all(|key| before[*key] == after[*key]) => {
                of(&before).max(of(&after))
            }
            (Some(before), Some(after)) => of(&before) + of(&after),
        }
    }
}

/// A request's write of one row.
struct Touch {
    key: Value,
    is_in_transaction: bool,
}

impl Touch {
    /// A transaction writes its rows twice; global indexes follow afterwards, once (an assumption: no page says so).
    fn units(&self, before: &Value, after: &Value) -> usize {
        let row = size(before).max(size(after)).div_ceil(WRITE_UNIT_BYTES).max(1);
        let of = |is_local: bool| -> usize {
            let those = INDEXES.iter().filter(|index| index.is_local == is_local);
            those.map(|index| index.units(before, after)).sum()
        };
        (row + of(true)) * if self.is_in_transaction { 2 } else { 1 } + of(false)
    }
}

/// What is paid for as long as a row is kept: it, and its entries in the indexes, with 100 bytes each that DynamoDB adds,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
pub(crate) fn stored_bytes(row: &Value) -> usize {
    let entries = INDEXES.iter().filter_map(|index| index.entry(row));
    entries.chain([row.clone()]).map(|entry| size(&entry) + ROW_OVERHEAD_BYTES).sum()
}

fn key(of: &Value) -> Value {
    json!({ "pk": of["pk"], "sk": of["sk"] })
}

fn rows_of_tables(asked: &Value) -> impl Iterator<Item = &Value> {
    asked["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values())
}

fn written(operation: &str, asked: &Value) -> Vec<Touch> {
    let alone = |key| Touch { key, is_in_transaction: false };
    match operation {
        "PutItem" => vec![alone(key(&asked["Item"]))],
        "UpdateItem" | "DeleteItem" => vec![alone(asked["Key"].clone())],
        "BatchWriteItem" => {
            let requests = rows_of_tables(asked).flat_map(|requests| requests.as_array().unwrap());
            let key_of = |request: &Value| match request.get("PutRequest") {
                Some(put) => key(&put["Item"]),
                None => request["DeleteRequest"]["Key"].clone(),
            };
            requests.map(|request| alone(key_of(request))).collect()
        }
        "TransactWriteItems" => {
            let actions = asked["TransactItems"].as_array().unwrap().iter();
            let key_of = |action: &Value| match action.get("Put") {
                Some(put) => key(&put["Item"]),
                None => action.as_object().unwrap().values().next().unwrap()["Key"].clone(),
            };
            actions.map(|action| Touch { key: key_of(action), is_in_transaction: true }).collect()
        }
        _ => Vec::new(),
    }
}

fn read(operation: &str, asked: &Value) -> Vec<Value> {
    match operation {
        "GetItem" => vec![asked["Key"].clone()],
        "BatchGetItem" => {
            rows_of_tables(asked).flat_map(|table| table["Keys"].as_array().unwrap().clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// Bytes of an item, <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
fn size(item: &Value) -> usize {
    let item = item.as_object().into_iter().flatten();
    item.map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let texts = || value.as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        "N" => size_of_number(value.as_str().unwrap()),
        "B" => size_of_bytes(value.as_str().unwrap()),
        "SS" => texts().map(str::len).sum(),
        "NS" => texts().map(size_of_number).sum(),
        "BOOL" | "NULL" => 1,
        other => panic!("the store has no attribute of the type {other}"),
    }
}

/// Two digits a byte, and one more.
fn size_of_number(digits: &str) -> usize {
    digits.len().div_ceil(2) + 1
}

/// Of base64.
fn size_of_bytes(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

/// Asks again, in the place of a request.
pub(crate) struct Meter<'a> {
    inner: &'a SharedHttpConnector,
    request: HttpRequest,
    operation: &'a str,
    asked: Value,
}

impl<'a> Meter<'a> {
    /// `None` if that is no request to the table.
    pub(crate) fn of(
        inner: &'a SharedHttpConnector,
        request: &HttpRequest,
        operation: &'a str,
    ) -> Option<Self> {
        let target = request.headers().get("x-amz-target")?;
        let asked = serde_json::from_slice(request.body().bytes()?).ok()?;
        let is_tables = target.starts_with("DynamoDB_");
        is_tables.then(|| Meter { inner, request: request.try_clone().unwrap(), operation, asked })
    }

    /// The rows that are about to be written, as they are.
    pub(crate) async fn before(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for touch in written(self.operation, &self.asked) {
            rows.push(self.row(&touch.key).await);
        }
        rows
    }

    /// What it cost.
    pub(crate) async fn units(&self, before: Vec<Value>) -> Units {
        let mut units = Units::default();
        for (touch, before) in written(self.operation, &self.asked).iter().zip(before) {
            units.write += touch.units(&before, &self.row(&touch.key).await) as f64;
        }
        for key in read(self.operation, &self.asked) {
            units.read += self.read_units(size(&self.row(&key).await));
        }
        if self.operation == "Query" {
            units.read += self.read_units(self.queried_bytes().await);
        }
        units
    }

    fn read_units(&self, bytes: usize) -> f64 {
        let is_consistent = self.asked["ConsistentRead"] == json!(true)
            || rows_of_tables(&self.asked).any(|table| table["ConsistentRead"] == json!(true));
        bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64 * if is_consistent { 1.0 } else { 0.5 }
    }

    /// What a query reads is what it finds before it projects.
    async fn queried_bytes(&self) -> usize {
        let mut whole = self.asked.clone();
        let query = whole.as_object_mut().unwrap();
        query.retain(|name, _| !["ProjectionExpression", "Select"].contains(&name.as_str()));
        let answer = self.ask("Query", whole).await;
        answer["Items"].as_array().unwrap().iter().map(size).sum()
    }

    async fn row(&self, key: &Value) -> Value {
        let table = match self.asked.get("TableName") {
            Some(table) => table.clone(),
            None => self.table_of_batch(),
        };
        let asked = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        self.ask("GetItem", asked).await["Item"].take()
    }

    fn table_of_batch(&self) -> Value {
        if let Some(tables) = self.asked["RequestItems"].as_object() {
            return json!(tables.keys().next().unwrap());
        }
        let action = self.asked["TransactItems"][0].as_object().unwrap().values().next().unwrap();
        action["TableName"].clone()
    }

    async fn ask(&self, operation: &str, asked: Value) -> Value {
        let mut request = self.request.try_clone().unwrap();
        let body = asked.to_string();
        request.headers_mut().insert("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        let answer = self.inner.call(request).await.unwrap();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }
}
