//! Gmail: history instead of dates.

use super::{assert_all, assert_created, polled, with_poller};
use crate::world::{GMAIL_USER, World, gmail_body};
use chrono::Duration;
use doubles::{FaultKind, Mail};
use serde_json::json;

/// The position that a request for history asks from.
fn start_of(target: &str) -> Option<u64> {
    let rest = target.split("startHistoryId=").nth(1)?;
    rest.split('&').next()?.parse().ok()
}

/// The positions asked from, in order.
fn starts(world: &World) -> Vec<u64> {
    world.google.requests().iter().filter_map(|line| start_of(&line.target)).collect()
}

/// A workflow tool kept the newest date it had seen. Gmail's lists are not in the order in which mail becomes
/// visible: what showed up later with an earlier date was never asked for again.
#[tokio::test]
async fn mail_that_appears_below_the_newest_date_is_not_lost() {
    let world = World::new(11);
    let id = world.create_gmail().await;
    let mut sent = Vec::new();
    let mut arrived = Vec::new();
    for n in 0..14 {
        let minutes_ago = [0, 3, 90, 1, 7][n % 5];
        let date_us = world.clock.now_us() - minutes_ago * 60_000_000;
        let mail = Mail { date_us: Some(date_us), ..Mail::default() };
        sent.push(world.google.import_old(GMAIL_USER, mail));
        world.clock.advance(Duration::milliseconds(400));
        if n % 4 == 3 {
            arrived.extend(polled(&world, id).await);
        }
    }
    arrived.extend(polled(&world, id).await);
    assert_created(&arrived, &sent);
}

/// The same tool searched for `after:` the newest second, which includes that second, and remembered only the
/// ids of the newest date: everything else of the page was sent again, up to five times.
#[tokio::test]
async fn mail_of_the_boundary_second_is_reported_once() {
    let world = World::new(12);
    let id = world.create_gmail().await;
    let mut sent = Vec::new();
    let mut arrived = Vec::new();
    for _ in 0..8 {
        for _ in 0..3 {
            sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
        }
        arrived.extend(polled(&world, id).await);
        arrived.extend(polled(&world, id).await);
    }
    world.pass(Duration::hours(1)).await;
    arrived.extend(world.arrived());
    assert_created(&arrived, &sent);
}

/// A mail that was set to be sent next week lay in the list with its future date. The watermark jumped there,
/// and a week of mail was older than it.
#[tokio::test]
async fn scheduled_mail_does_not_drag_the_position_into_the_future() {
    let world = World::new(13);
    let id = world.create_gmail().await;
    let week_us = 7 * 86_400_000_000;
    let scheduled = world.google.schedule_send(GMAIL_USER, Mail::default(), week_us);
    assert_created(&polled(&world, id).await, &[scheduled]);
    for _ in 0..3 {
        world.clock.advance(Duration::minutes(20));
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        assert_created(&polled(&world, id).await, &[mail]);
    }
}

/// A filter left nothing of a page, and the tool then either did not move on, so that the same page came again
/// for ever, or took the present moment as its position and passed what it had not seen.
#[tokio::test]
async fn mail_that_the_filter_leaves_out_does_not_stop_the_position() {
    let world = World::new(14);
    let body = gmail_body(&world.google.new_code(GMAIL_USER));
    let poller = json!({ "messages": {
        "url": "/hubs/general/messages?where=q='in:inbox'", "idField": "id"
    } });
    let id = world.create(&with_poller(body, poller)).await;
    for _ in 0..700 {
        world.google.send(GMAIL_USER, Mail::default());
    }
    let wanted = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[wanted]);
    // With the heartbeat, because history may show records late.
    world.clock.advance(Duration::minutes(11));
    assert_eq!(polled(&world, id).await, []);
    world.google.clear_requests();
    assert_eq!(polled(&world, id).await, []);
    assert_eq!(starts(&world), [world.google.current_history_id(GMAIL_USER)], "it moved on");
}

/// A mail client believed that history lacks read marks, and listed all unread mail at each poll instead.
#[tokio::test]
async fn read_marks_are_seen() {
    let world = World::new(15);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    polled(&world, id).await;
    world.google.remove_label(GMAIL_USER, &mail, "UNREAD");
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    world.google.add_label(GMAIL_USER, &mail, "UNREAD");
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
}

