//! What happens to the cloud: mail, weather, and people who call the interface.

use super::super::faults;
use super::process::Weather;
use super::profile::Profile;
use super::{Ask, Cloud, POLL_LIMIT_S};
use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, gmail_body, outlook_body};
use domain::ids::InstanceId;
use doubles::{FaultKind, Route};
use serde_json::{Value, json};

/// The account of an instance that comes and goes.
pub(super) const GUEST: &str = "guest@example.com";
/// Things that happen.
const SCENES_COUNT: usize = 40;

/// The instances.
#[derive(Clone, Copy)]
pub(super) struct Cast {
    pub(super) gmail: InstanceId,
    pub(super) outlook: InstanceId,
    pub(super) guest: InstanceId,
}

impl Cloud {
    /// From beginning to end.
    pub(in super::super) async fn run(mut self) {
        self.world.google.set_token_lifetime_s(900);
        self.world.microsoft.set_token_lifetime_s(900);
        // From the beginning: nobody has to know that a provider takes back what it promised.
        self.world.microsoft.set_refuse_reuse(self.profile == Profile::Rotating);
        self.world.google.add_account(GUEST);
        self.traffic.before(&self.world, &mut self.random);
        self.set_push_up();
        let gmail = self.pushed(gmail_body(&self.world.google.new_code(GMAIL_USER)), true);
        let gmail = self.create(gmail).await;
        let outlook = self.pushed(outlook_body(&self.world.microsoft.new_code(OUTLOOK_USER)), false);
        let outlook = self.create(outlook).await;
        let guest = self.pushed(gmail_body(&self.world.google.new_code(GUEST)), true);
        let cast = Cast { gmail, outlook, guest: self.create(guest).await };
        self.set_stranger_up().await;
        self.world.microsoft.set_lag(0, self.random.i64(1..60_000_000));
        let (longest_us, is_ordered) = (self.random.i64(1..120_000_000), self.random.bool());
        self.world.google.set_history_lag(0, longest_us, is_ordered);
        self.begin_push().await;
        self.weather();
        for _ in 0..SCENES_COUNT {
            match self.profile.takes_turn(&mut self.random) {
                true => self.scene_of_profile(&cast),
                false => self.scene(&cast),
            }
            self.scene_of_push(&cast);
            let seconds = self.random.i64(0..self.profile.scene_s_max());
            self.run_for(seconds).await;
            self.look(&cast);
        }
        self.calm_down();
        self.check_polled_again(&cast).await;
        self.check_as_operator().await;
        self.finale(&cast).await;
        self.bulks(&cast).await;
        self.health(&cast).await;
        self.end(&cast).await;
        self.end_push(&cast).await;
        self.come_to_rest().await;
        self.check_as_operator().await;
    }

    /// A poll that was under way just now gives its lease back.
    async fn come_to_rest(&mut self) {
        for _ in 0..POLL_LIMIT_S {
            if self.running.is_empty() {
                return;
            }
            self.run_for(1).await;
        }
    }

    /// What must be answered well in good weather.
    pub(super) async fn create(&mut self, body: Value) -> InstanceId {
        self.call("create", "POST", "/instances", body, None);
        self.run_for(5).await;
        let (ask, status, body) = self.answers.pop().unwrap();
        assert_eq!((ask.what, status), ("create", 200), "{body}");
        let id = InstanceId::parse(&body["id"].to_string()).unwrap();
        self.tokens.insert(id, body["token"].as_str().unwrap().to_owned());
        id
    }

    pub(super) fn call(
        &mut self,
        what: &'static str,
        method: &'static str,
        path: impl Into<String>,
        body: Value,
        instance: Option<InstanceId>,
    ) {
        let ask = self.asked(what, method, path, body, instance);
        self.start(super::Function::Api, super::Work::Call(ask));
    }

    /// A call as a client makes it.
    pub(super) fn asked(
        &self,
        what: &'static str,
        method: &'static str,
        path: impl Into<String>,
        body: Value,
        instance: Option<InstanceId>,
    ) -> Ask {
        let path = path.into();
        let authorization = match instance.and_then(|id| self.tokens.get(&id)) {
            Some(token) if path.starts_with("/hubs/") => format!("User world-user, Element {token}"),
            _ => AUTHORIZATION.to_owned(),
        };
        Ask { what, method, path, body, instance, authorization, edit: None }
    }

    /// One thing that happens.
    fn scene(&mut self, cast: &Cast) {
        match self.random.u8(0..30) {
            0..=8 => self.traffic.happen(&self.world, &mut self.random),
            9..=11 => self.weather(),
            12 | 13 => self.sky(),
            14 => match self.random.bool() {
                true => self.world.google.expire_access_tokens(GMAIL_USER),
                false => self.world.microsoft.expire_access_tokens(OUTLOOK_USER),
            },
            15 if self.random.u8(..) < 40 => self.traffic.burst(&self.world, &mut self.random),
            16..=18 => self.crowd(cast),
            _ => {
                for _ in 0..self.random.usize(1..4) {
                    self.ask(cast);
                }
            }
        }
    }

