//! Reading mailboxes through their instances.

use crate::organization::text;
use crate::{Callback, Client, Mailbox, Platform, body, with};
use doubles::AttachmentKind;
use serde_json::{Value, json};

/// A file of several pieces, and yet one that every host answers with.
const CONTENT_BYTES: usize = 1_500_001;
/// A text that is longer than a function's answer.
const LONG_LINES: usize = 100_000;
const LONG_LINE: &str = "A line of a very long letter, which says what the one before it said.\r\n";

/// A mailbox's own client, and the mailbox.
async fn connected(platform: &dyn Platform, mailbox: &Mailbox, name: &str) -> Client {
    let (client, callback) = (platform.client(), Callback::new(platform.outside(), name));
    let mut wanted = body(mailbox, &callback);
    wanted["providerData"]["code"] = mailbox.code_for_all().into();
    client.of(&client.create(&wanted).await)
}

fn ids(records: &[Value], key: &str) -> Vec<String> {
    records.iter().map(|record| text(record, key)).collect()
}

/// By any of their addresses.
async fn assert_described(own: &Client) {
    let id = own.get("/instances").await["id"].clone();
    let objects = own.get("/objects").await;
    assert!(objects.as_array().unwrap().contains(&"messages".into()), "{objects}");
    let docs = own.get("/instances/docs").await;
    assert!(docs["paths"].as_object().unwrap().keys().any(|path| path.ends_with("/messages/{object}")));
    for place in ["/instances".to_owned(), format!("/instances/{id}")] {
        assert_eq!(own.get(&format!("{place}/objects")).await, objects);
        assert_eq!(own.get(&format!("{place}/docs")).await, docs);
    }
}

pub async fn a_gmail_mailbox_is_read_as_its_owner_sees_it(platform: &dyn Platform) {
    let (outside, mailbox) = (platform.outside(), Mailbox::gmail(platform.outside(), "read"));
    let own = connected(platform, &mailbox, "read").await;
    assert_described(&own).await;
    let user = mailbox.address();
    let mut delivered: Vec<String> = (0..3).map(|_| mailbox.deliver().object).collect();
    delivered.reverse();
    outside.providers.google.add_label(user, &delivered[1], "STARRED");
    outside.providers.google.attach(user, &delivered[0], "report.pdf", "application/pdf", 4_096);
    let label = outside.providers.google.create_label(user, "Receipts");

    let pages = own.list("/hubs/general/messages?pageSize=2").await;
    assert_eq!(ids(&pages, "id"), delivered, "newest first, page by page");
    let first = own.call("GET", "/hubs/whatever/messages?pageSize=2&fields=id", &Value::Null).await;
    assert_eq!(first.body, json!([{ "id": delivered[0] }, { "id": delivered[1] }]));
    let second = own.get("/hubs/general/messages?pageSize=2&page=2&fields=id").await;
    assert_eq!(second, json!([{ "id": delivered[2] }]));
    let starred = with("/hubs/general/messages", &[("where", "labelIds = 'STARRED'")]);
    assert_eq!(ids(&own.list(&starred).await, "id"), [delivered[1].as_str()]);
    let one = own.get(&format!("/hubs/general/messages/{}", delivered[1])).await;
    assert!(one["labelIds"].as_array().unwrap().contains(&"STARRED".into()), "{one}");
    let path = format!("/hubs/general/messages/{}/attachments", delivered[0]);
    let files = own.list(&path).await;
    assert_eq!(ids(&files, "filename"), ["report.pdf"]);
    let file = format!("{path}/{}", text(&files[0], "id"));
    assert_eq!(own.get(&file).await["filename"], "report.pdf");
    assert!(ids(&own.list("/hubs/general/changed-messages").await, "id").contains(&delivered[0]));
    let threads = own.list("/hubs/general/threads?fields=id").await;
    assert!(threads.len() >= 3, "{threads:?}");
    assert!(ids(&own.list("/hubs/general/labels").await, "id").contains(&label));
    assert_eq!(own.get(&format!("/hubs/general/labels/{label}")).await["name"], "Receipts");
    let draft = outside.providers.google.save_draft(user, None, mailbox.mail());
    assert_eq!(ids(&own.list("/hubs/general/drafts").await, "id"), [draft.draft_id]);
    assert_eq!(own.get("/ping").await["endpoint"], "gmail");
}

