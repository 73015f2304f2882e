use serde_json::Value;

use super::*;

fn ids(list: &Value) -> Vec<u64> {
    let records = list["history"].as_array().into_iter().flatten();
    records.map(|record| record["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn ids_increase_with_gaps_and_idle_replies_have_no_history() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    for number in 0..20 {
        world.google.deliver(ADA, mail(&number.to_string()));
    }
    let list = world.get(&format!("/history?startHistoryId={start}")).await;
    let ids = ids(&list);
    assert_eq!(ids.len(), 20);
    assert!(ids[0] > start && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(ids.windows(2).any(|pair| pair[1] - pair[0] > 1), "{ids:?}");
    assert_eq!(list["historyId"], ids[19].to_string());
    assert_eq!(world.get("/profile").await["historyId"], ids[19].to_string());
    assert_eq!(list.get("nextPageToken"), None);

    let idle = world.get(&format!("/history?startHistoryId={}", ids[19])).await;
    assert_eq!(idle, serde_json::json!({"historyId": ids[19].to_string()}));
}

#[tokio::test]
async fn pages_hold_at_most_what_is_asked_for() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    for number in 0..620 {
        world.google.deliver(ADA, mail(&number.to_string()));
    }
    let path = |query: String| format!("/history?startHistoryId={start}{query}");
    assert_eq!(ids(&world.get(&path(String::new())).await).len(), 100);
    let first = world.get(&path("&maxResults=9999".to_owned())).await;
    assert_eq!(ids(&first).len(), 500);
    // What happens between two pages comes on the second.
    world.google.deliver(ADA, mail("late"));
    let token = first["nextPageToken"].as_str().unwrap();
    let second = world.get(&path(format!("&maxResults=500&pageToken={token}"))).await;
    assert_eq!((ids(&second).len(), second.get("nextPageToken")), (121, None));
    assert!(ids(&first)[499] < ids(&second)[0]);
    assert_eq!(world.status(&path("&pageToken=nonsense".to_owned())).await, 400);
}

#[tokio::test]
async fn a_page_may_have_a_token_and_no_history() {
    let world = world().await;
    world.google.set_empty_pages(true);
    let start = world.google.current_history_id(ADA);
    (0..5).for_each(|number| drop(world.google.deliver(ADA, mail(&number.to_string()))));
    let mut counts = Vec::new();
    let mut token = String::new();
    for _ in 0..20 {
        let list = world.get(&format!("/history?startHistoryId={start}&maxResults=2{token}")).await;
        counts.push(list.get("history").map(|history| history.as_array().unwrap().len()));
        let Some(next) = list["nextPageToken"].as_str() else { break };
        token = format!("&pageToken={next}");
    }
    assert_eq!(counts, [None, Some(2), None, Some(2), None, Some(1)]);
}

#[tokio::test]
async fn cursors_that_are_old_unknown_or_no_number_are_refused() {
    let world = world().await;
    let before = world.google.current_history_id(ADA);
    world.google.deliver(ADA, mail("x"));
    let current = world.google.current_history_id(ADA);
    let status = |start: String| {
        let world = &world;
        async move { world.status(&format!("/history?startHistoryId={start}")).await }
    };
    assert_eq!(status(before.to_string()).await, 200);
    assert_eq!(status((before - 1).to_string()).await, 404);
    assert_eq!(status((current + 1).to_string()).await, 404);
    assert_eq!(status("abc".to_owned()).await, 400);
    assert_eq!(status("-1".to_owned()).await, 400);
    assert_eq!(world.status("/history").await, 400);
    world.google.expire_history(ADA);
    assert_eq!(status(before.to_string()).await, 404);
    assert_eq!(status(current.to_string()).await, 200);
    let got = world.caller.get(&format!("{ME}/history?startHistoryId={before}")).await.json();
    assert_eq!(got["error"]["errors"][0]["reason"], "notFound");
}

#[tokio::test]
async fn types_and_labels_narrow_it_down() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    let id = world.google.deliver(ADA, mail("x"));
    world.google.send(ADA, mail("y"));
    world.google.modify(ADA, &id, &["STARRED"], &["UNREAD"]);
    world.google.purge(ADA, &id);
    let keys = |query: &str| {
        let path = format!("/history?startHistoryId={start}{query}");
        let world = &world;
        async move {
            let list = world.get(&path).await;
            let records = list["history"].as_array().cloned().unwrap_or_default();
            let keys = records.iter().flat_map(|record| record.as_object().unwrap().keys().skip(2).cloned());
            keys.collect::<Vec<_>>().join(" ")
        }
    };
    assert_eq!(keys("").await, "messagesAdded messagesAdded labelsAdded labelsRemoved messagesDeleted");
    assert_eq!(keys("&historyTypes=labelAdded").await, "labelsAdded");
    assert_eq!(keys("&historyTypes=messageAdded&historyTypes=messageDeleted").await.len(), 43);
    assert_eq!(keys("&labelId=SENT").await, "messagesAdded");
    assert_eq!(keys("&labelId=UNREAD&historyTypes=labelRemoved").await, "labelsRemoved");
    assert_eq!(world.status(&format!("/history?startHistoryId={start}&historyTypes=x")).await, 400);
}

