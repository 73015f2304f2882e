//! What becomes of connections, amid deaths, lost answers, jobs that come late and twice, and workers that hang. Whatever
//! happens, each transition is told once, by one id with the same bytes; nothing else is told, not of the address that is told
//! either; and that address holds up nothing.

use super::Cloud;
use super::checks::Rule;
use super::process::Weather;
use super::script::{Cast, RELEASE};
use crate::world::gmail_body;
use app::ports::{Instances as _, Releases as _};
use domain::delivery::SubscriptionStatus;
use domain::ids::InstanceId;
use doubles::{FaultKind, Mail, Received};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One of so many seeds tells of health, and which.
const SEEDS: (u64, u64) = (9, 4);
/// Mailboxes that things happen to.
const PATIENTS_COUNT: usize = 4;
const ROUNDS_COUNT: usize = 2;
/// How long the storm of a transition lasts, a scene at a time, seconds.
const SCENES_COUNT: usize = 3;
const SCENE_S_MAX: i64 = 40;
/// Until all is told, seconds: a letter waits for its minute, a job that was cut off for six more, and what a death left for
/// the next poll of the timetable.
const TOLD_S: i64 = 25 * 60;
/// The same of what is told after three intervals of failures, and ends after a back-off.
const FAILING_S: i64 = 2 * 3600;
/// Longer than a claim of a letter.
const HANGS_S: i64 = 120;
/// Calls of a transition that another worker may overtake.
const CALLS: [&str; 7] = [
    "change_instance",
    "change_health_row",
    "health_row",
    "health_rows",
    "insert_health_row",
    "note_settled",
    "send",
];
/// Where letters go.
pub(in super::super) const HEALTH_PATH: &str = "/health";

/// Whether health events are part of a seed.
pub(super) fn are_part_of(seed: u64) -> bool {
    seed % SEEDS.0 == SEEDS.1
}

/// What happens to a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ailment {
    /// Nothing.
    None,
    /// Its owner withdraws the grant, and signs in again.
    Revoked,
    /// Its callback takes nothing for a while.
    Refused,
    /// Its position is lost.
    Expired,
    /// The provider fails it.
    Failing,
}

impl Ailment {
    const QUICK: [Ailment; 4] = [Ailment::None, Ailment::Revoked, Ailment::Refused, Ailment::Expired];
    /// A mailbox that needed a sign-in for as long fails as soon as one read after it does.
    const LONG: [Ailment; 4] = [Ailment::None, Ailment::Failing, Ailment::Refused, Ailment::Expired];

    /// What is told when it begins, and when it is over.
    fn told(self) -> [Option<&'static str>; 2] {
        match self {
            Ailment::None => [None, None],
            Ailment::Revoked => [Some("mailbox.needs_sign_in"), Some("mailbox.recovered")],
            Ailment::Refused => [Some("callback.suspended"), Some("callback.resumed")],
            Ailment::Expired => [Some("mailbox.gap"), None],
            Ailment::Failing => [Some("mailbox.failing"), Some("mailbox.recovered")],
        }
    }
}

/// A mailbox that things happen to.
struct Patient {
    id: InstanceId,
    user: String,
    callback: String,
    ailment: Ailment,
}

/// By type and instance.
type LetterCounts = BTreeMap<(String, u64), usize>;

/// What came to the health address.
#[derive(Default)]
pub(super) struct Letters {
    /// By id: the exact body.
    bodies: BTreeMap<String, Vec<u8>>,
    /// What must have come by now.
    expected: LetterCounts,
}

impl Letters {
    /// How many letters name each.
    fn told(&self) -> LetterCounts {
        let mut told = LetterCounts::new();
        for body in self.bodies.values() {
            let body: Value = serde_json::from_slice(body).unwrap();
            let data = &body["data"];
            let named = data["instanceIds"].as_array().cloned().unwrap_or(vec![data["instanceId"].clone()]);
            for id in named {
                let key = (body["type"].as_str().unwrap().to_owned(), id.as_u64().unwrap());
                *told.entry(key).or_default() += 1;
            }
        }
        told
    }
}

impl Cloud {
    pub(super) async fn health(&mut self, cast: &Cast) {
        if !self.has_health {
            return;
        }
        // Such a provider takes no deaths.
        self.world.microsoft.set_refuse_reuse(false);
        let address =
            json!({ "notification.health.callback.url": format!("http://callback.test{HEALTH_PATH}") });
        self.call("settings", "PATCH", "/accounts/settings", address, None);
        self.run_for(5).await;
        assert_eq!(self.answers.pop().map(|(ask, status, _)| (ask.what, status)), Some(("settings", 200)));
        let mut patients = Vec::new();
        for number in 0..PATIENTS_COUNT {
            patients.push(self.patient(number).await);
        }
        for _ in 0..ROUNDS_COUNT {
            // The address itself may take nothing: that is told to nobody.
            let is_refused = self.random.bool();
            if is_refused {
                self.world.receiver.fail_path(HEALTH_PATH, 500);
            }
            let ailments = if self.random.u8(0..3) == 0 { Ailment::LONG } else { Ailment::QUICK };
            for patient in &mut patients {
                patient.ailment = self.random.choice(ailments).unwrap();
            }
            self.transition(cast, &patients, 0).await;
            self.transition(cast, &patients, 1).await;
            self.world.receiver.heal_path(HEALTH_PATH);
            self.check_well(cast, &patients).await;
        }
    }

    async fn patient(&mut self, number: usize) -> Patient {
        let (user, callback) = (format!("patient{number}@example.com"), format!("/patient{number}"));
        self.world.google.add_account(&user);
        let mut body = gmail_body(&self.world.google.new_code(&user));
        let address = format!("http://callback.test{callback}");
        body["configuration"]["event.notification.callback.url"] = json!(address);
        Patient { id: self.create(body).await, user, callback, ailment: Ailment::None }
    }

