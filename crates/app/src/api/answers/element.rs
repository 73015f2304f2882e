//! Connectors.

use connectors::{Ability, Descriptor, Polling, Resource};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A connector.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example())]
pub(in crate::api) struct Element {
    pub(in crate::api) id: u32,
    pub(in crate::api) name: &'static str,
    pub(in crate::api) key: &'static str,
    pub(in crate::api) description: &'static str,
    pub(in crate::api) image: &'static str,
    pub(in crate::api) logo: &'static str,
    pub(in crate::api) active: bool,
    pub(in crate::api) deleted: bool,
    pub(in crate::api) type_oauth: bool,
    pub(in crate::api) trial_account: bool,
    #[schemars(with = "Vec<String>")]
    pub(in crate::api) resources: [String; 0],
    pub(in crate::api) transformations_enabled: bool,
    pub(in crate::api) bulk_download_enabled: bool,
    pub(in crate::api) bulk_upload_enabled: bool,
    pub(in crate::api) cloneable: bool,
    pub(in crate::api) extendable: bool,
    pub(in crate::api) beta: bool,
    pub(in crate::api) authentication: Authentication,
    pub(in crate::api) extended: bool,
    pub(in crate::api) use_models_for_metadata: bool,
    pub(in crate::api) hub: &'static str,
    pub(in crate::api) protocol_type: &'static str,
    #[schemars(with = "Vec<String>")]
    pub(in crate::api) parameters: [String; 0],
    pub(in crate::api) private: bool,
}

impl Element {
    pub(in crate::api) fn of(descriptor: &Descriptor) -> Self {
        Element {
            id: descriptor.id,
            name: descriptor.name,
            key: descriptor.key,
            description: descriptor.description,
            image: "elements/custom-element-default-logo.png",
            logo: descriptor.key,
            active: true,
            deleted: false,
            type_oauth: false,
            trial_account: false,
            resources: [],
            transformations_enabled: true,
            bulk_download_enabled: descriptor.odata,
            bulk_upload_enabled: descriptor.odata,
            cloneable: true,
            extendable: descriptor.odata,
            beta: false,
            authentication: Authentication::of(descriptor),
            extended: false,
            use_models_for_metadata: descriptor.odata,
            hub: descriptor.hub,
            protocol_type: descriptor.protocol_type,
            parameters: [],
            private: false,
        }
    }
}

/// How a connector is let into a mailbox.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct Authentication {
    #[serde(rename = "type")]
    pub(in crate::api) kind: &'static str,
}

impl Authentication {
    fn of(descriptor: &Descriptor) -> Self {
        Authentication { kind: descriptor.authentication.wire() }
    }
}

/// What a connector can do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = metadata_example())]
pub(in crate::api) struct ElementMetadata {
    pub(in crate::api) id: u32,
    pub(in crate::api) key: &'static str,
    pub(in crate::api) name: &'static str,
    pub(in crate::api) hub: &'static str,
    pub(in crate::api) authentication: Authentication,
    pub(in crate::api) events: EventsMetadata,
    pub(in crate::api) discovery: Discovery,
    pub(in crate::api) resources: Vec<ResourceMetadata>,
    pub(in crate::api) description: &'static str,
    /// How an application is registered with the provider; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) registration: Option<RegistrationMetadata>,
}

impl ElementMetadata {
    pub(in crate::api) fn of(descriptor: &'static Descriptor) -> Self {
        let polled = descriptor.resources.iter().filter(|resource| resource.polling != Polling::Never);
        let default = |resource: &Resource| serde_json::from_str(resource.poller).unwrap_or_default();
        let resource = |resource: &'static Resource| ResourceMetadata {
            name: resource.name,
            path: format!("/hubs/{}/{}", descriptor.hub, resource.name),
            methods: ["GET"],
            polling: PollingMethod::of(resource.polling),
            scopes: resource.scopes,
        };
        ElementMetadata {
            id: descriptor.id,
            key: descriptor.key,
            name: descriptor.name,
            hub: descriptor.hub,
            authentication: Authentication::of(descriptor),
            events: EventsMetadata {
                supported: true,
                methods: match descriptor.can(Ability::Push) {
                    true => &["polling", "webhooks"],
                    false => &["polling"],
                },
                polling: PollingMetadata {
                    supported: true,
                    interval_minutes: Limits { default: 15, minimum: 1, maximum: 1440 },
                    resources: polled.map(|one| (one.name.to_owned(), default(one))).collect(),
                },
            },
            discovery: Discovery { supported: true, methods: [] },
            resources: descriptor.resources.iter().map(resource).collect(),
            description: descriptor.description,
            registration: descriptor.authentication.sign_in().map(RegistrationMetadata::of),
        }
    }
}

/// How an application is registered with the provider.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RegistrationMetadata {
    /// Where that is done.
    pub(in crate::api) address: &'static str,
    /// What is done there, in order.
    pub(in crate::api) steps: &'static [&'static str],
    /// When somebody else has to consent, and how.
    pub(in crate::api) consent: &'static str,
    /// Scopes that every sign-in needs, beside those of the resources.
    pub(in crate::api) required_scopes: &'static [&'static str],
    /// An application can be of one tenant alone.
    pub(in crate::api) has_tenants: bool,
    /// What refusals of the provider mean.
    pub(in crate::api) refusals: Vec<ProviderRefusal>,
}

