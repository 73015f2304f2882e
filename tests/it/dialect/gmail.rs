//! What Gmail has beside messages: polled by entries that were copied, read with the hub's queries, and read again by
//! time.

use crate::world::{GMAIL_USER, World, gmail_body};
use async_trait::async_trait;
use axum::body::Body;
use chrono::Duration;
use connectors::hub::{Answer, Query, Records};
use connectors::{Call, Connector, Http, HttpError, HttpRequest, HttpResponse, Past, Polling, Window};
use doubles::Mail;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

fn gmail() -> Arc<dyn Connector> {
    connectors::registry().into_iter().find(|one| one.descriptor().key == "gmail").unwrap()
}

/// Every polled resource by its own entry.
fn poller() -> Value {
    let resources = gmail().descriptor().resources.iter();
    let polled = resources.filter(|one| !matches!(one.polling, Polling::Never));
    polled.map(|one| (one.name.to_owned(), serde_json::from_str::<Value>(one.poller).unwrap())).collect()
}

fn mail(subject: &str) -> Mail {
    Mail { subject: subject.to_owned(), ..Mail::default() }
}

#[tokio::test]
async fn all_resources_are_polled_side_by_side() {
    let world = World::new(181);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    let mut poller = poller();
    for name in ["messages", "changed-messages"] {
        poller.as_object_mut().unwrap().shift_remove(name);
    }
    body["configuration"]["event.poller.configuration"] = poller;
    let old = world.google.create_label(GMAIL_USER, "Old");
    let id = world.create(&body).await;
    let told = async || {
        world.poll(id).await;
        let mut told = world.arrived();
        told.sort_unstable();
        told.into_iter().map(|(kind, id)| format!("{kind} {id}")).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());
    let message = world.google.deliver(GMAIL_USER, mail("x"));
    let draft = world.google.save_draft(GMAIL_USER, None, mail("y")).draft_id;
    let new = world.google.create_label(GMAIL_USER, "New");
    let mut expected = [format!("CREATED {message}"), format!("CREATED {draft}"), format!("CREATED {new}")];
    expected.sort_unstable();
    assert_eq!(told().await, expected);
    world.google.rename_label(GMAIL_USER, &new, "Newer");
    world.google.delete_label(GMAIL_USER, &old);
    world.google.save_draft(GMAIL_USER, Some(&draft), mail("y"));
    world.google.remove_label(GMAIL_USER, &message, "UNREAD");
    let mut expected = [
        format!("UPDATED {message}"),
        format!("UPDATED {draft}"),
        format!("UPDATED {new}"),
        format!("DELETED {old}"),
    ];
    expected.sort_unstable();
    assert_eq!(told().await, expected);
    let sent = world.google.send_draft(GMAIL_USER, &draft).unwrap();
    let thread = world.google.messages(GMAIL_USER).into_iter().find(|one| one.id == sent).unwrap().thread_id;
    let mut expected = [format!("DELETED {draft}"), format!("CREATED {thread}")];
    expected.sort_unstable();
    assert_eq!(told().await, expected);
    assert!(told().await.is_empty());
}

#[tokio::test]
async fn threads_are_caught_up_after_an_expired_position() {
    let world = World::new(182);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.configuration"] =
        json!({ "conversations": { "url": "/hubs/general/threads", "idField": "id" } });
    let before = world.google.deliver(GMAIL_USER, mail("before"));
    let id = world.create(&body).await;
    world.clock.advance(Duration::minutes(5));
    let missed = world.google.deliver(GMAIL_USER, mail("missed"));
    world.google.remove_label(GMAIL_USER, &before, "UNREAD");
    world.google.expire_history(GMAIL_USER);
    let later = world.google.deliver(GMAIL_USER, mail("later"));
    world.poll(id).await;
    let mut told = world.arrived();
    told.sort_unstable();
    let event = |kind: &str, id: &String| (kind.to_owned(), id.clone());
    let mut expected = [event("CREATED", &missed), event("CREATED", &later), event("UPDATED", &before)];
    expected.sort_unstable();
    assert_eq!(told, expected);
}

/// Google, without sockets.
struct Direct(axum::Router);

