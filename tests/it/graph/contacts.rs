//! Contacts in folders below folders, which no one list shows: what is deleted from them for good is told, too.

use super::desk::{ADA, Desk};
use super::lane::Watch;
use doubles::Microsoft;
use serde_json::json;

/// Polls of a turn through so many folders, and those in which a hint becomes a deletion.
fn turn(folders_count: usize) -> usize {
    folders_count.div_ceil(3) * 4 + 4
}

fn contact(microsoft: &Microsoft, folder: &str) -> String {
    microsoft.add_contact_to(ADA, folder, &json!({ "displayName": "n" }))
}

/// Folders, each below the one before.
fn chain(microsoft: &Microsoft, count: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for number in 0..count {
        let above = all.last().map(String::as_str);
        let made = microsoft.add_contact_folder(ADA, above, &format!("level {number}"));
        all.push(made);
    }
    all
}

fn deleted(ids: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = ids.iter().map(|id| format!("DELETED {id}")).collect();
    lines.sort();
    lines
}

async fn passed(watch: &mut Watch, polls: usize) -> Vec<String> {
    let mut told = watch.pass(polls).await;
    told.sort();
    told
}

#[tokio::test]
async fn what_is_deleted_from_nested_folders_is_told_however_deep_and_many_they_are() {
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    let mut folders = chain(&microsoft, 40);
    // More than a page of them below one.
    let wide: Vec<String> =
        (0..25).map(|_| microsoft.add_contact_folder(ADA, Some(&folders[3]), "wide")).collect();
    folders.extend(wide);
    let contacts: Vec<String> = folders.iter().map(|folder| contact(&microsoft, folder)).collect();
    let stays = contact(&microsoft, &folders[39]);
    let mut watch = Watch::of(desk, "contacts").await;
    contacts.iter().for_each(|id| assert!(microsoft.delete_record(ADA, id)));
    microsoft.move_record(ADA, &stays, &folders[64]);
    let told = passed(&mut watch, turn(66)).await;
    assert_eq!(told, deleted(&contacts));
    microsoft.delete_record(ADA, &stays);
    assert_eq!(passed(&mut watch, turn(66)).await, deleted(&[stays]));
    assert_eq!(watch.pass(turn(66)).await, [""; 0]);
}

#[tokio::test]
async fn an_idle_poll_of_nested_folders_makes_one_and_three_quarters_requests() {
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    for folder in chain(&microsoft, 30) {
        contact(&microsoft, &folder);
    }
    let mut watch = Watch::of(desk, "contacts").await;
    watch.pass(4).await;
    let before = watch.desk.cursor("contacts");
    assert_eq!(before["lane"]["folders"], 31);
    microsoft.clear_requests();
    watch.desk.annex_use();
    let polls = 3 * 4 * 31;
    assert_eq!(watch.pass(polls).await, [""; 0]);
    assert_eq!(watch.requests() * 4, polls * 7, "1.75 requests each");
    assert_eq!(watch.reads_of("/me/contactFolders?"), 0, "the folders are known");
    assert_eq!(watch.desk.cursor("contacts")["lane"], before["lane"]);
    assert_eq!(watch.desk.annex_use(), [polls / 4 * 3, 0], "one part where a delta is read");
}

/// A folder that somebody made since is followed once a contact is found in it.
#[tokio::test]
async fn what_moved_to_a_new_folder_is_told_as_deleted_from_there() {
    for polls in 0..9 {
        let desk = Desk::new().await;
        let microsoft = desk.microsoft.clone();
        let folders = chain(&microsoft, 2);
        let moved = contact(&microsoft, &folders[1]);
        let mut watch = Watch::of(desk, "contacts").await;
        let new = microsoft.add_contact_folder(ADA, Some(&folders[0]), "new");
        let below = microsoft.add_contact_folder(ADA, Some(&new), "below it");
        microsoft.move_record(ADA, &moved, &new);
        assert_eq!(watch.pass(polls).await, [""; 0], "after {polls} polls");
        // On, or back, and away.
        microsoft.move_record(ADA, &moved, if polls % 2 == 0 { &below } else { &folders[0] });
        assert_eq!(watch.pass(polls).await, [""; 0], "after {polls} polls");
        microsoft.delete_record(ADA, &moved);
        assert_eq!(passed(&mut watch, 3 * turn(5)).await, deleted(&[moved]), "after {polls} polls");
        assert_eq!(watch.pass(turn(5)).await, [""; 0], "after {polls} polls");
    }
}

#[tokio::test]
async fn a_nested_folder_that_is_gone_takes_what_the_log_holds_of_it() {
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    let folders = chain(&microsoft, 5);
    let mut watch = Watch::of(desk, "contacts").await;
    let new: Vec<String> =
        (0..2).map(|_| microsoft.add_contact(ADA, &json!({ "displayName": "new" }))).collect();
    assert_eq!(watch.pass(2).await.len(), 2);
    microsoft.move_record(ADA, &new[0], &folders[4]);
    assert_eq!(watch.pass(turn(6)).await, [""; 0], "it is there");
    microsoft.delete_record(ADA, &folders[1]);
    assert_eq!(passed(&mut watch, 2 * turn(6)).await, deleted(&new[..1]));
    assert_eq!(watch.pass(turn(6)).await, [""; 0]);
}

/// One that was stored by a version that followed the top folders only.
#[tokio::test]
async fn a_lane_that_knew_no_nested_folders_learns_of_them() {
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    let top = chain(&microsoft, 1).remove(0);
    let mut watch = Watch::of(desk, "contacts").await;
    let nested = microsoft.add_contact_folder(ADA, Some(&top), "nested");
    let held = contact(&microsoft, &nested);
    watch.desk.edit_cursor("contacts", |cursor| {
        cursor["lane"].as_object_mut().unwrap().remove("goes_down").unwrap();
    });
    assert_eq!(watch.pass(2).await, [""; 0]);
    assert_eq!(watch.desk.cursor("contacts")["lane"]["goes_down"], true);
    microsoft.delete_record(ADA, &held);
    assert_eq!(passed(&mut watch, turn(3)).await, deleted(&[held]));
}

/// Beyond that they are left out, and what is followed goes on.
#[tokio::test]
async fn folders_are_followed_to_a_depth_and_up_to_a_number() {
    let desk = Desk::new().await;
    chain(&desk.microsoft, 305);
    let watch = Watch::of(desk, "contacts").await;
    assert_eq!(
        watch.desk.cursor("contacts")["lane"]["folders"],
        302,
        "the default one, 300 levels and those below"
    );
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    let tops: Vec<String> = (0..40).map(|_| microsoft.add_contact_folder(ADA, None, "top")).collect();
    for top in &tops {
        (0..60).for_each(|_| drop(microsoft.add_contact_folder(ADA, Some(top), "below")));
    }
    let held = contact(&microsoft, &tops[39]);
    let mut watch = Watch::of(desk, "contacts").await;
    let lane = watch.desk.cursor("contacts")["lane"].clone();
    assert_eq!((&lane["folders"], lane.get("is_open")), (&json!(2_000), None), "and the baseline ends");
    microsoft.delete_record(ADA, &held);
    assert_eq!(passed(&mut watch, turn(45)).await, deleted(&[held]));
}
