//! Instances: stored, found, listed, changed.

use crate::mailbox::Mailbox;
use crate::sample::{RESOURCE, at, id, new_instance, session, token_hash};
use app::ports::{Store, SubscriptionChange, Written};
use domain::delivery::SubscriptionStatus;
use domain::health::Vitals;
use domain::ids::InstanceId;
use domain::instance::{AddressKey, Left, Unsettled, Validity};
use domain::state::ResourceState;

/// The id, the token and the whole mailbox lead to what was stored.
pub async fn what_is_stored_is_read_back(store: &dyn Store) {
    let new = new_instance(id(101));
    assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done);
    assert_eq!(store.instance(id(101)).await.unwrap().as_ref(), Some(&new.instance));
    assert_eq!(store.instance_by_token(&new.token_hash).await.unwrap().as_ref(), Some(&new.instance));
    let mailbox = store.mailbox(id(101)).await.unwrap().expect("the mailbox is there");
    assert_eq!(mailbox.instance, new.instance);
    assert_eq!(mailbox.session, new.session);
    assert_eq!(mailbox.subscription.status, SubscriptionStatus::Active);
    assert_eq!(mailbox.resources.len(), 1);
    assert_eq!(mailbox.resources[0].state, new.states[0]);
    assert!(mailbox.resources[0].outbox.is_empty() && !mailbox.resources[0].removed);

    assert!(store.instance(id(102)).await.unwrap().is_none(), "another id finds nothing");
    assert!(store.mailbox(id(102)).await.unwrap().is_none());
    assert!(store.subscription(id(102)).await.unwrap().is_none());
    assert!(store.instance_by_token(&token_hash(id(102))).await.unwrap().is_none());
}

/// A creation whose id is taken draws another.
pub async fn an_id_is_taken_once(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 103, &[10]).await;
    let mut second = new_instance(mailbox.id);
    second.instance.name = "second".to_owned();
    second.token_hash = token_hash(id(104));
    assert_eq!(store.insert_instance(&second).await.unwrap(), Written::Conflict);
    assert_ne!(mailbox.instance().await.name, "second");
    assert!(store.instance_by_token(&second.token_hash).await.unwrap().is_none());
    assert_eq!(mailbox.outbox().await, [10], "nothing of the first was touched");
}

/// Pages follow each other by id; other organizations' instances and deleted ones are left out.
pub async fn a_list_is_of_one_organization_and_paged(store: &dyn Store) {
    let insert = async |number: u32, organization_id: u32| {
        let mut new = new_instance(id(number));
        new.instance.account.organization_id = organization_id;
        assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done);
    };
    for number in [115, 112, 111, 114, 113] {
        insert(number, 71).await;
    }
    insert(116, 72).await;
    Mailbox::nobody(store, 113).delete().await;
    let list = async |after: Option<InstanceId>, limit| -> Vec<u32> {
        let page = store.instances(71, after, limit).await.unwrap().rows;
        page.iter().map(|instance| instance.id.get()).collect()
    };
    assert_eq!(list(None, 2).await, [111, 112]);
    assert_eq!(list(Some(id(112)), 2).await, [114, 115]);
    assert_eq!(list(Some(id(115)), 2).await, [] as [u32; 0]);
    assert_eq!(list(None, 100).await, [111, 112, 114, 115]);
}

