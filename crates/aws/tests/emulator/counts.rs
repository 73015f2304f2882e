//! What each thing that a mailbox does consumes. The cost model, `carillon cost`, multiplies these counts by prices: they
//! are compared with its file, and replace it where `CARILLON_COUNTS=write`.

use crate::budget::{Budget, now};
use crate::meter::Units;
use app::ports::{Instances as _, Job, Written};
use aws::{Tick, TickLetter};
use chrono::Duration;
use conformance::sample::next_version;
use domain::ids::InstanceId;
use domain::push::Hint;
use domain::schedule::Timetable;
use domain::setting_keys::REFRESH_INTERVAL;
use scenarios::{Mailbox, Outside};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// So many looks that a poll which finds nothing of a hint asks for no other.
const LOOKS_NO_MORE: u8 = 9;

/// What one of something consumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Consumed {
    write_units: f64,
    read_units: f64,
    queue_requests: u32,
    secret_requests: u32,
    provider_requests: f64,
}

/// What a mailbox does.
#[derive(Debug, Serialize)]
struct Counts {
    idle_poll: Consumed,
    heartbeat: Consumed,
    notification: Consumed,
    named_poll: Consumed,
    access_token: Consumed,
    tick_letter: Consumed,
    push: Option<CountsOfPush>,
}

#[derive(Debug, Serialize)]
struct CountsOfPush {
    notice: Consumed,
    grant: Consumed,
}

impl Consumed {
    fn of(units: Units, asked: &[String], provider_requests: u64) -> Self {
        let count = |of: fn(&str) -> bool| asked.iter().filter(|one| of(one)).count() as u32;
        Consumed {
            write_units: units.write,
            read_units: units.read,
            // A message that is sent is also received and deleted.
            queue_requests: 3 * count(|one| one.starts_with("SendMessage")),
            secret_requests: count(|one| one.ends_with("SecretValue")),
            provider_requests: provider_requests as f64,
        }
    }

    fn and(self, more: Consumed) -> Self {
        Consumed {
            write_units: self.write_units + more.write_units,
            read_units: self.read_units + more.read_units,
            queue_requests: self.queue_requests + more.queue_requests,
            secret_requests: self.secret_requests + more.secret_requests,
            provider_requests: self.provider_requests + more.provider_requests,
        }
    }

    fn less(self, base: Consumed) -> Self {
        Consumed {
            write_units: self.write_units - base.write_units,
            read_units: self.read_units - base.read_units,
            queue_requests: self.queue_requests - base.queue_requests,
            secret_requests: self.secret_requests - base.secret_requests,
            provider_requests: self.provider_requests - base.provider_requests,
        }
    }
}

impl Consumed {
    fn mean(all: [Consumed; 4]) -> Self {
        let sum = all.into_iter().fold(Consumed::default(), Consumed::and);
        Consumed {
            write_units: sum.write_units / 4.0,
            read_units: sum.read_units / 4.0,
            queue_requests: sum.queue_requests / 4,
            secret_requests: sum.secret_requests / 4,
            provider_requests: sum.provider_requests / 4.0,
        }
    }
}

impl Budget {
    /// Polls read something else in turn, by their number on the timetable: from now on it is this one's of four.
    async fn take_turn(&self, turn: u64) {
        let mut next = next_version(&self.stack.store.instance(self.id).await.unwrap().unwrap());
        let is_its = |minutes: &u32| {
            let table = Timetable::new(self.id, *minutes);
            [0, 300].iter().all(|seconds| table.number_at(now() + Duration::seconds(*seconds)) % 4 == turn)
        };
        let minutes = (15..=99).find(is_its).expect("some interval");
        next.instance.configuration.insert(REFRESH_INTERVAL.to_owned(), minutes.to_string());
        assert_eq!(self.stack.store.change_instance(&next).await.unwrap(), Written::Done);
    }

    async fn idle(&self) -> Consumed {
        let mut turns = [Consumed::default(); 4];
        for (turn, consumed) in turns.iter_mut().enumerate() {
            self.take_turn(turn as u64).await;
            *consumed = self.polled().await;
        }
        Consumed::mean(turns)
    }

    async fn polled(&self) -> Consumed {
        self.wire.take_units();
        let (asked, provider_requests) = self.poll().await;
        Consumed::of(self.wire.take_units(), &asked, provider_requests)
    }

    /// What rings.
    async fn rung(&self, ring: impl Fn()) -> Consumed {
        self.wire.take_units();
        let asked = self.asked_by(async {
            ring();
            while self.outside.providers.send_notice().await {}
        });
        let asked = asked.await;
        Consumed::of(self.wire.take_units(), &asked, 0)
    }

