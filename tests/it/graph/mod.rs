//! The Outlook connector and the double face to face: what is beside mail, reads, and windows read again.

mod contacts;
pub(crate) mod desk;
pub(crate) mod lane;

use chrono::DateTime;
use connectors::Window;
use connectors::hub::{Order, PageWanted, Query};
use desk::{ADA, Desk, configured, mail, query};
use domain::ceql;
use domain::resource::ResourceConfig;
use doubles::{Attachment, Corruption};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test]
async fn contacts_and_events_are_polled_by_their_dates() {
    let mut desk = Desk::new().await;
    let old = desk.microsoft.add_contact(ADA, &json!({ "displayName": "old" }));
    desk.advance_s(1200);
    desk.watch(&["contacts", "events"]).await;
    desk.advance_s(60);
    let new = desk.microsoft.add_contact(ADA, &json!({ "displayName": "new" }));
    desk.microsoft.change_record(ADA, &old, &json!({ "companyName": "Else" }));
    let event = desk.microsoft.add_event(ADA, None, &json!({ "subject": "Review" }));
    desk.advance_s(60);
    assert_eq!(desk.poll("contacts").await, [format!("UPDATED {old}"), format!("CREATED {new}")]);
    assert_eq!(desk.poll("events").await, [format!("CREATED {event}")]);
    for _ in 0..400 {
        desk.microsoft.add_contact(ADA, &json!({ "displayName": "one of many" }));
    }
    desk.microsoft.delete_record(ADA, &new);
    desk.advance_s(60);
    assert_eq!(desk.poll("contacts").await.len(), 400);
    assert_eq!(desk.poll("contacts").await, [""; 0]);
    assert_eq!(desk.poll("events").await, [""; 0]);
}

#[tokio::test]
async fn folders_and_calendars_are_polled_by_comparing() {
    let mut desk = Desk::new().await;
    desk.watch(&["folders", "calendars"]).await;
    let calendar = desk.microsoft.add_calendar(ADA, "Team");
    let folder = desk.microsoft.add_child_folder(ADA, "inbox", "Projects").unwrap();
    let below = desk.microsoft.add_child_folder(ADA, &folder, "Carillon").unwrap();
    desk.microsoft.deliver(ADA, mail("a count changes"));
    assert_eq!(desk.poll("calendars").await, [format!("CREATED {calendar}")]);
    assert_eq!(desk.poll("folders").await, [format!("CREATED {folder}"), format!("CREATED {below}")]);
    desk.microsoft.rename_folder(ADA, &below, "Bells");
    desk.microsoft.change_record(ADA, &calendar, &json!({ "name": "Crew" }));
    assert_eq!(desk.poll("folders").await, [format!("UPDATED {below}")]);
    assert_eq!(desk.poll("calendars").await, [format!("UPDATED {calendar}")]);
    desk.microsoft.delete_folder(ADA, &folder);
    desk.microsoft.delete_record(ADA, &calendar);
    assert_eq!(desk.poll("calendars").await, [format!("DELETED {calendar}")]);
    let gone: BTreeSet<String> = desk.poll("folders").await.into_iter().collect();
    assert_eq!(gone, BTreeSet::from([format!("DELETED {folder}"), format!("DELETED {below}")]));
    assert_eq!(desk.poll("folders").await, [""; 0]);
}

#[tokio::test]
async fn a_small_page_size_holds_no_burst_up() {
    let mut desk = Desk::new().await;
    let small = json!({ "url": "/contacts", "pageSize": 1 });
    desk.watch_as("contacts", ResourceConfig::parse("contacts", &small).unwrap()).await;
    desk.advance_s(60);
    for _ in 0..400 {
        desk.microsoft.add_contact(ADA, &json!({ "displayName": "one of many" }));
    }
    assert_eq!(desk.poll("contacts").await.len(), 400);
}

