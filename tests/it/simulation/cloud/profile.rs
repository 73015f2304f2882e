//! What a seed is about. A storm has a little of everything; the other profiles have one or two kinds of fault each, and
//! much of what makes them matter: two things that must go wrong at once do so within few seeds.

use super::process::Weather;
use super::script::{Cast, RELEASE};
use super::{Cloud, S};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use domain::ids::InstanceId;
use doubles::FaultKind;
use serde_json::{Value, json};

/// One of them for each seed, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Everything, at any time.
    Storm,
    /// Calls that hang for minutes, while others take over; a queue that fails.
    Frozen,
    /// A queue that fails, and outboxes that are cleared late.
    Outboxes,
    /// Several people change the same instance.
    Edits,
    /// A provider that takes each refresh token once.
    Rotating,
    /// Positions that expire, and backfills.
    Gaps,
    /// A provider that limits, while calls take seconds.
    Limits,
    /// Callbacks that fail, releases that race, and events that are asked for again.
    Deliveries,
    /// Clients change what is polled, while polls of it hang.
    Resources,
}

/// The longest time between two things that happen, seconds.
const SCENE_S_MAX: i64 = 150;
/// Most of the seeds are storms.
const TURNS: [Profile; 13] = [
    Profile::Storm,
    Profile::Frozen,
    Profile::Storm,
    Profile::Edits,
    Profile::Storm,
    Profile::Rotating,
    Profile::Storm,
    Profile::Gaps,
    Profile::Limits,
    Profile::Storm,
    Profile::Outboxes,
    Profile::Deliveries,
    Profile::Resources,
];

/// Calls of a delivery or a release that others may overtake.
const DELIVERY_CALLS: [&str; 5] =
    ["end_release", "pause_release", "read", "unclaim_attempt", "finish_attempt"];
/// Calls of a poll or a change that a change or a poll may overtake.
const RESOURCE_CALLS: [&str; 4] = ["begin_poll", "commit_poll", "change_instance", "change_instance"];

impl Profile {
    pub(super) fn of(seed: u64) -> Self {
        TURNS[(seed % TURNS.len() as u64) as usize]
    }

    /// The longest time between two things that happen, seconds.
    pub(super) fn scene_s_max(self) -> i64 {
        match self {
            Profile::Frozen | Profile::Outboxes | Profile::Resources => 40,
            _ => SCENE_S_MAX,
        }
    }

    /// The cloud's weather, where it is always the same.
    pub(super) fn weather(self) -> Option<Weather> {
        let calm = Weather::default();
        match self {
            Profile::Storm | Profile::Gaps => None,
            Profile::Frozen => Some(Weather { freezes: 300, slow: 300, ..calm }),
            Profile::Outboxes => {
                Some(Weather { freezes: 400, freezes_at: &["clear_outbox"], queue_fails: 250, ..calm })
            }
            Profile::Edits => Some(Weather { stalls: 40, queue_fails: 200, freezes: 60, ..calm }),
            Profile::Rotating => Some(Weather { slow: 300, longest_s: 3, stalls: 100, ..calm }),
            Profile::Limits => Some(Weather { stalls: 100, ..calm }),
            Profile::Deliveries => Some(Weather {
                slow: 400,
                stalls: 10,
                freezes: 600,
                freezes_at: &DELIVERY_CALLS,
                freezes_to_s: 100,
                ..calm
            }),
            Profile::Resources => Some(Weather {
                slow: 200,
                stalls: 20,
                freezes: 400,
                freezes_at: &RESOURCE_CALLS,
                freezes_to_s: 120,
                ..calm
            }),
        }
    }

    /// Whether it is the profile's turn. What always happens would hide what outboxes are about: whoever is switched on
    /// again is sent all that was left.
    pub(super) fn takes_turn(self, random: &mut fastrand::Rng) -> bool {
        match self {
            Profile::Storm => false,
            Profile::Outboxes => true,
            _ => random.bool(),
        }
    }
}

