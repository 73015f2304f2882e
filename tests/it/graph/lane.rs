//! What was deleted for good: hints of deltas, and looks that decide.

use super::desk::{ADA, Desk, mail};
use chrono::DateTime;
use doubles::FaultKind;

const INTERVAL_S: i64 = 300;
/// When the timetable begins: Sunday, 22 November 2026, 12:00:00 UTC.
const EPOCH_S: i64 = 1_795_348_800;

/// A watched mailbox, polled by a timetable.
pub(crate) struct Watch {
    pub(crate) desk: Desk,
    pub(crate) number: u64,
    resource: &'static str,
}

impl Watch {
    pub(crate) async fn start(desk: Desk) -> Self {
        Watch::of(desk, "messages").await
    }

    pub(crate) async fn of(desk: Desk, resource: &'static str) -> Self {
        let mut watch = Watch { desk, number: 0, resource };
        watch.desk.watch(&[resource]).await;
        assert_eq!(watch.pass(1).await, [""; 0], "a baseline tells nothing");
        watch
    }

    /// So many polls, and those that they ask for in between.
    pub(crate) async fn pass(&mut self, polls: usize) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..polls {
            self.number += 1;
            let due = DateTime::from_timestamp(EPOCH_S + self.number as i64 * INTERVAL_S, 0).unwrap();
            self.desk.advance_s((due - self.desk.now()).num_seconds());
            let (mut found, mut again_at) = self.desk.poll_as(self.resource, self.number).await;
            told.append(&mut found);
            while let Some(at) = again_at.filter(|at| (*at - due).num_seconds() < INTERVAL_S) {
                self.desk.advance_s((at - self.desk.now()).num_seconds());
                (found, again_at) = self.desk.poll_as(self.resource, self.number).await;
                told.append(&mut found);
            }
        }
        told
    }

    /// How often something was read whose path begins so.
    pub(crate) fn reads_of(&self, path: &str) -> usize {
        let requests = self.desk.microsoft.requests();
        let targets = requests.iter().flat_map(doubles::RequestLine::targets);
        targets.filter(|target| target.trim_start_matches("/v1.0").starts_with(path)).count()
    }

    pub(crate) fn requests(&self) -> usize {
        self.desk.microsoft.requests().iter().map(doubles::RequestLine::count).sum()
    }
}

#[tokio::test]
async fn what_is_deleted_for_good_is_told_once_within_two_intervals() {
    let desk = Desk::new().await;
    let old = desk.microsoft.deliver(ADA, mail("there before"));
    let kept = desk.microsoft.deliver(ADA, mail("stays"));
    let mut watch = Watch::start(desk).await;
    let microsoft = watch.desk.microsoft.clone();
    let new = microsoft.deliver(ADA, mail("new"));
    assert_eq!(watch.pass(4).await, [format!("CREATED {new}")]);
    microsoft.purge(ADA, &old);
    assert_eq!(watch.pass(2).await, [format!("DELETED {old}")]);
    microsoft.soft_delete(ADA, &new);
    assert_eq!(watch.pass(3).await, [format!("UPDATED {new}")]);
    microsoft.purge(ADA, &new);
    assert_eq!(watch.pass(2).await, [format!("DELETED {new}")], "out of Deleted Items, too");
    let brief = microsoft.deliver(ADA, mail("came and went"));
    microsoft.purge(ADA, &brief);
    microsoft.move_to(ADA, &kept, "archive");
    microsoft.move_to(ADA, &kept, "inbox");
    assert_eq!(watch.pass(100).await, [format!("UPDATED {kept}")]);
}

