use super::*;
use crate::clock::DAY_US;
use crate::probe::START_US;

#[tokio::test]
async fn each_operation_leaves_its_records() {
    let world = world().await;
    let google = &world.google;
    let id = google.deliver(ADA, mail("x"));
    let check = async |change: &dyn Fn(), expected: &[&str]| {
        let start = google.current_history_id(ADA);
        change();
        assert_eq!(world.since(start).await, expected);
    };
    check(&|| drop(google.deliver(ADA, mail("y"))), &["messagesAdded UNREAD+CATEGORY_PERSONAL+INBOX"]).await;
    check(&|| drop(google.send(ADA, mail("y"))), &["messagesAdded SENT"]).await;
    check(&|| assert!(google.remove_label(ADA, &id, "UNREAD")), &["labelsRemoved UNREAD"]).await;
    check(&|| assert!(google.remove_label(ADA, &id, "UNREAD")), &[]).await;
    check(&|| assert!(google.add_label(ADA, &id, "STARRED")), &["labelsAdded STARRED"]).await;
    let moved = ["labelsAdded Label_1", "labelsRemoved INBOX"];
    check(&|| assert!(google.modify(ADA, &id, &["Label_1"], &["INBOX"])), &moved).await;
    check(&|| assert!(google.untrash(ADA, &id)), &["labelsAdded INBOX"]).await;
    check(&|| assert!(google.trash(ADA, &id)), &["labelsAdded TRASH", "labelsRemoved INBOX"]).await;
    check(&|| assert!(google.untrash(ADA, &id)), &["labelsAdded INBOX", "labelsRemoved TRASH"]).await;
    check(&|| assert!(google.spam(ADA, &id)), &["labelsAdded SPAM", "labelsRemoved INBOX"]).await;
    let last = ["messagesDeleted CATEGORY_PERSONAL+STARRED+Label_1+SPAM"];
    check(&|| assert!(google.purge(ADA, &id)), &last).await;
    check(&|| assert!(!google.purge(ADA, &id)), &[]).await;
    assert_eq!(world.status(&format!("/messages/{id}")).await, 404);
    let labels = world.get("/labels").await;
    assert!(labels["labels"].as_array().unwrap().iter().any(|label| label["id"] == "Label_1"));
}

#[tokio::test]
async fn a_message_knows_the_last_record_that_touched_it() {
    let world = world().await;
    let id = world.google.deliver(ADA, mail("x"));
    world.google.deliver(ADA, mail("y"));
    world.google.add_label(ADA, &id, "STARRED");
    let current = world.google.current_history_id(ADA);
    assert_eq!(world.get(&format!("/messages/{id}?format=minimal")).await["historyId"], current.to_string());
    let snapshot = world.google.messages(ADA);
    let of_id = snapshot.iter().find(|message| message.id == id).unwrap();
    assert_eq!((snapshot.len(), of_id.history_id), (2, current));
    assert!(of_id.labels.contains(&"STARRED".to_owned()));
}

#[tokio::test]
async fn each_save_of_a_draft_is_another_message() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    let first = world.google.save_draft(ADA, None, mail("Plan"));
    let second = world.google.save_draft(ADA, Some(&first.draft_id), mail("Plan"));
    let third = world.google.save_draft(ADA, Some(&first.draft_id), mail("Other plan"));
    assert_eq!((&first.draft_id, &first.draft_id), (&second.draft_id, &third.draft_id));
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(world.status(&format!("/messages/{}", first.message_id)).await, 404);
    let drafts = world.get("/drafts").await;
    assert_eq!(drafts["drafts"][0]["message"]["id"], third.message_id);
    let draft = world.get(&format!("/drafts/{}", first.draft_id)).await;
    assert_eq!(draft["message"]["threadId"], third.message_id, "another subject, another thread");
    let sent = world.google.send_draft(ADA, &first.draft_id).unwrap();
    let message = world.get(&format!("/messages/{sent}?format=minimal")).await;
    assert_eq!((&message["threadId"], &message["labelIds"][0]), (&third.message_id.into(), &"SENT".into()));
    assert_eq!(world.google.send_draft(ADA, &first.draft_id), None);
    let expected = [
        "Added DRAFT",
        "Added DRAFT",
        "Deleted DRAFT",
        "Added DRAFT",
        "Deleted DRAFT",
        "Added SENT",
        "Deleted DRAFT",
    ];
    assert_eq!(world.since(start).await, expected.map(|word| format!("messages{word}")));
}

#[tokio::test]
async fn dates_of_mail_can_be_ahead_or_long_past() {
    let world = world().await;
    let date = async |id: String| {
        let message = world.get(&format!("/messages/{id}?format=minimal")).await;
        message["internalDate"].as_str().unwrap().parse::<i64>().unwrap() * 1000
    };
    let scheduled = world.google.schedule_send(ADA, mail("later"), DAY_US);
    let imported = world.google.import_old(ADA, mail("old"));
    let dated = world.google.import_old(ADA, Mail { date_us: Some(DAY_US), ..mail("very old") });
    let plain = world.google.deliver(ADA, Mail { date_us: Some(DAY_US), ..mail("misdated") });
    let listed = world.list("").await;
    assert_eq!(listed, [&scheduled, &plain, &imported, &dated].map(String::clone));
    assert_eq!(world.list("q=-in:scheduled").await.len(), 3);
    assert_eq!(date(scheduled).await, START_US + DAY_US);
    assert_eq!(date(imported).await, START_US - 365 * DAY_US);
    assert_eq!(date(dated).await, DAY_US);
    assert_eq!(date(plain).await, START_US, "the time of arrival counts");
}

#[tokio::test]
async fn replies_join_the_thread_of_what_they_answer() {
    let world = world().await;
    let asked = mail("Question");
    let question_id = asked.message_id("q");
    let header = |name: &str| vec![(name.to_owned(), question_id.clone())];
    let question = world.google.deliver(ADA, Mail { headers: header("Message-ID"), ..asked });
    let answer = world.google.send(ADA, Mail { headers: header("In-Reply-To"), ..mail("Answer") });
    let thread = world.get(&format!("/threads/{question}?format=minimal")).await;
    let messages: Vec<_> =
        thread["messages"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), 2);
    assert!(messages.contains(&answer.as_str()));
    assert_eq!(world.get("/threads").await["resultSizeEstimate"], 1);
    assert_eq!(world.get("/profile").await["threadsTotal"], 1);
}