/// The short rows of an organization's instances say what the whole ones do, and follow every write.
pub async fn a_fleet_says_what_the_mailboxes_do(store: &dyn Store) {
    let insert = async |number: u32| {
        let mut new = new_instance(id(number));
        new.instance.account.organization_id = 73;
        new.instance.configuration.insert("event.notification.enabled".to_owned(), "TRUE".to_owned());
        assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done);
    };
    for number in [131, 132, 133, 134] {
        insert(number).await;
    }
    let second = Mailbox::nobody(store, 132);
    let mut failed = second.state().await.failed("no answer".to_owned(), at(60), at(0));
    failed.version += 1;
    let second = Mailbox { organization_id: 73, ..second };
    assert_eq!(second.commit_state(failed, Vec::new()).await, Written::Done);
    second
        .change(|change| {
            change.instance.validity = Validity::NeedsSignIn("why".to_owned());
            change.instance.application_error = Some("fault".to_owned());
            change.instance.tags = vec!["\"quoted\"".to_owned()];
            change.instance.disabled = true;
            change.subscription = SubscriptionChange::Suspend("why".to_owned());
        })
        .await;
    Mailbox::nobody(store, 133).delete().await;
    Mailbox { organization_id: 73, ..Mailbox::nobody(store, 134) }.add(&[10, 11]).await;
    let page = store.fleet(73, None, 100).await.unwrap();
    assert!(!page.is_cut);
    assert_eq!(page.rows.iter().map(|row| row.id.get()).collect::<Vec<_>>(), [131, 132, 134]);
    for row in &page.rows {
        let mailbox = store.mailbox(row.id).await.unwrap().unwrap();
        let states = mailbox.resources.iter().map(|row| &row.state);
        assert_eq!(row.vitals, Vitals::of(&mailbox.instance, mailbox.subscription.status, states));
        assert_eq!((&row.name, &row.tags), (&mailbox.instance.name, &mailbox.instance.tags));
        assert_eq!((row.account_id, row.connector.as_str()), (2, "mail"));
    }
    assert_eq!(page.rows[1].vitals.pulses.failures_max, 1);
    let waiting: Vec<u32> = page.rows.iter().map(|row| row.waiting_count).collect();
    assert_eq!(waiting, [0, 0, 2]);
    assert!(
        page.rows[0].vitals.is_polled && !page.rows[1].vitals.is_valid && page.rows[1].vitals.is_disabled
    );
    let first = store.fleet(73, None, 2).await.unwrap();
    assert!(first.is_cut);
    assert_eq!(first.rows[..], page.rows[..2]);
    assert_eq!(store.fleet(73, Some(id(132)), 2).await.unwrap().rows[..], page.rows[2..]);
    assert_eq!(store.fleet(74, None, 2).await.unwrap().rows, []);
}

/// Ids are in order and paged; what another address took the place of, and what is deleted, is found by neither.
pub async fn an_address_finds_its_own_instances_alone(store: &dyn Store) {
    let (organization, other) = (75, 76);
    let key = |text: &str| Some(AddressKey(text.to_owned()));
    let found = async |organization, text: &str, after: Option<u32>, limit| {
        let ids =
            store.ids_of_address(organization, &AddressKey(text.to_owned()), after.map(id), limit).await;
        ids.unwrap().into_iter().map(InstanceId::get).collect::<Vec<_>>()
    };
    for (number, organization, address) in [
        (184, organization, key("ada")),
        (181, organization, key("ada")),
        (183, organization, key("bob")),
        (185, organization, None),
        (182, other, key("ada")),
    ] {
        let mut new = new_instance(id(number));
        new.instance.account.organization_id = organization;
        new.instance.address_key = address;
        assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done);
    }
    assert_eq!(found(organization, "ada", None, 10).await, [181, 184]);
    assert_eq!(found(organization, "ada", None, 1).await, [181]);
    assert_eq!(found(organization, "ada", Some(181), 10).await, [184]);
    assert_eq!(found(organization, "ada", Some(184), 10).await, Vec::<u32>::new());
    assert_eq!(found(organization, "ada", None, 0).await, Vec::<u32>::new());
    assert_eq!(found(other, "ada", None, 10).await, [182]);
    assert_eq!(found(other, "bob", None, 10).await, Vec::<u32>::new());

    let of = |number, organization_id| Mailbox { organization_id, ..Mailbox::nobody(store, number) };
    let named = async |number, address: Option<AddressKey>| {
        of(number, organization).change(|change| change.instance.address_key = address).await
    };
    assert_eq!(named(181, key("bob")).await, Written::Done);
    assert_eq!(named(185, key("ada")).await, Written::Done);
    assert_eq!(found(organization, "ada", None, 10).await, [184, 185]);
    assert_eq!(found(organization, "bob", None, 10).await, [181, 183]);
    assert_eq!(named(184, None).await, Written::Done);
    assert_eq!(found(organization, "ada", None, 10).await, [185]);
    let late = async |address| {
        of(185, organization)
            .change(|change| {
                change.instance.version -= 1;
                change.instance.address_key = address;
            })
            .await
    };
    assert_eq!(late(key("bob")).await, Written::Conflict);
    assert_eq!(found(organization, "bob", None, 10).await, [181, 183], "nothing of it was written");
    of(183, organization).delete().await;
    assert_eq!(found(organization, "bob", None, 10).await, [181]);
    assert_eq!(store.purge_instance(id(183), 10).await.unwrap(), (0, false));
    assert_eq!(found(organization, "bob", None, 10).await, [181]);
}