#[tokio::test]
async fn an_idle_poll_makes_one_and_three_quarters_requests_and_stores_nothing() {
    let desk = Desk::new().await;
    for _ in 0..10 {
        desk.microsoft.deliver(ADA, mail("there before"));
    }
    let mut watch = Watch::start(desk).await;
    watch.pass(4).await;
    let before = watch.desk.cursor("messages");
    watch.desk.microsoft.clear_requests();
    watch.desk.annex_use();
    let (turns, folders) = (3, 7);
    assert_eq!(watch.pass(turns * folders * 4).await, [""; 0]);
    let polls = turns * folders * 4;
    assert_eq!(watch.requests() * 4, polls * 7, "1.75 requests each");
    assert_eq!(watch.desk.microsoft.requests().len(), polls, "one after the other");
    assert_eq!(watch.desk.cursor("messages")["lane"], before["lane"]);
    assert_eq!(watch.desk.annex_use(), [turns * folders, 0], "one part where a delta is read");
}

#[tokio::test]
async fn what_every_poll_reads_stays_small_however_much_is_known() {
    let desk = Desk::new().await;
    let ids: Vec<String> = (0..3_000).map(|_| desk.microsoft.deliver(ADA, mail("there before"))).collect();
    for number in 0..100 {
        desk.microsoft.add_folder(ADA, &format!("folder {number}"));
    }
    let mut watch = Watch::start(desk).await;
    watch.pass(7).await;
    let row = watch.desk.cursor("messages")["lane"].to_string();
    assert!(row.len() < 100, "{row}");
    let known = watch.desk.annex_bytes("messages/known/");
    assert!((3_000 * 3..3_000 * 5).contains(&known), "{known} bytes");
    watch.desk.annex_use();
    let new: Vec<String> = (0..5).map(|_| watch.desk.microsoft.deliver(ADA, mail("new"))).collect();
    assert_eq!(watch.pass(1).await.len(), 5);
    assert_eq!(watch.desk.annex_use()[1], 0, "an arrival is noted in the row");
    watch.pass(3).await;
    let row = watch.desk.cursor("messages")["lane"].to_string();
    assert!(row.len() < 500, "{row}");
    assert_eq!(watch.desk.annex_use()[1], 0, "and so is where its folder's delta goes on");
    for id in [&ids[17], &new[3]] {
        watch.desk.microsoft.purge(ADA, id);
    }
    assert_eq!(watch.pass(4).await.len(), 2);
}

