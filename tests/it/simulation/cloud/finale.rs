//! What must be quick once the weather is good: it is what somebody waits for, and nothing is in its way.

use super::Cloud;
use super::checks::Rule;
use super::process::Weather;
use super::profile::Profile;
use super::script::{Cast, RELEASE};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use app::ports::{EventLog as _, Job, LogPage, Queue as _};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// From a wish to poll to the news of what was there by then, seconds: the poll that was under way has 20 s, its lease
/// 15 more, the next one may be as slow, and whoever has the wish may be held up.
const WISH_S: i64 = 90 + HELD_UP_S;
const HELD_UP_S: i64 = 40;
const WISHES_COUNT: usize = 3;
/// Messages that a slow poll reads one by one.
const WORK_COUNT: usize = 8;
/// For a release of [`QUEUED_COUNT`] notifications, each of which may take 12 s, however many ask for it at once.
const RELEASE_S: i64 = 60;
const QUEUED_COUNT: usize = 3;
/// How often somebody asks for a delivery, every two seconds.
const IMPATIENT_COUNT: usize = 15;
/// How often a release's job comes again, every two seconds.
const LATE_COUNT: usize = 5;

impl Cloud {
    pub(super) async fn finale(&mut self, cast: &Cast) {
        self.world.google.set_history_lag(0, 0, true);
        self.world.microsoft.set_lag(0, 0);
        if matches!(
            self.profile,
            Profile::Rotating | Profile::Gaps | Profile::Deliveries | Profile::Resources
        ) {
            self.enable_all(cast);
            self.run_for(120).await;
            self.call("release", "PUT", RELEASE, Value::Null, None);
            self.run_for(120).await;
        }
        match self.profile {
            Profile::Rotating | Profile::Gaps => {
                for _ in 0..WISHES_COUNT {
                    self.wish(cast).await;
                }
            }
            Profile::Deliveries => {
                self.ask_impatiently(cast).await;
                self.release_together(cast).await;
                self.news_while_a_release_ends(cast).await;
                self.release_what_is_active(cast).await;
            }
            Profile::Resources => {
                self.poll_everything(cast).await;
                self.change_amid_news(cast).await;
            }
            _ => {}
        }
    }

    fn slow(&mut self, slow: u32) {
        *self.shared.weather.lock().unwrap() = Weather { slow, ..Weather::default() };
    }

    /// Somebody wants a poll while a slow one is under way, which may have read already.
    async fn wish(&mut self, cast: &Cast) {
        let id = cast.gmail;
        // With this much to read it has listed what is new long before it ends.
        for _ in 0..WORK_COUNT {
            self.deliver(cast, id);
        }
        self.slow(600);
        self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
        let seconds = self.random.i64(1..16);
        self.run_for(seconds).await;
        let mail = self.deliver(cast, id);
        // Whoever has the wish may be held up before they leave a mark, until the other poll is over.
        *self.shared.weather.lock().unwrap() = Weather {
            slow: 600,
            freezes: 500,
            freezes_at: &["ask_again"],
            freezes_to_s: HELD_UP_S,
            ..Weather::default()
        };
        self.call("resume", "POST", format!("/instances/{id}/resume"), Value::Null, Some(id));
        self.run_for(3).await;
        self.slow(0);
        self.run_for(WISH_S).await;
        self.look(cast);
        let is_told = self.ledger.is_told(&mail);
        self.must(Rule::WishKept, is_told, || format!("what came to {id} before a wish is not told"));
    }

    /// Several ask at once for what a callback had refused.
    async fn release_together(&mut self, cast: &Cast) {
        let id = self.either(cast);
        self.world.receiver.set_default(410);
        let mut mails = Vec::new();
        for _ in 0..QUEUED_COUNT {
            mails.push(self.deliver(cast, id));
            self.poll_and_wait(id, 20).await;
        }
        self.world.receiver.set_default(200);
        self.slow(1_000);
        self.shared.queues.double(true);
        for _ in 0..4 {
            self.call("release", "PUT", RELEASE, Value::Null, None);
        }
        self.run_for(RELEASE_S).await;
        self.slow(0);
        self.shared.queues.double(false);
        self.look(cast);
        let is_told = mails.iter().all(|mail| self.ledger.is_told(mail));
        self.must(Rule::ReleasedSoon, is_told, || format!("what was queued of {id} is not there in time"));
    }

