//! Odd records, odd pages and odd clocks: each holds up nothing but itself.

use super::{assert_created, polled, with_poller};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{BARE_CONTROL, Corruption, DateHeader, HALF_EMOJI, LATIN_1, Mail};
use serde_json::{Value, json};

const ODD: [char; 3] = [HALF_EMOJI, LATIN_1, BARE_CONTROL];

fn saying(subject: &str) -> Mail {
    Mail { subject: subject.to_owned(), ..Mail::default() }
}

/// The records of messages that arrived since the last look.
fn records(world: &World) -> Vec<Value> {
    let received = world.receiver.take();
    let bodies = received.iter().map(|one| serde_json::from_slice::<Value>(&one.body).unwrap());
    bodies
        .flat_map(|body| body["message"]["raw"]["messages"].as_array().cloned().unwrap_or_default())
        .collect()
}

/// One mail whose preview was cut inside an emoji, or with a byte of another encoding, made every page unreadable that held
/// it: nothing came any more. Now it comes itself, with a mark in the place of what is broken.
#[tokio::test]
async fn a_text_that_is_no_text_holds_up_nothing() {
    for odd in ODD {
        let world = World::new(61);
        let outlook = world.create_outlook().await;
        let gmail = world.create(&gmail_body(&world.google.new_code(GMAIL_USER))).await;
        let subject = format!("see you {odd} soon");
        let mut sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
        sent.push(world.microsoft.deliver(OUTLOOK_USER, saying(&subject)));
        world.poll(outlook).await;
        let told: Vec<Value> = records(&world).iter().map(|record| record["Subject"].clone()).collect();
        assert_eq!(told, ["", "see you \u{FFFD} soon"]);
        let mut mails = vec![world.google.deliver(GMAIL_USER, saying(&subject))];
        mails.push(world.google.deliver(GMAIL_USER, Mail::default()));
        assert_created(&polled(&world, gmail).await, &mails);
        let token = world.shown(outlook).await["token"].as_str().unwrap().to_owned();
        let caller = format!("User world-user, Element {token}");
        let listed = world.call_as(&caller, "GET", "/hubs/general/messages", "").await;
        assert_eq!(listed.body[1]["Subject"], "see you \u{FFFD} soon", "{}", listed.body);
    }
}

/// The same in what is told by comparing: a label, and its list on the hub.
#[tokio::test]
async fn a_label_whose_name_is_no_text_holds_up_nothing() {
    let world = World::new(62);
    let body = gmail_body(&world.google.new_code(GMAIL_USER));
    let id =
        world.create(&with_poller(body, json!({ "labels": { "url": "/labels", "idField": "id" } }))).await;
    let odd = world.google.create_label(GMAIL_USER, &format!("x {HALF_EMOJI}"));
    let other = world.google.create_label(GMAIL_USER, "fine");
    assert_created(&polled(&world, id).await, &[odd, other]);
}

/// Polls now and then, as a schedule does, for so many minutes.
async fn minutes(world: &World, minutes: i64) -> Vec<(String, String)> {
    world.pass(Duration::minutes(minutes)).await;
    world.arrived()
}

async fn gaps(world: &World, id: InstanceId) -> Vec<String> {
    let shown = world.shown(id).await;
    let gaps = shown["resources"][0]["gaps"].as_array().cloned().unwrap_or_default();
    gaps.iter().map(|gap| gap["reason"].as_str().unwrap().to_owned()).collect()
}

/// One item that the store can't read made each page fail that held it, and the mailbox stood still, also for all that came
/// later. It is found, gone round and told; what shares its second comes, and what comes later does. Some stores fail at
/// it, others answer that it is not there.
#[tokio::test]
async fn an_item_that_cannot_be_listed_holds_up_nothing() {
    for corruption in [Corruption::Whole, Corruption::Missing] {
        let world = World::new(63);
        let id = world.create_outlook().await;
        let mut fine = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
        world.clock.advance(Duration::seconds(30));
        fine.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default()));
        let corrupt = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        fine.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default()));
        world.clock.advance(Duration::seconds(30));
        fine.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default()));
        world.microsoft.corrupt(OUTLOOK_USER, &corrupt, corruption);
        assert_created(&minutes(&world, 30).await, &fine);
        let told = gaps(&world, id).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("could not list everything at 2026-11-22T12:00:30Z"), "{told:?}");
        let later = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&minutes(&world, 16).await, &[later]);
        assert_eq!(world.shown(id).await["resources"][0]["failures"], 0);
        // The store finds it again: it is told after all.
        world.microsoft.corrupt(OUTLOOK_USER, &corrupt, None);
        assert_created(&minutes(&world, 30).await, &[corrupt]);
        assert_eq!(minutes(&world, 300).await, []);
        assert_eq!(gaps(&world, id).await.len(), 1);
    }
}

/// A permission that is missing is nothing that smaller parts could go round.
#[tokio::test]
async fn a_refusal_of_the_whole_list_leaves_nothing_out() {
    let world = World::new(68);
    let id = world.create_outlook().await;
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.fail_account(OUTLOOK_USER, doubles::FaultKind::Forbidden);
    assert_eq!(minutes(&world, 120).await, []);
    assert!(world.shown(id).await["resources"][0]["error"].as_str().unwrap().contains("403"));
    world.microsoft.heal_account(OUTLOOK_USER);
    assert_created(&minutes(&world, 30).await, &[mail]);
    assert_eq!(gaps(&world, id).await, [""; 0]);
}

