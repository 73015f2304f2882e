use super::*;

const SINCE: &str = "$filter=lastModifiedDateTime ge 2026-11-22T11:40:01Z";

#[tokio::test]
async fn lists_show_a_change_late_and_a_message_at_once() {
    let world = world().await;
    let old = world.microsoft.deliver(ADA, mail("old"));
    world.microsoft.set_lag(2_000_000, 2_000_000);
    world.time.advance_s(1);
    world.microsoft.mark_read(ADA, &old);
    let new = world.microsoft.deliver(ADA, mail("new"));
    world.time.advance_us(1_999_999);
    assert_eq!(world.get(&format!("/messages/{old}")).await["isRead"], true);
    assert_eq!(world.get(&format!("/messages/{new}")).await["subject"], "new");
    let list = world.get("/messages").await;
    assert_eq!(
        (strings(&list, "subject"), &list["value"][0]["isRead"]),
        (vec!["old".to_owned()], &false.into())
    );
    assert!(world.subjects(SINCE).await.is_empty());
    world.time.advance_us(1);
    assert_eq!(world.subjects(SINCE).await.len(), 2);
    assert_eq!(world.get("/messages").await["value"][1]["isRead"], true);
}

#[tokio::test]
async fn a_later_change_may_show_first_and_then_hides_the_earlier() {
    let world = world().await;
    let id = world.microsoft.deliver(ADA, mail("x"));
    world.microsoft.set_lag(9_000_000, 9_000_000);
    world.microsoft.mark_read(ADA, &id);
    world.microsoft.set_lag(0, 0);
    world.microsoft.flag(ADA, &id);
    let key = world.snapshot(&id).change_key;
    for _ in 0..2 {
        assert_eq!(strings(&world.get("/messages").await, "changeKey"), [key.as_str()]);
        world.time.advance_s(9);
    }
}

#[tokio::test]
async fn what_is_gone_shows_for_a_while() {
    let world = world().await;
    let id = world.microsoft.deliver(ADA, mail("x"));
    world.microsoft.set_lag(1_000_000, 1_000_000);
    world.microsoft.purge(ADA, &id);
    assert_eq!(world.subjects("").await, ["x"]);
    assert_eq!(world.error(&format!("/messages/{id}")).await.0, 404);
    world.time.advance_s(1);
    assert!(world.subjects("").await.is_empty());
}

#[tokio::test]
async fn the_lag_is_drawn_for_each_change() {
    let world = world().await;
    world.microsoft.set_lag(0, 10_000_000);
    world.microsoft.add_account("bo@double.example");
    for number in 0..100 {
        world.microsoft.deliver(ADA, mail(&number.to_string()));
    }
    let mut counts = Vec::new();
    for _ in 0..=10 {
        counts.push(world.subjects("$top=1000").await.len());
        world.time.advance_s(1);
    }
    assert!(counts.is_sorted() && (30..70).contains(&counts[5]) && counts[10] == 100, "{counts:?}");
}