impl Cloud {
    /// What the profile wants beside what always happens.
    pub(super) fn scene_of_profile(&mut self, cast: &Cast) {
        let id = if self.random.bool() { cast.gmail } else { cast.outlook };
        match self.profile {
            Profile::Storm => {}
            Profile::Outboxes => self.crowd(cast),
            Profile::Frozen => match self.random.u8(0..6) {
                0 => self.switch(id),
                _ => self.crowd(cast),
            },
            Profile::Limits => {
                let kinds = vec![FaultKind::RateLimited { retry_after_s: Some(self.random.u32(30..90)) }];
                self.world.providers.set_fault_rate(0.2, &kinds);
                self.crowd(cast);
                if self.random.u8(0..3) == 0 {
                    self.crowd_of(cast.outlook);
                    self.sign_in_again(cast.outlook);
                }
            }
            Profile::Edits => self.edit_together(id),
            Profile::Rotating => self.refresh_together(cast),
            Profile::Gaps => match self.random.bool() {
                true => self.expire(),
                false => self.backfill(id),
            },
            Profile::Deliveries => match self.random.u8(0..4) {
                0 => self.tell_again(),
                1 => self.refuse(cast),
                _ => self.release_amid_news(cast),
            },
            Profile::Resources => match self.random.u8(0..6) {
                0 => self.poll_otherwise(cast, id),
                1 | 2 => self.make(cast, id),
                3 | 4 => {
                    self.make(cast, id);
                    self.crowd_of(id);
                    self.poll_otherwise(cast, id);
                }
                _ => self.crowd_of(id),
            },
        }
    }

    /// The callback wants nothing any more, so that what comes is queued.
    fn refuse(&mut self, cast: &Cast) {
        self.world.receiver.set_default(410);
        self.news_within(cast, 20);
    }

    /// What is queued is released, while more comes.
    fn release_amid_news(&mut self, cast: &Cast) {
        self.world.receiver.set_default(200);
        for _ in 0..self.random.usize(1..4) {
            self.call("release", "PUT", RELEASE, Value::Null, None);
        }
        self.news_within(cast, 90);
    }

    /// Something happens, and is found within so many seconds.
    fn news_within(&mut self, cast: &Cast, seconds: i64) {
        self.traffic.happen(&self.world, &mut self.random);
        for id in [cast.gmail, cast.outlook] {
            let ask = self.asked("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
            self.later.push((self.now_us() + self.random.i64(0..seconds * S), ask));
        }
    }

    /// Somebody switches off and on again, with hardly a pause.
    fn switch(&mut self, id: InstanceId) {
        let path = format!("/instances/{id}/enabled");
        self.call("disable", "DELETE", &path, Value::Null, Some(id));
        let on = self.asked("enable", "PUT", path, Value::Null, Some(id));
        self.later.push((self.now_us() + self.random.i64(0..3 * S), on));
    }

    /// Everybody finds that the token has ended, and somebody changes a secret.
    fn refresh_together(&mut self, cast: &Cast) {
        self.world.microsoft.expire_access_tokens(OUTLOOK_USER);
        self.crowd_of(cast.outlook);
        match self.random.u8(0..4) {
            0 => self.sign_in_again(cast.outlook),
            1 | 2 => self.edit(cast.outlook),
            _ => {}
        }
    }

    fn sign_in_again(&mut self, id: InstanceId) {
        let body = json!({ "providerData": { "code": self.world.microsoft.new_code(OUTLOOK_USER) } });
        self.call("sign in", "PATCH", format!("/instances/{id}"), body, Some(id));
    }

    /// Somebody wants what they were told once more.
    fn tell_again(&mut self) {
        let Some((id, event)) = self.ledger.any(&mut self.random) else { return };
        self.call("tell again", "POST", format!("/instances/{id}/events/{event}/retry"), Value::Null, None);
    }

    fn expire(&mut self) {
        self.world.google.expire_history(GMAIL_USER);
        self.traffic.gap = true;
    }

    fn backfill(&mut self, id: InstanceId) {
        let from = self.world.now() - chrono::Duration::hours(self.random.i64(1..48));
        let body = json!({ "from": from.to_rfc3339() });
        self.traffic.is_backfilled = true;
        self.call("backfill", "POST", format!("/instances/{id}/backfill"), body, Some(id));
    }
}
