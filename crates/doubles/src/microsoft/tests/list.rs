use super::*;

#[tokio::test]
async fn the_whole_mailbox_is_listed_newest_first() {
    let world = world().await;
    let microsoft = &world.microsoft;
    microsoft.deliver(ADA, mail("first"));
    world.time.advance_s(1);
    let gone = microsoft.deliver(ADA, mail("second"));
    microsoft.soft_delete(ADA, &gone);
    world.time.advance_s(1);
    microsoft.send(ADA, mail("third"));
    assert_eq!(world.subjects("").await, ["third", "second", "first"]);
    assert_eq!(strings(&world.get("/mailFolders/inbox/messages").await, "subject"), ["first"]);
    let id = microsoft.folder_id(ADA, "sentitems").unwrap();
    assert_eq!(strings(&world.get(&format!("/mailFolders/{id}/messages")).await, "subject"), ["third"]);
    assert_eq!(world.error("/mailFolders/nowhere/messages").await.0, 404);
    let folder = world.get("/mailFolders/deletedItems").await;
    assert_eq!((&folder["displayName"], &folder["totalItemCount"]), (&"Deleted Items".into(), &1.into()));
    let folders = world.get("/mailFolders").await;
    assert_eq!((folders["value"].as_array().unwrap().len(), folders.get("@odata.nextLink")), (7, None));
    assert_eq!(strings(&world.get("/mailFolders?$top=2&$skip=6").await, "displayName"), ["Outbox"]);
}

#[tokio::test]
async fn a_row_has_what_graph_shows() {
    let world = world().await;
    world.time.advance_us(999_999);
    let id = world.microsoft.deliver(ADA, mail("x"));
    let list = world.get("/messages").await;
    assert_eq!(
        list["@odata.context"],
        "http://double.example/v1.0/$metadata#users('ada%40double.example')/messages"
    );
    let row = &list["value"][0];
    let key = world.snapshot(&id).change_key;
    assert_eq!((&row["id"], &row["changeKey"]), (&id.clone().into(), &key.clone().into()));
    assert_eq!(row["@odata.etag"], format!("W/\"{key}\""));
    assert_eq!(row["lastModifiedDateTime"], "2026-11-22T11:40:00Z", "whole seconds, cut");
    assert_eq!(row["from"]["emailAddress"], serde_json::json!({"name": "Bo", "address": "bo@else.example"}));
    assert_eq!(row["toRecipients"][1]["emailAddress"]["address"], "eve@else.example");
    assert_eq!(row["body"]["content"], "<html><body>Hello &lt;Ada&gt;</body></html>");
    assert_eq!(row["parentFolderId"], world.microsoft.folder_id(ADA, "inbox").unwrap());
    assert_eq!((row.get("internetMessageHeaders"), row.get("uniqueBody")), (None, None));
    let bare = world.caller.with("accept", "application/json;odata.metadata=none");
    let bare = bare.get("/v1.0/me/messages?$select=subject").await.json();
    assert_eq!(bare, serde_json::json!({"value": [{"id": id, "subject": "x"}]}));
}

#[tokio::test]
async fn a_message_is_shown_as_preferred() {
    let world = world().await;
    let id = world.microsoft.deliver(ADA, mail("x"));
    let caller = world.caller.with("prefer", "outlook.body-content-type=\"text\"");
    let path = format!("/v1.0/me/messages/{id}?$select=body,internetMessageHeaders");
    let got = caller.get(&path).await.json();
    assert_eq!(got["body"], serde_json::json!({"contentType": "text", "content": "Hello <Ada>"}));
    assert_eq!(got["internetMessageHeaders"][0], serde_json::json!({"name": "Subject", "value": "x"}));
    let keys: Vec<_> = got.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["@odata.context", "@odata.etag", "id", "internetMessageHeaders", "body"]);
    assert_eq!(world.get(&format!("/mailFolders/inbox/messages/{id}?$select=id")).await["id"], id);
    assert_eq!(world.error(&format!("/mailFolders/drafts/messages/{id}")).await.1, "ErrorItemNotFound");
}

