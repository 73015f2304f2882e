//! Mailboxes that share ticks: who is a member, what a tick does, and a stack that is set from one to the other.

use crate::budget::{Budget, now};
use app::admin::{Check, Finding, FindingReport, Mode, Others, Outcome};
use app::ports::{Administration as _, Job, Schedule as _, Scheduled};
use aws::admin::StackAdministration;
use aws::{Members, Stack, Tick, TickLetter};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;

fn id(number: u32) -> InstanceId {
    InstanceId::from_bytes(number.to_be_bytes())
}

fn soon() -> DateTime<Utc> {
    now() + Duration::seconds(60)
}

/// A tick that no mailbox of a test has by its own timetable.
fn some_tick() -> Tick {
    Tick::of(Timetable { interval_s: 7 * 60, phase_s: 0 })
}

fn scheduled(interval_s: u32, is_former: bool) -> Option<Scheduled> {
    Some(Scheduled { interval_s, is_enabled: true, is_former })
}

impl Budget {
    fn administration(&self, stack: &Stack) -> StackAdministration {
        StackAdministration::new(stack, &self.parts.clients, &self.parts.environment)
    }

    async fn check(&self, stack: &Stack, mode: Mode) -> Vec<(u32, Finding, Outcome)> {
        let mut found = Vec::new();
        let mut tell = |one: FindingReport| found.push((one.instance.get(), one.finding, one.outcome));
        let check = Check { mode, others: Others::Stopped };
        stack.app.check(&self.administration(stack), check, &mut tell).await.unwrap();
        found
    }

    /// Letters of ticks and jobs that wait.
    async fn work(&self, count: usize) -> (Vec<TickLetter>, Vec<Job>) {
        let taken = self.parts.take(&self.parts.environment.work_queue.url, count).await;
        let bodies = || taken.iter().map(|(body, _)| body.as_str());
        let letters = bodies().filter_map(|body| serde_json::from_str(body).ok()).collect();
        (letters, bodies().filter_map(|body| serde_json::from_str(body).ok()).collect())
    }

    /// The next poll finds a row that can't be read.
    async fn damage(&self, id: InstanceId) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = self.client().put_item().table_name(&self.table).item("pk", text(&format!("I#{id}")));
        put.item("sk", text("C")).item("doc", text("{")).send().await.unwrap();
    }

    async fn own_is_on(&self) -> Option<bool> {
        self.stack.schedules.find(self.id).await.unwrap().map(|(_, is_enabled)| is_enabled)
    }
}

