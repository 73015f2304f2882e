//! A change's life, from the provider to the receiver.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

async fn lives(world: &World, id: InstanceId, object: &str) -> Vec<Value> {
    world.get(&format!("/instances/{id}/objects/{object}/life")).await.as_array().unwrap().clone()
}

/// The stages of a life, each with its seconds since a time; some providers name whole ones.
fn line(life: &Value, since: DateTime<Utc>) -> Vec<(String, i64)> {
    let stages = life["stages"].as_array().unwrap();
    let at = |stage: &Value| DateTime::parse_from_rfc3339(stage["date"].as_str().unwrap()).unwrap();
    let shown = |stage: &Value| {
        (
            stage["stage"].as_str().unwrap().to_owned(),
            ((at(stage).to_utc() - since).num_milliseconds() + 500).div_euclid(1000),
        )
    };
    stages.iter().map(shown).collect()
}

fn named(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect()
}

#[tokio::test]
async fn a_mail_is_timed_from_its_arrival_to_the_callback() {
    for is_gmail in [true, false] {
        let world = World::new(481);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let began_at = world.now();
        world.clock.advance(Duration::seconds(240));
        world.poll(id).await;
        world.clock.advance(Duration::seconds(60));
        let mail = match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        world.clock.advance(Duration::seconds(120));
        world.poll(id).await;
        let told = lives(&world, id, &mail).await;
        assert_eq!(
            (told.len(), &told[0]["eventType"], &told[0]["delivery"]),
            (1, &json!("CREATED"), &json!("delivered"))
        );
        let expected = [
            ("notShown", 240),
            ("arrived", 300),
            ("seen", 420),
            ("committed", 420),
            ("sent", 420),
            ("taken", 420),
        ];
        assert_eq!(line(&told[0], began_at), named(&expected));
        let waited_ms = told[0]["stages"][2]["afterMs"].as_i64().unwrap();
        assert!((120_000..121_100).contains(&waited_ms), "{waited_ms}");
        assert_eq!(told[0]["stages"][4]["attempt"], 1);
        // The event's own record says the same, and lists stay short.
        let event = told[0]["eventId"].as_str().unwrap();
        assert_eq!(world.get(&format!("/instances/events/{event}")).await["lives"], json!(told));
        assert_eq!(world.get("/instances/events").await[0].get("lives"), None);
    }
}

/// The provider had it, and showed it later: a poll in between has nothing to tell.
#[tokio::test]
async fn a_provider_that_shows_late_is_seen_to() {
    let world = World::new(482);
    let id = world.create_gmail().await;
    world.google.set_history_lag(60_000_000, 60_000_000, true);
    let began_at = world.now();
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    for _ in 0..2 {
        world.clock.advance(Duration::seconds(40));
        world.poll(id).await;
    }
    let told = lives(&world, id, &mail).await;
    let expected =
        [("arrived", 0), ("notShown", 40), ("seen", 80), ("committed", 80), ("sent", 80), ("taken", 80)];
    assert_eq!(line(&told[0], began_at), named(&expected));
}

/// What nobody could read for a while became visible before: no poll is said to have been without it.
#[tokio::test]
async fn what_had_to_wait_names_no_poll_without_it() {
    let world = World::new(483);
    let id = world.create_gmail().await;
    world.clock.advance(Duration::seconds(60));
    world.poll(id).await;
    let began_at = world.now();
    let other = world.google.deliver(GMAIL_USER, Mail::default());
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.poison(GMAIL_USER, &mail, doubles::FaultKind::ServerError { status: 500 });
    world.poll(id).await;
    world.google.heal(GMAIL_USER, &mail);
    world.pass(Duration::minutes(30)).await;
    assert_eq!(line(&lives(&world, id, &other).await[0], began_at)[0].0, "notShown");
    let told = lives(&world, id, &mail).await;
    let names: Vec<String> = line(&told[0], began_at).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["arrived", "seen", "committed", "sent", "taken"]);
}

#[tokio::test]
async fn each_change_of_an_object_has_a_line_and_those_of_others_have_not() {
    let world = World::new(484);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.clock.advance(Duration::minutes(1));
    assert!(world.google.trash(GMAIL_USER, &mail));
    world.poll(id).await;
    let told = lives(&world, id, &mail).await;
    let kinds: Vec<&Value> = told.iter().map(|life| &life["eventType"]).collect();
    assert_eq!(kinds, ["UPDATED", "CREATED"]);
    assert!(told.iter().all(|life| life["objectId"] == *mail));
    assert_eq!(lives(&world, id, "nothing").await, [json!(null); 0]);
}
