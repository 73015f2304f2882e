use super::*;

/// A question with its answer, and another mail behind them.
async fn conversation(world: &World) -> (String, String) {
    let asked = mail("Question");
    let header = |name: &str| vec![(name.to_owned(), "<q@else.example>".to_owned())];
    let question = world.google.deliver(ADA, Mail { headers: header("Message-ID"), ..asked });
    world.time.advance_s(1);
    let other = world.google.deliver(ADA, mail("Other"));
    world.time.advance_s(1);
    world.google.send(ADA, Mail { headers: header("In-Reply-To"), ..mail("Answer") });
    (question, other)
}

fn ids(list: &serde_json::Value, key: &str) -> Vec<String> {
    let entries = list[key].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn threads_are_listed_by_their_newest_message_and_found_by_any() {
    let world = world().await;
    let (question, other) = conversation(&world).await;
    let list = world.get("/threads").await;
    assert_eq!(ids(&list, "threads"), [question.as_str(), other.as_str()]);
    let current = world.google.current_history_id(ADA).to_string();
    assert_eq!(
        (&list["threads"][0]["historyId"], list["threads"][0].get("messages")),
        (&current.into(), None)
    );
    assert_eq!(ids(&world.get("/threads?q=subject:question").await, "threads"), [question.as_str()]);
    assert_eq!(ids(&world.get("/threads?labelIds=INBOX").await, "threads").len(), 2);
    let first = world.get("/threads?maxResults=1").await;
    let token = first["nextPageToken"].as_str().unwrap();
    let second = world.get(&format!("/threads?maxResults=1&pageToken={token}")).await;
    assert_eq!((ids(&second, "threads"), second.get("nextPageToken")), (vec![other], None));
    assert_eq!(world.get("/threads?q=nothing").await, serde_json::json!({"resultSizeEstimate": 0}));
}

#[tokio::test]
async fn a_thread_has_its_messages_in_the_form_that_is_asked_for() {
    let world = world().await;
    let (question, _) = conversation(&world).await;
    let thread = world.get(&format!("/threads/{question}?format=metadata&metadataHeaders=Subject")).await;
    let headers: Vec<_> =
        thread["messages"].as_array().unwrap().iter().map(|m| &m["payload"]["headers"]).collect();
    assert_eq!(headers.len(), 2);
    assert_eq!(*headers[0], serde_json::json!([{"name": "Subject", "value": "Question"}]));
    assert_eq!(world.status(&format!("/threads/{question}?format=raw")).await, 400);
    assert_eq!(world.status("/threads/none").await, 404);
    for message in ids(&thread, "messages") {
        world.google.purge(ADA, &message);
    }
    assert_eq!(world.status(&format!("/threads/{question}")).await, 404, "it ends with its last message");
}

#[tokio::test]
async fn drafts_come_in_pages_and_go_when_they_are_thrown_away() {
    let world = world().await;
    let mut drafts = Vec::new();
    for number in 0..3 {
        drafts.insert(0, world.google.save_draft(ADA, None, mail(&format!("Draft {number}"))).draft_id);
        world.time.advance_s(1);
    }
    let first = world.get("/drafts?maxResults=2").await;
    assert_eq!(ids(&first, "drafts"), drafts[..2]);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = world.get(&format!("/drafts?maxResults=2&pageToken={token}")).await;
    assert_eq!(ids(&second, "drafts"), drafts[2..]);
    assert_eq!(ids(&world.get("/drafts?q=subject:1").await, "drafts"), drafts[1..2]);
    assert!(world.google.delete_draft(ADA, &drafts[0]) && !world.google.delete_draft(ADA, &drafts[0]));
    assert_eq!(ids(&world.get("/drafts").await, "drafts"), drafts[1..]);
    assert_eq!(world.status(&format!("/drafts/{}", drafts[0])).await, 404);
    assert_eq!(world.status(&format!("/drafts/{}?format=short", drafts[1])).await, 400);
}

#[tokio::test]
async fn attachments_are_parts_without_their_content() {
    let world = world().await;
    let id = world.google.deliver(ADA, mail("x"));
    assert!(world.google.attach(ADA, &id, "a.pdf", "application/pdf", 9));
    assert!(!world.google.attach(ADA, "none", "a.pdf", "application/pdf", 9));
    let payload = world.get(&format!("/messages/{id}")).await["payload"].clone();
    assert_eq!(
        (&payload["mimeType"], &payload["parts"][0]["mimeType"]),
        (&"multipart/mixed".into(), &"text/plain".into())
    );
    assert_eq!(payload["parts"][0]["body"]["size"], 11);
    let part = &payload["parts"][1];
    assert_eq!(
        (&part["partId"], &part["filename"], &part["body"]["size"]),
        (&"1".into(), &"a.pdf".into(), &9.into())
    );
    assert!(part["body"]["attachmentId"].is_string() && part["body"].get("data").is_none());
}