/// Schedules of ticks.
async fn ticks(stack: &Stack) -> Vec<Tick> {
    stack.schedules.list(None).await.unwrap().ticks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_is_a_member_of_the_tick_of_its_timetable_and_of_no_other() {
    let budget = Budget::start("ticks-member").await;
    let (stack, member) = (budget.set_to(25), id(4_711));
    let by = |minutes| Timetable::new(member, minutes);
    for _ in 0..2 {
        stack.starts.put(member, by(7), true).await.unwrap();
    }
    assert_eq!(ticks(&stack).await, [Tick::of(by(7))]);
    assert_eq!(stack.store.tick_members(Tick::of(by(7))).await.unwrap(), [member]);
    assert_eq!(stack.schedules.find(member).await.unwrap(), None, "it has no schedule of its own");
    stack.starts.put(member, by(9), true).await.unwrap();
    assert_eq!(stack.store.tick_members(Tick::of(by(7))).await.unwrap(), []);
    assert_eq!(stack.store.tick_members(Tick::of(by(9))).await.unwrap(), [member]);
    assert_eq!(stack.starts.find(member).await.unwrap(), scheduled(540, false));
    // The former tick finds nobody, and ends.
    stack.ticks.run(TickLetter::Tick(Tick::of(by(7))), 1, soon()).await.unwrap();
    assert_eq!(ticks(&stack).await, [Tick::of(by(9))]);
    stack.starts.put(member, by(9), false).await.unwrap();
    assert_eq!(stack.store.tick_of(member).await.unwrap(), None, "it is disabled");
    stack.starts.put(member, by(9), true).await.unwrap();
    stack.starts.remove(member).await.unwrap();
    assert_eq!(stack.store.tick_of(member).await.unwrap(), None, "it is deleted");
    assert_eq!(stack.starts.find(member).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_hands_its_members_out_some_to_a_letter() {
    let budget = Budget::start("ticks-letters").await;
    let stack = budget.set_to(3);
    for number in 1..=7 {
        stack.store.join_tick(id(number), some_tick(), now()).await.unwrap();
    }
    stack.ticks.run(TickLetter::Tick(some_tick()), 1, soon()).await.unwrap();
    let (letters, _) = budget.work(3).await;
    let mut sizes = Vec::new();
    let mut named = Vec::new();
    for letter in letters {
        let TickLetter::Members(Members { tick, ids, .. }) = letter else { panic!("{letter:?}") };
        assert_eq!(tick, some_tick());
        sizes.push(ids.len());
        named.extend(ids);
    }
    sizes.sort_unstable();
    named.sort_unstable();
    assert_eq!((sizes, named), (vec![1, 3, 3], (1..=7).map(id).collect()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_fails_gets_a_job_and_the_others_are_polled() {
    let budget = Budget::start("ticks-failing").await;
    let stack = budget.set_to(25);
    budget.damage(id(5)).await;
    let told = budget.mailbox.deliver();
    let members = Members { tick: some_tick(), sent_at: now(), ids: vec![id(5), budget.id] };
    stack.ticks.run(TickLetter::Members(members), 1, soon()).await.unwrap();
    budget.assert_told(&[told]);
    assert_eq!(budget.work(1).await.1, [Job::Poll(id(5))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_whose_invocation_died_becomes_a_job_for_each_and_an_old_one_nothing() {
    let budget = Budget::start("ticks-again").await;
    let stack = budget.set_to(25);
    let ids = vec![id(5), id(6)];
    let sent = |sent_at| TickLetter::Members(Members { tick: some_tick(), sent_at, ids: ids.clone() });
    stack.ticks.run(sent(now()), 2, soon()).await.unwrap();
    let (_, mut jobs) = budget.work(2).await;
    jobs.sort_by_key(|job| job.instance());
    assert_eq!(jobs, [Job::Poll(id(5)), Job::Poll(id(6))]);
    let before = budget.mailbox.requests_count();
    let old = Members { tick: some_tick(), sent_at: now() - Duration::minutes(7), ids: vec![budget.id] };
    stack.ticks.run(TickLetter::Members(old), 1, soon()).await.unwrap();
    assert_eq!(budget.mailbox.requests_count(), before, "the next tick has handed it out again");
}

/// The stack of a budget has a schedule for each mailbox. Set to ticks, the next poll by it makes the mailbox a member; set
/// back, the next tick makes its schedule anew, and ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_move_a_mailbox_from_its_schedule_to_a_tick_and_back() {
    let budget = Budget::start("ticks-move").await;
    let (with_ticks, without) = (budget.set_to(25), budget.set_to(1));
    assert_eq!(with_ticks.starts.find(budget.id).await.unwrap(), scheduled(900, true));
    with_ticks.ticks.tick_of_own(budget.id, soon()).await.unwrap();
    assert_eq!(with_ticks.starts.find(budget.id).await.unwrap(), scheduled(900, false));
    assert_eq!(budget.own_is_on().await, Some(false));
    let [tick] = ticks(&with_ticks).await[..] else { panic!("one tick") };
    assert_eq!(with_ticks.store.tick_members(tick).await.unwrap(), [budget.id]);
    // It polls.
    let told = budget.mailbox.deliver();
    with_ticks.ticks.run(TickLetter::Tick(tick), 1, soon()).await.unwrap();
    let (letters, _) = budget.work(1).await;
    assert_eq!(letters.len(), 1);
    with_ticks.ticks.run(letters[0].clone(), 1, soon()).await.unwrap();
    budget.assert_told(std::slice::from_ref(&told));
    // And back.
    assert_eq!(without.starts.find(budget.id).await.unwrap(), scheduled(900, true));
    let told_then = budget.mailbox.deliver();
    without.ticks.run(TickLetter::Tick(tick), 1, soon()).await.unwrap();
    let (letters, _) = budget.work(1).await;
    without.ticks.run(letters[0].clone(), 1, soon()).await.unwrap();
    budget.assert_told(&[told, told_then]);
    assert_eq!(budget.own_is_on().await, Some(true));
    assert_eq!(without.starts.find(budget.id).await.unwrap(), scheduled(900, false));
    assert_eq!(without.store.tick_of(budget.id).await.unwrap(), None);
    without.ticks.run(TickLetter::Tick(tick), 1, soon()).await.unwrap();
    assert_eq!(ticks(&without).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_finds_memberships_that_are_missing_too_many_or_of_the_other_mode() {
    let budget = Budget::start("ticks-check").await;
    let (with_ticks, without) = (budget.set_to(25), budget.set_to(1));
    let number = budget.id.get();
    let tick = Tick::of(Timetable::new(budget.id, 15));
    let is_mended = async |stack: &Stack, number: u32, finding: Finding| {
        assert_eq!(budget.check(stack, Mode::Show).await, [(number, finding.clone(), Outcome::Shown)]);
        assert_eq!(budget.check(stack, Mode::Mend).await, [(number, finding, Outcome::Mended)]);
        assert_eq!(budget.check(stack, Mode::Show).await, []);
    };
    assert_eq!(budget.check(&without, Mode::Show).await, []);
    is_mended(&with_ticks, number, Finding::FormerSchedule).await;
    assert_eq!(with_ticks.store.tick_of(budget.id).await.unwrap(), Some(tick));
    with_ticks.store.leave_tick(budget.id, now()).await.unwrap();
    is_mended(&with_ticks, number, Finding::ScheduleOff).await;
    // Of an instance that is not there.
    with_ticks.store.join_tick(id(5), tick, now()).await.unwrap();
    is_mended(&with_ticks, 5, Finding::OrphanedSchedule).await;
    assert_eq!(with_ticks.store.tick_members(tick).await.unwrap(), [budget.id]);
    // The tick's own schedule is gone.
    let removed = budget.parts.clients.scheduler.delete_schedule().name(tick.to_string());
    removed.group_name(&budget.parts.environment.schedule_group).send().await.unwrap();
    is_mended(&with_ticks, number, Finding::ScheduleOff).await;
    assert_eq!(ticks(&with_ticks).await, [tick]);
    // The stack is set back, and a crash left both.
    with_ticks.schedules.put(budget.id, Timetable::new(budget.id, 15), true).await.unwrap();
    is_mended(&without, number, Finding::FormerSchedule).await;
    assert_eq!(without.store.tick_of(budget.id).await.unwrap(), None);
    assert_eq!(budget.own_is_on().await, Some(true));
    let found = budget.administration(&without).schedule(budget.id).await.unwrap();
    assert_eq!(found, scheduled(900, false));
}
