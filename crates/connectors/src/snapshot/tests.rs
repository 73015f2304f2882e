//! Listings that are scripted, through whole polls.

use super::*;
use crate::script::now;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Mutex;

/// A resource as it stands now: pages of a size, tokens that count pages.
struct World {
    /// Id and state.
    objects: Vec<(String, String)>,
    page_size: usize,
    /// Objects that are left out of the listing, though they are there.
    passed_by: HashSet<String>,
    record_bytes: usize,
    /// Entries that can't be read, on each page.
    left_out: usize,
    refuses_tokens: bool,
    /// How reading any one object fails.
    one_fails: Option<ErrorKind>,
    asked: Mutex<Vec<Option<u64>>>,
    asked_for: Mutex<Vec<String>>,
}

impl World {
    fn new(objects: &[(&str, &str)], page_size: usize) -> Self {
        let objects = objects.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect();
        World {
            objects,
            page_size,
            passed_by: HashSet::new(),
            record_bytes: 0,
            left_out: 0,
            refuses_tokens: false,
            one_fails: None,
            asked: Mutex::default(),
            asked_for: Mutex::default(),
        }
    }

    fn many(count: usize, page_size: usize) -> Self {
        let mut world = World::new(&[], page_size);
        world.objects = (0..count).map(|n| (format!("{n:06}"), "a".to_owned())).collect();
        world
    }

    fn baseline(&self) -> Value {
        self.baseline_at(1_795_000_000)
    }

    fn baseline_at(&self, second: i64) -> Value {
        now(baseline(self, DateTime::from_timestamp(second, 0).unwrap())).unwrap()
    }

    fn step(&self, cursor: &Value) -> Step {
        now(step(self, cursor, &past())).ok().unwrap()
    }

    /// All steps of one poll, shown; and the cursor behind it.
    fn poll(&self, cursor: &Value) -> (Vec<String>, Value) {
        let (mut told, mut cursor) = (Vec::new(), cursor.clone());
        for _ in 0..1000 {
            let step = self.step(&cursor);
            assert!(step.changes.len() <= STEP_CHANGES_MAX);
            assert!(step.moved || step.cursor == cursor);
            told.extend(shown(&step));
            cursor = step.cursor;
            if !step.more {
                return (told, cursor);
            }
        }
        panic!("it never ends");
    }

    fn objects_asked_for(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked_for.lock().unwrap())
    }

    fn listed(&self, (id, state): &(String, String)) -> ListedObject {
        ListedObject {
            id: id.clone(),
            state: state.clone(),
            record: json!({ "id": id, "state": state, "filler": "x".repeat(self.record_bytes) }),
        }
    }

    fn pages_asked(&self) -> Vec<Option<u64>> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Pages for World {
    async fn page(&self, after: Option<&Value>) -> Result<ListingPage, Error> {
        self.asked.lock().unwrap().push(after.and_then(Value::as_u64));
        if after.is_some() && self.refuses_tokens {
            return Err(Error::new(ErrorKind::Rejected, "token"));
        }
        let from = after.map_or(0, |after| after.as_u64().unwrap() as usize);
        let visible: Vec<_> = self.objects.iter().filter(|(id, _)| !self.passed_by.contains(id)).collect();
        let taken = visible.iter().skip(from).take(self.page_size);
        let to = from + self.page_size;
        let next = (to < visible.len()).then(|| json!(to));
        Ok(ListingPage {
            objects: taken.map(|one| self.listed(one)).collect(),
            next,
            left_out: self.left_out,
        })
    }

    /// A state of its own is excluded by the conditions.
    async fn one(&self, id: &str) -> Result<Option<ListedObject>, Error> {
        self.asked_for.lock().unwrap().push(id.to_owned());
        if let Some(kind) = self.one_fails {
            return Err(Error::new(kind, "one"));
        }
        let found = self.objects.iter().find(|(known, _)| known == id);
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "one"))?;
        Ok((found.1 != "excluded").then(|| self.listed(found)))
    }

    fn gone(&self, id: &str) -> Value {
        json!({ "id": id })
    }
}

fn past() -> Past {
    Past {
        baseline_at: DateTime::UNIX_EPOCH,
        last_success_at: DateTime::UNIX_EPOCH,
        failures: 0,
        log_since: DateTime::UNIX_EPOCH,
        number: None,
    }
}

fn shown(step: &Step) -> Vec<String> {
    step.changes.iter().map(|change| format!("{} {}", change.kind.wire(), change.object_id)).collect()
}

#[test]
fn a_baseline_reports_nothing_and_an_idle_step_neither() {
    let world = World::new(&[("a", "1"), ("b", "1")], 10);
    let cursor = world.baseline();
    let step = world.step(&cursor);
    assert_eq!((step.changes.len(), step.moved, step.more), (0, false, false));
    assert_eq!(step.cursor, cursor);
}

