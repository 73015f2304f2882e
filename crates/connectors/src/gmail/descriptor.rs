//! What this connector is, as data.

use crate::descriptor::{
    Ability, Authentication, Descriptor, Endpoint, OAuth, Polling, Resource, UsedRefreshToken,
};
use crate::google::registration;
use crate::registration::Registration;

/// What everything is read with.
const READ: &str = "https://www.googleapis.com/auth/gmail.readonly";
/// Where notices are pulled from.
pub(super) const PUBSUB: Endpoint =
    Endpoint { variable: "CARILLON_PUBSUB_API_URL", default: "https://pubsub.googleapis.com" };
/// The keys that notices are signed with.
pub(super) const KEYS: Endpoint =
    Endpoint { variable: "CARILLON_GOOGLE_KEYS_URL", default: "https://www.googleapis.com/oauth2/v3/certs" };

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    id: 6409,
    key: "gmail",
    name: "Gmail",
    description: "Add a Gmail instance to be notified of new, changed and deleted messages.",
    hub: "general",
    protocol_type: "http",
    odata: false,
    api: Endpoint { variable: "CARILLON_GMAIL_API_URL", default: "https://gmail.googleapis.com" },
    authentication: Authentication::SignIn(OAuth {
        authorize: Endpoint {
            variable: "CARILLON_GOOGLE_AUTH_URL",
            default: "https://accounts.google.com/o/oauth2/v2/auth",
        },
        token: Endpoint {
            variable: "CARILLON_GOOGLE_TOKEN_URL",
            default: "https://oauth2.googleapis.com/token",
        },
        scopes: READ,
        // Without both, Google gives a refresh token only at the very first consent.
        authorize_parameters: &[("access_type", "offline"), ("prompt", "consent")],
        translate_scope: str::to_owned,
        required_scopes: &[],
        used_refresh_token: UsedRefreshToken::Serves,
        scope_on_refresh: false,
        tenant: None,
        registration: Registration {
            address: registration::ADDRESS,
            steps: &[
                "In a project of yours enable the Gmail API: APIs & Services, Library.",
                registration::AUDIENCE,
                "Under Data access add the scopes below. Google calls them restricted: beyond test users an external application is reviewed.",
                registration::CLIENT,
            ],
            consent: registration::CONSENT,
            refusals: registration::REFUSALS,
        },
    }),
    push: &[PUBSUB, KEYS],
    resources: &[
        Resource {
            name: "changed-messages",
            aliases: &["changed-message"],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/changed-messages","idField":"id"}"#,
            scopes: &[READ],
        },
        Resource {
            name: "messages",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/messages","idField":"id"}"#,
            scopes: &[READ],
        },
        Resource {
            name: "messages/{id}/attachments",
            aliases: &[],
            polling: Polling::Never,
            poller: "",
            scopes: &[],
        },
        Resource {
            name: "threads",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/threads","idField":"id"}"#,
            scopes: &[READ],
        },
        Resource {
            name: "labels",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/labels","idField":"id"}"#,
            scopes: &[READ],
        },
        Resource {
            name: "drafts",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/drafts","idField":"id"}"#,
            scopes: &[READ],
        },
    ],
    abilities: &[
        Ability::Deletions,
        Ability::Drafts,
        Ability::Expiry,
        Ability::Lag,
        Ability::LoneObjects,
        Ability::Backfill,
        Ability::Push,
    ],
    readme: include_str!("README.md"),
};
