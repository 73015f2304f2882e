//! What only calendars have, against their double: series, conditions that no filter can carry, and events that can't be
//! listed.

use crate::world::{World, body_of};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Corruption, Double as _, GoogleCalendar};
use serde_json::{Value, json};

const USER: &str = "planner@example.com";

struct Diary {
    world: World,
    calendar: GoogleCalendar,
}

impl Diary {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let calendar = GoogleCalendar::of(&world.google);
        calendar.add_account(USER);
        Diary { world, calendar }
    }

    async fn connect(&self, url: &str) -> InstanceId {
        let mut body = body_of("googlecalendar", &self.calendar.new_code(USER));
        body["configuration"]["event.poller.configuration"] =
            json!({ "events": { "url": url, "idField": "id" } });
        self.world.create(&body).await
    }

    fn add(&self, summary: &str) -> String {
        self.world.clock.advance(Duration::seconds(1));
        self.calendar.add(USER, &json!({ "summary": summary, "eventType": "default" }))
    }

    fn add_many(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.add(&format!("number {number}"))).collect()
    }

    /// What arrives in so many minutes, in order of the ids.
    async fn minutes(&self, minutes: i64) -> Vec<(String, String)> {
        self.world.pass(Duration::minutes(minutes)).await;
        let mut arrived = self.world.arrived();
        arrived.sort();
        arrived
    }

    async fn resource(&self, id: InstanceId) -> Value {
        self.world.shown(id).await["resources"][0].clone()
    }

    async fn gaps(&self, id: InstanceId) -> Vec<String> {
        let shown = self.resource(id).await;
        let gaps = shown["gaps"].as_array().cloned().unwrap_or_default();
        gaps.iter().map(|gap| gap["reason"].as_str().unwrap().to_owned()).collect()
    }
}

const EVENTS: &str = "/hubs/general/events";

fn told<'a>(kind: &str, ids: impl IntoIterator<Item = &'a String>) -> Vec<(String, String)> {
    let mut told: Vec<_> = ids.into_iter().map(|id| (kind.to_owned(), id.clone())).collect();
    told.sort();
    told
}

/// A day of a series that was never told is told as gone, once, and again after it came back.
#[tokio::test]
async fn a_series_and_its_days_are_told_one_by_one() {
    let diary = Diary::new(81);
    let id = diary.connect(EVENTS).await;
    let weekly = json!({ "summary": "Weekly", "recurrence": ["RRULE:FREQ=WEEKLY"] });
    let series = diary.calendar.add(USER, &weekly);
    assert_eq!(diary.minutes(16).await, told("CREATED", [&series]));
    let moved = diary.calendar.change_day(USER, &series, "2026-12-07", &json!({ "summary": "Later" }));
    assert_eq!(diary.minutes(16).await, told("CREATED", [&moved]));
    let untold = diary.calendar.cancel_day(USER, &series, "2026-12-14");
    diary.calendar.cancel_day(USER, &series, "2026-12-07");
    assert_eq!(diary.minutes(16).await, told("DELETED", [&moved, &untold]));
    // The listing that follows an expired position shows both once more.
    assert!(diary.calendar.expire_positions(USER));
    assert_eq!(diary.minutes(32).await, []);
    diary.calendar.change_day(USER, &series, "2026-12-14", &json!({ "summary": "After all" }));
    assert_eq!(diary.minutes(16).await, told("CREATED", [&untold]));
    diary.calendar.cancel(USER, &series);
    assert_eq!(diary.minutes(16).await, told("DELETED", [&series, &untold]));
    assert_eq!(diary.resource(id).await["failures"], 0);
}

/// Conditions are applied to the records. Of a deleted event there is little more than the id, so it is told.
#[tokio::test]
async fn conditions_hold_back_what_does_not_fulfil_them() {
    let diary = Diary::new(82);
    diary.connect(&format!("{EVENTS}?where=eventType='focusTime' and summary<>'Private'")).await;
    let focus = |summary: &str| json!({ "eventType": "focusTime", "summary": summary });
    let wanted = diary.calendar.add(USER, &focus("Writing"));
    let private = diary.calendar.add(USER, &focus("Private"));
    let other = diary.add("Lunch");
    assert_eq!(diary.minutes(16).await, told("CREATED", [&wanted]));
    diary.calendar.change(USER, &private, &json!({ "summary": "Reading" }));
    assert_eq!(diary.minutes(16).await, told("UPDATED", [&private]), "it comes to fulfil them");
    diary.calendar.change(USER, &other, &json!({ "location": "Canteen" }));
    assert_eq!(diary.minutes(16).await, []);
    diary.calendar.cancel(USER, &wanted);
    assert_eq!(diary.minutes(16).await, told("DELETED", [&wanted]));
}

