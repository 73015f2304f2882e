//! How many requests to AWS come one after the other before the first answer of a process: each is a way there and back.

use super::host::Host;
use super::http::answer;
use crate::clients::Clients;
use crate::environment;
use crate::script::Rounds;
use app::sealing::{DataKey, Lookup, Sealer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::hash_of;
use lambda_http::{Body, Context, RequestExt as _};
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

/// What a process that has just started asks for a request, by rounds.
async fn rounds(method: &str, path: &str, body: String, status: u16) -> Vec<String> {
    let rounds = Rounds::new(table);
    let host = Host::with(environment::tests::sample(), Clients::new(&rounds.config()));
    let request = http::Request::builder().method(method).uri(format!("https://carillon.test{path}"));
    let request = request.header("authorization", "User u, Organization o");
    let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
    let response = answer(&host, request.with_lambda_context(Context::default())).await;
    assert_eq!(response.status(), status, "{path}");
    rounds.rounds()
}

#[tokio::test]
async fn a_first_notice_is_answered_after_two_rounds() {
    let rounds = rounds("POST", "/push/outlookemail", notice(true), 202).await;
    assert_eq!(rounds, ["GetItem, GetSecretValue", "SendMessageBatch, UpdateItem"]);
}

/// The row that it names is read once for each start, and nothing comes of it.
#[tokio::test]
async fn a_stranger_has_one_row_read() {
    let forged = rounds("POST", "/push/outlookemail", notice(false), 202).await;
    assert_eq!(forged, ["GetItem, GetSecretValue"]);
    let nameless = rounds("POST", "/push/outlookemail", notice(false).replace("\"BwcH", "\""), 202).await;
    assert_eq!(nameless, ["GetSecretValue"]);
}

#[tokio::test]
async fn a_first_list_is_answered_after_five_rounds() {
    let rounds = rounds("GET", "/elements/api-v2/instances", String::new(), 200).await;
    let all_shards_but_the_first = vec!["Query"; 15].join(", ");
    assert_eq!(rounds, ["GetSecretValue", "BatchGetItem", "UpdateItem", "Query", &all_shards_but_the_first]);
}
