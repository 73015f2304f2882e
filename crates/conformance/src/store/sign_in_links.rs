//! Links by which owners of mailboxes sign in.

use crate::mailbox::Mailbox;
use crate::sample::{at, entry, id, new_instance, next_version};
use app::ports::{Store, Written};
use domain::ids::InstanceId;
use domain::instance::Account;
use domain::sign_in_link::{LinkKey, LinkPurpose, LinkStanding, SignInLink, StoredLink, TRIES_COUNT_MAX};
use futures_util::future::join_all;

fn key(number: u8, instance: Option<InstanceId>) -> LinkKey {
    let mut hash = [number; 32];
    hash[0] = 0x51;
    LinkKey { instance, hash }
}

fn link(instance: Option<InstanceId>) -> StoredLink {
    let link = SignInLink {
        account: Account { organization_id: 1, account_id: 2, user_id: 3, sees_own_only: true },
        connector: "mail".to_owned(),
        asked_by: "Ünïcode \"quoted\"".to_owned(),
        purpose: instance.map_or(LinkPurpose::Connect, LinkPurpose::Again),
        expires_at: at(600),
    };
    let creation_sealed = instance.is_none().then(|| "sealed".to_owned());
    StoredLink { link, creation_sealed, tries_count: 0, spent_on: None }
}

async fn insert(store: &dyn Store, key: &LinkKey) {
    let note = entry(1, 0, &format!("link {}", key.hash[1]));
    store.insert_link(key, &link(key.instance), &note).await.unwrap();
}

/// What was stored is read back, of an instance and of none, under its whole key alone.
pub async fn a_link_is_read_back(store: &dyn Store) {
    for key in [key(1, None), key(2, Some(id(910)))] {
        insert(store, &key).await;
        assert_eq!(store.link(&key).await.unwrap(), Some(link(key.instance)));
    }
    assert_eq!(store.link(&key(3, None)).await.unwrap(), None);
    assert_eq!(store.try_link(&key(3, None)).await.unwrap(), Written::Conflict);
}

/// Tries are counted up to their limit, however many come at a time.
pub async fn tries_are_counted_and_end(store: &dyn Store) {
    let key = key(10, None);
    insert(store, &key).await;
    let tries = join_all((0..TRIES_COUNT_MAX + 4).map(|_| store.try_link(&key))).await;
    let is_done = |written: &&app::ports::Result<Written>| matches!(written, Ok(Written::Done));
    assert_eq!(tries.iter().filter(is_done).count(), TRIES_COUNT_MAX as usize);
    let stored = store.link(&key).await.unwrap().unwrap();
    assert_eq!(stored.standing(at(1)), LinkStanding::Exhausted);
}

/// A creation spends its link in its own write: of two one is stored, and what the link stood for goes.
pub async fn a_creation_spends_its_link(store: &dyn Store) {
    let key = key(20, None);
    insert(store, &key).await;
    let creation = |number: u32| app::ports::NewInstance { spends: Some(key), ..new_instance(id(number)) };
    assert_eq!(store.insert_instance(&creation(920)).await.unwrap(), Written::Done);
    let stored = store.link(&key).await.unwrap().unwrap();
    assert_eq!((stored.spent_on, stored.creation_sealed), (Some(id(920)), None));
    assert_eq!(store.insert_instance(&creation(921)).await.unwrap(), Written::Conflict);
    assert_eq!(store.instance(id(921)).await.unwrap(), None, "nothing of it is stored");
    assert_eq!(store.try_link(&key).await.unwrap(), Written::Conflict);
    let unknown =
        app::ports::NewInstance { spends: Some(LinkKey { hash: [0; 32], ..key }), ..new_instance(id(922)) };
    assert_eq!(store.insert_instance(&unknown).await.unwrap(), Written::Conflict);
}

/// So does a change; one that is refused for something else leaves the link as it was.
pub async fn a_change_spends_its_link(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 930, &[]).await;
    let key = key(30, Some(mailbox.id));
    insert(store, &key).await;
    let mut change = next_version(&mailbox.instance().await);
    change.spends = Some(key);
    let mut late = change.clone();
    late.instance.version += 7;
    assert_eq!(store.change_instance(&late).await.unwrap(), Written::Conflict);
    assert_eq!(store.link(&key).await.unwrap().unwrap().spent_on, None);
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Done);
    assert_eq!(store.link(&key).await.unwrap().unwrap().spent_on, Some(mailbox.id));
    let mut again = next_version(&mailbox.instance().await);
    again.spends = Some(key);
    assert_eq!(store.change_instance(&again).await.unwrap(), Written::Conflict);
    assert_eq!(mailbox.instance().await.version, change.instance.version);
}

/// Links of a deleted instance go with its rows.
pub async fn a_purge_takes_the_links(store: &dyn Store) {
    let (mailbox, other) = (Mailbox::with(store, 940, &[]).await, Mailbox::with(store, 941, &[]).await);
    let (own, others) = (key(40, Some(mailbox.id)), key(41, Some(other.id)));
    insert(store, &own).await;
    insert(store, &others).await;
    mailbox.delete().await;
    assert_eq!(store.purge_instance(mailbox.id, 100).await.unwrap(), (0, false));
    assert_eq!(store.link(&own).await.unwrap(), None);
    assert!(store.link(&others).await.unwrap().is_some());
}
