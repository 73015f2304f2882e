//! Bulk actions amid deaths, lost answers, late and doubled jobs, and workers that hang beyond their lease. Whatever
//! happens, each that began ends by itself, its numbers add up, what it says that it did is so, and nothing is done to
//! others.

use super::Cloud;
use super::checks::Rule;
use super::edits::Field;
use super::process::Weather;
use super::script::{Cast, GUEST};
use crate::world::gmail_body;
use app::ports::{Bulks as _, Instances as _};
use domain::bulk::{Bulk, BulkAction, BulkId, BulkOutcome, BulkStatus};
use domain::ids::InstanceId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One of so many seeds has bulk actions, and which.
const SEEDS: (u64, u64) = (7, 6);
/// Instances that nothing is polled of: more than a worker does between two looks at its row.
const EXTRAS_COUNT: usize = 12;
const ROUNDS_COUNT: usize = 3;
/// How long the storm of a round lasts, a scene at a time, seconds.
const SCENES_COUNT: usize = 4;
const SCENE_S_MAX: i64 = 40;
/// Until all that began has ended, seconds: a job that was cut off comes back after six minutes, one that failed after
/// five, and meanwhile another may have taken the lease.
const ENDS_S: i64 = 20 * 60;
/// Longer than a lease.
const HANGS_S: i64 = 120;
/// Calls of a step that another worker may overtake.
const STEP_CALLS: [&str; 5] = ["bulk", "change_bulk", "bulk_targets", "end_bulk", "change_instance"];
const ORGANIZATION: u32 = 1;
const LISTED_COUNT_MAX: usize = 1_000;

/// Whether bulk actions are part of a seed.
pub(super) fn are_part_of(seed: u64) -> bool {
    seed % SEEDS.0 == SEEDS.1
}

/// What a bulk action is to do, and to whom.
struct Order {
    action: &'static str,
    tag: String,
    ids: BTreeSet<InstanceId>,
}

/// What of an instance a bulk action changes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Standing {
    is_gone: bool,
    is_disabled: bool,
    tags: Vec<String>,
}

type Standings = BTreeMap<InstanceId, Standing>;

impl Order {
    fn body(&self, from: &str) -> Value {
        let ids: Vec<u32> = self.ids.iter().map(|id| id.get()).collect();
        match self.action {
            "tag" => json!({ "action": "tag", "ids": ids, "addTags": [self.tag] }),
            "retry" | "backfill" => json!({ "action": self.action, "ids": ids, "from": from }),
            action => json!({ "action": action, "ids": ids }),
        }
    }

    /// Whether it is this one that was begun.
    fn is(&self, bulk: &Bulk) -> bool {
        match &bulk.action {
            BulkAction::Tag { add, .. } => self.action == "tag" && *add == [self.tag.clone()],
            other => other.text() == self.action,
        }
    }

    /// As an instance stands when it is done; `None` for what leaves no trace there.
    fn done_to(&self, before: &Standing) -> Option<Standing> {
        let after = before.clone();
        match self.action {
            "enable" | "disable" => Some(Standing { is_disabled: self.action == "disable", ..after }),
            "tag" if after.tags.contains(&self.tag) => Some(after),
            "tag" => Some(Standing { tags: [after.tags, vec![self.tag.clone()]].concat(), ..after }),
            "delete" => Some(Standing { is_gone: true, ..Standing::default() }),
            _ => None,
        }
    }
}

impl Cloud {
    pub(super) async fn bulks(&mut self, cast: &Cast) {
        if !self.has_bulks {
            return;
        }
        // Such a provider takes no deaths.
        self.world.microsoft.set_refuse_reuse(false);
        let mut extras = Vec::new();
        for _ in 0..EXTRAS_COUNT {
            let mut body = gmail_body(&self.world.google.new_code(GUEST));
            body["configuration"]["event.notification.enabled"] = json!(false);
            extras.push(self.create(body).await);
        }
        for round in 0..ROUNDS_COUNT {
            let orders = self.orders(round, cast, &extras);
            self.round(cast, &extras, &orders).await;
        }
    }

    /// What is asked for at once. No two change the same of an instance, so that it is known what becomes of it.
    fn orders(&mut self, round: usize, cast: &Cast, extras: &[InstanceId]) -> Vec<Order> {
        let switched = if round.is_multiple_of(2) { "disable" } else { "enable" };
        let on_mail = ["release", "retry", "backfill"][self.random.usize(0..3)];
        let is_last = round + 1 == ROUNDS_COUNT;
        let (ones, others) = extras.split_at(if is_last { extras.len() / 2 } else { extras.len() });
        let mut orders = vec![
            self.order(switched, round, ones),
            self.order("tag", round, ones),
            self.order(on_mail, round, &[cast.gmail, cast.outlook]),
        ];
        if is_last {
            orders.push(self.order("delete", round, others));
        }
        orders
    }

    fn order(&mut self, action: &'static str, round: usize, of: &[InstanceId]) -> Order {
        let random = &mut self.random;
        let mut ids: BTreeSet<InstanceId> = of.iter().copied().filter(|_| random.u8(..) < 200).collect();
        ids.insert(of[0]);
        Order { action, tag: format!("round {round}"), ids }
    }

