use super::*;
use crate::DeltaMoves;

/// Follows a round to its end: the rows, each with what it tells, and the link to the next round.
pub(super) async fn round(caller: &Caller, start: &str) -> (Vec<String>, String) {
    let mut rows = Vec::new();
    let mut link = start.to_owned();
    for _ in 0..100 {
        let page = caller.get(&link).await.json();
        for row in page["value"].as_array().unwrap() {
            let removed = row["@removed"]["reason"].as_str().map(|reason| format!(" {reason}"));
            rows.push(format!("{}{}", row["id"].as_str().unwrap(), removed.unwrap_or_default()));
        }
        if let Some(next) = page["@odata.deltaLink"].as_str() {
            return (rows, next.to_owned());
        }
        link = page["@odata.nextLink"].as_str().unwrap().to_owned();
    }
    panic!("a round without end");
}

const INBOX: &str = "/v1.0/me/mailFolders/inbox/messages/delta?$select=subject&$top=2";

#[tokio::test]
async fn a_round_tells_what_changed_since_the_last() {
    let World { microsoft, caller, .. } = world().await;
    let ids: Vec<_> = (0..5).map(|number| microsoft.deliver(ADA, mail(&number.to_string()))).collect();
    let (rows, link) = round(&caller, INBOX).await;
    assert_eq!(rows, ids);
    assert_eq!(round(&caller, &link).await, (vec![], link.clone()));
    microsoft.mark_read(ADA, &ids[1]);
    microsoft.move_to(ADA, &ids[2], "archive");
    microsoft.purge(ADA, &ids[3]);
    let new = microsoft.deliver(ADA, mail("new"));
    let (rows, link) = round(&caller, &link).await;
    let expected = [ids[1].clone(), format!("{} changed", ids[2]), format!("{} deleted", ids[3]), new];
    assert_eq!(rows, expected);
    assert!(round(&caller, &link).await.0.is_empty());
    let archive = INBOX.replace("inbox", "archive");
    assert_eq!(round(&caller, &archive).await.0, [ids[2].clone()]);
}

#[tokio::test]
async fn away_and_back_within_a_round_looks_gone_with_immutable_ids() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    let (_, link) = round(&caller, INBOX).await;
    microsoft.move_to(ADA, &id, "archive");
    microsoft.move_to(ADA, &id, "inbox");
    let (rows, link) = round(&caller, &link).await;
    assert_eq!(rows, [format!("{id} changed")]);
    assert!(round(&caller, &link).await.0.is_empty(), "and it never comes again");
    assert_eq!(caller.get(&format!("/v1.0/me/messages/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_token_may_be_forgotten_in_the_middle_of_a_round() {
    let World { microsoft, caller, .. } = world().await;
    (0..5).for_each(|number| drop(microsoft.deliver(ADA, mail(&number.to_string()))));
    let page = caller.get(INBOX).await.json();
    microsoft.expire_delta(ADA);
    let gone = caller.get(page["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (410, &"SyncStateNotFound".into()));
    assert_eq!(round(&caller, INBOX).await.0.len(), 5);
}

#[tokio::test]
async fn rows_may_come_twice_and_changes_late() {
    let World { microsoft, caller, time } = world().await;
    (0..4).for_each(|number| drop(microsoft.deliver(ADA, mail(&number.to_string()))));
    microsoft.set_delta_repeats(true);
    let (rows, link) = round(&caller, INBOX).await;
    assert_eq!((rows.len(), &rows[1]), (5, &rows[2]));
    microsoft.set_lag(5_000_000, 5_000_000);
    let id = microsoft.deliver(ADA, mail("late"));
    let (rows, link) = round(&caller, &link).await;
    assert!(rows.is_empty());
    time.advance_s(5);
    assert_eq!(round(&caller, &link).await.0, [id]);
}

#[tokio::test]
async fn a_forgotten_token_leads_back_to_the_beginning() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    let (_, link) = round(&caller, INBOX).await;
    microsoft.expire_delta(ADA);
    let gone = caller.get(&link).await;
    assert_eq!(gone.status, 410);
    assert!(gone.header("location").ends_with("deltatoken="), "{}", gone.header("location"));
    assert_eq!(round(&caller, gone.header("location")).await.0, [id]);
}

#[tokio::test]
async fn what_moves_may_be_told_whole_or_not_at_all() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    let archive = INBOX.replace("inbox", "archive");
    let told = async |moves, folders: &[&str]| {
        microsoft.set_delta_moves(moves);
        let (inbox, other) = (round(&caller, INBOX).await.1, round(&caller, &archive).await.1);
        folders.iter().for_each(|folder| assert!(microsoft.move_to(ADA, &id, folder)));
        (round(&caller, &inbox).await.0, round(&caller, &other).await.0)
    };
    let gone = format!("{id} changed");
    let back = ["archive", "inbox"];
    assert_eq!(told(DeltaMoves::Whole, &back).await, (vec![id.clone()], vec![gone.clone()]));
    assert_eq!(told(DeltaMoves::ReturnsLost, &back).await, (vec![gone.clone()], vec![gone.clone()]));
    assert_eq!(told(DeltaMoves::ArrivalsLost, &["archive"]).await, (vec![gone], vec![]));
}

#[tokio::test]
async fn all_folders_have_one_delta() {
    let World { microsoft, caller, .. } = world().await;
    let parent = microsoft.add_folder(ADA, "Projects");
    let child = microsoft.add_child_folder(ADA, &parent, "Deep").unwrap();
    let (rows, link) = round(&caller, "/v1.0/me/mailFolders/delta?$select=displayName").await;
    assert_eq!(rows.len(), 9, "those below others too");
    assert!(rows.contains(&child));
    assert!(microsoft.rename_folder(ADA, &child, "Deeper"));
    let (rows, link) = round(&caller, &link).await;
    assert_eq!(rows, std::slice::from_ref(&child));
    assert!(microsoft.delete_folder(ADA, &parent));
    let mut gone = [format!("{parent} deleted"), format!("{child} deleted")];
    gone.sort();
    assert_eq!(round(&caller, &link).await.0, gone);
    let inside = caller.get(&format!("/v1.0/me/mailFolders/{child}/messages/delta")).await;
    assert_eq!(inside.status, 404);
}
