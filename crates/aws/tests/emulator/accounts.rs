//! Secrets that come from elsewhere, are replaced, or were there before anybody was listed; and what accounts cost.

use crate::store::{self, NoFirst};
use crate::table;
use crate::wire::Wire;
use app::ports::{Accounts as _, Callers as _, Counted, LookupHash, Result};
use async_trait::async_trait;
use aws::{DynamoStore, FirstSecrets};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::instance::Account;
use std::sync::{Arc, Mutex};

/// Secrets that can be changed, as a person would.
#[derive(Clone, Default)]
struct ChangeableSecrets(Arc<Mutex<Option<(LookupHash, LookupHash)>>>);

#[async_trait]
impl FirstSecrets for ChangeableSecrets {
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>> {
        Ok(*self.0.lock().unwrap())
    }
}

/// The stack's own secrets let in at their first use; new ones take the place of the old.
#[tokio::test]
async fn the_first_secrets_let_in_and_can_be_replaced() {
    let client = Client::new(&Wire::new().config());
    let table = table::make(client.clone()).await;
    let given = ChangeableSecrets::default();
    let store = DynamoStore::new(client.clone(), table.clone(), Arc::new(given.clone()));
    let (user, organization) = ([1; 32], [2; 32]);
    assert_eq!(store.account(&user, Some(&organization)).await.unwrap(), None);
    *given.0.lock().unwrap() = Some((user, organization));
    assert_eq!(store.account(&user, Some(&[9; 32])).await.unwrap(), None, "another organization's secret");
    let first = store.account(&user, Some(&organization)).await.unwrap().unwrap();
    assert_eq!((first.organization_id, first.user_id), (1, 1));
    let added = store.add_organization(&[4; 32], &[3; 32]).await.unwrap();
    assert!(added.organization_id > 1 && added.user_id > 1);
    let another = store.add_organization(&[4; 32], &[5; 32]).await.unwrap();
    assert_eq!(another.organization_id, added.organization_id);
    assert!(store.add_organization(&[4; 32], &[3; 32]).await.is_err(), "the user is known");
    let listed = store.organizations(None).await.unwrap().items;
    let counts: Vec<(u32, u64)> = listed.iter().map(|one| (one.id, one.users_count)).collect();
    assert_eq!(counts, [(1, 1), (added.organization_id, 2)]);
    assert!(store.add_user(added.organization_id, &[8; 32], true).await.unwrap().is_some());
    assert_eq!(store.add_user(4711, &[9; 32], true).await.unwrap(), None, "there is no such organization");

    let (new_user, new_organization) = ([6; 32], [7; 32]);
    *given.0.lock().unwrap() = Some((new_user, new_organization));
    assert_eq!(store.account(&new_user, Some(&new_organization)).await.unwrap(), Some(first));
    let old = DynamoStore::new(client, table, Arc::new(NoFirst));
    assert_eq!(old.account(&user, None).await.unwrap(), None, "the old secret is void");
    assert_eq!(old.account(&new_user, None).await.unwrap(), Some(first));
}

/// It still stands where the stack made it, and lets nobody in; other values there do.
#[tokio::test]
async fn a_replaced_first_secret_is_void() {
    let client = Client::new(&Wire::new().config());
    let table = table::make(client.clone()).await;
    let given = ChangeableSecrets::default();
    let store = DynamoStore::new(client, table, Arc::new(given.clone()));
    let (user, organization) = ([1; 32], [2; 32]);
    *given.0.lock().unwrap() = Some((user, organization));
    let first = store.account(&user, Some(&organization)).await.unwrap();
    assert!(first.is_some());
    assert!(store.replace_user_secret(1, 1, &[3; 32]).await.unwrap());
    assert_eq!(store.account(&user, Some(&organization)).await.unwrap(), None);
    assert_eq!(store.account(&[3; 32], Some(&organization)).await.unwrap(), first);
    assert!(store.replace_organization_secret(1, &[4; 32]).await.unwrap());
    assert_eq!(store.account(&[3; 32], Some(&organization)).await.unwrap(), None);
    assert_eq!(store.account(&[3; 32], Some(&[4; 32])).await.unwrap(), first);

    *given.0.lock().unwrap() = Some(([5; 32], [6; 32]));
    assert_eq!(store.account(&[5; 32], Some(&[6; 32])).await.unwrap(), first);
    assert_eq!(store.account(&[3; 32], None).await.unwrap(), None, "one pair counts");
    assert!(store.remove_user(1, 1, None).await.unwrap());
    assert_eq!(
        store.account(&[5; 32], Some(&[6; 32])).await.unwrap(),
        None,
        "whoever was taken out stays out"
    );
    assert_eq!(store.organizations(None).await.unwrap().items[0].users_count, 0);

    *given.0.lock().unwrap() = Some(([7; 32], [6; 32]));
    assert_eq!(store.account(&[7; 32], Some(&[6; 32])).await.unwrap(), first, "until other values are put");
    let users = store.users(1, None).await.unwrap().items;
    assert_eq!(users.iter().map(|user| Some(user.account)).collect::<Vec<_>>(), [first]);
    assert_eq!(store.organizations(None).await.unwrap().items[0].users_count, 1);
}