    async fn round(&mut self, cast: &Cast, extras: &[InstanceId], orders: &[Order]) {
        let everybody: Vec<InstanceId> = extras.iter().copied().chain([cast.gmail, cast.outlook]).collect();
        let before = self.standings(&everybody).await;
        let known: BTreeSet<BulkId> = self.all_bulks().await.iter().map(|bulk| bulk.id).collect();
        self.storm_of_bulks();
        let from = (self.world.now() - chrono::Duration::hours(1)).to_rfc3339();
        for order in orders {
            self.call("bulk", "POST", "/instances/bulk", order.body(&from), None);
            self.traffic.is_backfilled |= order.action == "backfill";
        }
        for _ in 0..SCENES_COUNT {
            self.crowd(cast);
            let edited = extras[self.random.usize(0..extras.len())];
            let note = self.random.u32(..).to_string();
            self.edit_field(edited, Field::Note, note);
            let seconds = self.random.i64(1..SCENE_S_MAX);
            self.run_for(seconds).await;
            self.look(cast);
            // Each that finds a lease comes back after it: always twice would be more and more.
            self.shared.queues.double(false);
        }
        self.calm_down();
        self.run_for(ENDS_S).await;
        self.look(cast);
        let begun: Vec<Bulk> =
            self.all_bulks().await.into_iter().filter(|bulk| !known.contains(&bulk.id)).collect();
        let after = self.standings(&everybody).await;
        for bulk in &begun {
            self.check_numbers(bulk);
        }
        self.check_standings(orders, &begun, &before, &after);
    }

    fn storm_of_bulks(&mut self) {
        let calm = Weather { stalls: 20, ..Weather::default() };
        let weather = match self.random.bool() {
            true => Weather { kills: 250, fails: 15, loses_answer: 25, repeats: 15, ..calm },
            false => Weather {
                freezes: 500,
                freezes_at: &STEP_CALLS,
                freezes_to_s: HANGS_S,
                queue_fails: 100,
                ..calm
            },
        };
        *self.shared.weather.lock().unwrap() = weather;
        self.shared.queues.calm(false);
        self.shared.queues.double(self.random.bool());
    }

    async fn all_bulks(&self) -> Vec<Bulk> {
        self.world.store.bulks(ORGANIZATION, None, LISTED_COUNT_MAX).await.unwrap().rows
    }

    async fn standings(&self, ids: &[InstanceId]) -> Standings {
        let mut standings = Standings::new();
        for id in ids {
            let instance = self.world.store.instance(*id).await.unwrap();
            let living = instance.filter(|instance| instance.deleted_at.is_none());
            let gone = Standing { is_gone: true, ..Standing::default() };
            let standing = living.map_or(gone, |one| Standing {
                is_gone: false,
                is_disabled: one.disabled,
                tags: one.tags,
            });
            standings.insert(*id, standing);
        }
        standings
    }

    fn check_numbers(&mut self, bulk: &Bulk) {
        let has_ended = bulk.status == BulkStatus::Done && bulk.position.finished == bulk.instances;
        self.must(Rule::BulkEnds, has_ended, || format!("a bulk action does not end: {bulk:?}"));
        let tally = &bulk.tally;
        let counted = tally.done + tally.skipped() + tally.failed();
        let is_of_instances = !matches!(bulk.action, BulkAction::Retry { .. });
        let is_right = !is_of_instances || counted == bulk.selected;
        let is_said =
            tally.others.iter().all(|(outcome, _)| reason(outcome).is_some_and(|why| !why.is_empty()));
        self.must(Rule::BulkCounts, is_right && is_said, || format!("the numbers are wrong: {bulk:?}"));
    }

    /// Each instance is as the actions on it say that they left it, and as it was where there were none.
    fn check_standings(&mut self, orders: &[Order], begun: &[Bulk], before: &Standings, after: &Standings) {
        for (id, was) in before {
            let mut expected = was.clone();
            for order in orders.iter().filter(|order| order.ids.contains(id)) {
                let Some(bulk) = begun.iter().find(|bulk| order.is(bulk)) else { continue };
                let is_failed = bulk
                    .tally
                    .notes
                    .iter()
                    .any(|note| note.instance == *id && matches!(note.outcome, BulkOutcome::Failed(_)));
                let done = order.done_to(&expected).filter(|_| !is_failed && !expected.is_gone);
                expected = done.unwrap_or(expected);
            }
            let is = &after[id];
            let is_right = *is == expected;
            self.must(Rule::BulkAsAsked, is_right, || {
                format!("{id} was {was:?}, is {is:?}, and should be {expected:?} after {begun:?}")
            });
        }
    }
}

fn reason(outcome: &BulkOutcome) -> Option<&str> {
    match outcome {
        BulkOutcome::Done => None,
        BulkOutcome::Skipped(reason) | BulkOutcome::Failed(reason) => Some(reason),
    }
}
