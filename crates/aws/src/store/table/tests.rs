//! What passes by itself is tried again, a bounded number of times; what does not is told.

use super::*;
use crate::first_account::FirstSecrets;
use crate::script::Script;
use crate::store::DynamoStore;
use crate::store::key::{LOG_SHARDS_COUNT, SHARDS_COUNT};
use app::ports::{
    Accounts as _, Applications as _, Bulks as _, EventLog as _, Instances as _, LogKey, LogMark, LogPage,
    LogSearch, LogWish, LookupHash, OrganizationLog as _, OrganizationPage, Progress,
};
use domain::ids::InstanceId;

const DONE: (u16, &str) = (200, "{}");

fn table(answers: &[(u16, &str)]) -> (Table, Script) {
    let script = Script::new(answers);
    (Table::new(Client::new(&script.config()), "t".to_owned()), script)
}

fn key(n: u8) -> Key {
    Key::config(InstanceId::from_bytes([0, 0, 0, n]))
}

fn two_writes() -> Vec<Write> {
    vec![Write::delete(key(1)), Write::delete(key(2)).when("attribute_exists(pk)")]
}

fn cancelled(first: &str, second: &str) -> String {
    format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"",
            "CancellationReasons":[{{"Code":"{first}"}},{{"Code":"{second}"}}]}}"#
    )
}

#[tokio::test]
async fn a_transaction_waits_for_others_and_for_throttling() {
    for passing in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        let (table, script) = table(&[(400, &cancelled("None", passing)), DONE]);
        assert!(
            matches!(table.transact("test", two_writes()).await.unwrap(), WritesEnded::Done),
            "{passing}"
        );
        assert_eq!(script.operations(), ["TransactWriteItems", "TransactWriteItems"]);
    }
}

#[tokio::test]
async fn it_does_not_wait_for_ever() {
    let (table, script) = table(&[(400, &cancelled("TransactionConflict", "None"))]);
    let error = table.transact("test", two_writes()).await.unwrap_err();
    assert_eq!(error.context, "test");
    assert_eq!(script.operations().len(), TRIES_COUNT_MAX as usize);
}

#[tokio::test]
async fn a_single_write_waits_for_a_transaction_and_not_for_ever() {
    let conflict = (400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException"}"#);
    let update = || Write::update(key(1), "SET a = :a").with(":a", number(1));
    for write in [Write::put(&key(1), []), update(), Write::delete(key(1))] {
        let (waiting, script) = table(&[conflict, conflict, DONE]);
        assert!(waiting.write("test", write.clone()).await.unwrap().is_ok());
        assert_eq!(script.operations().len(), 3);
    }
    let (refusing, script) = table(&[conflict]);
    assert!(refusing.write("test", update()).await.is_err());
    assert_eq!(script.operations().len(), TRIES_COUNT_MAX as usize);
}

#[tokio::test]
async fn a_failed_condition_is_an_answer_and_anything_else_an_error() {
    let (refusing, _) = table(&[(400, &cancelled("None", "ConditionalCheckFailed"))]);
    let WritesEnded::Refused(refused) = refusing.transact("test", two_writes()).await.unwrap() else {
        panic!("it was refused")
    };
    assert!(refused[0].is_none() && refused[1].is_some());
    let (failing, script) = table(&[(400, &cancelled("None", "ValidationError"))]);
    assert!(failing.transact("test", two_writes()).await.is_err());
    assert_eq!(script.operations().len(), 1, "what is wrong stays wrong");
}

#[tokio::test]
async fn what_a_batch_left_is_asked_for_again() {
    let left = r#"{"Responses":{"t":[{"pk":{"S":"I#1"},"sk":{"S":"C"}}]},
        "UnprocessedKeys":{"t":{"Keys":[{"pk":{"S":"I#2"},"sk":{"S":"C"}}]}}}"#;
    let rest = r#"{"Responses":{"t":[{"pk":{"S":"I#2"},"sk":{"S":"C"}}]},"UnprocessedKeys":{}}"#;
    let (table, script) = table(&[(200, left), (200, rest)]);
    let found = table.get_many("test", &[key(1), key(2)]).await.unwrap();
    assert_eq!(found.len(), 2);
    let asked = script.asked();
    assert_eq!(asked[1].body["RequestItems"]["t"]["Keys"][0]["pk"]["S"], "I#2");
}

#[tokio::test]
async fn what_a_batch_never_takes_is_an_error() {
    let left = r#"{"UnprocessedItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"I#1"},"sk":{"S":"C"}}}}]}}"#;
    let (table, script) = table(&[(200, left)]);
    assert!(table.delete_many("test", &[key(1)]).await.is_err());
    assert_eq!(script.operations().len(), TRIES_COUNT_MAX as usize);
}

