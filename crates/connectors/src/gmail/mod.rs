#![doc = include_str!("README.md")]

mod api;
mod catch_up;
mod collapse;
mod conditions;
mod cursor;
mod error;
mod history;
mod hydrate;
mod normalize;
#[cfg(test)]
mod tests;

use crate::descriptor::{Descriptor, Endpoint, OAuth, Polling, Resource};
use crate::error::{Error, Kind};
use crate::{Baseline, Call, Connector, FailedRecord, Past, Step};
use async_trait::async_trait;
use conditions::Conditions;
use cursor::Cursor;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use hydrate::Format;
use serde_json::Value;

/// Gmail.
pub(crate) struct Gmail;

static DESCRIPTOR: Descriptor = Descriptor {
    id: 6409,
    key: "gmail",
    name: "Gmail",
    description: "Add a Gmail instance to be told of new, changed and deleted messages.",
    hub: "general",
    protocol_type: "http",
    odata: false,
    api: Endpoint { variable: "CARILLON_GMAIL_API_URL", default: "https://gmail.googleapis.com" },
    oauth: OAuth {
        authorize: Endpoint {
            variable: "CARILLON_GOOGLE_AUTH_URL",
            default: "https://accounts.google.com/o/oauth2/v2/auth",
        },
        token: Endpoint {
            variable: "CARILLON_GOOGLE_TOKEN_URL",
            default: "https://oauth2.googleapis.com/token",
        },
        scopes: "https://www.googleapis.com/auth/gmail.readonly",
        // Without both, Google gives a refresh token only at the very first consent.
        authorize_parameters: &[("access_type", "offline"), ("prompt", "consent")],
        translate_scope: str::to_owned,
        required_scopes: &[],
        scope_on_refresh: false,
    },
    resources: &[
        Resource {
            name: "changed-messages",
            aliases: &["changed-message"],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/changed-messages","idField":"id"}"#,
        },
        Resource {
            name: "messages",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/messages","idField":"id"}"#,
        },
    ],
    readme: include_str!("README.md"),
};

/// What a resource's configuration asks of this connector.
struct Plan {
    format: Format,
    conditions: Conditions,
}

impl Plan {
    fn of(resource: &ResourceConfig, call_now: chrono::DateTime<chrono::Utc>) -> Result<Self, String> {
        let read = resource.read_at(call_now, call_now)?;
        if DESCRIPTOR.resource(&read.resource).is_none() {
            return Err(format!("`{}` is not a resource that Gmail polls", read.resource));
        }
        Ok(Plan {
            format: Format::parse(read.parameter("format"))?,
            conditions: Conditions::parse(read.conditions)?,
        })
    }

    fn at_poll(resource: &ResourceConfig, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, call.now)
            .map_err(|rule| Error::new(Kind::Rejected, format!("the url is broken: {rule}")))
    }
}

#[async_trait]
impl Connector for Gmail {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        Plan::of(resource, chrono::DateTime::UNIX_EPOCH).map(drop).map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, _resource: &ResourceConfig) -> Result<Baseline, Error> {
        let profile = api::profile(call).await?;
        let cursor = Cursor::at(profile.history_id).to_value();
        Ok(Baseline { cursor, identity: Some(profile.email_address.to_ascii_lowercase()) })
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        let cursor = Cursor::from_value(cursor)?;
        let plan = Plan::at_poll(resource, call)?;
        match &cursor.catch_up {
            Some(catch_up) => catch_up::step(call, &plan, &cursor, catch_up, past).await,
            None => history::step(call, &plan, &cursor, past).await,
        }
    }

    async fn recover(&self, call: &Call<'_>, cursor: &Value, past: &Past) -> Result<Step, Error> {
        catch_up::begin(call, &Cursor::from_value(cursor)?, past).await
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        let plan = Plan::at_poll(resource, call)?;
        match hydrate::read(call, &plan.format, &record.object_id).await {
            Ok(message) => Ok(catch_up::read_again(message, &plan, record)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
