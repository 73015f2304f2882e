//! What this connector is, as data.

use crate::descriptor::{
    Ability, Authentication, Descriptor, Endpoint, OAuth, Polling, Resource, UsedRefreshToken,
};
use crate::registration::{RefusalAdvice as Advice, Registration};

const MAIL: &str = "https://graph.microsoft.com/Mail.Read";
const CONTACTS: &str = "https://graph.microsoft.com/Contacts.Read";
const CALENDARS: &str = "https://graph.microsoft.com/Calendars.Read";

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    id: 6410,
    key: "outlookemail",
    name: "Outlook Email",
    description: "Add an Outlook Email instance to be notified of new and changed messages, contacts and events.",
    hub: "general",
    protocol_type: "odata",
    odata: true,
    api: Endpoint { variable: "CARILLON_GRAPH_API_URL", default: "https://graph.microsoft.com/v1.0" },
    authentication: Authentication::SignIn(OAuth {
        authorize: Endpoint {
            variable: "CARILLON_MICROSOFT_AUTH_URL",
            default: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        },
        token: Endpoint {
            variable: "CARILLON_MICROSOFT_TOKEN_URL",
            default: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        },
        scopes: "offline_access https://graph.microsoft.com/Mail.Read",
        authorize_parameters: &[("response_mode", "query")],
        translate_scope,
        required_scopes: &["offline_access"],
        // https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens: a use revokes none.
        used_refresh_token: UsedRefreshToken::Serves,
        scope_on_refresh: true,
        tenant: Some("common"),
        registration: REGISTRATION,
    }),
    push: &[],
    resources: &[
        Resource {
            name: "messages",
            aliases: &["changed-messages", "changed-message"],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","updatedDateTimezone":"GMT","createdDateField":"ReceivedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","createdDateTimezone":"GMT"}}"#,
            scopes: &[MAIL],
        },
        Resource {
            name: "contacts",
            aliases: &[],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/contacts?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","updatedDateTimezone":"GMT","createdDateField":"CreatedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","createdDateTimezone":"GMT"}}"#,
            scopes: &[CONTACTS],
        },
        Resource {
            name: "events",
            aliases: &[],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/events?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss.SSSSSSS'Z'","updatedDateTimezone":"GMT","createdDateField":"CreatedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss.SSSSSSS'Z'","createdDateTimezone":"GMT"}}"#,
            scopes: &[CALENDARS],
        },
        Resource {
            name: "folders",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/folders","idField":"Id"}"#,
            scopes: &[MAIL],
        },
        Resource {
            name: "calendars",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/calendars","idField":"Id"}"#,
            scopes: &[CALENDARS],
        },
        read_only("messages/{id}/attachments"),
        read_only("folders/{id}/messages"),
        read_only("folders/{id}/folders"),
        read_only("calendars/{id}/events"),
        read_only("events/{id}/attachments"),
    ],
    abilities: &[Ability::Drafts, Ability::Lag, Ability::Backfill, Ability::Push],
    readme: include_str!("README.md"),
};

/// How an application is registered with Microsoft.
const REGISTRATION: Registration = Registration {
    address: "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
    steps: &[
        "Choose New registration. Supported account types: any directory and personal accounts; for one directory alone, give its tenant here.",
        "Redirect URI: platform Web, with the redirect address below. By http Microsoft takes localhost alone: where the address below has 127.0.0.1, open this console at http://localhost instead.",
        "Under API permissions add the scopes below, as delegated permissions of Microsoft Graph.",
        "Under Certificates & secrets make a client secret and copy its Value, which is shown once; the Secret ID is not it. It expires after two years at most.",
        "From the overview copy the Application (client) ID.",
    ],
    consent: "Where users of a tenant may not consent themselves, its administrator chooses Grant admin consent under API permissions, once for all mailboxes of the tenant.",
    refusals: &[
        Advice::new(
            "AADSTS50011",
            "The redirect address is not registered with the application.",
            "Add it under Authentication, platform Web, letter by letter.",
        ),
        Advice::new(
            "AADSTS500117",
            "The redirect address is by http, and not at localhost.",
            "Open this console at http://localhost, or by https, and register the address that is shown there.",
        ),
        Advice::new(
            "AADSTS65001",
            "Nobody has consented to what the application asks for.",
            "Sign in again and consent, or let an administrator of the tenant choose Grant admin consent.",
        ),
        Advice::new(
            "AADSTS90094",
            "In this tenant an administrator has to consent.",
            "Ask an administrator to choose Grant admin consent for the application.",
        ),
        Advice::new(
            "AADSTS50194",
            "The application is registered for one tenant alone.",
            "Give that tenant with the application, or allow accounts of any directory.",
        ),
        Advice::new(
            "AADSTS700016",
            "The tenant of the mailbox does not know this client ID.",
            "Check the client ID, and that the supported account types cover the mailbox.",
        ),
        Advice::new(
            "AADSTS500202",
            "Personal accounts are not among the supported account types.",
            "Allow personal accounts, or sign in with a work account.",
        ),
        Advice::new(
            "invalid_client",
            "The secret is wrong or has expired.",
            "Make a new one under Certificates & secrets and copy its Value, not the Secret ID.",
        ),
        Advice::new(
            "unauthorized_client",
            "The application may not be used for this kind of account.",
            "Check the supported account types, and the tenant.",
        ),
        Advice::new(
            "access_denied",
            "The person, or a policy of the tenant, refused.",
            "Sign in again and accept, or ask an administrator of the tenant to consent.",
        ),
        Advice::new(
            "invalid_grant",
            "The sign-in was used already, took too long, or was ended; a changed password ends it, too.",
            "Sign in again.",
        ),
    ],
};

const fn read_only(name: &'static str) -> Resource {
    Resource { name, aliases: &[], polling: Polling::Never, poller: "", scopes: &[] }
}

/// `https://outlook.office.com/mail.read` is `https://graph.microsoft.com/Mail.Read` today.
fn translate_scope(scope: &str) -> String {
    let Some((_, permission)) = scope.split_once("outlook.office.com/") else { return scope.to_owned() };
    let raised: Vec<String> = permission
        .split('.')
        .map(|word| match word.to_ascii_lowercase().as_str() {
            "readwrite" => "ReadWrite".to_owned(),
            lower => {
                lower.chars().take(1).flat_map(char::to_uppercase).chain(lower.chars().skip(1)).collect()
            }
        })
        .collect();
    format!("https://graph.microsoft.com/{}", raised.join("."))
}

#[cfg(test)]
mod tests {
    #[test]
    fn scopes_of_the_retired_api_are_translated() {
        assert_eq!(
            crate::oauth::scopes(
                super::DESCRIPTOR.authentication.sign_in().unwrap(),
                Some(
                    "offline_access https://outlook.office.com/mail.send https://outlook.office.com/mail.readwrite"
                )
            ),
            "offline_access https://graph.microsoft.com/Mail.Send https://graph.microsoft.com/Mail.ReadWrite"
        );
        assert_eq!(
            crate::oauth::scopes(super::DESCRIPTOR.authentication.sign_in().unwrap(), None),
            "offline_access https://graph.microsoft.com/Mail.Read"
        );
    }
}
