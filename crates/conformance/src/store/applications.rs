//! OAuth applications, and how many living instances name each.

use crate::sample::{at, entry, id, new_instance, next_version};
use app::ports::{InstanceChange, NewInstance, Store, StoredApplication, Written};
use domain::application::Application;
use domain::ids::InstanceId;
use domain::settings::OAUTH_APPLICATION;
use futures_util::future::join_all;

fn application(organization_id: u32, name: &str) -> Application {
    Application {
        organization_id,
        name: name.to_owned(),
        connector: "mail".to_owned(),
        api_key: "client".to_owned(),
        api_secret_sealed: "sealed".to_owned(),
        tenant: None,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

async fn insert(store: &dyn Store, one: &Application) -> Written {
    let entry = entry(one.organization_id, 0, &format!("stored {}", one.name));
    store.insert_application(one, &entry).await.unwrap()
}

async fn remove(store: &dyn Store, one: &Application) -> Written {
    let entry = entry(one.organization_id, 9, &format!("removed {}", one.name));
    store.remove_application(one, &entry).await.unwrap()
}

async fn count(store: &dyn Store, one: &Application) -> Option<u64> {
    let stored = store.application(one.organization_id, &one.name).await.unwrap();
    stored.map(|stored| stored.instances_count)
}

fn naming(number: u32, one: &Application) -> NewInstance {
    let mut new = new_instance(id(number));
    new.instance.account.organization_id = one.organization_id;
    new.audit.organization_id = one.organization_id;
    new.instance.configuration.insert(OAUTH_APPLICATION.to_owned(), one.name.clone());
    new
}

/// The next version of a stored instance, which names this application or none.
async fn renamed(store: &dyn Store, id: InstanceId, one: Option<&Application>) -> InstanceChange {
    let mut change = next_version(&store.instance(id).await.unwrap().unwrap());
    change.instance.configuration.remove(OAUTH_APPLICATION);
    if let Some(one) = one {
        change.instance.configuration.insert(OAUTH_APPLICATION.to_owned(), one.name.clone());
    }
    change
}

/// A name is taken once in an organization, and free in another.
pub async fn a_name_is_taken_once(store: &dyn Store) {
    let (one, other) = (application(64_001, "mail"), application(64_002, "mail"));
    assert_eq!(insert(store, &one).await, Written::Done);
    assert_eq!(
        insert(store, &Application { api_key: "other".to_owned(), ..one.clone() }).await,
        Written::Conflict
    );
    assert_eq!(insert(store, &other).await, Written::Done);
    let stored = store.application(64_001, "mail").await.unwrap();
    assert_eq!(stored, Some(StoredApplication { application: one, instances_count: 0 }));
    assert_eq!(store.application(64_001, "none").await.unwrap(), None);
}

/// By name, and of one organization.
pub async fn are_paged_by_name(store: &dyn Store) {
    for name in ["b", "a", "c", "B"] {
        assert_eq!(insert(store, &application(64_011, name)).await, Written::Done);
    }
    insert(store, &application(64_012, "z")).await;
    let (mut after, mut seen): (Option<String>, _) = (None, Vec::new());
    for _ in 0..3 {
        let page = store.applications(64_011, after.as_deref(), 2).await.unwrap().rows;
        seen.extend(page.into_iter().map(|stored| stored.application.name));
        after = seen.last().cloned();
    }
    assert_eq!(seen, ["B", "a", "b", "c"]);
    assert_eq!(store.applications(64_011, None, 0).await.unwrap().rows, []);
}

/// The loser of two writers writes nothing, and what is counted stays.
pub async fn a_change_is_conditional_on_the_version(store: &dyn Store) {
    let one = application(64_021, "mail");
    let changed = Application { version: 2, api_secret_sealed: "new".to_owned(), ..one.clone() };
    let entry = entry(64_021, 5, "changed");
    assert_eq!(store.change_application(&changed, &entry).await.unwrap(), Written::Conflict);
    insert(store, &one).await;
    store.insert_instance(&naming(64_021, &one)).await.unwrap();
    assert_eq!(store.change_application(&changed, &entry).await.unwrap(), Written::Done);
    assert_eq!(store.change_application(&changed, &entry).await.unwrap(), Written::Conflict);
    let stored = store.application(64_021, "mail").await.unwrap();
    assert_eq!(stored, Some(StoredApplication { application: changed, instances_count: 1 }));
}

/// Creation, change and deletion each count; what writes nothing counts nothing.
pub async fn instances_are_counted_where_they_name_it(store: &dyn Store) {
    let (one, other) = (application(64_031, "one"), application(64_031, "other"));
    insert(store, &one).await;
    insert(store, &other).await;
    assert_eq!(store.insert_instance(&naming(64_031, &one)).await.unwrap(), Written::Done);
    assert_eq!(store.insert_instance(&naming(64_031, &other)).await.unwrap(), Written::Conflict);
    assert_eq!(store.insert_instance(&naming(64_032, &one)).await.unwrap(), Written::Done);
    assert_eq!((count(store, &one).await, count(store, &other).await), (Some(2), Some(0)));
    let change = renamed(store, id(64_032), Some(&other)).await;
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Done);
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Conflict);
    assert_eq!((count(store, &one).await, count(store, &other).await), (Some(1), Some(1)));
    let change = renamed(store, id(64_032), None).await;
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Done);
    assert_eq!((count(store, &one).await, count(store, &other).await), (Some(1), Some(0)));
    let mut deletion = renamed(store, id(64_031), Some(&one)).await;
    deletion.instance.deleted_at = Some(at(7));
    assert_eq!(store.change_instance(&deletion).await.unwrap(), Written::Done);
    assert_eq!(store.change_instance(&deletion).await.unwrap(), Written::Gone);
    store.purge_instance(id(64_031), 10).await.unwrap();
    assert_eq!(count(store, &one).await, Some(0));
}

