//! What is kept for lists and counts is what a recount finds, whatever was written before.

use crate::mailbox::Mailbox;
use crate::sample::{at, logged, next_version, notification};
use crate::wait::until_equal;
use app::ports::{
    Claim, Claimant, LogMark, LogPage, NewNotification, OrganizationPage, Progress, Store,
    SubscriptionChange, Tally, WAITING_COUNT_MAX, Written,
};
use chrono::{DateTime, Duration, Utc};
use domain::delivery::Verdict;
use domain::health::Vitals;
use domain::ids::InstanceId;
use domain::instance::Validity;
use domain::state::ResourceState;
use futures_util::future::join;
use serde_json::json;
use std::collections::BTreeMap;

/// Steps of one run, and after how many of them all is counted again.
const STEPS_COUNT: u32 = 240;
const RECOUNT_EACH: u32 = 12;
const INSTANCES_COUNT: u32 = 5;
/// Between two notifications of the run: several share a minute.
const SEQUENCE_STEP_US: u64 = 17_000_000;

/// A run of chance over a few instances; the same seed takes the same steps, but for which of two that meet is first.
struct Run<'a> {
    store: &'a dyn Store,
    organization_id: u32,
    first_number: u32,
    seed: u64,
    /// The last one that was given out, and those that were committed.
    sequence: u64,
    committed: Vec<LogMark>,
    /// Instances that were made and not deleted, and deleted ones that are not purged.
    living: Vec<u32>,
    deleted: Vec<u32>,
}