#[async_trait]
impl Http for Direct {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let mut builder = http::Request::get(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let request = builder.body(Body::from(request.body)).map_err(|_| HttpError::BadUrl)?;
        let (parts, body) = self.0.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.map_err(|error| HttpError::Broken(error.into()))?.to_bytes();
        Ok(HttpResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

struct Reader<'a> {
    world: &'a World,
    http: Direct,
    token: String,
}

impl<'a> Reader<'a> {
    async fn new(world: &'a World) -> Self {
        let token = world.google_tokens().await["access_token"].as_str().unwrap().to_owned();
        Reader { world, http: Direct(world.google.router()), token }
    }

    fn call(&self) -> Call<'_> {
        let now = self.world.now();
        Call {
            http: &self.http,
            api_url: "http://google.test",
            credential: &self.token,
            now,
            timeout_ms: 1000,
            scratch: None,
            archive: None,
        }
    }

    async fn many(&self, path: &str, change: impl FnOnce(&mut Query)) -> Records {
        let mut query = Query::of("");
        query.path = path.split('/').map(str::to_owned).collect();
        change(&mut query);
        match gmail().read(&self.call(), &query).await {
            Ok(Answer::Many(records)) => records,
            other => panic!("{path}: {other:?}"),
        }
    }

    async fn found(&self, path: &str, filter: &str) -> Vec<String> {
        let condition = domain::ceql::parse(filter).unwrap();
        let records = self.many(path, |query| query.condition = Some(condition)).await.records;
        records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn one(&self, path: &str) -> Value {
        let mut query = Query::of("");
        query.path = path.split('/').map(str::to_owned).collect();
        match gmail().read(&self.call(), &query).await {
            Ok(Answer::One(record)) => record,
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn everything_that_is_polled_is_read_too() {
    let world = World::new(183);
    let google = &world.google;
    let invoice = google.deliver(GMAIL_USER, mail("Invoice 4711"));
    google.attach(GMAIL_USER, &invoice, "invoice.pdf", "application/pdf", 9);
    world.clock.advance(Duration::days(2));
    let lunch = google.deliver(GMAIL_USER, mail("Lunch"));
    let label = google.create_label(GMAIL_USER, "Work");
    google.add_label(GMAIL_USER, &lunch, &label);
    let draft = google.save_draft(GMAIL_USER, None, mail("Plan"));
    let reader = Reader::new(&world).await;
    assert!(gmail().ping(&reader.call()).await.is_ok());
    assert_eq!(reader.many("messages", |_| {}).await.records.len(), 3);
    for (path, filter, expected) in [
        ("messages", "subject = 'invoice' AND hasAttachment = true", vec![&invoice]),
        ("messages", "q = 'subject:lunch OR subject:invoice' AND NOT subject LIKE '%lunch%'", vec![&invoice]),
        ("messages", "subject = 'lunch' OR (subject = 'invoice' AND hasAttachment = false)", vec![&lunch]),
        ("messages", &format!("labelIds = '{label}'"), vec![&lunch]),
        ("messages", "label = 'work' OR labelIds = 'SENT'", vec![&lunch]),
        ("messages", "internalDate < '2026-11-23'", vec![&invoice]),
        ("changed-messages", "subject != 'nothing'", vec![&lunch]),
        ("changed-messages", "internalDate > '2026-11-20' AND labelIds = 'INBOX'", vec![&lunch, &invoice]),
        ("threads", "subject IN ('invoice', 'plan')", vec![&draft.message_id, &invoice]),
        ("labels", "type = 'user'", vec![&label]),
        ("drafts", "subject = 'plan'", vec![&draft.draft_id]),
        ("drafts", "message.id = 'none'", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(reader.found(path, filter).await, expected, "{path} {filter}");
    }
    let first = reader.many("messages", |query| query.page_size = Some(2)).await;
    let rest = reader
        .many("messages", |query| query.page = connectors::hub::PageWanted::After(first.next.unwrap()))
        .await;
    assert_eq!((first.records.len(), rest.records.len(), rest.next), (2, 1, None));
    let second = reader
        .many("messages", |query| {
            (query.page, query.page_size) = (connectors::hub::PageWanted::Number(2), Some(2))
        })
        .await;
    assert_eq!(second.records, rest.records);
    assert_eq!(reader.one(&format!("labels/{label}")).await["messagesTotal"], 1);
    assert_eq!(reader.one(&format!("drafts/{}", draft.draft_id)).await["message"]["id"], draft.message_id);
    assert_eq!(reader.one(&format!("threads/{invoice}")).await["messages"][0]["id"], invoice);
    let attachments = reader.many(&format!("messages/{invoice}/attachments"), |_| {}).await;
    assert_eq!(attachments.records[0]["filename"], "invoice.pdf");
}

#[tokio::test]
async fn a_window_is_read_again_to_its_edges() {
    let world = World::new(184);
    let mut inside = Vec::new();
    world.google.deliver(GMAIL_USER, mail("early"));
    world.clock.advance(Duration::milliseconds(1500));
    let from = world.now();
    for number in 0..150 {
        inside.push(world.google.deliver(GMAIL_USER, mail(&number.to_string())));
        world.clock.advance(Duration::milliseconds(10));
    }
    world.google.trash(GMAIL_USER, &inside[0]);
    let to = world.now();
    world.google.deliver(GMAIL_USER, mail("late"));
    let reader = Reader::new(&world).await;
    for name in ["changed-messages", "threads"] {
        let entry = json!({ "url": format!("/hubs/general/{name}"), "idField": "id" });
        let resource = domain::resource::ResourceConfig::parse(name, &entry).unwrap();
        let (mut told, mut cursor) = (Vec::new(), None);
        for _ in 0..10 {
            let window = Window { from, to };
            let past =
                Past { baseline_at: from, last_success_at: from, failures: 0, log_since: from, number: None };
            let step = gmail()
                .backfill(&reader.call(), &resource, window, cursor.as_ref(), &past)
                .await
                .ok()
                .unwrap();
            told.extend(step.changes.iter().map(|change| change.object_id.clone()));
            cursor = Some(step.cursor);
            if !step.more {
                break;
            }
        }
        told.sort_unstable();
        inside.sort_unstable();
        assert_eq!(told, inside, "{name}");
    }
}
