use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::*;

#[tokio::test]
async fn lists_are_newest_first_and_come_in_pages() {
    let world = world().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.insert(0, world.google.deliver(ADA, mail(&number.to_string())));
        world.time.advance_s(1);
    }
    assert_eq!(world.list("").await, ids);
    let first = world.get("/messages?maxResults=3").await;
    assert_eq!(first["resultSizeEstimate"], 7);
    // New mail does not shift the pages that are still to come.
    world.google.deliver(ADA, mail("late"));
    let token = first["nextPageToken"].as_str().unwrap();
    assert_eq!(world.list(&format!("maxResults=3&pageToken={token}")).await, ids[3..6]);
    assert_eq!(world.get("/messages?labelIds=SENT").await, serde_json::json!({"resultSizeEstimate": 0}));
    assert_eq!(world.status("/messages?pageToken=x").await, 400);
    assert_eq!(world.status("/messages?maxResults=x").await, 400);
}

#[tokio::test]
async fn searches_by_date_count_whole_seconds() {
    let world = world().await;
    let first = world.google.deliver(ADA, mail("first"));
    world.time.advance_us(1_500_000);
    let second = world.google.deliver(ADA, mail("second"));
    let at_s = crate::probe::START_US / 1_000_000;
    assert_eq!(world.list(&format!("q=after:{at_s}")).await, [&second, &first].map(String::clone));
    assert_eq!(world.list(&format!("q=after:{}", at_s + 1)).await, [second.as_str()]);
    assert_eq!(world.list(&format!("q=before:{}", at_s + 1)).await, [first.as_str()]);
    assert_eq!(world.list("q=after:2026/11/22").await.len(), 2);
    assert_eq!(world.list("q=before:2026/11/22").await.len(), 0);
    assert_eq!(world.list("q=after:2026/11/22 before:2026/11/23 FIRST").await, [first.as_str()]);
}

#[tokio::test]
async fn spam_and_trash_are_left_out_unless_asked_for() {
    let world = world().await;
    let kept = world.google.deliver(ADA, mail("kept"));
    let trashed = world.google.deliver(ADA, mail("trashed"));
    world.google.trash(ADA, &trashed);
    world.google.remove_label(ADA, &kept, "UNREAD");
    assert_eq!(world.list("").await, [kept.as_str()]);
    for query in ["includeSpamTrash=true", "q=in:anywhere"] {
        assert_eq!(world.list(query).await.len(), 2, "{query}");
    }
    for query in ["labelIds=TRASH", "q=in:trash", "q=in:anywhere is:unread", "labelIds=TRASH&labelIds=UNREAD"]
    {
        assert_eq!(world.list(query).await, [trashed.as_str()], "{query}");
    }
    assert_eq!(world.list("q=-in:trash label:inbox").await, [kept.as_str()]);
    assert!(world.list("labelIds=TRASH&labelIds=INBOX").await.is_empty());
}

#[tokio::test]
async fn each_format_shows_its_part() {
    let world = world().await;
    let id = world.google.deliver(ADA, Mail { subject: "Straße".to_owned(), ..mail("") });
    let get = |query: &str| {
        let path = format!("/messages/{id}?{query}");
        let world = &world;
        async move { world.get(&path).await }
    };
    let minimal = get("format=minimal").await;
    assert_eq!((minimal.get("payload"), minimal.get("raw")), (None, None));
    assert_eq!(minimal["snippet"], "Hello, Ada");
    assert_eq!(minimal["internalDate"], (crate::probe::START_US / 1000).to_string());
    let metadata = get("format=metadata&metadataHeaders=subject&metadataHeaders=x-mailer").await;
    let headers = serde_json::json!([
        {"name": "Subject", "value": "Straße"}, {"name": "X-Mailer", "value": "Test"},
    ]);
    assert_eq!((&metadata["payload"]["headers"], metadata["payload"].get("body")), (&headers, None));
    let full = get("").await;
    let data = URL_SAFE.decode(full["payload"]["body"]["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, b"Hello,\r\nAda");
    let names: Vec<_> =
        full["payload"]["headers"].as_array().unwrap().iter().map(|h| h["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Subject", "From", "To", "Date", "Message-ID", "X-Mailer"]);
    let raw = URL_SAFE.decode(get("format=RAW").await["raw"].as_str().unwrap()).unwrap();
    assert!(raw.ends_with(b"X-Mailer: Test\r\n\r\nHello,\r\nAda"));
    assert_eq!(world.status(&format!("/messages/{id}?format=short")).await, 400);
    assert_eq!(world.status("/messages/unknown").await, 404);
}

#[tokio::test]
async fn replies_are_masked() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    let id = world.google.deliver(ADA, mail("x"));
    let fields = "historyId,nextPageToken,history(messagesAdded/message(id,labelIds))";
    let list = world.get(&format!("/history?startHistoryId={start}&prettyPrint=false&fields={fields}")).await;
    let current = world.google.current_history_id(ADA).to_string();
    assert_eq!(
        list,
        serde_json::json!({
            "history": [{"messagesAdded": [{"message": {
                "id": id, "labelIds": ["UNREAD", "CATEGORY_PERSONAL", "INBOX"],
            }}]}],
            "historyId": current,
        })
    );
    let wrong = world.caller.get(&format!("{ME}/profile?fields=historyid")).await;
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_i64()), (400, Some(400)));
    let missing = world.caller.get(&format!("{ME}/messages/x?fields=id")).await;
    assert_eq!(missing.json()["error"]["code"], 404, "errors are not masked");
}

#[tokio::test]
async fn replies_are_compressed_for_those_who_say_so_twice() {
    let world = world().await;
    let uri = format!("{ME}/profile");
    let half = world.caller.with("accept-encoding", "gzip");
    let plain = half.get(&uri).await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = half.with("user-agent", "test (gzip)").get(&uri).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain.text());
}

#[tokio::test]
async fn another_user_is_out_of_reach() {
    let world = world().await;
    assert_eq!(world.caller.get(&format!("/gmail/v1/users/{ADA}/profile")).await.status, 200);
    assert_eq!(world.caller.get("/gmail/v1/users/bo@double.example/profile").await.status, 403);
    assert_eq!(Caller::new(world.google.router()).get(&format!("{ME}/profile")).await.status, 401);
}

#[tokio::test]
async fn units_are_counted() {
    let world = world().await;
    let id = world.google.deliver(ADA, mail("x"));
    let start = world.google.current_history_id(ADA);
    world.get("/profile").await;
    world.get(&format!("/history?startHistoryId={start}")).await;
    world.get("/messages").await;
    world.get(&format!("/messages/{id}")).await;
    assert_eq!(world.google.units(ADA), 1 + 2 + 5 + 20);
    assert_eq!(world.google.usage(ADA).admitted, 4);
}
