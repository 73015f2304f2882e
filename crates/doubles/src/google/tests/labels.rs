use super::*;

#[tokio::test]
async fn lists_show_no_counts_and_no_colours_but_single_labels_do() {
    let world = world().await;
    let google = &world.google;
    let work = google.create_label(ADA, "Work/Big & small");
    assert!(google.color_label(ADA, &work, "#000000", "#ffffff"));
    let (one, two) = (google.deliver(ADA, mail("x")), google.deliver(ADA, mail("y")));
    google.add_label(ADA, &one, &work);
    google.modify(ADA, &two, &[&work], &["UNREAD"]);
    let all = world.get("/labels").await;
    let listed = all["labels"].as_array().unwrap().iter().find(|label| label["id"] == work).unwrap();
    assert_eq!(
        *listed,
        serde_json::json!({
            "id": work, "name": "Work/Big & small", "type": "user",
            "messageListVisibility": "show", "labelListVisibility": "labelShow",
        })
    );
    let label = world.get(&format!("/labels/{work}")).await;
    let counts = ["messagesTotal", "messagesUnread", "threadsTotal", "threadsUnread"].map(|key| &label[key]);
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), [2, 1, 2, 1]);
    assert_eq!(label["color"]["textColor"], "#000000");
    assert_eq!(world.get("/labels/INBOX").await["messagesTotal"], 2);
    assert_eq!(world.status("/labels/Label_99").await, 404);
    assert_eq!(world.list("q=label:work-big---small is:unread").await, [one.as_str()]);
}

#[tokio::test]
async fn labels_are_renamed_and_deleted() {
    let world = world().await;
    let google = &world.google;
    let label = google.create_label(ADA, "Old");
    let id = google.deliver(ADA, mail("x"));
    google.add_label(ADA, &id, &label);
    let start = google.current_history_id(ADA);
    assert!(google.rename_label(ADA, &label, "New") && !google.rename_label(ADA, "Label_99", "x"));
    assert_eq!(world.get(&format!("/labels/{label}")).await["name"], "New");
    assert!(world.since(start).await.is_empty(), "no history tells of it");
    assert!(google.delete_label(ADA, &label) && !google.delete_label(ADA, &label));
    assert_eq!(world.since(start).await, [format!("labelsRemoved {label}")]);
    assert_eq!(world.status(&format!("/labels/{label}")).await, 404);
    assert_ne!(google.create_label(ADA, "Old"), label, "an id does not come again");
}

#[tokio::test]
async fn parameters_that_a_call_does_not_have_are_refused() {
    let world = world().await;
    let draft = world.google.save_draft(ADA, None, mail("x")).draft_id;
    for path in ["/labels?maxResults=5", "/drafts?labelIds=INBOX", "/messages?query=x", "/profile?x=1"] {
        assert_eq!(world.status(path).await, 400, "{path}");
    }
    assert_eq!(world.status(&format!("/drafts/{draft}?metadataHeaders=To")).await, 400);
    assert_eq!(world.status("/labels?prettyPrint=false&alt=json").await, 200);
}
