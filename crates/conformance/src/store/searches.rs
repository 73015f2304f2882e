//! Searches of the log. It may be some seconds behind, so the cases look until it shows what they wait for.

use crate::mailbox::Mailbox;
use crate::sample::{id, logged, notification};
use crate::wait::until_equal;
use app::ports::{Gist, LogKey, LogMark, LogSearch, LogWish, NewNotification, Progress, Store, Written};
use domain::delivery::Verdict;
use domain::event::ChangeKind;
use domain::ids::Sequence;

fn mark(sequence: u64, instance: u32) -> LogMark {
    LogMark { sequence: Sequence(sequence), instance: id(instance) }
}

fn of(by: LogKey, limit: usize) -> LogSearch {
    let wish = LogWish::default();
    LogSearch { by, wish, instance: None, before: None, from: None, limit, looks_count_max: 5_000 }
}

/// All that a search finds, page by page: a page may be short, and yet there is more.
async fn found(store: &dyn Store, organization_id: u32, search: &LogSearch) -> Vec<(u64, u32)> {
    let (mut search, mut all) = (search.clone(), Vec::new());
    loop {
        let page = store.search_log(organization_id, &search).await.unwrap();
        assert!(page.marks.len() <= search.limit, "{page:?}");
        all.extend(page.marks.iter().map(|mark| (mark.sequence.0, mark.instance.get())));
        let Some(end) = page.end else { return all };
        assert!(search.before.is_none_or(|before| end < before), "it goes on: {search:?}, {end:?}");
        search.before = Some(end);
    }
}

fn about(mailbox: &Mailbox<'_>, sequence: u64, objects: &[&str]) -> NewNotification {
    let objects = objects.iter().map(|object| (*object).to_owned()).collect();
    NewNotification { objects, ..notification(mailbox.id, sequence) }
}

/// Newest first, over all instances or of one, in pages of any length, between two places.
pub async fn finds_what_is_so_far(store: &dyn Store) {
    let organization_id = 61_001;
    let (one, other) =
        (Mailbox::of(store, organization_id, 2001).await, Mailbox::of(store, organization_id, 2002).await);
    let mut new: Vec<NewNotification> = (10..20).map(|sequence| notification(one.id, sequence)).collect();
    new.push(logged(one.id, 20));
    assert_eq!(one.commit(new).await, Written::Done);
    other.add(&[12, 30]).await;
    Mailbox::of(store, 61_002, 2003).await.add(&[11]).await;
    for sequence in [11, 13, 14, 15, 16, 17, 18, 19] {
        one.attempt(sequence, 1, Verdict::Delivered).await;
    }
    for limit in [1, 2, 3, 100] {
        let pending = of(LogKey::Progress(Progress::Pending), limit);
        let all = vec![(30, 2002), (12, 2002), (12, 2001), (10, 2001)];
        until_equal(async || found(store, organization_id, &pending).await, all).await;
        let of_one = LogSearch { instance: Some(one.id), ..pending.clone() };
        until_equal(async || found(store, organization_id, &of_one).await, vec![(12, 2001), (10, 2001)])
            .await;
        let between = LogSearch { before: Some(mark(30, 2002)), from: Some(Sequence(12)), ..pending };
        let some = vec![(12, 2002), (12, 2001)];
        until_equal(async || found(store, organization_id, &between).await, some).await;
        let delivered = of(LogKey::Progress(Progress::Delivered), limit);
        let all = [19, 18, 17, 16, 15, 14, 13, 11].map(|sequence| (sequence, 2001));
        until_equal(async || found(store, organization_id, &delivered).await, all.to_vec()).await;
        let of_one = LogSearch { instance: Some(one.id), from: Some(Sequence(18)), ..delivered };
        until_equal(async || found(store, organization_id, &of_one).await, all[..2].to_vec()).await;
        let only_logged = of(LogKey::Progress(Progress::Logged), limit);
        until_equal(async || found(store, organization_id, &only_logged).await, vec![(20, 2001)]).await;
        let dropped = of(LogKey::Progress(Progress::Dropped), limit);
        assert_eq!(found(store, organization_id, &dropped).await, []);
    }
    let nothing =
        store.search_log(organization_id, &of(LogKey::Progress(Progress::Pending), 0)).await.unwrap();
    assert_eq!(nothing.marks, [], "a page of none");
}

