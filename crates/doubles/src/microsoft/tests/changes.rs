use super::*;
use crate::clock::DAY_US;
use crate::probe::START_US;

#[tokio::test]
async fn every_change_is_dated_and_has_another_key() {
    let world = world().await;
    let microsoft = &world.microsoft;
    let id = microsoft.deliver(ADA, mail("x"));
    let changes: [&dyn Fn() -> bool; 8] = [
        &|| microsoft.mark_read(ADA, &id),
        &|| microsoft.mark_unread(ADA, &id),
        &|| microsoft.set_categories(ADA, &id, &["Red"]),
        &|| microsoft.flag(ADA, &id),
        &|| microsoft.touch(ADA, &id),
        &|| microsoft.move_to(ADA, &id, "archive"),
        &|| microsoft.soft_delete(ADA, &id),
        &|| microsoft.send_draft(ADA, &id),
    ];
    for change in changes {
        let before = world.snapshot(&id);
        world.time.advance_s(1);
        assert!(change());
        let after = world.snapshot(&id);
        assert_eq!(after.modified_at_us, before.modified_at_us + 1_000_000);
        assert_ne!(after.change_key, before.change_key);
        assert_eq!(after.default_id == before.default_id, after.folder == before.folder, "{}", after.folder);
    }
    let row = world.get(&format!("/messages/{id}")).await;
    assert_eq!((&row["categories"][0], &row["flag"]["flagStatus"]), (&"Red".into(), &"flagged".into()));
    assert!(!microsoft.mark_read(ADA, "unknown") && !microsoft.move_to(ADA, &id, "nowhere"));
}

#[tokio::test]
async fn a_move_changes_the_id_unless_it_is_immutable() {
    let world = world().await;
    let id = world.microsoft.deliver(ADA, mail("x"));
    let before = world.snapshot(&id).default_id;
    let folder = world.microsoft.add_folder(ADA, "Projects");
    assert!(world.microsoft.move_to(ADA, &id, &folder));
    let after = world.snapshot(&id);
    assert_eq!(after.folder, "Projects");
    assert_eq!(world.error(&format!("/messages/{before}")).await, (404, "ErrorItemNotFound".to_owned()));
    assert_eq!(world.get(&format!("/messages/{}", after.default_id)).await["id"], id);
    assert_eq!(strings(&world.get("/messages").await, "id"), [id.as_str()]);
    let token = world.microsoft.new_code(ADA);
    let issued = redeem(&world.microsoft, &token).await.json();
    let plain = Caller::new(world.microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    let row = plain.get(&format!("/beta/me/mailFolders/{folder}/messages")).await.json();
    assert_eq!(strings(&row, "id"), [after.default_id.as_str()]);
}

#[tokio::test]
async fn drafts_keep_their_id() {
    let world = world().await;
    let id = world.microsoft.save_draft(ADA, None, mail("Plan"));
    assert_eq!(world.microsoft.save_draft(ADA, Some(&id), mail("Better plan")), id);
    let draft = world.get(&format!("/messages/{id}")).await;
    assert_eq!((&draft["subject"], &draft["isDraft"]), (&"Better plan".into(), &true.into()));
    assert_eq!(world.snapshot(&id).folder, "drafts");
    world.time.advance_s(9);
    assert!(world.microsoft.send_draft(ADA, &id));
    let sent = world.get(&format!("/messages/{id}")).await;
    assert_eq!((&sent["sentDateTime"], &sent["isDraft"]), (&"2026-11-22T11:40:09Z".into(), &false.into()));
    assert_eq!(world.snapshot(&id).folder, "sentitems");
}

#[tokio::test]
async fn purged_messages_are_just_not_there() {
    let world = world().await;
    let id = world.microsoft.deliver(ADA, mail("x"));
    assert!(world.microsoft.purge(ADA, &id) && !world.microsoft.purge(ADA, &id));
    assert!(world.subjects("").await.is_empty() && world.microsoft.messages(ADA).is_empty());
    assert_eq!(world.error(&format!("/messages/{id}")).await.0, 404);
}

#[tokio::test]
async fn imported_mail_is_old_but_modified_now() {
    let world = world().await;
    let id = world.microsoft.import_old(ADA, mail("x"));
    let dated = world.microsoft.import_old(ADA, Mail { date_us: Some(DAY_US), ..mail("y") });
    let imported = world.snapshot(&id);
    assert_eq!((imported.received_at_us, imported.modified_at_us), (START_US - 365 * DAY_US, START_US));
    assert_eq!(world.snapshot(&dated).received_at_us, DAY_US);
}

#[tokio::test]
async fn bulk_changes_come_within_two_seconds() {
    let world = world().await;
    for number in 0..50 {
        world.microsoft.deliver(ADA, mail(&number.to_string()));
    }
    world.time.advance_s(10);
    let ids = world.microsoft.bulk(ADA, 40);
    let changed: Vec<_> =
        world.microsoft.messages(ADA).into_iter().filter(|message| message.is_read).collect();
    assert_eq!((ids.len(), changed.len()), (40, 40));
    let span = START_US + 10_000_000..START_US + 12_000_000;
    assert!(changed.iter().all(|message| span.contains(&message.modified_at_us)));
    let query = "$filter=lastModifiedDateTime ge 2026-11-22T11:40:10Z&$top=100";
    assert!(world.subjects(query).await.len() < 5, "their times are yet to come");
    world.time.advance_s(2);
    assert_eq!(world.subjects(query).await.len(), 40);
}
