//! Push in the cloud: each request with notices has a process for itself, mishaps befall the notices, and watches are
//! stolen and removed. Whatever comes of it, polls tell what changed; and once the faults have ended push is mended.

use super::checks::Rule;
use super::script::Cast;
use super::turns::Hand;
use super::{Cloud, Function, RETRY_DELAYS, S, Work};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, outlook_body};
use app::ports::Instances as _;
use axum::Router;
use bytes::Bytes;
use domain::ids::InstanceId;
use domain::push::PushState;
use doubles::{Mishap, Providers, Way};
use http::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

const ORIGIN: &str = "https://carillon.test";
const TOPIC: &str = "projects/double-project/topics/mail";
const OTHER_TOPIC: &str = "projects/double-project/topics/other";
const SUBSCRIPTION: &str = "projects/double-project/subscriptions/push";
const ADDRESS: &str = "https://carillon.test/push/gmail";
const ACCOUNT: &str = "pusher@double-project.iam.gserviceaccount.com";
/// A mailbox that two instances share, and nothing happens in.
const SHARED_USER: &str = "shared@example.com";
/// What goes wrong with notices, by its probability.
const MISHAPS: [(Mishap, f64); 5] = [
    (Mishap::Dropped, 0.2),
    (Mishap::Doubled, 0.2),
    (Mishap::Late { us: 60 * S }, 0.1),
    (Mishap::Overtaken, 0.1),
    (Mishap::Replayed, 0.05),
];
/// Until every watch that is lost without a word is missed: what is renewed is missed then.
const MISSED_H: usize = 25;
/// For members to leave, and for what they were the last of to end.
const LEAVE_S: i64 = 300;
/// Graph keeps no subscription longer, days.
const LEFT_DAYS: i64 = 7;

/// A request with notices, and who waits for its answer.
pub(super) struct Arrival {
    pub(super) request: Request<Bytes>,
    answer: oneshot::Sender<Response<Bytes>>,
}

impl Arrival {
    pub(super) fn answered(self, response: Response<Bytes>) {
        // A provider may have lost patience.
        drop(self.answer.send(response));
    }
}

/// What a seed has of push.
#[derive(Default)]
pub(super) struct Push {
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    /// Requests that providers wait for.
    rings: Vec<Hand<bool>>,
    /// Two that share a mailbox.
    twins: Vec<InstanceId>,
    /// Watches may end without a word, so that a day has to pass until they are missed.
    is_silent: bool,
}

/// Whether a seed has push: one of eight has, of each profile.
pub(super) fn is_pushed(seed: u64) -> bool {
    seed % 8 == 1
}

/// A world with an address to push to, where it has push.
pub(super) fn world(seed: u64) -> World {
    match is_pushed(seed) {
        true => World::with_variables(
            seed,
            &[("CARILLON_RETRY_DELAYS", RETRY_DELAYS), ("CARILLON_PUBLIC_URL", ORIGIN)],
        ),
        false => World::with_retry_delays(seed, RETRY_DELAYS),
    }
}

/// What an instance asks for.
fn wanted(is_gmail: bool) -> Value {
    let more = json!({ "event.vendor.push.topic": TOPIC, "event.vendor.push.account": ACCOUNT });
    let mut items = if is_gmail { more } else { json!({}) };
    items["event.vendor.type"] = json!("webhooks");
    items
}

impl Push {
    pub(super) fn new(seed: u64, world: &World) -> Self {
        let push = Push { is_silent: seed % 32 == 1, ..Push::default() };
        if is_pushed(seed) {
            world.providers.set_way(&way(world.app.router(), &push.arrivals));
        }
        push
    }

    /// Providers send what is due.
    fn send(&mut self, providers: &Providers, now_us: i64) -> Vec<Arrival> {
        while providers.next_notice_us().is_some_and(|at_us| at_us <= now_us) {
            let theirs = providers.clone();
            let mut ring = Hand::new(async move { theirs.send_notice().await });
            // It may be over: what was due may be of a subscription that is gone.
            if ring.go_on().is_none() {
                self.rings.push(ring);
            }
        }
        std::mem::take(&mut *self.arrivals.lock().unwrap())
    }

    /// Providers take answers.
    pub(super) fn go_on(&mut self) {
        self.rings.retain_mut(|ring| !ring.is_woken() || ring.go_on().is_none());
    }
}

/// Handshakes are answered while a subscription is made; notices are another invocation's.
fn way(router: Router, arrivals: &Arc<Mutex<Vec<Arrival>>>) -> Way {
    let handshakes = Arc::new(Mutex::new(router));
    let arrivals = arrivals.clone();
    Way::new(move |request: Request<Bytes>| {
        let is_handshake = request.uri().query().is_some_and(|query| query.contains("validationToken"));
        let router = handshakes.lock().unwrap().clone();
        let (answer, answered) = oneshot::channel();
        if !is_handshake {
            arrivals.lock().unwrap().push(Arrival { request: request.clone(), answer });
        }
        async move {
            match is_handshake {
                true => Some(super::answer(router, request).await),
                false => answered.await.ok(),
            }
        }
    })
}

