//! Tables as the template declares them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex,
    Projection, ProjectionType, ScalarAttributeType,
};
use tokio::sync::OnceCell;

/// The name of one that tests share; it is made at the first call.
pub(crate) async fn name(client: &Client) -> String {
    static TABLE: OnceCell<String> = OnceCell::const_new();
    TABLE.get_or_init(|| make(client.clone())).await.clone()
}

/// Makes a table; its name.
pub(crate) async fn make(client: Client) -> String {
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
    let global = |name: &str, sort: &str, projection: Projection| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(part("log_of", KeyType::Hash))
            .key_schema(part(sort, KeyType::Range))
            .projection(projection)
            .build()
            .unwrap()
    };
    let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let events =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("events").build();
    let lines = ["num", "progress", "events_count"].map(str::to_owned).into();
    let lines = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(lines))
        .build();
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("name", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending", ScalarAttributeType::N))
        .attribute_definitions(attribute("log_of", ScalarAttributeType::S))
        .attribute_definitions(attribute("log_at", ScalarAttributeType::S))
        .key_schema(part("pk", KeyType::Hash))
        .key_schema(part("sk", KeyType::Range))
        .local_secondary_indexes(index("by-name", "name", events))
        .local_secondary_indexes(index("pending", "pending", keys.clone()))
        .global_secondary_indexes(global("by-organization", "log_at", lines))
        .global_secondary_indexes(global("by-event", "name", keys))
        .send()
        .await
        .unwrap();
    name
}