/// Of two changes of the same version one is stored.
pub async fn a_change_is_conditional_on_the_version(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 120).await;
    assert_eq!(mailbox.change(|change| change.instance.name = "first".to_owned()).await, Written::Done);
    let late = mailbox.change(|change| {
        change.instance.version -= 1;
        change.instance.name = "late".to_owned();
    });
    assert_eq!(late.await, Written::Conflict);
    let stored = mailbox.instance().await;
    assert_eq!((stored.name.as_str(), stored.version), ("first", 2));
    assert_eq!(store.instance_by_token(&token_hash(mailbox.id)).await.unwrap(), Some(stored));
    let nobody = Mailbox::nobody(store, 121);
    let mut change = crate::sample::next_version(&mailbox.instance().await);
    change.instance.id = nobody.id;
    assert_eq!(store.change_instance(&change).await.unwrap(), Written::Gone);
}

/// Marks of what a change set going stay until somebody says that just this version was seen to.
pub async fn a_change_is_settled_by_its_version(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 125).await;
    let mark = |marks: &[Unsettled]| {
        let marks = marks.iter().copied().collect();
        mailbox.change(|change| {
            change.instance.unsettled = marks;
            change.instance.left = vec![Left {
                mailbox_digest: "before".to_owned(),
                application: "a".to_owned(),
                token_sealed: "sealed".to_owned(),
            }];
        })
    };
    assert_eq!(mark(&[Unsettled::Schedule, Unsettled::Poll]).await, Written::Done);
    let first = mailbox.instance().await;
    assert_eq!(first.unsettled, [Unsettled::Schedule, Unsettled::Poll].into());
    assert_eq!(mark(&[Unsettled::Schedule]).await, Written::Done);
    assert_eq!(store.note_settled(&first).await.unwrap(), Written::Conflict, "it was changed again");
    let second = mailbox.instance().await;
    assert_eq!(second.unsettled, [Unsettled::Schedule].into());
    for _ in 0..2 {
        assert_eq!(store.note_settled(&second).await.unwrap(), Written::Done);
    }
    assert_eq!(second.left.len(), 1);
    let settled = mailbox.instance().await;
    assert_eq!(settled, second.settled(), "and nothing else");
    assert_eq!(settled.unsettled.len() + settled.left.len(), 0);
    assert_eq!(store.instance_by_token(&token_hash(mailbox.id)).await.unwrap(), Some(settled));
    mailbox.delete().await;
    assert_ne!(store.note_settled(&second).await.unwrap(), Written::Done);
    let nobody = Mailbox::nobody(store, 126);
    let other = domain::instance::Instance { id: nobody.id, ..second };
    assert_eq!(store.note_settled(&other).await.unwrap(), Written::Gone);
}