#[test]
fn creations_updates_and_deletions_are_told() {
    let cursor = World::new(&[("a", "1"), ("b", "1"), ("c", "1")], 10).baseline();
    let world = World::new(&[("d", "1"), ("b", "2"), ("c", "1")], 10);
    let (told, cursor) = world.poll(&cursor);
    assert_eq!(told, ["CREATED d", "UPDATED b", "DELETED a"]);
    assert!(world.poll(&cursor).0.is_empty());
}

#[test]
fn the_same_step_read_again_gives_the_same_changes() {
    let cursor = World::new(&[("a", "1"), ("b", "1")], 10).baseline();
    let world = World::new(&[("b", "2"), ("c", "1")], 10);
    let (one, other) = (world.step(&cursor), world.step(&cursor));
    assert_eq!((one.changes, one.cursor), (other.changes, other.cursor));
}

#[test]
fn a_state_that_comes_again_is_another_version() {
    let states = ["1", "2", "1", "2"];
    let mut cursor = World::new(&[("a", "1")], 10).baseline();
    let mut versions = HashSet::new();
    for state in &states[1..] {
        let step = World::new(&[("a", state)], 10).step(&cursor);
        assert!(versions.insert(step.changes[0].version.clone()));
        cursor = step.cursor;
    }
}

#[test]
fn changes_after_another_baseline_are_other_versions() {
    let versions = |second: i64| {
        let mut cursor = World::new(&[("a", "1"), ("b", "1")], 10).baseline_at(second);
        let mut versions = Vec::new();
        for objects in [&[("a", "2"), ("b", "1")][..], &[("a", "1")], &[("a", "2")]] {
            let step = World::new(objects, 10).step(&cursor);
            versions.extend(step.changes.into_iter().map(|change| change.version));
            cursor = step.cursor;
        }
        versions
    };
    let (first, later) = (versions(1_795_000_000), versions(1_795_003_600));
    assert_eq!(first.len(), 4);
    assert!(later.iter().all(|version| !first.contains(version)), "{first:?} {later:?}");
}

#[test]
fn a_cursor_whose_generations_began_at_zero_goes_on() {
    let mut cursor = World::new(&[("a", "1")], 10).baseline();
    cursor["generation"] = json!(3);
    let step = World::new(&[("a", "2")], 10).step(&cursor);
    assert!(step.changes[0].version.starts_with("3."));
    assert_eq!(step.cursor["generation"], 4);
}

/// It was told as deleted: its return is no update of something that is there. The log is not asked to call it one.
#[test]
fn what_comes_back_after_its_deletion_is_a_creation_of_its_own() {
    let mut world = World::new(&[("a", "1")], 10);
    let cursor = world.baseline();
    let mut ids = HashSet::new();
    let mut cursor = cursor;
    for _ in 0..3 {
        world.objects = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "1".to_owned())];
        let step = world.step(&cursor);
        let is_first = ids.is_empty();
        assert_eq!((step.changes.len(), step.changes[0].kind), (1, ChangeKind::Created));
        assert_eq!(step.changes[0].again, !is_first);
        assert!(ids.insert(step.changes[0].event_id(domain::ids::InstanceId::MAX, "labels")));
        world.objects.pop();
        cursor = world.poll(&step.cursor).1;
    }
}

#[test]
fn only_the_latest_deletions_are_remembered() {
    let mut world = World::many(TOLD_GONE_MAX + 1, 1000);
    let cursor = world.baseline();
    let all = std::mem::take(&mut world.objects);
    let cursor = world.poll(&cursor).1;
    world.objects = all;
    let step = world.step(&cursor);
    assert_eq!(step.changes.iter().filter(|change| !change.again).count(), 1);
}

#[test]
fn each_deletion_of_an_id_that_comes_again_is_another_version() {
    let (there, gone) = (World::new(&[("a", "1")], 10), World::new(&[], 10));
    let mut cursor = there.baseline();
    let mut versions = HashSet::new();
    for _ in 0..3 {
        let deleted = gone.step(&cursor);
        assert_eq!(shown(&deleted), ["DELETED a"]);
        assert!(versions.insert(deleted.changes[0].version.clone()));
        let created = there.step(&deleted.cursor);
        let change = &created.changes[0];
        assert!(!change.version.is_empty());
        assert!(versions.insert(change.version.clone()));
        cursor = created.cursor;
    }
}

