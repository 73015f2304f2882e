//! What this connector is, as data.

use crate::descriptor::{Ability, Authentication, Descriptor, Endpoint, OAuth, Polling, Resource};

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
        scope_on_refresh: true,
        tenant: Some("common"),
    }),
    push: &[],
    resources: &[
        Resource {
            name: "messages",
            aliases: &["changed-messages", "changed-message"],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","updatedDateTimezone":"GMT","createdDateField":"ReceivedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","createdDateTimezone":"GMT"}}"#,
        },
        Resource {
            name: "contacts",
            aliases: &[],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/contacts?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","updatedDateTimezone":"GMT","createdDateField":"CreatedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","createdDateTimezone":"GMT"}}"#,
        },
        Resource {
            name: "events",
            aliases: &[],
            polling: Polling::Dates,
            poller: r#"{"url":"/hubs/general/events?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss.SSSSSSS'Z'","updatedDateTimezone":"GMT","createdDateField":"CreatedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss.SSSSSSS'Z'","createdDateTimezone":"GMT"}}"#,
        },
        Resource {
            name: "folders",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/folders","idField":"Id"}"#,
        },
        Resource {
            name: "calendars",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/calendars","idField":"Id"}"#,
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

const fn read_only(name: &'static str) -> Resource {
    Resource { name, aliases: &[], polling: Polling::Never, poller: "" }
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
