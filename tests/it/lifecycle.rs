//! From creation to deletion, through the public API.

use crate::world::World;
use chrono::Duration;
use doubles::Mail;

#[tokio::test]
async fn gmail_changes_arrive_signed_and_once() {
    let world = World::new(1);
    let id = world.create_gmail().await;
    let user = crate::world::GMAIL_USER;
    let mail = world.google.deliver(user, Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), mail.clone())]);
    world.google.remove_label(user, &mail, "UNREAD");
    world.google.add_label(user, &mail, "STARRED");
    world.poll(id).await;
    assert_eq!(world.arrived(), [("UPDATED".to_owned(), mail.clone())]);
    world.google.purge(user, &mail);
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), [("DELETED".to_owned(), mail)]);
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.arrived(), []);
}

#[tokio::test]
async fn outlook_mail_that_becomes_readable_late_is_not_lost() {
    let world = World::new(1);
    world.microsoft.set_lag(0, 3_000_000);
    let id = world.create_outlook().await;
    let user = crate::world::OUTLOOK_USER;
    let mut sent = std::collections::BTreeSet::new();
    for n in 0..200 {
        sent.insert(world.microsoft.deliver(user, Mail::default()));
        world.clock.advance(Duration::milliseconds(700));
        if n % 3 == 0 {
            world.poll(id).await;
        }
    }
    world.clock.advance(Duration::seconds(5));
    world.poll(id).await;
    let arrived = world.arrived();
    assert!(arrived.iter().all(|(kind, _)| kind == "CREATED"), "{arrived:?}");
    assert_eq!(arrived.len(), 200);
    assert_eq!(arrived.into_iter().map(|(_, id)| id).collect::<std::collections::BTreeSet<_>>(), sent);
}
