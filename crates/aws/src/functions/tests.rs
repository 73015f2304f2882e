//! What a process asks of AWS before its first answer: how many requests one after the other, as each is a way there and back.

use super::host::Host;
use super::http::answer;
use super::jobs::handle;
use crate::clients::Clients;
use crate::environment;
use crate::script::Rounds;
use app::sealing::{DataKey, Lookup, Sealer};
use axum::body::to_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::hash_of;
use lambda_http::{Body, Context, RequestExt as _};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

const KEY_TEXT: &str = "a text of more than thirty-two characters";
const INSTANCE: &str = "305419896";
const TARGET: &str = "me/messages";

fn named(data: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&data[..12])
}

fn sealer() -> Sealer {
    let lookup = hash_of(&[b"carillon key", b"lookup", KEY_TEXT.as_bytes()]);
    Sealer::new(&lookup, vec![DataKey { id: "1".to_owned(), bytes: [1; 32] }])
}

/// What Graph posts for a mailbox: with the secret of its watch, or with one that is not ours.
fn notice(is_ours: bool) -> String {
    let sealer = sealer();
    let target = named(&sealer.lookup_hash(Lookup::PushTarget, TARGET));
    let of = format!("{}.application.{target}", named(&[7; 12]));
    let proof = URL_SAFE_NO_PAD.encode(match is_ours {
        true => sealer.lookup_hash(Lookup::PushSecret, &of),
        false => [0; 32],
    });
    let secret = format!("{of}.{proof}");
    let one = json!({ "subscriptionId": "one", "clientState": secret, "changeType": "created", "resource": TARGET });
    json!({ "value": [one] }).to_string()
}

fn table(operation: &str, asked: &Value) -> Value {
    match operation {
        "GetSecretValue" => json!({ "SecretString": json!({ "id": "1", "key": KEY_TEXT }).to_string() }),
        "GetItem" if asked["Key"]["pk"]["S"] == "FORMAT" => {
            json!({ "Item": { "format_number": { "N": "1" } } })
        }
        "GetItem" => {
            let member = json!({ "application": "application", "targets": [{ "name": TARGET }] });
            let state = json!({ "members": { INSTANCE: member }, "watched": [], "version": 1 });
            json!({ "Item": { "doc": { "S": state.to_string() }, "version": { "N": "1" } } })
        }
        "BatchGetItem" => {
            let tables = asked["RequestItems"].as_object().into_iter().flatten();
            let found = tables.map(|(table, asked)| (table.clone(), rows(&asked["Keys"])));
            json!({ "Responses": found.collect::<serde_json::Map<_, _>>() })
        }
        "UpdateItem" => json!({ "Attributes": { "asked_count": { "N": "1" } } }),
        "SendMessageBatch" => sent(asked),
        _ => json!({}),
    }
}

/// Rows of the first user and organization under any key.
fn rows(keys: &Value) -> Value {
    let row = |key: &Value| {
        let mut row = key.clone();
        ["organization", "account", "user_id"].iter().for_each(|name| row[name] = json!({ "N": "1" }));
        row["listed"] = json!({ "S": "yes" });
        row
    };
    keys.as_array().into_iter().flatten().map(row).collect()
}

fn sent(asked: &Value) -> Value {
    let entries = asked["Entries"].as_array().into_iter().flatten();
    let one = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" });
    json!({ "Successful": entries.map(one).collect::<Vec<_>>(), "Failed": [] })
}

/// A process that has just started.
fn host(rounds: &Rounds) -> Host {
    Host::with(environment::tests::sample(), Clients::new(&rounds.config()))
}

/// What it asks for a request, by rounds.
async fn rounds(method: &str, path: &str, body: String, status: u16) -> Vec<String> {
    let rounds = Rounds::new(table);
    assert_eq!(answered(&host(&rounds), method, path, body).await.0, status, "{path}");
    rounds.rounds()
}

/// Status and body.
async fn answered(host: &Host, method: &str, path: &str, body: String) -> (u16, String) {
    let request = http::Request::builder().method(method).uri(format!("https://carillon.test{path}"));
    let request = request.header("authorization", "User u, Organization o");
    let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
    let response = answer(host, request.with_lambda_context(Context::default())).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.into()).unwrap())
}

/// A table that a newer version has worked on.
fn newer_table(operation: &str, asked: &Value) -> Value {
    match operation {
        "GetItem" => json!({ "Item": { "format_number": { "N": "1000" } } }),
        _ => table(operation, asked),
    }
}

#[tokio::test]
async fn a_first_notice_is_answered_after_two_rounds() {
    let rounds = rounds("POST", "/push/outlookemail", notice(true), 202).await;
    assert_eq!(rounds, ["GetItem, GetItem, GetSecretValue", "SendMessageBatch, UpdateItem"]);
}

/// The row that it names is read once for each start, and nothing comes of it.
#[tokio::test]
async fn a_stranger_has_one_row_read() {
    let forged = rounds("POST", "/push/outlookemail", notice(false), 202).await;
    assert_eq!(forged, ["GetItem, GetItem, GetSecretValue"]);
    let nameless = rounds("POST", "/push/outlookemail", notice(false).replace("\"BwcH", "\""), 202).await;
    assert_eq!(nameless, ["GetItem, GetSecretValue"]);
}

#[tokio::test]
async fn a_first_list_is_answered_after_five_rounds() {
    let rounds = rounds("GET", "/elements/api-v2/instances", String::new(), 200).await;
    let all_shards_but_the_first = vec!["Query"; 15].join(", ");
    let wanted =
        ["GetItem, GetSecretValue", "BatchGetItem", "UpdateItem", "Query", &all_shards_but_the_first];
    assert_eq!(rounds, wanted);
}

/// The former version, after a rollback: what it is called for is refused, or comes again.
#[tokio::test]
async fn on_a_newer_table_no_function_does_anything() {
    let rounds = Rounds::new(newer_table);
    let host = host(&rounds);
    let (status, body) = answered(&host, "GET", "/elements/api-v2/instances", String::new()).await;
    assert_eq!(status, 503);
    assert!(body.contains("the table has format 1000, this version knows formats up to 1"), "{body}");
    let called = async |event: Value| handle(&host, LambdaEvent::new(event, Context::default())).await;
    called(json!({ "Poll": 17 })).await.unwrap_err();
    let record = json!({ "messageId": "m0", "body": r#"{"Poll":17}"#, "attributes": {} });
    let batch = called(json!({ "Records": [record] })).await.unwrap();
    assert_eq!(batch["batchItemFailures"], json!([{ "itemIdentifier": "m0" }]));
    assert_eq!(rounds.rounds(), ["GetItem, GetSecretValue"; 3], "each looks, and at nothing else");
}