impl Cloud {
    pub(super) fn ring(&mut self) {
        let now_us = self.now_us();
        for arrival in self.push.send(&self.world.providers, now_us) {
            self.start(Function::Api, Work::Notice(arrival));
        }
    }

    /// The same with push on, where the seed has it.
    pub(super) fn pushed(&self, mut body: Value, is_gmail: bool) -> Value {
        if self.shared.is_pushed {
            let items = body["configuration"].as_object_mut().unwrap();
            items.extend(wanted(is_gmail).as_object().unwrap().clone());
        }
        body
    }

    /// Before there is anybody.
    pub(super) fn set_push_up(&mut self) {
        if !self.shared.is_pushed {
            return;
        }
        let google = &self.world.google;
        google.add_topic(TOPIC);
        google.add_topic(OTHER_TOPIC);
        google.add_push_subscription(SUBSCRIPTION, TOPIC, ADDRESS, ACCOUNT, ADDRESS);
        self.world.microsoft.add_account(SHARED_USER);
    }

    /// Faults begin.
    pub(super) async fn begin_push(&mut self) {
        if !self.shared.is_pushed {
            return;
        }
        for _ in 0..2 {
            let body = outlook_body(&self.world.microsoft.new_code(SHARED_USER));
            let id = self.create(self.pushed(body, false)).await;
            self.push.twins.push(id);
        }
        for (mishap, probability) in MISHAPS {
            self.world.providers.set_mishap_rate(mishap, probability);
        }
        // Three seconds late throughout, or anything up to that, so that later changes show first.
        let least_us = if self.random.bool() { 3 * S } else { 0 };
        self.world.google.set_history_lag(least_us, 3 * S, false);
    }

    /// Something happens to push.
    pub(super) fn scene_of_push(&mut self, cast: &Cast) {
        if !self.shared.is_pushed || self.random.u8(0..4) > 0 {
            return;
        }
        let user = if self.random.bool() { OUTLOOK_USER } else { SHARED_USER };
        let is_silent = self.push.is_silent;
        match self.random.u8(0..9) {
            0 => self.world.google.rotate_keys(),
            1 => self.world.google.refuse_watches(1),
            2 => self.world.microsoft.tell_subscriptions(user, "reauthorizationRequired"),
            3 => self.world.microsoft.tell_subscriptions(user, "missed"),
            4 => self.world.microsoft.remove_subscriptions(user, !is_silent || self.random.bool()),
            5 if is_silent => {
                let topic = Some(OTHER_TOPIC).filter(|_| self.random.bool());
                self.world.google.steal_watch(GMAIL_USER, topic);
            }
            _ => self.come_and_go(cast),
        }
    }

    /// An owner wants no push, or is away for a while.
    fn come_and_go(&mut self, cast: &Cast) {
        let members = self.members(cast);
        let id = members[self.random.usize(0..members.len())];
        let path = format!("/instances/{id}");
        let (off, on) = match self.random.bool() {
            true => {
                let of = |kind: &str| json!({ "configuration": { "event.vendor.type": kind } });
                let off = self.asked("patch", "PATCH", path.as_str(), of("polling"), Some(id));
                (off, self.asked("patch", "PATCH", path, of("webhooks"), Some(id)))
            }
            false => {
                let path = format!("{path}/enabled");
                let off = self.asked("disable", "DELETE", path.as_str(), Value::Null, Some(id));
                (off, self.asked("enable", "PUT", path, Value::Null, Some(id)))
            }
        };
        self.start(Function::Api, Work::Call(off));
        self.later.push((self.now_us() + self.random.i64(0..60 * S), on));
    }

    fn members(&self, cast: &Cast) -> Vec<InstanceId> {
        [cast.gmail, cast.outlook, cast.guest].into_iter().chain(self.push.twins.iter().copied()).collect()
    }

    /// Owners want push; then all have it, and when nobody needs it any more nothing is left of it.
    pub(super) async fn end_push(&mut self, cast: &Cast) {
        if !self.shared.is_pushed {
            return;
        }
        for id in self.members(cast) {
            let configuration = wanted(id == cast.gmail || id == cast.guest);
            let body = json!({ "configuration": configuration });
            self.call("patch", "PATCH", format!("/instances/{id}"), body, Some(id));
            self.run_for(10).await;
            self.call("enable", "PUT", format!("/instances/{id}/enabled"), Value::Null, Some(id));
        }
        self.run_for(60).await;
        let mut without = self.without_push(cast).await;
        for _ in 0..MISSED_H {
            if without.is_empty() {
                break;
            }
            self.run_for(60 * 60).await;
            without = self.without_push(cast).await;
        }
        self.must(Rule::PushMended, without.is_empty(), || format!("{without:?} have no push after a day"));
        self.check_members().await;
        self.leave_push(cast).await;
    }