    /// The job that this leads to.
    async fn hinted(&self, hint: Hint) -> Consumed {
        self.wire.take_units();
        let before = self.mailbox.requests_count();
        let asked = self.asked_by(async {
            let job = Job::Hinted { instance: self.id, hint };
            self.stack.app.run(job, now() + Duration::seconds(20)).await.unwrap();
        });
        let asked = asked.await;
        Consumed::of(self.wire.take_units(), &asked, self.mailbox.requests_count() - before)
    }
}

/// Of a mailbox of this provider.
async fn counts_of(name: &str, mailbox: impl Fn(&Outside, &str) -> Mailbox, secrets: &str) -> Counts {
    let budget = Budget::start_in(&format!("{name}-{secrets}"), mailbox, &json!({}), secrets).await;
    let mean_poll = budget.idle().await;
    // Of Outlook, one that counts the folders: what a mail costs there is in the same poll.
    budget.take_turn(0).await;
    let idle_poll = budget.polled().await;
    budget.age(61).await;
    let heartbeat = budget.polled().await.less(idle_poll);
    budget.mailbox.deliver();
    // With what a process reads once.
    budget.polled().await;
    budget.mailbox.deliver();
    let notification = budget.polled().await.less(idle_poll);
    let named_poll = budget.polled().await.less(idle_poll);
    budget.token_ends().await;
    let access_token = budget.polled().await.less(idle_poll).less(named_poll);
    let tick_letter = handed_out(&budget).await;
    Counts {
        idle_poll: mean_poll,
        heartbeat,
        notification,
        named_poll,
        access_token,
        tick_letter,
        push: None,
    }
}

/// A tick that hands out 25 members, in one letter.
async fn handed_out(budget: &Budget) -> Consumed {
    let stack = budget.set_to(25);
    let tick = Tick::of(Timetable { interval_s: 900, phase_s: 0 });
    for number in 1..=25_u32 {
        let id = InstanceId::from_bytes(number.to_be_bytes());
        stack.store.join_tick(id, tick, now()).await.unwrap();
    }
    budget.wire.take_units();
    let asked = budget.asked_by(async { stack.ticks.run(TickLetter::Tick(tick), 1, now()).await.unwrap() });
    let asked = asked.await;
    Consumed::of(budget.wire.take_units(), &asked, 0)
}

/// A notice with the poll that it leads to, which finds nothing.
async fn notice(budget: &Budget) -> Consumed {
    let rung = budget.rung(|| drop(budget.mailbox.deliver())).await;
    budget.polled().await;
    rung.and(budget.hinted(Hint { at: now(), position: None, looks: LOOKS_NO_MORE }).await)
}

/// A reminder with the renewal of its grant, which comes with a token.
async fn grant(budget: &Budget) -> Consumed {
    let microsoft = &budget.outside.providers.microsoft;
    budget.token_ends().await;
    budget.polled().await;
    budget.grant_ends().await;
    let reminder = || microsoft.tell_subscriptions(budget.mailbox.address(), "reauthorizationRequired");
    let rung = budget.rung(reminder).await;
    rung.and(budget.hinted(Hint::to_keep_watches(now())).await)
}

async fn counts_of_push(name: &str, secrets: &str) -> CountsOfPush {
    let pushed = json!({ "event.vendor.type": "webhooks", "event.poller.refresh_interval": "60" });
    let name = format!("{name}-{secrets}");
    let budget = Budget::start_in(&name, Mailbox::outlook, &pushed, secrets).await;
    budget.take_turn(1).await;
    CountsOfPush { notice: notice(&budget).await, grant: grant(&budget).await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_model_knows_what_is_consumed() {
    let mut counts = BTreeMap::new();
    for secrets in ["sealed", "secrets-manager"] {
        let gmail = counts_of("counts-gmail", Mailbox::gmail, secrets).await;
        let mut outlook = counts_of("counts-outlook", Mailbox::outlook, secrets).await;
        outlook.push = Some(counts_of_push("counts-push", secrets).await);
        let mut by_connector = BTreeMap::from([("gmail", gmail)]);
        by_connector.insert("outlookemail", outlook);
        counts.insert(secrets, by_connector);
    }
    let counted = format!("{}\n", serde_json::to_string_pretty(&counts).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/cost/counts.json");
    #[allow(clippy::disallowed_methods)] // whether to write is said to the test alone
    if std::env::var("CARILLON_COUNTS").is_ok_and(|value| value == "write") {
        std::fs::write(&file, &counted).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    assert_eq!(counted, known, "infra/cost/counts.json: CARILLON_COUNTS=write writes what is counted");
}
