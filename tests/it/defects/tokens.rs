//! Access tokens: refreshed once, by whoever comes first, and never lost to whoever comes second.

use super::{assert_created, polled};
use crate::world::{GMAIL_USER, Gate, OUTLOOK_USER, World};
use app::PollOutcome;
use app::ports::{Polls as _, Sessions as _, Written};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::token::Session;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::json;

/// A mailbox whose provider takes each refresh token once, with a mail and an access token that has ended.
async fn once_only(seed: u64) -> (World, InstanceId, String) {
    let world = World::new(seed);
    world.microsoft.set_rotation(true);
    world.microsoft.set_refuse_reuse(true);
    let id = world.create_outlook().await;
    world.clock.advance(Duration::hours(2));
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    (world, id, mail)
}

/// An integration platform held its refresh lock in a row without an end: a process that died under it left
/// the connection locked for ever.
#[tokio::test]
async fn a_refresh_that_a_crash_cut_short_frees_itself() {
    let mut leased = 0;
    for passages in 0..24 {
        let mut world = World::new(81);
        let id = world.create_outlook().await;
        world.clock.advance(Duration::hours(2));
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.gate.die_after(passages);
        let deadline = world.now() + Duration::seconds(20);
        world.gate.run(world.app.poll(id, deadline)).await;
        let session = world.store.mailbox(id).await.unwrap().unwrap().session;
        leased += usize::from(session.is_leased(world.now()));
        world.restart();
        let mut arrived = polled(&world, id).await;
        // The dead poll's lease runs out, too.
        world.pass(Duration::minutes(1)).await;
        arrived.extend(world.arrived());
        assert_created(&arrived, &[mail]);
        assert_eq!(world.shown(id).await["valid"], true);
    }
    assert!(leased > 2, "some died with the lease: {leased}");
}

/// Waiters that each refreshed again once they had the lock, and a lock's time-out that counted as a failure
/// of the mailbox.
#[tokio::test]
async fn ten_polls_at_once_refresh_once() {
    for is_gmail in [true, false] {
        let world = World::new(82);
        world.google.set_in_flight_max(100);
        world.microsoft.set_in_flight_max(100);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        world.clock.advance(Duration::hours(2));
        let mail = match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        let requests = || world.google.token_requests_count() + world.microsoft.token_requests_count();
        let before = requests();
        let apps: Vec<_> = (0..10).map(|_| world.another_process()).collect();
        let deadline = world.now() + Duration::seconds(60);
        let outcomes = futures_util::future::join_all(apps.iter().map(|app| app.tick(id, deadline))).await;
        assert_eq!(requests() - before, 1);
        for outcome in outcomes {
            match outcome {
                Ok(PollOutcome::Polled(report)) => assert_eq!(report.resources[0].1.error, None),
                // Another one found it first.
                other => assert!(matches!(other, Ok(PollOutcome::Busy)), "{other:?}"),
            }
        }
        world.run_until_idle().await;
        assert_created(&world.arrived(), &[mail]);
    }
}