    /// Nobody wants it any more, each in another way.
    async fn leave_push(&mut self, cast: &Cast) {
        let states = self.push_states().await;
        let watches = states.iter().flat_map(|state| &state.watched).filter_map(|one| one.watch.as_ref());
        let named: Vec<String> = watches.map(|watch| watch.state.to_string()).collect();
        let has_guest = self.is_on(cast.guest).await;
        for id in self.members(cast) {
            let path = format!("/instances/{id}");
            match self.random.u8(0..3) {
                0 if id != cast.gmail && id != cast.outlook => {
                    self.call("delete", "DELETE", path, Value::Null, Some(id));
                }
                1 => {
                    let body = json!({ "configuration": { "event.vendor.type": "polling" } });
                    self.call("patch", "PATCH", path, body, Some(id));
                }
                _ => self.call("disable", "DELETE", format!("{path}/enabled"), Value::Null, Some(id)),
            }
        }
        self.run_for(LEAVE_S).await;
        self.look(cast);
        self.check_members().await;
        let states = self.push_states().await;
        self.must(Rule::PushEnds, states.is_empty(), || format!("nobody needs {states:?}"));
        let left = self.subscriptions();
        let is_named =
            |one: &&Value| named.iter().any(|state| state.contains(one["id"].as_str().unwrap_or("?")));
        let known: Vec<&Value> = left.iter().filter(is_named).collect();
        self.must(Rule::PushEnds, known.is_empty(), || format!("nobody needs {known:?}"));
        // One that nobody knows of was made or ended amid faults.
        let latest = self.world.now() + chrono::Duration::days(LEFT_DAYS);
        let ends = |one: &Value| {
            let until = one["expirationDateTime"].as_str().and_then(|text| text.parse().ok());
            until.is_some_and(|until: chrono::DateTime<chrono::Utc>| until <= latest)
        };
        self.must(Rule::PushEnds, left.iter().all(ends), || format!("{left:?} never end"));
        let of = |user| self.world.google.watch_of(user).map(|(_, until_us)| until_us);
        let (own, guests) = (of(GMAIL_USER), of(super::script::GUEST));
        self.must(Rule::PushEnds, own.is_none(), || format!("nobody needs the watch until {own:?}"));
        // A guest may have gone amid faults.
        let is_over = guests.is_none_or(|until_us| !has_guest && until_us <= latest.timestamp_micros());
        self.must(Rule::PushEnds, is_over, || {
            format!(
                "nobody needs the guest's watch until {guests:?}; it was there: {has_guest}; latest: {latest}"
            )
        });
    }

    fn subscriptions(&self) -> Vec<Value> {
        let of = |user| self.world.microsoft.subscriptions_of(user);
        [OUTLOOK_USER, SHARED_USER].into_iter().flat_map(of).collect()
    }

    async fn push_states(&self) -> Vec<PushState> {
        let rows = self.world.rows();
        let read = rows.read("read push states", |conn| {
            let mut all = conn.prepare("SELECT document FROM push_states ORDER BY key")?;
            let rows = all.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        });
        read.await.unwrap().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// Whether it is there to be polled.
    async fn is_on(&self, id: InstanceId) -> bool {
        let instance = self.world.store.instance(id).await.unwrap();
        instance.is_some_and(|one| one.deleted_at.is_none() && !one.disabled && one.is_valid())
    }

    /// Who would have push by now, and does not: neither as its row says, nor as the provider knows.
    async fn without_push(&self, cast: &Cast) -> BTreeSet<InstanceId> {
        let (states, now) = (self.push_states().await, self.world.now());
        let mut without = BTreeSet::new();
        for id in self.members(cast) {
            let is_active = states.iter().any(|state| {
                state.members.get(&id).is_some_and(|member| {
                    member.targets.iter().all(|target| {
                        let watched = state.watched(&member.application, &target.name);
                        watched.is_some_and(|watched| watched.is_active(now))
                    })
                })
            });
            let is_watched = match id {
                _ if id == cast.gmail || id == cast.guest => {
                    let user = if id == cast.gmail { GMAIL_USER } else { super::script::GUEST };
                    self.world.google.watch_of(user).is_some_and(|(topic, _)| topic == TOPIC)
                }
                _ => {
                    let user = if id == cast.outlook { OUTLOOK_USER } else { SHARED_USER };
                    !self.world.microsoft.subscriptions_of(user).is_empty()
                }
            };
            if self.is_on(id).await && !(is_active && is_watched) {
                without.insert(id);
            }
        }
        without
    }

    /// Nobody is a member who is gone or away.
    async fn check_members(&mut self) {
        for state in self.push_states().await {
            for id in state.members.keys() {
                let is_on = self.is_on(*id).await;
                self.must(Rule::PushMembers, is_on, || format!("{id} is off and is still a member"));
            }
        }
    }
}