/// By any of its objects, in whatever mailbox of the organization, and nothing of another's, of a deleted one's, or of
/// what was refused.
pub async fn finds_an_object(store: &dyn Store) {
    let organization_id = 61_011;
    let one = Mailbox::of(store, organization_id, 2011).await;
    let other = Mailbox::of(store, organization_id, 2012).await;
    let deleted = Mailbox::of(store, organization_id, 2013).await;
    let stranger = Mailbox::of(store, 61_012, 2014).await;
    let long = "x".repeat(3_000);
    let (key, name) = (LogKey::Object("looked for".to_owned()), "looked for");
    let new = vec![about(&one, 10, &["first", name]), about(&one, 11, &["second"]), about(&one, 12, &[name])];
    assert_eq!(one.commit(new).await, Written::Done);
    assert_eq!(other.commit(vec![about(&other, 11, &[name, &long])]).await, Written::Done);
    assert_eq!(deleted.commit(vec![about(&deleted, 13, &[name])]).await, Written::Done);
    deleted.delete().await;
    assert_eq!(stranger.commit(vec![about(&stranger, 14, &[name])]).await, Written::Done);
    // A loser's.
    let stale = one.commit_state(one.state().await, vec![about(&one, 15, &[name])]).await;
    assert_eq!(stale, Written::Conflict);
    for limit in [1, 2, 100] {
        let search = of(key.clone(), limit);
        let all = vec![(12, 2011), (11, 2012), (10, 2011)];
        until_equal(async || found(store, organization_id, &search).await, all).await;
        let of_one = LogSearch { instance: Some(one.id), ..search.clone() };
        assert_eq!(found(store, organization_id, &of_one).await, [(12, 2011), (10, 2011)]);
        let between = LogSearch { before: Some(mark(12, 2011)), from: Some(Sequence(11)), ..search };
        assert_eq!(found(store, organization_id, &between).await, [(11, 2012)]);
    }
    assert_eq!(found(store, organization_id, &of(LogKey::Object(long), 10)).await, [(11, 2012)]);
    assert_eq!(found(store, organization_id, &of(LogKey::Object("look".to_owned()), 10)).await, [], "a part");
}

/// Whatever fits a wish is found, by any key; of what does not, or may, whoever asked looks at the rest.
pub async fn passes_over_only_what_it_can_tell(store: &dyn Store) {
    let organization_id = 61_031;
    let one = Mailbox::of(store, organization_id, 2031).await;
    let kinds = [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Deleted];
    let mut new: Vec<NewNotification> = (10..40).map(|sequence| notification(one.id, sequence)).collect();
    for (index, notification) in new.iter_mut().enumerate() {
        let subjects = Some(format!("invoice {}\nüber uns", index % 10));
        let gist = Gist { kinds: vec![kinds[index % 3]], subjects };
        notification.gist = (index % 7 != 0).then_some(gist);
        notification.resource = if index % 4 == 0 { "threads" } else { "messages" }.to_owned();
    }
    let fits = |wish: &LogWish| -> Vec<u64> {
        let is_it = |new: &&NewNotification| {
            let gist = new.gist.clone().unwrap_or_default();
            wish.resource.as_ref().is_none_or(|wanted| *wanted == new.resource)
                && wish.kind.is_none_or(|kind| gist.kinds.contains(&kind))
                && wish.subject.as_ref().is_none_or(|part| gist.subjects.unwrap_or_default().contains(part))
        };
        new.iter().filter(is_it).map(|new| new.sequence.0).rev().collect()
    };
    let text = |text: &str| Some(text.to_owned());
    let wishes = [
        LogWish { resource: text("threads"), ..LogWish::default() },
        LogWish { resource: text("labels"), ..LogWish::default() },
        LogWish { kind: Some(ChangeKind::Deleted), ..LogWish::default() },
        LogWish { kind: Some(ChangeKind::Created), subject: text("invoice 3"), ..LogWish::default() },
        LogWish { subject: text("nowhere"), ..LogWish::default() },
        LogWish { resource: text("messages"), kind: Some(ChangeKind::Updated), subject: text("über") },
    ];
    let expected: Vec<Vec<u64>> = wishes.iter().map(fits).collect();
    assert_eq!(one.commit(new).await, Written::Done);
    for (wish, expected) in wishes.iter().zip(expected) {
        for by in [LogKey::All, LogKey::Progress(Progress::Pending)] {
            for (limit, instance) in [(2, None), (100, None), (3, Some(one.id))] {
                let search = LogSearch { wish: wish.clone(), instance, ..of(by.clone(), limit) };
                let all = async || {
                    let found = found(store, organization_id, &search).await;
                    expected.iter().filter(|sequence| found.contains(&(**sequence, 2031))).copied().collect()
                };
                until_equal(all, expected.clone()).await;
                let few = LogSearch { looks_count_max: 4, ..search.clone() };
                assert_eq!(
                    found(store, organization_id, &few).await,
                    found(store, organization_id, &search).await
                );
            }
        }
    }
}

/// Those that are there of several, as they were asked for.
pub async fn reads_several_places(store: &dyn Store) {
    let one = Mailbox::of(store, 61_021, 2021).await;
    let other = Mailbox::of(store, 61_021, 2022).await;
    one.add(&[10, 11]).await;
    other.add(&[10]).await;
    let places = [mark(10, 2022), mark(11, 2021), mark(12, 2021), mark(10, 2023), mark(10, 2021)];
    let read = store.notifications_at(&places).await.unwrap().rows;
    let found: Vec<_> = read.iter().map(|one| (one.sequence.0, one.instance.get())).collect();
    assert_eq!(found, [(10, 2022), (11, 2021), (10, 2021)]);
    assert_eq!(read[1].body, notification(one.id, 11).body);
    assert!(store.notifications_at(&[]).await.unwrap().rows.is_empty());
}