pub async fn an_outlook_mailbox_is_read_as_its_owner_sees_it(platform: &dyn Platform) {
    let (outside, mailbox) = (platform.outside(), Mailbox::outlook(platform.outside(), "read"));
    let own = connected(platform, &mailbox, "read").await;
    let (user, microsoft) = (mailbox.address(), &outside.providers.microsoft);
    let delivered: Vec<String> = (0..3).map(|_| mailbox.deliver().object).collect();
    microsoft.mark_read(user, &delivered[1]);
    let folder = microsoft.add_folder(user, "Receipts");
    microsoft.move_to(user, &delivered[2], &folder);
    let contact =
        microsoft.add_contact(user, &json!({ "displayName": "Ada Lovelace", "companyName": "Engines" }));
    microsoft.add_contact(user, &json!({ "displayName": "Grace Hopper", "companyName": "Compilers" }));
    let calendar = microsoft.add_calendar(user, "Travel");
    let event = microsoft.add_event(user, Some(&calendar), &json!({ "subject": "To London" }));
    let file = doubles::Attachment {
        name: "ticket.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        size_bytes: 4_096,
        is_inline: false,
        kind: AttachmentKind::File,
    };
    microsoft.attach(user, &event, file);

    let ordered =
        [("orderBy", "ReceivedDateTime desc"), ("pageSize", "2"), ("fields", "Id,ReceivedDateTime")];
    let pages = own.list(&with("/hubs/general/messages", &ordered)).await;
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().map(|one| text(one, "ReceivedDateTime")).is_sorted_by(|one, next| one >= next));
    let read = with("/hubs/general/messages", &[("where", "IsRead = true")]);
    assert_eq!(ids(&own.list(&read).await, "Id"), [delivered[1].as_str()]);
    assert_eq!(
        own.get(&format!("/hubs/general/messages/{}", delivered[0])).await["Id"],
        delivered[0].as_str()
    );
    let moved = own.list(&format!("/hubs/general/folders/{folder}/messages")).await;
    assert_eq!(ids(&moved, "Id"), [delivered[2].as_str()]);
    assert!(ids(&own.list("/hubs/general/folders").await, "DisplayName").contains(&"Receipts".to_owned()));
    let engines = with("/hubs/general/contacts", &[("where", "CompanyName = 'Engines'")]);
    assert_eq!(ids(&own.list(&engines).await, "Id"), [contact.as_str()]);
    assert_eq!(own.get(&format!("/hubs/general/contacts/{contact}")).await["DisplayName"], "Ada Lovelace");
    assert!(ids(&own.list("/hubs/general/calendars").await, "Name").contains(&"Travel".to_owned()));
    let events = own.list(&format!("/hubs/general/calendars/{calendar}/events")).await;
    assert_eq!(ids(&events, "Id"), [event.as_str()]);
    let files = own.list(&format!("/hubs/general/events/{event}/attachments")).await;
    assert_eq!(ids(&files, "Name"), ["ticket.pdf"]);
    assert_eq!(own.get("/ping").await["endpoint"], "outlookemail");
}

/// The bytes are the provider's; what a stranger named is only a name.
pub async fn contents_come_as_they_are(platform: &dyn Platform) {
    let outside = platform.outside();
    let (google, microsoft) = (&outside.providers.google, &outside.providers.microsoft);
    let gmail = Mailbox::gmail(outside, "contents");
    let message = gmail.deliver().object;
    google.attach(gmail.address(), &message, "../pl\"an.html", "text/html", CONTENT_BYTES);
    let of_gmail = connected(platform, &gmail, "contents-gmail").await;
    let outlook = Mailbox::outlook(outside, "contents");
    let file = |kind| doubles::Attachment {
        name: "../pl\"an.html".to_owned(),
        content_type: "text/html".to_owned(),
        size_bytes: CONTENT_BYTES as u64,
        is_inline: false,
        kind,
    };
    let files = vec![file(AttachmentKind::File), file(AttachmentKind::Reference)];
    let with_files = microsoft.deliver_with(outlook.address(), outlook.mail(), files);
    let of_outlook = connected(platform, &outlook, "contents-outlook").await;
    assert_contents(&of_gmail, &message, "id").await;
    assert_contents(&of_outlook, &with_files, "Id").await;
    let path = format!("/hubs/general/messages/{with_files}/attachments");
    let link = text(&of_outlook.list(&path).await[1], "Id");
    let words = of_outlook.refused("GET", &format!("{path}/{link}/content"), &Value::Null, 400).await;
    assert!(words.contains("link"), "{words}");
}