#[test]
fn many_creations_take_several_steps_and_each_page_once_or_twice() {
    let cursor = World::many(0, 100).baseline();
    let world = World::many(1000, 100);
    let first = world.step(&cursor);
    assert_eq!((first.changes.len(), first.more, first.moved), (STEP_CHANGES_MAX, true, true));
    assert_eq!(world.pages_asked(), [None, Some(100), Some(200)]);
    let second = world.step(&first.cursor);
    assert_eq!(world.pages_asked(), [Some(200), Some(300), Some(400), Some(500)], "it goes on");
    assert_eq!((second.changes.len(), second.changes[0].object_id.as_str()), (250, "000250"));
    let (told, end) = world.poll(&second.cursor);
    let unique: HashSet<_> = told.iter().collect();
    assert_eq!((told.len(), unique.len()), (500, 500));
    world.pages_asked();
    assert!(world.poll(&end).0.is_empty());
    assert_eq!(world.pages_asked().len(), 10, "one listing");
}

#[test]
fn many_deletions_are_decided_by_one_listing() {
    let cursor = World::many(1000, 2000).baseline();
    let world = World::many(100, 2000);
    let (told, end) = world.poll(&cursor);
    assert_eq!(told.len(), 900);
    assert!(told.iter().all(|line| line.starts_with("DELETED")));
    assert_eq!(world.pages_asked(), [None]);
    assert!(world.poll(&end).0.is_empty());
}

#[test]
fn a_listing_that_was_resumed_decides_no_deletion_but_leads_to_one_that_does() {
    let mut before = World::many(0, 200);
    before.objects.push(("zzz".to_owned(), "a".to_owned()));
    let cursor = before.baseline();
    let world = World::many(300, 200);
    let first = world.step(&cursor);
    let second = world.step(&first.cursor);
    assert!(second.more && second.changes.iter().all(|change| change.kind == ChangeKind::Created));
    assert_eq!(world.poll(&second.cursor).0, ["DELETED zzz"]);
}

#[test]
fn an_object_that_listings_of_several_pages_pass_by_is_not_deleted() {
    let mut world = World::many(10, 4);
    let cursor = world.baseline();
    world.passed_by.insert("000004".to_owned());
    for _ in 0..3 {
        let step = world.step(&cursor);
        assert_eq!((step.changes.len(), step.moved, step.more), (0, false, false));
        assert_eq!(world.objects_asked_for(), ["000004"]);
    }
    world.objects[4].1 = "b".to_owned();
    let (told, cursor) = world.poll(&cursor);
    assert_eq!(told, ["UPDATED 000004"], "it was read all the same");
    world.objects[4].1 = "excluded".to_owned();
    assert_eq!(world.poll(&cursor).0, ["DELETED 000004"], "as where one page shows that it is excluded");
}

/// More are passed by than one step reads, poll for poll.
#[test]
fn what_is_gone_behind_many_that_are_there_is_found_by_a_later_poll() {
    let mut world = World::many(400, 20);
    let cursor = world.baseline();
    world.passed_by.extend((0..350).map(|number| format!("{number:06}")));
    world.objects.retain(|(id, _)| id != "000340");
    let polled = |number| {
        let past = Past { number: Some(number), ..past() };
        shown(&now(step(&world, &cursor, &past)).ok().unwrap())
    };
    let told: Vec<String> = (0..4).flat_map(polled).collect();
    assert_eq!(told, ["DELETED 000340"]);
}

#[test]
fn what_is_not_there_is_told_by_the_listing_that_misses_it() {
    let cursor = World::many(1000, 100).baseline();
    let world = World::many(700, 100);
    let (told, end) = world.poll(&cursor);
    assert_eq!(told.len(), 300);
    assert!(told.iter().all(|line| line.starts_with("DELETED")), "{told:?}");
    assert_eq!(world.objects_asked_for().len(), 300, "each once");
    assert_eq!(world.pages_asked().len(), 3 * 7, "a listing for each hundred");
    assert!(world.poll(&end).0.is_empty());
    assert_eq!(world.objects_asked_for(), [""; 0]);
}

#[test]
fn what_can_not_be_read_has_to_be_missing_twice_in_a_row() {
    let mut world = World::many(10, 4);
    let first = world.baseline();
    for fails in [ErrorKind::ObjectRefused, ErrorKind::Rejected, ErrorKind::Unavailable] {
        world.one_fails = Some(fails);
        world.passed_by.insert("000004".to_owned());
        let (told, cursor) = world.poll(&first);
        assert!(told.is_empty(), "{fails:?}");
        assert_eq!(world.poll(&cursor).0, ["DELETED 000004"], "{fails:?}");
        world.passed_by.clear();
        let (told, cursor) = world.poll(&cursor);
        assert!(told.is_empty(), "{fails:?}");
        world.passed_by.insert("000004".to_owned());
        assert!(world.poll(&cursor).0.is_empty(), "not twice in a row");
    }
}

