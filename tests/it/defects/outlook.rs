//! Outlook: modification times with an overlap and a memory.

use super::{assert_all, assert_created, polled, with_poller};
use crate::world::{OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

/// The queries for lists of messages, decoded.
fn list_queries(world: &World) -> Vec<String> {
    let requests = world.microsoft.requests();
    let targets = requests.iter().flat_map(doubles::RequestLine::targets);
    let lists = targets.filter(|target| target.starts_with("/v1.0/me/messages?"));
    lists.map(|target| target.replace("%20", " ").replace("%3A", ":").replace("%2C", ",")).collect()
}

/// A workflow tool asked for mail received between its last poll and now. Of two mails within a minute, the one
/// that the list showed late fell between two windows.
#[tokio::test]
async fn mail_that_the_list_shows_late_is_not_lost() {
    let world = World::new(51);
    let id = world.create_outlook().await;
    world.microsoft.set_lag(100_000_000, 100_000_000);
    let late = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.set_lag(0, 0);
    world.clock.advance(Duration::seconds(20));
    let prompt = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_created(&polled(&world, id).await, std::slice::from_ref(&prompt));
    world.clock.advance(Duration::seconds(85));
    assert_created(&polled(&world, id).await, std::slice::from_ref(&late));
    assert_eq!(polled(&world, id).await, []);
}

/// The bound of the position fell out of the query when the user's own filter was added: every poll read the
/// whole mailbox.
#[tokio::test]
async fn every_list_request_has_the_position_and_the_users_filter() {
    let world = World::new(52);
    for _ in 0..500 {
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    }
    world.clock.advance(Duration::hours(1));
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    let poller = json!({ "messages": {
        "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND Importance='normal' AND IsRead=false",
        "idField": "Id"
    } });
    let id = world.create(&with_poller(body, poller)).await;
    let of_creation = list_queries(&world);
    assert_eq!(of_creation.len(), 2, "one to try the configuration, one for the baseline");
    assert!(of_creation[0].contains("$top=5") && !of_creation[0].contains("$filter"), "{}", of_creation[0]);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    world.pass(Duration::hours(2)).await;
    let queries = list_queries(&world);
    assert!(queries.len() > 8, "it went on polling");
    for query in &queries[1..] {
        assert!(query.contains("$filter=lastModifiedDateTime ge 2026-11-22T1"), "{query}");
        assert!(query.contains("and importance eq ") && query.contains("and isRead eq false"), "{query}");
        assert!(query.contains("$orderby=lastModifiedDateTime&"), "{query}");
        assert!(query.contains("$top="), "{query}");
    }
}

/// Rows that the connector itself leaves out do not hold the position: it moves by everything that was read.
#[tokio::test]
async fn mail_that_the_filter_leaves_out_does_not_stop_the_position() {
    let world = World::new(53);
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    let poller = json!({ "messages": {
        "url": "/hubs/general/messages?where=Subject LIKE 'in%ice'", "idField": "Id"
    } });
    let id = world.create(&with_poller(body, poller)).await;
    for _ in 0..700 {
        world.clock.advance(Duration::milliseconds(100));
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    }
    let mail = Mail { subject: "invoice".to_owned(), ..Mail::default() };
    let wanted = world.microsoft.deliver(OUTLOOK_USER, mail);
    assert_created(&polled(&world, id).await, &[wanted]);
    world.pass(Duration::minutes(31)).await;
    world.microsoft.clear_requests();
    assert_eq!(polled(&world, id).await, []);
    assert_eq!(list_queries(&world).len(), 1, "what was left out is not read again");
}

/// Dates that somebody else chose must not move the position: a mail that claims to be received next year left
/// every later one behind it.
#[tokio::test]
async fn a_date_in_the_future_does_not_drag_the_position() {
    let world = World::new(54);
    let id = world.create_outlook().await;
    let year_us = 365 * 86_400_000_000;
    let mail = Mail { date_us: Some(world.clock.now_us() + year_us), ..Mail::default() };
    let strange = world.microsoft.import_old(OUTLOOK_USER, mail);
    assert_created(&polled(&world, id).await, &[strange]);
    for _ in 0..3 {
        world.clock.advance(Duration::minutes(20));
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&polled(&world, id).await, &[mail]);
    }
}