/// A sample started from the position that the newest notice named: there is nothing after the newest, so it
/// never saw a change.
#[tokio::test]
async fn history_is_asked_for_from_the_stored_position_not_from_the_newest() {
    let world = World::new(16);
    let id = world.create_gmail().await;
    let at_baseline = world.google.current_history_id(GMAIL_USER);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.clear_requests();
    assert_created(&polled(&world, id).await, &[mail]);
    assert_eq!(starts(&world)[0], at_baseline);
}

/// A backup tool raised when a page had a token but no history, and another took such a page for the end.
#[tokio::test]
async fn a_page_without_history_is_not_the_end() {
    let world = World::new(17);
    let id = world.create_gmail().await;
    world.google.set_empty_pages(true);
    assert_eq!(polled(&world, id).await, [], "an idle mailbox has no history at all");
    let sent: Vec<_> = (0..30).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &sent);
}

/// History may name messages without their labels: what can't be told from the record is told by the message.
#[tokio::test]
async fn history_without_labels_reports_mail_and_no_drafts() {
    let world = World::new(18);
    let id = world.create_gmail().await;
    world.google.set_history_labels(false);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let draft = world.google.save_draft(GMAIL_USER, None, Mail::default());
    assert_created(&polled(&world, id).await, std::slice::from_ref(&mail));
    world.google.save_draft(GMAIL_USER, Some(&draft.draft_id), Mail::default());
    assert_eq!(polled(&world, id).await, [], "an autosave of a known draft");
    world.google.remove_label(GMAIL_USER, &mail, "UNREAD");
    assert_all(&polled(&world, id).await, "UPDATED", &[mail]);
}

/// A mail archive took every autosave of a draft for a sent mail: five of them in eleven minutes. At Gmail each
/// save is a new message, and deletes the one before.
#[tokio::test]
async fn autosaved_drafts_are_never_reported_and_the_sent_one_is_created_once() {
    let world = World::new(19);
    let id = world.create_gmail().await;
    let mut draft = world.google.save_draft(GMAIL_USER, None, Mail::default());
    for n in 0..12 {
        if n % 3 != 1 {
            assert_eq!(polled(&world, id).await, []);
        }
        world.clock.advance(Duration::seconds(55));
        draft = world.google.save_draft(GMAIL_USER, Some(&draft.draft_id), Mail::default());
    }
    world.google.add_label(GMAIL_USER, &draft.message_id, "STARRED");
    assert_eq!(polled(&world, id).await, [], "a draft that is starred is a draft");
    let sent = world.google.send_draft(GMAIL_USER, &draft.draft_id).unwrap();
    assert_created(&polled(&world, id).await, std::slice::from_ref(&sent));
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.arrived(), []);
}

/// More drafts than are remembered: their deletion is not reported either.
#[tokio::test]
async fn many_drafts_come_and_go_unreported() {
    let world = World::new(20);
    let id = world.create_gmail().await;
    let mut drafts: Vec<_> =
        (0..40).map(|_| world.google.save_draft(GMAIL_USER, None, Mail::default())).collect();
    assert_eq!(polled(&world, id).await, []);
    for draft in &mut drafts {
        *draft = world.google.save_draft(GMAIL_USER, Some(&draft.draft_id), Mail::default());
    }
    assert_eq!(polled(&world, id).await, []);
    for draft in drafts {
        world.google.purge(GMAIL_USER, &draft.message_id);
    }
    assert_eq!(polled(&world, id).await, []);
}

/// A message that is gone before it could be read made pollers fail for ever. It came and went: nothing to tell.
#[tokio::test]
async fn mail_that_is_gone_before_it_is_read_does_not_stop_the_poll() {
    let world = World::new(21);
    let id = world.create_gmail().await;
    let gone = world.google.deliver(GMAIL_USER, Mail::default());
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.poison(GMAIL_USER, &gone, FaultKind::NotFound);
    assert_created(&polled(&world, id).await, std::slice::from_ref(&mail));
    assert_eq!(world.shown(id).await["resources"][0]["recordsToRetry"], 0);
}

/// Trash is a label, not a deletion; emptying it is one.
#[tokio::test]
async fn trashed_mail_is_updated_and_purged_mail_is_deleted() {
    let world = World::new(22);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    polled(&world, id).await;
    world.google.trash(GMAIL_USER, &mail);
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    world.google.untrash(GMAIL_USER, &mail);
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    world.google.purge(GMAIL_USER, &mail);
    assert_all(&polled(&world, id).await, "DELETED", &[mail]);
}
