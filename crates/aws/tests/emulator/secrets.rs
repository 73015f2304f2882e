//! The data key and the first account's secrets.

use crate::stack::stack;
use app::ports::Clock as _;
use app::sealing::Lookup;
use aws::{DataKeys, FirstSecrets as _, GeneratedSecrets, rotate};
use chrono::TimeDelta;
use domain::ids::InstanceId;
use std::sync::Arc;
use system::{SystemClock, SystemEntropy};

#[tokio::test]
async fn a_data_key_is_rotated_without_a_reader_that_fails() {
    let stack = stack().await;
    let (client, secret) = (&stack.clients.secrets, &stack.environment.data_key_secret);
    let now = SystemClock.now();
    let id = InstanceId::parse("17").unwrap();
    let first = DataKeys::read(client, secret).await.unwrap().sealer(now);
    let sealed = first.seal(id, "f", b"x").unwrap();
    let rotation = rotate(client, secret, &SystemEntropy, now).await.unwrap();
    assert_eq!(rotation.id, "2");
    let keys = DataKeys::read(client, secret).await.unwrap();
    let (soon, later) = (keys.sealer(now), keys.sealer(rotation.seals_from));
    assert!(soon.seal(id, "f", b"x").unwrap().starts_with("1.1."), "not before everybody knows it");
    let resealed = later.seal(id, "f", b"x").unwrap();
    assert!(resealed.starts_with("1.2."));
    assert_eq!(soon.open(id, "f", &resealed).unwrap(), b"x");
    assert_eq!(later.open(id, "f", &sealed).unwrap(), b"x");
    assert_eq!(first.lookup_hash(Lookup::User, "s"), later.lookup_hash(Lookup::User, "s"));
    assert!(rotate(client, secret, &SystemEntropy, now + TimeDelta::hours(1)).await.is_err());
    let third = rotate(client, secret, &SystemEntropy, now + TimeDelta::hours(3)).await.unwrap();
    assert_eq!(third.id, "3");
}

#[tokio::test]
async fn the_stack_s_generated_secrets_are_known_by_their_hashes() {
    let stack = stack().await;
    let keys = DataKeys::read(&stack.clients.secrets, &stack.environment.data_key_secret).await.unwrap();
    let sealer = Arc::new(keys.sealer(SystemClock.now()));
    let clock = Arc::new(SystemClock);
    let first =
        GeneratedSecrets::new(stack.clients.secrets.clone(), &stack.environment, sealer.clone(), clock);
    let user = sealer.lookup_hash(Lookup::User, "first-user");
    let organization = sealer.lookup_hash(Lookup::Organization, "first-organization");
    assert_eq!(first.hashes().await.unwrap(), Some((user, organization)));
}