/// Whatever a host can answer with at once.
pub async fn a_long_message_comes_whole(platform: &dyn Platform) {
    let outside = platform.outside();
    let text = LONG_LINE.repeat(LONG_LINES);
    let letter = |mailbox: &Mailbox| doubles::Mail { body: text.clone(), ..mailbox.mail() };
    let gmail = Mailbox::gmail(outside, "long");
    let message = outside.providers.google.deliver(gmail.address(), letter(&gmail));
    assert_comes_whole(platform, &gmail, &message, &text).await;
    let outlook = Mailbox::outlook(outside, "long");
    let message = outside.providers.microsoft.deliver(outlook.address(), letter(&outlook));
    assert_comes_whole(platform, &outlook, &message, &text).await;
}

async fn assert_comes_whole(platform: &dyn Platform, mailbox: &Mailbox, message: &str, text: &str) {
    let own = connected(platform, mailbox, &format!("long-{}", mailbox.connector())).await;
    let raw = own.download(&format!("/hubs/general/messages/{message}/raw")).await;
    assert_eq!(raw.headers["content-type"], "message/rfc822");
    assert_eq!(raw.headers["x-content-type-options"], "nosniff");
    let told = raw.text().split_once("\r\n\r\n").map(|(_, told)| told);
    assert!(told == Some(text), "{}: {} bytes", mailbox.connector(), raw.bytes.len());
}

/// A message and its first file, with what the answers say of them.
async fn assert_contents(own: &Client, message: &str, key: &str) {
    let path = format!("/hubs/general/messages/{message}");
    let raw = own.download(&format!("{path}/raw")).await;
    assert_eq!(raw.headers["content-type"], "message/rfc822");
    assert!(raw.text().contains("\r\n\r\n"), "headers, an empty line, and the text");
    let files = own.list(&format!("{path}/attachments")).await;
    let content = format!("{path}/attachments/{}/content", text(&files[0], key));
    let file = own.download(&content).await;
    assert!(file.bytes == doubles::content_of(CONTENT_BYTES), "{content} gives other bytes");
    assert_eq!(file.headers["content-type"], "application/octet-stream");
    let disposition = file.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"pl_an.html\";"), "{disposition}");
    assert_eq!(file.headers["x-content-type-options"], "nosniff");
    assert!(file.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    own.refused("GET", &format!("{path}/attachments/nothing/content"), &Value::Null, 404).await;
    own.refused("GET", "/hubs/general/messages/nothing/raw", &Value::Null, 404).await;
    own.refused("GET", &format!("{path}/raw/attachments/1/content"), &Value::Null, 404).await;
}

/// A field without a value is left out, unless the instance wants it; a client names fields, or gets the usual ones.
pub async fn fields_without_a_value_are_left_out_unless_they_are_wanted(platform: &dyn Platform) {
    let (outside, mailbox) = (platform.outside(), Mailbox::outlook(platform.outside(), "nulls"));
    let own = connected(platform, &mailbox, "nulls").await;
    outside.providers.microsoft.add_contact(mailbox.address(), &json!({ "displayName": "Ada Lovelace" }));
    let path = "/hubs/general/contacts?fields=DisplayName,CompanyName";
    assert_eq!(own.get(path).await, json!([{ "DisplayName": "Ada Lovelace" }]));
    let nulls = json!({ "propertyValue": false });
    own.done("PATCH", "/instances/configuration/filter.response.nulls", &nulls).await;
    assert_eq!(own.get(path).await, json!([{ "DisplayName": "Ada Lovelace", "CompanyName": null }]));
}

/// Each refusal names what it is about.
pub async fn what_a_provider_can_not_do_is_refused_by_name(platform: &dyn Platform) {
    let outside = platform.outside();
    for mailbox in &Mailbox::each(outside, "can-not") {
        let list = format!("/hubs/general/{}", mailbox.resource());
        let own = connected(platform, mailbox, "can-not").await;
        for (name, value, named) in [
            ("where", "Flavour = 'sweet'", "Flavour"),
            ("where", "id = ", "where"),
            ("orderBy", "Flavour", "orderBy"),
            ("pageSize", "0", "pageSize"),
            ("nextPage", "nonsense", "nextPage"),
        ] {
            let path = with(&list, &[(name, value)]);
            let words = own.refused("GET", &path, &Value::Null, 400).await;
            assert!(words.contains(named), "{name} {value}: {words}");
        }
        own.refused("GET", "/hubs/general/faxes", &Value::Null, 404).await;
        own.refused("GET", &format!("{list}/nothing"), &Value::Null, 404).await;
        platform.client().refused("GET", "/ping", &Value::Null, 401).await;
        mailbox.limit(60);
        let limited = own.call("GET", &list, &Value::Null).await;
        limited.refused(429);
        assert!(limited.header("retry-after").is_some());
        mailbox.unlimit();
    }
}
