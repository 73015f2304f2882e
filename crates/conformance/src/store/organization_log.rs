//! The log of an organization: what all its instances have notified. It may be some seconds behind, so the cases
//! look until it shows what they wait for.

use crate::mailbox::Mailbox;
use crate::sample::{event, id, logged, notification};
use crate::wait::{until, until_equal};
use app::ports::{LogLine, LogMark, Numbered, OrganizationPage, Progress, Store, Written};
use domain::delivery::Verdict;
use domain::ids::Sequence;

/// A sequence as polls choose them: microseconds.
const LATE: u64 = 1_795_000_000_000_000;
/// An instance id of other length than the cases' usual ones: order is by number, not by letter.
const LARGE: u32 = 2_000_000_001;

async fn lines(
    store: &dyn Store,
    organization_id: u32,
    before: Option<(u64, u32)>,
    from: Option<u64>,
    limit: usize,
) -> Vec<LogLine> {
    let before = before.map(|(sequence, instance)| mark(sequence, instance));
    let page = OrganizationPage { before, from: from.map(Sequence), limit };
    store.organization_log(organization_id, page).await.unwrap().rows
}

async fn page(
    store: &dyn Store,
    organization_id: u32,
    before: Option<(u64, u32)>,
    from: Option<u64>,
    limit: usize,
) -> Vec<(u64, u32)> {
    let shown = lines(store, organization_id, before, from, limit).await;
    shown.iter().map(|line| (line.mark.sequence.0, line.mark.instance.get())).collect()
}

fn mark(sequence: u64, instance: u32) -> LogMark {
    LogMark { sequence: Sequence(sequence), instance: id(instance) }
}

async fn with(store: &dyn Store, organization_id: u32, number: u32, sequences: &[u64]) {
    Mailbox::of(store, organization_id, number).await.add(sequences).await;
}

/// Over several instances, also where their sequences are equal: without a gap, a double, or another organization's.
pub async fn is_paged_newest_first(store: &dyn Store) {
    let organization_id = 60_001;
    with(store, organization_id, 1201, &[9, 12]).await;
    with(store, organization_id, 1202, &[9, 10, LATE]).await;
    with(store, organization_id, LARGE, &[9, 12]).await;
    with(store, 60_002, 1204, &[9, 11, LATE]).await;
    let all = [(LATE, 1202), (12, LARGE), (12, 1201), (10, 1202), (9, LARGE), (9, 1202), (9, 1201)];
    until_equal(async || page(store, organization_id, None, None, 100).await, all.to_vec()).await;
    for limit in 1..=all.len() {
        let (mut before, mut seen) = (None, Vec::new());
        // One page more than there are: the last is empty.
        for _ in 0..=all.len() {
            let shown = page(store, organization_id, before, None, limit).await;
            assert!(shown.len() <= limit, "{shown:?}");
            before = shown.last().copied().or(before);
            seen.extend(shown);
        }
        assert_eq!(seen, all, "in pages of {limit}");
    }
    assert_eq!(page(store, organization_id, Some((11, 1)), None, 1).await, [(10, 1202)], "a mark of no line");
    assert_eq!(page(store, organization_id, None, None, 0).await, []);
    assert_eq!(page(store, 60_003, None, None, 100).await, [], "nobody");
}

/// Nothing is older than a page's beginning.
pub async fn begins_where_it_is_told(store: &dyn Store) {
    let organization_id = 60_011;
    with(store, organization_id, 1211, &[9, 10, 11]).await;
    with(store, organization_id, 1212, &[10, LATE]).await;
    let all = vec![(LATE, 1212), (11, 1211), (10, 1212), (10, 1211)];
    until_equal(async || page(store, organization_id, None, Some(10), 100).await, all.clone()).await;
    let second = page(store, organization_id, Some((11, 1211)), Some(10), 2).await;
    assert_eq!(second, all[2..], "both ends, and all of the first sequence");
    assert_eq!(page(store, organization_id, Some((10, 1211)), Some(10), 2).await, []);
    assert_eq!(page(store, organization_id, None, Some(LATE + 1), 2).await, []);
}

/// Each line has what a list shows without reading the body.
pub async fn tells_how_far_each_notification_is(store: &dyn Store) {
    let mailbox = Mailbox::of(store, 60_021, 1221).await;
    let mut several = notification(mailbox.id, 10);
    several.events = vec![event(mailbox.id, 1), event(mailbox.id, 2)];
    let new = vec![several, notification(mailbox.id, 11), logged(mailbox.id, 12)];
    assert_eq!(mailbox.commit(new.clone()).await, Written::Done);
    mailbox.attempt(11, 1, Verdict::Delivered).await;
    let line = |index: usize, progress, events_count| LogLine {
        mark: mark(new[index].sequence.0, 1221),
        number: new[index].name.id,
        progress,
        events_count,
    };
    let wanted =
        vec![line(2, Progress::Logged, 1), line(1, Progress::Delivered, 1), line(0, Progress::Pending, 2)];
    until_equal(async || lines(store, 60_021, None, None, 10).await, wanted).await;
}