#[tokio::test]
async fn what_is_noted_of_folders_in_the_row_is_moved_to_their_parts_before_it_is_long() {
    let desk = Desk::new().await;
    let mut watch = Watch::start(desk).await;
    watch.pass(7).await;
    let microsoft = watch.desk.microsoft.clone();
    let mut ids = Vec::new();
    watch.desk.annex_use();
    for _ in 0..8 {
        for folder in ["inbox", "archive", "sentitems", "inbox", "inbox"] {
            let id = microsoft.deliver(ADA, mail("new"));
            assert!(microsoft.move_to(ADA, &id, folder));
            ids.push(id);
            watch.pass(2).await;
            let row = watch.desk.cursor("messages")["lane"].to_string();
            assert!(row.len() < 900, "{} bytes: {row}", row.len());
        }
    }
    let written = watch.desk.annex_use()[1];
    assert!((8..30).contains(&written), "{written} parts");
    ids.iter().for_each(|id| assert!(microsoft.purge(ADA, id)));
    let mut told = watch.pass(40).await;
    told.sort();
    let mut expected: Vec<String> = ids.iter().map(|id| format!("DELETED {id}")).collect();
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_lost_of_the_annex_leads_to_nothing_false() {
    for lost in ["messages/folders/", "messages/known/", "messages/"] {
        let desk = Desk::new().await;
        let old: Vec<String> = (0..50).map(|_| desk.microsoft.deliver(ADA, mail("there before"))).collect();
        let mut watch = Watch::start(desk).await;
        let microsoft = watch.desk.microsoft.clone();
        let new = microsoft.deliver(ADA, mail("new"));
        assert_eq!(watch.pass(4).await, [format!("CREATED {new}")]);
        microsoft.purge(ADA, &new);
        microsoft.move_to(ADA, &old[1], "archive");
        watch.desk.lose_annex(lost);
        let mut told = watch.pass(40).await;
        told.sort();
        assert_eq!(told, [format!("DELETED {new}"), format!("UPDATED {}", old[1])], "{lost}");
        microsoft.purge(ADA, &old[1]);
        let expected = [format!("DELETED {}", old[1])];
        assert_eq!(watch.pass(40).await, expected, "{lost}");
    }
}

#[tokio::test]
async fn a_count_that_is_refused_holds_up_no_delta() {
    let refusals = [
        FaultKind::NotFound,
        FaultKind::Forbidden,
        FaultKind::Refused { status: 400 },
        FaultKind::ServerError { status: 500 },
    ];
    for refusal in refusals {
        let mut watch = Watch::start(Desk::new().await).await;
        let microsoft = watch.desk.microsoft.clone();
        let ids: Vec<String> = (0..2).map(|_| microsoft.deliver(ADA, mail("new"))).collect();
        assert_eq!(watch.pass(4).await.len(), 2);
        microsoft.refuse_folders(ADA, Some(refusal));
        for id in &ids {
            microsoft.purge(ADA, id);
            let new = microsoft.deliver(ADA, mail("newer"));
            microsoft.clear_requests();
            let mut told = watch.pass(1).await;
            told.sort();
            assert_eq!(told, [format!("CREATED {new}"), format!("DELETED {id}")], "{refusal:?}");
            assert!(watch.requests() < 20, "{refusal:?}: {} requests", watch.requests());
        }
        microsoft.refuse_folders(ADA, None);
        assert_eq!(watch.pass(40).await, [""; 0], "{refusal:?}");
    }
}

#[tokio::test]
async fn one_look_that_misses_a_message_is_not_believed() {
    let desk = Desk::new().await;
    let moved = desk.microsoft.deliver(ADA, mail("moves"));
    let mut watch = Watch::start(desk).await;
    watch.desk.microsoft.move_to(ADA, &moved, "archive");
    watch.desk.microsoft.miss(ADA, &moved, 1);
    assert_eq!(watch.pass(30).await, [format!("UPDATED {moved}")]);
}

#[tokio::test]
async fn a_folder_that_is_gone_takes_what_the_log_holds_of_it() {
    let desk = Desk::new().await;
    let folder = desk.microsoft.add_folder(ADA, "Projects");
    let below = desk.microsoft.add_child_folder(ADA, &folder, "Carillon").unwrap();
    let mut watch = Watch::start(desk).await;
    let microsoft = watch.desk.microsoft.clone();
    let ids: Vec<String> = (0..4).map(|_| microsoft.deliver(ADA, mail("new"))).collect();
    microsoft.move_to(ADA, &ids[0], &folder);
    microsoft.move_to(ADA, &ids[1], &below);
    assert_eq!(watch.pass(3).await.len(), 4);
    microsoft.delete_folder(ADA, &folder);
    let mut told = watch.pass(10).await;
    told.sort();
    let mut expected = [format!("DELETED {}", ids[0]), format!("DELETED {}", ids[1])];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(watch.pass(60).await, [""; 0]);
}

/// Whatever slot it had: the others stay where they are, and nothing is listed or looked for that need not be.
#[tokio::test]
async fn a_folder_that_is_gone_leaves_the_others_alone() {
    let desk = Desk::new().await;
    let folders: Vec<String> =
        (0..13).map(|number| desk.microsoft.add_folder(ADA, &format!("folder {number}"))).collect();
    let mut watch = Watch::start(desk).await;
    let microsoft = watch.desk.microsoft.clone();
    let kept = microsoft.deliver(ADA, mail("new"));
    let gone = microsoft.deliver(ADA, mail("new"));
    microsoft.move_to(ADA, &gone, &folders[1]);
    assert_eq!(watch.pass(4).await.len(), 2);
    microsoft.clear_requests();
    microsoft.delete_folder(ADA, &folders[1]);
    assert_eq!(watch.pass(10).await, [format!("DELETED {gone}")]);
    assert_eq!(watch.pass(100).await, [""; 0]);
    assert_eq!(watch.reads_of("/me/mailFolders/delta"), 0, "the folders are known");
    assert_eq!(watch.reads_of(&format!("/me/messages/{kept}?$select=id")), 0, "it is not in doubt");
}

#[tokio::test]
async fn a_delta_that_begins_anew_does_not_hide_a_deletion() {
    let desk = Desk::new().await;
    let mut watch = Watch::start(desk).await;
    let microsoft = watch.desk.microsoft.clone();
    let ids: Vec<String> = (0..30).map(|_| microsoft.deliver(ADA, mail("new"))).collect();
    assert_eq!(watch.pass(3).await.len(), 30);
    microsoft.purge(ADA, &ids[7]);
    microsoft.expire_delta(ADA);
    assert_eq!(watch.pass(3).await, [format!("DELETED {}", ids[7])]);
}

#[tokio::test]
async fn a_condition_and_drafts_name_what_is_told_as_deleted() {
    let mut desk = Desk::new().await;
    let [wanted, other] = ["invoice", "lunch"].map(|subject| desk.microsoft.deliver(ADA, mail(subject)));
    let draft = desk.microsoft.save_draft(ADA, None, mail("invoice"));
    let url = "/hubs/general/messages?where=Subject='invoice'";
    let config = domain::resource::ResourceConfig::parse(
        "messages",
        &serde_json::json!({ "url": url, "idField": "Id" }),
    );
    desk.watch_as("messages", config.unwrap()).await;
    let mut watch = Watch { desk, number: 0, resource: "messages" };
    assert_eq!(watch.pass(1).await, [""; 0]);
    let microsoft = watch.desk.microsoft.clone();
    let [new, unwanted] = ["invoice", "lunch"].map(|subject| microsoft.deliver(ADA, mail(subject)));
    assert_eq!(watch.pass(4).await, [format!("CREATED {new}")]);
    for id in [&wanted, &other, &draft, &new, &unwanted] {
        assert!(microsoft.purge(ADA, id));
    }
    let mut told = watch.pass(40).await;
    told.sort();
    let mut expected = [format!("DELETED {wanted}"), format!("DELETED {new}")];
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn contacts_and_events_are_told_as_deleted_whatever_they_are_in() {
    let desk = Desk::new().await;
    let microsoft = desk.microsoft.clone();
    let folder = microsoft.add_contact_folder(ADA, None, "Suppliers");
    let calendar = microsoft.add_calendar(ADA, "Team");
    let soon = desk.now() + chrono::Duration::days(3);
    let event = |subject: &str| {
        let at = serde_json::json!({ "dateTime": soon.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" });
        serde_json::json!({ "subject": subject, "start": at, "end": at })
    };
    let contact = |name: &str| serde_json::json!({ "displayName": name });
    let contacts = [
        microsoft.add_contact(ADA, &contact("old")),
        microsoft.add_contact_to(ADA, &folder, &contact("else")),
    ];
    let events = [
        microsoft.add_event(ADA, None, &event("old")),
        microsoft.add_event(ADA, Some(&calendar), &event("else")),
    ];
    let mut watch = Watch { desk, number: 0, resource: "" };
    for (resource, old) in [("contacts", contacts), ("events", events)] {
        watch.desk.watch(&[resource]).await;
        watch.resource = resource;
        assert_eq!(watch.pass(2).await, [""; 0]);
        let new = match resource {
            "contacts" => microsoft.add_contact(ADA, &contact("new")),
            _ => microsoft.add_event(ADA, None, &event("new")),
        };
        assert_eq!(watch.pass(2).await, [format!("CREATED {new}")]);
        for id in [&new, &old[0], &old[1]] {
            assert!(microsoft.delete_record(ADA, id));
        }
        let mut told = watch.pass(12).await;
        told.sort();
        let mut expected = [&new, &old[0], &old[1]].map(|id| format!("DELETED {id}"));
        expected.sort();
        assert_eq!(told, expected, "{resource}");
        assert_eq!(watch.pass(24).await, [""; 0]);
    }
}