/// States and session come with the instance, or nothing does: a poll in between makes it a conflict.
pub async fn a_change_is_all_or_nothing(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 130).await;
    let stale_state = mailbox.state().await;
    let mut fresh_state = stale_state.clone();
    fresh_state.version += 1;
    let added = ResourceState::new("contacts", at(5));
    let stale = mailbox.change(|change| {
        change.put_states = vec![added.clone(), stale_state];
        change.session = Some(session(2));
    });
    assert_eq!(stale.await, Written::Conflict, "the state does not follow on the stored one");
    let stale = mailbox.change(|change| {
        change.put_states = vec![added.clone()];
        change.session = Some(session(1));
    });
    assert_eq!(stale.await, Written::Conflict, "the session does not follow on the stored one");
    let rows = store.mailbox(mailbox.id).await.unwrap().unwrap().resources;
    assert_eq!(rows.len(), 1, "no state was stored");

    let changed = mailbox.change(|change| {
        change.put_states = vec![added.clone(), fresh_state.clone()];
        change.session = Some(session(2));
    });
    assert_eq!(changed.await, Written::Done);
    let stored = store.mailbox(mailbox.id).await.unwrap().unwrap();
    let mut states: Vec<ResourceState> = stored.resources.into_iter().map(|row| row.state).collect();
    states.sort_by(|a, b| a.resource.cmp(&b.resource));
    assert_eq!(states, [added, fresh_state]);
    assert_eq!(stored.session, session(2));
}

/// A new baseline does not forget what is committed but not enqueued.
pub async fn a_replaced_state_keeps_its_outbox(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 140, &[10, 11]).await;
    let mut state = mailbox.state().await;
    state.version += 1;
    state.cursor = None;
    assert_eq!(mailbox.change(|change| change.put_states = vec![state.clone()]).await, Written::Done);
    assert_eq!(mailbox.resource().await, Some((state, vec![10, 11])));
}

/// A resource that is no longer configured stays readable until its outbox is empty.
pub async fn a_removed_resource_goes_with_its_last_sequence(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 150, &[10, 11]).await;
    let late_state = mailbox.state().await;
    let remove = async || mailbox.change(|change| change.remove_resources = vec![RESOURCE.to_owned()]).await;
    assert_eq!(remove().await, Written::Done);
    let rows = store.mailbox(mailbox.id).await.unwrap().unwrap().resources;
    assert!(rows.len() == 1 && rows[0].removed, "it waits for its outbox: {rows:?}");
    let late = ResourceState { version: late_state.version + 1, ..late_state };
    assert_eq!(mailbox.commit_state(late, Vec::new()).await, Written::Conflict, "no poll commits to it");
    mailbox.clear(&[10]).await;
    assert_eq!(mailbox.outbox().await, [11]);
    mailbox.clear(&[11]).await;
    assert!(mailbox.resource().await.is_none(), "it went with the last");

    let again = ResourceState::new(RESOURCE, at(9));
    assert_eq!(mailbox.change(|change| change.put_states = vec![again.clone()]).await, Written::Done);
    assert_eq!(mailbox.resource().await, Some((again, Vec::new())), "it can be configured again");
    assert_eq!(remove().await, Written::Done);
    assert!(mailbox.resource().await.is_none(), "without an outbox it goes at once");
}

/// The callback changes with the instance, and each time the generation goes up.
pub async fn a_change_suspends_and_releases(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 160).await;
    let first = mailbox.subscription().await;
    mailbox.suspend().await;
    let suspended = mailbox.subscription().await;
    assert_eq!(suspended.status, SubscriptionStatus::Suspended);
    assert_eq!(suspended.reason.as_deref(), Some("by a case"));
    assert!(suspended.generation > first.generation);
    let release = SubscriptionChange::Release;
    assert_eq!(mailbox.change(|change| change.subscription = release).await, Written::Done);
    let releasing = mailbox.subscription().await;
    assert_eq!(releasing.status, SubscriptionStatus::Releasing);
    assert_eq!(releasing.lease_until, None, "nobody works on it yet");
    assert!(mailbox.begin(0).await.is_some());
}
