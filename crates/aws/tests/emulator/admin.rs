//! What an operator sees of a stack.

use crate::stack::stack;
use app::admin::{Check, Finding, FindingReport, Mode, Others, Outcome};
use app::ports::{
    Accounts, Administration, Clock as _, HostPage, Job, ListingMark, Schedule as _, Vault as _,
};
use app::sealing::{DataKey, Sealer};
use aws::admin::StackAdministration;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use std::sync::Arc;
use system::SystemClock;

async fn administration() -> (aws::Stack, StackAdministration) {
    let made = stack().await;
    let sealer = Sealer::new(&[1; 32], vec![DataKey { id: "1".to_owned(), bytes: [2; 32] }]);
    let http = Arc::new(aws::egress(&made.environment));
    let stack = aws::Stack::new(&made.environment, &made.clients, http, Arc::new(sealer));
    let administration = StackAdministration::new(&stack, &made.clients, &made.environment);
    (stack, administration)
}

/// Follows a listing to its end.
async fn all<T>(read: impl AsyncFn(Option<ListingMark>) -> HostPage<T>) -> Vec<T> {
    let (mut items, mut from) = (Vec::new(), None);
    for _ in 0..100 {
        let page = read(from).await;
        items.extend(page.items);
        match page.next {
            Some(next) => from = Some(next),
            None => return items,
        }
    }
    panic!("the listing has no end");
}

#[tokio::test]
async fn organizations_and_users_are_let_in_and_listed() {
    let (stack, _) = administration().await;
    let accounts: &dyn Accounts = &stack.store;
    assert_eq!(accounts.add_user(7, &[9; 32], true).await.unwrap(), None, "no such organization");
    let first = accounts.add_organization(&[1; 32], &[2; 32]).await.unwrap();
    let second = accounts.add_organization(&[3; 32], &[4; 32]).await.unwrap();
    let user = accounts.add_user(second.organization_id, &[5; 32], false).await.unwrap().unwrap();
    assert_eq!((user.organization_id, user.sees_own_only), (second.organization_id, true));
    assert!(accounts.add_user(second.organization_id, &[5; 32], true).await.is_err(), "it is known");
    let store: &dyn app::ports::Store = &stack.store;
    assert_eq!(store.account(&[5; 32], Some(&[3; 32])).await.unwrap(), Some(user));
    let listed = all(async |from| accounts.organizations(from.as_ref()).await.unwrap()).await;
    let listed: Vec<(u32, u64)> = listed.into_iter().map(|one| (one.id, one.users_count)).collect();
    assert_eq!(listed, [(first.organization_id, 1), (second.organization_id, 2)]);
}

#[tokio::test]
async fn instances_of_all_organizations_are_listed() {
    let (stack, administration) = administration().await;
    let none = all(async |from| administration.instances(from.as_ref()).await.unwrap()).await;
    assert_eq!(none, []);
    let mut made = Vec::new();
    for organization in 1..=3_u8 {
        let (hash, user) = ([organization; 32], [organization + 100; 32]);
        let account = stack.store.add_organization(&hash, &user).await.unwrap();
        for number in 0..2_u32 {
            let mut new = conformance::sample::new_instance(InstanceId::from_bytes(
                (u32::from(organization) * 10 + number).to_be_bytes(),
            ));
            new.instance.account = account;
            let store: &dyn app::ports::Store = &stack.store;
            store.insert_instance(&new).await.unwrap();
            made.push(new.instance.id);
        }
    }
    let listed = all(async |from| administration.instances(from.as_ref()).await.unwrap()).await;
    assert_eq!(listed, made);
}

#[tokio::test]
async fn what_instances_keep_elsewhere_is_listed_with_its_age() {
    let (stack, administration) = administration().await;
    let id = InstanceId::parse("17").unwrap();
    stack.vault.write(id, &[("k".to_owned(), "v".to_owned())].into(), 1).await.unwrap();
    stack.schedules.put(id, Timetable::new(id, 5), true).await.unwrap();
    let secrets = all(async |from| administration.secrets(from.as_ref()).await.unwrap()).await;
    let schedules = all(async |from| administration.schedules(from.as_ref()).await.unwrap()).await;
    let now = SystemClock.now();
    for kept in [&secrets, &schedules] {
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].instance, id);
        assert!(kept[0].made_at.is_some_and(|at| (now - at).num_seconds() < 60));
    }
    let scheduled = administration.schedule(id).await.unwrap().unwrap();
    assert_eq!((scheduled.interval_s, scheduled.is_enabled), (300, true));
}

#[tokio::test]
async fn the_data_key_is_rotated_once() {
    let (_, administration) = administration().await;
    let now = SystemClock.now();
    assert_eq!(administration.rotate_data_key(now).await.unwrap().id, "2");
    assert!(administration.rotate_data_key(now).await.is_err(), "the last one is not through yet");
}

/// What crashes left is found and mended, in either direction; what is in order is not touched.
#[tokio::test]
async fn what_crashes_left_is_mended_in_either_direction() {
    let (stack, administration) = administration().await;
    let id = |number: &str| InstanceId::parse(number).unwrap();
    let orphan = id("18");
    stack.schedules.put(orphan, Timetable::new(orphan, 5), false).await.unwrap();
    stack.vault.write(orphan, &[("k".to_owned(), "v".to_owned())].into(), 1).await.unwrap();
    let account = stack.store.add_organization(&[1; 32], &[2; 32]).await.unwrap();
    let mut deleted = conformance::sample::new_instance(id("19"));
    deleted.instance.account = account;
    deleted.instance.deleted_at = Some(deleted.instance.created_at);
    let store: &dyn app::ports::Store = &stack.store;
    store.insert_instance(&deleted).await.unwrap();
    let check = async |mode| {
        let mut found = Vec::new();
        let mut tell = |one: FindingReport| found.push((one.instance.get(), one.finding, one.outcome));
        let check = Check { mode, others: Others::Stopped };
        stack.app.check(&administration, check, &mut tell).await.unwrap();
        found
    };
    let found = |outcome| {
        [
            (19, Finding::DeletionUnfinished, outcome),
            (18, Finding::OrphanedSchedule, outcome),
            (18, Finding::OrphanedSecret, outcome),
        ]
    };
    assert_eq!(check(Mode::Show).await, found(Outcome::Shown));
    assert_eq!(check(Mode::Mend).await, found(Outcome::Mended));
    assert_eq!(administration.schedule(orphan).await.unwrap(), None);
    assert_eq!(stack.vault.read(orphan).await.unwrap(), None);
    stack.app.run(Job::Purge(id("19")), SystemClock.now()).await.unwrap();
    assert_eq!(check(Mode::Show).await, []);
}