/// Neither a new instance nor a changed one names what is not there.
pub async fn what_is_not_there_is_not_named(store: &dyn Store) {
    let (one, missing) = (application(64_041, "one"), application(64_041, "missing"));
    insert(store, &one).await;
    assert_eq!(store.insert_instance(&naming(64_041, &missing)).await.unwrap(), Written::Gone);
    assert_eq!(store.instance(id(64_041)).await.unwrap(), None);
    assert_eq!(store.insert_instance(&naming(64_041, &one)).await.unwrap(), Written::Done);
    let change = renamed(store, id(64_041), Some(&missing)).await;
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Conflict);
    assert_eq!(count(store, &one).await, Some(1));
}

/// It goes when no living instance names it, and only as it was read.
pub async fn what_is_named_is_not_removed(store: &dyn Store) {
    let one = application(64_051, "one");
    insert(store, &one).await;
    store.insert_instance(&naming(64_051, &one)).await.unwrap();
    assert_eq!(remove(store, &one).await, Written::Conflict);
    let change = renamed(store, id(64_051), None).await;
    store.change_instance(&change).await.unwrap();
    assert_eq!(remove(store, &Application { version: 2, ..one.clone() }).await, Written::Conflict);
    assert_eq!(remove(store, &one).await, Written::Done);
    assert_eq!(remove(store, &one).await, Written::Conflict);
    assert_eq!(count(store, &one).await, None);
}

/// Of a removal and of instances that begin to name it at once, one is too late.
pub async fn a_removal_races_with_who_names_it(store: &dyn Store) {
    for round in 0..4 {
        let one = application(64_060 + round, "one");
        insert(store, &one).await;
        let news: Vec<NewInstance> =
            (0..3).map(|number| naming(64_060 + 10 * round + number, &one)).collect();
        let (named, removed) =
            tokio::join!(join_all(news.iter().map(|new| store.insert_instance(new))), remove(store, &one),);
        let named_count = named.into_iter().filter(|one| matches!(one, Ok(Written::Done))).count();
        match removed {
            Written::Done => assert_eq!((named_count, count(store, &one).await), (0, None)),
            _ => assert_eq!(count(store, &one).await, Some(named_count as u64)),
        }
    }
}