#[tokio::test]
async fn messages_may_come_without_labels() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    let id = world.google.deliver(ADA, mail("x"));
    world.google.remove_label(ADA, &id, "UNREAD");
    world.google.set_history_labels(false);
    assert_eq!(world.since(start).await, ["messagesAdded ", "labelsRemoved UNREAD"]);
}

#[tokio::test]
async fn a_seed_repeats_a_run() {
    let run = async || {
        let world = world().await;
        let start = world.google.current_history_id(ADA);
        let id = world.google.deliver(ADA, mail("x"));
        world.google.trash(ADA, &id);
        world.get(&format!("/history?startHistoryId={start}")).await
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn a_record_may_show_later_than_it_counts() {
    let world = world().await;
    let start = world.google.current_history_id(ADA);
    world.google.set_history_lag(2_000_000, 2_000_000, true);
    let id = world.google.deliver(ADA, mail("late"));
    let path = format!("/history?startHistoryId={start}");
    world.time.advance_us(1_999_999);
    let current = world.google.current_history_id(ADA).to_string();
    assert_eq!(world.get(&path).await, serde_json::json!({"historyId": current}), "empty, and it names it");
    assert_eq!(world.get("/profile").await["historyId"], current);
    assert_eq!(world.get(&format!("/messages/{id}?format=minimal")).await["historyId"], current);
    world.time.advance_us(1);
    assert_eq!(ids(&world.get(&path).await), [current.parse::<u64>().unwrap()]);
}

#[tokio::test]
async fn each_record_has_a_lag_of_its_own_unless_they_come_in_order() {
    for is_ordered in [true, false] {
        let world = world().await;
        let start = world.google.current_history_id(ADA);
        world.google.set_history_lag(0, 10_000_000, is_ordered);
        for number in 0..100 {
            world.google.deliver(ADA, mail(&number.to_string()));
        }
        let (mut counts, mut is_prefix) = (Vec::new(), true);
        let path = format!("/history?startHistoryId={start}&maxResults=500");
        let mut former = Vec::new();
        for _ in 0..=10 {
            let shown = ids(&world.get(&path).await);
            is_prefix &= shown.starts_with(&former);
            counts.push(shown.len());
            former = shown;
            world.time.advance_s(1);
        }
        assert!(counts.is_sorted() && counts[10] == 100, "{counts:?}");
        assert!(counts[3] > 0 || is_ordered, "{counts:?}");
        assert_eq!(is_prefix, is_ordered, "{counts:?}");
    }
}

#[tokio::test]
async fn a_careless_server_sends_records_that_were_not_asked_for() {
    let world = world().await;
    let first = world.google.current_history_id(ADA);
    (0..5).for_each(|number| drop(world.google.deliver(ADA, mail(&number.to_string()))));
    let all = ids(&world.get(&format!("/history?startHistoryId={first}")).await);
    world.google.set_old_records(true);
    assert_eq!(ids(&world.get(&format!("/history?startHistoryId={}", all[3])).await), all[1..]);
    assert_eq!(ids(&world.get(&format!("/history?startHistoryId={}", all[4])).await), all[2..]);
}

#[tokio::test]
async fn a_selection_is_changed_in_one_record() {
    let world = world().await;
    let messages: Vec<_> =
        (0..300).map(|number| world.google.deliver(ADA, mail(&number.to_string()))).collect();
    let start = world.google.current_history_id(ADA);
    let selected: Vec<&str> = messages.iter().map(String::as_str).chain(["unknown"]).collect();
    assert_eq!(world.google.modify_all(ADA, &selected, &["Label_1"], &["UNREAD"]), 300);
    assert_eq!(world.google.modify_all(ADA, &selected, &["Label_1"], &["UNREAD"]), 300, "nothing changed");
    let list = world.get(&format!("/history?startHistoryId={start}")).await;
    let current = world.google.current_history_id(ADA);
    assert_eq!(ids(&list), [current]);
    for key in ["messages", "labelsAdded", "labelsRemoved"] {
        assert_eq!(list["history"][0][key].as_array().unwrap().len(), 300);
    }
    assert!(world.google.messages(ADA).iter().all(|message| message.history_id == current));
}

#[tokio::test]
async fn a_deleted_message_can_come_back_under_its_id() {
    let world = world().await;
    let id = world.google.deliver(ADA, mail("x"));
    assert!(!world.google.restore(ADA, &id), "it was not deleted");
    world.google.purge(ADA, &id);
    let start = world.google.current_history_id(ADA);
    assert!(world.google.restore(ADA, &id));
    assert_eq!(world.since(start).await, ["messagesAdded UNREAD+CATEGORY_PERSONAL+INBOX"]);
    assert_eq!(world.get(&format!("/messages/{id}?format=minimal")).await["id"], id);
}