impl<'a> Run<'a> {
    /// A number below this one.
    fn chance(&mut self, below: u32) -> u32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.seed >> 33) % u64::from(below)).unwrap()
    }

    fn mailbox(&self, number: u32) -> Mailbox<'a> {
        Mailbox {
            organization_id: self.organization_id,
            ..Mailbox::nobody(self.store, self.first_number + number)
        }
    }

    fn new_notifications(&mut self, of: InstanceId) -> Vec<NewNotification> {
        let mut new = Vec::new();
        for _ in 0..self.chance(4) {
            self.sequence += SEQUENCE_STEP_US;
            let is_logged = self.chance(5) == 0;
            new.push(if is_logged { logged(of, self.sequence) } else { notification(of, self.sequence) });
        }
        new
    }

    async fn step(&mut self) {
        if self.living.is_empty() || self.chance(12) == 0 {
            return self.connect().await;
        }
        let index = self.chance(u32::try_from(self.living.len()).unwrap()) as usize;
        let number = self.living[index];
        let mailbox = self.mailbox(number);
        match self.chance(12) {
            0..=3 => self.poll(&mailbox).await,
            4..=6 => self.attempt().await,
            7 => self.change(&mailbox).await,
            8 => self.resources(&mailbox).await,
            9 => self.release(&mailbox).await,
            10 => self.reopen().await,
            _ if self.chance(3) == 0 => {
                self.delete(&mailbox).await;
                self.living.remove(index);
                self.deleted.push(number);
            }
            _ => self.purge().await,
        }
    }

    async fn connect(&mut self) {
        let number = (0..INSTANCES_COUNT).find(|n| !self.living.contains(n) && !self.deleted.contains(n));
        if let Some(number) = number {
            Mailbox::of(self.store, self.organization_id, self.first_number + number).await;
            self.living.push(number);
        }
    }

    /// Two polls of one version: one of them stores. One that has nothing to tell may find its own state there.
    async fn poll(&mut self, mailbox: &Mailbox<'_>) {
        let Some((mut state, _)) = mailbox.resource().await else { return };
        state.version += 1;
        let success = at(i64::from(self.chance(100_000))) + Duration::microseconds(self.chance(3).into());
        let state = match self.chance(3) {
            0 => state.failed("no answer".to_owned(), at(60), at(0)),
            _ => ResourceState { failures: 0, last_success_at: Some(success), ..state },
        };
        let (one, other) = (self.new_notifications(mailbox.id), self.new_notifications(mailbox.id));
        let marks = |new: &[NewNotification]| -> Vec<LogMark> {
            new.iter().map(|one| LogMark { sequence: one.sequence, instance: mailbox.id }).collect()
        };
        let (of_one, of_other) = (marks(&one), marks(&other));
        let both = join(mailbox.commit_state(state.clone(), one), mailbox.commit_state(state, other)).await;
        match both {
            (Written::Done, Written::Conflict) => self.committed.extend(of_one),
            (Written::Conflict, Written::Done) => self.committed.extend(of_other),
            (Written::Done, Written::Done) if of_one.is_empty() || of_other.is_empty() => {
                self.committed.extend(of_one.into_iter().chain(of_other));
            }
            both => panic!("one of the two: {both:?}"),
        }
    }

    fn any(&mut self) -> Option<LogMark> {
        let count = u32::try_from(self.committed.len()).unwrap();
        let index = if count == 0 { 0 } else { self.chance(count) };
        self.committed.get(index as usize).copied()
    }

    /// Any attempt of any notification, also of one that is decided, and of a deleted instance's.
    async fn attempt(&mut self) {
        let Some(mark) = self.any() else { return };
        let Some(found) = self.store.notification_at(mark).await.unwrap() else { return };
        let mailbox = self.mailbox(mark.instance.get() - self.first_number);
        let (sequence, attempt) = (mark.sequence.0, found.attempt);
        let verdict = match self.chance(5) {
            0 => Verdict::Suspend,
            1 => Verdict::Retry(at(20)),
            _ => Verdict::Delivered,
        };
        if let Claim::Yours(_) = mailbox.claim_by(Claimant::Job, sequence, attempt, 1_000_000).await {
            // Of two outcomes one counts.
            join(mailbox.finish(sequence, attempt, verdict), mailbox.finish(sequence, attempt, verdict))
                .await;
        }
    }

    async fn change(&mut self, mailbox: &Mailbox<'_>) {
        let what = self.chance(6);
        let changed = mailbox.change(|change| {
            let instance = &mut change.instance;
            match what {
                0 => instance.disabled = !instance.disabled,
                1 => instance.tags.push(format!("tag {}", instance.version)),
                2 => instance.validity = Validity::NeedsSignIn("why".to_owned()),
                3 => instance.validity = Validity::Valid,
                4 => {
                    let is_on = instance.version.is_multiple_of(2).to_string();
                    instance.configuration.insert("event.notification.enabled".to_owned(), is_on);
                }
                _ => change.subscription = SubscriptionChange::Suspend("by chance".to_owned()),
            }
        });
        assert_eq!(changed.await, Written::Done);
    }

    /// A second resource comes, a backfill of it, or it goes.
    async fn resources(&mut self, mailbox: &Mailbox<'_>) {
        let stored = self.store.mailbox(mailbox.id).await.unwrap().unwrap();
        let name = if self.chance(3) == 0 { "backfill:messages" } else { "threads" };
        let row = stored.resources.iter().find(|row| row.state.resource == name);
        let mut change = next_version(&stored.instance);
        match row {
            Some(row) if !row.removed => change.remove_resources.push(name.to_owned()),
            row => {
                let version = row.map_or(1, |row| row.state.version + 1);
                let state = ResourceState { version, ..ResourceState::new(name, at(0)) };
                change.put_states.push(match self.chance(2) {
                    0 => state,
                    _ => state.with_baseline(json!({}), at(i64::from(self.chance(1_000)))),
                });
            }
        }
        assert_eq!(self.store.change_instance(&change).await.unwrap(), Written::Done);
    }

    async fn release(&mut self, mailbox: &Mailbox<'_>) {
        let Some(begun) = mailbox.begin(1_000_000).await else { return };
        let by = Claimant::Release { generation: begun.generation };
        for _ in 0..self.chance(4) {
            let Some(next) = self.store.next_queued(mailbox.id).await.unwrap() else { break };
            let (sequence, attempt) = (next.sequence.0, next.attempt);
            if let Claim::Yours(_) = mailbox.claim_by(by, sequence, attempt, 1_000_100).await {
                mailbox.finish(sequence, attempt, Verdict::Delivered).await;
            }
        }
        if self.store.end_release(mailbox.id, begun.generation).await.unwrap() == Written::Conflict {
            self.store.pause_release(mailbox.id, begun.generation).await.unwrap();
        }
    }

    async fn reopen(&mut self) {
        if let Some(mark) = self.any() {
            self.store.reopen(mark.instance, mark.sequence, at(30)).await.unwrap();
        }
    }

    /// A deletion and a poll meet: the poll is before it, or too late.
    async fn delete(&mut self, mailbox: &Mailbox<'_>) {
        let Some((mut state, _)) = mailbox.resource().await else { return mailbox.delete().await };
        state.version += 1;
        let new = self.new_notifications(mailbox.id);
        let marks = new.iter().map(|one| LogMark { sequence: one.sequence, instance: mailbox.id });
        let marks: Vec<LogMark> = marks.collect();
        let ((), written) = join(mailbox.delete(), mailbox.commit_state(state, new)).await;
        if written == Written::Done {
            self.committed.extend(marks);
        }
    }

    /// Some of what a deleted instance left, as its job would remove it.
    async fn purge(&mut self) {
        let Some(number) = self.deleted.first().copied() else { return };
        let (_, is_more) = self.store.purge_instance(self.mailbox(number).id, 3).await.unwrap();
        if !is_more {
            self.deleted.remove(0);
        }
    }

    /// Everything that is kept, against everything that is stored.
    async fn recount(&self) {
        let fleet = self.store.fleet(self.organization_id, None, 1_000).await.unwrap();
        let mut living: Vec<u32> = self.living.iter().map(|number| self.first_number + number).collect();
        living.sort_unstable();
        assert_eq!(fleet.rows.iter().map(|row| row.id.get()).collect::<Vec<_>>(), living);
        for row in fleet.rows {
            let mailbox = self.store.mailbox(row.id).await.unwrap().unwrap();
            let states = mailbox.resources.iter().filter(|row| !row.removed).map(|row| &row.state);
            assert_eq!(row.vitals, Vitals::of(&mailbox.instance, mailbox.subscription.status, states));
            assert_eq!((&row.name, &row.tags), (&mailbox.instance.name, &mailbox.instance.tags));
            let page = LogPage { before: None, limit: WAITING_COUNT_MAX as usize, pending_only: true };
            let waiting = self.store.notifications(row.id, page).await.unwrap().rows;
            assert_eq!(row.waiting_count as usize, waiting.len(), "what waits for {}", row.id);
        }
        let range = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + Duration::days(365));
        if let Some(kept) = self.store.tallies(self.organization_id, range).await.unwrap() {
            until_equal(async || self.counted().await, kept).await;
        }
    }

    /// The log by minutes, as its lines say.
    async fn counted(&self) -> Vec<Tally> {
        let page = OrganizationPage { before: None, from: None, limit: 1_000 };
        let lines = self.store.organization_log(self.organization_id, page).await.unwrap().rows;
        let mut tallies: BTreeMap<DateTime<Utc>, Tally> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.progress != Progress::Logged) {
            let minute = i64::try_from(line.mark.sequence.0 / 60_000_000).unwrap();
            let at = DateTime::UNIX_EPOCH + Duration::minutes(minute);
            let none = Tally { at, account_id: 2, delivered_count: 0, open_count: 0 };
            let tally = tallies.entry(at).or_insert(none);
            match line.progress {
                Progress::Delivered => tally.delivered_count += u64::from(line.events_count),
                _ => tally.open_count += u64::from(line.events_count),
            }
        }
        tallies.into_values().collect()
    }
}

