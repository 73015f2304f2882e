//! Stored OAuth applications.

use super::moment::Moment;
use crate::ports::StoredApplication;
use domain::settings::MASK;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// An OAuth application that is registered with a provider, stored once for all the instances that name it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "name": "sales", "connector": super::element::first().key, "apiKey": "CLIENT_ID", "apiSecret": MASK,
    "instancesCount": 12, "createdDate": super::AT, "updatedDate": super::AT,
}))]
pub(in crate::api) struct Application {
    /// What instances name it by, in `oauth.application`.
    pub(in crate::api) name: String,
    /// Key of the connector that it is for.
    pub(in crate::api) connector: String,
    /// Client id.
    pub(in crate::api) api_key: String,
    /// The client secret, masked.
    pub(in crate::api) api_secret: &'static str,
    /// The tenant whose users alone sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) tenant: Option<String>,
    /// Instances that name it.
    pub(in crate::api) instances_count: u64,
    pub(in crate::api) created_date: Moment,
    pub(in crate::api) updated_date: Moment,
}

impl From<StoredApplication> for Application {
    fn from(stored: StoredApplication) -> Self {
        let StoredApplication { application, instances_count } = stored;
        Application {
            name: application.name,
            connector: application.connector,
            api_key: application.api_key,
            api_secret: MASK,
            tenant: application.tenant,
            instances_count,
            created_date: Moment::of(application.created_at),
            updated_date: Moment::of(application.updated_at),
        }
    }
}
