//! The store: the same suite as every other.

use app::ports::{LookupHash, Result, Store};
use async_trait::async_trait;
use aws::{DynamoStore, FirstSecrets};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection,
    ProjectionType, ScalarAttributeType,
};
use std::sync::Arc;
use tokio::sync::OnceCell;

struct NoFirst;

#[async_trait]
impl FirstSecrets for NoFirst {
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>> {
        Ok(None)
    }
}

/// A store on a table of its own for this run; each case has instances of its own.
struct Fixture(DynamoStore);

impl Fixture {
    fn port(&self) -> &dyn Store {
        &self.0
    }
}

async fn fixture() -> Fixture {
    static TABLE: OnceCell<String> = OnceCell::const_new();
    let client = client();
    let table = TABLE.get_or_init(|| make_table(client.clone())).await.clone();
    Fixture(DynamoStore::new(client, table, Arc::new(NoFirst)))
}

fn client() -> Client {
    #[allow(clippy::disallowed_methods)] // where the emulator is, is told to the test alone
    let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names the emulator");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .endpoint_url(endpoint)
        .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(
            aws_smithy_http_client::Builder::new()
                .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
                    aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
                ))
                .build_https(),
        );
    Client::from_conf(config.build())
}

async fn make_table(client: Client) -> String {
    let name = format!("store-{}", fastrand::u64(..));
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let part =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = |name: &str, sort: &str, projection: Projection| {
        LocalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(part("pk", KeyType::Hash))
            .key_schema(part(sort, KeyType::Range))
            .projection(projection)
            .build()
            .unwrap()
    };
    let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let events =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("events").build();
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("name", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending", ScalarAttributeType::N))
        .key_schema(part("pk", KeyType::Hash))
        .key_schema(part("sk", KeyType::Range))
        .local_secondary_indexes(index("by-name", "name", events))
        .local_secondary_indexes(index("pending", "pending", keys))
        .send()
        .await
        .unwrap();
    name
}

conformance::store_suite!(crate::store::fixture);