    /// A release finds nothing left, and hangs before it ends; until it has ended, what comes is queued for it.
    async fn news_while_a_release_ends(&mut self, cast: &Cast) {
        let id = self.either(cast);
        self.world.receiver.set_default(410);
        self.deliver(cast, id);
        self.poll_and_wait(id, 20).await;
        self.world.receiver.set_default(200);
        *self.shared.weather.lock().unwrap() = Weather {
            freezes: 1_000,
            freezes_at: &["end_release"],
            freezes_to_s: HELD_UP_S,
            ..Weather::default()
        };
        self.call("release", "PUT", RELEASE, Value::Null, None);
        self.run_for(10).await;
        let mail = self.deliver(cast, id);
        self.poll_and_wait(id, HELD_UP_S).await;
        self.slow(0);
        self.run_for(RELEASE_S).await;
        self.look(cast);
        let is_told = self.ledger.is_told(&mail);
        self.must(Rule::ReleasedSoon, is_told, || {
            format!("what came to {id} while a release ended is not told")
        });
    }

    /// A release's job comes again long after it was done, while the callback has a bad moment: the retries go on, which
    /// a release that began would end at its first refusal.
    async fn release_what_is_active(&mut self, cast: &Cast) {
        let id = self.either(cast);
        self.world.receiver.set_default(500);
        let mail = self.deliver(cast, id);
        for _ in 0..LATE_COUNT {
            let now = self.world.now();
            self.shared.queues.send(&[(Job::Release(id), now)]).await.unwrap();
            self.poll_and_wait(id, 2).await;
        }
        self.world.receiver.set_default(200);
        self.run_for(RELEASE_S).await;
        self.look(cast);
        let is_told = self.ledger.is_told(&mail);
        self.must(Rule::ReleasedSoon, is_told, || format!("what came to {id} is not tried again"));
    }

    async fn poll_and_wait(&mut self, id: InstanceId, seconds: i64) {
        self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
        self.run_for(seconds).await;
    }

    /// A worker hangs before it posts, and gives its claim back long after another took it over; meanwhile somebody asks
    /// for the delivery again and again.
    async fn ask_impatiently(&mut self, cast: &Cast) {
        let id = self.either(cast);
        let mail = self.deliver(cast, id);
        // No process has secrets at hand that were just changed.
        let body = json!({ "configuration": { "custom.api.password": mail } });
        self.call("patch", "PATCH", format!("/instances/{id}"), body, Some(id));
        self.run_for(5).await;
        self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
        *self.shared.weather.lock().unwrap() =
            Weather { freezes: 1_000, freezes_at: &["read"], freezes_to_s: 60, ..Weather::default() };
        self.run_for(40).await;
        self.slow(1_000);
        let page = LogPage { before: None, limit: 1, pending_only: true };
        let waiting = self.world.store.notifications(id, page).await.unwrap().rows;
        for _ in 0..IMPATIENT_COUNT {
            for notification in &waiting {
                let path = format!("/instances/{id}/events/{}/retry", notification.name.event_id);
                self.call("tell again", "POST", path, Value::Null, None);
            }
            self.run_for(2).await;
        }
        self.slow(0);
        self.run_for(60).await;
        self.look(cast);
        let is_told = self.ledger.is_told(&mail);
        self.must(Rule::ReleasedSoon, is_told, || {
            format!("what came to {id} is not told, often as it was asked for")
        });
    }

    fn either(&mut self, cast: &Cast) -> InstanceId {
        if self.random.bool() { cast.gmail } else { cast.outlook }
    }

    fn deliver(&mut self, cast: &Cast, id: InstanceId) -> String {
        let mail = Mail::sample(&mut self.random);
        match id == cast.gmail {
            true => {
                let id = self.world.google.deliver(GMAIL_USER, mail);
                self.traffic.gmail.push(id.clone());
                id
            }
            false => {
                let id = self.world.microsoft.deliver(OUTLOOK_USER, mail);
                self.traffic.outlook.push(id.clone());
                id
            }
        }
    }
}