/// The modification time itself may lie ahead of the clock: a rule that changes many messages stamps them over
/// the next seconds. What comes after them with an earlier stamp is still read.
#[tokio::test]
async fn a_modification_time_ahead_of_the_clock_does_not_drag_the_position() {
    let world = World::new(55);
    let id = world.create_outlook().await;
    let known: Vec<_> = (0..50).map(|_| world.microsoft.deliver(OUTLOOK_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &known);
    world.clock.advance(Duration::minutes(5));
    // Stamped up to two seconds ahead, and shown at once.
    world.microsoft.set_lag(-3_000_000, -3_000_000);
    let changed = world.microsoft.bulk(OUTLOOK_USER, 50);
    world.microsoft.set_lag(0, 0);
    assert_all(&polled(&world, id).await, "UPDATED", &changed);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    let mut arrived = polled(&world, id).await;
    world.pass(Duration::minutes(20)).await;
    arrived.extend(world.arrived());
    assert_created(&arrived, &[mail]);
}

/// Sync services took a move for a deletion here and a new mail there; one deleted moved mail for good. With
/// ids that stay, a move there and back within one round is one changed message.
#[tokio::test]
async fn moved_mail_is_neither_deleted_nor_new() {
    let world = World::new(56);
    let id = world.create_outlook().await;
    let folder = world.microsoft.add_folder(OUTLOOK_USER, "Projects");
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_created(&polled(&world, id).await, std::slice::from_ref(&mail));
    world.clock.advance(Duration::minutes(10));
    let before = world.microsoft.messages(OUTLOOK_USER)[0].default_id.clone();
    assert!(world.microsoft.move_to(OUTLOOK_USER, &mail, &folder));
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    world.clock.advance(Duration::minutes(10));
    world.microsoft.move_to(OUTLOOK_USER, &mail, "inbox");
    world.microsoft.move_to(OUTLOOK_USER, &mail, &folder);
    world.microsoft.move_to(OUTLOOK_USER, &mail, "inbox");
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    world.microsoft.soft_delete(OUTLOOK_USER, &mail);
    assert_all(&polled(&world, id).await, "UPDATED", std::slice::from_ref(&mail));
    let after = world.microsoft.messages(OUTLOOK_USER)[0].default_id.clone();
    assert_ne!(before, after, "the provider's default id did change");
}

/// Each autosave of a draft modifies it; none of them is mail. Sent, it is: once, though its id is the draft's.
#[tokio::test]
async fn autosaved_drafts_are_never_reported_and_the_sent_one_is_created_once() {
    let world = World::new(57);
    let id = world.create_outlook().await;
    let draft = world.microsoft.save_draft(OUTLOOK_USER, None, Mail::default());
    for n in 0..12 {
        if n % 3 != 1 {
            assert_eq!(polled(&world, id).await, []);
        }
        world.clock.advance(Duration::seconds(55));
        world.microsoft.save_draft(OUTLOOK_USER, Some(&draft), Mail::default());
    }
    assert!(world.microsoft.send_draft(OUTLOOK_USER, &draft));
    assert_created(&polled(&world, id).await, std::slice::from_ref(&draft));
    world.microsoft.touch(OUTLOOK_USER, &draft);
    assert_all(&polled(&world, id).await, "UPDATED", &[draft]);
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.arrived(), []);
}

/// Old mail that is moved in, or imported, carries an old date of reception: it is new to this mailbox all the
/// same, or at the least it is reported.
#[tokio::test]
async fn imported_old_mail_is_reported() {
    let world = World::new(58);
    let id = world.create_outlook().await;
    let mail = world.microsoft.import_old(OUTLOOK_USER, Mail::default());
    let arrived = polled(&world, id).await;
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].1, mail);
}

/// A memory that never empties: once the clock is past the overlap an idle mailbox remembers nothing, and one
/// idle poll is one request.
#[tokio::test]
async fn an_idle_poll_is_one_request() {
    let world = World::new(59);
    let id = world.create_outlook().await;
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    polled(&world, id).await;
    world.pass(Duration::minutes(31)).await;
    world.microsoft.clear_requests();
    assert_eq!(polled(&world, id).await, []);
    let queries = list_queries(&world);
    assert_eq!(queries.len(), 1);
    assert_eq!(world.microsoft.requests().len(), 1);
    let state = world.shown(id).await["resources"][0].clone();
    assert_eq!((&state["failures"], &state["frozen"]), (&json!(0), &Value::from(false)));
}