#[tokio::test]
async fn an_error_tells_neither_keys_nor_values() {
    let (table, _) = table(&[(400, r#"{"__type":"x#ValidationException","message":"secret-value"}"#)]);
    let error = table.get("test", &key(1)).await.unwrap_err();
    let words = format!("{error:?} {error}");
    assert!(words.contains("ValidationException") && !words.contains("secret-value"), "{words}");
}

/// No stack that was just made.
struct NoFirst;

#[async_trait::async_trait]
impl FirstSecrets for NoFirst {
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>> {
        Ok(None)
    }
}

/// A table whose list never ends, or holds none but deleted instances.
#[tokio::test]
async fn no_list_is_read_without_end() {
    let row = r#"{ "instance": { "N": "17" }, "num": { "N": "1" }, "events_count": { "N": "1" },
        "progress": { "S": "delivered" }, "log_at": { "S": "00000000000000000001#0000000017" } }"#;
    let rows = [row; 1000].join(",");
    let endless = r#""LastEvaluatedKey": { "pk": { "S": "a" } }"#;
    let is_too_much = |error: PortError| error.source.is::<TooMuch>();

    let (empty, script) = table(&[(200, &format!(r#"{{ "Items": [], "Count": 0, {endless} }}"#))]);
    let page = || KeyQuery::of("a".to_owned());
    assert!(is_too_much(empty.query("test", page()).await.unwrap_err()));
    assert_eq!(script.operations().len(), PAGES_COUNT_MAX);
    assert!(is_too_much(empty.count("test", page()).await.unwrap_err()));

    let (table, _) = table(&[(200, &format!(r#"{{ "Items": [{rows}], "Responses": {{}}, {endless} }}"#))]);
    let deleted = DynamoStore { table, first: std::sync::Arc::new(NoFirst) };
    assert!(is_too_much(deleted.instances(1, None, 10).await.unwrap_err()));
    let page = OrganizationPage { before: None, from: None, limit: 10 };
    assert!(is_too_much(deleted.organization_log(1, page).await.unwrap_err()));
}

/// Every list of a table whose every row is damaged.
#[tokio::test]
async fn a_list_counts_what_it_lacks() {
    let row = r#"{ "pk": { "S": "N#17" }, "sk": { "S": "0000000000000011" }, "instance": { "N": "17" },
        "doc": { "S": "{" }, "pending": { "N": "11" }, "progress": { "S": "odd" } }"#;
    let callback = r#"{ "pk": { "S": "I#17" }, "sk": { "S": "P" }, "standing": { "S": "active" },
        "generation": { "N": "0" } }"#;
    let config =
        r#"{ "pk": { "S": "I#17" }, "sk": { "S": "C" }, "instance": { "N": "17" }, "doc": { "S": "{" } }"#;
    let store = |row: &str| {
        let rows =
            format!(r#""Items": [{row}], "Item": {callback}, "Responses": {{ "t": [{row}, {callback}] }}"#);
        let (table, _) = table(&[(200, &format!("{{ {rows} }}"))]);
        DynamoStore { table, first: std::sync::Arc::new(NoFirst) }
    };
    let id = InstanceId::from_bytes([0, 0, 0, 17]);
    let mark = LogMark { instance: id, sequence: domain::ids::Sequence(11) };

    let (mailboxes, shards_count) = (store(config), SHARDS_COUNT as usize);
    assert_eq!(mailboxes.instances(1, None, 100).await.unwrap().unreadable_count, shards_count);
    assert_eq!(mailboxes.fleet(1, None, 100).await.unwrap().unreadable_count, shards_count);
    let store = store(row);
    assert_eq!(store.audit(1, None, 10).await.unwrap().unreadable_count, 1);
    assert_eq!(store.applications(1, None, 10).await.unwrap().unreadable_count, 1);
    assert_eq!(store.bulks(1, None, 10).await.unwrap().unreadable_count, 1);
    for pending_only in [false, true] {
        let page = LogPage { before: None, limit: 10, pending_only };
        assert_eq!(store.notifications(id, page).await.unwrap().unreadable_count, 1);
    }
    assert_eq!(store.notifications_at(&[mark]).await.unwrap().unreadable_count, 1);
    let log_shards_count = LOG_SHARDS_COUNT as usize;
    let page = OrganizationPage { before: None, from: None, limit: 10 };
    assert_eq!(store.organization_log(1, page).await.unwrap().unreadable_count, log_shards_count);
    for (instance, count) in [(None, log_shards_count), (Some(id), 1)] {
        let search = LogSearch {
            by: LogKey::Progress(Progress::Delivered),
            wish: LogWish::default(),
            instance,
            before: None,
            from: None,
            limit: 10,
            looks_count_max: 10,
        };
        assert_eq!(store.search_log(1, &search).await.unwrap().unreadable_count, count);
    }
}
