//! A mailbox whose history lags, and polls at any time by processes that die anywhere: whatever the order in which
//! records show, everything is told, and nothing twice.
//!
//! A failure names its seed.

mod mailbox;

use crate::gmail::Gmail;
use crate::script::now;
use crate::{Call, Connector as _, Past, Scratch, Step};
use chrono::{DateTime, Duration, TimeZone as _, Utc};
use domain::event::{Change, ChangeKind};
use domain::ids::{EventId, InstanceId};
use domain::resource::ResourceConfig;
use mailbox::{Mailbox, Random, State};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;

const SEEDS_COUNT: u64 = 200;
const ROUNDS_COUNT: usize = 40;
const LAG_MAX_S: i64 = 120;
/// How often an idle poll is stored, by host.
const HEARTBEATS_S: [i64; 2] = [600, 3600];
/// Clocks of processes differ by so much, in either direction.
const SKEW_S: i64 = 10;

/// What the store holds, and what the receiver was told.
struct Watch {
    heartbeat_s: i64,
    cursor: Value,
    written_at: i64,
    told: Vec<Change>,
    ids: HashSet<EventId>,
}

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000, 0).unwrap() + Duration::seconds(seconds)
}

impl Watch {
    /// One poll, of a few steps, by a process that may die after any of them, before it is stored or behind it.
    fn poll(&mut self, mailbox: &Mailbox, url: &str, random: &mut Random) {
        let skew = random.seconds(2 * SKEW_S) - SKEW_S;
        let scratch = Scratch::default();
        let dies_at = if random.one_in(3) { random.below(4) } else { u64::MAX };
        for step in 0..200 {
            let read = self.step(mailbox, url, skew, &scratch);
            let more = read.more;
            if step == dies_at {
                return;
            }
            self.commit(read, mailbox.now());
            mailbox.pass(random.seconds(3));
            if !more {
                return;
            }
        }
        panic!("it does not come to an end");
    }

    fn step(&self, mailbox: &Mailbox, url: &str, skew: i64, scratch: &Scratch) -> Step {
        let time = at(mailbox.now() + skew);
        let call = Call {
            http: mailbox,
            api_url: "http://gmail",
            credential: "secret",
            now: time,
            timeout_ms: 1000,
            scratch: Some(scratch),
            archive: None,
        };
        let resource = ResourceConfig::parse("messages", &json!({ "url": url, "idField": "id" })).unwrap();
        let past =
            Past { baseline_at: at(0), last_success_at: time, failures: 0, log_since: at(0), number: None };
        now(Gmail.poll(&call, &resource, &self.cursor, &past)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn commit(&mut self, step: Step, now: i64) {
        assert!(step.changes.len() <= crate::STEP_CHANGES_MAX);
        assert!(step.moved || step.changes.is_empty());
        if !step.moved && now - self.written_at < self.heartbeat_s {
            return;
        }
        let position = |cursor: &Value| cursor["history_id"].as_str().unwrap().parse::<u64>().unwrap();
        assert!(position(&step.cursor) >= position(&self.cursor), "the position went back");
        self.cursor = step.cursor;
        self.written_at = now;
        let instance = InstanceId::parse("7").unwrap();
        for mut change in step.changes {
            // As the commit does: a creation that is logged is an update.
            let is_logged = change.recheck && self.ids.contains(&change.event_id(instance, "messages"));
            if is_logged && change.kind == ChangeKind::Created && !change.again && !change.version.is_empty()
            {
                change.kind = ChangeKind::Updated;
            }
            let id = change.event_id(instance, "messages");
            let is_new = self.ids.insert(id);
            assert!(is_new || change.recheck, "told twice: {} {}", change.kind.wire(), change.object_id);
            self.told.extend(is_new.then_some(change));
        }
    }

    fn kinds(&self, id: &str) -> Vec<ChangeKind> {
        self.told.iter().filter(|one| one.object_id == id).map(|one| one.kind).collect()
    }
}

struct World {
    mailbox: Mailbox,
    watch: Watch,
    random: Random,
}

impl World {
    /// Three messages are there before the baseline.
    fn new(seed: u64, page_size: usize) -> Self {
        let state =
            State { now: 0, history_id: 1000, records: Vec::new(), messages: BTreeMap::new(), requests: 0 };
        let mailbox = Mailbox { state: Mutex::new(state), page_size, is_ordered: seed.is_multiple_of(4) };
        ["m0", "m1", "m2"].iter().for_each(|id| mailbox.put(id, true, &["INBOX"]));
        let watch = Watch {
            heartbeat_s: HEARTBEATS_S[usize::from(seed.is_multiple_of(3))],
            cursor: json!({ "history_id": "1000" }),
            written_at: 0,
            told: Vec::new(),
            ids: HashSet::new(),
        };
        World { mailbox, watch, random: Random(seed * 7919 + 1) }
    }

    fn run(&mut self, url: &str) {
        for _ in 0..ROUNDS_COUNT {
            for _ in 0..self.random.below(6) {
                self.mailbox.happen(&mut self.random, LAG_MAX_S);
                self.mailbox.pass(self.random.seconds(20));
            }
            if !self.random.one_in(4) {
                self.watch.poll(&self.mailbox, url, &mut self.random);
            }
            let pause = if self.random.one_in(10) { 1500 } else { 90 };
            self.mailbox.pass(self.random.seconds(pause));
        }
        // All has shown; polls that die are followed by others.
        for _ in 0..20 {
            self.mailbox.pass(200);
            self.watch.poll(&self.mailbox, url, &mut self.random);
        }
    }
}

fn check_messages(world: &World, knows_labels: bool) {
    let state = world.mailbox.state.lock().unwrap();
    for (id, message) in &state.messages {
        let kinds = world.watch.kinds(id);
        let is_old = ["m0", "m1", "m2"].contains(&id.as_str());
        let created = kinds.iter().filter(|kind| **kind == ChangeKind::Created).count();
        let deleted = kinds.iter().filter(|kind| **kind == ChangeKind::Deleted).count();
        let ends = kinds.iter().rfind(|kind| **kind != ChangeKind::Updated);
        match message.is_there {
            true if is_old => assert_ne!(ends, Some(&ChangeKind::Deleted), "{id} is there: {kinds:?}"),
            true => assert_eq!(ends, Some(&ChangeKind::Created), "{id} is there: {kinds:?}"),
            false if is_old => assert_eq!(ends, Some(&ChangeKind::Deleted), "{id} is gone: {kinds:?}"),
            false => assert_ne!(ends, Some(&ChangeKind::Created), "{id} is gone: {kinds:?}"),
        }
        assert!(created <= deleted + 1, "{id}: {kinds:?}");
        let last = world.watch.told.iter().rfind(|one| one.object_id == *id);
        if let Some(last) = last.filter(|_| message.is_there && knows_labels) {
            let labels: BTreeSet<String> = serde_json::from_value(last.record["labelIds"].clone()).unwrap();
            assert_eq!(labels, message.labels, "the last labels of {id} were not told: {kinds:?}");
        }
        let is_touched =
            state.records.iter().any(|(_, _, record)| record.to_string().contains(&format!("\"{id}\"")));
        assert!(!message.is_there || !is_touched || !kinds.is_empty(), "nothing was told of {id}");
    }
}

fn seeds(page_size: usize, url: &str, check: impl Fn(&World)) {
    for seed in 1..=SEEDS_COUNT {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut world = World::new(seed, page_size);
            world.run(url);
            check(&world);
        });
        assert!(std::panic::catch_unwind(run).is_ok(), "seed {seed} failed, see above");
    }
}