#[test]
fn a_limit_ends_the_step_and_decides_nothing() {
    let mut world = World::many(10, 4);
    let cursor = world.baseline();
    world.objects.pop();
    for limit in [ErrorKind::RateLimited, ErrorKind::Halted, ErrorKind::Unauthorized] {
        world.one_fails = Some(limit);
        let step = world.step(&cursor);
        assert_eq!(step.halted.map(|error| error.kind), Some(limit));
        assert_eq!((step.changes.len(), step.moved), (0, false));
    }
    world.one_fails = None;
    assert_eq!(world.poll(&cursor).0, ["DELETED 000009"]);
}

#[test]
fn an_object_that_is_listed_twice_counts_once() {
    let cursor = World::new(&[], 2).baseline();
    let (told, cursor) = World::new(&[("a", "1"), ("b", "1"), ("b", "2"), ("c", "1")], 2).poll(&cursor);
    assert_eq!(told, ["CREATED a", "CREATED b", "CREATED c"]);
    assert_eq!(World::new(&[("a", "1"), ("b", "2"), ("c", "1")], 9).poll(&cursor).0, ["UPDATED b"]);
}

#[test]
fn a_token_that_is_refused_begins_the_listing_again() {
    let cursor = World::many(0, 100).baseline();
    let mut world = World::many(300, 100);
    let first = world.step(&cursor);
    world.refuses_tokens = true;
    let failed = now(step(&world, &first.cursor, &past())).err().map(|error| error.kind);
    assert_eq!(failed, Some(ErrorKind::Rejected), "new tokens are refused as well");
    world.page_size = 1000;
    let (told, _) = world.poll(&first.cursor);
    assert_eq!(told.len(), 50);
}

#[test]
fn an_entry_that_cannot_be_read_is_told_once_and_nothing_is_deleted_for_it() {
    let cursor = World::new(&[("a", "1"), ("b", "1")], 9).baseline();
    let mut odd = World::new(&[("a", "2")], 9);
    odd.left_out = 1;
    let step = odd.step(&cursor);
    assert_eq!(shown(&step), ["UPDATED a"], "b may be what can't be read");
    let (from, reason) = step.gap.clone().unwrap();
    assert_eq!(from, past().last_success_at);
    assert!(reason.starts_with("1 entries of the list can't be read"), "{reason}");
    let again = odd.step(&step.cursor);
    assert!(again.gap.is_none() && !again.moved && again.changes.is_empty());
    odd.left_out = 0;
    let (told, cursor) = odd.poll(&again.cursor);
    assert_eq!(told, ["DELETED b"]);
    odd.left_out = 1;
    assert!(odd.step(&cursor).gap.is_some(), "another one is told again");
}

#[test]
fn an_entry_that_never_could_be_read_holds_no_deletion_back() {
    let mut odd = World::new(&[("a", "1"), ("b", "1")], 9);
    odd.left_out = 1;
    let cursor = odd.baseline();
    assert!(odd.step(&cursor).gap.is_none() && !odd.step(&cursor).moved);
    odd.objects.pop();
    assert_eq!(odd.poll(&cursor).0, ["DELETED b"]);
}

#[test]
fn large_records_end_a_step() {
    let cursor = World::many(0, 100).baseline();
    let mut world = World::many(5, 100);
    world.record_bytes = STEP_BYTES_MAX / 2;
    assert_eq!(world.step(&cursor).changes.len(), 2);
    assert_eq!(world.poll(&cursor).0.len(), 5);
}

#[test]
fn too_many_objects_are_refused() {
    let refused = |result: Result<(), Error>| {
        let error = result.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Rejected);
        assert!(error.message.contains("100000 objects"), "{error}");
    };
    let world = World::many(OBJECTS_MAX + 1, 10_000);
    refused(now(baseline(&world, DateTime::UNIX_EPOCH)).map(drop));
    let cursor = World::many(OBJECTS_MAX, 10_000).baseline();
    refused(now(step(&world, &cursor, &past())).map(drop));
    assert_eq!(
        now(step(&world, &json!({}), &past())).err().map(|error| error.kind),
        Some(ErrorKind::Malformed)
    );
}

#[test]
fn a_hundred_thousand_long_ids_fit() {
    let begun = std::time::Instant::now();
    let mut random = 7_u64;
    let mut rest = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{random:016x}")
    };
    let mut world = World::new(&[], 1000);
    let id = |rest: String| format!("{}{rest}{rest:0<26}", "A".repeat(108));
    world.objects = (0..OBJECTS_MAX).map(|_| (id(rest()), "s".to_owned())).collect();
    assert_eq!(world.objects[0].0.len(), 150);
    let cursor = world.baseline();
    assert!(cursor.to_string().len() < 8_000_000, "{}", cursor.to_string().len());
    world.objects[50_000].1 = "t".to_owned();
    let step = world.step(&cursor);
    assert_eq!(step.changes.len(), 1);
    assert!(!world.step(&step.cursor).moved);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