    /// Ailments begin (0) or end (1) in a storm; in good weather what follows is told.
    async fn transition(&mut self, cast: &Cast, patients: &[Patient], which: usize) {
        self.storm_of_health();
        for patient in patients {
            match which {
                0 => self.strike(patient),
                _ => self.mend(patient),
            }
        }
        for _ in 0..SCENES_COUNT {
            for patient in patients {
                self.wish_poll(patient.id);
            }
            let seconds = self.random.i64(1..SCENE_S_MAX);
            self.run_for(seconds).await;
            self.look(cast);
            self.shared.queues.double(false);
        }
        self.calm_down();
        if which == 1 {
            // What came to nothing in the storm is done again.
            self.run_for(HANGS_S).await;
            for patient in patients {
                if self.is_open(patient).await {
                    self.mend(patient);
                }
            }
        }
        let is_failing = |patient: &&Patient| patient.ailment == Ailment::Failing;
        for patient in patients.iter().filter(is_failing).filter(|_| which == 0) {
            // Faults that end with the storm would be over too soon.
            self.strike(patient);
        }
        self.run_for(if patients.iter().any(|one| is_failing(&one)) { FAILING_S } else { TOLD_S }).await;
        self.look(cast);
        for patient in patients {
            if let Some(told) = patient.ailment.told()[which] {
                let key = (told.to_owned(), u64::from(patient.id.get()));
                *self.letters.expected.entry(key).or_default() += 1;
            }
        }
        self.check_letters(patients);
    }

    fn storm_of_health(&mut self) {
        let calm = Weather { stalls: 20, ..Weather::default() };
        let weather = match self.random.bool() {
            true => Weather { kills: 250, fails: 15, loses_answer: 25, repeats: 15, ..calm },
            false => {
                Weather { freezes: 500, freezes_at: &CALLS, freezes_to_s: HANGS_S, queue_fails: 100, ..calm }
            }
        };
        *self.shared.weather.lock().unwrap() = weather;
        self.shared.queues.calm(false);
        self.shared.queues.double(self.random.bool());
    }

    fn strike(&mut self, patient: &Patient) {
        let Patient { user, callback, .. } = patient;
        match patient.ailment {
            Ailment::None => {}
            Ailment::Revoked => self.world.google.revoke(user),
            Ailment::Refused => {
                self.world.receiver.fail_path(callback, 410);
                self.world.google.deliver(user, Mail::sample(&mut self.random));
            }
            Ailment::Expired => {
                self.world.google.deliver(user, Mail::sample(&mut self.random));
                self.world.google.expire_history(user);
            }
            Ailment::Failing => {
                self.world.google.fail_account(user, FaultKind::ServerError { status: 503 });
            }
        }
    }

    fn mend(&mut self, patient: &Patient) {
        match patient.ailment {
            Ailment::None | Ailment::Expired => {}
            Ailment::Failing => self.world.google.heal_account(&patient.user),
            Ailment::Revoked => {
                let code = self.world.google.new_code(&patient.user);
                let body = json!({ "providerData": { "code": code } });
                self.call("sign in", "PATCH", format!("/instances/{}", patient.id), body, Some(patient.id));
            }
            Ailment::Refused => {
                self.world.receiver.heal_path(&patient.callback);
                self.call("release", "PUT", RELEASE, Value::Null, None);
            }
        }
    }

    /// Whether what was done to end it came to nothing.
    async fn is_open(&self, patient: &Patient) -> bool {
        let store = &self.world.store;
        match patient.ailment {
            Ailment::None | Ailment::Expired | Ailment::Failing => false,
            Ailment::Revoked => !store.instance(patient.id).await.unwrap().unwrap().is_valid(),
            Ailment::Refused => {
                store.subscription(patient.id).await.unwrap().unwrap().status == SubscriptionStatus::Suspended
            }
        }
    }

    fn wish_poll(&mut self, id: InstanceId) {
        for _ in 0..self.random.usize(1..3) {
            self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
        }
    }

    /// Takes what came to the health address.
    pub(super) fn take_letters(&mut self, received: Vec<Received>) {
        for one in received {
            let id = one.headers["webhook-id"].to_str().unwrap().to_owned();
            let known = self.letters.bodies.entry(id.clone()).or_insert_with(|| one.body.to_vec());
            let is_same = *known == one.body;
            self.must(Rule::HealthBytes, is_same, || format!("the letter {id} came with another body"));
        }
    }

    fn check_letters(&mut self, patients: &[Patient]) {
        let ids: BTreeSet<u64> = patients.iter().map(|patient| u64::from(patient.id.get())).collect();
        let mut told = self.letters.told();
        told.retain(|(_, id), _| ids.contains(id));
        let expected = self.letters.expected.clone();
        self.must(Rule::HealthOnce, told == expected, || {
            format!("of health was told {told:?}, and should be {expected:?}")
        });
    }

    /// Nothing was held up: callbacks take what comes, and it is told.
    async fn check_well(&mut self, cast: &Cast, patients: &[Patient]) {
        let mut mails = Vec::new();
        for Patient { id, user, .. } in patients {
            mails.push((*id, self.world.google.deliver(user, Mail::sample(&mut self.random))));
            self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(*id));
        }
        self.run_for(TOLD_S).await;
        self.look(cast);
        for (id, mail) in mails {
            let is_told = self.ledger.is_told(&mail);
            self.must(Rule::HealthHoldsNothingUp, is_told, || format!("what came to {id} is not told"));
        }
        self.check_letters(patients);
    }
}