/// Two refreshed with the same token. The provider took it from the first and gave a new one; the second was
/// told `invalid_grant`, and marked an account as dead that had just been renewed.
#[tokio::test]
async fn the_losers_invalid_grant_does_not_kill_the_account() {
    let (world, id, mail) = once_only(83).await;
    world.microsoft.clear_requests();
    let slow = world.another_process_behind(&Gate::slow(1000));
    let fast = world.another_process();
    let deadline = world.now() + Duration::minutes(5);
    // The first one has read the refresh token when its lease runs out; the second one takes over, with the same
    // token, and is done before the first one's request is made.
    let mut first = std::pin::pin!(slow.tick(id, deadline));
    while !world.store.mailbox(id).await.unwrap().unwrap().session.is_leased(world.now()) {
        assert!(futures_util::poll!(first.as_mut()).is_pending());
    }
    for _ in 0..3500 {
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    assert!(world.microsoft.requests().is_empty());
    world.clock.advance(Duration::seconds(50));
    let second = fast.tick(id, deadline).await;
    let first = first.await;
    assert!(matches!((&first, &second), (Ok(PollOutcome::Polled(_)), Ok(PollOutcome::Polled(_)))));
    let refused = world.microsoft.requests().iter().filter(|line| line.status == 400).count();
    assert_eq!(refused, 1, "the first one's token was used up");
    world.run_until_idle().await;
    assert_created(&world.arrived(), &[mail]);
    assert_eq!(world.shown(id).await["valid"], true);
    // Whatever is stored now is a token that still works.
    world.clock.advance(Duration::hours(2));
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    assert_eq!(world.shown(id).await["valid"], true);
}

/// A refresh that read for half a minute asked when its lease was about to end, and another one after that: with the token
/// that the first one had used up.
#[tokio::test]
async fn a_refresh_that_comes_late_to_the_endpoint_does_not_ask() {
    let (world, id, mail) = once_only(85).await;
    let before = world.microsoft.token_requests_count();
    let slow = world.another_process_behind(&Gate::slow(1000));
    let mut late = std::pin::pin!(slow.tick(id, world.now() + Duration::minutes(5)));
    while !world.store.mailbox(id).await.unwrap().unwrap().session.is_leased(world.now()) {
        assert!(futures_util::poll!(late.as_mut()).is_pending());
    }
    world.clock.advance(Duration::seconds(30));
    late.await.unwrap();
    assert_eq!(world.microsoft.token_requests_count(), before);
    world.pass(Duration::minutes(2)).await;
    assert_created(&world.arrived(), &[mail]);
    assert_eq!(world.shown(id).await["valid"], true);
}

/// A crash between the provider's answer and the write of the new token: with a provider that refuses the old
/// one a person has to sign in, which is said; with one that takes it, as real ones do, nobody notices.
#[tokio::test]
async fn a_crash_around_the_write_of_a_rotated_token_is_survived() {
    // After a day the new token is stored, before that the former one serves.
    for (passages, hours) in (0..24).flat_map(|passages| [2, 26].map(|hours| (passages, hours))) {
        let mut world = World::new(84);
        world.microsoft.set_rotation(true);
        let id = world.create_outlook().await;
        world.clock.advance(Duration::hours(hours));
        world.gate.die_after(passages);
        let deadline = world.now() + Duration::seconds(20);
        world.gate.run(world.app.poll(id, deadline)).await;
        world.restart();
        for _ in 0..3 {
            world.pass(Duration::hours(2)).await;
        }
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        assert_created(&polled(&world, id).await, &[mail]);
        assert_eq!(world.shown(id).await["valid"], true, "died at {passages}");
    }
}

/// A wait was stored while another process refreshed, whose token was then dropped, and its lease stayed.
#[tokio::test]
async fn a_wait_that_comes_during_a_refresh_is_kept_beside_its_token() {
    let world = World::new(90);
    let id = world.create_outlook().await;
    world.clock.advance(Duration::hours(2));
    let slow = world.another_process_behind(&Gate::slow(200));
    let session = async || world.store.mailbox(id).await.unwrap().unwrap().session;
    let mut tick = std::pin::pin!(slow.tick(id, world.now() + Duration::minutes(5)));
    while !session().await.is_leased(world.now()) {
        assert!(futures_util::poll!(tick.as_mut()).is_pending());
    }
    let before = session().await;
    let until = world.now() + Duration::minutes(10);
    let waits = Session { backoff_until: Some(until), version: before.version + 1, ..before.clone() };
    assert_eq!(world.store.put_session(id, &waits).await.unwrap(), Written::Done);
    assert!(tick.await.is_ok());
    let after = session().await;
    // Whole seconds from when the poll met it.
    let kept = after.backoff_until.unwrap();
    assert!((until..until + Duration::seconds(1)).contains(&kept), "{kept}");
    assert!(!after.is_leased(world.now()));
    assert_ne!(after.access_token_sealed, before.access_token_sealed);
}

/// A new sign-in that was stored while somebody refreshed forgot that. Who had read the session before took the right to refresh
/// as well, both used the same token, and the second one's refusal disconnected the mailbox.
#[tokio::test]
async fn a_new_sign_in_lets_nobody_refresh_beside_another() {
    let mut leased_during_it = 0;
    for leased_at in 0..16 {
        let world = World::new(91);
        world.microsoft.set_rotation(true);
        world.microsoft.set_refuse_reuse(true);
        let id = world.create_outlook().await;
        world.clock.advance(Duration::hours(2));
        polled(&world, id).await;
        // All need another token, and the first one has read that nobody refreshes.
        world.clock.advance(Duration::hours(1));
        world.microsoft.clear_requests();
        let deadline = world.now() + Duration::minutes(5);
        let (early_gate, sign_in_gate) = (Gate::slow(200), Gate::slow(200));
        early_gate.count();
        sign_in_gate.count();
        let early = world.another_process_behind(&early_gate);
        let mut early = std::pin::pin!(early.tick(id, deadline));
        while early_gate.passed() < 2 {
            assert!(futures_util::poll!(early.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let code = world.microsoft.new_code(OUTLOOK_USER);
        let (path, body) = (format!("/instances/{id}"), json!({ "providerData": { "code": code } }));
        let signs_in = world.another_process_behind(&sign_in_gate);
        let mut sign_in = std::pin::pin!(world.patch_on(&signs_in, &path, &body));
        while sign_in_gate.passed() < leased_at {
            assert!(futures_util::poll!(sign_in.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let late = world.another_process_behind(&Gate::slow(200));
        let mut late = std::pin::pin!(late.tick(id, deadline));
        let session = async || world.store.mailbox(id).await.unwrap().unwrap().session;
        while !session().await.is_leased(world.now()) {
            assert!(futures_util::poll!(late.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let version = session().await.version;
        assert_eq!(sign_in.await.status, 200);
        leased_during_it += usize::from(session().await.version > version);
        let asked_before = world.microsoft.token_requests_count();
        let mut early_end = None;
        for _ in 0..5_000 {
            if early_end.is_some() || world.microsoft.token_requests_count() > asked_before {
                break;
            }
            early_end = futures_util::FutureExt::now_or_never(&mut early);
            tokio::task::yield_now().await;
        }
        assert!(late.await.is_ok());
        if early_end.is_none() {
            assert!(early.await.is_ok());
        }
        world.run_until_idle().await;
        let refused = world.microsoft.requests().iter().filter(|line| line.status == 400).count();
        assert_eq!((refused, &world.shown(id).await["valid"]), (0, &json!(true)), "leased at {leased_at}");
    }
    assert!(leased_during_it > 2, "{leased_during_it}");
}

/// A token that the provider no longer takes, ahead of its time, is renewed within the same poll.
#[tokio::test]
async fn a_refused_access_token_is_healed_by_one_refresh() {
    let world = World::new(85);
    let id = world.create_gmail().await;
    for _ in 0..2 {
        world.google.expire_access_tokens(GMAIL_USER);
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        let before = world.google.token_requests_count();
        assert_created(&polled(&world, id).await, &[mail]);
        assert_eq!(world.google.token_requests_count() - before, 1);
    }
    // One 401 out of the blue, though the token is good.
    world.google.push_fault(Fault { on: Route::Get, kind: FaultKind::Unauthorized, times: 1 });
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    assert_eq!(world.shown(id).await["valid"], true);
}

/// So is one of a mailbox whose polling is changed: the change was refused until the next poll had renewed it.
#[tokio::test]
async fn a_change_of_what_is_polled_renews_a_refused_access_token() {
    let world = World::new(87);
    let mail = |url: &str| json!({ "url": url });
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    world.google.expire_access_tokens(GMAIL_USER);
    world.microsoft.expire_access_tokens(OUTLOOK_USER);
    for (id, polled) in [
        (
            gmail,
            json!({ "changed-messages": mail("/hubs/general/changed-messages"), "labels": mail("/hubs/general/labels") }),
        ),
        (
            outlook,
            json!({ "messages": mail("/hubs/general/messages"), "folders": mail("/hubs/general/folders") }),
        ),
    ] {
        let body = json!({ "configuration": { "event.poller.configuration": polled } });
        let reply = world.call("PATCH", &format!("/instances/{id}"), &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(!reply.body.to_string().contains("notRead"), "{}", reply.body);
    }
}

/// A provider that refuses good tokens for a while is down, and no mailbox's fault: within seconds, three polls in a row
/// asked a person to sign in. Only hours of it are a person's business.
#[tokio::test]
async fn only_lasting_refusals_ask_for_a_person() {
    for is_gmail in [true, false] {
        let world = World::new(86);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let refuse = |rate| {
            world.google.set_fault_rate(rate, vec![FaultKind::Unauthorized]);
            world.microsoft.set_fault_rate(rate, vec![FaultKind::Unauthorized]);
        };
        let deliver = || match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        for outage in [Duration::seconds(4), Duration::hours(2), Duration::minutes(230)] {
            refuse(1.0);
            let mail = deliver();
            world.poll(id).await;
            world.pass(outage).await;
            assert_eq!(world.shown(id).await["valid"], true, "after {outage}");
            refuse(0.0);
            world.pass(Duration::minutes(35)).await;
            assert_created(&world.arrived(), &[mail]);
        }
        refuse(1.0);
        world.google.clear_requests();
        world.microsoft.clear_requests();
        world.pass(Duration::hours(6)).await;
        let asked = world.google.requests().len() + world.microsoft.requests().len();
        assert!(asked < 150, "{asked} requests");
        let shown = world.shown(id).await;
        assert_eq!(shown["valid"], json!(false));
        assert!(shown["invalidReason"].as_str().unwrap().contains("sign in"), "{shown}");
        world.google.clear_requests();
        world.microsoft.clear_requests();
        world.pass(Duration::hours(2)).await;
        assert_eq!((world.google.requests(), world.microsoft.requests()), (vec![], vec![]));
    }
}

/// Ten polls at once met a token that had ended early: to each of them the refused token looked like a new one, because
/// another's lease had changed the row, and each of their refusals counted. One refreshes, and one counts.
#[tokio::test]
async fn refusals_count_once_whatever_the_number_of_processes() {
    for is_gmail in [true, false] {
        let world = World::new(87);
        world.google.set_in_flight_max(100);
        world.microsoft.set_in_flight_max(100);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let apps: Vec<_> = (0..10).map(|_| world.another_process()).collect();
        let tokens = || world.google.token_requests_count() + world.microsoft.token_requests_count();
        let session = async || world.store.mailbox(id).await.unwrap().unwrap().session;
        // The token alone: one refresh heals it for all of them.
        world.google.expire_access_tokens(GMAIL_USER);
        world.microsoft.expire_access_tokens(OUTLOOK_USER);
        let before = tokens();
        let deadline = world.now() + Duration::minutes(5);
        let ticks = futures_util::future::join_all(apps.iter().map(|app| app.tick(id, deadline)));
        assert!(ticks.await.iter().all(Result::is_ok));
        assert_eq!((tokens() - before, session().await.refused), (1, 0));
        world.run_until_idle().await;
        // And a provider that takes none: whoever holds the mailbox counts.
        world.google.set_fault_rate(1.0, vec![FaultKind::Unauthorized]);
        world.microsoft.set_fault_rate(1.0, vec![FaultKind::Unauthorized]);
        let deadline = world.now() + Duration::minutes(5);
        let ticks = futures_util::future::join_all(apps.iter().map(|app| app.tick(id, deadline)));
        assert!(ticks.await.iter().all(Result::is_ok));
        assert_eq!(session().await.refused, 1, "gmail: {is_gmail}");
        world.google.clear_faults();
        world.microsoft.clear_faults();
        world.pass(Duration::minutes(31)).await;
        assert_eq!((&world.shown(id).await["valid"], session().await.refused), (&json!(true), 0));
    }
}

/// The owner changes another secret between the refresh and the write of the rotated token, which was then dropped: the
/// provider takes the old one no more.
#[tokio::test]
async fn a_rotated_token_is_kept_though_another_secret_changes() {
    let world = World::new(88);
    world.microsoft.set_rotation(true);
    world.microsoft.set_refuse_reuse(true);
    let id = world.create_outlook().await;
    world.clock.advance(Duration::hours(2));
    world.microsoft.clear_requests();
    let poller = world.another_process_behind(&Gate::slow(200));
    let deadline = world.now() + Duration::minutes(5);
    let mut poll = std::pin::pin!(poller.tick(id, deadline));
    while world.microsoft.requests().is_empty() {
        assert!(futures_util::poll!(poll.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    let patch = json!({ "configuration": { "event.notification.signature.key": "another-signature-key" } });
    world.patch(id, &patch).await;
    assert!(poll.await.is_ok());
    for _ in 0..3 {
        world.pass(Duration::hours(2)).await;
    }
    let shown = world.shown(id).await;
    assert_eq!((&shown["valid"], shown.get("invalidReason")), (&json!(true), None));
    assert_eq!(world.microsoft.requests().iter().filter(|line| line.status == 400).count(), 0);
}

/// A client of a read that goes away while the token is refreshed takes nothing along.
#[tokio::test]
async fn a_refresh_goes_on_when_the_client_goes_away() {
    let world = World::new(89);
    world.microsoft.set_rotation(true);
    world.microsoft.set_refuse_reuse(true);
    let id = world.create_outlook().await;
    let own = format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap());
    world.clock.advance(Duration::hours(2));
    world.microsoft.clear_requests();
    {
        let mut read = std::pin::pin!(world.call_as(&own, "GET", "/hubs/general/messages", ""));
        while world.microsoft.requests().is_empty() {
            assert!(futures_util::poll!(read.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.call_as(&own, "GET", "/hubs/general/messages", "").await.status, 200);
    world.pass(Duration::hours(3)).await;
    assert_eq!(world.shown(id).await["valid"], true);
    assert_eq!(world.microsoft.requests().iter().filter(|line| line.status == 400).count(), 0);
}
