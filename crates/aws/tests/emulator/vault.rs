//! The vault: the suite on both storages, and the way from one to the other.

use crate::stack::{Stack, stack};
use app::ports::{Secrets, Vault, Written};
use app::sealing::{DataKey, Sealer};
use aws::{Holder, SecretStorage, StackVault, VaultPosition};
use domain::ids::InstanceId;
use futures_util::future::join_all;
use std::sync::Arc;
use system::{SystemClock, SystemEntropy};

/// A vault of a stack of its own.
struct Fixture(StackVault);

impl Fixture {
    fn port(&self) -> &dyn Vault {
        &self.0
    }
}

async fn apart() -> Fixture {
    Fixture(vault(&stack().await.with_storage(SecretStorage::SecretsManager)))
}

async fn sealed() -> Fixture {
    Fixture(vault(&stack().await.with_storage(SecretStorage::Sealed)))
}

pub(crate) fn vault(stack: &Stack) -> StackVault {
    let sealer = Sealer::new(&[1; 32], vec![DataKey { id: "1".to_owned(), bytes: [2; 32] }]);
    StackVault::new(
        stack.clients.dynamodb.clone(),
        stack.clients.secrets.clone(),
        &stack.environment,
        Arc::new(sealer),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
    )
}

mod in_secrets_manager {
    conformance::vault_suite!(crate::vault::apart);
}

mod in_the_table {
    conformance::vault_suite!(crate::vault::sealed);
}

pub(crate) fn id() -> InstanceId {
    InstanceId::from_bytes(fastrand::u32(1..=0x7fff_ffff).to_be_bytes())
}

pub(crate) fn secrets(value: &str) -> Secrets {
    [("oauth.api.secret".to_owned(), value.to_owned())].into()
}

async fn is_apart(stack: &Stack, id: InstanceId) -> bool {
    let name = format!("{}{id}", stack.environment.secret_prefix);
    stack.clients.secrets.get_secret_value().secret_id(name).send().await.is_ok()
}

/// What stands in the table of an instance's secrets.
async fn in_the_table_of(stack: &Stack, id: InstanceId) -> String {
    let found = stack.clients.dynamodb.scan().table_name(&stack.environment.table).send().await.unwrap();
    let mine = found
        .items()
        .iter()
        .find(|item| item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| *sk == id.to_string()));
    format!("{mine:?}")
}

#[tokio::test]
async fn each_storage_takes_over_from_the_other() {
    let stack = stack().await;
    let (apart, sealed) = (vault(&stack), vault(&stack.clone().with_storage(SecretStorage::Sealed)));
    let id = id();
    assert_eq!(sealed.write(id, &secrets("one"), 1).await.unwrap(), Written::Done);
    assert!(!is_apart(&stack, id).await);
    assert_eq!(apart.read(id).await.unwrap(), Some((secrets("one"), 1)), "a read goes where they are");
    assert_eq!(apart.write(id, &secrets("lost"), 1).await.unwrap(), Written::Conflict);
    assert_eq!(apart.write(id, &secrets("two"), 2).await.unwrap(), Written::Done);
    assert!(is_apart(&stack, id).await);
    assert!(!in_the_table_of(&stack, id).await.contains("sealed"), "one copy");
    assert_eq!(sealed.read(id).await.unwrap(), Some((secrets("two"), 2)));
    assert_eq!(sealed.write(id, &secrets("three"), 3).await.unwrap(), Written::Done);
    assert!(!is_apart(&stack, id).await, "one copy");
    assert_eq!(apart.read(id).await.unwrap(), Some((secrets("three"), 3)));
    assert_eq!(apart.write(id, &secrets("four"), 4).await.unwrap(), Written::Done);
    sealed.remove(id).await.unwrap();
    assert!(!is_apart(&stack, id).await, "either removes both");
    assert_eq!(apart.read(id).await.unwrap(), None);
}

#[tokio::test]
async fn a_race_of_both_storages_has_one_winner() {
    let stack = stack().await;
    let (apart, sealed) = (vault(&stack), vault(&stack.clone().with_storage(SecretStorage::Sealed)));
    let id = id();
    assert_eq!(apart.write(id, &secrets("first"), 1).await.unwrap(), Written::Done);
    let values: Vec<Secrets> = (0..8).map(|number| secrets(&number.to_string())).collect();
    let writes = values.iter().enumerate().map(|(number, value)| {
        let vault = if number % 2 == 0 { &apart } else { &sealed };
        vault.write(id, value, 2)
    });
    let ended = join_all(writes).await;
    let winners: Vec<usize> = (0..8).filter(|index| matches!(ended[*index], Ok(Written::Done))).collect();
    assert_eq!(winners.len(), 1, "{ended:?}");
    for vault in [&apart, &sealed] {
        assert_eq!(vault.read(id).await.unwrap(), Some((values[winners[0]].clone(), 2)));
    }
    apart.remove(id).await.unwrap();
    assert!(!is_apart(&stack, id).await, "nothing is left that no item names");
}

#[tokio::test]
async fn a_secret_that_a_crash_left_without_its_version_is_filled() {
    let stack = stack().await;
    let (vault, id) = (vault(&stack), id());
    let name = format!("{}{id}", stack.environment.secret_prefix);
    stack.clients.secrets.create_secret().name(name).secret_string("{}").send().await.unwrap();
    assert_eq!(vault.read(id).await.unwrap(), None);
    assert_eq!(vault.write(id, &secrets("one"), 1).await.unwrap(), Written::Done);
    assert_eq!(vault.read(id).await.unwrap(), Some((secrets("one"), 1)));
}

#[tokio::test]
async fn nothing_stands_in_clear_in_the_table() {
    let stack = stack().await;
    let (apart, id, other) = (vault(&stack), id(), id());
    assert_eq!(apart.write(id, &secrets("s3cret"), 1).await.unwrap(), Written::Done);
    let sealed_stack = stack.with_storage(SecretStorage::Sealed);
    assert_eq!(vault(&sealed_stack).write(other, &secrets("s3cret"), 1).await.unwrap(), Written::Done);
    for id in [id, other] {
        let item = in_the_table_of(&sealed_stack, id).await;
        assert!(!item.contains("s3cret") && !item.contains("oauth"), "{item}");
    }
}

#[tokio::test]
async fn whoever_has_secrets_is_listed() {
    let stack = stack().await.with_storage(SecretStorage::Sealed);
    let vault = vault(&stack);
    let mut ids: Vec<InstanceId> = (0..20).map(|_| id()).collect();
    ids.sort_unstable();
    for id in &ids {
        assert_eq!(vault.write(*id, &secrets("x"), 1).await.unwrap(), Written::Done);
    }
    let (mut listed, mut from): (Vec<Holder>, _) = (Vec::new(), Some(VaultPosition::default()));
    while let Some(place) = from {
        let (page, next) = vault.list(place).await.unwrap();
        listed.extend(page);
        from = next;
    }
    assert!(listed.iter().all(|(_, made_at)| made_at.is_some()));
    let mut found: Vec<InstanceId> = listed.into_iter().map(|(id, _)| id).collect();
    found.sort_unstable();
    assert_eq!(found, ids);
}