/// From the deletion on, although its rows go later.
pub async fn shows_nothing_of_a_deleted_instance(store: &dyn Store) {
    let organization_id = 60_031;
    with(store, organization_id, 1231, &[10, 12]).await;
    let deleted = Mailbox::of(store, organization_id, 1232).await;
    deleted.add(&[10, 11, 13]).await;
    let name = notification(deleted.id, 11).name.event_id;
    let log = async || page(store, organization_id, None, None, 2).await;
    until_equal(log, vec![(13, 1232), (12, 1231)]).await;
    let find = async || store.notification_of(organization_id, &name).await.unwrap();
    until(find, Option::is_some).await;
    deleted.delete().await;
    until_equal(log, vec![(12, 1231), (10, 1231)]).await;
    until(find, Option::is_none).await;
    assert_eq!(store.purge_instance(deleted.id, 100).await.unwrap(), (3, false));
    until_equal(log, vec![(12, 1231), (10, 1231)]).await;
    assert!(store.notification_at(mark(11, 1232)).await.unwrap().is_none());
}

/// The name that stands in a body finds it, in its own organization alone.
pub async fn finds_one_of_any_instance_by_its_event_id(store: &dyn Store) {
    let (first, second) = (Mailbox::of(store, 60_041, 1241).await, Mailbox::of(store, 60_041, 1242).await);
    let other = Mailbox::of(store, 60_042, 1243).await;
    for mailbox in [&first, &second, &other] {
        mailbox.add(&[10, 11]).await;
    }
    let find = async |mailbox: &Mailbox<'_>| {
        let name = notification(mailbox.id, 11).name.event_id;
        let found = store.notification_of(60_041, &name).await.unwrap();
        found.map(|found| (found.instance, found.sequence.0, found.name.event_id == name))
    };
    for mailbox in [&first, &second] {
        until_equal(async || find(mailbox).await, Some((mailbox.id, 11, true))).await;
    }
    let theirs = notification(other.id, 11).name.event_id;
    until(async || store.notification_of(60_042, &theirs).await.unwrap(), Option::is_some).await;
    assert_eq!(find(&other).await, None, "it is another organization's");
    assert!(store.notification_of(60_041, "unknown").await.unwrap().is_none());
}

/// The number that stands in a body finds it, in its own organization alone, until its instance is deleted.
pub async fn finds_one_of_any_instance_by_its_number(store: &dyn Store) {
    let (first, second) = (Mailbox::of(store, 60_061, 1261).await, Mailbox::of(store, 60_061, 1262).await);
    let other = Mailbox::of(store, 60_062, 1263).await;
    for mailbox in [&first, &second, &other] {
        mailbox.add(&[10, 11]).await;
    }
    let find = async |organization_id, mailbox: &Mailbox<'_>, sequence| {
        let number = notification(mailbox.id, sequence).name.id;
        match store.notification_numbered(organization_id, number).await.unwrap() {
            Numbered::Found(mark) => Some((mark.sequence.0, mark.instance)),
            Numbered::NotThere | Numbered::Unknown => None,
        }
    };
    for mailbox in [&first, &second] {
        for sequence in [10, 11] {
            let wanted = Some((sequence, mailbox.id));
            until_equal(async || find(60_061, mailbox, sequence).await, wanted).await;
        }
    }
    until_equal(async || find(60_062, &other, 11).await, Some((11, other.id))).await;
    assert_eq!(find(60_061, &other, 11).await, None, "it is another organization's");
    assert_eq!(find(60_061, &first, 12).await, None, "nothing has it");
    second.delete().await;
    until_equal(async || find(60_061, &second, 11).await, None).await;
    assert_eq!(find(60_061, &first, 11).await, Some((11, first.id)));
}

/// As those have that were stored before numbers led anywhere.
pub async fn never_calls_one_missing_that_has_a_number_of_its_own(store: &dyn Store) {
    let mailbox = Mailbox::of(store, 60_071, 1271).await;
    let mut old = notification(mailbox.id, 10);
    old.name.id ^= 1 << 52;
    let number = old.name.id;
    assert_eq!(mailbox.commit(vec![old]).await, Written::Done);
    match store.notification_numbered(60_071, number).await.unwrap() {
        Numbered::Found(found) => assert_eq!(found, mark(10, 1271)),
        answer => assert_eq!(answer, Numbered::Unknown),
    }
}

/// At once: this is no read of the log.
pub async fn finds_one_by_its_place(store: &dyn Store) {
    let mailbox = Mailbox::of(store, 60_051, 1251).await;
    mailbox.add(&[10, 11]).await;
    let found = store.notification_at(mark(11, 1251)).await.unwrap().expect("it is there");
    assert_eq!((found.instance, found.sequence), (mailbox.id, Sequence(11)));
    assert_eq!(found.body, notification(mailbox.id, 11).body);
    assert!(store.notification_at(mark(12, 1251)).await.unwrap().is_none());
    assert!(store.notification_at(mark(11, 1252)).await.unwrap().is_none());
}