/// The same before the first position was taken: no instance begins with a mailbox that stands still.
#[tokio::test]
async fn an_item_that_cannot_be_listed_keeps_no_baseline_from_being_taken() {
    let world = World::new(69);
    let corrupt = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.corrupt(OUTLOOK_USER, &corrupt, Corruption::Whole);
    world.clock.advance(Duration::seconds(5));
    let id = world.create_outlook().await;
    world.clock.advance(Duration::seconds(5));
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_created(&super::polled(&world, id).await, &[mail]);
    assert_eq!(world.shown(id).await["resources"][0]["failures"], 0);
}

/// Where only the content is broken, the id is known: it is tried again as any record that fails alone, and goes out with
/// what is known of it in the end.
#[tokio::test]
async fn an_item_whose_content_cannot_be_listed_is_tried_again_by_its_id() {
    let world = World::new(64);
    let id = world.create_outlook().await;
    let corrupt = world.microsoft.deliver(OUTLOOK_USER, saying("healed"));
    let fine = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.corrupt(OUTLOOK_USER, &corrupt, Corruption::Content);
    world.microsoft.poison(OUTLOOK_USER, &corrupt, doubles::FaultKind::ServerError { status: 500 });
    assert_created(&minutes(&world, 30).await, &[fine]);
    assert_eq!(gaps(&world, id).await, [""; 0], "nothing is left out");
    world.microsoft.heal(OUTLOOK_USER, &corrupt);
    world.pass(Duration::minutes(60)).await;
    let told = records(&world);
    assert_eq!(
        (told.len(), &told[0]["Subject"], told[0].get("carillonRecordIncomplete")),
        (1, &json!("healed"), None)
    );
    world.microsoft.corrupt(OUTLOOK_USER, &corrupt, None);
    assert_eq!(minutes(&world, 60).await, []);
}

/// A page that is too much for the provider: it is asked for in smaller ones.
#[tokio::test]
async fn a_page_that_takes_too_long_is_asked_for_in_smaller_ones() {
    let world = World::new(65);
    let id = world.create_outlook().await;
    world.microsoft.set_page_max(OUTLOOK_USER, Some(7));
    let mails: Vec<String> = (0..60)
        .map(|n| {
            world.clock.advance(Duration::seconds(i64::from(n % 10 == 0)));
            world.microsoft.deliver(OUTLOOK_USER, Mail::default())
        })
        .collect();
    assert_created(&minutes(&world, 60).await, &mails);
    assert_eq!(gaps(&world, id).await, [""; 0]);
}

/// An outage is no broken item: nothing is gone round, whatever the number of failures.
#[tokio::test]
async fn an_outage_leaves_nothing_out() {
    let world = World::new(66);
    let id = world.create_outlook().await;
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.fail_account(OUTLOOK_USER, doubles::FaultKind::ServerError { status: 500 });
    assert_eq!(minutes(&world, 120).await, []);
    world.microsoft.heal_account(OUTLOOK_USER);
    assert_created(&minutes(&world, 30).await, &[mail]);
    assert_eq!(gaps(&world, id).await, [""; 0]);
}

/// A front end whose clock is ahead dragged the position there, and what came until then was never read. By two clocks it
/// would have to be past.
#[tokio::test]
async fn one_wrong_clock_skips_nothing() {
    let far_us = 253_402_300_799_000_000;
    for date in
        [DateHeader::Ahead(600), DateHeader::Ahead(86_400), DateHeader::At(far_us), DateHeader::Ahead(-600)]
    {
        let world = World::new(67);
        let id = world.create_outlook().await;
        assert_eq!(minutes(&world, 20).await, []);
        world.microsoft.set_date_header(date);
        assert_eq!(minutes(&world, 16).await, []);
        world.microsoft.set_date_header(DateHeader::True);
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&polled(&world, id).await, std::slice::from_ref(&mail));
        world.microsoft.set_date_header(date);
        let other = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&minutes(&world, 40).await, std::slice::from_ref(&other));
        assert_eq!(gaps(&world, id).await, [""; 0], "{date:?}");
    }
}

/// Our own clock is ahead, and the answers have no date: an answer without rows moves nothing, because nobody says that
/// the time has passed.
#[tokio::test]
async fn our_own_clock_alone_skips_nothing() {
    let world = World::new(68);
    let id = world.create_outlook().await;
    world.microsoft.set_date_header(DateHeader::Missing);
    // The mailbox's time is behind: what is stamped now lies an hour before what this process takes for now.
    let stamped_us = world.clock.now_us() + 60_000_000;
    assert_eq!(minutes(&world, 60).await, []);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.microsoft.stamp(OUTLOOK_USER, &mail, stamped_us);
    assert_eq!(polled(&world, id).await.len(), 1);
}

/// Dates of the year 9999 in rows move nothing either.
#[tokio::test]
async fn a_row_of_the_year_9999_skips_nothing() {
    let world = World::new(69);
    let id = world.create_outlook().await;
    let far = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert!(world.microsoft.stamp(OUTLOOK_USER, &far, 253_402_300_799_000_000));
    assert_created(&polled(&world, id).await, &[far]);
    for _ in 0..3 {
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&minutes(&world, 31).await, &[mail]);
    }
}

#[tokio::test]
async fn a_baseline_by_a_wrong_clock_skips_nothing_and_tells_nothing_old() {
    for date in [DateHeader::Ahead(86_400), DateHeader::Missing, DateHeader::Ahead(-86_400)] {
        let world = World::new(70);
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.clock.advance(Duration::hours(2));
        world.microsoft.set_date_header(date);
        let id = world.create(&outlook_body(&world.microsoft.new_code(OUTLOOK_USER))).await;
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&polled(&world, id).await, &[mail]);
    }
}
