//! The store: the same suite as every other.

use app::ports::{LookupHash, Result, Store};
use async_trait::async_trait;
use aws::{DynamoStore, FirstSecrets};
use aws_sdk_dynamodb::Client;
use std::sync::Arc;

use crate::table;
use crate::wire::Wire;

pub(crate) struct NoFirst;

#[async_trait]
impl FirstSecrets for NoFirst {
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>> {
        Ok(None)
    }
}

/// A store that is reached in this way.
pub(crate) async fn store(wire: &Wire) -> DynamoStore {
    let client = Client::new(&wire.config());
    let table = table::name(&client).await;
    DynamoStore::new(client, table, Arc::new(NoFirst))
}

/// Each case has instances of its own.
struct Fixture(DynamoStore);

impl Fixture {
    fn port(&self) -> &dyn Store {
        &self.0
    }
}

async fn fixture() -> Fixture {
    Fixture(store(&Wire::new()).await)
}

conformance::store_suite!(crate::store::fixture);

/// The same, as what admits and remembers.
struct AccountsFixture(DynamoStore);

impl AccountsFixture {
    fn port(&self) -> &dyn conformance::accounts::Harness {
        &self.0
    }
}

async fn accounts_fixture() -> AccountsFixture {
    AccountsFixture(store(&Wire::new()).await)
}

mod accounts {
    conformance::accounts_suite!(crate::store::accounts_fixture);
}
