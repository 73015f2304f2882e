//! Reading mailboxes through their instances.

mod conditions;
mod contents;
mod download_links;
mod failures;
mod pages;
mod records;

use crate::world::{GMAIL_USER, OUTLOOK_USER, Reply, World, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// Objects of each kind that the mailboxes hold, beside what a mailbox has from the start.
const COUNT: usize = 13;

/// A world with both mailboxes connected; who reads is a user with an instance's token.
struct Hubs {
    world: World,
    gmail: (InstanceId, String),
    outlook: (InstanceId, String),
}

impl Hubs {
    async fn new(seed: u64) -> Self {
        Self::with(seed, json!({})).await
    }

    /// With these items in both configurations.
    async fn with(seed: u64, items: Value) -> Self {
        let world = World::new(seed);
        world.microsoft.set_granted_scope(Some("offline_access Mail.Read Contacts.Read Calendars.Read"));
        world.google.set_in_flight_max(4);
        world.microsoft.set_in_flight_max(4);
        let mut bodies = [
            gmail_body(&world.google.new_code(GMAIL_USER)),
            outlook_body(&world.microsoft.new_code(OUTLOOK_USER)),
        ];
        let mut connected = Vec::new();
        for body in &mut bodies {
            body["configuration"].as_object_mut().unwrap().extend(items.as_object().unwrap().clone());
            let id = world.create(body).await;
            let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
            connected.push((id, format!("User world-user, Element {token}")));
        }
        let outlook = connected.remove(1);
        Hubs { world, gmail: connected.remove(0), outlook }
    }

    /// Thirteen of everything.
    fn fill(&self) {
        let world = &self.world;
        for number in 0..COUNT {
            world.clock.advance(Duration::seconds(7));
            let mail = Mail { subject: format!("Mail {number}"), ..Mail::default() };
            world.google.deliver(GMAIL_USER, mail.clone());
            world.google.save_draft(GMAIL_USER, None, mail.clone());
            world.google.create_label(GMAIL_USER, &format!("Label {number}"));
            world.microsoft.deliver(OUTLOOK_USER, mail);
            let name =
                json!({ "displayName": format!("Person {number}"), "surname": format!("S{}", number % 3) });
            world.microsoft.add_contact(OUTLOOK_USER, &name);
            world.microsoft.add_event(OUTLOOK_USER, None, &json!({ "subject": format!("Meeting {number}") }));
            world.microsoft.add_folder(OUTLOOK_USER, &format!("Folder {number}"));
            world.microsoft.add_calendar(OUTLOOK_USER, &format!("Calendar {number}"));
        }
        world.clock.advance(Duration::minutes(1));
    }

    async fn call(&self, connector: &str, path: &str) -> Reply {
        let (_, authorization) = if connector == "gmail" { &self.gmail } else { &self.outlook };
        self.world.call_as(authorization, "GET", path, "").await
    }

    async fn open(&self, connector: &str, path: &str) -> axum::response::Response {
        let (_, authorization) = if connector == "gmail" { &self.gmail } else { &self.outlook };
        self.world.open_as(authorization, path).await
    }

    /// A list that must be there.
    async fn list(&self, connector: &str, path: &str) -> Vec<Value> {
        let reply = self.call(connector, path).await;
        assert_eq!(reply.status, 200, "{connector} {path}: {}", reply.body);
        let list = reply.body.as_array().unwrap().clone();
        assert_eq!(reply.headers["elements-returned-count"], list.len().to_string());
        assert_eq!(reply.headers["elements-request-id"].len(), 24);
        list
    }
}

/// Anything as a part of a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn field(list: &[Value], name: &str) -> Vec<String> {
    list.iter().map(|one| one[name].as_str().unwrap_or("none").to_owned()).collect()
}
