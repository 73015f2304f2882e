//! Lists of several requests, which show no one moment: what they lack is read by its id.

use super::{create, entry, one, polled};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use app::PollOutcome;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, RequestLine, Route};
use serde_json::json;
use std::collections::BTreeSet;

/// More than one page has.
const DRAFTS_COUNT: usize = 501;

/// A folder below another, which has one more: their list is a request of its own.
fn nested(world: &World) -> String {
    world.microsoft.add_child_folder(OUTLOOK_USER, "inbox", "Receipts").unwrap();
    world.microsoft.add_child_folder(OUTLOOK_USER, "inbox", "Projects").unwrap()
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_by_the_poll_that_misses_it() {
    let world = World::new(611);
    let child = nested(&world);
    let poller = json!({ "folders": entry(&world, "outlookemail", "folders").await });
    let id = create(&world, "outlookemail", poller).await;
    assert!(world.microsoft.delete_folder(OUTLOOK_USER, &child));
    assert_eq!(polled(&world, id).await, one("DELETED", &child));
    assert!(polled(&world, id).await.is_empty());
}

#[tokio::test]
async fn a_draft_that_is_gone_is_told_once_and_by_the_poll_that_misses_it() {
    let world = World::new(612);
    let save = |_| world.google.save_draft(GMAIL_USER, None, Mail::default()).draft_id;
    let drafts: Vec<String> = (0..DRAFTS_COUNT).map(save).collect();
    let poller = json!({ "drafts": entry(&world, "gmail", "drafts").await });
    let id = create(&world, "gmail", poller).await;
    for gone in [&drafts[0], &drafts[DRAFTS_COUNT - 1]] {
        world.google.save_draft(GMAIL_USER, None, Mail::default());
        polled(&world, id).await;
        world.google.delete_draft(GMAIL_USER, gone);
        assert_eq!(polled(&world, id).await, one("DELETED", gone));
        assert!(polled(&world, id).await.is_empty());
    }
}

/// The list is read and then nothing more: what is missing is told when it can be asked for.
#[tokio::test]
async fn what_can_not_be_asked_for_yet_is_told_later() {
    let world = World::new(613);
    let child = nested(&world);
    let poller = json!({ "folders": entry(&world, "outlookemail", "folders").await });
    let id = create(&world, "outlookemail", poller).await;
    assert!(world.microsoft.delete_folder(OUTLOOK_USER, &child));
    let kind = FaultKind::RateLimited { retry_after_s: Some(60) };
    world.microsoft.push_fault(Fault { on: Route::Get, kind, times: 1 });
    assert!(polled(&world, id).await.is_empty());
    world.clock.advance(Duration::minutes(2));
    assert_eq!(polled(&world, id).await, one("DELETED", &child));
}

/// Each costs a request, and a poll has its time: it tells those that it came to, and the next polls the others.
#[tokio::test]
async fn more_than_one_poll_can_ask_for_are_told_by_the_next_ones() {
    let world = World::new(614);
    let save = |_| world.google.save_draft(GMAIL_USER, None, Mail::default()).draft_id;
    let drafts: Vec<String> = (0..DRAFTS_COUNT + 200).map(save).collect();
    let poller = json!({ "drafts": entry(&world, "gmail", "drafts").await });
    let id = create(&world, "gmail", poller).await;
    let (gone, left) = drafts.split_at(150);
    for draft in gone {
        world.google.delete_draft(GMAIL_USER, draft);
    }
    world.wire.set_pace_ms(150);
    let outcome = world.app.poll(id, world.now() + Duration::seconds(20)).await.unwrap();
    world.wire.set_pace_ms(1);
    let PollOutcome::Polled(report) = outcome else { panic!("{outcome:?}") };
    let told_at_once = report.resources[0].1.events;
    assert!(report.more && (1..gone.len()).contains(&told_at_once), "{report:?}");
    world.pass(Duration::minutes(10)).await;
    let told = world.arrived();
    let unique: BTreeSet<&(String, String)> = told.iter().collect();
    assert_eq!((told.len(), unique.len()), (gone.len(), gone.len()), "each once");
    assert!(told.iter().all(|(kind, id)| kind == "DELETED" && !left.contains(id)));
    assert!(polled(&world, id).await.is_empty());
}

/// Polls; once the first page of the list was read, and before what follows is, this happens.
async fn polled_amid(
    world: &World,
    id: InstanceId,
    lists_count: impl Fn() -> usize,
    happens: impl FnOnce(),
) -> Vec<(String, String)> {
    world.wire.overlap();
    let before = lists_count();
    let between = async {
        while lists_count() == before {
            tokio::task::yield_now().await;
        }
        happens();
    };
    let poll = world.app.poll(id, world.now() + Duration::seconds(20));
    let (outcome, ()) = tokio::join!(poll, between);
    outcome.unwrap();
    world.run_until_idle().await;
    world.arrived()
}

fn count(lines: &[RequestLine], within: &str) -> usize {
    lines.iter().filter(|line| line.status == 200 && line.target.contains(within)).count()
}

/// A draft that is saved anew while the list is read comes to its beginning, which was read already.
#[tokio::test]
async fn a_draft_that_the_list_passes_by_is_there_after_all() {
    let world = World::new(615);
    let save = |_| world.google.save_draft(GMAIL_USER, None, Mail::default()).draft_id;
    let oldest = save(0);
    world.clock.advance(Duration::seconds(1));
    (1..DRAFTS_COUNT).map(save).for_each(drop);
    let poller = json!({ "drafts": entry(&world, "gmail", "drafts").await });
    let id = create(&world, "gmail", poller).await;
    let lists_count = || count(&world.google.requests(), "/drafts?");
    let save_again = || drop(world.google.save_draft(GMAIL_USER, Some(&oldest), Mail::default()));
    assert_eq!(polled_amid(&world, id, lists_count, save_again).await, one("UPDATED", &oldest));
    assert!(polled(&world, id).await.is_empty());
}

/// A folder that moves up while what is below is being listed is in no list.
#[tokio::test]
async fn a_folder_that_the_lists_pass_by_is_there_after_all() {
    let world = World::new(616);
    let child = nested(&world);
    let poller = json!({ "folders": entry(&world, "outlookemail", "folders").await });
    let id = create(&world, "outlookemail", poller).await;
    let lists_count = || count(&world.microsoft.requests(), "/mailFolders?");
    let move_up = || assert!(world.microsoft.move_folder(OUTLOOK_USER, &child, None));
    assert_eq!(polled_amid(&world, id, lists_count, move_up).await, one("UPDATED", &child));
    assert!(polled(&world, id).await.is_empty());
}