#[tokio::test]
async fn a_mailbox_is_read_page_by_page() {
    let desk = Desk::new().await;
    for number in 0..8 {
        desk.microsoft.deliver(ADA, mail(&format!("s{number}")));
        desk.advance_s(1);
    }
    let mut page = Query { page_size: Some(3), ..Query::of("messages") };
    let mut subjects = Vec::new();
    loop {
        let read = desk.list(&page).await;
        subjects.extend(read.records.iter().map(|record| record["Subject"].clone()));
        let Some(next) = read.next else { break };
        page.page = PageWanted::After(next);
    }
    assert_eq!(subjects, ["s7", "s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
    let second = Query { page: PageWanted::Number(2), page_size: Some(3), ..Query::of("messages") };
    assert_eq!(desk.list(&second).await.records[0]["Subject"], "s4");
    assert_eq!(desk.list(&query(&["folders", "inbox", "messages"])).await.total, Some(8));
}

#[tokio::test]
async fn conditions_and_orders_are_ones_that_graph_takes() {
    let desk = Desk::new().await;
    for number in 0..4 {
        desk.microsoft.deliver(ADA, mail(&format!("s{number}")));
        desk.advance_s(1);
    }
    let condition =
        "IsRead = false AND Subject LIKE '%S%' AND Subject IN ('s1', 's2') AND NOT (HasAttachments = true)";
    let newest = Query {
        condition: ceql::parse(condition).ok(),
        order_by: vec![Order { field: "ReceivedDateTime".to_owned(), is_descending: true }],
        fields: ["Subject", "From.EmailAddress.Address"].map(str::to_owned).to_vec(),
        ..Query::of("messages")
    };
    let shown = |subject: &str| json!({ "Subject": subject, "From": { "EmailAddress": { "Address": "bo@else.example" } } });
    assert_eq!(desk.list(&newest).await.records, [shown("s2"), shown("s1")]);
    desk.microsoft.add_contact(
        ADA,
        &json!({ "displayName": "n", "emailAddresses": [{ "name": "n", "address": "n@else.example" }] }),
    );
    let contact = Query {
        condition: ceql::parse("EmailAddresses.Address = 'n@else.example'").ok(),
        order_by: vec![Order { field: "DisplayName".to_owned(), is_descending: false }],
        ..Query::of("contacts")
    };
    assert_eq!(desk.list(&contact).await.total, Some(1));
    let start =
        json!({ "subject": "e", "start": { "dateTime": "2026-11-24T09:00:00.0000000", "timeZone": "UTC" } });
    desk.microsoft.add_event(ADA, None, &start);
    let later = Query {
        condition: ceql::parse("Start.DateTime >= '2026-11-24T00:00:00Z'").ok(),
        ..Query::of("events")
    };
    assert_eq!(desk.list(&later).await.records[0]["Subject"], "e");
}

#[tokio::test]
async fn every_list_and_its_objects_are_there_to_read() {
    let desk = Desk::new().await;
    let file = Attachment {
        name: "notes.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size_bytes: 7,
        is_inline: false,
        kind: doubles::AttachmentKind::File,
    };
    let id = desk.microsoft.deliver_with(ADA, mail("x"), vec![file.clone()]);
    let event = desk.microsoft.add_event(ADA, None, &json!({ "subject": "e" }));
    desk.microsoft.attach(ADA, &event, file);
    let contact = desk.microsoft.add_contact(ADA, &json!({ "displayName": "n" }));
    for owner in [["messages", &id], ["events", &event]] {
        let files = desk.list(&query(&[owner[0], owner[1], "attachments"])).await.records;
        assert_eq!((&files[0]["Name"], files[0].get("ContentBytes")), (&json!("notes.txt"), None));
    }
    assert_eq!(desk.list(&query(&["folders"])).await.records.len(), 7);
    assert_eq!(desk.list(&query(&["folders", "inbox", "folders"])).await.records, [Value::Null; 0]);
    let calendars = desk.list(&query(&["calendars"])).await.records;
    let calendar = calendars[0]["Id"].as_str().unwrap();
    assert_eq!(desk.list(&query(&["calendars", calendar, "events"])).await.total, Some(1));
    for one in [["messages", &id], ["contacts", &contact], ["events", &event], ["calendars", calendar]] {
        assert_eq!(desk.object(&query(&one)).await["Id"], one[1]);
    }
    assert_eq!(desk.object(&query(&["folders", "inbox"])).await["DisplayName"], "Inbox");
}

#[tokio::test]
async fn a_window_is_read_again_once_and_whole() {
    let desk = Desk::new().await;
    let from = desk.now();
    for number in 0..600 {
        desk.microsoft.deliver(ADA, mail("x"));
        desk.advance_s(i64::from(number % 7 == 0));
    }
    desk.advance_s(1);
    let window = Window { from, to: desk.now() };
    desk.microsoft.deliver(ADA, mail("after it"));
    let ids = desk.backfill(&configured("messages"), window).await;
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), unique.len()), (600, 600));
    let before = Window { from: DateTime::UNIX_EPOCH, to: from };
    assert_eq!(desk.backfill(&configured("messages"), before).await, [""; 0]);
}