/// An item under a hash, as it was stored before users were listed.
async fn put_as_before(client: &Client, table: &str, kind: &str, hash: &LookupHash, numbers: &[(&str, u32)]) {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut put = client.put_item().table_name(table);
    put =
        put.item("pk", AttributeValue::S(format!("{kind}#{hex}"))).item("sk", AttributeValue::S(kind.into()));
    for (name, number) in numbers {
        put = put.item(*name, AttributeValue::N(number.to_string()));
    }
    put.send().await.unwrap();
}

/// Nobody could be found otherwise without reading the whole table.
#[tokio::test]
async fn who_was_there_before_is_listed_when_they_next_call() {
    let wire = Wire::new();
    let client = Client::new(&wire.config());
    let table = table::make(client.clone()).await;
    let store = DynamoStore::new(client.clone(), table.clone(), Arc::new(NoFirst));
    let (user, organization) = ([1; 32], [2; 32]);
    let numbers = [("organization", 7), ("account", 8), ("user_id", 9)];
    put_as_before(&client, &table, "U", &user, &numbers).await;
    put_as_before(&client, &table, "G", &organization, &[("organization", 7)]).await;
    let listed = client.put_item().table_name(&table).item("pk", AttributeValue::S("ORGANIZATIONS".into()));
    let listed = listed.item("sk", AttributeValue::S("0000000007".into()));
    let listed = listed.item("organization", AttributeValue::N("7".into()));
    listed.item("user_count", AttributeValue::N("1".into())).send().await.unwrap();

    assert_eq!(store.users(7, None).await.unwrap().items, []);
    assert!(!store.replace_user_secret(7, 9, &[3; 32]).await.unwrap());
    assert!(store.replace_organization_secret(7, &[4; 32]).await.is_err(), "which one would be void?");
    let account = Account { organization_id: 7, account_id: 8, user_id: 9, sees_own_only: false };
    assert_eq!(store.account(&user, Some(&organization)).await.unwrap(), Some(account));
    let users = store.users(7, None).await.unwrap().items;
    assert_eq!(
        users.iter().map(|user| (user.account, user.created_at)).collect::<Vec<_>>(),
        [(account, None)]
    );
    wire.take();
    assert_eq!(store.account(&user, Some(&organization)).await.unwrap(), Some(account));
    assert_eq!(wire.take(), ["BatchGetItem"], "that was once");
    assert!(store.replace_user_secret(7, 9, &[3; 32]).await.unwrap());
    assert!(store.replace_organization_secret(7, &[4; 32]).await.unwrap());
    assert_eq!(store.account(&user, None).await.unwrap(), None);
    assert_eq!(store.account(&[3; 32], Some(&[4; 32])).await.unwrap(), Some(account));
}

#[tokio::test]
async fn a_request_is_counted_by_one_write() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    store.count_request(3070, Counted::Requests, 1).await.unwrap();
    wire.take();
    assert_eq!(store.count_request(3070, Counted::Requests, 1).await.unwrap(), 2);
    assert_eq!(wire.take(), ["UpdateItem"]);
}
