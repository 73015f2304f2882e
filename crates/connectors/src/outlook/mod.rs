#![doc = include_str!("README.md")]

mod api;
mod conditions;
mod cursor;
mod error;
mod fields;
mod memory;
mod normalize;
#[cfg(test)]
mod tests;
mod walk;

use crate::descriptor::{Descriptor, Endpoint, OAuth, Polling, Resource};
use crate::error::{Error, Kind};
use crate::{Baseline, Call, Connector, Past, Step};
use async_trait::async_trait;
use chrono::DateTime;
use conditions::Conditions;
use cursor::Cursor;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use fields::Selection;
use serde_json::Value;

/// Outlook mail, by Microsoft Graph.
pub(crate) struct Outlook;

static DESCRIPTOR: Descriptor = Descriptor {
    id: 6410,
    key: "outlookemail",
    name: "Outlook Email",
    description: "Add an Outlook Email instance to be told of new and changed messages.",
    hub: "general",
    protocol_type: "odata",
    odata: true,
    api: Endpoint { variable: "CARILLON_GRAPH_API_URL", default: "https://graph.microsoft.com/v1.0" },
    oauth: OAuth {
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
        translate_scope: fields::translate_scope,
        required_scopes: &["offline_access"],
        scope_on_refresh: true,
    },
    resources: &[Resource {
        name: "messages",
        aliases: &["changed-messages", "changed-message"],
        polling: Polling::Dates,
        poller: r#"{"url":"/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"Id","datesConfiguration":{"updatedDateField":"LastModifiedDateTime","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","updatedDateTimezone":"GMT","createdDateField":"ReceivedDateTime","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","createdDateTimezone":"GMT"}}"#,
    }],
    readme: include_str!("README.md"),
};

/// Steps of a baseline at the most: what changed within the overlap before it.
const BASELINE_STEPS_COUNT_MAX: usize = 40;
/// A clock that differs more from the provider's is not ours to go by, seconds.
const CLOCK_SKEW_MAX_S: i64 = 60;

/// What a resource's configuration asks of this connector, at a certain time.
struct Plan<'a> {
    resource: &'a ResourceConfig,
    conditions: Conditions,
    selection: Selection,
}

impl<'a> Plan<'a> {
    /// `since_s` is where the walk looks back to: templates must not look less far.
    fn of(resource: &'a ResourceConfig, since_s: i64, now: DateTime<chrono::Utc>) -> Result<Self, String> {
        let since = DateTime::from_timestamp(since_s, 0).unwrap_or(now);
        let read = resource.read_at(since, now)?;
        if DESCRIPTOR.resource(&read.resource).is_none() {
            return Err(format!("`{}` is not a resource that Outlook polls", read.resource));
        }
        let conditions = Conditions::parse(read.conditions)?;
        let selection = Selection::new(&read.fields, resource, conditions.roots())?;
        Ok(Plan { resource, conditions, selection })
    }

    fn at_poll(resource: &'a ResourceConfig, since_s: i64, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, since_s, call.now)
            .map_err(|rule| Error::new(Kind::Rejected, format!("the url is broken: {rule}")))
    }
}

#[async_trait]
impl Connector for Outlook {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        Plan::of(resource, 0, DateTime::UNIX_EPOCH).map(drop).map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let mut cursor = Cursor::at(call.now.timestamp());
        let mut steps = 0;
        loop {
            let plan = Plan::at_poll(resource, cursor.since(), call)?;
            let walked = walk::step(call, &plan, &cursor).await?;
            let skew = walked.server_s - call.now.timestamp();
            steps += 1;
            if steps == 1 && skew.abs() > CLOCK_SKEW_MAX_S {
                cursor = Cursor::at(walked.server_s);
            } else if walked.more && steps < BASELINE_STEPS_COUNT_MAX {
                cursor = walked.cursor;
            } else {
                let cursor = walked.cursor.settled(walked.server_s);
                return Ok(Baseline { cursor: cursor.to_value(), identity: api::inbox_id(call).await? });
            }
        }
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        _past: &Past,
    ) -> Result<Step, Error> {
        let cursor = Cursor::from_value(cursor)?;
        let plan = Plan::at_poll(resource, cursor.since(), call)?;
        let walked = walk::step(call, &plan, &cursor).await?;
        let cursor = if walked.moved { walked.cursor } else { walked.cursor.settled(walked.server_s) };
        Ok(Step {
            changes: walked.changes,
            failed: Vec::new(),
            cursor: cursor.to_value(),
            moved: walked.moved,
            more: walked.more,
            gap: None,
            halted: None,
        })
    }
}