#[test]
fn whatever_shows_late_is_told_once_and_with_its_last_labels() {
    seeds(50, "/messages", |world| check_messages(world, true));
}

/// Pages of one record: a read takes 20 of them, so that windows are larger than a read.
#[test]
fn windows_larger_than_a_read_lose_and_repeat_nothing() {
    seeds(1, "/messages", |world| check_messages(world, false));
}

/// Each message is a thread of its own here.
#[test]
fn threads_are_told_once_too() {
    seeds(50, "/threads", |world| {
        let state = world.mailbox.state.lock().unwrap();
        for (id, message) in state.messages.iter().filter(|(_, message)| message.is_there) {
            let created = world.watch.kinds(id).iter().filter(|kind| **kind == ChangeKind::Created).count();
            let is_old = ["m0", "m1", "m2"].contains(&id.as_str());
            let was_deleted = state
                .records
                .iter()
                .any(|(_, _, record)| record["messagesDeleted"][0]["message"]["id"].as_str() == Some(id));
            assert!(
                is_old || was_deleted || created == 1,
                "{id}: {created} times, {message:?}",
                message = message.labels
            );
        }
    });
}

#[test]
fn an_idle_poll_is_one_request_and_one_for_each_further_page_of_the_window() {
    let mut world = World::new(1, 10);
    for _ in 0..35 {
        let ids = [format!("n{}", world.mailbox.state.lock().unwrap().messages.len())];
        world.mailbox.put(&ids[0], true, &["INBOX"]);
        world.mailbox.record(&mut world.random, "messagesAdded", &ids, &[], 0);
    }
    let mut polled = || {
        world.mailbox.state.lock().unwrap().requests = 0;
        let scratch = Scratch::default();
        loop {
            let step = world.watch.step(&world.mailbox, "/messages", 0, &scratch);
            let more = step.more;
            world.watch.commit(step, world.mailbox.now());
            if !more {
                break;
            }
        }
        world.mailbox.state.lock().unwrap().requests
    };
    assert_eq!(polled(), 4, "each page once");
    assert_eq!(polled(), 4, "the window again");
    world.mailbox.pass(world.watch.heartbeat_s);
    let mut polled = || {
        world.mailbox.state.lock().unwrap().requests = 0;
        let step = world.watch.step(&world.mailbox, "/messages", 0, &Scratch::default());
        world.watch.commit(step, world.mailbox.now());
        world.mailbox.state.lock().unwrap().requests
    };
    assert_eq!(polled(), 4, "the heartbeat moves the position");
    assert_eq!((polled(), world.watch.told.len()), (1, 35));
    assert_eq!(world.watch.cursor["taken"], Value::Null, "nothing is left to remember");
}
