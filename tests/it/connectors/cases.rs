//! What holds for every connector.

use super::desk::{Desk, USER};
use ::connectors::Ability;
use chrono::Duration;
use doubles::{FaultKind, Happening};

/// More than a step takes, and more than a page holds.
const MANY: usize = 600;

/// What was there before tells nothing, and what comes after it is told.
pub(super) async fn baseline(mut desk: Desk) {
    for _ in 0..3 {
        let mail = desk.mail();
        desk.double.import_old(USER, mail);
    }
    let before = desk.receive();
    let id = desk.connect().await;
    desk.poll_out(id).await;
    desk.assert_arrived(&[]);
    let after = desk.receive();
    desk.poll_out(id).await;
    desk.assert_arrived(&[after]);
    let changed = desk.double.mark(USER, &before.object_id);
    desk.poll_out(id).await;
    desk.assert_arrived(&[changed]);
}

/// A poll that finds nothing asks the provider once, and may take a second read along in the same request.
pub(super) async fn idle_cost(mut desk: Desk) {
    desk.receive();
    let id = desk.connect().await;
    desk.world.clock.advance(Duration::minutes(5));
    desk.poll_out(id).await;
    for _ in 0..3 {
        desk.world.clock.advance(Duration::seconds(20));
        let before = desk.double.usage(USER).admitted;
        desk.world.poll(id).await;
        let admitted = desk.double.usage(USER).admitted - before;
        // Who does not see deletions in the walk looks for them beside it.
        let most = if desk.descriptor.can(Ability::Deletions) { 1 } else { 2 };
        assert!((1..=most).contains(&admitted), "{}: {admitted}", desk.descriptor.key);
    }
    desk.assert_arrived(&[]);
}

/// What is new is told, once.
pub(super) async fn creation(mut desk: Desk) {
    let id = desk.connect().await;
    let new = [desk.receive(), desk.receive()];
    desk.poll_out(id).await;
    desk.assert_arrived(&new);
    desk.poll_out(id).await;
    desk.assert_arrived(&[]);
}

/// Each change is told, and changes between two polls as one.
pub(super) async fn update(mut desk: Desk) {
    let id = desk.connect().await;
    let new = desk.receive();
    desk.poll_out(id).await;
    desk.assert_arrived(std::slice::from_ref(&new));
    desk.world.clock.advance(Duration::seconds(5));
    let changed = desk.double.look_at(USER, &new.object_id);
    desk.poll_out(id).await;
    desk.assert_arrived(&[changed]);
    desk.world.clock.advance(Duration::seconds(5));
    desk.double.mark(USER, &new.object_id);
    let newer = desk.receive();
    desk.double.look_at(USER, &newer.object_id);
    desk.poll_out(id).await;
    let marked = Happening { event: "UPDATED", ..new };
    desk.assert_arrived(&[marked, newer]);
}

/// A deletion is told as far as the provider tells of it, and as one where the connector says so.
pub(super) async fn deletion(mut desk: Desk) {
    let id = desk.connect().await;
    let (known, passing) = (desk.receive(), desk.receive());
    desk.double.remove(USER, &passing.object_id);
    desk.poll_out(id).await;
    let mut arrived = desk.arrived();
    assert_eq!(arrived.remove(&("CREATED".to_owned(), known.object_id.clone())), Some(1));
    desk.world.clock.advance(Duration::seconds(5));
    let removed = desk.double.remove(USER, &known.object_id);
    assert_eq!(removed.event == "DELETED", desk.descriptor.can(Ability::Deletions));
    if desk.descriptor.can(Ability::Deletions) {
        assert!(arrived.is_empty(), "what came and went: {arrived:?}");
    }
    desk.poll_out(id).await;
    desk.assert_arrived(&[removed]);
}

/// Many changes at once are all told, each once.
pub(super) async fn burst(mut desk: Desk) {
    let id = desk.connect().await;
    let new: Vec<Happening> = (0..MANY).map(|_| desk.receive()).collect();
    desk.poll_out(id).await;
    desk.assert_arrived(&new);
}

/// A mailbox with many pages tells nothing of what was there, and all that comes.
pub(super) async fn paging(mut desk: Desk) {
    let old: Vec<Happening> = (0..MANY).map(|_| desk.receive()).collect();
    // Dated lists look back a little, and take for new what came in within that.
    desk.world.clock.advance(Duration::minutes(10));
    let id = desk.connect().await;
    let new = desk.receive();
    desk.poll_out(id).await;
    desk.assert_arrived(&[new]);
    desk.world.clock.advance(Duration::minutes(5));
    let changed: Vec<Happening> =
        old.iter().step_by(2).map(|one| desk.double.mark(USER, &one.object_id)).collect();
    desk.poll_out(id).await;
    desk.assert_arrived(&changed);
}

/// A position that expired is caught up: nothing new is lost, and nothing told again.
pub(super) async fn expiry(mut desk: Desk) {
    let id = desk.connect().await;
    let told = desk.receive();
    desk.poll_out(id).await;
    desk.assert_arrived(&[told]);
    desk.world.clock.advance(Duration::minutes(10));
    let missed = [desk.receive(), desk.receive()];
    assert!(desk.double.expire_positions(USER), "the double has no positions that expire");
    desk.poll_out(id).await;
    desk.assert_arrived(&missed);
    let gaps = desk.world.shown(id).await["resources"][0]["gaps"].as_array().map_or(0, Vec::len);
    assert_eq!(gaps, 1, "{}: the gap is not shown", desk.descriptor.key);
    let after = desk.receive();
    desk.poll_out(id).await;
    desk.assert_arrived(&[after]);
}