impl RegistrationMetadata {
    fn of(oauth: &'static connectors::OAuth) -> Self {
        let registration = &oauth.registration;
        let refusal = |one: &connectors::RefusalAdvice| ProviderRefusal {
            code: one.code,
            cause: one.cause,
            remedy: one.remedy,
        };
        RegistrationMetadata {
            address: registration.address,
            steps: registration.steps,
            consent: registration.consent,
            required_scopes: oauth.required_scopes,
            has_tenants: oauth.tenant.is_some(),
            refusals: registration.refusals.iter().map(refusal).collect(),
        }
    }
}

/// What a refusal of the provider means.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct ProviderRefusal {
    /// In what the provider says.
    pub(in crate::api) code: &'static str,
    /// Why.
    pub(in crate::api) cause: &'static str,
    /// What to do.
    pub(in crate::api) remedy: &'static str,
}

/// How a connector reports changes.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct EventsMetadata {
    pub(in crate::api) supported: bool,
    /// What `event.vendor.type` can be.
    pub(in crate::api) methods: &'static [&'static str],
    pub(in crate::api) polling: PollingMetadata,
}

/// What can be polled.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PollingMetadata {
    pub(in crate::api) supported: bool,
    pub(in crate::api) interval_minutes: Limits,
    /// The entry of a poller configuration for each resource.
    #[schemars(with = "BTreeMap<String, Map<String, Value>>")]
    pub(in crate::api) resources: Map<String, Value>,
}

/// Of a number.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct Limits {
    pub(in crate::api) default: u32,
    pub(in crate::api) minimum: u32,
    pub(in crate::api) maximum: u32,
}

/// What a connector can find out about a mailbox.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct Discovery {
    pub(in crate::api) supported: bool,
    #[schemars(with = "Vec<String>")]
    pub(in crate::api) methods: [String; 0],
}

/// A resource of a connector.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct ResourceMetadata {
    pub(in crate::api) name: &'static str,
    pub(in crate::api) path: String,
    pub(in crate::api) methods: [&'static str; 1],
    /// How its changes are found; null if it is not polled.
    #[schemars(with = "Option<PollingMethod>")]
    pub(in crate::api) polling: Option<PollingMethod>,
    /// Scopes that polling it needs.
    pub(in crate::api) scopes: &'static [&'static str],
}

/// How changes of a resource are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum PollingMethod {
    Changes,
    Dates,
    Snapshots,
}

impl PollingMethod {
    fn of(polling: Polling) -> Option<Self> {
        match polling {
            Polling::Changes => Some(PollingMethod::Changes),
            Polling::Dates => Some(PollingMethod::Dates),
            Polling::Snapshots => Some(PollingMethod::Snapshots),
            Polling::Never => None,
        }
    }
}

/// A configuration item of an instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": 11, "name": "Event poller refresh interval (mins)", "key": "event.poller.refresh_interval",
    "description": "Minutes between polls.", "defaultValue": "15", "resellerConfig": false, "companyConfig": false,
    "active": true, "internal": false, "groupControl": false, "displayOrder": 101, "type": "TEXTFIELD_32",
    "hideFromConsole": false, "required": false, "groupName": "Event Configuration",
}))]
pub(in crate::api) struct ElementItem {
    pub(in crate::api) id: u32,
    pub(in crate::api) name: &'static str,
    pub(in crate::api) key: &'static str,
    pub(in crate::api) description: &'static str,
    pub(in crate::api) default_value: Option<String>,
    pub(in crate::api) reseller_config: bool,
    pub(in crate::api) company_config: bool,
    pub(in crate::api) active: bool,
    pub(in crate::api) internal: bool,
    pub(in crate::api) group_control: bool,
    pub(in crate::api) display_order: u16,
    #[serde(rename = "type")]
    pub(in crate::api) kind: &'static str,
    pub(in crate::api) hide_from_console: bool,
    pub(in crate::api) required: bool,
    pub(in crate::api) group_name: &'static str,
}

/// Where to send a user to sign in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "oauthUrl": "https://provider.example/authorize?client_id=CLIENT_ID", "element": first().key,
}))]
pub(in crate::api) struct OAuthUrl {
    pub(in crate::api) oauth_url: String,
    pub(in crate::api) element: &'static str,
}

/// Whether a mailbox answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "dateTime": super::AT, "endpoint": first().key }))]
pub(in crate::api) struct Ping {
    pub(in crate::api) date_time: super::moment::Moment,
    pub(in crate::api) endpoint: String,
}

/// That the service is up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({ "status": "ok", "version": "0.1.0" }))]
pub(in crate::api) struct Health {
    #[schemars(extend("const" = "ok"))]
    pub(in crate::api) status: &'static str,
    pub(in crate::api) version: &'static str,
}

/// The first connector, for examples.
pub(in crate::api) fn first() -> &'static Descriptor {
    connectors::registry()[0].descriptor()
}

pub(super) fn example() -> Value {
    json!(Element::of(first()))
}

fn metadata_example() -> Value {
    json!(ElementMetadata::of(first()))
}