/// Where only the content is broken, all others come at once, and it is read again by its id.
#[tokio::test]
async fn an_event_whose_content_can_not_be_listed_is_read_again_by_its_id() {
    let diary = Diary::new(83);
    let id = diary.connect(EVENTS).await;
    let ids = diary.add_many(300);
    diary.calendar.corrupt(USER, &ids[120], Corruption::Content);
    let others = ids.iter().filter(|one| **one != ids[120]);
    assert_eq!(diary.minutes(30).await, told("CREATED", others));
    let later = diary.add("later");
    assert_eq!(diary.minutes(16).await, told("CREATED", [&later]));
    assert_eq!(diary.gaps(id).await, [""; 0], "nothing is left out");
    diary.calendar.corrupt(USER, &ids[120], None);
    assert_eq!(diary.minutes(60).await, told("CREATED", [&ids[120]]));
    assert_eq!(diary.minutes(60).await, []);
}

/// One event that can't be listed at all is gone round when that lasted, and told as left out; what comes later comes.
#[tokio::test]
async fn an_event_that_can_not_be_listed_holds_up_no_calendar() {
    let diary = Diary::new(84);
    let id = diary.connect(EVENTS).await;
    let ids = diary.add_many(300);
    diary.calendar.corrupt(USER, &ids[7], Corruption::Whole);
    let others = ids.iter().filter(|one| **one != ids[7]);
    assert_eq!(diary.minutes(60).await, told("CREATED", others));
    let gaps = diary.gaps(id).await;
    assert!(gaps.len() == 1 && gaps[0].contains("fails to list an event"), "{gaps:?}");
    let later = diary.add("later");
    assert_eq!(diary.minutes(16).await, told("CREATED", [&later]));
    assert_eq!(diary.resource(id).await["failures"], 0);
    // Its next change shows it.
    diary.calendar.corrupt(USER, &ids[7], None);
    diary.calendar.change(USER, &ids[7], &json!({ "location": "here" }));
    assert_eq!(diary.minutes(16).await, told("CREATED", [&ids[7]]));
}

/// While the whole calendar is compared, what is passed over is not taken for deleted.
#[tokio::test]
async fn an_event_that_a_comparison_can_not_see_is_not_told_as_deleted() {
    let diary = Diary::new(85);
    diary.connect(EVENTS).await;
    let ids = diary.add_many(3);
    assert_eq!(diary.minutes(16).await, told("CREATED", &ids));
    diary.calendar.corrupt(USER, &ids[1], Corruption::Whole);
    assert!(diary.calendar.expire_positions(USER));
    let fresh = diary.add("fresh");
    assert_eq!(diary.minutes(90).await, told("CREATED", [&fresh]));
    diary.calendar.corrupt(USER, &ids[1], None);
    assert!(diary.calendar.expire_positions(USER));
    assert_eq!(diary.minutes(60).await, []);
}

/// An outage passes nothing over, however long it lasts.
#[tokio::test]
async fn an_outage_leaves_nothing_of_a_calendar_out() {
    let diary = Diary::new(86);
    let id = diary.connect(EVENTS).await;
    let ids = diary.add_many(20);
    diary.calendar.fail_account(USER, doubles::FaultKind::ServerError { status: 500 });
    assert_eq!(diary.minutes(180).await, []);
    diary.calendar.heal_account(USER);
    assert_eq!(diary.minutes(30).await, told("CREATED", &ids));
    assert_eq!(diary.gaps(id).await, [""; 0]);
}

/// Neither the first listing nor a window stands still at such an event.
#[tokio::test]
async fn an_event_that_can_not_be_listed_keeps_no_calendar_from_being_connected_or_read_again() {
    let diary = Diary::new(87);
    let corrupt = diary.add("before");
    diary.calendar.corrupt(USER, &corrupt, Corruption::Whole);
    diary.world.clock.advance(Duration::minutes(5));
    let id = diary.connect(EVENTS).await;
    let since = diary.add("since");
    assert_eq!(diary.minutes(90).await, told("CREATED", [&since]));
    let from = diary.world.now() - Duration::minutes(97);
    let path = format!("/instances/{id}/backfill");
    let begun = diary.world.call("POST", &path, &json!({ "from": from })).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    assert_eq!(diary.minutes(90).await, [], "what the log has is not told again");
    let one = diary.world.call("GET", &path, &Value::Null).await.body[0].clone();
    assert_eq!(one["status"], "done", "{one}");
}
