//! What this connector is, as data.

use crate::descriptor::{
    Ability, Authentication, Descriptor, Endpoint, OAuth, Polling, Resource, UsedRefreshToken,
};
use crate::google::registration;
use crate::registration::Registration;

/// What everything is read with.
const READ: &str = "https://www.googleapis.com/auth/calendar.readonly";

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    id: 6411,
    key: "googlecalendar",
    name: "Google Calendar",
    description: "Add a Google Calendar instance to be notified of new, changed and deleted events.",
    hub: "general",
    protocol_type: "http",
    odata: false,
    api: Endpoint {
        variable: "CARILLON_GOOGLE_CALENDAR_API_URL",
        default: "https://www.googleapis.com/calendar/v3",
    },
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
                "In a project of yours enable the Google Calendar API: APIs & Services, Library.",
                registration::AUDIENCE,
                "Under Data access add the scopes below.",
                registration::CLIENT,
            ],
            consent: registration::CONSENT,
            refusals: registration::REFUSALS,
        },
    }),
    push: &[],
    resources: &[Resource {
        name: "events",
        aliases: &["changed-events"],
        polling: Polling::Changes,
        poller: r#"{"url":"/hubs/general/events","idField":"id"}"#,
        scopes: &[READ],
    }],
    abilities: &[Ability::Deletions, Ability::Expiry, Ability::Backfill],
    readme: include_str!("README.md"),
};