    /// Many want the same mailbox polled, and read, at once.
    pub(super) fn crowd(&mut self, cast: &Cast) {
        let id = if self.random.bool() { cast.gmail } else { cast.outlook };
        self.crowd_of(id);
    }

    pub(super) fn crowd_of(&mut self, id: InstanceId) {
        self.traffic.happen(&self.world, &mut self.random);
        if self.random.bool() {
            self.world.google.expire_access_tokens(GMAIL_USER);
            self.world.microsoft.expire_access_tokens(OUTLOOK_USER);
        }
        for _ in 0..self.random.usize(2..7) {
            match self.random.u8(0..4) {
                0 => self.call("read", "GET", "/hubs/general/messages", Value::Null, Some(id)),
                _ => self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id)),
            }
        }
    }

    /// The cloud's own weather.
    fn weather(&mut self) {
        if let Some(weather) = self.profile.weather() {
            *self.shared.weather.lock().unwrap() = weather;
            return;
        }
        let strength = if self.random.u8(..) < 60 { 0 } else { self.random.u32(4..50) };
        let part = |random: &mut fastrand::Rng, of: u32| random.u32(0..=strength * of / 10);
        let random = &mut self.random;
        let weather = Weather {
            fails: part(random, 10),
            loses_answer: part(random, 10),
            repeats: part(random, 5),
            stalls: part(random, 4),
            kills: part(random, 100),
            slow: part(random, 60),
            ..Weather::default()
        };
        *self.shared.weather.lock().unwrap() = weather;
    }

    /// The providers' and the receiver's.
    fn sky(&mut self) {
        if self.profile == Profile::Rotating {
            return;
        }
        let rate = if self.random.u8(..) < 80 { 0.0 } else { self.random.f64() * 0.3 };
        let kinds = faults::kinds(&mut self.random);
        self.world.providers.set_fault_rate(rate, &kinds);
        // Now and then only messages can't be read, while their list can.
        if self.random.u8(..) < 60 {
            let kinds = vec![FaultKind::ServerError { status: 503 }];
            self.world.google.set_fault_rate_on(Route::Get, 0.4, kinds);
        }
        let failing = if self.random.u8(..) < 100 { self.random.f64() * 0.6 } else { 0.0 };
        self.world.receiver.set_failure_rate(failing, self.random.u64(..));
    }

    /// Somebody calls the interface.
    fn ask(&mut self, cast: &Cast) {
        let id = match self.random.u8(0..5) {
            0 | 1 => cast.gmail,
            2 | 3 => cast.outlook,
            _ => cast.guest,
        };
        let of = |rest: &str| format!("/instances/{id}{rest}");
        match self.random.u8(0..17) {
            0 => self.call("disable", "DELETE", of("/enabled"), Value::Null, Some(id)),
            1 | 2 => self.call("enable", "PUT", of("/enabled"), Value::Null, Some(id)),
            3 => {
                let note = self.random.u32(..).to_string();
                let body = json!({ "configuration": { "custom.api.password": note } });
                self.call("patch", "PATCH", of(""), body, Some(id));
            }
            4 => {
                let path = format!("{}?{}", crate::world::CALLBACK, self.random.u8(..));
                let body = json!({ "configuration": { "event.notification.callback.url": path } });
                self.call("patch", "PATCH", of(""), body, Some(id));
            }
            5 => self.call("resume", "POST", of("/resume"), Value::Null, Some(id)),
            6 => self.call("release", "PUT", RELEASE, Value::Null, None),
            7 if id == cast.guest => self.call("delete", "DELETE", of(""), Value::Null, Some(id)),
            8 | 9 => self.call("read", "GET", "/hubs/general/messages", Value::Null, Some(id)),
            10 => self.call("shown", "GET", of(""), Value::Null, None),
            11 if id != cast.guest => {
                self.poll_otherwise(cast, id);
                self.make(cast, id);
            }
            _ => self.call("poll", "POST", of("/poll"), Value::Null, Some(id)),
        }
    }

    /// The faults end.
    pub(super) fn calm_down(&mut self) {
        *self.shared.weather.lock().unwrap() = Weather::default();
        self.shared.queues.calm(true);
        self.world.providers.clear_faults();
        self.world.providers.clear_mishaps();
        self.world.receiver.set_failure_rate(0.0, 0);
        self.world.receiver.set_default(200);
    }
}

/// Whatever is queued is delivered.
pub(super) const RELEASE: &str =
    "/notifications/subscriptions/deliveries?where=channel%3D'webhook'%20and%20status%3D'queued'";
