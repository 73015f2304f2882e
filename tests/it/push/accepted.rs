//! A notice gets the same answer in time, also where something of ours fails: the hint may be lost, and the timetable finds
//! what it spoke of.

use super::gmail::signed;
use super::lossy::HeldHttp;
use super::{forget_requests, polls, post, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, OutageEffect, World, methods};
use app::Ports;
use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::application::Application;
use domain::bulk::{Bulk, BulkId};
use domain::delivery::Subscription;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, AddressKey, Instance};
use domain::push::{Hints, PushKey, PushState};
use domain::sign_in_link::{LinkKey, StoredLink};
use domain::token::Session;
use doubles::{Mail, Way};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Less than a held answer takes, and far more than answers that are given up in time, on a busy machine too.
const HELD: std::time::Duration = std::time::Duration::from_secs(15);

/// What a method of a store does instead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instead {
    Fails,
    /// Until it is let go.
    Hangs,
}

/// A store of which one method can be out.
struct BrokenStore {
    inner: Arc<dyn Store>,
    method: &'static str,
    instead: Instead,
    is_out: AtomicBool,
    goes_on: Notify,
}

impl BrokenStore {
    fn before(world: &mut World, method: &'static str, instead: Instead) -> Arc<Self> {
        let mut made = None;
        world.app = world.another_process_around(|ports| {
            let inner = ports.store.clone();
            let (is_out, goes_on) = Default::default();
            let store = Arc::new(BrokenStore { inner, method, instead, is_out, goes_on });
            made = Some(store.clone());
            Ports { store, ..ports }
        });
        world.providers.set_way(&Way::router(world.app.router()));
        made.unwrap()
    }

    fn set_out(&self, is_out: bool) {
        self.is_out.store(is_out, Ordering::SeqCst);
        self.goes_on.notify_waiters();
    }

    async fn before_call(&self, method: &str) -> Result<()> {
        if method != self.method || !self.is_out.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.instead {
            Instead::Fails => Err(PortError::new("a store", "told to fail")),
            Instead::Hangs => {
                self.goes_on.notified().await;
                Ok(())
            }
        }
    }
}

macro_rules! broken {
    ($broken:ident, $port:ident, { $(async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)* }) => {
        #[async_trait]
        impl $port for $broken {
            $(async fn $name(&self, $($arg: $type),*) -> $result {
                self.before_call(stringify!($name)).await?;
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

methods!(Store, broken, BrokenStore);

/// A notice as the provider would send it.
fn notice(world: &World) -> Value {
    let known = &world.microsoft.subscriptions_of(OUTLOOK_USER)[0];
    json!({ "subscriptionId": known["id"], "clientState": known["clientState"], "changeType": "updated" })
}

async fn assert_accepted(world: &World, path: &str, authorization: Option<&str>, body: &str) {
    let reply = post(world, path, authorization, body).await;
    assert_eq!((reply.status, reply.body), (202, json!("")), "{path}");
    let strangers = post(world, path, None, "{}").await;
    assert!(reply.headers.keys().eq(strangers.headers.keys()), "{:?}", reply.headers);
}

/// The store can't be read, or the queue takes nothing: the same answer, and the timetable finds the mail.
#[tokio::test]
async fn a_notice_is_accepted_while_the_store_or_the_queue_fails() {
    let mut world = World::reachable(121);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let store = BrokenStore::before(&mut world, "push_state", Instead::Fails);
    let body = json!({ "value": [notice(&world)] }).to_string();
    store.set_out(true);
    assert_accepted(&world, "/push/outlookemail", None, &body).await;
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::seconds(5)).await;
    store.set_out(false);
    world.queue.begin(OutageEffect::Before, 0);
    assert_accepted(&world, "/push/outlookemail", None, &body).await;
    world.queue.end();
    assert_created(&world.arrived(), &[]);
    world.pass(Duration::minutes(61)).await;
    assert_created(&world.arrived(), &sent);
}

/// A signed one, too.
#[tokio::test]
async fn a_signed_notice_is_accepted_while_the_store_fails() {
    let (mut world, _) = signed(122).await;
    let store = BrokenStore::before(&mut world, "push_state", Instead::Fails);
    store.set_out(true);
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(5)).await;
    assert_eq!(world.google.backlog_count(super::gmail::PUSH), 0, "it was accepted");
    store.set_out(false);
    world.pass(Duration::minutes(61)).await;
    assert_created(&world.arrived(), &sent);
}

/// What can't be noted leads to a poll by the queue; a storm of it to a handful.
#[tokio::test]
async fn a_hint_that_cannot_be_noted_rings_all_the_same() {
    let mut world = World::reachable(123);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let store = BrokenStore::before(&mut world, "put_hints", Instead::Fails);
    store.set_out(true);
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
    world.pass(Duration::minutes(2)).await;
    forget_requests(&world);
    let body = json!({ "value": vec![notice(&world); 100] }).to_string();
    for _ in 0..100 {
        assert_accepted(&world, "/push/outlookemail", None, &body).await;
        world.pass(Duration::milliseconds(10)).await;
    }
    world.pass(Duration::minutes(2)).await;
    assert!((1..=8).contains(&polls(&world)), "{} polls", polls(&world));
}

/// The answer does not wait for a store that hangs; what it was to do is done once that goes on.
#[tokio::test]
async fn a_notice_is_answered_in_time_and_its_work_goes_on() {
    let mut world = World::reachable(124);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let store = BrokenStore::before(&mut world, "push_state", Instead::Hangs);
    let body = json!({ "value": [notice(&world)] }).to_string();
    store.set_out(true);
    let began = std::time::Instant::now();
    assert_accepted(&world, "/push/outlookemail", None, &body).await;
    assert!(began.elapsed() < HELD, "{:?}", began.elapsed());
    forget_requests(&world);
    store.set_out(false);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.pass(Duration::seconds(1)).await;
    assert_eq!(polls(&world), 1);
}

/// Keys that never come hold no answer, and are asked for once, whoever waits for them.
#[tokio::test]
async fn keys_that_never_come_hold_no_answer() {
    let mut world = World::reachable(125);
    let _held = HeldHttp::before(&mut world, "/oauth2/v3/certs");
    let body =
        json!({ "message": { "data": "eyJlbWFpbEFkZHJlc3MiOiJhIiwiaGlzdG9yeUlkIjoxfQ==" } }).to_string();
    let began = std::time::Instant::now();
    let all = (0..50).map(|_| assert_accepted(&world, "/push/gmail", Some("Bearer a.b.c"), &body));
    futures_util::future::join_all(all).await;
    assert!(began.elapsed() < HELD, "{:?}", began.elapsed());
    let asked = world.google.requests().iter().filter(|line| line.target.contains("/certs")).count();
    assert_eq!(asked, 1);
}

/// Keys of the day go on serving while new ones can't be had, and no longer than a day.
#[tokio::test]
async fn known_keys_serve_while_new_ones_cannot_be_had() {
    let (world, _) = signed(126).await;
    let first = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &first);
    world.pass(Duration::hours(7)).await;
    world.wire.answer_with("/oauth2/v3/certs", "not keys".to_owned());
    let more = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_eq!(world.wire.canned_count(), 1, "they were asked for");
    assert_created(&world.arrived(), &more);
    world.pass(Duration::hours(25)).await;
    let last = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &[]);
    world.pass(Duration::minutes(61)).await;
    assert_created(&world.arrived(), &last);
}