#[tokio::test]
async fn filters_and_orders_use_the_finer_time() {
    let world = world().await;
    for subject in ["a", "b", "c"] {
        world.microsoft.deliver(ADA, mail(subject));
        world.time.advance_us(100);
    }
    let order = "$orderby=lastModifiedDateTime";
    let from = |text: &str| format!("$filter=lastModifiedDateTime ge 2026-11-22T11:40:00{text}&{order}");
    assert_eq!(world.subjects(&from("Z")).await, ["a", "b", "c"]);
    assert_eq!(world.subjects(&from(".000150Z")).await, ["c"]);
    assert_eq!(world.subjects(&format!("{} desc", from("Z"))).await, ["c", "b", "a"]);
    let after = "$filter=lastModifiedDateTime gt 2026-11-22T11:40:00Z";
    assert_eq!(world.subjects(after).await, ["c", "b"], "the same second comes again");
    let two =
        "$filter=isRead eq false and receivedDateTime ge 2026-11-22&$orderby=isRead,receivedDateTime desc";
    assert_eq!(world.subjects(two).await, ["c", "b", "a"]);
}

#[tokio::test]
async fn an_order_has_to_lead_the_filter() {
    let world = world().await;
    let inefficient = (400, "InefficientFilter".to_owned());
    let modified = "lastModifiedDateTime ge 2026-11-22";
    for query in [
        "$filter=isRead eq true&$orderby=receivedDateTime".to_owned(),
        format!("$filter=isRead eq true and {modified}&$orderby=lastModifiedDateTime"),
        format!("$filter={modified}&$orderby=lastModifiedDateTime,receivedDateTime"),
    ] {
        assert_eq!(world.error(&format!("/messages?{query}")).await, inefficient, "{query}");
    }
    for query in [
        "$orderby=subject".to_owned(),
        "$filter=isRead eq true".to_owned(),
        format!("$filter={modified} and isRead eq true&$orderby=lastModifiedDateTime"),
    ] {
        world.get(&format!("/messages?{query}")).await;
    }
}

#[tokio::test]
async fn mistakes_in_a_query_are_refused() {
    let world = world().await;
    let code = async |query: &str| {
        let (status, code) = world.error(&format!("/messages?{query}")).await;
        assert_eq!(status, 400, "{query}");
        code
    };
    for query in ["$filter=nothing eq 1", "$orderby=nothing", "$select=nothing", "$filter=subject eq true"] {
        assert_eq!(code(query).await, "BadRequest", "{query}");
    }
    for query in
        ["$filter=isRead eq", "$top=0", "$top=1001", "$top=x", "$skip=-1", "$orderby=subject up", "$sort=x"]
    {
        assert_eq!(code(query).await, "ErrorInvalidUrlQuery", "{query}");
    }
    assert_eq!(world.error("/nothing").await.0, 400);
    let got = world.caller.with("client-request-id", "mine").get("/v1.0/me/messages?$top=x").await;
    let inner = &got.json()["error"]["innerError"];
    assert_eq!(
        (&inner["client-request-id"], &inner["date"]),
        (&"mine".into(), &"2026-11-22T11:40:00".into())
    );
    assert_eq!(inner["request-id"], got.header("request-id"));
}

#[tokio::test]
async fn pages_skip_over_what_is_there_now() {
    let world = world().await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(world.microsoft.deliver(ADA, mail(&number.to_string())));
        world.time.advance_s(1);
    }
    let query = "$filter=lastModifiedDateTime ge 2026-11-22T11:40:00Z&$orderby=lastModifiedDateTime&$top=3";
    let first = world.get(&format!("/messages?{query}")).await;
    assert_eq!(strings(&first, "subject"), ["0", "1", "2"]);
    let next = first["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(next.starts_with("http://double.example/v1.0/me/messages?%24filter="), "{next}");
    assert!(next.contains("skip=3"), "{next}");
    // A change between two pages moves one message to the end and shifts the others: 3 is never shown.
    world.microsoft.mark_read(ADA, &ids[0]);
    let second = world.caller.get(&next).await.json();
    assert_eq!(strings(&second, "subject"), ["4", "5", "0"]);
    assert_eq!(second.get("@odata.nextLink"), None);
    assert_eq!(world.subjects("").await.len(), 6);
    for _ in 0..6 {
        world.microsoft.deliver(ADA, mail("more"));
    }
    assert_eq!(world.subjects("").await.len(), 10, "the default page");
}

#[tokio::test]
async fn counts_are_known_for_folders_only() {
    let world = world().await;
    world.microsoft.deliver(ADA, mail("x"));
    let count = async |path: &str| world.get(path).await["@odata.count"].clone();
    assert_eq!(count("/messages?$count=true").await, 1);
    assert_eq!(count("/messages?$count=true&$filter=isRead eq false").await, -1);
    assert_eq!(count("/mailFolders/inbox/messages?$count=true&$filter=isRead eq true").await, 0);
    assert_eq!(count("/messages").await, Value::Null);
}
