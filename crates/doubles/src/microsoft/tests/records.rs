use super::*;
use crate::{Attachment, AttachmentKind};
use serde_json::json;

const SCOPES: &str = "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Contacts.Read https://graph.microsoft.com/Calendars.Read";

/// A world whose user also allowed contacts and calendars.
pub(super) async fn wider_world() -> World {
    let time = Time::new();
    let microsoft = Microsoft::new(time.clock(), 42);
    microsoft.add_account(ADA);
    microsoft.set_granted_scope(Some(SCOPES));
    let issued = redeem(&microsoft, &microsoft.new_code(ADA)).await.json();
    let caller = Caller::new(microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    World { time, microsoft, caller }
}

fn contact(name: &str) -> Value {
    json!({"displayName": name, "emailAddresses": [{"name": name, "address": format!("{name}@Else.example")}]})
}

fn event(subject: &str, start: &str) -> Value {
    json!({"subject": subject, "start": {"dateTime": start, "timeZone": "UTC"}})
}

fn file(name: &str, is_inline: bool) -> Attachment {
    Attachment {
        name: name.to_owned(),
        content_type: "text/plain".to_owned(),
        size_bytes: 7,
        is_inline,
        kind: AttachmentKind::File,
    }
}

#[tokio::test]
async fn contacts_and_calendars_need_their_own_permissions() {
    let narrow = world().await;
    let denied = (403, "ErrorAccessDenied".to_owned());
    for path in ["/contacts", "/calendars", "/events", "/events/x/attachments"] {
        assert_eq!(narrow.error(path).await, denied, "{path}");
    }
    let world = wider_world().await;
    assert_eq!(world.get("/contacts").await["value"], json!([]));
    assert_eq!(strings(&world.get("/calendars").await, "name"), ["Calendar"]);
}

#[tokio::test]
async fn contacts_are_filtered_and_ordered_and_counted() {
    let world = wider_world().await;
    let first = world.microsoft.add_contact(ADA, &contact("bo"));
    world.time.advance_s(60);
    world.microsoft.add_contact(ADA, &contact("al"));
    let names = async |query: &str| strings(&world.get(&format!("/contacts?{query}")).await, "displayName");
    assert_eq!(names("").await, ["bo", "al"]);
    assert_eq!(names("$orderby=displayName").await, ["al", "bo"]);
    assert_eq!(names("$filter=emailAddresses/any(a:a/address eq 'bo@else.example')").await, ["bo"]);
    assert_eq!(names("$filter=startswith(displayName,'A')&$orderby=lastModifiedDateTime").await, ["al"]);
    world.time.advance_s(60);
    assert!(world.microsoft.change_record(ADA, &first, &json!({"companyName": "Else"})));
    let since = "$filter=lastModifiedDateTime ge 2026-11-22T11:41:00Z&$orderby=lastModifiedDateTime";
    assert_eq!(names(since).await, ["al", "bo"]);
    let page = world.get("/contacts?$top=1&$count=true").await;
    assert_eq!((&page["@odata.count"], page["value"].as_array().unwrap().len()), (&json!(2), 1));
    let next = world.caller.get(page["@odata.nextLink"].as_str().unwrap()).await.json();
    assert_eq!(strings(&next, "displayName"), ["al"]);
    let one = world.get(&format!("/contacts/{first}?$select=companyName,changeKey")).await;
    assert_eq!(one["companyName"], "Else");
    assert_eq!(one["@odata.etag"], format!("W/\"{}\"", one["changeKey"].as_str().unwrap()));
    assert!(world.microsoft.delete_record(ADA, &first));
    assert_eq!(world.error(&format!("/contacts/{first}")).await, (404, "ErrorItemNotFound".to_owned()));
    assert_eq!(world.error("/contacts?$filter=isRead eq true").await.1, "BadRequest");
    assert_eq!(world.error("/contacts?$select=subject").await.1, "BadRequest");
}

#[tokio::test]
async fn events_belong_to_a_calendar_and_have_finer_dates() {
    let world = wider_world().await;
    let other = world.microsoft.add_calendar(ADA, "Team");
    world.microsoft.add_event(ADA, None, &event("own", "2026-11-23T09:00:00.0000000"));
    world.microsoft.add_event(ADA, Some(&other), &event("team", "2026-11-24T09:00:00.0000000"));
    let events = world.get("/events").await;
    assert_eq!(strings(&events, "subject"), ["own"]);
    assert_eq!(events["value"][0]["lastModifiedDateTime"], "2026-11-22T11:40:00.0000000Z");
    let path = format!("/calendars/{other}/events");
    assert_eq!(strings(&world.get(&path).await, "subject"), ["team"]);
    let later = "$filter=start/dateTime ge '2026-11-24T00:00:00'&$orderby=start/dateTime";
    assert_eq!(strings(&world.get(&format!("{path}?{later}")).await, "subject"), ["team"]);
    assert_eq!(strings(&world.get(&format!("/events?{later}")).await, "subject"), [""; 0]);
    let key = world.get(&format!("/calendars/{other}")).await["changeKey"].clone();
    assert!(world.microsoft.change_record(ADA, &other, &json!({"name": "Crew"})));
    let renamed = world.get(&format!("/calendars/{other}")).await;
    assert_eq!(renamed["name"], "Crew");
    assert_ne!(renamed["changeKey"], key);
    assert!(world.microsoft.delete_record(ADA, &other));
    assert_eq!(world.error(&path).await.0, 404);
}

#[tokio::test]
async fn attachments_show_their_content_only_to_who_does_not_select() {
    let world = wider_world().await;
    let files = vec![file("logo.png", true), file("notes.txt", false)];
    let mail = world.microsoft.deliver_with(ADA, mail("x"), files);
    let path = format!("/messages/{mail}/attachments");
    let all = world.get(&path).await;
    assert_eq!(strings(&all, "name"), ["logo.png", "notes.txt"]);
    assert_eq!(all["value"][0]["contentBytes"], "Y29udGVudA==");
    let selected = world.get(&format!("{path}?$select=id,name,size,isInline")).await;
    assert_eq!((&selected["value"][1]["size"], selected["value"][1].get("contentBytes")), (&json!(7), None));
    assert_eq!(world.subjects("$filter=hasAttachments eq true").await, ["x"]);
    let inline = world.microsoft.deliver_with(ADA, self::mail("y"), vec![file("logo.png", true)]);
    assert_eq!(world.get(&format!("/messages/{inline}")).await["hasAttachments"], false);
    let second = world.get(&format!("{path}/{}?$select=name", all["value"][1]["id"].as_str().unwrap())).await;
    assert_eq!((&second["name"], second.get("size")), (&json!("notes.txt"), None));
    assert_eq!(second["@odata.type"], "#microsoft.graph.fileAttachment");
    let event = world.microsoft.add_event(ADA, None, &event("e", "2026-11-23T09:00:00"));
    assert!(world.microsoft.attach(ADA, &event, file("agenda.txt", false)));
    assert_eq!(strings(&world.get(&format!("/events/{event}/attachments")).await, "name"), ["agenda.txt"]);
    assert_eq!(world.get(&format!("/events/{event}")).await["hasAttachments"], true);
}

#[tokio::test]
async fn folders_are_below_one_another() {
    let world = world().await;
    let projects = world.microsoft.add_child_folder(ADA, "inbox", "Projects").unwrap();
    let deep = world.microsoft.add_child_folder(ADA, &projects, "Deep").unwrap();
    let inbox = world.get("/mailFolders/inbox").await;
    assert_eq!((&inbox["childFolderCount"], &inbox["displayName"]), (&json!(1), &json!("Inbox")));
    let below = world.get("/mailFolders/inbox/childFolders").await;
    assert_eq!(strings(&below, "displayName"), ["Projects"]);
    assert_eq!(below["value"][0]["parentFolderId"], inbox["id"]);
    assert_eq!(world.get("/mailFolders?$count=true").await["@odata.count"], 7, "only those at the top");
    assert!(world.microsoft.rename_folder(ADA, &deep, "Deeper"));
    assert!(world.microsoft.move_folder(ADA, &deep, None));
    assert_eq!(strings(&world.get("/mailFolders?$top=1&$skip=7").await, "displayName"), ["Deeper"]);
    let mail = world.microsoft.deliver(ADA, mail("x"));
    world.microsoft.move_to(ADA, &mail, &projects);
    assert!(world.microsoft.delete_folder(ADA, &projects));
    assert_eq!(world.error(&format!("/mailFolders/{projects}")).await.0, 404);
    assert_eq!(world.error(&format!("/messages/{mail}")).await.0, 404, "its messages are gone with it");
    assert_eq!(world.get("/mailFolders/inbox").await["childFolderCount"], 0);
}
