//! Lists of several requests, which show no one moment: what they lack is read by its id.

use super::{create, entry, one, polled};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::json;

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
    world.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(polled(&world, id).await, one("DELETED", &child));
}
