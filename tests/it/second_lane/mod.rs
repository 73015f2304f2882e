//! What is deleted for good from an Outlook mailbox, through the whole application.

mod deaths;

use crate::resources::event_ids;
use crate::world::{OUTLOOK_USER, World};
use app::ports::Polls as _;
use app::{PollOutcome, PollReport};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// By type and object: the ids that each came under.
type ToldEvents = BTreeMap<(String, String), BTreeSet<String>>;

fn deliver(world: &World, folder: &str) -> String {
    let id = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert!(world.microsoft.move_to(OUTLOOK_USER, &id, folder));
    id
}

fn purge(world: &World, ids: &[&String]) {
    ids.iter().for_each(|id| assert!(world.microsoft.purge(OUTLOOK_USER, id)));
}

/// Each of them, by one id, and nothing else.
#[track_caller]
fn assert_told(told: &ToldEvents, expected: &[(&str, &String)], at: u64) {
    let lines: BTreeSet<(&str, &String)> = told.keys().map(|(kind, id)| (kind.as_str(), id)).collect();
    let expected: BTreeSet<(&str, &String)> = expected.iter().copied().collect();
    assert_eq!(lines, expected, "at {at}");
    assert!(told.values().all(|ids| ids.len() == 1), "told twice, at {at}: {told:?}");
}

/// The lane has something under way, or was not begun.
async fn is_open(world: &World, id: InstanceId) -> bool {
    let mailbox = world.store.mailbox(id).await.unwrap().unwrap();
    let cursor = mailbox.resources[0].state.cursor.clone().unwrap_or(Value::Null);
    cursor["lane"].is_null() || cursor["lane"]["is_open"] == true
}

const FOLDERS_COUNT: usize = 493;

/// With those that are always there they are 500. Each poll has time for some of their first rounds.
#[tokio::test]
async fn a_baseline_of_five_hundred_folders_takes_several_polls_and_loses_nothing() {
    let world = World::new(851);
    let microsoft = &world.microsoft;
    let folders: Vec<String> = (0..FOLDERS_COUNT)
        .map(|number| microsoft.add_folder(OUTLOOK_USER, &format!("folder {number}")))
        .collect();
    let old: Vec<String> = folders.iter().map(|folder| deliver(&world, folder)).collect();
    let [first, last] = [&folders[0], &folders[FOLDERS_COUNT - 1]];
    world.clock.advance(Duration::hours(1));
    let id = world.create_outlook().await;
    world.wire.set_pace_ms(2_500);
    let (mut polls, mut more) = (0, true);
    let mut new = Vec::new();
    while more {
        polls += 1;
        assert!(polls < 20, "it never ends");
        more = goes_on(&world.app.poll(id, world.now() + Duration::seconds(20)).await.unwrap());
        match polls {
            // The first ones were read, the last ones were not.
            1 => {
                purge(&world, &[&old[0]]);
                microsoft.move_to(OUTLOOK_USER, &old[1], last);
                microsoft.move_to(OUTLOOK_USER, &old[2], last);
                microsoft.move_to(OUTLOOK_USER, &old[FOLDERS_COUNT - 2], first);
                new.push(deliver(&world, last));
            }
            // It was reported, and the first round of its folder will not show it.
            2 => purge(&world, &[&old[2], &new[0]]),
            _ => {}
        }
    }
    assert!(polls > 3, "{polls} polls");
    world.wire.set_pace_ms(1);
    world.pass(Duration::hours(2)).await;
    let moved = [&old[1], &old[2], &old[FOLDERS_COUNT - 2]];
    let mut expected: Vec<(&str, &String)> = moved.map(|id| ("UPDATED", id)).to_vec();
    expected.push(("CREATED", &new[0]));
    expected.extend([&old[0], &old[2], &new[0]].map(|id| ("DELETED", id)));
    assert_told(&event_ids(&world), &expected, 0);
    // Counts tell of the first ones, the turn through all of them of the last.
    let counted = [&old[FOLDERS_COUNT - 2], &old[200]];
    purge(&world, &counted);
    purge(&world, &[&old[1]]);
    world.pass(Duration::hours(1)).await;
    assert_told(&event_ids(&world), &counted.map(|id| ("DELETED", id)), 1);
    let turn = Duration::minutes(15) * 4 * 500;
    world.pass(turn).await;
    assert_told(&event_ids(&world), &[("DELETED", &old[1])], 2);
}

fn goes_on(outcome: &PollOutcome) -> bool {
    matches!(outcome, PollOutcome::Polled(PollReport { more: true, .. }))
}