async fn run(store: &dyn Store, organization_id: u32, seed: u64) {
    let mut run = Run {
        store,
        organization_id,
        first_number: organization_id * 10,
        seed,
        sequence: 0,
        committed: Vec::new(),
        living: Vec::new(),
        deleted: Vec::new(),
    };
    for step in 1..=STEPS_COUNT {
        run.step().await;
        if step.is_multiple_of(RECOUNT_EACH) {
            run.recount().await;
        }
    }
    // Which of two that meet is first is open, so what is left at the end is, too.
    assert!(run.committed.len() > 50, "it did something");
    for number in run.living.clone() {
        run.mailbox(number).delete().await;
    }
    run.living.clear();
    run.recount().await;
}

/// Commits, attempts, releases, changes, deletions and purges by chance, some of them at once.
pub async fn are_what_a_recount_finds(store: &dyn Store) {
    run(store, 62_001, 1).await;
}

/// The same, otherwise.
pub async fn are_so_by_another_way(store: &dyn Store) {
    run(store, 62_002, 2).await;
}

/// What is counted is of minutes from one to before another, and of one organization.
pub async fn are_of_minutes(store: &dyn Store) {
    let mailbox = Mailbox::of(store, 62_003, 620_031).await;
    let minute = 60_000_000;
    mailbox.add(&[minute, 2 * minute - 1, 2 * minute, 5 * minute + 7]).await;
    mailbox.attempt(2 * minute, 1, Verdict::Delivered).await;
    Mailbox::of(store, 62_004, 620_041).await.add(&[minute]).await;
    let at = |minutes: i64| DateTime::UNIX_EPOCH + Duration::minutes(minutes);
    let of = async |from: i64, to: i64| store.tallies(62_003, (at(from), at(to))).await.unwrap();
    let Some(all) = of(0, 100).await else { return };
    let shown = |tallies: &[Tally]| -> Vec<(i64, u32, u64, u64)> {
        let row = |one: &Tally| {
            let minute = (one.at - DateTime::UNIX_EPOCH).num_minutes();
            (minute, one.account_id, one.delivered_count, one.open_count)
        };
        tallies.iter().map(row).collect()
    };
    assert_eq!(shown(&all), [(1, 2, 0, 2), (2, 2, 1, 0), (5, 2, 0, 1)]);
    assert_eq!(shown(&of(2, 5).await.unwrap()), [(2, 2, 1, 0)]);
    assert_eq!(of(6, 100).await.unwrap(), []);
}

/// Of a resource that is removed nothing counts any more, also while what it told is not enqueued.
pub async fn leave_out_what_is_removed(store: &dyn Store) {
    let mailbox = Mailbox::of(store, 62_005, 620_051).await;
    mailbox.add(&[60_000_000]).await;
    let stored = store.mailbox(mailbox.id).await.unwrap().unwrap();
    assert!(!stored.resources[0].outbox.is_empty());
    let mut change = next_version(&stored.instance);
    change.remove_resources.push(stored.resources[0].state.resource.clone());
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Done);
    let fleet = store.fleet(62_005, None, 10).await.unwrap();
    let none = Vitals::of(&change.instance, stored.subscription.status, std::iter::empty());
    assert_eq!(fleet.rows[0].vitals, none);
}
