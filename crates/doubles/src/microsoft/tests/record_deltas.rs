use super::delta::round;
use super::records::wider_world;
use super::*;
use serde_json::json;

#[tokio::test]
async fn a_folder_of_contacts_tells_of_its_own() {
    let World { microsoft, caller, .. } = wider_world().await;
    let friends = microsoft.add_contact_folder(ADA, None, "Friends");
    let near = microsoft.add_contact(ADA, &json!({"displayName": "Bo"}));
    let far = microsoft.add_contact_to(ADA, &friends, &json!({"displayName": "Al"}));
    let listed = caller.get("/v1.0/me/contacts").await.json();
    assert_eq!(strings(&listed, "displayName"), ["Bo"], "only the first folder's");
    let folders = caller.get("/v1.0/me/contactFolders").await.json();
    assert_eq!(strings(&folders, "displayName"), ["Friends"], "the first is not among them");
    let path = format!("/v1.0/me/contactFolders/{friends}/contacts/delta?$select=displayName");
    let (rows, own) = round(&caller, "/v1.0/me/contacts/delta").await;
    assert_eq!(rows, std::slice::from_ref(&near));
    let (rows, others) = round(&caller, &path).await;
    assert_eq!(rows, std::slice::from_ref(&far));
    assert!(microsoft.move_record(ADA, &far, "AQMkADcontacts="));
    assert!(microsoft.delete_record(ADA, &near));
    let mut told = [far.clone(), format!("{near} deleted")];
    told.sort();
    assert_eq!(round(&caller, &own).await.0, told);
    assert_eq!(round(&caller, &others).await.0, [format!("{far} changed")]);
    assert!(microsoft.delete_record(ADA, &friends));
    assert_eq!(caller.get(&others).await.status, 404);
}

#[tokio::test]
async fn a_window_of_a_calendar_tells_what_takes_place_in_it() {
    let World { microsoft, caller, .. } = wider_world().await;
    let at = |day: u32| {
        let time = |hour: u32| json!({"dateTime": format!("2026-11-{day}T{hour:02}:00:00.0000000"), "timeZone": "UTC"});
        json!({"start": time(9), "end": time(10)})
    };
    let inside = microsoft.add_event(ADA, None, &at(24));
    let leaves = microsoft.add_event(ADA, None, &at(25));
    microsoft.add_event(ADA, None, &at(29));
    let team = microsoft.add_calendar(ADA, "Team");
    let theirs = microsoft.add_event(ADA, Some(&team), &at(24));
    let window = "startDateTime=2026-11-24T00:00:00Z&endDateTime=2026-11-26T00:00:00Z";
    let (rows, link) = round(&caller, &format!("/v1.0/me/calendarView/delta?{window}")).await;
    assert_eq!(rows, [inside.clone(), leaves.clone()]);
    let team = format!("/v1.0/me/calendars/{team}/calendarView/delta?{window}");
    let (rows, team) = round(&caller, &team).await;
    assert_eq!(rows, std::slice::from_ref(&theirs));
    assert!(microsoft.delete_record(ADA, &inside));
    assert!(microsoft.change_record(ADA, &leaves, &at(28)));
    assert!(microsoft.delete_record(ADA, &theirs));
    let mut told = [format!("{inside} deleted"), format!("{leaves} changed")];
    told.sort();
    assert_eq!(round(&caller, &link).await.0, told);
    assert_eq!(round(&caller, &team).await.0, [format!("{theirs} deleted")]);
    assert_eq!(caller.get("/v1.0/me/calendarView/delta").await.status, 400, "without a window");
    let selected = caller.get(&format!("/v1.0/me/calendarView/delta?{window}&$select=subject")).await;
    assert_eq!(selected.status, 400);
}