#[tokio::test]
async fn an_item_that_cannot_be_listed_is_gone_round_in_every_resource() {
    let mut desk = Desk::new().await;
    desk.watch(&["contacts", "events", "folders", "calendars"]).await;
    let (mut fine, mut corrupt) = (BTreeMap::new(), Vec::new());
    for place in 0..3 {
        let contact = desk.microsoft.add_contact(ADA, &json!({ "displayName": "n" }));
        let event = desk.microsoft.add_event(ADA, None, &json!({ "subject": "e" }));
        let folder = desk.microsoft.add_child_folder(ADA, "inbox", "f").unwrap();
        let calendar = desk.microsoft.add_calendar(ADA, "c");
        for (name, id) in
            [("contacts", contact), ("events", event), ("folders", folder), ("calendars", calendar)]
        {
            match place {
                1 => corrupt.push(id),
                _ => fine.entry(name).or_insert_with(Vec::new).push(format!("CREATED {id}")),
            }
        }
        desk.advance_s(30);
    }
    corrupt.iter().for_each(|id| desk.microsoft.corrupt(ADA, id, Corruption::Whole));
    for (name, expected) in &fine {
        let (told, gaps) = desk.poll_patiently(name).await;
        assert_eq!((&told, gaps), (expected, 1), "{name}");
        let (told, gaps) = desk.poll_patiently(name).await;
        assert_eq!((told.len(), gaps), (0, 0), "{name}");
    }
    corrupt.iter().for_each(|id| desk.microsoft.corrupt(ADA, id, None));
    desk.advance_s(700);
    for (name, id) in ["contacts", "events", "folders", "calendars"].iter().zip(&corrupt) {
        assert_eq!(desk.poll_patiently(name).await, (vec![format!("CREATED {id}")], 0), "{name}");
    }
}

#[tokio::test]
async fn a_known_folder_that_cannot_be_listed_is_not_deleted() {
    let mut desk = Desk::new().await;
    let folder = desk.microsoft.add_child_folder(ADA, "inbox", "f").unwrap();
    desk.watch(&["folders"]).await;
    desk.microsoft.corrupt(ADA, &folder, Corruption::Whole);
    for gaps in [1, 0, 0] {
        assert_eq!(desk.poll_patiently("folders").await, (Vec::new(), gaps));
    }
    desk.microsoft.corrupt(ADA, &folder, None);
    desk.microsoft.delete_folder(ADA, &folder);
    let mut told = desk.poll("folders").await;
    told.extend(desk.poll("folders").await);
    assert_eq!(told, [format!("DELETED {folder}")]);
}

#[tokio::test]
async fn a_window_with_an_item_that_cannot_be_listed_is_read_to_its_end() {
    let desk = Desk::new().await;
    let from = desk.now();
    let ids: Vec<String> = (0..30)
        .map(|_| {
            desk.advance_s(10);
            desk.microsoft.deliver(ADA, mail("x"))
        })
        .collect();
    desk.advance_s(10);
    desk.microsoft.corrupt(ADA, &ids[11], Corruption::Whole);
    let window = Window { from, to: desk.now() };
    let told = desk.backfill(&configured("messages"), window).await;
    assert_eq!(told.len(), 29);
}

#[tokio::test]
async fn objects_that_say_nothing_of_themselves_hold_up_nothing() {
    let mut desk = Desk::new().await;
    desk.watch(&["contacts", "calendars"]).await;
    let odd = desk.microsoft.add_contact(ADA, &json!({ "displayName": "odd" }));
    let fine = desk.microsoft.add_contact(ADA, &json!({ "displayName": "fine" }));
    desk.microsoft.show_as(ADA, &odd, &json!({ "id": 7, "lastModifiedDateTime": false }));
    assert_eq!(desk.poll_patiently("contacts").await, (vec![format!("CREATED {fine}")], 1));
    assert_eq!(desk.poll_patiently("contacts").await, (Vec::new(), 0));
    let odd = desk.microsoft.add_calendar(ADA, "odd");
    let fine = desk.microsoft.add_calendar(ADA, "fine");
    desk.microsoft.show_as(ADA, &odd, &json!({ "id": null }));
    assert_eq!(desk.poll_patiently("calendars").await, (vec![format!("CREATED {fine}")], 1));
    assert_eq!(desk.poll_patiently("calendars").await, (Vec::new(), 0));
}