/// Who is told to wait waits, and loses nothing.
pub(super) async fn throttling(mut desk: Desk) {
    let id = desk.connect().await;
    desk.poll_out(id).await;
    let new = desk.receive();
    desk.double.fail_account(USER, FaultKind::RateLimited { retry_after_s: Some(300) });
    desk.world.poll(id).await;
    let before = desk.double.requests().len();
    desk.world.clock.advance(Duration::seconds(200));
    desk.world.poll(id).await;
    assert_eq!(desk.double.requests().len(), before, "{}: it did not wait", desk.descriptor.key);
    desk.assert_arrived(&[]);
    desk.double.heal_account(USER);
    desk.world.pass(Duration::minutes(30)).await;
    desk.assert_arrived(&[new]);
}

/// An object that can't be read holds up no other, and is told when it can.
pub(super) async fn partial_outage(mut desk: Desk) {
    let id = desk.connect().await;
    let (broken, whole) = (desk.receive(), desk.receive());
    assert!(desk.double.break_object(USER, &broken.object_id), "the double has no lone objects");
    desk.world.poll(id).await;
    desk.world.pass(Duration::minutes(45)).await;
    desk.assert_arrived(&[whole]);
    desk.double.heal_object(USER, &broken.object_id);
    desk.world.pass(Duration::minutes(60)).await;
    desk.assert_arrived(&[broken]);
}

/// Changes that show late, in any order, are told once.
pub(super) async fn visibility_lag(mut desk: Desk) {
    let id = desk.connect().await;
    assert!(desk.double.set_lag_us(60_000_000), "the double shows everything at once");
    let mut new = Vec::new();
    for _ in 0..30 {
        new.push(desk.receive());
        desk.world.clock.advance(Duration::seconds(7));
        desk.world.poll(id).await;
    }
    desk.world.pass(Duration::minutes(45)).await;
    desk.assert_arrived(&new);
}

/// With a provider that is slower than a poll may take, each poll keeps what it has.
pub(super) async fn deadline(mut desk: Desk) {
    let id = desk.connect().await;
    let new: Vec<Happening> = (0..30).map(|_| desk.receive()).collect();
    desk.world.wire.set_pace_ms(4_000);
    desk.world.poll(id).await;
    desk.world.pass(Duration::minutes(30)).await;
    desk.world.wire.set_pace_ms(1);
    desk.poll_out(id).await;
    desk.assert_arrived(&new);
}

/// Two processes that poll at once tell everything once.
pub(super) async fn two_pollers(mut desk: Desk) {
    let id = desk.connect().await;
    let other = desk.world.another_process();
    let mut new = Vec::new();
    for _ in 0..5 {
        new.extend([desk.receive(), desk.receive()]);
        let deadline = desk.world.now() + Duration::seconds(60);
        let (one, two) = tokio::join!(desk.world.app.tick(id, deadline), other.tick(id, deadline));
        assert!(one.is_ok() && two.is_ok());
        desk.world.run_until_idle().await;
    }
    desk.poll_out(id).await;
    desk.assert_arrived(&new);
}

/// What is not finished is not told.
pub(super) async fn drafts(mut desk: Desk) {
    let id = desk.connect().await;
    let mail = desk.mail();
    let draft = desk.double.begin_draft(USER, mail).unwrap();
    for _ in 0..3 {
        desk.poll_out(id).await;
        desk.world.clock.advance(Duration::seconds(5));
        let mail = desk.mail();
        desk.double.save_draft(USER, &draft, mail);
    }
    desk.poll_out(id).await;
    desk.assert_arrived(&[]);
    desk.world.clock.advance(Duration::seconds(5));
    let sent = desk.double.send_draft(USER, &draft).unwrap();
    desk.poll_out(id).await;
    desk.assert_arrived(&[sent]);
}

/// What polls tell of can be read, page by page and one by one.
pub(super) async fn hub_reads(mut desk: Desk) {
    let id = desk.connect().await;
    let mut new: Vec<String> = (0..5).map(|_| desk.receive().object_id).collect();
    let (resource, id_field) = desk.resource();
    let (mut found, mut next) = (Vec::new(), String::new());
    for _ in 0..5 {
        let reply = desk.read(id, &format!("{resource}?pageSize=2{next}")).await;
        assert_eq!(reply.status, 200, "{}: {}", desk.descriptor.key, reply.body);
        let page = reply.body.as_array().unwrap();
        assert!(page.len() <= 2);
        found.extend(page.iter().map(|one| one[&id_field].as_str().unwrap().to_owned()));
        let Some(token) = reply.headers.get("elements-next-page-token") else { break };
        next = format!("&nextPage={}", token.to_str().unwrap());
    }
    found.sort();
    new.sort();
    assert_eq!(found, new, "{}", desk.descriptor.key);
    // A list of changes has no objects of its own: its plain name leads to them.
    let plain = resource.trim_start_matches("changed-");
    let one = desk.read(id, &format!("{plain}/{}", new[0].replace('=', "%3D"))).await;
    assert_eq!(one.body[&id_field], new[0].as_str(), "{}: {}", desk.descriptor.key, one.body);
    assert_eq!(desk.read(id, &format!("{plain}/nothing-of-the-kind")).await.status, 404);
    desk.poll_out(id).await;
}
